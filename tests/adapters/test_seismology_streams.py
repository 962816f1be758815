"""Waveform files and streams against obspy, which wrote or reads the same."""

import pickle
import warnings

import numpy as np
import obspy
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime

from seisgeo import adapters, conventions
from seisgeo.adapters.seismology import from_stream, open_waveforms, to_stream, write_mseed
from seisgeo.errors import (
    ConventionError,
    DataWarning,
    FormatError,
    HeaderWarning,
    MissingFileError,
    OutputExistsError,
)

START = UTCDateTime("2020-03-01T12:00:00.5")


def trace(data, start=START, channel="HHZ", station="ABC", rate=100.0, network="XX"):
    made = Trace(np.asarray(data))
    made.stats.update({"network": network, "station": station, "channel": channel})
    made.stats.sampling_rate = rate
    made.stats.starttime = start
    return made


def counts(n, seed=0):
    return np.random.default_rng(seed).integers(-(2**23), 2**23, n).astype(np.int32)


@pytest.fixture
def three(tmp_path):
    """Three components of one station, written in no order."""
    stream = Stream([trace(counts(500, i), channel=f"HH{c}") for i, c in enumerate("ENZ")])
    path = tmp_path / "event.mseed"
    stream.write(path, format="MSEED", encoding="STEIM2")
    return path, stream


# ------------------------------------------------------------------------------------- one record


def test_a_file_opens_by_itself_with_components_in_order(three):
    path, stream = three
    ds = xr.open_dataset(path)
    assert conventions.validate(ds, "waveforms") is ds
    assert ds["component"].values.tolist() == ["Z", "N", "E"]
    assert ds["time"].values[[0, 1, 499]].tolist() == [0.0, 0.01, 4.99]
    for name, value in {
        "network": "XX",
        "station": "ABC",
        "location": "",
        "instrument": "HH",
    }.items():
        assert ds[name].values.tolist() == [value]
    assert ds["starttime"].values[0] == np.datetime64("2020-03-01T12:00:00.5", "ns")
    assert ds["live"].values.all()
    for c in "ZNE":
        np.testing.assert_array_equal(
            ds["amplitude"].sel(component=c).values[0], stream.select(component=c)[0].data
        )


def test_samples_stay_on_disk_until_they_are_asked_for(three):
    path, stream = three
    ds = xr.open_dataset(path)
    again = pickle.loads(pickle.dumps(ds))
    part = again["amplitude"][0, 1, 100:400:7]
    np.testing.assert_array_equal(part.values, stream.select(component="N")[0].data[100:400:7])
    path.unlink()
    with pytest.raises(FormatError, match=r"event\.mseed: has gone since it was opened"):
        ds["amplitude"].load()


@given(data=st.data())
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_index_gives_what_the_loaded_cube_gives(three, data):
    path, _ = three
    lazy = xr.open_dataset(path)["amplitude"]
    whole = lazy.copy(deep=True).load()

    def index(size):
        return data.draw(
            st.one_of(
                st.integers(-size, size - 1),
                # xarray takes empty slices that run backwards apart wrongly, for any lazy array.
                st.slices(size).filter(lambda s: len(range(*s.indices(size))) > 0),
                st.lists(st.integers(-size, size - 1), min_size=1, max_size=5),
            )
        )

    key = {"event": index(1), "component": index(3), "time": index(500)}
    np.testing.assert_array_equal(lazy.isel(key).values, whole.isel(key).values)


@pytest.mark.parametrize(
    ("dtype", "encoding", "kept"),
    [
        ("i4", "STEIM2", "f8"),
        ("i2", "INT16", "f4"),
        ("f4", "FLOAT32", "f4"),
        ("f8", "FLOAT64", "f8"),
    ],
)
def test_amplitudes_are_exact(tmp_path, dtype, encoding, kept):
    values = (np.random.default_rng(1).normal(size=300) * 2**14).astype(dtype)
    if dtype == "i4":
        values[:2] = [2**28 + 1, 2**28 - 1]  # float32 would round these
    Stream([trace(values)]).write(tmp_path / "a.mseed", format="MSEED", encoding=encoding)
    ds = xr.open_dataset(tmp_path / "a.mseed")
    assert ds["amplitude"].dtype == np.dtype(kept)
    np.testing.assert_array_equal(ds["amplitude"].values[0, 0], values)


@pytest.mark.parametrize("form", ["SAC", "GSE2", "SLIST", "SH_ASC"])
def test_other_formats_of_obspy(tmp_path, form):
    values = counts(200) // 2**8
    path = tmp_path / {"SAC": "a.sac", "GSE2": "a.gse2"}.get(form, "a.txt")
    Stream([trace(values.astype("f4" if form == "SAC" else "i4"))]).write(str(path), format=form)
    ds = open_waveforms(path)
    assert ds.attrs["source_format"] == form
    np.testing.assert_array_equal(ds["amplitude"].values[0, 0], values)
    assert ds["station"].values.tolist() == ["ABC"]


def test_sac_headers_become_labels(tmp_path):
    from obspy.io.sac import SACTrace

    sac = SACTrace.from_obspy_trace(trace(np.zeros(1000, np.float32)))
    sac.b = 2.0
    sac.a, sac.ka = 5.25, "IPU0"
    sac.t0, sac.kt0 = 7.5, "ES"
    sac.t1, sac.kt1 = 8.0, "LR"
    sac.o = -1.0
    sac.stla, sac.stlo, sac.stel = -75.0, -8.25, 20.0
    sac.evla, sac.evlo, sac.evdp, sac.mag = -74.0, -8.5, 10.0, 2.5
    sac.write(str(tmp_path / "a.sac"))
    ds = xr.open_dataset(tmp_path / "a.sac")
    start = ds["starttime"].values[0]
    want = {"p_arrival": 3.25, "s_arrival": 5.5, "station_latitude": -75.0, "magnitude": 2.5}
    want |= {"source_depth": 10_000.0, "source_longitude": -8.5, "station_elevation": 20.0}
    for name, value in want.items():
        assert ds[name].values[0] == pytest.approx(value), name
    assert (ds["origin_time"].values[0] - start) / np.timedelta64(1, "ms") == -3000


# -------------------------------------------------------------------- gaps, overlaps, components


def test_a_gap_is_nan_and_reported_with_trace_and_time(tmp_path):
    values = counts(1000)
    late = START + 6.0
    Stream([trace(values[:400]), trace(values[600:], late)]).write(
        tmp_path / "gap.mseed", format="MSEED"
    )
    said = r"XX\.ABC\.\.HHZ: 1 gap, 2 s in all, the first of 2 s at 2020-03-01T12:00:04\.500: NaN"
    with pytest.warns(DataWarning, match=said):
        ds = xr.open_dataset(tmp_path / "gap.mseed")
    found = ds["amplitude"].values[0, 0]
    np.testing.assert_array_equal(found[:400], values[:400])
    assert np.isnan(found[400:600]).all()
    np.testing.assert_array_equal(found[600:], values[600:])
    assert "1 gap" in ds.attrs["contradictions"]


@pytest.mark.parametrize("where", ["file", "stream"])
def test_later_segment_wins_where_two_overlap_whatever_is_read(tmp_path, where):
    first, second = counts(500, 1), counts(500, 2)
    stream = Stream([trace(second, START + 3.0), trace(first)])  # out of order, too
    want = np.concatenate([first[:300], second])
    path = tmp_path / "over.mseed"
    stream.write(path, format="MSEED")
    with pytest.warns(HeaderWarning, match=r"XX\.ABC\.\.HHZ .*2 s at 2020-03-01T12:00:03\.500"):
        ds = xr.open_dataset(path) if where == "file" else from_stream(stream)
    np.testing.assert_array_equal(ds["amplitude"][0, 0, 350:450].values, want[350:450])
    np.testing.assert_array_equal(ds["amplitude"].values[0, 0], want)
    merged = stream.copy().merge(method=1)[0]
    np.testing.assert_array_equal(want, merged.data)


def test_windows_around_events_become_records_and_a_day_with_gaps_stays_one(tmp_path):
    windows = [trace(counts(300, i), START + 3600.0 * i) for i in range(3)]
    Stream(windows).write(tmp_path / "events.mseed", format="MSEED")
    ds = xr.open_dataset(tmp_path / "events.mseed")
    assert dict(ds.sizes) == {"event": 3, "component": 1, "time": 300}
    np.testing.assert_array_equal(ds["amplitude"].values[2, 0], windows[2].data)
    assert (np.diff(ds["starttime"].values) == np.timedelta64(3600, "s")).all()
    with pytest.warns(DataWarning, match="2 gaps"):
        joined = open_waveforms(tmp_path / "events.mseed", longest_gap=4000)
    assert dict(joined.sizes) == {"event": 1, "component": 1, "time": 720_300}
    np.testing.assert_array_equal(joined["amplitude"][0, 0, 360_000:360_300], windows[1].data)


def test_stations_are_events_and_missing_components_are_nan(tmp_path):
    a = [trace(counts(100, i), channel=f"HH{c}") for i, c in enumerate("ZNE")]
    b = trace(counts(80, 9), START + 0.25, station="DEF")
    for t in [*a, b]:
        t.write(str(tmp_path / f"{t.id}.sac"), format="SAC")
    with pytest.warns(DataWarning, match=r"missing components, NaN: XX\.DEF\.\.HH\? lacks N, E"):
        ds = xr.open_dataset(tmp_path)
    assert ds["station"].values.tolist() == ["ABC", "DEF"]
    assert ds["live"].values.tolist() == [[True] * 3, [True, False, False]]
    assert ds["sample_count"].values.tolist() == [100, 80]
    np.testing.assert_array_equal(ds["amplitude"].values[1, 0, :80], b.data)
    assert np.isnan(ds["amplitude"].values[1, 0, 80:]).all()
    assert np.isnan(ds["amplitude"].values[1, 1:]).all()


def test_components_that_start_apart_share_the_first_start():
    stream = Stream([trace(counts(100, 1)), trace(counts(100, 2), START + 0.05, channel="HHN")])
    ds = from_stream(stream)
    n = ds["amplitude"].sel(component="N").values[0]
    assert np.isnan(n[:5]).all()
    np.testing.assert_array_equal(n[5:], stream[1].data)
    assert ds["starttime"].values[0] == np.datetime64(START.ns, "ns")


def test_samples_between_those_of_the_record_are_reported():
    stream = Stream([trace(counts(100, 1)), trace(counts(100, 2), START + 0.003, channel="HHN")])
    with pytest.warns(HeaderWarning, match=r"times of XX\.ABC\.\.HHN .*by: 3 ms"):
        from_stream(stream)


def test_other_sampling_rates_are_left_out_and_opened_when_asked_for(tmp_path):
    stream = Stream([trace(counts(1000)), trace(counts(50), channel="LHZ", rate=1.0)])
    stream.write(tmp_path / "two.mseed", format="MSEED")
    said = r"1 Hz, not 100 Hz, and left out: XX\.ABC\.\.LHZ; sampling_rate=1 opens them"
    with pytest.warns(DataWarning, match=said):
        ds = xr.open_dataset(tmp_path / "two.mseed")
    assert ds.sizes["time"] == 1000
    slow = xr.open_dataset(tmp_path / "two.mseed", sampling_rate=1.0)
    np.testing.assert_array_equal(slow["amplitude"].values[0, 0], stream[1].data)
    with pytest.raises(FormatError, match=r"nothing is sampled at 20 Hz; .*1, 100 Hz"):
        xr.open_dataset(tmp_path / "two.mseed", sampling_rate=20.0)


def test_a_channel_without_a_name_is_component_1():
    ds = from_stream(Stream([trace(counts(10), channel="")]))
    assert ds["component"].values.tolist() == ["1"]
    assert ds["instrument"].values.tolist() == [""]


def test_masked_streams_are_taken_with_their_gaps():
    stream = Stream([trace(counts(100, 1)), trace(counts(100, 2), START + 1.5)]).merge()
    with pytest.warns(DataWarning, match="1 gap"):
        ds = from_stream(stream)
    found = ds["amplitude"].values[0, 0]
    np.testing.assert_array_equal(np.isnan(found), stream[0].data.mask)


# ----------------------------------------------------------------------------------- and back


def test_stream_there_and_back_is_the_same(three):
    _, stream = three
    back = to_stream(from_stream(stream))
    for t in back:
        want = stream.select(id=t.id)[0]
        np.testing.assert_array_equal(t.data, want.data)
        assert t.stats.starttime == want.stats.starttime
        assert t.stats.sampling_rate == want.stats.sampling_rate


@given(
    n_gaps=st.integers(0, 3),
    whole=st.booleans(),
    seed=st.integers(0, 99),
    rate=st.sampled_from([1.0, 40.0, 62.5, 100.0, 1000.0, 200 / 3]),
)
@settings(max_examples=20, deadline=None)
def test_miniseed_gives_back_what_went_in(tmp_path_factory, n_gaps, whole, seed, rate):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, 2, 300)) * 1e4
    values = np.round(values) if whole else values
    for at in rng.integers(20, 260, n_gaps):
        values[0, 0, at : at + 20] = np.nan
    ds = conventions.describe(
        xr.Dataset(
            {"amplitude": (("event", "component", "time"), values)},
            coords={
                "time": np.round(np.arange(300) / rate, 12),
                "component": ["Z", "N"],
                "network": ("event", ["XX", "XX"]),
                "station": ("event", ["A", "B"]),
                "instrument": ("event", ["HH", "HH"]),
                "starttime": ("event", np.array(["2001-01-01", "2001-01-02"], "M8[ns]")),
            },
        )
    )
    path = tmp_path_factory.mktemp("mseed") / "a.mseed"
    write_mseed(ds, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the gaps
        again = open_waveforms(path, longest_gap=1e3)
    np.testing.assert_array_equal(again["amplitude"].values, values)
    np.testing.assert_allclose(again["time"], ds["time"], atol=1e-9)
    np.testing.assert_array_equal(again["starttime"], ds["starttime"])
    assert {t.stats.mseed.encoding for t in obspy.read(path)} <= (
        {"STEIM2"} if whole else {"FLOAT64"}
    )


def test_miniseed_refuses_what_it_cannot_hold(three, tmp_path):
    ds = from_stream(three[1])
    out = tmp_path / "out.mseed"
    with pytest.raises(ConventionError, match=r"station 'ABCDEFG' is longer than the 5 letters"):
        write_mseed(ds.assign_coords(station=("event", ["ABCDEFG"])), out)
    with pytest.raises(ConventionError, match="needs the time of each record, and event 0"):
        write_mseed(ds.drop_vars("starttime"), out)
    assert not out.exists()
    write_mseed(ds, out)
    with pytest.raises(OutputExistsError, match="already exists"):
        write_mseed(ds, out)


def test_convert_to_zarr_netcdf_and_back_to_miniseed(three, tmp_path):
    path, _ = three
    for name in ("event.zarr", "event.nc"):
        adapters.convert(path, tmp_path / name)
        xr.testing.assert_equal(xr.open_dataset(tmp_path / name), xr.open_dataset(path))
    back = adapters.convert(tmp_path / "event.zarr", tmp_path / "back.mseed")
    xr.testing.assert_equal(xr.open_dataset(back)["amplitude"], xr.open_dataset(path)["amplitude"])


def test_long_records_are_cut_in_time_when_they_are_stored(tmp_path):
    trace(np.arange(3_000_000, dtype=np.int32), rate=1000.0).write(
        str(tmp_path / "long.mseed"), format="MSEED"
    )
    adapters.convert(tmp_path / "long.mseed", tmp_path / "long.zarr")
    ds = xr.open_dataset(tmp_path / "long.zarr")
    assert ds["amplitude"].encoding["chunks"] == (1, 1, 1_000_000)
    assert ds["amplitude"][0, 0, 2_345_678].item() == 2_345_678
    chunked = xr.open_dataset(tmp_path / "long.mseed", chunks={})["amplitude"]
    assert max(chunked.chunks[2]) < 1_000_000
    assert chunked[0, 0, ::100_000].values.tolist() == list(range(0, 3_000_000, 100_000))


# ------------------------------------------------------------------------------------ bad input


def test_what_is_no_waveform_file_is_said(tmp_path):
    empty, other = tmp_path / "empty.mseed", tmp_path / "other.sac"
    empty.touch()
    other.write_bytes(b"no seismogram at all, whatever its name says" * 20)
    with pytest.raises(FormatError, match=r"empty\.mseed: is empty"):
        xr.open_dataset(empty)
    with pytest.raises(FormatError, match=r"other\.sac: obspy knows no waveform format .*6e 6f"):
        xr.open_dataset(other)
    with pytest.raises(MissingFileError, match=r"nowhere\.mseed: no such file"):
        open_waveforms(tmp_path / "nowhere.mseed")
    with pytest.raises(FormatError, match="no file given"):
        open_waveforms([])


def test_pickles_are_never_opened(tmp_path):
    path = tmp_path / "a.mseed"
    path.write_bytes(pickle.dumps(obspy.read()))
    with pytest.raises(FormatError, match="obspy knows no waveform format"):
        xr.open_dataset(path)


def test_segy_is_sent_to_its_own_reader(data_dir):
    with pytest.raises(FormatError, match="this is SEGY; open it with engine='seisgeo-segy'"):
        xr.open_dataset(data_dir / "segy/viking_small.segy", engine="seisgeo-events")


@pytest.mark.parametrize("lost", [1, 300, 511, 600])
def test_a_cut_miniseed_gives_whole_records_and_says_so(tmp_path, lost):
    values = counts(5000)
    path = tmp_path / "cut.mseed"
    trace(values).write(str(path), format="MSEED", reclen=512, encoding="INT32")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.warns(DataWarning, match=rf"its last {(512 - lost) % 512} bytes make no whole rec"):
        ds = xr.open_dataset(path)
    found = ds["amplitude"].values[0, 0]
    assert 4500 < len(found) < 5000
    np.testing.assert_array_equal(found, values[: len(found)])


def test_a_cut_sac_file_is_named(tmp_path):
    path = tmp_path / "cut.sac"
    trace(np.ones(500, np.float32)).write(str(path), format="SAC")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match=r"cut\.sac: this SAC file is broken or cut short"):
        xr.open_dataset(path).load()


# ------------------------------------------------------------------------------------- real files


def test_icequakes_are_as_obspy_reads_them(data_dir):
    folder = data_dir / "icequakes"
    ds = xr.open_dataset(folder)
    assert ds["station"].values.tolist() == ["ST01", "ST03", "ST05", "ST08"]
    assert (ds["starttime"].values == np.datetime64("2009-01-21T04:00")).all()
    for row, path in enumerate(sorted(folder.glob("*.m"))):
        want = obspy.read(path)[0].data
        np.testing.assert_array_equal(ds["amplitude"][row, 0].values, want)
        part = slice(1_234_567, 1_254_567)
        np.testing.assert_array_equal(ds["amplitude"][row, 0, part].values, want[part])


def test_records_that_overlap_are_told_of_when_they_become_miniseed(tmp_path):
    ds = from_stream(Stream([trace(counts(300))]))
    later = ds.assign_coords(starttime=ds["starttime"] + np.timedelta64(1, "s"))
    both = xr.concat([ds, later], "event")
    with pytest.warns(DataWarning, match=r"1 records begin before .*: XX\.ABC\.\.HH 2020-03-01T12"):
        write_mseed(both, tmp_path / "both.mseed")


def test_gaps_of_a_channel_are_counted_over_all_records(tmp_path):
    parts = [(0, 100), (101, 100), (5000, 100), (5101, 100), (9000, 300)]
    stream = Stream([trace(counts(n), START + at / 100) for at, n in parts])
    stream.write(tmp_path / "a.mseed", format="MSEED")
    with pytest.warns(DataWarning, match=r"HHZ: 2 gaps, 0\.02 s in all") as said:
        ds = xr.open_dataset(tmp_path / "a.mseed")
    assert ds.sizes["event"] == 3
    assert str(said[0].message).count("\n") == 1


def test_codes_outside_of_the_standard_are_read(tmp_path):
    stream = Stream([trace(counts(500), network="", station="mart", channel="cp")])
    stream.write(tmp_path / "a.mseed", format="MSEED")
    np.testing.assert_array_equal(
        xr.open_dataset(tmp_path / "a.mseed")["amplitude"][0, 0], stream[0]
    )


def test_a_text_file_cut_short_gives_what_it_holds(tmp_path):
    path = tmp_path / "a.txt"
    stream = Stream([trace(counts(600))])
    stream.write(str(path), format="SLIST")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:51]) + "\n")  # the header, and 50 lines of 6 samples
    with pytest.warns(DataWarning, match=r"XX\.ABC\.\.HHZ: holds 300 of the 600 samples it tells"):
        ds = open_waveforms(path)
    np.testing.assert_array_equal(ds["amplitude"].values[0, 0], stream[0].data[:300])


@pytest.mark.parametrize("true_rate", [100.002, 99.998])
def test_a_clock_that_drifts_is_reported_and_every_read_gives_the_same(tmp_path, true_rate):
    values = np.arange(200_000, dtype=np.int32)
    path = tmp_path / "drift.mseed"
    with path.open("wb") as file:
        for first in range(0, len(values), 1000):  # within obspy's tolerance each
            part = trace(values[first : first + 1000], START + first / true_rate)
            part.write(file, format="MSEED", encoding="STEIM2", reclen=512)
    late = "-" if true_rate > 100 else r"\+"
    with pytest.warns(HeaderWarning, match=rf"clock of XX\.ABC\.\.HHZ .*: {late}3\d\.?\d* ms off"):
        ds = xr.open_dataset(path)
    np.testing.assert_array_equal(ds["amplitude"][0, 0, 150_000:150_010], values[150_000:150_010])
    np.testing.assert_array_equal(ds["amplitude"][0, 0, -10:], values[-10:])
    np.testing.assert_array_equal(ds["amplitude"].values[0, 0], values)


# ------------------------------------------------------------------------------------------ SEG-2


@pytest.mark.parametrize("name", ["7", "16", "22"])
def test_channels_of_seg2_are_stations_by_their_numbers(data_dir, name):
    path = data_dir / f"seg2/{name}.dat"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = obspy.read(path)
    numbers = [t.stats.seg2.CHANNEL_NUMBER for t in stream]
    for ds in (open_waveforms(path), from_stream(stream)):
        assert conventions.validate(ds, "waveforms") is ds
        assert ds["station"].values.tolist() == numbers
        assert "contradictions" not in ds.attrs
        np.testing.assert_array_equal(ds["amplitude"].values[:, 0], [t.data for t in stream])
        assert ds["starttime"].values[0] == np.datetime64(stream[0].stats.starttime.ns, "ns")
    assert "receiver" in xr.open_dataset(path).dims  # as gathers, when nothing else is asked for
    assert open_waveforms(data_dir / "seg2", sampling_rate=1000).sizes["event"] == 48


def test_a_seg2_file_cut_short_is_named(data_dir, tmp_path):
    path = tmp_path / "cut.dat"
    path.write_bytes((data_dir / "seg2/7.dat").read_bytes()[:-100])
    with pytest.raises(FormatError, match=r"cut\.dat: this SEG-2 file is broken .*trace 24 of 24"):
        open_waveforms(path)


def test_traces_without_codes_that_overlap_are_channels_of_their_own():
    bare = {"network": "", "station": "", "channel": ""}
    stream = Stream([trace(counts(500, i), **bare) for i in range(3)])
    ds = from_stream(stream)
    assert ds["station"].values.tolist() == ["1", "2", "3"]
    np.testing.assert_array_equal(ds["amplitude"].values[:, 0], [t.data for t in stream])
    stream[1].stats.starttime, stream[2].stats.starttime = START + 5, START + 10
    joined = from_stream(stream)
    assert joined["station"].values.tolist() == [""]
    np.testing.assert_array_equal(
        joined["amplitude"].values[0, 0], np.concatenate([t.data for t in stream])
    )
    named = Stream([trace(counts(500, i)) for i in range(2)])  # one channel, told twice
    with pytest.warns(HeaderWarning, match="overlapping segments"):
        assert from_stream(named).sizes["event"] == 1


def test_an_error_names_the_file_once(tmp_path):
    path = tmp_path / "a.mseed"
    trace(counts(500)).write(str(path), format="MSEED", reclen=512)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(FormatError, match=r"this MSEED file is broken") as error:
        open_waveforms(path)
    assert str(error.value).count("a.mseed") == 1
