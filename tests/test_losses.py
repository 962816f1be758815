import math

import pytest
import torch

from seisgeo.losses import LogitScale, info_nce, nt_xent


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
