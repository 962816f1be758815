"""Encoders: what must not move an embedding, and what may differ from the training survey."""

import dataclasses

import numpy as np
import pytest
import torch

import seisgeo as sg
from seisgeo.encoders import ENCODERS, ShotEncoder
from seisgeo.encoders.thinning import decimate
from seisgeo.errors import ConventionError, SurveyMismatchError


@pytest.fixture(scope="module")
def pairs():
    """Twelve models under four sources and ten receivers."""
    survey = sg.synth.Survey(
        source_x=(10.0, 80.0, 150.0, 220.0),
        source_depth=(10.0,) * 4,
        receiver_x=(tuple(np.arange(0, 240, 24.0)),) * 4,
        receiver_depth=((10.0,) * 10,) * 4,
        dt=0.002,
        nt=100,
        peak_frequency=20.0,
        peak_time=0.05,
        grid_spacing=10.0,
        model_shape=(24, 24),
    )
    return sg.synth.generate(
        "curvevel-a", 12, survey=survey, seed=2, device="cpu", workers=1, progress=False
    )


@pytest.fixture(scope="module")
def model(pairs):
    settings = {"batch_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return sg.SeisBind("shots", verbose=False, **settings).fit(pairs)


def test_the_order_of_shots_and_receivers_does_not_matter(model, pairs):
    expected = model.transform(pairs)["embedding"]
    random = np.random.default_rng(0)
    for dim in ("source", "receiver"):
        turned = pairs.isel({dim: random.permutation(pairs.sizes[dim])})
        np.testing.assert_allclose(model.transform(turned)["embedding"], expected, atol=1e-5)
    # It is the positions that count: the same traces elsewhere are another record.
    moved = pairs.assign_coords(source_x=pairs["source_x"][::-1])
    moved["source_x"].attrs["units"] = "m"
    assert float(abs(model.transform(moved)["embedding"] - expected).max()) > 1e-3


def test_the_order_of_receivers_makes_no_stranger(pairs, monkeypatch):
    from seisgeo.estimators import calibration
    from seisgeo.estimators.embedding import coherence_of

    random = np.random.default_rng(0)
    order = random.permutation(pairs.sizes["receiver"])
    settings = {"batch_size": 6, "max_epochs": 1, "random_state": 0, "device": "cpu"}
    model = sg.SeisBind("shots", verbose=False, augment=False, **settings).fit(pairs)
    mixed = pairs.isel(receiver=order)
    np.testing.assert_allclose(coherence_of(model, mixed), coherence_of(model, pairs), rtol=1e-5)
    # And calibration is that of the gathers' own positions, not of those of the training set.
    monkeypatch.setattr(calibration, "LEAST", 4)
    found = []
    for part in (pairs, mixed, pairs.isel(source=[0, 3], receiver=slice(0, 7))):
        model.head_ = model.confidence_ = None
        found.append(model.calibrate(part).confidence_.mean)
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    assert found[2].shape == found[0].shape


def test_any_number_of_shots_and_receivers(model, pairs):
    whole = model.transform(pairs)["embedding"]
    for part in (pairs.isel(source=[2]), pairs.isel(source=[0, 3], receiver=slice(0, 7))):
        z = model.transform(part)["embedding"]
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
        assert float((z * whole).sum("feature").min()) > 0.5
    doubled = model.transform(pairs.isel(source=[0, 0, 1, 1, 2, 2, 3, 3]))["embedding"]
    np.testing.assert_allclose(doubled, whole, atol=1e-5)
    hits = model.retrieve(pairs.isel(source=[1]), pairs, k=2)
    assert hits["amplitude"].sizes["source"] == 1


def test_sampling_and_wavelet_must_still_be_the_models(model, pairs):
    survey = sg.synth.Survey.from_attrs(pairs)
    other = pairs.assign_attrs(survey=dataclasses.replace(survey, peak_frequency=9.0).to_json())
    with pytest.raises(SurveyMismatchError, match=r"peak_frequency: 20\.0 Hz against 9\.0 Hz"):
        model.transform(other)
    moved = dataclasses.replace(survey, source_x=(0.0, 70.0, 140.0, 210.0))
    model.transform(pairs.assign_attrs(survey=moved.to_json()))
    with pytest.raises(SurveyMismatchError, match="time"):
        model.transform(pairs.isel(time=slice(50)))


def test_positions_that_are_missing_are_named(model, pairs):
    with pytest.raises(ConventionError, match="this dataset lacks source_x"):
        model.transform(pairs.drop_vars("source_x"))


def test_a_model_of_shots_is_saved_with_its_positions(model, pairs, tmp_path):
    model.save(tmp_path / "a.seisbind")
    loaded = sg.load(tmp_path / "a.seisbind")
    assert loaded.model_id_ == model.model_id_
    part = pairs.isel(source=[1, 2])
    np.testing.assert_array_equal(
        loaded.transform(part)["embedding"], model.transform(part)["embedding"]
    )


def test_gain_and_a_batch_do_not_move_an_embedding():
    torch.manual_seed(0)
    encoder = ShotEncoder(3, 100, 12, ENCODERS["shots"], 32).eval()
    source = torch.tensor([[0.0, 10.0], [50.0, 10.0], [100.0, 10.0]])
    x = torch.linspace(0, 110, 12)
    encoder.place(source, torch.stack([x, torch.full((12,), 5.0)], dim=-1).expand(3, -1, -1))
    gathers = torch.randn(4, 3, 100, 12)
    with torch.no_grad():
        z = encoder(gathers)
        torch.testing.assert_close(encoder(1e5 * gathers), z, atol=1e-4, rtol=0)
        torch.testing.assert_close(encoder(gathers[1:2])[0], z[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("factor", [2, 4, 7])
def test_decimation_keeps_what_the_new_sampling_can_hold_and_nothing_else(factor):
    n = torch.arange(1400, dtype=torch.float64)

    def wave(frequency):  # of the new Nyquist frequency
        return torch.sin(torch.pi * frequency / factor * n + 0.3)[None, None, :, None]

    inside = slice(10, -10)
    kept = decimate(wave(0.5), factor)[0, 0, inside, 0]
    torch.testing.assert_close(kept, wave(0.5)[0, 0, ::factor, 0][inside], atol=0.02, rtol=0)
    gone = decimate(wave(1.5), factor)[0, 0, inside, 0]
    assert float(gone.abs().max()) < 0.02
    assert decimate(torch.ones(1, 2, 30, 3), factor).allclose(torch.ones(()))
