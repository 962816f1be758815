"""Files that follow each other, of several rates, and broken ones, against obspy on all of it."""

from itertools import pairwise

import numpy as np
import obspy
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.signal.trigger import classic_sta_lta, trigger_onset

from seisgeo import continuous
from seisgeo.detection import detect, windows
from seisgeo.errors import DataWarning, FormatError

START = UTCDateTime("2020-03-01T23:58:00")


def record(events, n=12_000, rate=100.0, station="ABC", seed=0, channel="HHZ", start=START):
    """Noise with bursts of a tenth of the Nyquist frequency that begin at some times (s)."""
    samples = np.random.default_rng(seed).normal(size=n) * 100
    t = np.arange(round(2 * rate)) / rate
    for at in events:
        i = round(at * rate)
        burst = 5000 * np.sin(np.pi * rate / 10 * t + 0.5) * np.exp(-3 * t)
        samples[i : i + len(t)] += burst[: len(samples) - i]
    made = Trace(np.round(samples + 3000).astype(np.int32))
    made.stats.update({"network": "XX", "station": station, "channel": channel})
    made.stats.sampling_rate, made.stats.starttime = rate, start
    return made


def cut(trace, samples, folder, overlap=0, form="MSEED"):
    """Write a trace as files that end before some of its samples."""
    folder.mkdir(exist_ok=True)
    ends = [0, *sorted(samples), len(trace.data)]
    for first, stop in pairwise(ends):
        part = trace.copy()
        part.data = trace.data[max(0, first - overlap) : stop]
        part.stats.starttime = trace.stats.starttime + max(0, first - overlap) * trace.stats.delta
        if form != "MSEED":
            part.data = part.data.astype(np.float32)
        part.write(str(folder / f"{trace.id}.{first:06d}"), format=form)
    return sorted(folder.iterdir())


def wanted(trace, band=None):
    """What obspy finds in the whole: onsets (ns) and durations (s)."""
    trace = trace.copy()
    trace.data = trace.data.astype(float)
    rate = trace.stats.sampling_rate
    trace.detrend("demean")
    if band:
        trace.filter("bandpass", freqmin=band[0], freqmax=band[1], corners=4, zerophase=False)
    ratio = classic_sta_lta(trace.data, round(0.5 * rate), round(10 * rate))
    found = np.array(trigger_onset(ratio, 4.0, 1.5)).reshape(-1, 2)
    since = np.round(found[:, 0] * 1e9 / rate).astype(np.int64)
    return trace.stats.starttime.ns + since, np.diff(found)[:, 0] / rate


def assert_finds(table, trace, band=None):
    times, durations = wanted(trace, band)
    assert len(times) > 1
    np.testing.assert_array_equal(table["time"].to_numpy().astype(np.int64), times)
    np.testing.assert_allclose(table["duration"], durations)


@pytest.mark.parametrize("seed", range(6))
def test_how_a_record_is_cut_into_files_changes_nothing(tmp_path, seed):
    random = np.random.default_rng(seed)
    trace = record(random.uniform(15, 115, 7), seed=seed)
    at = random.choice(np.arange(50, 11_950), random.integers(1, 9), replace=False).tolist()
    form = ["MSEED", "MSEED", "SAC"][seed % 3]
    band = [None, (2.0, 20.0)][seed % 2]
    files = cut(trace, at, tmp_path / "cut", overlap=[0, 30][seed % 4 == 3], form=form)
    random.shuffle(files)
    whole = detect(Stream([trace]), band=band)
    if seed % 4 == 3:
        with pytest.warns(DataWarning, match="overlapping segments"):
            found = detect(files, band=band, workers=1)
    else:
        found = detect(files, band=band, workers=1)
    assert_finds(found, trace, band)
    pd.testing.assert_frame_equal(found.drop(columns="file"), whole.drop(columns="file"))
    for row in found.itertuples():  # the file of the onset
        part = obspy.read(row.file)[0].stats
        assert part.starttime.ns <= row.time.value <= part.endtime.ns


def test_an_event_at_midnight_is_found_and_cut(tmp_path):
    trace = record([40.0, 119.9, 170.0], n=24_000)
    table = detect(cut(trace, [12_000], tmp_path / "days"), workers=1)
    assert_finds(table, trace)
    assert [name[-6:] for name in table["file"]] == ["000000", "000000", "012000"]
    cube = windows(tmp_path / "days", table, before=1.0, after=3.0)
    first = np.round((table["time"].to_numpy().astype(np.int64) - START.ns) / 1e7).astype(int) - 100
    want = np.stack([trace.data[i : i + 400] for i in first.tolist()])
    assert ((first < 12_000) & (first + 400 > 12_000)).any()
    np.testing.assert_array_equal(cube["amplitude"].values[:, 0], want)
    assert cube["live"].values.all()


def test_components_in_files_of_their_own_are_one_instrument(tmp_path):
    traces = [record([40.0 + i], channel=f"HH{c}", seed=i) for i, c in enumerate("ZNE")]
    for trace in traces:
        cut(trace, [5000], tmp_path / "net")
    table = detect(tmp_path / "net", workers=1)
    assert table["channel"].tolist() == ["HHZ"]
    assert abs((UTCDateTime(ns=table["time"][0].value) - START) - 40) < 0.1
    cube = windows(tmp_path / "net", table)
    assert cube["component"].values.tolist() == ["Z", "N", "E"]
    first = round((table["time"][0].value - START.ns) / 1e7) - 100
    want = np.stack([t.data[first : first + 600] for t in traces])
    np.testing.assert_array_equal(cube["amplitude"].values[0], want)


def test_every_channel_is_searched_at_its_own_rate(tmp_path, recwarn):
    traces = [
        record([30.0, 60.0, 90.0], station="FAST", seed=1),
        record([20.0, 45.0], n=4800, rate=40.0, station="SLOW", seed=2),
        record([25.0, 50.0], n=2400, rate=20.0, station="MASS", seed=3, channel="BHZ"),
    ]
    Stream(traces).write(str(tmp_path / "all.mseed"), format="MSEED")
    for trace in traces:
        trace.write(str(tmp_path / f"{trace.id}.mseed"), format="MSEED")
    for source in (tmp_path / "all.mseed", Stream(traces), sorted(tmp_path.glob("XX*"))):
        table = detect(source, workers=1)
        assert not [str(w.message) for w in recwarn if issubclass(w.category, DataWarning)]
        for trace in traces:
            assert_finds(table[table["station"] == trace.stats.station], trace)
        slow = table[table["station"] == "SLOW"]
        cube = windows(source, slow)
        assert cube.sizes["time"] == 240
        first = round((slow["time"].iloc[0].value - START.ns) / 25e6) - 40
        np.testing.assert_array_equal(cube["amplitude"].values[0, 0], traces[1].data[first:][:240])
        with pytest.warns(DataWarning, match=r"4 windows are sampled at 20, 40 Hz, not 100 Hz"):
            assert windows(source, table).sizes["event"] == 3
        recwarn.clear()


def test_a_channel_whose_rate_changes_is_searched_at_both(tmp_path):
    first = record([40.0, 80.0], seed=1)
    second = record([30.0, 70.0], n=6000, rate=50.0, seed=2, start=START + 120)
    Stream([first, second]).write(str(tmp_path / "both.mseed"), format="MSEED")
    table = detect(tmp_path / "both.mseed", workers=1)
    assert_finds(table[:2], first)
    assert_finds(table[2:], second)


@pytest.fixture
def night(tmp_path):
    """Three stations, and files that are broken in several ways."""
    stations = [record([30.0, 60.0], station=s, seed=i) for i, s in enumerate("ABC")]
    for trace in stations:
        trace.write(str(tmp_path / f"{trace.stats.station}.mseed"), format="MSEED", reclen=512)
    (tmp_path / "empty.mseed").touch()
    (tmp_path / "words.mseed").write_text("the disk was full\n" * 50)
    return tmp_path, stations


@pytest.mark.parametrize("workers", [1, 2])
def test_broken_files_are_reported_and_the_others_searched(night, workers):
    folder, stations = night
    with pytest.warns(
        DataWarning, match="files that cannot be read were not searched, 2 in all"
    ) as w:
        table = detect(folder, workers=workers, progress=False)
    said = "\n".join(str(one.message) for one in w)
    assert f"{folder / 'empty.mseed'}: is empty; copy or download it again" in said
    assert f"{folder / 'words.mseed'}: obspy knows no waveform format" in said
    assert said.count("words.mseed") == 1
    assert sorted(table.attrs["not_searched"]) == [
        str(folder / "empty.mseed"), str(folder / "words.mseed"),
    ]  # fmt: skip
    for trace in stations:
        assert_finds(table[table["station"] == trace.stats.station], trace)
    with pytest.warns(DataWarning, match=r"2 files that cannot be read, left out: .*empty"):
        assert windows(folder, table).sizes["event"] == 6
    with pytest.raises(FormatError, match=r"empty\.mseed: is empty.*and 1 more files"):
        detect([folder / "empty.mseed", folder / "words.mseed"], workers=1)


def test_a_file_whose_samples_cannot_be_read_is_left_out(tmp_path, monkeypatch):
    """Its headers are in order, and all before and after it is searched."""
    from seisgeo.adapters.seismology import segment_sources

    trace = record([20.0, 40.0, 60.0, 100.0], seed=2)
    files = cut(trace, [5000, 7000], tmp_path / "cut")
    read_file = segment_sources.read_file

    def reading(path, *arguments, **options):
        if str(path) == str(files[1]) and options["starttime"] > START + 55:
            raise FormatError(f"{path}: this MSEED file is broken or cut short: bad data")
        return read_file(path, *arguments, **options)

    monkeypatch.setattr(segment_sources, "read_file", reading)
    monkeypatch.setattr("seisgeo.sta_lta.PIECE", 700)
    with pytest.warns(DataWarning, match=rf"1 in all:\n  - {files[1]}: this MSEED file is broken"):
        table = detect(files, workers=1)
    assert_finds(table[:2], trace.slice(endtime=START + 49.99))
    assert len(table) == 3
    assert table["time"].iloc[2].value == wanted(trace.slice(starttime=START + 70))[0][0]
    with pytest.warns(DataWarning, match="1 files that cannot be read, left out"):
        assert windows(files, table).sizes["event"] == 3


def test_windows_read_no_headers_that_detection_has_just_read(tmp_path, monkeypatch):
    trace = record([20.0, 40.0, 60.0, 100.0])
    files = cut(trace, [5000, 7000], tmp_path / "cut")
    looked = []
    look = continuous._look

    def looking(name):
        looked.append(name)
        return look(name)

    monkeypatch.setattr(continuous, "_look", looking)
    table = detect(files, workers=1)
    assert looked == [str(f) for f in files]
    windows(files, table)
    assert len(looked) == 3
    trace.data = trace.data[:4000]
    trace.write(str(files[0]), format="MSEED")  # another file under an old name
    with pytest.warns(DataWarning, match="gap"):
        detect(files, workers=1)
    assert looked[3:] == [str(files[0])]


def test_two_rates_of_one_instrument_at_once_are_told_apart_by_the_file(tmp_path):
    fast, slow = record([30.0, 60.0]), record([30.0, 60.0], n=4800, rate=40.0, seed=3)
    paths = [tmp_path / "fast.mseed", tmp_path / "slow.mseed"]
    for trace, path in zip((fast, slow), paths, strict=True):
        trace.write(str(path), format="MSEED")
    table = detect(paths, workers=1)
    assert len(table) == 4
    for path, n in zip(paths, (600, 240), strict=True):
        cube = windows(paths, table[table["file"] == str(path)])
        assert dict(cube.sizes) == {"event": 2, "component": 1, "time": n}


def test_command_line_writes_the_rest_and_says_what_is_broken(night, monkeypatch, seisgeo):
    folder, _ = night
    monkeypatch.chdir(folder)
    files = [f"{name}.mseed" for name in ("A", "empty", "B", "words")]
    code, out, err = seisgeo(
        "detect", *files, "--out", "t.csv", "--windows", "t.zarr", "--workers", 1
    )
    assert code == 1
    assert out.startswith("wrote t.csv: 4 triggers, 4 events\n")
    assert "wrote t.zarr: 4 windows of 6 s" in out
    assert "empty.mseed: is empty; copy or download it again" in err
    assert err.splitlines()[-1] == (
        "seisgeo: error: 2 of the files cannot be read and were not searched: they are named "
        "above; what stands in t.csv is of the others"
    )
    assert len(pd.read_csv("t.csv")) == 4
    code, out, err = seisgeo(
        "detect", "A.mseed", "--on", 20, "--out", "u.csv", "--windows", "u.zarr"
    )
    assert (code, out) == (1, "wrote u.csv: 0 triggers, 0 events\n")
    assert "the catalogue is empty" in err
    assert (folder / "u.csv").exists()
