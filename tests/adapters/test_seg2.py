"""SEG-2 field files as obspy reads them, with positions and times from their headers."""

import struct
import subprocess
import sys
import warnings

import numpy as np
import obspy
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import convert, open_cube
from seisgeo.adapters.opening import find_engine
from seisgeo.errors import FormatError, HeaderWarning, MissingFileError
from seisgeo.summary import summarise
from seisgeo.summary_text import summary_text

FILES = {"7.dat": (-5.0, 1e-3), "16.dat": (-20.0, 1e-3), "22.dat": (48.0, 1.25e-4)}


@pytest.fixture(autouse=True)
def _loud():
    """Nothing is contradicted unless a test expects it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        yield


def strings(pairs):
    """The free format section: length, keyword, value, NUL; ended by a zero length."""
    out = b""
    for text in pairs:
        raw = text.encode() + b"\0"
        out += struct.pack("<H", len(raw) + 2) + raw
    return out + b"\0\0"


def seg2(traces, shared=("ACQUISITION_DATE 01/01/2020", "ACQUISITION_TIME 00:00:00"), code=4):
    """A file by hand; `traces` holds (samples, keywords)."""
    kind = {1: "<i2", 2: "<i4", 4: "<f4"}[code]
    n = len(traces)
    head = struct.pack("<HHHH", 0x3A55, 1, 4 * n, n) + b"\x01\0\0\x01\n\0" + bytes(18)
    free = strings(shared)
    at = 32 + 4 * n + len(free)
    pointers, blocks = b"", b""
    for samples, keywords in traces:
        text = strings(keywords)
        text += bytes(-len(text) % 4)
        raw = np.asarray(samples, kind).tobytes()
        block = struct.pack("<HHIIB", 0x4422, 32 + len(text), len(raw), len(samples), code)
        pointers += struct.pack("<I", at + len(blocks))
        blocks += block.ljust(32, b"\0") + text + raw
    return head + pointers + free + blocks


def trace(samples, i, **changed):
    words = {
        "CHANNEL_NUMBER": f"{i + 1}",
        "DELAY": "0.000",
        "RECEIVER_LOCATION": f"{10.0 * i:.2f}",
        "SAMPLE_INTERVAL": "0.0005",
        "SHOT_SEQUENCE_NUMBER": "12",
        "SOURCE_LOCATION": "-5.00",
    } | changed
    return samples, [f"{k} {v}" for k, v in words.items() if v is not None]


METERS = ("ACQUISITION_DATE 01/01/2020", "ACQUISITION_TIME 00:00:00", "UNITS METERS")


@pytest.fixture
def write(tmp_path):
    def go(data, name="shot.dat"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return go


@pytest.mark.parametrize("name", FILES)
def test_field_files_as_obspy_reads_them(data_dir, name):
    path = data_dir / "seg2" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = obspy.read(str(path), format="SEG2")
    ds = xr.open_dataset(path)
    conventions.validate(ds)
    assert ds["amplitude"].dims == ("shot", "receiver", "time")
    assert ds["amplitude"].dtype == np.float32
    np.testing.assert_array_equal(ds["amplitude"][0], np.stack([t.data for t in truth]))
    stated = [t.stats.seg2 for t in truth]
    x = [float(h["RECEIVER_LOCATION"]) for h in stated]
    np.testing.assert_array_equal(ds["receiver_x"], [x])
    np.testing.assert_array_equal(ds["channel"], [int(h["CHANNEL_NUMBER"]) for h in stated])
    source, dt = FILES[name]
    assert ds["source_x"].item() == source
    np.testing.assert_array_equal(ds["offset"], [np.array(x) - source])
    assert ds["field_record"].item() == int(name.split(".")[0])
    assert ds["time"][0] == -0.5
    np.testing.assert_allclose(ds["time"], -0.5 + dt * np.arange(truth[0].stats.npts), atol=1e-12)
    np.testing.assert_array_equal(ds["descaling_factor"], [t.stats.calib for t in truth])
    assert ds["live"].all()
    assert "COMPANY Geometrics" in ds.attrs["text_header"].splitlines()
    assert ds.attrs["source_format"] == "SEG-2"


def test_file_by_hand(write):
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    ds = xr.open_dataset(write(seg2([trace(r, i) for i, r in enumerate(rows)], METERS)))
    np.testing.assert_array_equal(ds["amplitude"], [rows])
    np.testing.assert_array_equal(ds["time"], [0, 0.0005, 0.001, 0.0015])
    np.testing.assert_array_equal(ds["offset"], [[5, 15, 25]])
    np.testing.assert_array_equal(ds["receiver_depth"], [[0, 0, 0]])


def test_wide_integers_stay_exact(write):
    row = [2**31 - 1, -(2**31), 16777217, 0]
    ds = xr.open_dataset(write(seg2([trace(row, 0)], METERS, code=2)))
    np.testing.assert_array_equal(ds["amplitude"][0, 0], row)


def test_feet_and_three_numbers(write):
    places = {"RECEIVER_LOCATION": "100 50 -3", "SOURCE_LOCATION": "0 50 10"}
    data = seg2([trace([1, 2], 0, **places)], (*METERS[:2], "UNITS FEET"))
    with pytest.warns(HeaderWarning, match="third number: .*taken as elevation, positive up"):
        ds = xr.open_dataset(write(data))
    np.testing.assert_allclose(ds["receiver_x"], [[30.48]])
    np.testing.assert_allclose(ds["receiver_y"], [[15.24]])
    np.testing.assert_allclose(ds["offset"], [[30.48]])
    np.testing.assert_allclose(ds["receiver_depth"], [[0.9144]])
    np.testing.assert_allclose(ds["source_elevation"], [3.048])
    assert ds["source_depth"].item() == 0


def test_missing_positions_and_channels(write):
    gone = {"RECEIVER_LOCATION": None, "SOURCE_LOCATION": None, "CHANNEL_NUMBER": None}
    data = seg2([trace([1, 2], i, **gone) for i in range(2)])
    with pytest.warns(HeaderWarning, match=r"units \(header UNITS: none\): metres used"):
        ds = xr.open_dataset(write(data))
    assert not {"receiver_x", "source_x", "offset"} & set(ds.coords)
    np.testing.assert_array_equal(ds["channel"], [1, 2])


def test_shorter_traces_end_in_nan(write):
    data = seg2([trace([1, 2, 3], 0), trace([4], 1)], METERS)
    with pytest.warns(HeaderWarning, match=r"samples a trace \(traces: 1 to 3\): 3, shorter"):
        ds = xr.open_dataset(write(data))
    np.testing.assert_array_equal(ds["amplitude"], [[[1, 2, 3], [4, np.nan, np.nan]]])


def test_headers_that_differ_within_the_shot(write):
    data = seg2([trace([1], 0), trace([2], 1, DELAY="0.5", SOURCE_LOCATION="7")], METERS)
    with pytest.warns(
        HeaderWarning, match=r"delay \(traces: 0 to 0.5\): 0 \(first trace\)"
    ) as said:
        xr.open_dataset(write(data))
    assert "source location (traces: up to 12 m apart)" in str(said[0].message)
    data = seg2([trace([1], 0), trace([2], 1, SAMPLE_INTERVAL="0.001")], METERS)
    with pytest.raises(FormatError, match=r"SAMPLE_INTERVAL is 0\.0005, 0\.001; expected one pos"):
        xr.open_dataset(write(data))


OURS = r"SAMPLE_INTERVAL is .*; expected one positive number of seconds for all traces"
OBSPYS = r"shot\.dat: this SEG-2 file is broken or cut short: .* \(while obspy read it\)"


@pytest.mark.parametrize(
    ("value", "message"),
    [("inf", OURS), ("-1", OURS), ("nan", OBSPYS), ("soon", OBSPYS), (None, OBSPYS)],
)
def test_nonsense_for_an_interval(write, value, message):
    data = seg2([trace([1, 2], 0, SAMPLE_INTERVAL=value)], METERS)
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(write(data))


def test_nonsense_elsewhere_counts_as_missing(write):
    words = {"DELAY": "inf", "RECEIVER_LOCATION": "nan 1", "SHOT_SEQUENCE_NUMBER": "1e300"}
    ds = xr.open_dataset(write(seg2([trace([1, 2], 0, CHANNEL_NUMBER="x", **words)], METERS)))
    assert (ds["field_record"].item(), ds["channel"].item(), ds["time"].values[0]) == (0, 1, 0)
    assert "receiver_x" not in ds


def test_name_and_first_bytes_decide(data_dir, write, tmp_path):
    data = (data_dir / "seg2/7.dat").read_bytes()
    for name in ("shot.dat", "SHOT.DAT", "shot.sg2", "shot.seg2"):
        assert find_engine(write(data, name)) == "seisgeo-seg2"
    table = write(b"1.0 2.0\n3.0 4.0\n", "table.dat")
    with pytest.raises(FormatError, match=r"table\.dat: nothing here can open it.*SEG-2 \(\.dat"):
        open_cube(table)
    with pytest.raises(FormatError, match=r"no SEG-2 file: it begins with 31 2e; expected 55 3a"):
        xr.open_dataset(table, engine="seisgeo-seg2")
    with pytest.raises(MissingFileError, match=r"absent\.dat: no such file"):
        xr.open_dataset(tmp_path / "absent.dat", engine="seisgeo-seg2")


@pytest.mark.parametrize("size", [2, 31, 40, 2000, 100_000, 159_900])
def test_cut_short(data_dir, write, size):
    path = write((data_dir / "seg2/7.dat").read_bytes()[:size])
    with pytest.raises(FormatError, match=r"shot\.dat: this SEG-2 file is broken or cut short"):
        xr.open_dataset(path)


def test_summary_and_conversion(data_dir, tmp_path):
    path = data_dir / "seg2/7.dat"
    found = summarise(path)
    assert found["dimensions"] == {"shot": 1, "receiver": 24, "time": 1500}
    assert "offset            5 to 51 m" in summary_text(found)
    with open_cube(path) as expected:
        for name in ("shot.zarr", "shot.nc", "shot.sgy"):
            with open_cube(convert(path, tmp_path / name)) as got:
                np.testing.assert_array_equal(got["amplitude"], expected["amplitude"])
                np.testing.assert_array_equal(got["receiver_x"], expected["receiver_x"])
                np.testing.assert_allclose(got["time"], expected["time"], atol=1e-12)


def test_obspy_is_loaded_on_use_only():
    code = (
        "import sys, xarray\n"
        "from seisgeo.adapters.opening import find_engine\n"
        "find_engine('line.sgy'), xarray.backends.list_engines()\n"
        "assert 'obspy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
