import math

import pytest
import torch

from seisgeo.losses import LOSSES, LogitScale, info_nce, near_copies, nt_xent, sigmoid


def test_value_by_hand():
    # Two pairs, cosines 1 and 0 crosswise, scale 2: each row is -ln(e^2 / (e^2 + 1)).
    a = torch.eye(2)
    assert float(info_nce(a, a, 2.0)) == pytest.approx(-math.log(math.e**2 / (math.e**2 + 1)))


def test_rows_and_columns_count_alike():
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 3), dim=1) for _ in range(2))
    assert float(info_nce(a, b, 7.0)) == pytest.approx(float(info_nce(b, a, 7.0)), rel=1e-6)
    logits = (7.0 * a @ b.T).double()
    rows = -torch.log_softmax(logits, 1).diagonal().mean()
    columns = -torch.log_softmax(logits, 0).diagonal().mean()
    assert float(info_nce(a, b, 7.0)) == pytest.approx(float((rows + columns) / 2), rel=1e-5)


def test_no_information_costs_log_of_the_batch():
    a = torch.ones(8, 4) / 2
    assert float(info_nce(a, a, 10.0)) == pytest.approx(math.log(8))


def test_scale_is_clamped():
    scale = LogitScale(0.07)
    assert float(scale().detach()) == pytest.approx(1 / 0.07)
    for value, expected in ((50.0, 100.0), (-50.0, 1.0)):
        scale.log_scale.data.fill_(value)
        assert float(scale().detach()) == pytest.approx(expected)


def test_half_precision_around_it_does_not_round_the_logits():
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(64, 16), dim=1) for _ in range(2))
    with torch.autocast("cpu", torch.bfloat16):
        inside = info_nce(a, b, 100.0)
    assert float(inside) == float(info_nce(a, b, 100.0))


def test_sigmoid_value_by_hand():
    # Cosines 1 on the diagonal and 0 off it, scale 2, bias -1: logits 1 and -1, and -(-1) = 1.
    # Each of the four pairs costs ln(1 + e^-1); the sum goes over the batch of two.
    a = torch.eye(2)
    assert float(sigmoid(a, a, 2.0, -1.0)) == pytest.approx(2 * math.log(1 + math.exp(-1)))
    # Opposite embeddings, scale 3, no bias: matching pairs cost ln(1 + e^3), the others ln 2.
    expected = math.log(1 + math.exp(3)) + math.log(2)
    assert float(sigmoid(a, -a, 3.0, 0.0)) == pytest.approx(expected)


def test_copies_are_no_negatives():
    # Rows 0 and 1 are one model: row 0 has one negative, row 2, at cosine 0, scale 2.
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    same = near_copies(a, 0.1)
    assert same.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    twin = -math.log(math.e**2 / (math.e**2 + 1))  # against one negative
    alone = -math.log(math.e**2 / (math.e**2 + 2))  # against two
    assert float(info_nce(a, a, 2.0, same)) == pytest.approx((2 * twin + alone) / 3)
    assert float(info_nce(a, a, 2.0)) > float(info_nce(a, a, 2.0, same)) + 0.2
    matching, other = math.log(1 + math.exp(-2)), math.log(2)  # four pairs with row 2 are left
    assert float(sigmoid(a, a, 2.0, 0.0, same)) == pytest.approx((3 * matching + 4 * other) / 3)


def test_hard_negatives_by_hand():
    # Scale 1. Row 0 has cosines 1 and 0 with the batch and -1 with the other; row 1 has 0, 1, 0.
    a, other = torch.eye(2), torch.tensor([[-1.0, 0.0]])
    rows = math.log(math.e + 1 + 1 / math.e) + math.log(math.e + 2) - 2
    columns = 2 * math.log(math.e + 1) - 2  # to these, the other means nothing
    expected = (rows / 2 + columns / 2) / 2
    assert float(info_nce(a, a, 1.0, others=other)) == pytest.approx(expected)
    four = 2 * math.log(1 + math.exp(-1)) + 2 * math.log(2)
    judged = math.log(1 + math.exp(-1)) + math.log(2)  # logits -1 and 0, and neither belongs
    assert float(sigmoid(a, a, 1.0, 0.0, others=other)) == pytest.approx((four + judged) / 2)
    # Row 0 alone is asked to tell the other from its own.
    worth = torch.tensor([1.0, 0.0])
    rows = math.log(math.e + 1 + 1 / math.e) + math.log(math.e + 1) - 2
    expected = (rows / 2 + columns / 2) / 2
    assert float(info_nce(a, a, 1.0, others=other, worth=worth)) == pytest.approx(expected)
    judged = math.log(1 + math.exp(-1))
    found = float(sigmoid(a, a, 1.0, 0.0, others=other, worth=worth))
    assert found == pytest.approx((four + judged) / 2)
    # And as a half, it counts half as much as another row.
    half = math.log(math.e + 1 + 0.5 / math.e) + math.log(math.e + 1.5) - 2
    found = float(info_nce(a, a, 1.0, others=other, worth=torch.tensor([0.5, 0.5])))
    assert found == pytest.approx((half / 2 + columns / 2) / 2)


def test_a_batch_of_one_model_costs_nothing():
    a = torch.nn.functional.normalize(torch.randn(4, 3), dim=1).requires_grad_()
    loss = info_nce(a, a, 10.0, torch.ones(4, 4, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(a.grad).all()


def test_near_copies_are_told_by_their_rms_difference():
    torch.manual_seed(0)
    model = 1500 + 3000 * torch.rand(70, 70)
    batch = torch.stack([model, model + 9.9, model + 10.1, model.flip(0)])
    near = near_copies(batch, 10.0)
    exact = (batch[:, None] - batch[None]).double().square().mean(dim=(2, 3)).sqrt() <= 10
    assert torch.equal(near, exact)
    assert near[0].tolist() == [True, True, False, False]


@pytest.mark.parametrize("loss", [info_nce, lambda a, b, s, m: sigmoid(a, b, s, -3.0 * s, m)])
def test_gradients_are_those_of_finite_differences(loss):
    torch.manual_seed(1)
    a, b = (torch.randn(5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    scale = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    same = torch.eye(5, dtype=torch.bool)
    same[0, 3] = same[3, 0] = True

    def of_unit_vectors(a, b, scale):
        unit = (torch.nn.functional.normalize(x, dim=1) for x in (a, b))
        return loss(*unit, scale, same)

    assert torch.autograd.gradcheck(of_unit_vectors, (a, b, scale))


def test_losses_by_name_learn_their_temperature_and_bias():
    a = torch.eye(6)
    for name, parameters in (("info_nce", 1), ("sigmoid", 2)):
        module = LOSSES[name](0.1)
        module(a, a).backward()
        assert len(list(module.parameters())) == parameters
        assert all(p.grad is not None and p.grad.abs() > 0 for p in module.parameters())
    assert float(LOSSES["sigmoid"](0.1)(a, a).detach()) == pytest.approx(
        float(sigmoid(a, a, 10.0, -10.0)), rel=1e-5
    )


def test_nt_xent_by_hand():
    # Two samples whose copies are equal, at right angles, temperature 1/2: each copy sees its
    # partner at e^2 and two others at e^0.
    a = torch.eye(2)
    expected = -math.log(math.e**2 / (math.e**2 + 2))
    assert float(nt_xent(a, a, 0.5)) == pytest.approx(expected)


def test_nt_xent_by_sums():
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 3), dim=1) for _ in range(2))
    both = torch.cat([a, b]).tolist()
    total = 0.0
    for i in range(10):
        similar = [
            math.exp(sum(x * y for x, y in zip(both[i], other, strict=True)) / 0.2)
            for other in both
        ]
        total -= math.log(similar[(i + 5) % 10] / (sum(similar) - similar[i]))
    assert float(nt_xent(a, b, 0.2)) == pytest.approx(total / 10, rel=1e-5)
    same = torch.ones(8, 4) / 2
    assert float(nt_xent(same, same, 0.1)) == pytest.approx(math.log(15))


def test_nt_xent_does_not_contrast_copies_of_one_event():
    # Rows 0 and 1 are one event: their copies lie at e^2 to their own partner, to each other at
    # nothing that counts, and see row 2 twice at e^0. Row 2 sees all four of them at e^0.
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    event = -math.log(math.e**2 / (math.e**2 + 2))
    alone = -math.log(math.e**2 / (math.e**2 + 4))
    assert float(nt_xent(a, a, 0.5, same)) == pytest.approx((2 * event + alone) / 3)
    # Contrasted, each of them would see the other's two copies at e^2, too.
    apart = -math.log(math.e**2 / (3 * math.e**2 + 2))
    assert float(nt_xent(a, a, 0.5)) == pytest.approx((2 * apart + alone) / 3)


def test_nt_xent_with_events_does_not_depend_on_order():
    torch.manual_seed(2)
    a, b = (torch.nn.functional.normalize(torch.randn(6, 3), dim=1) for _ in range(2))
    group = torch.tensor([0, 1, 1, 2, 0, 1])
    value = float(nt_xent(a, b, 0.2, group[:, None] == group))
    order = torch.randperm(6)
    moved = group[order]
    assert float(nt_xent(a[order], b[order], 0.2, moved[:, None] == moved)) == pytest.approx(value)
    assert float(nt_xent(b, a, 0.2, group[:, None] == group)) == pytest.approx(value)
    none = torch.eye(6, dtype=torch.bool)
    assert float(nt_xent(a, b, 0.2, none)) == float(nt_xent(a, b, 0.2))
    # All of one event: nothing to be told from.
    a.requires_grad_()
    nothing = nt_xent(a, b, 0.2, torch.ones(6, 6, dtype=torch.bool))
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert torch.isfinite(a.grad).all()
