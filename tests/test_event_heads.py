import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, ModelFileError, ParameterError
from seisgeo.mechanism import kagan_angle, moment_tensor

SMALL = {"device": "cpu", "random_state": 0, "verbose": False, "max_epochs": 60}


def make_events(n_events, stations=1, seed=0, nt=800):
    """Bursts whose frequency tells the kind, and whose time tells depth, distance and more."""
    random = np.random.default_rng(seed)
    time = np.arange(nt) * 0.01
    event = np.repeat(np.arange(n_events), stations)
    kind = random.integers(0, 2, n_events)
    onset = random.uniform(1, 6, n_events)
    pitch = np.where(kind == 0, 5.0, 20.0)
    since = time - onset[event, None]
    burst = np.exp(-np.clip(since, 0, None)) * np.sin(2 * np.pi * pitch[event, None] * since)
    burst = np.where(since > 0, burst, 0)[:, None, :]
    noise = 0.1 * random.normal(size=(len(event), 3, nt))
    along = {
        "event_id": np.array([f"e{i}" for i in range(n_events)]),
        "source_type": np.array(["earthquake", "explosion"])[kind],
        "source_latitude": 40 + onset / 10,
        "source_longitude": 10 - onset / 5,
        "source_depth": 1000 * onset,
        "magnitude": 1.0 + kind,
        "strike": np.where(kind == 0, 355.0, 90.0) + random.uniform(0, 10, n_events),
        "dip": np.where(kind == 0, 85.0, 45.0),
        "rake": np.where(kind == 0, 178.0, -90.0),
    }
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), (burst + noise).astype(np.float32))},
        coords={
            "time": time,
            "component": list("ZNE"),
            **{name: ("event", values[event]) for name, values in along.items()},
        },
    )
    ds["strike"] = ds["strike"] % 360
    units = {"source_depth": "m", "source_latitude": "degrees_north"}
    units |= {"source_longitude": "degrees_east", "strike": "degree"}
    units |= {"dip": "degree", "rake": "degree"}
    for name, unit in units.items():
        ds[name].attrs["units"] = unit
    return conventions.describe(ds)


@pytest.fixture(scope="module")
def events():
    return make_events(64)


@pytest.fixture(scope="module")
def unseen():
    return make_events(40, seed=1)


@pytest.fixture(scope="module")
def encoder(events):
    """Trained on other events, by the catalogue's numbers alone."""
    return sg.SeisCLIP(
        max_epochs=40,
        batch_size=32,
        information=["source_depth", "magnitude"],
        device="cpu",
        random_state=0,
        verbose=False,
    ).fit(make_events(128, seed=5))


def test_kinds_are_told_apart_on_frozen_features(encoder, events, unseen):
    before = encoder.model_id_
    head = sg.EventClassifier(encoder, **SMALL).fit(events)
    assert head.score(unseen) > 0.9
    assert head.classes_.tolist() == ["earthquake", "explosion"]
    odds = head.predict_proba(unseen)
    np.testing.assert_allclose(odds.sum(axis=1), 1)
    np.testing.assert_array_equal(head.classes_[odds.argmax(axis=1)], head.predict(unseen))
    assert encoder.model_id_ == before
    frozen = head.network_.encoder.state_dict()
    for name, weight in encoder.network_["waveforms"].state_dict().items():
        assert (frozen[name] == weight).all()


def test_fine_tuning_begins_with_the_head_on_the_features_as_they_are(encoder, events):
    settings = {**SMALL, "max_epochs": 3, "validation_fraction": 0.0}
    frozen = sg.EventClassifier(encoder, **settings).fit(events)
    tuned = sg.EventClassifier(encoder, fine_tune=True, **settings).fit(events)
    first, second = tuned.history_[:3], tuned.history_[3:]
    assert [row["train_loss"] for row in first] == [row["train_loss"] for row in frozen.history_]
    assert [row["epoch"] for row in second] == [3, 4, 5]
    rates = [max(row["learning_rate"] for row in part) for part in (first, second)]
    assert rates[1] == pytest.approx(rates[0] / 10)
    # Places are in the features as they are: a tenth from 500 events on.
    few = sg.EventLocator(encoder, fine_tune=True, **settings).fit(events).history_
    rates = [max(row["learning_rate"] for row in part) for part in (few[:3], few[3:])]
    assert rates[1] == pytest.approx(rates[0] / 10 * 64 / 500)


def test_fine_tuning_that_helps_nothing_leaves_the_head_as_it_was(encoder, events):
    # Held-out kinds that contradict the others: whatever is learned makes them worse.
    settings = {**SMALL, "max_epochs": 4, "validation_fraction": 0.3, "patience": 99}
    tuned = sg.EventClassifier(encoder, fine_tune=True, **settings)
    for seed in range(4):
        kinds = np.random.default_rng(seed).integers(0, 2, 64)
        tuned.fit(events, kinds)
        losses = [row["val_loss"] for row in tuned.history_]
        changed = any(
            (tuned.network_.encoder.state_dict()[name] != weight).any()
            for name, weight in encoder.network_["waveforms"].state_dict().items()
        )
        assert changed == (min(losses[4:]) < min(losses[:4]))


def test_fine_tuning_changes_a_copy(encoder, events):
    before = encoder.model_id_
    settings = {**SMALL, "max_epochs": 2}
    head = sg.EventClassifier(encoder, fine_tune=True, **settings).fit(events)
    assert encoder.model_id_ == before
    tuned = head.network_.encoder.state_dict()
    weights = encoder.network_["waveforms"].state_dict()
    assert any((tuned[name] != weight).any() for name, weight in weights.items())


def test_from_scratch_with_an_encoder_that_is_not_fitted(unseen):
    settings = {**SMALL, "max_epochs": 20, "batch_size": 16}
    scratch = sg.EventClassifier(sg.SeisCLIP(), **settings).fit(make_events(160))
    assert scratch.score(unseen) > 0.9


def test_without_an_encoder_a_network_is_trained_from_scratch(events):
    settings = {**SMALL, "max_epochs": 2}
    bare = sg.EventClassifier(**settings).fit(events)
    named = sg.EventClassifier(sg.SeisCLIP(), **settings).fit(events)
    np.testing.assert_array_equal(bare.predict_proba(events), named.predict_proba(events))
    with pytest.raises(ParameterError, match=r"encoder must be a SeisCLIP.* found str"):
        sg.EventClassifier("small", **settings).fit(events)


def test_magnitudes_are_read_off_the_strength(encoder, events, unseen):
    def scaled(ds, seed):
        magnitude = np.random.default_rng(seed).uniform(0, 4, ds.sizes["event"])
        ds = ds.assign_coords(magnitude=("event", magnitude))
        ds["amplitude"] = ds["amplitude"] * (10 ** ds["magnitude"]).astype("f4")
        return ds

    train, test = scaled(events, 2), scaled(unseen, 3)
    head = sg.EventLocator(encoder, **{**SMALL, "max_epochs": 400}).fit(train)
    error = np.abs(head.predict(test)["magnitude"].values - test["magnitude"].values)
    assert error.mean() < 0.3  # their mean alone is wrong by 1
    # A dead component takes nothing away from the others.
    live = np.ones((test.sizes["event"], 3), dtype=bool)
    live[:, 1] = False
    test["live"] = (("event", "component"), live)
    found = head.predict(test)["magnitude"].values
    assert np.abs(found - test["magnitude"].values).mean() < 0.5


def test_labels_as_numbers_and_given_apart(encoder, events):
    y = (events["source_type"] == "explosion").values.astype(int) + 7
    head = sg.EventClassifier(encoder, **{**SMALL, "max_epochs": 2})
    head.fit(events.drop_vars("source_type"), y)
    assert head.classes_.tolist() == [7, 8]
    assert set(head.predict(events)) <= {7, 8}


def test_hypocentres_are_found(encoder, events, unseen):
    few = events.copy()
    few["magnitude"] = few["magnitude"].where(np.arange(64) % 2 == 0)  # half of them known
    head = sg.EventLocator(encoder, **{**SMALL, "max_epochs": 300}).fit(few)
    found = head.predict(unseen)
    assert set(found.data_vars) == {
        "source_latitude",
        "source_longitude",
        "source_depth",
        "magnitude",
    }
    blind = unseen.drop_vars(list(found.data_vars))
    assert (
        head.predict(blind)
        .drop_vars(list(blind.coords), errors="ignore")
        .equals(found.drop_vars(list(found.coords)))
    )
    assert found["source_depth"].attrs["units"] == "m"
    # Onsets from 1 to 6 s are depths from 1 to 6 km, 1.4 km around their mean.
    assert np.abs(found["source_depth"] - unseen["source_depth"]).mean() < 600
    assert head.score(unseen) > 0.6


def test_mechanisms_wrap_around(encoder, events, unseen):
    head = sg.MechanismRegressor(encoder, **SMALL).fit(events)
    found = head.predict(unseen)
    names = ("strike", "dip", "rake")
    angle = kagan_angle(
        moment_tensor(*(found[n].values for n in names)),
        moment_tensor(*(unseen[n].values for n in names)),
    )
    # Strikes of 355 to 5 degrees are one mechanism, not two that are averaged to 180.
    assert np.median(angle) < 15
    assert head.score(unseen) == pytest.approx(-angle.mean(), abs=1e-6)


def test_records_of_one_event_get_one_answer(encoder):
    events = make_events(24, stations=3)
    head = sg.EventLocator(encoder, **{**SMALL, "max_epochs": 2}).fit(events)
    found = head.predict(events)["source_depth"].values.reshape(24, 3)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    # Pooling does not care about the order of records, nor about other events.
    order = np.random.default_rng(0).permutation(24 * 3)
    again = head.predict(events.isel(event=order))["source_depth"].values
    np.testing.assert_allclose(again, found.ravel()[order], rtol=1e-4)
    alone = head.predict(events.isel(event=slice(3, 6)))["source_depth"].values
    np.testing.assert_allclose(alone, found[1], rtol=1e-4)


def test_stations_are_read_where_they_are_known(encoder):
    random = np.random.default_rng(3)
    events = make_events(160)
    latitude = random.uniform(40, 41, 160)
    events = events.assign_coords(
        station_latitude=("event", latitude, {"units": "degrees_north"}),
        station_longitude=("event", random.uniform(10, 11, 160), {"units": "degrees_east"}),
        # What only the station's position tells:
        source_latitude=("event", latitude + 0.1, {"units": "degrees_north"}),
    )
    seen, unseen = events.isel(event=slice(120)), events.isel(event=slice(120, 160))
    head = sg.EventLocator(encoder, batch_size=16, **SMALL).fit(seen)
    error = head.predict(unseen)["source_latitude"] - unseen["source_latitude"]
    assert float(np.abs(error).mean()) < 0.12  # 0.25 by their mean
    with pytest.raises(ConventionError, match="'station_latitude': the model was trained with it"):
        head.predict(unseen.drop_vars("station_latitude"))


@pytest.mark.parametrize("name", ["EventClassifier", "EventLocator", "MechanismRegressor"])
def test_saved_and_loaded(name, encoder, events, tmp_path):
    azimuth = ("event", np.linspace(0, 350, 64), {"units": "degree"})
    events = events.assign_coords(back_azimuth=azimuth)
    head = getattr(sg, name)(encoder, **{**SMALL, "max_epochs": 2}).fit(events)
    head.save(tmp_path / "head")
    loaded = sg.load(tmp_path / "head")
    a, b = head.predict(events), loaded.predict(events)
    assert a.identical(b) if isinstance(a, xr.Dataset) else (a == b).all()
    assert loaded.score(events) == head.score(events)
    with pytest.raises(ParameterError, match="encoder must be a SeisCLIP: a fitted one, or one"):
        loaded.fit(events)


def test_clones_keep_the_encoder_and_the_seed_decides(encoder, events):
    head = sg.EventClassifier(encoder, **{**SMALL, "max_epochs": 3})
    again = clone(head)
    assert again.encoder is encoder
    with pytest.raises(NotFittedError):
        again.predict(events)
    np.testing.assert_array_equal(
        head.fit(events).predict_proba(events), again.fit(events).predict_proba(events)
    )
    other = clone(head).set_params(random_state=1).fit(events)
    assert (other.predict_proba(events) != head.predict_proba(events)).any()


def test_missing_labels_are_named(encoder, events):
    settings = {**SMALL, "max_epochs": 1}
    classify = sg.EventClassifier(encoder, **settings).fit
    kinds = events["source_type"].values.astype(object)
    kinds[5] = None
    with pytest.raises(ConventionError, match="labels are missing for 1 of 64 records, the first"):
        classify(events, kinds)
    with pytest.raises(ConventionError, match="pass y, or give the records the coordinate 'source"):
        classify(events.drop_vars("source_type"))
    with pytest.raises(ConventionError, match="expected a row for each of 64 records"):
        classify(events, ["a"] * 3)
    with pytest.raises(ConventionError, match=r"expected at least 2 classes, found 1: \['a'\]"):
        classify(events, ["a"] * 64)
    with pytest.raises(ConventionError, match=r"give the records the coordinates magnitude$"):
        sg.EventLocator(encoder, **settings).fit(events.drop_vars("magnitude"))
    gone = events.assign_coords(magnitude=events["magnitude"] * np.nan)
    with pytest.raises(ConventionError, match="label 'magnitude': expected values of at least 2"):
        sg.EventLocator(encoder, **settings).fit(gone)
    broken = events.assign_coords(rake=events["rake"].where(np.arange(64) != 9))
    broken["rake"].attrs["units"] = "degree"
    with pytest.raises(ConventionError, match="missing for 1 of 64 records, the first is event 9"):
        sg.MechanismRegressor(encoder, **settings).fit(broken)
    with pytest.raises(ConventionError, match=r"columns strike, dip, rake, found the shape \(64,"):
        sg.MechanismRegressor(encoder, **settings).fit(events, np.zeros((64, 2)))


def test_where_events_usually_are_is_learned_though_half_of_them_are_turned(encoder):
    events = make_events(120, stations=2)
    random = np.random.default_rng(0)
    station = {
        "station_latitude": 40 + random.uniform(0, 0.1, 240),
        "station_longitude": 10 + random.uniform(0, 0.1, 240),
    }
    events = events.assign_coords(
        **{
            k: ("event", v, {"units": f"degrees_{d}"})
            for (k, v), d in zip(station.items(), ("north", "east"), strict=True)
        },
        source_latitude=("event", np.full(240, 40.5), {"units": "degrees_north"}),
        source_longitude=("event", np.full(240, 10.05), {"units": "degrees_east"}),
    )
    head = sg.EventLocator(encoder, **SMALL).fit(events)
    found = head.predict(events)
    assert np.abs(found["source_latitude"] - 40.5).mean() < 0.1  # 50 km north of the stations
    assert np.abs(found["source_longitude"] - 10.05).mean() < 0.1


def test_a_head_of_an_earlier_network_is_refused(encoder, events, tmp_path):
    from seisgeo.estimators.persistence import write_model

    head = sg.EventLocator(encoder, **{**SMALL, "max_epochs": 1}).fit(events)
    weights, learned = head._contents()
    old = {name.replace("features.", "hidden."): value for name, value in weights.items()}
    write_model(head, old, learned, tmp_path / "renamed")
    reads = {k: v for k, v in learned.items() if k not in ("reads", "numbers")}
    write_model(head, weights, {**reads, "beside": [[], [], []]}, tmp_path / "earlier")
    for name in ("renamed", "earlier"):
        with pytest.raises(ModelFileError, match=f"{name}: the encoders .* train again, or use"):
            sg.load(tmp_path / name)
