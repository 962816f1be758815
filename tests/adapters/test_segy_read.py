"""SEG-Y read value by value as segyio reads it, lazily, in every sample format."""

import pickle
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import segyio
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import describe_segy
from seisgeo.adapters.segy import SegyFile, cube
from seisgeo.adapters.segy import samples as samples_
from seisgeo.adapters.segy.fields import BINARY_FIELDS, TRACE_FIELDS
from seisgeo.adapters.segy.samples import FORMATS, decode, encode
from seisgeo.errors import FormatError, HeaderWarning

FILES = [
    "segy/viking_small.segy",
    "segy/real_gather.sgy",
    "segy/peer/small.sgy",
    "segy/peer/small-ps.sgy",
    "segy/peer/f3.sgy",
    "segy/peer/f3-lsb.sgy",
    "segy/peer/shot-gather.sgy",
    "segy/peer/1x1.sgy",
    "segy/peer/1xN.sgy",
    "segy/peer/Mx1.sgy",
    "segy/peer/multi-text.sgy",
    "velocity/marmousi2_vp_6.25m.segy",
    "velocity/volve10-migvel-depth-sub3d.sgy",
]
# segyio reads formats 4, 7 and 15 as IBM floats.
RIGHT_IN_SEGYIO = (1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 16)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        yield


def with_segyio(path, **options):
    endian = "little" if "lsb" in path.name else "big"
    return segyio.open(path, ignore_geometry=True, strict=False, endian=endian, **options)


@pytest.mark.parametrize("name", FILES)
def test_every_sample_as_segyio_reads_it(data_dir, name):
    path = data_dir / name
    with with_segyio(path) as truth:
        expected = truth.trace.raw[:]
    file = SegyFile(path)
    np.testing.assert_array_equal(file.read(slice(None)), expected)
    with xr.open_dataset(path) as ds:
        cube = ds[next(iter(ds.data_vars))]
        values = cube.transpose(..., "time" if "time" in cube.dims else "depth").values
    live = np.isfinite(values).all(axis=-1)
    # The same traces, each once, whatever the order of the cube.
    rows = values[live]
    assert rows.shape == expected.shape
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(expected, axis=0))


@pytest.mark.parametrize("name", FILES)
def test_every_header_as_segyio_reads_it(data_dir, name):
    path = data_dir / name
    file = SegyFile(path)
    with with_segyio(path) as truth:
        for field in TRACE_FIELDS:
            expected = truth.attributes(field.byte)[:]
            np.testing.assert_array_equal(file.field(field.name), expected, err_msg=field.name)


@pytest.mark.parametrize("name", FILES)
def test_cube_follows_the_conventions(data_dir, name):
    with xr.open_dataset(data_dir / name) as ds:
        conventions.validate(ds)
        for coord in ds.coords:
            assert ds[coord].attrs.get("long_name") or coord == "live"
        assert ds.attrs["source_format"] == "SEG-Y"
        assert ds.attrs["source"].endswith(name)


@pytest.mark.parametrize("code", RIGHT_IN_SEGYIO)
def test_sample_formats(data_dir, code):
    path = data_dir / f"segy/peer/multiformats/Format{code}msb.sgy"
    with with_segyio(path) as truth:
        expected = truth.trace.raw[:]
    got = SegyFile(path).read(slice(None))
    assert got.dtype == (np.float64 if code in (2, 6, 9, 10, 12) else np.float32)
    np.testing.assert_array_equal(got, expected.astype(got.dtype))


@pytest.mark.parametrize(("code", "signed"), [(7, True), (15, False)])
def test_24_bit_formats_hold_the_integers_of_the_16_bit_file(data_dir, code, signed):
    with with_segyio(data_dir / "segy/peer/f3.sgy") as truth:
        expected = truth.trace.raw[:].astype(np.int64)
    if not signed:
        expected %= 1 << 24
    got = SegyFile(data_dir / f"segy/peer/multiformats/Format{code}msb.sgy").read(slice(None))
    np.testing.assert_array_equal(got, expected)


def test_little_endian_24_bits():
    raw = np.array([[[0x93, 0xF8, 0xFF], [0x01, 0x00, 0x00]]], np.uint8)
    out = np.empty((1, 2), np.float32)
    decode(raw, FORMATS[7], "<", out)
    np.testing.assert_array_equal(out, [[-1901, 1]])


def test_fixed_point_with_gain():
    words = np.array([[0x00000003, 0x0004FFFF, 0x00100001]], ">u4")
    out = np.empty((1, 3), np.float32)
    decode(words, FORMATS[4], ">", out)
    np.testing.assert_array_equal(out, [[3.0, -16.0, 65536.0]])


def test_ieee_file_under_the_fixed_point_code_is_found_out(data_dir):
    path = data_dir / "segy/peer/multiformats/Format4msb.sgy"
    with pytest.warns(HeaderWarning, match="first byte not 0.*IEEE float32"):
        ds = xr.open_dataset(path)
    with with_segyio(data_dir / "segy/peer/f3.sgy") as truth:
        expected = truth.trace.raw[:]
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(expected.shape), expected)


def ibm_by_definition(bits):
    """(-1)^s fraction 16^(e - 64), exact in float64, rounded once to float32."""
    bits = bits.astype(np.uint64)
    fraction = (bits & 0xFFFFFF).astype(np.float64) / 2.0**24
    exponent = ((bits >> 24) & 0x7F).astype(np.float64) - 64
    sign = np.where(bits >> 31, -1.0, 1.0)
    with np.errstate(over="ignore", under="ignore"):
        return (sign * fraction * 16.0**exponent).astype(np.float32)


def test_ibm_floats_are_exact_for_every_kind_of_pattern():
    rng = np.random.default_rng(20)
    bits = rng.integers(0, 2**32, 500_000, dtype=np.uint64).astype(np.uint32)
    unnormalised = bits & ~np.uint32(0x00F00000)
    edges = (np.arange(256, dtype=np.uint32)[:, None] << 24) | np.array(
        [0, 1, 0x0FFFFF, 0x100000, 0x800000, 0xFFFFFF], np.uint32
    )
    bits = np.concatenate([bits, unnormalised, edges.ravel()])
    out = np.empty((1, len(bits)), np.float32)
    decode(bits.astype(">u4")[None], FORMATS[1], ">", out)
    expected = ibm_by_definition(bits)
    np.testing.assert_array_equal(out[0].view(np.uint32), expected.view(np.uint32))


def test_ibm_encoding_is_the_nearest_and_round_trips():
    rng = np.random.default_rng(3)
    values = rng.standard_normal(20_000) * 10.0 ** rng.integers(-30, 30, 20_000)
    words = encode(values, FORMATS[1])
    back = np.empty((1, len(values)), np.float32)
    decode(words[None], FORMATS[1], ">", back)
    # 21 significant bits are certain; half a unit of the last one.
    np.testing.assert_allclose(back[0], values, rtol=2.0**-21)
    np.testing.assert_array_equal(encode(back[0], FORMATS[1]), words)
    # And it is the nearest: neither neighbour is closer.
    exact = ibm_by_definition(words.astype(np.uint32)).astype(np.float64)
    for step in (-1, 1):
        near = ibm_by_definition(words.astype(np.int64) + step).astype(np.float64)
        assert (np.abs(exact - values) <= np.abs(near - values) * (1 + 1e-6)).all()


def test_opening_reads_no_samples_and_slicing_only_what_is_asked(data_dir, monkeypatch):
    decoded = []

    def counting(raw, fmt, order, out):
        decoded.append(out.shape)
        return decode(raw, fmt, order, out)

    monkeypatch.setattr(samples_, "_loaded", lambda: None)  # nothing passes by uncounted
    monkeypatch.setattr(samples_, "decode", counting)
    ds = xr.open_dataset(data_dir / "segy/viking_small.segy", cache=False)
    repr(ds)
    assert decoded == []
    ds["amplitude"].isel(shot=1, receiver=slice(10, 13), time=slice(0, 50)).load()
    assert decoded == [(3, 50)]
    decoded.clear()
    ds["amplitude"].isel(time=7).load()
    assert decoded == [(480, 1)]


@pytest.mark.parametrize(
    "index",
    [
        {"shot": 2},
        {"receiver": 5, "time": 9},
        {"shot": -1, "receiver": slice(None, None, -7), "time": -1},
        {"shot": [3, 0], "receiver": [5, 1, 1], "time": slice(100, 500, 9)},
        {"receiver": [7, 2], "time": [3, 1, 2]},
        {"shot": xr.DataArray([0, 3, 1], dims="p"), "receiver": xr.DataArray([9, 0, 9], dims="p")},
        {
            "shot": xr.DataArray([0, 3], dims="p"),
            "receiver": xr.DataArray([9, 0], dims="p"),
            "time": xr.DataArray([5, 599], dims="p"),
        },
        {"shot": xr.DataArray([[0, 3], [1, 2]], dims=("p", "q")), "time": slice(0, 9)},
        {"shot": slice(0, 0)},
    ],
)
@pytest.mark.parametrize("name", ["segy/viking_small.segy", "segy/peer/shot-gather.sgy"])
def test_lazy_indexing_equals_indexing_in_memory(data_dir, name, index):
    if "shot-gather" in name and "receiver" not in index:
        index = {**index, "receiver": slice(None, None, 2)}
    if "shot-gather" in name and "time" in index:
        index = {**index, "time": slice(3, None, 2)} if "p" not in str(index["time"]) else index
    lazy = xr.open_dataset(data_dir / name, cache=False)["amplitude"]
    loaded = xr.open_dataset(data_dir / name)["amplitude"].load()
    if "shot-gather" in name:
        index = {
            k: v % lazy.sizes[k] if isinstance(v, xr.DataArray) else v for k, v in index.items()
        }
    xr.testing.assert_equal(lazy.isel(index), loaded.isel(index))


def test_depth_first_sections_index_the_same(data_dir):
    lazy = xr.open_dataset(data_dir / "velocity/marmousi2_vp_6.25m.segy", cache=False)["velocity"]
    loaded = lazy.load().copy()
    lazy = xr.open_dataset(data_dir / "velocity/marmousi2_vp_6.25m.segy", cache=False)["velocity"]
    for index in ({"depth": 5}, {"x": -3}, {"depth": [7, 3], "x": slice(5, 90, 4)}):
        xr.testing.assert_equal(lazy.isel(index), loaded.isel(index))
    got = lazy.sel(depth=1000.0, x=8000.0, method="nearest")
    assert got.item() == loaded.sel(depth=1000.0, x=8000.0, method="nearest").item()


def test_chunks_pickle_and_threads(data_dir):
    path = data_dir / "segy/viking_small.segy"
    eager = xr.open_dataset(path)["amplitude"].load()
    chunked = xr.open_dataset(path, chunks={"shot": 1})["amplitude"]
    xr.testing.assert_equal(chunked.compute(scheduler="threads"), eager)
    copy = pickle.loads(pickle.dumps(xr.open_dataset(path)))  # our own bytes, just made
    xr.testing.assert_equal(copy["amplitude"].load(), eager)
    file = SegyFile(path)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda i: file.read(np.array([i, 479 - i])), range(240)))
    np.testing.assert_array_equal(np.stack(parts)[:, 0], eager.values.reshape(480, -1)[:240])


def test_default_chunks_keep_traces_whole(data_dir, monkeypatch):
    monkeypatch.setattr(cube, "_CHUNK_BYTES", 20_000)
    ds = xr.open_dataset(data_dir / "segy/peer/f3.sgy", chunks={})
    inlines, crosslines, times = ds["amplitude"].chunks
    assert (crosslines, times) == ((18,), (75,))
    assert inlines[0] == 3  # 3 x 18 x 75 x 4 bytes


def test_names_follow_segyio():
    def snake(name):
        return "".join(c for c in name.lower() if c != "_")

    ours = {f.byte: snake(f.name) for f in TRACE_FIELDS}
    for key in segyio.TraceField.enums():
        assert ours[int(key)] == snake(str(key))
    binary = {f.byte: snake(f.name) for f in BINARY_FIELDS}
    for key in segyio.BinField.enums():
        if str(key) != "Unassigned2":  # assigned since, by revision 2
            assert binary[int(key)] == snake(str(key))


def test_text_headers(data_dir):
    ds = xr.open_dataset(data_dir / "segy/viking_small.segy")
    lines = ds.attrs["text_header"].splitlines()
    assert lines[0].startswith("C 1 CLIENT")
    assert lines[-1] == "C40 END EBCDIC"
    volve = xr.open_dataset(data_dir / "velocity/volve10-migvel-depth-sub3d.sgy")
    assert "[Crop] 1" in volve.attrs["text_header"]
    assert xr.open_dataset(data_dir / "segy/real_gather.sgy").attrs["text_header"] == ""
    assert SegyFile(data_dir / "segy/peer/multi-text.sgy").data_start == 3600 + 4 * 3200


def test_header_mapping(data_dir, tmp_path):
    path = data_dir / "segy/viking_small.segy"
    ds = xr.open_dataset(path, headers={"channel": (25, "int32"), "mute_end": (113, "int16")})
    np.testing.assert_array_equal(ds["channel"], np.arange(1, 121))
    with with_segyio(path) as truth:
        expected = truth.attributes(113)[:].reshape(4, 120)
    np.testing.assert_array_equal(ds["mute_end"], expected)
    # Volve's own text header places inline and crossline at bytes 5 and 21.
    volve = data_dir / "velocity/volve10-migvel-depth-sub3d.sgy"
    moved = xr.open_dataset(volve, headers={"inline": 5, "crossline": 21})
    xr.testing.assert_equal(moved, xr.open_dataset(volve))


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"inlin": 189}, "no field is called 'inlin'; did you mean 'inline'"),
        ({"inline": 239}, r"bytes 239-242 lies outside the trace header \(1-240\)"),
        ({"inline": (189, "text")}, "type 'text' of 'inline' is unknown; expected int8"),
        ({"inline": (189, "int32", 1)}, "expected a byte, \\(byte, type\\) or"),
        ({"inline": (189, "S4")}, "is not a number"),
    ],
)
def test_bad_header_mapping(data_dir, headers, message):
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(data_dir / "segy/viking_small.segy", headers=headers)


def test_guess_only_takes_names_of_segy(data_dir, tmp_path):
    upper = tmp_path / "LINE.SGY"
    shutil.copy(data_dir / "segy/peer/small.sgy", upper)
    assert xr.open_dataset(upper)["amplitude"].shape == (5, 5, 50)
    other = tmp_path / "line.dat"
    shutil.copy(upper, other)
    assert xr.open_dataset(other, engine="seisgeo-segy")["amplitude"].shape == (5, 5, 50)


def test_drop_variables(data_dir):
    ds = xr.open_dataset(data_dir / "segy/viking_small.segy", drop_variables=["offset", "live"])
    assert not {"offset", "live"} & set(ds.variables)


def test_describe(data_dir):
    import json

    found = describe_segy(data_dir / "segy/viking_small.segy")
    assert list(found)[:2] == ["file", "findings"]
    assert "binary header: 600, trace headers: 1500" in found["findings"][0]
    assert (found["traces"], found["samples"], found["interval"]) == (480, 600, 0.004)
    assert found["layout"] == "shots"
    assert found["dimensions"] == {"shot": 4, "receiver": 120, "time": 600}
    assert found["coordinates"]["offset"] == [-3237, -262]
    assert found["trace_headers"]["coordinate_units"] == 3
    assert found["sample_format"] == "IBM float32 (format 1)"
    json.dumps(found, allow_nan=False)
    for name in FILES:
        json.dumps(describe_segy(data_dir / name), allow_nan=False)
    depth = describe_segy(data_dir / "velocity/volve10-migvel-depth-sub3d.sgy")
    assert (depth["variable"], depth["interval"]) == ("velocity", 20.0)


def revision_2(path, order, *, extended=-1, extra_headers=1, n=3, ns=5, dt=125.5):
    """A revision 2 file byte by byte: extended text headers, more trace headers, long counts."""

    def put(block, byte, value, kind, first=1):
        raw = np.array(value, order + kind).tobytes()
        block[byte - first : byte - first + len(raw)] = raw

    binary = bytearray(400)
    for byte, value, kind in [
        (3225, 5, "i2"), (3269, ns, "i4"), (3273, dt, "f8"), (3297, 16909060, "u4"),
        (3505, extended, "i2"), (3507, extra_headers, "i4"),
    ]:  # fmt: skip
        put(binary, byte, value, kind, first=3201)
    binary[300:302] = b"\x02\x00"
    texts = b"((OGP:P1/11))".ljust(3200) + b"((SEG: EndText))".ljust(3200)
    samples = np.arange(n * ns, dtype=np.float32).reshape(n, ns)
    traces = b""
    for i in range(n):
        header = bytearray(240 * (1 + extra_headers))
        put(header, 9, 1, "i4")
        put(header, 13, i + 1, "i4")
        traces += bytes(header) + samples[i].astype(order + "f4").tobytes()
    path.write_bytes(b"C 1 REVISION 2".ljust(3200) + bytes(binary) + texts + traces)
    return samples


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("extended", [-1, 2])
def test_revision_2(tmp_path, order, extended):
    path = tmp_path / "rev2.sgy"
    expected = revision_2(path, order, extended=extended)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        ds = xr.open_dataset(path)
    np.testing.assert_array_equal(ds["amplitude"][0], expected)
    np.testing.assert_allclose(ds["time"], 125.5e-6 * np.arange(5))
    assert ds.attrs["revision"] == "2.0"
    assert "((OGP:P1/11))" in ds.attrs["text_header"]
