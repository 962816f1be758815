from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo.detection import associate
from seisgeo.errors import ParameterError

START = np.datetime64("2009-01-21T04:00:00", "ns")


def table_of(seconds, stations, **more):
    when = START + np.round(np.array(seconds) * 1e9).astype("m8[ns]")
    return pd.DataFrame({"time": when, "station": list(stations), **more})


def groups(seconds, stations, moveout=0.7):
    found = associate(table_of(seconds, stations), moveout)
    return sorted(tuple(rows.index) for _, rows in found.groupby("event_id"))


def test_events_are_what_is_nearest_in_time():
    # .5 s is not the nearest to 0 s, 11 s comes too late after 10 s, and 20 s is alone.
    found = groups([0.0, 0.3, 0.5, 10.0, 11.0, 20.0], "ABBABA")
    assert found == [(0, 1), (2,), (3,), (4,), (5,)]


def test_an_event_grows_over_stations_and_never_beyond_the_moveout():
    assert groups([0.0, 0.1, 0.3, 0.6], "ABCD") == [(0, 1, 2, 3)]
    # B to D is within .7 s, A to D is not: D is left to the next event.
    assert groups([0.0, 0.1, 0.3, 0.75], "ABCD") == [(0, 1, 2), (3,)]
    assert groups([0.0, 0.1, 0.3, 0.75, 0.8], "ABCDA") == [(0, 1, 2), (3, 4)]


def test_no_station_is_twice_in_an_event():
    # A at 0 and B at .1 are nearest; C at .2 is nearest to A at .25, which A at 0 keeps out of it.
    found = groups([0.0, 0.1, 0.2, 0.25], "ABCA")
    assert found == [(0, 1), (2, 3)]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.sampled_from("ABC")), max_size=30),
    st.integers(1, 400),
)
def test_what_holds_for_any_catalogue(rows, moveout):
    seconds, stations = [ms / 1000 for ms, _ in rows], [station for _, station in rows]
    found = associate(
        table_of(seconds, stations).astype({"time": "datetime64[ns]"}), moveout / 1000
    )
    ms = np.array([t for t, _ in rows])
    firsts = [ms[event.index].min() for _, event in found.groupby("event_id", sort=True)]
    assert firsts == sorted(firsts)
    for _, event in found.groupby("event_id"):
        assert event["station"].is_unique
        assert np.ptp(ms[event.index]) <= moveout
    # Later days and other names of the stations change nothing.
    moved = table_of(seconds, [f"X{s}" for s in stations]).astype({"time": "datetime64[ns]"})
    moved["time"] += np.timedelta64(400, "D")
    assert associate(moved, moveout / 1000)["event_id"].tolist() == found["event_id"].tolist()
    # Two triggers that are each other's nearest at all stations are of one event.
    for i, j in combinations(range(len(rows)), 2):
        lag = abs(ms[i] - ms[j])
        near = np.abs(ms[:, None] - ms[[i, j]])
        near[[i, j], [0, 1]] = 10_000
        if stations[i] != stations[j] and 0 < lag <= moveout and near[i, 1] == near[j, 0] == lag:
            others = np.delete(near, [i, j], axis=0)
            if not len(others) or others.min() > lag:
                assert found["event_id"][i] == found["event_id"][j]


def test_catalogue_is_kept_and_networks_count():
    table = table_of([5.0, 0.0, 0.2], "AAA", network=["N", "M", "N"], sta_lta=[7.0, 8.0, 9.0])
    table.attrs = {"sta": 0.5}
    found = associate(table, 0.7)
    # The times decide the numbers, the catalogue the order.
    assert found["event_id"].tolist() == ["00000001", "00000000", "00000000"]
    pd.testing.assert_frame_equal(found.drop(columns="event_id"), table)
    assert found.attrs == {"sta": 0.5, "moveout": 0.7}
    assert list(table) == ["time", "station", "network", "sta_lta"]
    again = associate(found, 0.1)
    assert again["event_id"].nunique() == 3
    assert list(again) == list(found)


def test_times_as_a_csv_holds_them():
    table = pd.DataFrame({"time": ["2009-01-21T04:00:00.0Z", "2009-01-21T04:00:00.3Z"]})
    table["station"] = ["A", "B"]
    assert associate(table, 0.4)["event_id"].nunique() == 1


def test_bad_input_is_refused():
    table = table_of([0.0, 0.3], "AB")
    with pytest.raises(ParameterError, match=r"no column 'station'.*found time"):
        associate(table[["time"]], 0.7)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match=r"moveout=\S+: expected seconds above 0"):
            associate(table, wrong)
    table.loc[1, "time"] = pd.NaT
    with pytest.raises(ParameterError, match="1 of 2 triggers have no time"):
        associate(table, 0.7)
    assert len(associate(table.iloc[:0], 0.7)) == 0
