"""Going on with a trained model on other data."""

import copy
import dataclasses
import warnings

import numpy as np
import pytest
import torch

import seisgeo as sg
from seisgeo.errors import DataWarning, OutputExistsError, ParameterError
from seisgeo.synth import generate

# At a learning rate of zero a model keeps what it begins with.
STILL = {"max_epochs": 1, "learning_rate": 0.0, "warm_start": True, "verbose": False}


@pytest.fixture(scope="module")
def few(small_pairs):
    return small_pairs.isel(sample=slice(40))


@pytest.fixture(scope="module", params=["small", "shots"])
def trained(request, few):
    settings = {"max_epochs": 2, "random_state": 0, "device": "cpu", "verbose": False}
    return sg.SeisBind(request.param, **settings).fit(few)


def test_a_warm_start_begins_with_all_weights(trained, small_pairs):
    model = copy.deepcopy(trained).set_params(**STILL, random_state=7)
    other = small_pairs.isel(sample=slice(40, 90))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        assert model.fit(other).model_id_ == trained.model_id_
    # Without it, a fit begins anew, as scikit-learn's do.
    assert model.set_params(warm_start=False).fit(other).model_id_ != trained.model_id_
    # And the first fit has nothing to begin with.
    fresh = sg.SeisBind(**STILL, device="cpu").fit(other)
    assert fresh.history_[0]["learning_rate"] == 0


def test_another_survey_takes_what_fits(trained, small_survey):
    x = (60.0, 110.0, 160.0)
    survey = dataclasses.replace(
        small_survey,
        source_x=x,
        source_depth=(10.0,) * 3,
        receiver_x=(tuple(15.0 * i for i in range(12)),) * 3,
        receiver_depth=((10.0,) * 12,) * 3,
        nt=140,
    )
    pairs = generate(
        "flatvel-a", 30, survey=survey, seed=2, device="cpu", workers=1, progress=False
    )
    model = copy.deepcopy(trained).set_params(**STILL, random_state=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        model.fit(pairs)
    assert model.shapes_["seismic"] == (3, 140, 12)
    before, after = trained.encoders_.state_dict(), model.encoders_.state_dict()
    kept = [k for k in after if before[k].shape == after[k].shape and "receiver" not in k]
    kept = [k for k in kept if k != "seismic.source"]
    assert len(kept) > 0.9 * len(after)
    if trained.encoder == "small":  # each of three sources has a third of what the one had
        first = "seismic.network.stem.0.weight"
        torch.testing.assert_close(after[first], before[first].expand(-1, 3, -1, -1) / 3)
    for name in kept:
        assert torch.equal(before[name], after[name]), name
    assert model.transform(pairs).embedding.shape == (30, 256)


@pytest.fixture(scope="module")
def wide(small_survey):
    """Pairs of models with more than twice as many columns."""
    survey = dataclasses.replace(small_survey, model_shape=(24, 60))
    return generate("flatvel-a", 30, survey=survey, seed=2, device="cpu", workers=1, progress=False)


def test_wider_models_keep_every_weight_also_in_a_file(trained, wide, tmp_path):
    model = copy.deepcopy(trained).set_params(**STILL, random_state=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        model.fit(wide)
    assert model.model_id_ == trained.model_id_
    model.save(tmp_path / "wide.seisbind")
    again = sg.load(tmp_path / "wide.seisbind")
    for modality in ("seismic", "velocity"):
        a, b = (m.transform(wide, modality)["embedding"].values for m in (model, again))
        assert a.shape == (30, 256)
        assert (a == b).all()


@pytest.mark.filterwarnings("ignore::seisgeo.errors.DataWarning")
def test_events_stay_as_long_as_the_encoder_knows_them(trained, few):
    # Gathers with noise up to the Nyquist frequency have to keep every sample.
    rough = few.copy()
    noise = np.random.default_rng(0).normal(size=few["amplitude"].shape).astype(np.float32)
    rough["amplitude"] = few["amplitude"] + float(few["amplitude"].std()) * noise
    first = sg.SeisBind(trained.encoder, **STILL, device="cpu", random_state=0).fit(rough)
    assert (first.thinning_, trained.thinning_) == (1, 4)

    def gone_on(model, pairs):
        return copy.deepcopy(model).set_params(**STILL, random_state=7).fit(pairs).thinning_

    # Where the spectrum would allow fewer, those that the encoder has learned from stay.
    assert gone_on(first, few) == 1
    # Where it does not, they cannot.
    assert gone_on(trained, rough) == 1
    # Samples that are half as far apart are twice as many.
    finer = few.assign_coords(time=few["time"] / 2)
    finer.attrs = {name: value for name, value in few.attrs.items() if name != "survey"}
    assert gone_on(first, finer) == 2


def test_models_of_far_more_cells_get_first_layers_of_their_own(trained, small_survey):
    survey = dataclasses.replace(small_survey, model_shape=(24, 120))
    pairs = generate("flatvel-a", 20, survey=survey, device="cpu", workers=1, progress=False)
    model = copy.deepcopy(trained).set_params(**STILL, random_state=7)
    said = r"begin anew:\n  velocity: network.stem.0.weight \(16, 3, 3, 9\), there \(16, 3, 3, 3\)"
    with pytest.warns(DataWarning, match=said):
        model.fit(pairs)


def test_only_the_encoder_of_gathers_learns_where_that_is_asked_for(trained, wide):
    model = copy.deepcopy(trained).set_params(
        warm_start="seismic", learning_rate=1e-3, max_epochs=2, random_state=7
    )
    model.fit(wide)
    before, after = trained.encoders_.state_dict(), model.encoders_.state_dict()
    for name in after:
        if not name.startswith("seismic."):
            assert torch.equal(before[name], after[name]), name
    learned = [n for n, _ in model.encoders_["seismic"].named_parameters()]
    moved = [not torch.equal(before[f"seismic.{n}"], after[f"seismic.{n}"]) for n in learned]
    assert all(moved)
    # A model's place is where the general model puts it; and the next fit trains all again.
    both = [embed_velocity(m, wide) for m in (trained, model)]
    assert (both[0] == both[1]).all()
    model.set_params(warm_start=True).fit(wide)
    assert (embed_velocity(model, wide) != both[0]).any()


def embed_velocity(model, pairs):
    values = torch.from_numpy(pairs["velocity"].values)
    with torch.inference_mode():
        return model.encoders_["velocity"](values)


def test_pairs_are_stretched_where_that_is_asked_for(trained, few):
    settings = {**STILL, "learning_rate": 1e-3, "random_state": 7}
    fits = [
        copy.deepcopy(trained).set_params(**settings, stretch=most).fit(few)
        for most in (0.0, 0.15, 0.15)
    ]
    assert fits[0].model_id_ != fits[1].model_id_ == fits[2].model_id_
    with pytest.raises(ParameterError, match=r"stretch must be between 0 and 0\.5; found 15"):
        copy.deepcopy(trained).set_params(stretch=15).fit(few)
    names = [f"measured {name}" for name in few["descriptor"].values]
    with pytest.raises(ParameterError, match=r"needs descriptors of seisgeo\.descriptors"):
        sg.SeisBind(stretch=0.15, device="cpu").fit(few.assign_coords(descriptor=names))


def test_what_begins_anew_is_not_held(trained, few):
    turned = few.isel(descriptor=slice(None, None, -1))
    settings = {"warm_start": "seismic", "random_state": 7}
    fits = []
    for rate in (0.0, 1e-3):
        model = copy.deepcopy(trained).set_params(**settings, learning_rate=rate)
        with pytest.warns(DataWarning, match="begin anew:\n  physics: the whole encoder"):
            fits.append(model.fit(turned).encoders_)
    for name, same in (("velocity", True), ("physics", False)):
        a, b = (e[name].state_dict() for e in fits)
        assert all(torch.equal(a[k], b[k]) for k in a) == same


def test_a_warm_start_is_one_of_three(few):
    with pytest.raises(ParameterError, match="warm_start must be False, True or 'seismic'; found"):
        sg.SeisBind(warm_start="velocity").fit(few)


def test_other_descriptors_begin_anew(trained, few):
    model = copy.deepcopy(trained).set_params(**STILL)
    turned = few.isel(descriptor=slice(None, None, -1))
    with pytest.warns(DataWarning, match="begin anew:\n  physics: the whole encoder"):
        model.fit(turned)
    name = "physics.mean"
    before, after = (m.encoders_.state_dict()[name] for m in (trained, model))
    torch.testing.assert_close(after.flip(0), before, rtol=0.2, atol=0)


def test_a_stopped_warm_start_knows_where_it_began(trained, few, tmp_path):
    model = copy.deepcopy(trained).set_params(**STILL, random_state=7)
    model.fit(few, checkpoint=tmp_path / "run")
    again = copy.deepcopy(trained).set_params(**STILL, random_state=7)
    assert again.fit(few, checkpoint=tmp_path / "run").model_id_ == model.model_id_
    cold = sg.SeisBind(trained.encoder, **STILL, random_state=7, device="cpu")
    with pytest.raises(OutputExistsError, match=r"other settings[\s\S]*start: null asked"):
        cold.fit(few, checkpoint=tmp_path / "run")


def test_fine_tuning_needs_fewer_pairs(small_model, small_survey):
    pairs = generate(
        "flatvel-b", 200, survey=small_survey, seed=3, device="cpu", workers=1, progress=False
    )
    train, test = pairs.isel(sample=slice(50)), pairs.isel(sample=slice(50, 200))
    settings = {"max_epochs": 8, "validation_fraction": 0.0, "random_state": 0, "device": "cpu"}
    scratch = sg.SeisBind(**settings, verbose=False).fit(train)
    tuned = copy.deepcopy(small_model).set_params(**settings, warm_start=True, learning_rate=3e-4)
    assert tuned.fit(train).score(test) > 2 * scratch.score(test)
