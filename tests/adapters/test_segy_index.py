"""The header index: written where it is worth it, trusted only while true, never in the way."""

import json
import os
import pickle
import struct
import zlib

import fsspec
import numpy as np
import pytest
import xarray as xr
from handmade import padded, shots

from seisgeo.adapters.segy import SegyFile, file, index, lengths, remote
from seisgeo.adapters.segy.fields import TRACE_FIELDS

RAGGED = [50, 50, 50, 80, 80, 80, 30, 65, 80]


@pytest.fixture(autouse=True)
def _every_file_is_large(monkeypatch, tmp_path):
    monkeypatch.setattr(index, "_LEAST_BYTES", 0)
    monkeypatch.setattr(index, "_cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("SEISGEO_HEADER_INDEX", raising=False)


@pytest.fixture
def no_scan(monkeypatch):
    """From here on, all headers have to come from an index."""

    def stop(*_):
        raise AssertionError("the file was scanned")

    def forbid():
        monkeypatch.setattr(file, "scan", stop)
        monkeypatch.setattr(lengths, "_follow", stop)

    return forbid


@pytest.fixture
def write(tmp_path):
    def go(data, name="line.sgy"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return go


def beside(path):
    return path.with_name(path.name + ".seisgeo-headers")


def headers_of(path):
    return {f.name: SegyFile(path).field(f.name) for f in TRACE_FIELDS}


def random_headers(order=">"):
    """Headers of any bytes but for the counts, as no real file has."""
    rng = np.random.default_rng(3)
    places = [*range(29, 115, 2), *range(119, 240, 2)]
    table = rng.integers(0, 65536, (60, len(places)))
    fields = [(byte, "H", lambda i, k=k: int(table[i, k])) for k, byte in enumerate(places)]
    return shots([40] * 60, order=order, headers=fields)[0]


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("kind", ["shots", "random", "ragged", "one trace", "bare"])
def test_headers_from_the_index_are_those_of_the_file(write, no_scan, kind, order):
    data = {
        "shots": lambda: shots([40] * 60, order=order)[0],
        "random": lambda: random_headers(order),
        "ragged": lambda: shots(RAGGED, order=order)[0],
        "one trace": lambda: shots([40], order=order)[0],
        "bare": lambda: shots(RAGGED, order=order, bare=True)[0],
    }[kind]()
    path = write(data, "line.su" if kind == "bare" else "line.sgy")
    truth = headers_of(path)
    assert beside(path).exists()
    raw = SegyFile(path)
    starts = raw._layout.all_starts()
    stored = np.stack([np.frombuffer(data, np.uint8, 240, a) for a in starts])
    np.testing.assert_array_equal(raw.headers.words.rows(np.arange(raw.n_traces)), stored)
    no_scan()
    for name, values in headers_of(path).items():
        np.testing.assert_array_equal(values, truth[name], err_msg=name)
    again = SegyFile(path)
    np.testing.assert_array_equal(again.headers.words.rows(np.arange(raw.n_traces)), stored)
    np.testing.assert_array_equal(again.read(slice(None)), raw.read(slice(None)))


def test_it_serves_other_mappings_of_fields(write, no_scan):
    path = write(random_headers())
    SegyFile(path).headers  # noqa: B018
    truth = np.stack(
        [np.frombuffer(path.read_bytes(), np.uint8, 280 + 120, 3600 + 400 * i) for i in range(60)]
    )
    no_scan()
    places = {
        "odd": (30, "int32"),
        "real": (181, "float64"),
        "byte": (33, "uint8"),
        "word": (35, ">i2"),
    }
    opened = SegyFile(path, headers=places)
    for name, (byte, dtype) in places.items():
        dtype = np.dtype(dtype).newbyteorder(">")
        stored = np.ascontiguousarray(truth[:, byte - 1 : byte - 1 + dtype.itemsize])
        np.testing.assert_array_equal(opened.field(name), stored.view(dtype)[:, 0])


def test_the_cube_is_the_same(write, no_scan):
    data, traces = shots(RAGGED)
    path = write(data)
    with pytest.warns(UserWarning, match="trace lengths"):
        first = xr.open_dataset(path).load()
    no_scan()
    with pytest.warns(UserWarning, match="trace lengths"):
        second = xr.open_dataset(path).load()
    xr.testing.assert_identical(first, second)
    np.testing.assert_array_equal(second["amplitude"].values.reshape(9, 80), padded(traces))


def test_it_is_small(write):
    path = write(shots([20] * 20_000, per_shot=100)[0])
    SegyFile(path).headers  # noqa: B018
    assert beside(path).stat().st_size < 20_000  # of 4.8 MB of headers


def test_a_changed_file_is_scanned_anew(write):
    path = write(shots([40] * 60)[0])
    assert SegyFile(path).field("field_record")[0] == 100
    # Another size; then the same size at another time; then only a header in between, with the
    # old time: only the digest tells.
    path.write_bytes(shots([40] * 63, headers=[(9, "i", 7)])[0])
    np.testing.assert_array_equal(SegyFile(path).field("field_record"), [7] * 63)
    path.write_bytes(shots([40] * 63, headers=[(9, "i", 8)])[0])
    os.utime(path, ns=(1, 10**15))
    np.testing.assert_array_equal(SegyFile(path).field("field_record"), [8] * 63)
    path.write_bytes(shots([40] * 63, headers=[(9, "i", 9)])[0])
    os.utime(path, ns=(1, 10**15))
    np.testing.assert_array_equal(SegyFile(path).field("field_record"), [9] * 63)


def test_changed_lengths_are_walked_anew(write):
    path = write(shots(RAGGED)[0])
    SegyFile(path).headers  # noqa: B018
    os.utime(path, ns=(1, 10**15))
    SegyFile(path).headers  # noqa: B018
    data, traces = shots(RAGGED[::-1])  # as many bytes
    path.write_bytes(data)
    os.utime(path, ns=(1, 10**15))
    changed = SegyFile(path)
    np.testing.assert_array_equal(changed.sample_counts, RAGGED[::-1])
    np.testing.assert_array_equal(changed.read(slice(None)), padded(traces))


@pytest.mark.parametrize("seed", range(5))
def test_a_broken_index_is_made_anew(write, seed):
    path = write(shots(RAGGED)[0])
    truth = headers_of(path)
    whole = beside(path).read_bytes()
    rng = np.random.default_rng(seed)
    broken = [whole[: rng.integers(len(whole))], b"", whole + b"x", rng.bytes(300)]
    for at in rng.choice(len(whole), 6):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << rng.integers(8)
        broken.append(bytes(flipped))
    for data in broken:
        beside(path).write_bytes(data)
        for name, values in headers_of(path).items():
            np.testing.assert_array_equal(values, truth[name], err_msg=name)
        assert beside(path).read_bytes() == whole


@pytest.mark.parametrize(
    "change",
    [
        {"columns": "none"},
        {"columns": [[0, 3]]},
        {"n_traces": 10**12},
        {"n_traces": "many"},
        {"first": "xyz"},
        {"first": "00"},
        {"header_bytes": 480},
    ],
)
def test_an_index_that_lies_is_passed_over(write, change):
    """Its checksum is right, what it says is not."""
    path = write(shots(RAGGED)[0])
    truth = headers_of(path)
    whole = beside(path).read_bytes()
    length = struct.unpack_from("<I", whole, 8)[0]
    text = json.dumps({**json.loads(whole[16 : 16 + length]), **change}).encode()
    body = text + whole[16 + length :]
    beside(path).write_bytes(struct.pack("<8sII", whole[:8], len(text), zlib.crc32(body)) + body)
    for name, values in headers_of(path).items():
        np.testing.assert_array_equal(values, truth[name], err_msg=name)


def test_where_the_folder_cannot_be_written_it_goes_to_the_cache(write, tmp_path, no_scan):
    path = write(shots([40] * 60)[0])
    beside(path).with_name(f".{beside(path).name}.partial").mkdir()
    beside(path).mkdir()
    (beside(path) / "occupied").touch()
    real = index.whole_output

    def refusing(home, **options):
        if home.parent == path.parent:
            raise PermissionError(13, "Permission denied", str(home))
        return real(home, **options)

    index.whole_output = refusing
    try:
        truth = SegyFile(path).field("trace_number")
    finally:
        index.whole_output = real
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.name.endswith("-line.sgy.seisgeo-headers")
    no_scan()
    np.testing.assert_array_equal(SegyFile(path).field("trace_number"), truth)


def test_nothing_can_be_written_anywhere(write, monkeypatch):
    path = write(shots([40] * 60)[0])

    def full(home, **_):
        raise OSError(28, "No space left on device", str(home))

    monkeypatch.setattr(index, "whole_output", full)
    np.testing.assert_array_equal(SegyFile(path).field("trace_number"), np.tile([1, 2, 3], 20))


def test_the_cache_does_not_grow_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "_MOST_KEPT", 3)
    monkeypatch.setattr(remote, "_WHOLE_BYTES", 0)
    files = fsspec.filesystem("memory")
    for i in range(5):
        files.pipe(f"/line{i}.sgy", shots([40] * 60, seed=i)[0])
        SegyFile(f"memory://line{i}.sgy").headers  # noqa: B018
    files.store.clear()
    assert len(list((tmp_path / "cache").iterdir())) == 3


@pytest.mark.parametrize("wish", ["off", "0", "elsewhere"])
def test_the_environment_decides(write, tmp_path, monkeypatch, no_scan, wish):
    folder = tmp_path / "indexes"
    monkeypatch.setenv("SEISGEO_HEADER_INDEX", str(folder) if wish == "elsewhere" else wish)
    path = write(shots([40] * 60)[0])
    SegyFile(path).headers  # noqa: B018
    assert not beside(path).exists()
    assert folder.exists() == (wish == "elsewhere")
    if wish == "elsewhere":
        no_scan()
        SegyFile(path).headers  # noqa: B018


def test_small_files_have_none(write, monkeypatch):
    monkeypatch.undo()
    path = write(shots([40] * 60)[0])
    SegyFile(path).headers  # noqa: B018
    assert [p.name for p in path.parent.iterdir()] == ["line.sgy"]


def test_remote_files_are_scanned_once(monkeypatch, no_scan, tmp_path):
    monkeypatch.setattr(remote, "_WHOLE_BYTES", 0)
    files = fsspec.filesystem("memory")
    data, traces = shots(RAGGED)
    files.pipe("/line.sgy", data)
    try:
        truth = SegyFile("memory://line.sgy").field("trace_number")
        (kept,) = (tmp_path / "cache").iterdir()
        assert kept.name.endswith("-line.sgy.seisgeo-headers")
        no_scan()
        again = SegyFile("memory://line.sgy")
        np.testing.assert_array_equal(again.field("trace_number"), truth)
        np.testing.assert_array_equal(again.read(slice(None)), padded(traces))
        copy = pickle.loads(pickle.dumps(again))
        np.testing.assert_array_equal(copy.read(slice(None)), padded(traces))
    finally:
        files.store.clear()


def test_addresses_with_signatures_are_not_written_down(monkeypatch, tmp_path):
    monkeypatch.setattr(remote, "_WHOLE_BYTES", 0)
    files = fsspec.filesystem("memory")
    files.pipe("/line.sgy?signature=secret", shots([40] * 60)[0])
    try:
        SegyFile("memory://line.sgy?signature=secret", headers={}).headers  # noqa: B018
        (kept,) = (tmp_path / "cache").iterdir()
        assert b"secret" not in kept.read_bytes()
        assert "secret" not in kept.name
    finally:
        files.store.clear()
