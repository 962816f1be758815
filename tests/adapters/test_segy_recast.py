"""Originals of every kind go through Zarr; what is asked for changes, and nothing else."""

import struct
import warnings

import numpy as np
import pytest
import segyio
import segyio.su
import xarray as xr

from seisgeo.adapters import convert, write_segy, write_zarr
from seisgeo.adapters.segy.fields import TRACE_FIELDS
from seisgeo.errors import ConventionError, HeaderWarning, ParameterError


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        yield


N, SHOTS, RECEIVERS = 21, 3, 4


def segy_file(path, code=5, order=">", revision=(1, 0), *, additional=0, odd=b"", n=N):
    """Shots under random headers; `odd` follows the last trace."""
    rng = np.random.default_rng(2)
    head = bytearray(b"C 1 A LINE".ljust(38 * 80) + b"C39 SEG Y REV1".ljust(80) + b" " * 80)
    head += bytes(400)

    def put(at, code, value):
        struct.pack_into(order + code, head, at - 1, value)

    put(3217, "h", 2000)
    put(3221, "H", n)
    put(3225, "h", code)
    put(3255, "h", 1)
    put(3503, "h", 1)
    head[3500:3502] = bytes(revision)
    if revision >= (2, 0):
        put(3269, "i", n)
        put(3273, "d", 2000.0)
        put(3297, "I", 16909060)
        put(3507, "i" if revision == (2, 0) else "h", additional)
        put(3513, "Q", SHOTS * RECEIVERS)
    return _with_traces(path, bytes(head), order, code, additional, odd, rng, n)


def _with_traces(path, head, order, code, additional, odd, rng, n):
    size = {1: 4, 2: 4, 3: 2, 4: 4, 5: 4, 6: 8, 7: 3, 8: 1, 9: 8, 10: 4, 11: 2, 12: 8, 15: 3, 16: 1}
    for i in range(SHOTS * RECEIVERS):
        header = bytearray(rng.integers(0, 256, 240, np.uint8).tobytes())
        shot, receiver = divmod(i, RECEIVERS)
        for at, form, value in (
            (9, "i", 7 + shot), (13, "i", 1 + receiver), (17, "i", 1 + shot), (29, "h", 1),
            (37, "i", 25 * receiver), *((a, "i", 0) for a in range(41, 69, 4)), (69, "h", 1),
            (71, "h", 1), (73, "i", 100 * shot), (77, "i", 0), (85, "i", 0), (89, "h", 1),
            (81, "i", 100 * shot + 25 * receiver), (109, "h", 0), (115, "H", n), (117, "h", 2000),
            (189, "i", 0), (193, "i", 0), (215, "h", 0),
        ):  # fmt: skip
            struct.pack_into(order + form, header, at - 1, value)
        head += bytes(header) + rng.integers(0, 256, 240 * additional, np.uint8).tobytes()
        head += _samples(code, order, n, size[code], rng)
    path.write_bytes(head + odd)
    return path


def _samples(code, order, n, size, rng):
    if code in (5, 6):
        return rng.standard_normal(n).astype(f"{order}f{size}").tobytes()
    raw = rng.integers(0, 256, (n, size), np.uint8)
    if code in (1, 4):  # positive exponents around 64; a zero byte before the gain
        raw[:, 0 if order == ">" else 3] = 0x42 if code == 1 else 0
        raw[:, 1 if order == ">" else 2] = 0x12 if code == 1 else 1
    return raw.tobytes()


def swapped(raw):
    """A file whose bytes are swapped in pairs behind its text header."""
    body = np.frombuffer(raw[3200:], np.uint8)
    even = len(body) // 2 * 2
    return raw[:3200] + body[:even].reshape(-1, 2)[:, ::-1].tobytes() + body[even:].tobytes()


def read(path, endian="big"):
    with segyio.open(path, ignore_geometry=True, endian=endian) as f:
        headers = {b.byte: f.attributes(b.byte)[:] for b in TRACE_FIELDS if b.byte < 233}
        return headers, f.trace.raw[:], bytes(f.text[0])


def same_headers(a, b):
    for byte, column in a.items():
        np.testing.assert_array_equal(b[byte], column, err_msg=f"byte {byte}")


@pytest.mark.parametrize("code", [1, 3, 5, 6, 7, 8, 15, 16])
@pytest.mark.parametrize("odd", [b"", b"\1\2\3"])
def test_pair_swapped_files_come_back(tmp_path, code, odd):
    plain = segy_file(tmp_path / "plain.sgy", code, revision=(2, 0), odd=odd).read_bytes()
    source = tmp_path / "x.sgy"
    source.write_bytes(swapped(plain))
    store = convert(source, tmp_path / "y.zarr")
    assert convert(store, tmp_path / "z.sgy").read_bytes() == source.read_bytes()
    assert convert(source, tmp_path / "direct.sgy").read_bytes() == source.read_bytes()
    ds = xr.open_dataset(store)
    assert write_segy(ds, tmp_path / "b.sgy", byte_order="big-endian").read_bytes() == plain
    part = write_segy(ds.isel(shot=[1]), tmp_path / "part.sgy")
    np.testing.assert_array_equal(xr.open_dataset(part)["amplitude"], ds["amplitude"][[1]])


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("left_over", [0, 100])
def test_su_comes_back(tmp_path, order, left_over):
    rng = np.random.default_rng(1)
    source = _with_traces(tmp_path / "x.su", b"", order, 5, 0, bytes(left_over), rng, N)
    store = convert(source, tmp_path / "y.zarr")
    assert convert(store, tmp_path / "z.su").read_bytes() == source.read_bytes()
    assert convert(source, tmp_path / "direct.su").read_bytes() == source.read_bytes()
    ds = xr.open_dataset(store)
    part = write_segy(ds.isel(shot=[2], time=slice(5, 15)), tmp_path / "part.su")
    endian = {">": "big", "<": "little"}
    with segyio.su.open(part, ignore_geometry=True, endian=endian[order]) as f:
        assert set(f.attributes(115)[:]) == {10}
        assert set(f.attributes(109)[:]) == {10}
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"][2, :, 5:15])
    if left_over:
        return  # segyio opens no file that is cut
    other = {">": "<", "<": ">"}[order]
    names = {">": "big-endian", "<": "little-endian"}
    turned = write_segy(ds, tmp_path / "turned.su", byte_order=names[other])
    with (
        segyio.su.open(source, ignore_geometry=True, endian=endian[order]) as a,
        segyio.su.open(turned, ignore_geometry=True, endian=endian[other]) as b,
    ):
        np.testing.assert_array_equal(a.trace.raw[:], b.trace.raw[:])
        for field in TRACE_FIELDS:
            if field.byte <= 180:
                np.testing.assert_array_equal(
                    a.attributes(field.byte)[:], b.attributes(field.byte)[:]
                )


def test_the_real_su_file_comes_back(data_dir, tmp_path):
    source = data_dir / "su/small.su"
    store = convert(source, tmp_path / "y.zarr")
    assert convert(store, tmp_path / "z.su").read_bytes() == source.read_bytes()


def test_su_and_segy_are_not_each_other(tmp_path):
    source = segy_file(tmp_path / "x.sgy")
    ds = xr.open_dataset(source)
    with pytest.warns(HeaderWarning, match="cannot be used .they are of SEG-Y.; all headers are"):
        path = write_segy(ds, tmp_path / "x.su")
    np.testing.assert_array_equal(xr.open_dataset(path)["amplitude"], ds["amplitude"])
    with pytest.raises(ParameterError, match=r"Seismic Unix .*leave revision="):
        write_segy(xr.open_dataset(path), tmp_path / "y.su", revision=1)
    with pytest.warns(HeaderWarning, match="cannot be used .they are of Seismic Unix"):
        again = write_segy(xr.open_dataset(path), tmp_path / "again.sgy")
    np.testing.assert_array_equal(read(again)[1], read(source)[1])


def test_straight_from_the_file(tmp_path):
    """Headers that no cube holds (dates, statics) are kept without a store between."""
    source = segy_file(tmp_path / "x.sgy", 1)
    ds = xr.open_dataset(source)
    assert write_segy(ds, tmp_path / "y.sgy").read_bytes() == source.read_bytes()
    louder = ds.assign(amplitude=2 * ds["amplitude"])
    path = write_segy(louder.isel(shot=[2, 0]), tmp_path / "z.sgy")
    before, after = read(source), read(path)
    chosen = [0, 1, 2, 3, 8, 9, 10, 11]
    same_headers({b: c[chosen] for b, c in before[0].items()}, after[0])
    np.testing.assert_array_equal(after[1], 2 * before[1][chosen])
    assert write_segy(ds, source, overwrite=True).stat().st_size == path.stat().st_size * 3 / 2 - (
        3600 / 2
    )


def test_a_decision_of_the_user_makes_new_headers(tmp_path):
    source = segy_file(tmp_path / "x.sgy")
    ds = xr.open_dataset(source, coordinate_scale=0.1)
    with pytest.warns(HeaderWarning, match="cannot be used .changed: source_x"):
        path = write_segy(ds, tmp_path / "y.sgy")
    np.testing.assert_allclose(xr.open_dataset(path)["source_x"], [0, 10, 20])
    raw = bytearray(source.read_bytes())
    raw[3225] = 2  # a wrong format code
    source.write_bytes(raw)
    path = write_segy(xr.open_dataset(source, sample_format=5), tmp_path / "z.sgy")
    raw[3225] = 5
    assert path.read_bytes() == bytes(raw)


def test_netcdf_keeps_no_headers_and_says_so(tmp_path):
    store = convert(segy_file(tmp_path / "x.sgy"), tmp_path / "x.nc")
    with pytest.warns(HeaderWarning, match=r"does not know any more.*original=FILE.*as 0"):
        convert(store, tmp_path / "y.sgy")
    ds = xr.open_dataset(store)
    path = write_segy(ds, tmp_path / "z.sgy", original=tmp_path / "x.sgy")
    assert path.read_bytes() == (tmp_path / "x.sgy").read_bytes()
    loud = ds.assign(loud=2 * ds["amplitude"])
    with pytest.raises(ConventionError, match="they are of 'amplitude', and 'loud' is written"):
        write_segy(loud, tmp_path / "l.sgy", variable="loud", original=tmp_path / "x.sgy")


def test_another_revision_and_back(tmp_path):
    source = segy_file(tmp_path / "x.sgy", 3)
    ds = xr.open_dataset(convert(source, tmp_path / "y.zarr"))
    path = write_segy(ds, tmp_path / "2.sgy", revision=2.1)
    raw = path.read_bytes()
    assert struct.unpack(">BBh", raw[3500:3504]) == (2, 1, 1)
    assert struct.unpack(">iddii", raw[3268:3296])[:3] == (N, 2000.0, 2000.0)
    assert struct.unpack(">I", raw[3296:3300]) == (16909060,)
    assert struct.unpack(">QQi", raw[3512:3532]) == (SHOTS * RECEIVERS, 3600, 0)
    assert raw[3040:3120].strip() == b"C39 SEG-Y REV2.1"
    assert raw[3600:] == source.read_bytes()[3600:]
    assert xr.open_dataset(path).attrs["revision"] == "2.1"
    again = write_segy(xr.open_dataset(path), tmp_path / "1.sgy", revision=1)
    assert again.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("code", [1, 3, 5, 6, 7, 15, 16])
def test_another_byte_order_and_back(tmp_path, code):
    source = segy_file(tmp_path / "x.sgy", code, revision=(2, 0))
    store = convert(source, tmp_path / "y.zarr")
    path = write_segy(xr.open_dataset(store), tmp_path / "l.sgy", byte_order="little-endian")
    if code in (1, 3, 5):
        before, after = read(source), read(path, "little")
        same_headers(before[0], after[0])
        np.testing.assert_array_equal(after[1], before[1])
    assert xr.open_dataset(path).attrs["byte_order"] == "little-endian"
    again = write_segy(xr.open_dataset(path), tmp_path / "b.sgy", byte_order="big-endian")
    assert again.read_bytes() == source.read_bytes()


def test_a_revision_grows_with_what_is_asked(tmp_path):
    ds = xr.open_dataset(segy_file(tmp_path / "x.sgy"))
    for options in ({"sample_format": 6}, {"byte_order": "little-endian"}):
        path = write_segy(ds, tmp_path / "y.sgy", overwrite=True, **options)
        assert path.read_bytes()[3500:3502] == b"\2\0"
        np.testing.assert_array_equal(xr.open_dataset(path)["amplitude"], ds["amplitude"])


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        ({}, {"revision": 0}, r"IEEE float32 \(format 5\) big-endian is not in .* 0, but in 1"),
        ({}, {"revision": 1, "byte_order": "little-endian"}, "-endian is not in .* 1, but in 2"),
        ({"revision": (2, 0), "additional": 1}, {"revision": 1}, "additional trace headers; keep"),
        (
            {"revision": (2, 0), "additional": 1},
            {"byte_order": "little-endian"},
            "byte order of additional trace headers cannot be changed",
        ),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_recast(tmp_path, made, options, message):
    ds = xr.open_dataset(segy_file(tmp_path / "x.sgy", **made))
    with pytest.raises(ConventionError, match=message):
        write_segy(ds, tmp_path / "y.sgy", **options)
    assert not (tmp_path / "y.sgy").exists()


@pytest.mark.parametrize(("before", "after"), [((2, 0), (2, 1)), ((2, 1), (2, 0))])
def test_additional_headers_are_counted_as_each_revision_does(tmp_path, before, after):
    source = segy_file(tmp_path / "x.sgy", revision=before, additional=2)
    ds = xr.open_dataset(source)
    path = write_segy(ds, tmp_path / "y.sgy", revision="{}.{}".format(*after))
    raw = path.read_bytes()
    assert raw[3506:3510] == (b"\0\2\0\0" if after == (2, 1) else b"\0\0\0\2")
    assert raw[3600:] == source.read_bytes()[3600:]
    xr.testing.assert_equal(xr.open_dataset(path)["amplitude"], ds["amplitude"])


def test_a_store_of_a_selection_of_a_swapped_file(tmp_path):
    source = tmp_path / "x.sgy"
    source.write_bytes(swapped(segy_file(tmp_path / "p.sgy", 7, revision=(2, 1)).read_bytes()))
    part = xr.open_dataset(source).isel(shot=[0, 2], receiver=slice(1, 4))
    path = convert(write_zarr(part, tmp_path / "y.zarr"), tmp_path / "z.sgy")
    assert path.read_bytes() == write_segy(part, tmp_path / "direct.sgy").read_bytes()
    assert path.read_bytes()[3296:3300] == b"\2\1\4\3"
    xr.testing.assert_equal(xr.open_dataset(path)["amplitude"], part["amplitude"])


def test_a_format_that_was_asked_for_is_not_taken_for_the_originals(tmp_path):
    ds = xr.open_dataset(segy_file(tmp_path / "a.sgy"))
    with pytest.raises(ConventionError, match=r"fractions, which int16.*floats \(format 5\)$"):
        write_segy(ds, tmp_path / "b.sgy", sample_format=3)
