"""Asked by descriptors of which some are uncertain, unknown, or wrong."""

import numpy as np
import pytest
import torch
import xarray as xr

import seisgeo as sg
from seisgeo.descriptors import DESCRIPTORS, compute, given
from seisgeo.encoders import PhysicsEncoder
from seisgeo.errors import ConventionError, DataWarning, ParameterError
from seisgeo.metrics import pair_ranks

DIMS = ("sample", "descriptor")


@pytest.fixture(scope="module")
def shipped():
    return sg.SeisBind.from_pretrained("openfwi-small").set_params(device="cpu")


@pytest.fixture(scope="module")
def models():
    families = ("curvefault-a", "flatvel-b")
    return xr.concat([sg.synth.draw_velocity(f, 150, seed=77) for f in families], "sample")


def embedded(model, cube):
    return model.transform(cube, "physics")["embedding"].values


def among_ten(model, cube, target):
    return float(np.mean(pair_ranks(embedded(model, cube), target) <= 10))


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = PhysicsEncoder(4, 8)
    encoder.learn(torch.randn(50, 4) * 3 + 7)
    torch.nn.init.normal_(encoder.doubt.weight)
    return encoder.eval()


def test_certain_descriptors_are_those_without_doubt(encoder):
    values = torch.randn(5, 4) * 3 + 7
    certain = torch.cat([values, torch.zeros(5, 4)], dim=1)
    torch.testing.assert_close(encoder(certain), encoder(values), rtol=0, atol=0)


def test_what_is_unknown_does_not_matter_and_what_is_doubtful_matters_less(encoder):
    values, std = torch.full((3, 4), 7.0), torch.zeros(3, 4)
    values[1:, 2] += 3.0
    std[:, 2] = torch.tensor([torch.inf, torch.inf, 0.0])
    std[:2, 0] = 3.0
    embedding = encoder(torch.cat([values, std], dim=1))
    torch.testing.assert_close(embedding[0], embedding[1], rtol=0, atol=0)
    apart = [
        (encoder(torch.cat([values[:1], s], dim=1)) - encoder(torch.cat([values[2:], s], dim=1)))
        .norm()
        .item()
        for s in (torch.zeros(1, 4), torch.full((1, 4), 3.0), torch.full((1, 4), 300.0))
    ]
    assert apart[0] > apart[1] > apart[2]


def test_gradients_are_finite_where_something_is_unknown(encoder):
    rows = torch.cat([torch.randn(3, 4), torch.full((3, 4), torch.inf)], dim=1)
    encoder(rows).sum().backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in encoder.parameters())


def test_models_are_found_by_a_third_of_their_descriptors(shipped, models):
    true = compute(models)
    target = shipped.transform(models, "velocity")["embedding"].values
    random = np.random.default_rng(0)
    unknown = random.random(true["descriptor_value"].shape).argsort(axis=1) >= 5
    values = true["descriptor_value"].values
    asked = true.assign(descriptor_value=(DIMS, np.where(unknown, np.nan, values)))
    filled = true.assign(
        descriptor_value=(DIMS, np.where(unknown, values.mean(axis=0), values).astype(np.float32))
    )
    found, guessed = (
        float(np.mean(pair_ranks(embedded(shipped, cube), target) <= 10))
        for cube in (asked, filled)
    )
    assert found > 0.6  # of 300 models
    assert found > guessed + 0.3


def test_errors_that_are_admitted_cost_less(shipped, models):
    true = compute(models)
    target = shipped.transform(models, "velocity")["embedding"].values
    values = true["descriptor_value"].values
    std = np.broadcast_to(0.5 * values.std(axis=0), values.shape)
    random = np.random.default_rng(1)
    wrong = (values + std * random.standard_normal(values.shape)).astype(np.float32)
    silent = true.assign(descriptor_value=(DIMS, wrong))
    honest = silent.assign(descriptor_std=(DIMS, std))
    found, lost = (among_ten(shipped, cube, target) for cube in (honest, silent))
    assert found > lost + 0.05


def test_what_is_given_by_hand_is_found(shipped, models):
    known = compute(models)["descriptor_value"]
    row = known.isel(sample=17)
    asked = given(
        **{name: (float(row.sel(descriptor=name)), 1e-3) for name in list(DESCRIPTORS)[::-1]}
    )
    hits = shipped.retrieve(asked, models, k=3)
    assert 17 in hits["gallery_index"].values[0]


def test_training_learns_doubt_and_a_file_keeps_it(small_pairs, tmp_path):
    few = small_pairs.isel(sample=slice(60))
    settings = {"max_epochs": 1, "device": "cpu", "random_state": 0, "verbose": False}
    model = sg.SeisBind(**settings).fit(few)
    assert model.encoders_["physics"].knows_doubt
    model.save(tmp_path / "m.seisbind")
    asked = given(mean_velocity=(2600.0, 100.0))
    np.testing.assert_array_equal(
        embedded(sg.load(tmp_path / "m.seisbind"), asked), embedded(model, asked)
    )
    certain = sg.SeisBind(augment=False, **settings).fit(few)
    with pytest.warns(DataWarning, match="has not learned from uncertain descriptors"):
        embedded(certain, asked)


def test_a_file_from_before_doubt_opens(small_model, small_pairs, tmp_path, monkeypatch):
    from seisgeo.estimators import seisbind_file

    whole = seisbind_file.contents

    def before(model):
        tensors, learned = whole(model)
        return {k: v for k, v in tensors.items() if k != "physics.doubt.weight"}, learned

    monkeypatch.setattr(seisbind_file, "contents", before)
    small_model.save(tmp_path / "old.seisbind")
    old = sg.load(tmp_path / "old.seisbind")
    assert not old.encoders_["physics"].knows_doubt
    some = small_pairs.isel(sample=slice(5))
    np.testing.assert_array_equal(embedded(old, some), embedded(small_model, some))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.assign_coords(descriptor=["mean_velocty", "velocity_std"]), "mean_velocty"),
        (
            lambda c: c.assign(descriptor_std=-c["descriptor_value"]),
            r"zero or more .* found -2000 for 'mean_velocity' of sample 0",
        ),
        (
            lambda c: c.assign(descriptor_std=c["descriptor_value"] * np.nan),
            r"zero or more .* found nan for 'mean_velocity' of sample 0",
        ),
        (
            lambda c: c.assign(descriptor_value=c["descriptor_value"] * np.inf),
            "'descriptor_value': .* NaN or infinite",
        ),
        (
            lambda c: c.where(c["descriptor_value"] < 2500),
            "nothing is known of 1 of 2 samples, the first is sample 1",
        ),
        (
            lambda c: c.assign(descriptor_std=c["descriptor_value"].isel(descriptor=0)),
            r"'descriptor_std': expected dimensions \('sample', 'descriptor'\)",
        ),
    ],
)
def test_bad_descriptors_are_named(shipped, change, message):
    cube = given(mean_velocity=[2000.0, 3000.0], velocity_std=[300.0, 3000.0])
    with pytest.raises(ConventionError, match=message):
        shipped.transform(change(cube), "physics")


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({}, "expected descriptors of mean_velocity, .*; found nothing"),
        ({"vp": 2000.0}, "found vp"),
        ({"mean_velocity": (2000.0, -1.0)}, "mean_velocity: the standard deviation is negative"),
        ({"mean_velocity": (1.0, 2.0, 3.0)}, "mean_velocity: .* found a tuple of 3"),
        ({"mean_velocity": [1.0, 2.0], "velocity_std": [1.0, 2.0, 3.0]}, r"length, found \[2, 3\]"),
    ],
)
def test_what_cannot_be_given(known, message):
    with pytest.raises(ParameterError, match=message):
        given(**known)
