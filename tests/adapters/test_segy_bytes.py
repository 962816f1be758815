"""SEG-Y to Zarr and back gives the same file; what was changed on the way is all that changes."""

import errno
import hashlib
import io
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import segyio
import xarray as xr
import zarr

from seisgeo import conventions
from seisgeo.adapters import convert, write_segy, write_zarr
from seisgeo.adapters.segy import exact
from seisgeo.adapters.segy import write as write_module
from seisgeo.adapters.segy.original_zarr import read_original
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.errors import ConventionError, FormatError, HeaderWarning


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        yield


# Files that are no cube: they do not open, so nothing of them can be written.
NOT_OPENED = {
    "segy/peer/text.sgy": "not one whole trace",
}
REAL = [
    *("segy/viking_small.segy", "segy/real_gather.sgy"),
    *("velocity/marmousi2_vp_6.25m.segy", "velocity/volve10-migvel-depth-sub3d.sgy"),
    *(
        f"segy/peer/{name}.sgy"
        for name in (
            *("1x1", "1xN", "Mx1", "broken", "f3-lsb", "f3", "interval-neg-bin-pos-trace"),
            *("multi-text", "normal-small", "shot-gather", "small-ps", "small", "tiny"),
        )
    ),
    *(
        f"segy/peer/multiformats/Format{code}msb.sgy"
        for code in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16)
    ),
]


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_the_list_of_files_is_complete(data_dir):
    there = [p for p in data_dir.rglob("*") if p.suffix.lower() in (".sgy", ".segy")]
    names = {str(p.relative_to(data_dir)) for p in there}
    assert names == {*REAL, *NOT_OPENED}


@pytest.mark.parametrize("name", REAL)
def test_every_real_file_comes_back(data_dir, tmp_path, name):
    source = data_dir / name
    store = convert(source, tmp_path / "y.zarr")
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)
    cube, stored = xr.open_dataset(source), xr.open_dataset(store)
    xr.testing.assert_equal(stored, cube)
    assert set(stored.variables) == set(cube.variables)
    assert set(stored.coords) == set(cube.coords)
    conventions.validate(stored)


@pytest.mark.parametrize(("name", "message"), NOT_OPENED.items())
def test_files_that_are_no_cube(data_dir, tmp_path, name, message):
    with pytest.raises(FormatError, match=message):
        convert(data_dir / name, tmp_path / "y.zarr")


def made(path, code=5, order=">", *, shots=4, receivers=6, n=50, values=None, seed=0):
    """Shots with a random header and a text of any bytes; samples of any bits where not given."""
    rng = np.random.default_rng(seed)
    fmt = FORMATS[code]
    head = bytearray(rng.integers(0, 256, 3600, np.uint8).tobytes())
    head[3200:3600] = bytes(400)

    def put(at, value, dtype="i2"):
        head[at : at + np.dtype(dtype).itemsize] = np.array(value, order + dtype).tobytes()

    put(3216, 2000)
    put(3220, n)
    put(3224, code)
    put(3252, 1234)
    put(3500, 1, "u1")
    table = rng.integers(0, 256, (shots * receivers, 240), np.uint8)
    table[:, 40:70] = 0  # elevations and depths
    number = np.arange(shots * receivers)
    fields = {
        8: (7 + number // receivers, "i4"),
        12: (1 + number % receivers, "i4"),
        16: (101 + number // receivers, "i4"),
        28: (np.ones_like(number), "i2"),
        36: (100 * (1 + number % receivers), "i4"),
        70: (np.full_like(number, -10), "i2"),
        72: (number // receivers * 250, "i4"),
        76: (0 * number, "i4"),
        80: (number // receivers * 250 + 1000 * (1 + number % receivers), "i4"),
        84: (0 * number, "i4"),
        88: (np.ones_like(number), "i2"),
        108: (0 * number, "i2"),
        114: (np.full_like(number, n), "u2"),
        116: (np.full_like(number, 2000), "i2"),
        188: (0 * number, "i4"),
        192: (0 * number, "i4"),
        214: (0 * number, "i2"),
    }
    for at, (column, dtype) in fields.items():
        raw = column.astype(order + dtype).view(np.uint8).reshape(len(number), -1)
        table[:, at : at + raw.shape[1]] = raw
    if values is None:
        samples = rng.integers(0, 256, (len(number), n * fmt.itemsize), np.uint8)
    else:
        samples = exact.encode(np.asarray(values).reshape(len(number), n), fmt, order)
    path.write_bytes(bytes(head) + np.concatenate([table, samples], axis=1).tobytes())
    return path


def amplitudes(shots=4, receivers=6, n=50):
    rng = np.random.default_rng(3)
    return rng.integers(0, 100, (shots, receivers, n)).astype(np.float32)


@pytest.mark.parametrize(
    ("code", "order"), [*((c, ">") for c in FORMATS), *((c, "<") for c in (1, 5, 7, 15))]
)
def test_any_bits_come_back(tmp_path, code, order):
    source = made(tmp_path / "x.sgy", code, order)
    with np.errstate(all="ignore"):
        store = convert(source, tmp_path / "y.zarr", sample_format=code)
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)


def test_from_store_to_store(tmp_path):
    source = made(tmp_path / "x.sgy", 1)
    store = convert(source, tmp_path / "y.zarr", sample_format=1)
    again = convert(store, tmp_path / "again.zarr")
    assert sha256(convert(again, tmp_path / "again.sgy")) == sha256(source)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("code", sorted(FORMATS))
def test_encoding_is_the_inverse_of_decoding(code, order):
    values = amplitudes().reshape(24, 50)
    if code in (1, 4, 5, 6):
        values = np.float32(values - 50) * np.float32(2.0) ** (4 if code == 4 else -7)
    raw = exact.encode(values, FORMATS[code], order)
    np.testing.assert_array_equal(exact.decode(raw, FORMATS[code], order), values)
    assert not exact.inexact(raw, FORMATS[code], order).any()


def test_ibm_words_that_do_not_come_back_are_found():
    words = {
        0x42640000: False,  # 100
        0xC276A000: False,  # -118.625, the example of the IBM manual
        0x00000000: False,
        0x80000000: False,  # -0
        0x43064000: True,  # 100, not normalised
        0x47000000: True,  # 0 under an exponent
        0x7FFFFFFF: True,  # beyond float32
        0x00100000: True,  # below float32
        0x60FFFFFF: False,  # the largest below 2^128
        0x22100000: False,
    }
    raw = np.array(list(words), ">u4").view(np.uint8).reshape(-1, 4)
    assert exact.inexact(raw, FORMATS[1], ">").tolist() == list(words.values())


@pytest.mark.parametrize("name", ["segy/viking_small.segy", "segy/peer/f3.sgy"])
def test_nothing_but_headers_is_kept_of_ordinary_files(data_dir, tmp_path, name):
    store = convert(data_dir / name, tmp_path / "y.zarr")
    known = read_original(store)
    assert len(known.kept) == 0
    with segyio.open(data_dir / name, ignore_geometry=True) as f:
        headers = np.stack([np.frombuffer(bytes(h.buf), np.uint8) for h in f.header])
    np.testing.assert_array_equal(known.headers(np.arange(len(headers))), headers)
    size = sum(p.stat().st_size for p in (store / "segy" / "trace_header").rglob("*"))
    assert size < 0.25 * 240 * known.n_traces


def test_the_group_opens_by_itself(tmp_path):
    store = convert(made(tmp_path / "x.sgy"), tmp_path / "y.zarr")
    tree = xr.open_datatree(store, engine="zarr")
    assert list(tree.children) == ["segy"]
    sizes = {"trace": 24, "header_byte": 240, "head_byte": 3600}
    assert sizes.items() <= dict(tree["segy"].sizes).items()
    assert tree["segy"].attrs["sample_format"] == 5
    for file in (store / "segy").rglob("zarr.json"):
        assert "pickle" not in file.read_text()


def traces_of(path):
    with segyio.open(path, ignore_geometry=True) as f:
        headers = np.stack([np.frombuffer(bytes(h.buf), np.uint8) for h in f.header])
        return headers, f.trace.raw[:], bytes(f.text[0]), bytes(f.bin.buf)


@pytest.mark.parametrize("code", [1, 3, 5])
def test_changed_samples_go_under_the_same_headers(tmp_path, code):
    source = made(tmp_path / "x.sgy", code, values=amplitudes())
    ds = xr.open_dataset(convert(source, tmp_path / "y.zarr"))
    ds["amplitude"][1, 2] = 77
    headers, samples, text, binary = traces_of(source)
    after = traces_of(write_segy(ds, tmp_path / "z.sgy"))
    np.testing.assert_array_equal(after[0], headers)
    assert after[2:] == (text, binary)
    samples[8] = 77
    np.testing.assert_array_equal(after[1], samples)


def test_samples_changed_in_the_store(tmp_path):
    source = made(tmp_path / "x.sgy", 1)  # not one word in 16 is normalised: samples are kept
    store = convert(source, tmp_path / "y.zarr", sample_format=1)
    assert len(read_original(store).kept) == 24
    zarr.open_array(store / "amplitude", mode="r+")[2, 3] = -2.5
    result = convert(store, tmp_path / "z.sgy").read_bytes()
    before = bytearray(source.read_bytes())
    at = 3600 + 15 * (240 + 200) + 240
    before[at : at + 200] = bytes.fromhex("c1280000") * 50
    assert result == bytes(before)


def test_another_format_under_the_same_headers(tmp_path):
    source = made(tmp_path / "x.sgy", 3, values=amplitudes())
    ds = xr.open_dataset(convert(source, tmp_path / "y.zarr"))
    ds["amplitude"] = ds["amplitude"] / 7
    with pytest.raises(
        ConventionError, match=r"shot 0 to 3.*fractions, which int16.*IEEE floats .5 or 6. take"
    ):
        write_segy(ds, tmp_path / "z.sgy")
    assert not (tmp_path / "z.sgy").exists()
    after = traces_of(write_segy(ds, tmp_path / "z.sgy", sample_format=5))
    headers, samples, *_ = traces_of(source)
    np.testing.assert_array_equal(after[0], headers)
    np.testing.assert_array_equal(after[1], samples / np.float32(7))


def test_a_selection_keeps_the_headers_of_what_is_left(tmp_path):
    source = made(tmp_path / "x.sgy", 1, values=amplitudes())
    store = convert(source, tmp_path / "y.zarr")
    ds = xr.open_dataset(store).isel(shot=[3, 1], receiver=slice(1, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write_segy(ds, tmp_path / "z.sgy")
    chosen = np.array([7, 8, 9, 10, 19, 20, 21, 22])
    before, after = traces_of(source), traces_of(path)
    np.testing.assert_array_equal(after[0], before[0][chosen])
    np.testing.assert_array_equal(after[1], before[1][chosen])
    assert after[2:] == before[2:]
    xr.testing.assert_equal(xr.open_dataset(path), ds.isel(shot=[1, 0]).load())
    # By way of a store of the selection, and straight from SEG-Y.
    part = write_zarr(ds, tmp_path / "part.zarr")
    assert sha256(convert(part, tmp_path / "z2.sgy")) == sha256(path)
    straight = xr.open_dataset(source).isel(shot=[1, 3], receiver=slice(1, 5))
    part = write_zarr(straight, tmp_path / "part2.zarr")
    assert sha256(convert(part, tmp_path / "z3.sgy")) == sha256(path)


def test_a_window_in_time_changes_count_and_delay_only(tmp_path):
    source = made(tmp_path / "x.sgy", 5, "<", values=amplitudes())
    store = convert(source, tmp_path / "y.zarr")
    ds = xr.open_dataset(store).sel(time=slice(0.0199, 0.0601))
    path = write_segy(ds, tmp_path / "z.sgy")
    xr.testing.assert_allclose(xr.open_dataset(path), ds, rtol=1e-14)
    with segyio.open(path, ignore_geometry=True, endian="little") as f:
        assert f.samples.tolist() == list(range(20, 61, 2))
        headers = np.stack([np.frombuffer(bytes(h.buf), np.uint8) for h in f.header])
        assert set(f.attributes(115)[:]) == {21}
        assert set(f.attributes(109)[:]) == {20}
    with segyio.open(source, ignore_geometry=True, endian="little") as f:
        before = np.stack([np.frombuffer(bytes(h.buf), np.uint8) for h in f.header])
    other = np.delete(np.arange(240), [108, 109, 114, 115])
    np.testing.assert_array_equal(headers[:, other], before[:, other])


def test_real_selections(data_dir, tmp_path):
    source = data_dir / "segy/viking_small.segy"
    ds = xr.open_dataset(source).isel(shot=[0, 2], receiver=slice(0, 120, 2), time=slice(100, 300))
    path = convert(write_zarr(ds, tmp_path / "y.zarr"), tmp_path / "z.sgy")
    xr.testing.assert_allclose(xr.open_dataset(path), ds)
    with (
        segyio.open(source, ignore_geometry=True) as a,
        segyio.open(path, ignore_geometry=True) as b,
    ):
        chosen = np.r_[0:120:2, 240:360:2]
        for byte in (1, 9, 13, 17, 21, 37, 73, 81, 157, 159):
            np.testing.assert_array_equal(b.attributes(byte)[:], a.attributes(byte)[:][chosen])
        assert b.samples[0] == 400
        assert bytes(a.text[0]) == bytes(b.text[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.assign_coords(source_x=d.source_x + 5), "changed: source_x"),
        (lambda d: d.assign_coords(cdp_x=0 * d.receiver_x), "changed: cdp_x"),
        (lambda d: d.assign_coords(time=d.time + 0.001), "labels along time are not those"),
        (lambda d: d.isel(time=slice(None, None, 2)), "time is no window"),
        (lambda d: d.isel(shot=[0, 0]), "labels along shot are not those"),
    ],
)
def test_headers_that_are_not_true_any_more_are_written_anew(tmp_path, change, reason):
    source = made(tmp_path / "x.sgy", values=amplitudes())
    ds = xr.open_dataset(convert(source, tmp_path / "y.zarr"))
    ds = change(ds)
    with pytest.warns(HeaderWarning, match=f"cannot be used .*{reason}.*original=False"):
        path = write_segy(ds, tmp_path / "z.sgy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = write_segy(ds, tmp_path / "plain.sgy", original=False)
    assert sha256(path) == sha256(plain)
    assert not (write_zarr(ds, tmp_path / "other.zarr") / "segy").exists()


def test_coordinates_changed_in_the_store(tmp_path):
    store = convert(made(tmp_path / "x.sgy", values=amplitudes()), tmp_path / "y.zarr")
    zarr.open_array(store / "source_x", mode="r+")[1] = 4321.0
    with pytest.warns(HeaderWarning, match="changed: source_x"):
        path = convert(store, tmp_path / "z.sgy")
    assert xr.open_dataset(path)["source_x"][1] == 4321


def test_an_original_that_is_named(data_dir, tmp_path):
    """Computations lose the way back to the store; a SEG-Y file serves as well."""
    source = made(tmp_path / "x.sgy", 1, values=amplitudes())
    store = convert(source, tmp_path / "y.zarr")
    for ds in (xr.open_dataset(store), xr.open_dataset(source)):
        ds.encoding = {}
        for original in (source, str(store)):
            path = write_segy(ds, tmp_path / "z.sgy", original=original, overwrite=True)
            assert sha256(path) == sha256(source)
    with pytest.raises(ConventionError, match=r"headers of .*x\.sgy are not.*changed: source_x"):
        write_segy(ds.assign_coords(source_x=-ds.source_x), tmp_path / "o.sgy", original=source)
    empty = write_zarr(ds, tmp_path / "plain.zarr")
    with pytest.raises(FormatError, match=r"plain\.zarr: keeps no headers.*seisgeo convert"):
        write_segy(ds, tmp_path / "o.sgy", original=empty)


def test_dead_and_new_traces(tmp_path):
    source = made(tmp_path / "x.sgy", 1, values=amplitudes())
    ds = xr.open_dataset(convert(source, tmp_path / "y.zarr")).load()
    ds["amplitude"][1, 2] = np.nan
    headers, samples, *_ = traces_of(write_segy(ds, tmp_path / "z.sgy"))
    assert headers[8, 28:30].tolist() == [0, 2]
    assert not samples[8].any()
    raw = bytearray(source.read_bytes())
    short = tmp_path / "short.sgy"
    short.write_bytes(raw[: -(240 + 200)])
    ds = xr.open_dataset(convert(short, tmp_path / "s.zarr")).load()
    assert np.isnan(ds["amplitude"][3, 5]).all()
    assert sha256(write_segy(ds, tmp_path / "s.sgy")) == sha256(short)
    ds["amplitude"][3, 5] = 1
    with pytest.raises(ConventionError, match=r"shot 0 to 3.*no trace.*original=False"):
        write_segy(ds, tmp_path / "new.sgy")


def test_traces_of_no_cell_and_a_cut_file_come_back(tmp_path):
    """Auxiliary traces, two traces of one name, and half a trace at the end."""
    source = made(tmp_path / "x.sgy", 3)
    raw = bytearray(source.read_bytes())
    length = 240 + 100
    raw[3600 + 5 * length + 28 : 3600 + 5 * length + 30] = b"\0\6"
    source.write_bytes(raw + raw[3600 : 3600 + length // 2])
    store = convert(source, tmp_path / "y.zarr")
    assert read_original(store).kept.tolist() == [5]
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)
    ds = xr.open_dataset(store).isel(shot=slice(0, 2))
    headers, *_ = traces_of(write_segy(ds, tmp_path / "part.sgy"))
    assert len(headers) == 11


def test_blocks_of_any_size_give_the_same_file(tmp_path, monkeypatch):
    source = made(tmp_path / "x.sgy", 1)
    store = convert(source, tmp_path / "y.zarr", sample_format=1)
    for size in (1, 8 * 50 * 4, 8 * 50 * 13):
        monkeypatch.setattr(write_module, "_BLOCK_BYTES", size)
        path = write_segy(xr.open_dataset(store), tmp_path / "z.sgy", overwrite=True)
        assert sha256(path) == sha256(source)


def test_traces_in_another_order_than_the_cube(tmp_path):
    """A stack sorted by crossline."""
    source = made(tmp_path / "x.sgy", values=amplitudes())
    source.write_bytes(as_stack(source))
    store = convert(source, tmp_path / "y.zarr", layout="stack")
    assert xr.open_dataset(store)["amplitude"].shape == (4, 6, 50)
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)


def as_stack(path):
    """Make the traces of a file a stack, sorted by crossline."""
    raw = bytearray(path.read_bytes())
    length = 240 + 200
    for i in range(24):
        at = 3600 + i * length
        raw[at + 36 : at + 40] = bytes(4)
        raw[at + 72 : at + 88] = bytes(16)
        raw[at + 188 : at + 196] = np.array([i % 4 + 1, i // 4 + 10], ">i4").tobytes()
    return raw


@pytest.mark.parametrize("code", [1, 5])
def test_velocities_in_feet_come_back(tmp_path, code):
    rng = np.random.default_rng(1)
    source = made(tmp_path / "x.sgy", code, values=rng.uniform(5000, 15000, (24, 50)))
    raw = as_stack(source)
    raw[3254:3256] = b"\0\2"
    source.write_bytes(raw)
    store = convert(source, tmp_path / "y.zarr", quantity="velocity", vertical="depth")
    ds = xr.open_dataset(store)
    assert 1500 < ds["velocity"].mean() < 5000
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)
    changed = write_segy(ds.assign(velocity=ds["velocity"] * 2), tmp_path / "changed.sgy")
    np.testing.assert_allclose(traces_of(changed)[1], 2 * traces_of(source)[1], rtol=1e-6)


def test_additional_headers_and_trailers_of_revision_2_come_back(tmp_path):
    rng = np.random.default_rng(1)
    plain = made(tmp_path / "plain.sgy", values=amplitudes()).read_bytes()
    head = bytearray(plain[:3600])
    head[3268:3272] = np.array(50, ">i4").tobytes()
    head[3296:3300] = bytes([1, 2, 3, 4])
    head[3500] = 2
    head[3506:3510] = np.array(1, ">i4").tobytes()
    head[3512:3520] = np.array(24, ">u8").tobytes()
    head[3528:3532] = np.array(1, ">i4").tobytes()
    traces = np.frombuffer(plain[3600:], np.uint8).reshape(24, 440)
    added = rng.integers(0, 256, (24, 240), np.uint8)
    traces = np.concatenate([traces[:, :240], added, traces[:, 240:]], axis=1)
    trailer = b"the end".ljust(3200)
    source = tmp_path / "x.sgy"
    source.write_bytes(bytes(head) + traces.tobytes() + trailer)
    store = convert(source, tmp_path / "y.zarr")
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)
    part = xr.open_dataset(store).isel(shot=[2], time=slice(10, 30))
    raw = write_segy(part, tmp_path / "part.sgy").read_bytes()
    assert len(raw) == 3600 + 6 * (480 + 80) + 3200
    assert raw.endswith(trailer)
    assert np.frombuffer(raw[3220:3222], ">u2") == 20
    assert np.frombuffer(raw[3268:3272], ">i4") == 20
    assert np.frombuffer(raw[3512:3520], ">u8") == 6
    assert raw[3600 + 240 : 3600 + 480] == added[12].tobytes()


def test_a_pickled_cube_takes_its_headers_along(tmp_path):
    source = made(tmp_path / "x.sgy", 1)
    ds = pickle.loads(pickle.dumps(xr.open_dataset(source, sample_format=1).copy(deep=True)))
    store = write_zarr(ds, tmp_path / "y.zarr")
    assert sha256(convert(store, tmp_path / "z.sgy")) == sha256(source)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    store = convert(made(tmp_path / "x.sgy"), tmp_path / "y.zarr")

    class FullDisk(io.FileIO):
        def write(self, data):
            if self.tell() > 4000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(write_module, "open", FullDisk, raising=False)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match=r"No space left on device while writing.*z\.sgy"):
        convert(store, tmp_path / "z.sgy")
    assert sorted(tmp_path.iterdir()) == before


def test_a_broken_group_is_named(tmp_path):
    store = convert(made(tmp_path / "x.sgy"), tmp_path / "y.zarr")
    group = zarr.open_group(store / "segy", mode="r+")
    group.attrs["version"] = 99
    with pytest.raises(FormatError, match=r"y\.zarr: its group 'segy' has version 99.*Update"):
        convert(store, tmp_path / "z.sgy")
    del group.attrs["n_samples"]
    group.attrs["version"] = 1
    with pytest.raises(FormatError, match=r"group 'segy' is broken.*n_samples.*original=False"):
        convert(store, tmp_path / "z.sgy")


def test_headers_can_be_left_out(tmp_path):
    ds = xr.open_dataset(made(tmp_path / "x.sgy"))
    assert not (write_zarr(ds, tmp_path / "y.zarr", original=False) / "segy").exists()
