"""Detection against obspy's own trigger on whole records, and spikes at known times."""

import pickle
import subprocess
import sys

import numpy as np
import obspy
import pandas as pd
import pytest
import xarray as xr
from obspy import Stream, Trace, UTCDateTime
from obspy.signal.trigger import classic_sta_lta, coincidence_trigger, trigger_onset

from seisgeo import conventions, sta_lta, trigger_windows
from seisgeo.adapters.seismology import open_waveforms
from seisgeo.detection import detect, windows, write_catalogue
from seisgeo.errors import (
    ConventionError,
    DataWarning,
    FormatError,
    MissingFileError,
    OutputExistsError,
    ParameterError,
)

START = UTCDateTime("2020-03-01T00:00:00")
RATE = 100.0


def record(events=(), n=12_000, station="ABC", seed=0, channel="HHZ", start=START, level=100.0):
    """Noise with decaying 10 Hz wavelets that begin at some times (s)."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=n) * level
    t = np.arange(200) / RATE
    for at in events:
        i = round(at * RATE)
        burst = 5000 * np.sin(2 * np.pi * 10 * t + 0.5) * np.exp(-3 * t)
        samples[i : i + 200] += burst[: len(samples) - i]
    made = Trace(np.round(samples + 3000).astype(np.int32))
    made.stats.update({"network": "XX", "station": station, "channel": channel})
    made.stats.sampling_rate, made.stats.starttime = RATE, start
    return made


def oracle(trace, sta=0.5, lta=10.0, on=4.0, off=1.5, band=None):
    """Triggers of obspy on the whole trace: first and last samples."""
    trace = trace.copy()
    trace.data = trace.data.astype(float)
    trace.detrend("demean")
    if band:
        trace.filter("bandpass", freqmin=band[0], freqmax=band[1], corners=4, zerophase=False)
    ratio = classic_sta_lta(trace.data, round(sta * RATE), round(lta * RATE))
    return np.array(trigger_onset(ratio, on, off)), ratio


def onsets(table, start=START):
    since = table["time"].to_numpy() - np.datetime64(start.ns, "ns")
    return since / np.timedelta64(1, "s")


def test_bursts_are_found_when_they_begin():
    times = [20.0, 47.31, 80.5, 111.11]
    table = detect(Stream([record(times)]))
    np.testing.assert_allclose(onsets(table), times, atol=0.1)
    assert table["channel"].tolist() == ["HHZ"] * 4
    assert table["amplitude"].between(3000, 6000).all()
    assert table["event_id"].is_unique
    assert table.attrs["lta"] == 10.0


@pytest.mark.parametrize("piece", [777, 2000, 5000, 1 << 21])
@pytest.mark.parametrize("band", [None, (2.0, 20.0)])
def test_pieces_join_to_what_obspy_finds_in_the_whole(monkeypatch, piece, band):
    monkeypatch.setattr(sta_lta, "PIECE", piece)
    trace = record(np.arange(15.0, 110.0, 4.7), seed=3)
    how = {"sta": 0.3, "lta": 5.0, "on": 2.5, "off": 1.2, "band": band}
    want, ratio = oracle(trace, **how)
    table = detect(Stream([trace]), **how)
    assert len(want) > 10
    np.testing.assert_array_equal(np.round(onsets(table) * RATE), want[:, 0])
    np.testing.assert_allclose(table["duration"] * RATE, want[:, 1] - want[:, 0])
    peaks = [ratio[a : b + 1].max() for a, b in want]
    np.testing.assert_allclose(table["sta_lta"], peaks, rtol=1e-9)


def test_a_trigger_that_is_on_at_the_end_is_kept():
    trace = record([119.6])
    want, _ = oracle(trace)
    table = detect(Stream([trace]))
    assert want[-1, 1] == len(trace.data) - 1
    np.testing.assert_array_equal(np.round(onsets(table) * RATE), want[:, 0])
    np.testing.assert_allclose(table["duration"] * RATE, want[:, 1] - want[:, 0])


def test_files_side_by_side_give_what_one_after_another_gives(tmp_path):
    for i, station in enumerate(["A", "B", "C"]):
        record([30.0 + i], station=station, seed=i).write(
            str(tmp_path / f"{station}.mseed"), format="MSEED"
        )
    one = detect(tmp_path, workers=1)
    many = detect(sorted(tmp_path.glob("*.mseed")), workers=2, progress=False)
    pd.testing.assert_frame_equal(one, many)
    assert one["station"].tolist() == ["A", "B", "C"]
    stream = detect(Stream([obspy.read(p)[0] for p in sorted(tmp_path.glob("*"))]))
    pd.testing.assert_frame_equal(one.drop(columns="file"), stream.drop(columns="file"))


def test_each_stretch_between_gaps_is_searched_by_itself(tmp_path):
    first, second = record([30.0]), record([30.0, 60.0], seed=1, start=START + 130)
    Stream([first, second]).write(str(tmp_path / "gap.mseed"), format="MSEED")
    with pytest.warns(DataWarning, match=r"XX\.ABC\.\.HHZ: 1 gap, 10 s in all"):
        table = detect(tmp_path / "gap.mseed")
    want = [oracle(first)[0][:, 0], 13_000 + oracle(second)[0][:, 0]]
    np.testing.assert_array_equal(np.round(onsets(table) * RATE), np.concatenate(want))


def test_coincidences_are_those_of_obspy():
    stream = Stream(
        [
            record([20.0, 50.0, 80.0], station="A", seed=1),
            record([20.6, 65.0, 80.9], station="B", seed=2),
            record([20.3, 81.2, 100.0], station="C", seed=3),
        ]
    )
    table = detect(stream, stations=3, off=1.0)
    filtered = stream.copy()
    for trace in filtered:
        trace.data = trace.data.astype(float)
    filtered.detrend("demean")
    want = coincidence_trigger("classicstalta", 4.0, 1.0, filtered, 3, sta=0.5, lta=10.0)
    found = table.groupby("event_id")
    assert len(found) == len(want) == 2
    for (_, rows), event in zip(found, want, strict=True):
        assert rows["time"].iloc[0] == np.datetime64(event["time"].ns, "ns")
        assert set(rows["station"]) == set(event["stations"])
    assert set(detect(stream, stations=2, off=1.0)["station"]) == {"A", "B", "C"}
    assert len(detect(stream, stations=4, off=1.0)) == 0


def test_delay_bridges_the_travel_time_between_stations():
    stream = Stream([record([20.0], station="A"), record([20.0 + 8.0], station="B", seed=2)])
    assert len(detect(stream, stations=2)) == 0
    assert detect(stream, stations=2, delay=8.0)["event_id"].tolist() == ["00000000"] * 2


def test_vertical_is_searched_and_the_first_where_there_is_none():
    stream = Stream(
        [
            record([30.0], channel="HHN"),
            record([60.0], channel="HHZ", seed=1),
            record([90.0], channel="HH1", station="D", seed=2),
        ]
    )
    assert detect(stream)["channel"].tolist() == ["HHZ", "HH1"]
    assert detect(stream, component="N")["channel"].tolist() == ["HHN", "HH1"]


# ----------------------------------------------------------------------------------- bad input


def test_short_flat_and_clipped_channels_are_named():
    flat = record(station="FLAT")
    flat.data[:] = 7
    short = record(station="SHORT", n=900)
    clipped = record([30.0, 60.0], station="CLIP")
    clipped.data = np.clip(clipped.data, 3000 - 2500, 3000 + 2500)
    with pytest.warns(DataWarning, match="detect:") as said:
        table = detect(Stream([flat, short, clipped]))
    text = str(said[0].message)
    assert "XX.FLAT..HHZ: 1 stretch, 120 s in all" in text
    assert "constant, not searched" in text
    assert "XX.SHORT..HHZ: 1 stretch, 9 s in all, the first 0 s after its start: shorter" in text
    assert "XX.CLIP..HHZ: 1 stretch, 120 s in all, the first 0 s after its start: clipped" in text
    assert text.count("clipped") == 1
    np.testing.assert_allclose(onsets(table), [30.0, 60.0], atol=0.1)


def test_the_top_of_a_slow_wave_is_not_clipping(recwarn):
    trace = record()
    t = np.arange(len(trace.data)) / RATE
    trace.data = np.round(100 * np.sin(2 * np.pi * t / 130)).astype(np.int32)
    detect(Stream([trace]), on=19)
    assert not [w for w in recwarn if "clipped" in str(w.message)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sta": 10.0}, r"sta=10 s, lta=10 s: expected 0 < sta < lta"),
        ({"on": 1.0}, r"on=1, off=1\.5: expected 0 < off <= on"),
        ({"on": 25.0}, r"on=25: the ratio is never above lta / sta = 20"),
        ({"band": (20.0, 2.0)}, r"band=\(20\.0, 2\.0\): expected two frequencies"),
        ({"band": (60.0, 90.0)}, r"begins above the Nyquist frequency of 100 Hz data, 50 Hz"),
        ({"stations": 0}, r"stations=0: expected 1 or more"),
    ],
)
def test_parameters_that_make_no_trigger(options, message):
    with pytest.raises(ParameterError, match=message):
        detect(Stream([record()]), **options)


def test_files_that_are_not_there_or_no_waveforms(tmp_path):
    with pytest.raises(MissingFileError, match=r"a\.mseed: no such file"):
        detect(tmp_path / "a.mseed")
    with pytest.raises(FormatError, match="this folder holds no waveform files"):
        detect(tmp_path)
    with pytest.raises(FormatError, match="no file given"):
        detect([])
    cube = xr.Dataset(
        {"amplitude": (("event", "component", "time"), np.zeros((1, 1, 9)))},
        {"component": ["Z"], "time": ("time", np.arange(9.0), {"units": "s"})},
    )
    with pytest.raises(ConventionError, match="detection needs the time of each record"):
        detect(cube)


def test_nothing_found_is_an_empty_table(tmp_path):
    table = detect(Stream([record()]), on=19)
    assert len(table) == 0
    assert table["time"].dtype == "datetime64[ns]"
    assert len(pd.read_csv(write_catalogue(table, tmp_path / "none.csv"))) == 0
    with pytest.raises(FormatError, match=r"no window around the triggers .*catalogue is empty"):
        windows(Stream([record()]), table)


# ------------------------------------------------------------------------------------- windows


@pytest.fixture
def station(tmp_path):
    """Three components in three files, and a second station in one."""
    times = [20.0, 47.31, 80.5, 119.5]
    traces = [record(times, channel=f"HH{c}", seed=i) for i, c in enumerate("ZNE")]
    path = tmp_path / "abc.mseed"
    Stream(traces).write(str(path), format="MSEED")
    other = record([60.0], station="DEF", seed=9)
    other.write(str(tmp_path / "def.mseed"), format="MSEED")
    return tmp_path, traces, other


def test_windows_are_the_samples_around_the_triggers(station):
    folder, traces, other = station
    table = detect(folder, workers=1)
    assert len(table) == 5
    with pytest.warns(DataWarning, match=r"1 triggers with windows of 1 s before and 3 s after r"):
        cube = windows(folder, table, before=1.0, after=3.0)
    conventions.validate(cube, "waveforms")
    assert dict(cube.sizes) == {"event": 4, "component": 3, "time": 400}
    assert cube["station"].values.tolist() == ["ABC", "ABC", "DEF", "ABC"]
    for row in range(4):
        event = cube.isel(event=row)
        since = (event["starttime"].values - np.datetime64(START.ns, "ns")) / np.timedelta64(1, "s")
        first = round(float(since) * RATE)
        assert since + 1.0 == pytest.approx(onsets(table)[row])
        if event["station"].item() == "DEF":
            np.testing.assert_array_equal(event["amplitude"].values[0], other.data[first:][:400])
            assert np.isnan(event["amplitude"].values[1:]).all()
            assert event["live"].values.tolist() == [True, False, False]
        else:
            for c, trace in zip("ZNE", traces, strict=True):
                found = event["amplitude"].sel(component=c).values
                np.testing.assert_array_equal(found, trace.data[first : first + 400])
    assert cube["onset"].values.tolist() == [1.0] * 4
    np.testing.assert_array_equal(cube["sta_lta"], table["sta_lta"][:4])
    assert cube["event_id"].values.tolist() == table["event_id"][:4].tolist()


def test_windows_of_a_cube_and_of_a_catalogue_from_csv(station, tmp_path):
    folder, *_ = station
    table = detect(folder / "abc.mseed", workers=1).iloc[:3]
    direct = windows(folder / "abc.mseed", table)
    by_cube = windows(open_waveforms(folder / "abc.mseed"), table)
    xr.testing.assert_equal(direct, by_cube)
    path = write_catalogue(table, tmp_path / "t.csv")
    text = {"network": str, "station": str, "location": str, "event_id": str}
    again = pd.read_csv(path, dtype=text, parse_dates=["time"], keep_default_na=False)
    xr.testing.assert_allclose(direct, windows(folder, again))


def test_files_are_not_opened_for_each_window(station, monkeypatch):
    from seisgeo.adapters.seismology import segment_sources

    folder, traces, _ = station
    first = 1000 + 37 * np.arange(200)
    times = START.datetime + pd.to_timedelta(first / RATE, unit="s")
    codes = {"network": "XX", "station": "ABC", "location": "", "channel": "HHZ"}
    monkeypatch.setattr(trigger_windows, "_STRETCH", 3 * 1024)
    cube = windows(folder / "abc.mseed", pd.DataFrame({"time": times, **codes}), before=1.0)
    want = np.stack([[t.data[i - 100 : i + 500] for t in traces] for i in first.tolist()])
    asked = []
    read_file = segment_sources.read_file

    def reading(*arguments, **options):
        asked.append(options)
        return read_file(*arguments, **options)

    monkeypatch.setattr(segment_sources, "read_file", reading)
    np.testing.assert_array_equal(cube["amplitude"].values, want)
    assert len(asked) <= 10  # stretches, not windows
    copied = pickle.loads(pickle.dumps(cube))
    np.testing.assert_array_equal(copied["amplitude"][150].values, want[150])


def test_triggers_of_other_records_are_left_out(station):
    folder, *_ = station
    table = detect(folder / "abc.mseed", workers=1)
    with pytest.raises(FormatError, match=r"4 triggers are in no record, left out: ABC 2020-03"):
        windows(Stream([record(station="GHI")]), table)
    with pytest.raises(ParameterError, match="the window has no length"):
        windows(folder, table, before=1.0, after=-1.0)


# ------------------------------------------------------------------------------------- outputs


def test_catalogue_as_csv_and_quakeml(tmp_path):
    stream = Stream([record([20.0], station="A"), record([20.5], station="B", seed=4)])
    table = detect(stream, stations=2)
    read = pd.read_csv(write_catalogue(table, tmp_path / "t.csv"), dtype={"event_id": str})
    assert read["time"].str.endswith("Z").all()
    times = pd.to_datetime(read["time"], utc=True).dt.tz_localize(None)
    np.testing.assert_array_equal(times, table["time"])
    np.testing.assert_allclose(read["sta_lta"], table["sta_lta"])
    (event,) = obspy.read_events(write_catalogue(table, tmp_path / "t.xml"))
    assert [p.waveform_id.station_code for p in event.picks] == table["station"].tolist()
    for pick, time in zip(event.picks, table["time"].to_numpy(), strict=True):
        assert abs(pick.time.ns - time.astype(int)) < 1000  # QuakeML has microseconds
        assert pick.evaluation_mode == "automatic"
    with pytest.raises(OutputExistsError, match="already exists"):
        write_catalogue(table, tmp_path / "t.xml")
    with pytest.raises(ParameterError, match=r"t\.txt: expected a name that ends in \.csv"):
        write_catalogue(table, tmp_path / "t.txt")


def test_command_line(station, tmp_path, monkeypatch, capsys):
    from seisgeo.cli import main

    folder, *_ = station
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([*map(str, arguments)])
        return end.value.code, *capsys.readouterr()

    files = (folder / "abc.mseed", folder / "def.mseed")
    code, out, _ = run("detect", *files, "--out", "t.csv", "--windows", "w.zarr", "--after", "3")
    assert (code, out.splitlines()) == (
        0,
        [
            "wrote t.csv: 5 triggers, 5 events",
            "  XX.ABC       4",
            "  XX.DEF       1",
            "wrote w.zarr: 4 windows of 4 s",
        ],
    )
    assert xr.open_dataset("w.zarr").sizes["time"] == 400
    code, _, err = run("detect", *files, "--out", "t.csv")
    assert code == 1
    assert "t.csv already exists" in err
    code, _, err = run("detect", *files, "--out", "u.csv", "--band", "2-20")
    assert code == 1
    assert "--band 2-20: expected two frequencies in Hz, LOW:HIGH" in err
    code, out, _ = run("detect", *files, "--out", "u.csv", "--band", "2:", "--stations", "2")
    assert (code, out) == (0, "wrote u.csv: 0 triggers, 0 events\n")


# ----------------------------------------------------------------------------------- real files


def test_icequakes_of_an_hour(data_dir):
    """Four stations of the Rutford Ice Stream: over a thousand triggers at the most active."""
    how = {"sta": 0.05, "lta": 1.0, "on": 5.0, "off": 1.5, "band": (10.0, 300.0)}
    path = data_dir / "icequakes/2009021_040000_ST03_Z2.m"
    table = detect(path, **how)
    trace = obspy.read(path)[0]
    trace.data = trace.data.astype(float)
    trace.detrend("demean")
    trace.filter("bandpass", freqmin=10, freqmax=300, corners=4, zerophase=False)
    want = np.array(trigger_onset(classic_sta_lta(trace.data, 50, 1000), 5.0, 1.5))
    np.testing.assert_array_equal(np.round(onsets(table, trace.stats.starttime) * 1000), want[:, 0])
    assert len(table) == 757


# -------------------------------------------------------------------------------------- memory


@pytest.fixture
def three_components(tmp_path):
    """One station's three components, one after the other in a file."""
    traces = [record([20.0, 90.0], channel=f"HH{c}", seed=i) for i, c in enumerate("ZNE")]
    Stream(traces).write(str(tmp_path / "abc.mseed"), format="MSEED", reclen=512)
    return tmp_path / "abc.mseed", traces


def test_a_piece_asks_the_file_for_its_own_time_only(three_components, monkeypatch):
    from seisgeo.adapters.seismology import segment_sources

    path, traces = three_components
    asked = []
    read_file = segment_sources.read_file

    def reading(*arguments, **options):
        if "starttime" in options:
            asked.append(options["endtime"] - options["starttime"])
        return read_file(*arguments, **options)

    monkeypatch.setattr(segment_sources, "read_file", reading)
    monkeypatch.setattr(sta_lta, "PIECE", 1000)
    table = detect(path, workers=1)
    np.testing.assert_array_equal(np.round(onsets(table) * RATE), oracle(traces[0])[0][:, 0])
    assert len(asked) >= 2 * 12
    assert max(asked) <= 1001 / RATE


DAY = r"""
import re, sys
from seisgeo.detection import detect, windows
table = detect(sys.argv[1], band=(1.0, 20.0), workers=1, progress=False)
cut = windows(sys.argv[1], table).load()
table.to_csv(sys.argv[2], columns=["sta_lta", "duration"], index=False)
print(int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.slow
def test_a_day_of_three_components_takes_little_memory(tmp_path):
    n = 8_640_000
    times = np.random.default_rng(5).uniform(60, 86_300, 150)
    traces = [record(times, n=n, channel=f"HH{c}", seed=i) for i, c in enumerate("ZNE")]
    Stream(traces).write(str(tmp_path / "day.mseed"), format="MSEED")
    want, ratio = oracle(traces[0], band=(1.0, 20.0))
    run = subprocess.run(
        [sys.executable, "-c", DAY, tmp_path / "day.mseed", tmp_path / "found.csv"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    found = pd.read_csv(tmp_path / "found.csv")
    assert len(want) >= 140
    np.testing.assert_allclose(found["duration"] * RATE, want[:, 1] - want[:, 0])
    peaks = [ratio[a : b + 1].max() for a, b in want]
    np.testing.assert_allclose(found["sta_lta"], peaks, rtol=1e-6)
    # 180 MB of it are Python with its libraries; the day alone would take 210 MB.
    assert int(run.stdout) < 300


# ---------------------------------------------------------------- segments that overlap or jump


@pytest.mark.parametrize("piece", [700, 1 << 19])
def test_segments_out_of_order_and_overlapping_are_searched_as_one(tmp_path, monkeypatch, piece):
    """The second half of a record comes first, and begins 5 s before the first half ends."""
    whole = record([20.0, 64.0, 90.0], seed=3)
    first, second = whole.slice(endtime=START + 70), whole.slice(starttime=START + 65)
    Stream([second, first]).write(str(tmp_path / "halves.mseed"), format="MSEED")
    monkeypatch.setattr(sta_lta, "PIECE", piece)
    with pytest.warns(DataWarning, match="overlap"):
        table = detect(tmp_path / "halves.mseed", workers=1)
    want, ratio = oracle(whole)
    np.testing.assert_array_equal(np.round(onsets(table) * RATE), want[:, 0])
    np.testing.assert_allclose(table["duration"] * RATE, want[:, 1] - want[:, 0])
    np.testing.assert_allclose(table["sta_lta"], [ratio[a : b + 1].max() for a, b in want])
