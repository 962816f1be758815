"""QuakeML joined to waveforms, against picks and origins that were put in."""

import numpy as np
import pytest
import xarray as xr
from obspy import UTCDateTime
from obspy.core.event import (
    Arrival,
    Catalog,
    Event,
    Magnitude,
    Origin,
    Pick,
    ResourceIdentifier,
    WaveformStreamID,
)
from obspy.geodetics import gps2dist_azimuth

from seisgeo import conventions
from seisgeo.adapters.seismology import join_catalog
from seisgeo.errors import ConventionError, DataWarning, FormatError, MissingFileError

T0 = UTCDateTime("2020-03-01T12:00:00")


@pytest.fixture
def records():
    """Two stations and two minutes of one of them: records of 60 s."""
    starts = [T0, T0, T0 + 3600]
    return conventions.describe(
        xr.Dataset(
            {"amplitude": (("event", "component", "time"), np.zeros((3, 1, 6000)))},
            coords={
                "time": np.arange(6000) / 100,
                "component": ["Z"],
                "network": ("event", ["XX", "XX", "XX"]),
                "station": ("event", ["A", "B", "A"]),
                "location": ("event", ["", "", ""]),
                "starttime": ("event", np.array([t.ns for t in starts], "M8[ns]")),
                "station_latitude": ("event", [46.0, 46.5, 46.0]),
                "station_longitude": ("event", [8.0, 8.0, 8.0]),
            },
        )
    )


def pick(time, phase="P", station="A", network="XX"):
    return Pick(time=time, phase_hint=phase, waveform_id=WaveformStreamID(network, station))


def event(name, picks, origin=T0 + 5, **origins):
    made = Event(resource_id=ResourceIdentifier(f"smi:local/{name}"), picks=picks)
    made.event_type = "earthquake"
    if origin is not None:
        made.origins = [Origin(time=origin, latitude=46.2, longitude=8.4, depth=7500.0, **origins)]
        made.magnitudes = [Magnitude(mag=2.25, magnitude_type="ML")]
    return made


def test_picks_and_origin_become_labels_by_way_of_a_file(records, tmp_path):
    picks = [
        pick(T0 + 8.25, "Pg"),
        pick(T0 + 10.5, "Sg"),
        pick(T0 + 9.0, "P"),  # a later one
        pick(T0 + 12.125, "iP", "B"),
        pick(T0 + 20.0, "IAML"),
    ]
    path = tmp_path / "catalogue.xml"
    Catalog([event("e1", picks)]).write(str(path), format="QUAKEML")
    ds = join_catalog(records, path)
    conventions.validate(ds, "waveforms")
    np.testing.assert_array_equal(ds["p_arrival"], [8.25, 12.125, np.nan])
    np.testing.assert_array_equal(ds["s_arrival"], [10.5, np.nan, np.nan])
    np.testing.assert_array_equal(ds["p_travel_time"], [3.25, 7.125, np.nan])
    assert ds["event_id"].values.tolist() == ["e1", "e1", ""]
    assert ds["magnitude_type"].values.tolist() == ["ML", "ML", ""]
    np.testing.assert_array_equal(ds["magnitude"], [2.25, 2.25, np.nan])
    np.testing.assert_array_equal(ds["source_depth"], [7500, 7500, np.nan])
    assert ds["origin_time"].values[0] == np.datetime64((T0 + 5).ns, "ns")
    assert np.isnat(ds["origin_time"].values[2])
    distance, _, back = gps2dist_azimuth(46.2, 8.4, 46.0, 8.0)
    assert ds["epicentral_distance"].values[0] == pytest.approx(distance)
    assert ds["back_azimuth"].values[0] == pytest.approx(back)
    assert "p_arrival" not in records.coords  # the cube that came in stays as it was


def test_events_and_picks_outside_of_the_records_are_named(records):
    catalog = Catalog(
        [
            event("here", [pick(T0 + 8), pick(T0 + 60.0, "S")]),  # S just after the last sample
            event("nowhere", [pick(T0 + 8, station="C")], origin=T0 + 900),
        ]
    )
    with pytest.warns(DataWarning, match=r"catalogue:") as said:
        ds = join_catalog(records, catalog)
    text = str(said[0].message)
    assert "S at XX.A 2020-03-01T12:01:00.000, P at XX.C 2020-03-01T12:00:08.000" in text
    assert "events that are in no record: nowhere (2020-03-01T12:15:00.000)" in text
    assert "s_arrival" not in ds.coords
    assert ds["event_id"].values.tolist()[0] == "here"


def test_the_last_sample_counts_and_the_end_of_a_short_record_too(records):
    short = records.assign_coords(sample_count=("event", [1000, 6000, 6000]))
    catalog = Catalog([event("e", [pick(T0 + 9.99), pick(T0 + 10.0, "S")])])
    with pytest.warns(DataWarning, match="S at XX.A"):
        ds = join_catalog(short, catalog)
    assert ds["p_arrival"].values[0] == 9.99


def test_of_several_events_in_a_record_the_first_is_taken(records):
    catalog = Catalog(
        [
            event("second", [pick(T0 + 30), pick(T0 + 35, "S")], origin=T0 + 25),
            event("first", [pick(T0 + 8)]),
        ]
    )
    with pytest.warns(DataWarning, match=r"picks of several events.*record 0 \(A\)"):
        ds = join_catalog(records, catalog)
    assert ds["event_id"].values[0] == "first"
    assert ds["p_arrival"].values[0] == 8.0
    assert "s_arrival" not in ds.coords  # that of the other event is not taken for its own


def test_an_origin_without_picks_labels_the_records_that_it_lies_in(records):
    ds = join_catalog(records, Catalog([event("e", [], origin=T0 + 3630)]))
    assert ds["event_id"].values.tolist() == ["", "", "e"]
    assert "p_arrival" not in ds.coords


def test_phases_of_arrivals_go_before_hints(records):
    made = pick(T0 + 8, phase="x")
    catalog = Catalog(
        [event("e", [made], arrivals=[Arrival(pick_id=made.resource_id, phase="Sn")])]
    )
    assert join_catalog(records, catalog)["s_arrival"].values[0] == 8.0


def test_codes_that_a_pick_leaves_open_fit(records):
    ds = join_catalog(records, Catalog([event("e", [pick(T0 + 8, network=None)])]))
    assert ds["p_arrival"].values[0] == 8.0
    with pytest.raises(FormatError, match=r"none of its 1 events is in these records.*at A, B"):
        join_catalog(records, Catalog([event("e", [pick(T0 + 8, network="YY")], origin=None)]))


def test_labels_that_are_there_stay(records):
    before = records.assign_coords(p_arrival=("event", [1.0, 2.0, 3.0], {"units": "s"}))
    ds = join_catalog(before, Catalog([event("e", [pick(T0 + 8)])]))
    np.testing.assert_array_equal(ds["p_arrival"], [8.0, 2.0, 3.0])


def test_what_is_no_catalogue(records, tmp_path):
    (tmp_path / "a.xml").write_text("<no/>")
    with pytest.raises(FormatError, match=r"a\.xml: no catalogue that obspy reads"):
        join_catalog(records, tmp_path / "a.xml")
    with pytest.raises(MissingFileError, match=r"b\.xml: no such file"):
        join_catalog(records, tmp_path / "b.xml")
    with pytest.raises(ConventionError, match="no coordinate 'starttime'"):
        join_catalog(records.drop_vars("starttime"), Catalog())
