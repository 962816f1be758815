"""Files whose traces differ in length come back byte for byte; parts keep the lengths."""

import warnings

import numpy as np
import pytest
import xarray as xr
from handmade import padded, shots

from seisgeo.adapters import convert, write_segy, write_zarr
from seisgeo.adapters.segy import SegyFile
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.errors import ConventionError, HeaderWarning

COUNTS = [50, 50, 50, 80, 80, 80, 30, 65, 80]
REVISION_2 = [(3501, "B", 2), (3297, "I", 16909060), (3503, "h", 0)]


@pytest.fixture(autouse=True)
def _lengths_differ():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*shorter traces end in NaN", HeaderWarning)
        yield


@pytest.fixture
def write(tmp_path):
    def go(data, name="ragged.sgy"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return go


def both_ways(path, tmp_path, out="back.sgy"):
    """The file by way of Zarr, and straight from the cube."""
    store = convert(path, tmp_path / "cube.zarr")
    yield convert(store, tmp_path / out).read_bytes()
    yield write_segy(xr.open_dataset(path), tmp_path / ("direct-" + out)).read_bytes()


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("code", sorted(FORMATS))
def test_the_same_bytes_in_every_format_and_byte_order(write, tmp_path, code, order):
    data, _ = shots(COUNTS, code=code, order=order)
    for found in both_ways(write(data), tmp_path):
        assert found == data


@pytest.mark.parametrize("order", [">", "<"])
def test_the_same_bytes_in_seismic_unix(write, tmp_path, order):
    data, _ = shots(COUNTS, order=order, bare=True)
    for found in both_ways(write(data, "ragged.su"), tmp_path, "back.su"):
        assert found == data


def test_the_same_bytes_with_all_that_revision_2_adds(write, tmp_path):
    """Additional headers, extended counts, a trailer, and a shot of other lengths."""
    binary = [*REVISION_2, (3507, "i", 1), (3529, "i", 1)]
    headers = [(473, "8s", b"SEG00001"), (377, "I", lambda i: COUNTS[i])]
    data, _ = shots(COUNTS, binary=binary, headers=headers, extra=1, trailer=b"((T))".ljust(3200))
    for found in both_ways(write(data), tmp_path):
        assert found == data


def test_the_same_bytes_of_a_file_that_is_cut_short(write, tmp_path):
    data = shots(COUNTS)[0][:-100]
    with pytest.warns(HeaderWarning, match="8 whole traces opened, 1 lost"):
        store = convert(write(data), tmp_path / "cube.zarr")
    assert convert(store, tmp_path / "back.sgy").read_bytes() == data


def test_the_same_bytes_where_patterns_have_no_other_way_back(write, tmp_path):
    """IBM floats that are not normalised, in traces of all lengths, one of them in no cell."""
    data, _ = shots(COUNTS * 9, code=1, headers=[(13, "i", lambda i: 1 + i % 3 - (i == 5))])
    odd = bytearray(data)
    odd[3600 + 240 + 8 : 3600 + 240 + 12] = b"\x45\x00\x00\x07"
    odd[-4:] = b"\xc1\x00\x00\x01"
    with pytest.warns(HeaderWarning, match="traces at a place that is taken"):
        found = list(both_ways(write(bytes(odd)), tmp_path))
    assert found == [bytes(odd)] * 2


def test_blocks_of_any_size_give_the_same_file(write, tmp_path, monkeypatch):
    from seisgeo.adapters.segy import original
    from seisgeo.adapters.segy import write as write_module

    monkeypatch.setattr(original, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(write_module, "_BLOCK_BYTES", 1500)
    data, _ = shots(COUNTS * 5, code=3)
    for found in both_ways(write(data), tmp_path):
        assert found == data


@pytest.mark.parametrize("code", [1, 3, 5])
def test_changed_samples_go_under_the_same_headers(write, tmp_path, code):
    data, traces = shots(COUNTS, code=code)
    ds = xr.open_dataset(write(data))
    ds["amplitude"] = 2 * ds["amplitude"]
    new = SegyFile(write_segy(ds, tmp_path / "new.sgy"))
    old = SegyFile(tmp_path / "ragged.sgy")
    np.testing.assert_array_equal(new.sample_counts, COUNTS)
    np.testing.assert_array_equal(new.read(slice(None)), 2 * padded(traces))
    every = np.arange(9)
    np.testing.assert_array_equal(new.headers.words.rows(every), old.headers.words.rows(every))


def test_samples_behind_the_end_of_a_trace_are_refused(write, tmp_path):
    ds = xr.open_dataset(write(shots(COUNTS)[0])).load()
    ds["amplitude"][0, 1, 60] = 1.0
    with pytest.raises(ConventionError, match=r"shot 0 to 2.*behind the end of traces"):
        write_segy(ds, tmp_path / "new.sgy")
    assert not (tmp_path / "new.sgy").exists()


def test_a_trace_that_is_now_nan_is_marked_as_dead(write, tmp_path):
    ds = xr.open_dataset(write(shots(COUNTS)[0])).load()
    ds["amplitude"][2, 0] = np.nan
    file = SegyFile(write_segy(ds, tmp_path / "new.sgy"))
    np.testing.assert_array_equal(file.sample_counts, COUNTS)
    assert file.field("trace_identification_code").tolist() == [0] * 6 + [2, 0, 0]
    assert not file.read(np.array([6]), slice(0, 30)).any()


@pytest.mark.parametrize("options", [{"sample_format": 1}, {"revision": 2.1}, {"revision": 1}])
def test_another_format_or_revision(write, tmp_path, options):
    data, traces = shots(COUNTS, binary=REVISION_2)
    ds = xr.open_dataset(write(data))
    file = SegyFile(write_segy(ds, tmp_path / "new.sgy", **options))
    np.testing.assert_array_equal(file.sample_counts, COUNTS)
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))
    assert file.binary["trace_flag"] == 0
    assert [str(f).partition(" (")[0] for f in file.findings] == ["trace lengths"]


def test_another_byte_order_and_back(write, tmp_path):
    data, traces = shots(COUNTS, code=3, binary=REVISION_2)
    there = write_segy(xr.open_dataset(write(data)), tmp_path / "x.sgy", byte_order="little-endian")
    assert SegyFile(there).order == "<"
    np.testing.assert_array_equal(SegyFile(there).read(slice(None)), padded(traces))
    back = write_segy(xr.open_dataset(there), tmp_path / "y.sgy", byte_order="big-endian")
    assert back.read_bytes() == data


def test_a_selection_keeps_headers_and_lengths(write, tmp_path):
    data, traces = shots(COUNTS)
    path = write(data)
    part = xr.open_dataset(path).isel(shot=[0, 2], receiver=[1, 2])
    file = SegyFile(write_segy(part, tmp_path / "part.sgy"))
    np.testing.assert_array_equal(file.sample_counts, [50, 50, 65, 80])
    np.testing.assert_array_equal(file.read(slice(None)), padded([traces[i] for i in (1, 2, 7, 8)]))
    old = SegyFile(path).headers.words
    np.testing.assert_array_equal(
        file.headers.words.rows(np.arange(4)), old.rows(np.array([1, 2, 7, 8]))
    )


def test_a_selection_of_one_length_is_an_ordinary_file(write, tmp_path):
    data, traces = shots(COUNTS)
    part = xr.open_dataset(write(data)).isel(shot=[0])
    file = SegyFile(write_segy(part, tmp_path / "part.sgy"))
    assert (file.n_samples, file.sample_counts, file.findings) == (50, None, [])
    np.testing.assert_array_equal(file.read(slice(None)), np.array(traces[:3]))
    part = xr.open_dataset(tmp_path / "ragged.sgy").isel(shot=[1])
    file = SegyFile(write_segy(part, tmp_path / "second.sgy"))
    assert (file.n_samples, file.binary["samples"], file.findings) == (80, 80, [])


@pytest.mark.parametrize("by_zarr", [False, True])
def test_a_window_cuts_each_trace(write, tmp_path, by_zarr):
    data, traces = shots(COUNTS)
    part = xr.open_dataset(write(data)).isel(time=slice(40, 70))
    if by_zarr:
        part = xr.open_dataset(write_zarr(part, tmp_path / "part.zarr"))
    path = write_segy(part, tmp_path / "part.sgy")
    file = SegyFile(path)
    # Trace 7 has 30 samples: it ends before the window.
    left = [i for i in range(9) if i != 6]
    np.testing.assert_array_equal(file.sample_counts, [min(COUNTS[i], 70) - 40 for i in left])
    np.testing.assert_array_equal(file.field("trace_sample_count"), file.sample_counts)
    assert set(file.field("delay_recording_time").tolist()) == {80}
    np.testing.assert_array_equal(
        file.read(slice(None)), padded([traces[i][40:70] for i in left], 30)
    )
    again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["time"], part["time"])
    np.testing.assert_array_equal(again["amplitude"], part["amplitude"])
    assert not again["live"].values[2, 0]


def test_a_window_that_all_traces_fill_is_an_ordinary_file(write, tmp_path):
    data, traces = shots(COUNTS)
    part = xr.open_dataset(write(data)).isel(time=slice(0, 30))
    file = SegyFile(write_segy(part, tmp_path / "part.sgy"))
    assert (file.n_samples, file.sample_counts, file.findings) == (30, None, [])
    np.testing.assert_array_equal(file.read(slice(None)), np.array([t[:30] for t in traces]))


def test_a_window_that_no_trace_reaches(write, tmp_path):
    ds = xr.open_dataset(write(shots(COUNTS)[0])).isel(shot=[0], time=slice(60, 80))
    message = r"cannot be used \(no trace of the file is left\)"
    with (
        pytest.warns(HeaderWarning, match=message),
        pytest.raises(ConventionError, match="all sam"),
    ):
        write_segy(ds, tmp_path / "part.sgy")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("new.sgy", {}),
        ("new.sgy", {"sample_format": 3, "revision": 0}),
        ("new.sgy", {"sample_format": 7, "byte_order": "little-endian", "revision": 2.1}),
        ("new.sgy", {"byte_order": "pair-swapped"}),
        ("new.su", {}),
    ],
)
def test_headers_written_anew_keep_the_lengths(write, tmp_path, name, options):
    data, traces = shots(COUNTS)
    ds = xr.open_dataset(write(data)).assign_coords(
        source_x=("shot", [10.0, 20.0, 30.0], {"units": "m"})
    )
    path = write_segy(ds, tmp_path / name, original=False, **options)
    file = SegyFile(path)
    np.testing.assert_array_equal(file.sample_counts, COUNTS)
    np.testing.assert_array_equal(file.field("trace_sample_count"), COUNTS)
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))
    assert file.binary["trace_flag"] == 0
    again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["source_x"], [10, 20, 30])
    np.testing.assert_array_equal(again["sample_count"], ds["sample_count"])


def test_a_cube_in_memory_is_not_changed_by_writing(write, tmp_path):
    ds = xr.open_dataset(write(shots(COUNTS)[0])).load()
    before = ds.copy(deep=True)
    write_segy(ds, tmp_path / "a.sgy")
    write_segy(ds, tmp_path / "b.sgy", original=False, sample_format=3)
    xr.testing.assert_identical(ds, before)
