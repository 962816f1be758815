"""Probabilities of hits, the flag for strangers, and descriptors read off embeddings."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

import seisgeo as sg
from seisgeo import conventions, metrics
from seisgeo.errors import DataWarning, ParameterError
from seisgeo.estimators.descriptor_head import fit_head
from seisgeo.retrieval.confidence import Confidence, coherence, fit_confidence, strangers_of


@pytest.fixture(scope="module")
def unseen(small_pairs):
    return small_pairs.isel(sample=slice(600, 700))


def normalised(z):
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


def made_pairs(n, noise, rng, features=32):
    """Models on a sphere, gathers beside them: how far tells how often they are mistaken."""
    gallery = normalised(rng.normal(size=(n, features)))
    return normalised(gallery + noise * rng.normal(size=(n, features))), gallery


def by_hand(temperature=0.1, none_score=0.5):
    eye = np.eye(2)
    return Confidence(temperature, none_score, eye[0], eye, np.array([0.0, 0.0, -1.0]), -0.2, 1.0)


def test_probabilities_are_a_softmax_with_one_more_answer():
    score = np.array([[0.9, 0.5, 0.1], [0.2, 0.1, 0.0]])
    expected = softmax(np.c_[score, [0.5, 0.5]] / 0.1, axis=1)[:, :3]
    np.testing.assert_allclose(by_hand().probabilities(score), expected, rtol=1e-12)


def test_strangers_by_hand():
    flagged = by_hand().is_stranger(np.array([[1.0, 0.5], [0, 1]]), np.array([0.9, 0.1]))
    assert flagged.tolist() == [False, True]


def test_coherence_of_waves_and_of_noise():
    rng = np.random.default_rng(1)
    time = np.arange(120)[:, None]
    wave = np.exp(-(((time - 40 - 1.5 * np.arange(12)) / 4) ** 2))  # one event with moveout
    gathers = np.tile(wave, (4, 2, 1, 1)).astype(np.float32)
    gathers[1, :, :, 3] = 0  # a dead trace is no neighbour
    gathers[2] = rng.normal(size=gathers[2].shape)
    gathers[3] = 0
    found = coherence(gathers)
    assert found[0] > 0.95
    assert found[1] > 0.95
    assert found[2] < 0.3
    assert found[3] == 0
    # Neither strength nor a delay of the whole record matters.
    moved = np.roll(7 * gathers[:1], 20, axis=2)
    np.testing.assert_allclose(coherence(moved), found[:1], atol=0.01)


@pytest.mark.parametrize("noise", [0.2, 0.35])
def test_what_is_stated_is_found(noise):
    rng = np.random.default_rng(3)
    held = made_pairs(1000, noise, rng)
    known = made_pairs(1000, noise, rng)[0]
    strangers = normalised(rng.normal(size=(300, 32)))
    coherent = rng.uniform(0.6, 1, 1000), rng.uniform(0, 0.4, 300)
    fitted = fit_confidence(*held, strangers, known, coherent)
    # Others of the kind, half of them with their own model taken out of the gallery.
    query, gallery = made_pairs(1000, noise, rng)
    score = query @ gallery.T
    score[np.arange(500), np.arange(500)] = -1
    best = score.argmax(axis=1)
    stated = fitted.probabilities(score)[np.arange(1000), best]
    right = best == np.arange(1000)
    assert abs(stated.mean() - right.mean()) < 0.03
    assert metrics.expected_calibration_error(stated, right) < 0.05
    # Raw cosines as probabilities are far off: the test can tell.
    assert metrics.expected_calibration_error(score.max(axis=1), right) > 0.1


def test_strangers_are_made_of_gathers_and_are_none():
    rng = np.random.default_rng(0)
    gathers = rng.normal(size=(9, 2, 64, 8)).cumsum(axis=2).astype(np.float32)
    strange = strangers_of(gathers, rng)
    spectra = [np.abs(np.fft.rfft(a[1::3], axis=2)) for a in (gathers, strange)]
    np.testing.assert_allclose(spectra[0][:, :, 1:-1], spectra[1][:, :, 1:-1], rtol=1e-3)
    np.testing.assert_array_equal(np.sort(strange[2::3]), np.sort(gathers[2::3]))
    assert not any(np.array_equal(a, b) for a, b in zip(gathers, strange, strict=True))


def test_noise_and_traces_out_of_order_are_flagged(small_model, small_pairs, unseen):
    rng = np.random.default_rng(5)
    amplitude = unseen["amplitude"]
    white = rng.normal(size=amplitude.shape).astype(np.float32)
    shuffled = np.stack([a[..., rng.permutation(a.shape[-1])] for a in amplitude.values])
    flags = {
        name: float(
            small_model.retrieve(
                unseen.assign(amplitude=(amplitude.dims, values)), small_pairs, k=3
            )["stranger"].mean()
        )
        for name, values in {
            "white": white, "shuffled": shuffled, "gathers": amplitude.values
        }.items()
    }  # fmt: skip
    assert flags["white"] > 0.95
    assert flags["shuffled"] > 0.7
    assert flags["gathers"] < 0.15


def test_a_hit_comes_with_its_probability(small_model, small_pairs, unseen):
    hits = small_model.retrieve(unseen, unseen, k=5)
    p = hits["probability"].values
    assert p.shape == hits["score"].shape
    assert (np.diff(p, axis=1) <= 1e-6).all()
    assert (p.sum(axis=1) <= 1 + 1e-6).all()
    # The number of hits shown does not change what each is worth.
    one = small_model.retrieve(unseen, unseen, k=1)["probability"].values
    np.testing.assert_allclose(one[:, 0], p[:, 0], rtol=1e-5)
    # Where the own model is there, the hits are worth more than where it is not.
    away = small_model.retrieve(unseen, small_pairs.isel(sample=slice(500, 600)), k=5)
    assert p.sum(axis=1).mean() > away["probability"].values.sum(axis=1).mean() + 0.02
    assert "probability" not in small_model.retrieve(unseen, unseen, k=5, modality="velocity")


def test_calibration_is_saved_with_the_model(small_model, small_pairs, unseen, tmp_path):
    small_model.save(tmp_path / "m.seisbind")
    loaded = sg.load(tmp_path / "m.seisbind")
    few = unseen.isel(sample=slice(8))
    for name in ("probability", "stranger"):
        np.testing.assert_array_equal(
            loaded.retrieve(few, small_pairs)[name], small_model.retrieve(few, small_pairs)[name]
        )
    read, expected = loaded.infer_descriptors(few), small_model.infer_descriptors(few)
    for name in ("descriptor_value", "descriptor_low", "descriptor_high"):
        np.testing.assert_array_equal(read[name], expected[name])


def test_calibrating_later(small_pairs, unseen):
    few = small_pairs.isel(sample=slice(60))
    settings = {"max_epochs": 1, "device": "cpu", "random_state": 0, "verbose": False}
    model = sg.SeisBind(validation_fraction=0, **settings).fit(few)
    assert model.confidence_ is None
    assert "probability" not in model.retrieve(few, few)
    with pytest.raises(ParameterError, match=r"neighbours only: give a gallery=, or calibrate"):
        model.infer_descriptors(few)
    before = model.model_id_
    model.calibrate(unseen)
    assert model.model_id_ == before
    assert "probability" in model.retrieve(few, few)
    with pytest.raises(ParameterError, match="at least 20 samples of each part, found 5 and 5"):
        model.calibrate(unseen.isel(sample=slice(10)))


# -------------------------------------------------------------------------- descriptors


def test_intervals_hold_where_the_noise_is_known():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3000, 16))
    z[:, 0] = np.where(np.arange(3000) % 2, 4, -4)
    z = normalised(z)
    noise = 0.05 + 0.5 * (z[:, :1] > 0)  # ten times as uncertain on one side
    values = 100 + 40 * (z[:, 1:2] + noise * rng.normal(size=(3000, 1)))
    head = fit_head(z[:1500, None], values[:1500], seed=0)
    head.widen(z[1500:2200, None], values[1500:2200])
    low, middle, high = head.predict(z[2200:, None])
    true = values[2200:]
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(0.9, abs=0.04)
    wide, narrow = (high - low)[noise[2200:] > 0.3], (high - low)[noise[2200:] < 0.3]
    assert np.median(wide) > 3 * np.median(narrow)
    # The median is the best one can say: as far off as the noise itself.
    best = 40 * noise[2200:] * np.sqrt(2 / np.pi)
    assert np.abs(middle - true).mean() < 1.3 * best.mean()


def test_nothing_is_told_that_no_training_model_had():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2000, 1, 4))
    # Both signs, a third of them zero; and one that never changes.
    zero = rng.random(2000) < 1 / 3
    values = np.stack([np.where(zero, 0, 0.2 * z[:, 0, 0]), np.full(2000, 7.0)], axis=1)
    head = fit_head(z[:1000], values[:1000], seed=0)
    head.widen(z[1000:1500], values[1000:1500])
    low, middle, high = head.predict(z[1500:])
    assert np.corrcoef(middle[:, 0], z[1500:, 0, 0])[0, 1] > 0.9
    np.testing.assert_allclose(middle[:, 1], 7, rtol=1e-6)
    assert ((low <= middle) & (middle <= high)).all()
    least, most = values[:1000].min(axis=0), values[:1000].max(axis=0)
    far = head.predict(100 * z[1500:])
    assert (far >= least - 1e-6).all()
    assert (far <= most + 1e-6).all()


def test_copies_of_a_gather_are_averaged():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(600, 2, 4))
    values = 10 + z.mean(axis=1)[:, :1]
    head = fit_head(z[:400], values[:400], seed=0)
    np.testing.assert_allclose(head.predict(z), head.predict(z[:, ::-1]), rtol=1e-5)
    once = np.abs(head.predict(z[400:, :1])[1] - values[400:]).mean()
    assert np.abs(head.predict(z[400:])[1] - values[400:]).mean() < 0.8 * once


def test_descriptors_of_unseen_gathers(small_model, small_pairs, unseen):
    physics = small_model.infer_descriptors(unseen)
    conventions.validate(physics, "physics", values=True)
    true = unseen["descriptor_value"].sel(descriptor=physics["descriptor"])
    low, high = physics["descriptor_low"], physics["descriptor_high"]
    inside = ((true >= low) & (true <= high)).mean("sample")
    assert 0.8 < float(inside.mean()) <= 1
    assert float(((high - low) > 0).mean()) == 1
    # Much better than to tell the training set's median of everything, though one shot says little.
    error = np.abs(physics["descriptor_value"] - true).mean("sample")
    known = small_pairs["descriptor_value"].isel(sample=slice(600)).sel(descriptor=true.descriptor)
    blind = np.abs(known.median("sample") - true).mean("sample")
    assert float((error / blind).mean()) < 0.75
    errors = metrics.descriptor_errors(physics["descriptor_value"], true)
    assert errors["mean_velocity"]["relative"] < 0.1
    assert errors["upper_velocity"]["over_iqr"] < 0.3
    assert str(physics["units"].values[0]) == "m/s"


def test_a_mirrored_earth_has_the_same_descriptors(small_model, unseen):
    turned = unseen.assign(
        amplitude=(unseen["amplitude"].dims, unseen["amplitude"].values[:, ::-1, :, ::-1])
    )
    here, there = (small_model.infer_descriptors(ds) for ds in (unseen, turned))
    for name in ("descriptor_value", "descriptor_low", "descriptor_high"):
        np.testing.assert_allclose(here[name], there[name], rtol=1e-4, atol=1e-3)


def test_samples_are_read_alone_as_together(small_model, unseen):
    together = small_model.infer_descriptors(unseen)
    order = np.random.default_rng(0).permutation(unseen.sizes["sample"])[:7]
    some = small_model.infer_descriptors(unseen.isel(sample=order).chunk(sample=2))
    np.testing.assert_allclose(
        some["descriptor_value"], together["descriptor_value"][order], rtol=1e-3, atol=1e-3
    )


def test_a_survey_that_is_not_even_is_read_once(small_model, unseen, small_survey, monkeypatch):
    from seisgeo.estimators.embedding import features_of_samples

    both = features_of_samples(small_model, unseen)
    assert both.shape == (100, 2, 256)
    one_sided = dataclasses.replace(small_survey, source_x=(20.0,))
    monkeypatch.setattr(small_model, "survey_", one_sided)
    once = features_of_samples(small_model, unseen)
    np.testing.assert_allclose(once, both[:, :1], rtol=1e-4, atol=1e-4)


def test_calibrating_again_keeps_the_head_and_moves_the_intervals(small_model, unseen, tmp_path):
    small_model.save(tmp_path / "m.seisbind")
    model = sg.load(tmp_path / "m.seisbind").set_params(device="cpu")
    before = model.infer_descriptors(unseen)
    model.calibrate(unseen)
    after = model.infer_descriptors(unseen)
    np.testing.assert_array_equal(after["descriptor_value"], before["descriptor_value"])
    assert (after["descriptor_low"] != before["descriptor_low"]).any()


def test_a_head_of_an_earlier_version_is_left_out(small_model, unseen, tmp_path, monkeypatch):
    import torch

    earlier = {"mean": torch.zeros(15), "network.0.weight": torch.zeros(256, 256)}
    monkeypatch.setattr(small_model, "head_", SimpleNamespace(state_dict=lambda: earlier))
    small_model.save(tmp_path / "m.seisbind")
    with pytest.warns(DataWarning, match=r"earlier version .* left out: calibrate"):
        model = sg.load(tmp_path / "m.seisbind")
    np.testing.assert_array_equal(
        model.transform(unseen)["embedding"], small_model.transform(unseen)["embedding"]
    )
    with pytest.raises(ParameterError, match="neighbours only"):
        model.infer_descriptors(unseen)
