"""Seismic Unix files: either byte order, found by itself, as segyio reads them."""

import struct
import warnings

import numpy as np
import pytest
import segyio.su
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import convert, open_cube
from seisgeo.adapters.opening import find_engine
from seisgeo.adapters.segy import SegyFile
from seisgeo.adapters.segy.fields import TRACE_FIELDS
from seisgeo.errors import FormatError, HeaderWarning, MissingFileError
from seisgeo.summary import summarise
from seisgeo.summary_text import summary_text


@pytest.fixture(autouse=True)
def _loud():
    """Nothing is contradicted unless a test expects it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        yield


def shots(order="<", *, n=6, ns=50, interval=2000, fields=(), counts=None):
    """Two shots of three channels; `fields` holds (byte, struct code, function of the trace)."""
    data = b""
    for i in range(n):
        header = bytearray(240)
        count = counts[i] if counts else ns
        for byte, code, value in [
            (9, "i", 100 + i // 3),
            (13, "i", 1 + i % 3),
            (37, "i", 25 * (i % 3) - 500),
            (115, "H", count),
            (117, "H", interval),
            *((byte, code, of(i)) for byte, code, of in fields),
        ]:
            struct.pack_into(order + code, header, byte - 1, value)
        data += bytes(header) + (np.arange(count) + 1000 * i).astype(order + "f4").tobytes()
    return data


@pytest.fixture
def write(tmp_path):
    def go(data, name="shots.su"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return go


def turned(data, ns):
    """The other byte order, field by field, as SU's own programs turn it."""
    out = bytearray()
    length = 240 + 4 * ns
    for a in range(0, len(data), length):
        for f in TRACE_FIELDS:
            size = np.dtype(f.dtype).itemsize
            out += data[a + f.byte - 1 : a + f.byte - 1 + size][::-1]
        out += np.frombuffer(data, "u4", ns, a + 240).byteswap().tobytes()
    return bytes(out)


@pytest.mark.parametrize("order", [">", "<"])
def test_real_file_as_segyio_reads_it(data_dir, write, order):
    path = data_dir / "su/small.su"
    if order == "<":
        path = write(turned(path.read_bytes(), 50), "small.su")
    endian = {">": "big", "<": "little"}[order]
    with segyio.su.open(path, iline=189, xline=193, endian=endian) as truth:
        cube = segyio.tools.cube(truth)
        fields = {f.name: truth.attributes(f.byte)[:] for f in TRACE_FIELDS if f.byte <= 180}
    # Its interval field is empty: Seismic Unix takes 4 ms then.
    with pytest.warns(HeaderWarning, match=r"dt \(bytes 117-118\): 0, .*: 4 ms used, because Seis"):
        ds = xr.open_dataset(path)
    np.testing.assert_array_equal(ds["amplitude"], cube)
    np.testing.assert_allclose(ds["time"], 0.004 * np.arange(50), rtol=1e-15)
    # Its line numbers stand in the other byte order, in which segyio reads 16777216 and so on.
    np.testing.assert_array_equal(ds["inline"], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(ds["crossline"], [20, 21, 22, 23, 24])
    assert "bytes 181-240 of each header read as" in ds.attrs["contradictions"]
    file = SegyFile(path)
    assert (file.form, file.order) == ("SU", order)
    for name, expected in fields.items():
        np.testing.assert_array_equal(file.field(name), expected, err_msg=name)
    conventions.validate(ds)
    assert ds.attrs["source_format"] == "SU"
    assert "revision" not in ds.attrs


@pytest.mark.parametrize("order", [">", "<"])
def test_gathers(write, order):
    ds = xr.open_dataset(write(shots(order)))
    assert ds["amplitude"].dims == ("shot", "receiver", "time")
    expected = np.arange(50) + 1000 * np.arange(6)[:, None]
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(6, 50), expected)
    np.testing.assert_array_equal(ds["field_record"], [100, 101])
    np.testing.assert_array_equal(ds["offset"], [[-500, -475, -450]] * 2)
    assert ds["time"][-1] == 49 * 0.002
    word = {">": "big-endian", "<": "little-endian"}[order]
    assert ds.attrs["byte_order"] == word


@pytest.mark.parametrize("order", [">", "<"])
def test_own_fields_of_su_are_no_line_numbers(write, order):
    """d1, f1, d2, f2 stand where SEG-Y has CDP positions, inlines and crosslines."""
    own = [
        (181, "f", lambda i: 0.002),
        (189, "f", lambda i: 25.0),
        (193, "f", lambda i: -500.0 + i),
        (205, "i", lambda i: 6),
    ]
    path = write(shots(order, fields=own))
    ds = xr.open_dataset(path, headers={"f2": (193, "float32")})
    assert ds["amplitude"].sizes == {"shot": 2, "receiver": 3, "time": 50}
    assert "cdp_x" not in ds
    np.testing.assert_array_equal(ds["f2"].values.ravel(), -500.0 + np.arange(6))
    file = SegyFile(path)
    assert not file.field("inline_3d").any()
    assert (file.first("d2"), file.first("ntr")) == (25.0, 6)


def test_a_line_of_cdps(write):
    path = write(shots(fields=[(9, "i", lambda i: 0), (21, "i", lambda i: 301 + i),
                               (13, "i", lambda i: 0), (37, "i", lambda i: 0)]))  # fmt: skip
    ds = xr.open_dataset(path)
    assert ds["amplitude"].dims == ("cdp", "time")
    np.testing.assert_array_equal(ds["cdp"], 301 + np.arange(6))


def test_interval_without_a_sign_and_from_d1(write):
    ds = xr.open_dataset(write(shots(interval=40_000)))
    assert ds["time"][1] == 0.04
    data = shots(interval=0, fields=[(181, "f", lambda i: 0.5)])
    with pytest.warns(HeaderWarning, match=r"dt \(bytes 117-118\): 0, d1 .*0\.5\): 0\.5 \(d1\)"):
        ds = xr.open_dataset(write(data))
    np.testing.assert_array_equal(ds["time"], 0.5 * np.arange(50))
    path = write(shots(interval=0))
    assert xr.open_dataset(path, sample_interval=0.001)["time"][1] == 0.001


@pytest.mark.parametrize("order", [">", "<"])
def test_a_single_trace(write, order):
    ds = xr.open_dataset(write(shots(order, n=1)))
    assert ds["amplitude"].shape == (1, 1, 50)


def test_bare_traces_under_a_name_of_segy(write):
    """A file whose headers were stripped is found out by its size."""
    path = write(shots(), "stripped.sgy")
    ds = xr.open_dataset(path)
    np.testing.assert_array_equal(ds["amplitude"][1, 2], np.arange(50) + 5000)


def test_segy_under_the_name_of_su(data_dir, write):
    path = write((data_dir / "segy/peer/small.sgy").read_bytes(), "small.su")
    with pytest.raises(FormatError, match=r"this is SEG-Y: .* engine='seisgeo-segy'"):
        xr.open_dataset(path)
    assert xr.open_dataset(path, engine="seisgeo-segy")["amplitude"].shape == (5, 5, 50)


def test_cut_inside_a_trace(write):
    path = write(shots()[:-30])
    with pytest.warns(HeaderWarning, match=r"5 whole traces opened, 1 lost.*410 of its 440 bytes"):
        ds = xr.open_dataset(path)
    assert int(ds["live"].sum()) == 5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"shots\.su: the file is empty; expected an SU file"),
        (b"abc", "not one whole trace: 3 bytes"),
        (b"station,x,y\n" * 400, "this is a text file, not SU"),
        (bytes(5000), "no SU file: bytes 115-116 of the first trace give 0 samples"),
        (shots()[:400], r"give 50 \(little-endian\) samples|give 12800 \(big-endian\) or 50"),
        (np.random.default_rng(1).bytes(9000), "no SU file: bytes 115-116 .* neither byte order"),
    ],
)
def test_what_is_no_su_file(write, data, message):
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(write(data))


def test_no_such_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"absent\.su: no such file"):
        xr.open_dataset(tmp_path / "absent.su")
    with pytest.raises(FormatError, match="opened by its path; got an object of type bytes"):
        xr.open_dataset(shots(), engine="seisgeo-su")


def test_opener_summary_and_conversion_know_it(data_dir, tmp_path):
    path = data_dir / "su/small.su"
    assert find_engine(path) == "seisgeo-su"
    warnings.simplefilter("ignore", HeaderWarning)  # the interval, see above
    found = summarise(path)
    assert found["dimensions"] == {"inline": 5, "crossline": 5, "time": 50}
    assert "inline 5, crossline 5, time 50" in summary_text(found)
    for name in ("small.zarr", "small.nc", "small.sgy"):
        out = convert(path, tmp_path / name)
        with open_cube(out) as got, open_cube(path) as expected:
            np.testing.assert_array_equal(got["amplitude"], expected["amplitude"])
