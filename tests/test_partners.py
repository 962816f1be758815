"""Records of one event at several stations as copies of each other."""

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.partners import Partners

SMALL = {"batch_size": 32, "max_epochs": 1, "device": "cpu", "random_state": 0, "verbose": False}


def cube(events, stations, nt=128):
    """A record for each event and station, whose samples all are its number."""
    n = len(events)
    amplitude = np.repeat(np.arange(n, dtype=np.float32), nt).reshape(n, 1, nt)
    coords = {"time": np.arange(nt) * 0.005, "component": ["Z"]}
    coords["event_id"] = ("event", np.array(events, dtype=object))
    if stations is not None:
        coords["station"] = ("event", list(stations))
    ds = xr.Dataset({"amplitude": (("event", "component", "time"), amplitude)}, coords=coords)
    return conventions.describe(ds)


def partners_of(ds, draws=80):
    """Of each record, the records that it is given as a partner, in batches of some of them."""
    rows, random = Partners(ds, seed=0), np.random.default_rng(1)
    found = [set() for _ in range(len(rows))]
    for _ in range(draws):
        some = random.permutation(len(rows))[: random.integers(1, len(rows) + 1)]
        batch = rows[some.tolist()]
        assert (batch["waveforms"][:, 0, 0] == np.sort(some)).all()
        for own, other in zip(np.sort(some), batch["partner"][:, 0, 0], strict=True):
            found[own].add(int(other))
        again = rows[some.tolist()]["partner"]
        np.testing.assert_array_equal(again, batch["partner"])
    return found


def test_partners_are_records_of_the_event_at_other_stations():
    ds = cube(["a", "a", "a", "a", "b", "b", "c"], "XYZXXYX")
    # Records 0 and 3 are both of X: no partners of each other. Record 6 has none but itself.
    assert partners_of(ds) == [{1, 2}, {0, 2, 3}, {0, 1, 3}, {1, 2}, {5}, {4}, {6}]
    nameless = ds.drop_vars("station")
    assert partners_of(nameless)[0] == {1, 2, 3}


def test_networks_tell_stations_of_one_name_apart():
    ds = cube(["a", "a", "b"], "XXX").assign_coords(network=("event", ["M", "N", "N"]))
    assert partners_of(ds) == [{1}, {0}, {2}]


@pytest.mark.parametrize("unknown", ["", np.nan, None])
def test_records_without_an_event_have_no_partner(unknown):
    ds = cube(["a", "a", unknown, unknown], "XYXY")
    assert partners_of(ds) == [{1}, {0}, {2}, {3}]
    group = Partners(ds, 0)[[0, 1, 2, 3]]["group"]
    assert group[0] == group[1]
    assert len(set(group.tolist())) == 3


def test_a_batch_reads_only_its_rows_and_their_partners():
    ds = cube(["a", "b", "a", "b", "c"], "XXYYX")
    batch = Partners(ds, 0)[[4, 2]]
    assert batch["waveforms"][:, 0, 0].tolist() == [2, 4]
    assert batch["partner"][:, 0, 0].tolist() == [0, 4]
    assert batch["partner"].dtype == np.float32
    again = [Partners(cube(["a"] * 9, "ABCDEFGHI"), 3)[[0, 5]]["partner"] for _ in range(2)]
    np.testing.assert_array_equal(*again)


def two_stations(n, seed=0, nt=400):
    """Events of two kinds at two stations: the first station hears a hum that the second does not.

    The kind is in the pitch, the station in a hum that is louder than the event.
    """
    random = np.random.default_rng(seed)
    time = np.arange(nt) / 200
    kind = random.integers(0, 2, n)
    amplitude = np.empty((2 * n, 1, nt))
    for row in range(2 * n):
        since = time - random.uniform(0.4, 1.2)
        pitch = random.uniform(14, 18) if kind[row // 2] else random.uniform(28, 32)
        burst = np.exp(-np.clip(since, 0, None) / 0.2) * np.sin(2 * np.pi * pitch * since)
        hum = np.sin(2 * np.pi * 70 * time + random.uniform(0, 6)) * (row % 2)
        amplitude[row, 0] = np.where(since >= 0, burst, 0) + 0.7 * hum
    amplitude += 0.02 * random.normal(size=amplitude.shape)
    coords = {"time": time, "component": ["Z"], "kind": ("event", np.repeat(kind, 2))}
    coords["event_id"] = ("event", np.repeat(np.arange(n), 2).astype(str))
    coords["station"] = ("event", np.tile(["A", "B"], n))
    variable = (("event", "component", "time"), amplitude.astype(np.float32))
    return conventions.describe(xr.Dataset({"amplitude": variable}, coords=coords))


def test_records_of_one_event_come_to_lie_together():
    known, unseen = two_stations(60), two_stations(60, seed=1)
    settings = {**SMALL, "max_epochs": 12}
    share = {}
    for copies in ("record", "event"):
        model = sg.SeisSimCLR(copies=copies, **settings).fit(known)
        z = model.transform(unseen)["embedding"].values
        one, other = z[::2], z[1::2]
        kind = unseen["kind"].values[::2]
        alike = one @ other.T
        same = alike[kind[:, None] == kind].mean() - alike[kind[:, None] != kind].mean()
        between = (one @ one.T)[kind[:, None] == kind].mean() - alike[kind[:, None] == kind].mean()
        share[copies] = same - between  # the kind counts for more than the station
    assert share["event"] > 0.2
    assert share["event"] > share["record"] + 0.2


def test_saved_cloned_and_reproduced(tmp_path):
    few = two_stations(12)
    first, second = (sg.SeisSimCLR(copies="event", **SMALL).fit(few) for _ in range(2))
    assert first.model_id_ == second.model_id_
    assert sg.SeisSimCLR(**SMALL).fit(few).model_id_ != first.model_id_
    first.save(tmp_path / "a.simclr")
    loaded = sg.load(tmp_path / "a.simclr")
    assert loaded.copies == "event"
    # What is asked about needs no events.
    bare = few.drop_vars(["event_id", "station"])
    np.testing.assert_array_equal(
        loaded.transform(bare)["embedding"], first.transform(few)["embedding"]
    )


def test_bad_input_is_refused():
    model = sg.SeisSimCLR(copies="event", **SMALL)
    few = two_stations(6)
    with pytest.raises(ParameterError, match="copies must be 'record' or 'event', found 'all'"):
        sg.SeisSimCLR(copies="all", **SMALL).fit(few)
    with pytest.raises(ConventionError, match=r"needs the coordinate 'event_id'.*associate"):
        model.fit(few.drop_vars("event_id"))
    own = few.assign_coords(event_id=("event", [str(i) for i in range(12)]))
    with pytest.raises(ConventionError, match="no event has records of two stations; of the 12"):
        model.fit(own)
    one = few.assign_coords(station=("event", ["A"] * 12))
    with pytest.raises(ConventionError, match="6 have several records, of one station each"):
        model.fit(one)
    gap = few.copy(deep=True)
    gap["amplitude"][3, 0, 9] = np.nan
    with pytest.raises(ConventionError, match="event 3, component Z: NaN or infinity at sample 9"):
        model.fit(gap)
