"""Models of seismograms: trainings that were stopped go on to the very same weights."""

import csv

import numpy as np
import pytest
import xarray as xr
from stopping import losses, stop_at

import seisgeo as sg
from seisgeo import conventions, learner
from seisgeo.errors import OutputExistsError

SETTINGS = {"max_epochs": 3, "batch_size": 16, "device": "cpu", "random_state": 0, "verbose": False}


def make_records(n=48, seed=0, nt=800):
    """Noise, and labels of every kind: what is learned does not matter."""
    random = np.random.default_rng(seed)
    p = random.uniform(1, 3, n)
    along = {
        "event_id": np.array([f"e{i // 2}" for i in range(n)]),
        "source_type": np.array(["earthquake", "explosion"])[np.arange(n) // 2 % 2],
        "region": np.array(["north", "south", "west"])[np.arange(n) // 2 % 3],
        "p_arrival": p,
        "s_arrival": 1.8 * p,
        "epicentral_distance": 8e3 * p,
    }
    ds = xr.Dataset(
        {
            "amplitude": (
                ("event", "component", "time"),
                random.normal(size=(n, 3, nt)).astype(np.float32),
            )
        },
        coords={
            "time": np.arange(nt) * 0.01,
            "component": list("ZNE"),
            **{name: ("event", values) for name, values in along.items()},
        },
    )
    for name, unit in {"p_arrival": "s", "s_arrival": "s", "epicentral_distance": "m"}.items():
        ds[name].attrs["units"] = unit
    return conventions.describe(ds)


@pytest.fixture(scope="module")
def records():
    return make_records()


MODELS = {
    "seisclip": lambda: sg.SeisCLIP(**SETTINGS),
    "simclr": lambda: sg.SeisSimCLR(**SETTINGS),
    "simclr, copies of events": lambda: sg.SeisSimCLR(copies="event", **SETTINGS),
    "erm": lambda: sg.DomainClassifier(**SETTINGS),
    "group-dro": lambda: sg.DomainClassifier("group_dro", **SETTINGS),
    "lacim": lambda: sg.LaCIMClassifier(4, 4, **SETTINGS),
}
each = pytest.mark.parametrize("name", MODELS)


@each
@pytest.mark.parametrize("step", [1, 4])  # within an epoch, and in a later one
def test_a_stopped_training_goes_on_to_the_same_weights(records, tmp_path, name, step):
    whole = MODELS[name]().fit(records)
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(KeyError, match="stopped"):
            MODELS[name]().fit(records, checkpoint=tmp_path / "run")
    gone_on = MODELS[name]().fit(records, checkpoint=tmp_path / "run")
    assert gone_on.model_id_ == whole.model_id_
    assert losses(gone_on.history_) == losses(whole.history_)
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [int(float(row["epoch"])) for row in csv.DictReader(file)] == [0, 1, 2]
    again = MODELS[name]().fit(records, checkpoint=tmp_path / "run")  # nothing is left to do
    assert again.history_ == gone_on.history_


@each
def test_a_run_of_other_settings_or_records_is_refused(records, tmp_path, name):
    MODELS[name]().set_params(max_epochs=1).fit(records, checkpoint=tmp_path / "run")
    with pytest.raises(OutputExistsError, match="max_epochs: 3 asked, 1 there"):
        MODELS[name]().fit(records, checkpoint=tmp_path / "run")
    with pytest.raises(OutputExistsError, match="data: "):
        MODELS[name]().set_params(max_epochs=1).fit(
            make_records(seed=1), checkpoint=tmp_path / "run"
        )


@pytest.fixture(scope="module")
def encoder(records):
    return sg.SeisCLIP(**{**SETTINGS, "max_epochs": 1}).fit(records)


@pytest.mark.parametrize(
    ("trained", "fine_tune", "step"), [(True, False, 4), (True, True, 8), (False, False, 4)]
)
def test_a_stopped_head_goes_on_to_the_same_weights(
    records, encoder, tmp_path, trained, fine_tune, step
):
    # 22 events make two steps an epoch: the eighth is in the second part of fine-tuning.
    def head():
        settings = {**SETTINGS, "batch_size": 10, "validation_fraction": 0.1}
        return sg.EventClassifier(encoder if trained else None, fine_tune=fine_tune, **settings)

    whole = head().fit(records)
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(KeyError, match="stopped"):
            head().fit(records, checkpoint=tmp_path / "run")
    assert (tmp_path / "run" / "fine-tuning").exists() == fine_tune
    gone_on = head().fit(records, checkpoint=tmp_path / "run")
    assert gone_on.model_id_ == whole.model_id_
    assert losses(gone_on.history_) == losses(whole.history_)


def test_a_head_goes_on_over_its_own_features_only(records, encoder, tmp_path):
    sg.EventClassifier(encoder, **SETTINGS).fit(records, checkpoint=tmp_path / "run")
    other = sg.SeisCLIP(**{**SETTINGS, "max_epochs": 1, "random_state": 1}).fit(records)
    with pytest.raises(OutputExistsError, match="encoder: "):
        sg.EventClassifier(other, **SETTINGS).fit(records, checkpoint=tmp_path / "run")


def test_a_run_without_a_seed_keeps_the_one_it_drew(records, tmp_path):
    model = sg.SeisSimCLR(**{**SETTINGS, "random_state": None})
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, 3)
        with pytest.raises(KeyError, match="stopped"):
            model.fit(records, checkpoint=tmp_path / "run")
    model.fit(records, checkpoint=tmp_path / "run")
    seed = learner.stopped_run(tmp_path / "run", {})["settings"]["seed"]
    assert model.fit(records, checkpoint=tmp_path / "run").model_id_ == model.model_id_
    assert seed == learner.stopped_run(tmp_path / "run", {})["settings"]["seed"]


def test_a_training_that_gets_no_better_ends_early(records):
    model = sg.SeisCLIP(**{**SETTINGS, "max_epochs": 20, "learning_rate": 0.0}, patience=2)
    assert len(model.fit(records).history_) == 3
