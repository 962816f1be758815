"""Synthetic events as a user meets them: tables, bulk, determinism and messages."""

import json
import sys

import numpy as np
import pytest
import xarray as xr
from obspy.geodetics import locations2degrees

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import OutputExistsError, ParameterError
from seisgeo.synth import draw_events, generate_events, simulate_events
from seisgeo.synth.events import KINDS, REGIONS, Recorder, stations_of

bulk = sys.modules["seisgeo.synth.events.generate"]
SHORT = Recorder(n_time=2500)


def make(n=60, **changes):
    return generate_events(n, **(dict(recorder=SHORT, seed=5, progress=False) | changes))


@pytest.fixture(scope="module")
def cube():
    return make(210)


# ----------------------------------------------------------------------------------------- cubes


def test_cube_follows_the_conventions_and_tells_the_truth(cube):
    conventions.validate(cube, "waveforms", values=True)
    assert cube.amplitude.dtype == np.float32
    assert cube.amplitude.attrs["units"] == "m/s"
    assert set(cube.source_type.values) == set(KINDS)
    assert set(cube.region.values) == set(REGIONS)
    for region, station in zip(cube.region.values, cube.station.values, strict=True):
        assert station in stations_of(REGIONS[region]).code
    waves = np.isin(cube.source_type.values, KINDS[:3])
    for name in ("p_arrival", "s_arrival", "magnitude", "source_depth", "source_latitude"):
        np.testing.assert_array_equal(np.isfinite(cube[name]), waves, name)
    here = cube.isel(event=waves)
    assert (here.p_arrival < here.s_arrival).all()
    assert (here.s_arrival < SHORT.duration).all()
    assert (abs(here.p_polarity) == 1).all()
    blasts = here.source_type.values == "explosion"
    assert (here.p_polarity[blasts] == 1).all()
    assert np.isnan(here.strike[blasts]).all()
    assert np.isnan(cube.snr[cube.source_type.values == "noise"]).all()


def test_epicentres_lie_where_distance_and_azimuth_say(cube):
    here = cube.isel(event=np.isfinite(cube.magnitude.values))
    places = [
        here[n].values
        for n in ("source_latitude", "source_longitude", "station_latitude", "station_longitude")
    ]
    arc = np.array([locations2degrees(*place) for place in zip(*places, strict=True)])
    np.testing.assert_allclose(np.radians(arc) * 6371e3, here.epicentral_distance, rtol=1e-6)
    for start, end, name in ((0, 2, "azimuth"), (2, 0, "back_azimuth")):
        a, b, c, d = (np.radians(places[i]) for i in (start, start + 1, end, end + 1))
        bearing = np.degrees(
            np.arctan2(
                np.sin(d - b) * np.cos(c),
                np.cos(a) * np.sin(c) - np.sin(a) * np.cos(c) * np.cos(d - b),
            )
        )
        miss = (bearing - here[name].values + 180) % 360 - 180
        assert abs(miss).max() < 1e-4


def test_the_signal_to_noise_ratio_is_as_asked():
    events = draw_events(9, kinds=["earthquake", "icequake", "spike"], regions="glacier", seed=2)
    noisy = simulate_events(events)
    np.testing.assert_allclose(noisy.snr, events.snr)
    assert ((noisy.snr >= 5) & (noisy.snr <= 40)).all()
    events["snr"][:] = np.nan  # as strong as the sources and the ground make them
    natural = simulate_events(events).isel(event=[0, 1])
    assert (abs(natural.snr - noisy.snr[:2]) > 0.01).all()
    events["magnitude"][:] = events["magnitude"] + 1
    assert (simulate_events(events).snr[:2] > natural.snr + 10).all()


@pytest.fixture(scope="module")
def network():
    """Five earthquakes of two regions at four stations each."""
    return make(
        5,
        kinds="earthquake",
        regions=["craton", "plate-boundary"],
        stations=4,
        recorder=Recorder(n_time=4000),
    )


def test_several_stations_record_the_same_event(network):
    assert network.sizes["event"] == 20
    for _, one in network.groupby("event_id"):
        assert one.sizes["event"] == 4
        for name in ("source_depth", "magnitude", "strike", "dip", "rake", "region"):
            assert len(set(one[name].values)) == 1, name
        for name in ("source_latitude", "source_longitude"):
            np.testing.assert_allclose(one[name], one[name][0], atol=1e-6)
        assert len(set(one.station.values)) == 4
        assert (np.diff(one.epicentral_distance) > 0).all()
        # The nearest: no other station of the region is nearer than the farthest of them.
        all_of_them = stations_of(REGIONS[one.region.values[0]])
        arc = [
            locations2degrees(one.source_latitude[0], one.source_longitude[0], *place)
            for place in zip(all_of_them.latitude, all_of_them.longitude, strict=True)
        ]
        assert set(all_of_them.code[np.argsort(arc)[:4]]) == set(one.station.values)
        # One origin: the first sample, and from it P, less the travel time.
        seconds = (one.starttime - one.starttime[0]) / np.timedelta64(1, "s")
        origin = seconds + one.p_arrival - one.p_travel_time
        np.testing.assert_allclose(origin, origin[0], atol=1e-6)
    noise = network.amplitude.values[:, :, :100]
    assert len(np.unique(noise[:, 0, 0])) == 20, "each record has noise of its own"


def test_stations_are_the_same_in_a_store(network, tmp_path):
    settings = dict(kinds="earthquake", regions=["craton", "plate-boundary"], stations=4)
    out = tmp_path / "network.zarr"
    kept = make(5, recorder=Recorder(n_time=4000), out=out, workers=1, **settings).load()
    xr.testing.assert_identical(kept.drop_attrs(), network.drop_attrs())
    with pytest.raises(OutputExistsError, match="stations: 3 asked, 4 there"):
        make(5, recorder=Recorder(n_time=4000), out=out, **{**settings, "stations": 3})


def test_icequakes_are_short_and_of_high_frequency():
    cube = make(
        80, kinds=["earthquake", "icequake"], regions="glacier", recorder=Recorder(snr=(40, 40))
    )
    power = abs(np.fft.rfft(cube.amplitude.values)) ** 2
    f = np.fft.rfftfreq(cube.sizes["time"], 0.01)
    centre = (power * f).sum((1, 2)) / power.sum((1, 2))
    centre = np.median(centre.reshape(-1, 2), 0)
    length = np.median((cube.coda_end - cube.p_arrival).values.reshape(-1, 2), 0)
    assert centre[1] > 1.2 * centre[0]
    assert length[1] < 0.3 * length[0]


def test_instruments_record_their_own_units():
    paz = {"poles": [-4.44 + 4.44j, -4.44 - 4.44j], "zeros": [0j, 0j], "sensitivity": 4e8}
    motions = [make(2, kinds="noise", recorder=Recorder(response=r)) for r in ("velocity", paz)]
    assert motions[1].amplitude.attrs["units"] == "counts"
    v, c = (np.fft.rfft(m.amplitude.values) for m in motions)
    f = np.fft.rfftfreq(6000, 0.01)
    ratio = abs(c).sum((0, 1)) / abs(v).sum((0, 1))
    assert ratio[np.searchsorted(f, 20.0)] == pytest.approx(4e8, rel=0.05)


# ------------------------------------------------------------------------------------------- bulk


def test_the_same_seed_gives_the_same_bytes_whatever_is_made_with_it(cube, tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "BLOCK", 20)
    monkeypatch.setattr(bulk, "CHUNK", 10)
    parts = make(45)
    stored = make(45, out=tmp_path / "events.zarr", workers=1)
    assert stored.amplitude.encoding["shards"] == (20, 3, 2500)
    for other in (parts, stored.load()):
        xr.testing.assert_identical(other.drop_attrs(), cube.isel(event=slice(45)).drop_attrs())
    alone = simulate_events(draw_events([201, 7], recorder=SHORT, seed=5), recorder=SHORT)
    np.testing.assert_array_equal(alone.amplitude, cube.amplitude[[201, 7]])
    assert (make(3, seed=6).amplitude.values != cube.amplitude.values[:3]).any()


def test_workers_write_the_same(cube, tmp_path):
    two = make(210, out=tmp_path / "two.zarr", workers=2)
    xr.testing.assert_identical(two.load().drop_attrs(), cube.drop_attrs())


def test_a_stopped_run_goes_on_and_others_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "BLOCK", 20)
    whole = bulk._Run.write
    calls = []

    def stops(self, stage, start, stop):
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(start)
        return whole(self, stage, start, stop)

    out = tmp_path / "events.zarr"
    monkeypatch.setattr(bulk._Run, "write", stops)
    with pytest.raises(KeyboardInterrupt):
        make(out=out, workers=1)
    assert not out.exists()
    with pytest.raises(OutputExistsError, match="seed: 9 asked, 5 there"):
        make(out=out, workers=1, seed=9)
    monkeypatch.setattr(
        bulk._Run, "write", lambda self, stage, *b: calls.append(b[0]) or whole(self, stage, *b)
    )
    done = make(out=out, workers=1)
    assert sorted(calls) == [0, 20, 40], "no block is made twice"
    xr.testing.assert_identical(done.load().drop_attrs(), make().drop_attrs())
    xr.testing.assert_identical(make(out=out).load(), done)
    assert json.loads(done.attrs["generation"])["n"] == 60
    with pytest.raises(OutputExistsError, match=r"n: 61 asked, 60 there"):
        make(61, out=out)
    assert make(5, out=out, overwrite=True, workers=1).sizes["event"] == 5


def test_kinds_and_regions_take_turns():
    events = draw_events(24, kinds=["earthquake", "noise"], regions=["craton", "volcano"], seed=0)
    pairs = list(zip(events.region.values, events.source_type.values, strict=True))
    assert all(pairs.count(pair) == 6 for pair in set(pairs))
    assert len(set(pairs)) == 4
    only = make(6, kinds="icequake")  # in the regions that have ice
    assert set(only.region.values) == {"ice-stream", "ice-rise", "glacier"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: make(0), "nothing to generate: n=0"),
        (lambda: make(kinds="quake"), "kinds: expected different ones of earthquake.*found quake"),
        (lambda: make(kinds="icequake", regions="craton"), "'craton' has no icequake; it has"),
        (lambda: make(regions="moon"), "unknown region 'moon'; known: plate-boundary"),
        (lambda: make(regions=["craton", "craton"]), "expected different regions"),
        (lambda: make(workers=0, out="x.zarr"), "workers must be at least 1, found 0"),
        (
            lambda: make(1, kinds="earthquake", regions="craton", stations=9),
            "'craton' has 8 stations; 9",
        ),
        (lambda: make(kinds="noise", stations=2), "no source in the ground"),
        (
            lambda: make(40, kinds="earthquake", regions="craton", stations=8),
            "records of 25 s are too short: S comes .* s after P at station C0",
        ),
        (lambda: make(recorder=Recorder(n_time=300)), "too short for the .*make n_time larger"),
        (lambda: Recorder(dt=0), "dt: expected seconds above zero, found 0"),
        (lambda: Recorder(response="counts"), "response: expected one of displacement, velocity"),
        (lambda: Recorder(p_arrival=(5, 70)), r"p_arrival: .*within the record of 60 s"),
        (
            lambda: simulate_events(draw_events(1).drop_vars("dip")),
            "events: dip missing; draw_events gives",
        ),
        (
            lambda: simulate_events(draw_events(1, regions="craton"), regions="volcano"),
            r"region 'craton', which is none of volcano; pass it as regions=",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=says):
        call()
    assert not (tmp_path / "x.zarr").exists()


def test_it_is_where_the_library_says():
    assert sg.synth.generate_events is generate_events
