"""Traces of different lengths: found, read and labelled, and told from files that only look so."""

import pickle
import struct
import warnings

import numpy as np
import pytest
import xarray as xr
from handmade import padded, shots
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obspy.io.segy.segy import _read_segy

from seisgeo import conventions
from seisgeo.adapters import describe_segy
from seisgeo.adapters.segy import SegyFile, lengths
from seisgeo.errors import HeaderWarning

COUNTS = [50, 50, 50, 80, 80, 80, 30, 65, 80]


@pytest.fixture
def write(tmp_path):
    def go(data, name="ragged.sgy"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return go


def opened(path, **options):
    with pytest.warns(HeaderWarning, match="trace lengths .*: shorter traces end in NaN"):
        return xr.open_dataset(path, **options)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16])
def test_every_format_and_byte_order(write, code, order):
    data, traces = shots(COUNTS, code=code, order=order)
    file = SegyFile(write(data))
    assert (file.n_traces, file.n_samples, file.order) == (9, 80, order)
    np.testing.assert_array_equal(file.sample_counts, COUNTS)
    got = file.read(slice(None))
    assert got.dtype.kind == "f"
    np.testing.assert_array_equal(got, padded(traces))
    np.testing.assert_array_equal(file.field("trace_sample_count"), COUNTS)
    np.testing.assert_array_equal(file.field("field_record"), np.repeat([100, 101, 102], 3))


@pytest.mark.parametrize("order", [">", "<"])
def test_seismic_unix(write, order):
    data, traces = shots(COUNTS, order=order, bare=True)
    ds = opened(write(data, "ragged.su"))
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(9, 80), padded(traces))
    np.testing.assert_array_equal(ds["sample_count"].values.ravel(), COUNTS)


def test_as_obspy_reads_it(write):
    path = write(shots(COUNTS, code=5)[0])
    file = SegyFile(path)
    # obspy ends a trace where its header says.
    stream = _read_segy(str(path))
    assert [len(t.data) for t in stream.traces] == COUNTS
    for row, trace in zip(file.read(slice(None)), stream.traces, strict=True):
        np.testing.assert_array_equal(row[: len(trace.data)], trace.data)
        assert np.isnan(row[len(trace.data) :]).all()


def test_the_cube_says_it_aloud(write):
    data, traces = shots(COUNTS)
    path = write(data)
    with pytest.warns(HeaderWarning, match=r"trace lengths \(trace headers: 30 to 80 samples\)"):
        ds = xr.open_dataset(path)
    assert ds["amplitude"].sizes == {"shot": 3, "receiver": 3, "time": 80}
    assert ds["sample_count"].dims == ("shot", "receiver")
    np.testing.assert_array_equal(ds["sample_count"].values.ravel(), COUNTS)
    np.testing.assert_array_equal(np.isfinite(ds["amplitude"]).sum("time"), ds["sample_count"])
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(9, 80), padded(traces))
    conventions.validate(ds)
    assert ds["sample_count"].attrs["long_name"]
    (finding,) = describe_segy(path)["findings"]
    assert finding.startswith("trace lengths (trace headers: 30 to 80 samples)")


def test_traces_of_one_length_carry_no_count(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        ds = xr.open_dataset(write(shots([40] * 9)[0]))
    assert "sample_count" not in ds
    assert SegyFile(ds.attrs["source"]).sample_counts is None


def test_missing_traces_have_no_samples(write):
    ds = opened(write(shots([50, 50, 50, 80, 80], code=3)[0]))
    assert ds["sample_count"].values[1].tolist() == [80, 80, 0]
    assert np.isnan(ds["amplitude"].values[1, 2]).all()


@pytest.mark.parametrize(
    "index",
    [
        {"shot": 1},
        {"receiver": 2, "time": 40},
        {"shot": [2, 0], "receiver": [1, 1], "time": slice(20, 75, 7)},
        {"time": [79, 0, 64]},
        {"time": slice(70, None)},
        {"shot": xr.DataArray([0, 2, 2], dims="p"), "receiver": xr.DataArray([1, 0, 2], dims="p")},
        {
            "shot": xr.DataArray([0, 2, 2], dims="p"),
            "receiver": xr.DataArray([1, 0, 2], dims="p"),
            "time": xr.DataArray([49, 31, 79], dims="p"),
        },
    ],
)
def test_lazy_indexing_equals_indexing_in_memory(write, index):
    path = write(shots(COUNTS, code=1)[0])
    lazy = opened(path, cache=False)["amplitude"]
    xr.testing.assert_equal(lazy.isel(index), lazy.load().copy().isel(index))


@pytest.mark.parametrize("samples", [slice(None), slice(60, 80), slice(79, 10, -9), 64, [3, 70]])
def test_reading_by_numbers(write, samples):
    data, traces = shots(COUNTS, code=7)
    file = SegyFile(write(data))
    numbers = np.array([8, -1, 0, 6, 6, 3])
    expected = padded(traces)[numbers]
    expected[1] = np.nan
    wanted = np.atleast_1d(np.arange(80)[samples])
    got = file.read(numbers, np.array(samples) if isinstance(samples, list) else samples)
    np.testing.assert_array_equal(got, expected[:, wanted])


def test_the_sum_of_lengths_may_fit_by_chance(write):
    """Trace 2 is longer by what trace 3 is shorter: the size alone does not tell."""
    data, traces = shots([40, 60, 20])
    file = SegyFile(write(data))
    np.testing.assert_array_equal(file.sample_counts, [40, 60, 20])
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))


@pytest.mark.parametrize("odd", [0, 1, 217, 299])
def test_one_trace_of_another_length_among_many(write, odd):
    counts = [40] * 300
    counts[odd] = 55
    data, traces = shots(counts)
    file = SegyFile(write(data))
    np.testing.assert_array_equal(file.sample_counts, counts)
    np.testing.assert_array_equal(file.read(np.array([odd, 299])), padded(traces)[[odd, 299]])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(st.tuples(st.integers(1, 70), st.integers(1, 40)), min_size=2, max_size=12),
    order=st.sampled_from("<>"),
    code=st.sampled_from([3, 5, 7]),
)
def test_any_runs_of_lengths(write, runs, order, code):
    counts = [n for n, times in runs for _ in range(times)]
    if len(set(counts)) == 1:
        counts.append(counts[0] + 1)
    data, traces = shots(counts, order=order, code=code)
    file = SegyFile(write(data))
    assert file.n_traces == len(counts)
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))


@pytest.mark.parametrize("last", [[5], [5, 4], [7] * 10])
def test_only_the_last_traces_are_shorter(write, last):
    """They fit into what would be a trace that is cut short."""
    data, traces = shots([3000] * 60 + last)
    file = SegyFile(write(data))
    assert file.n_traces == 60 + len(last)
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))


def test_cut_inside_a_trace(write):
    data, traces = shots(COUNTS)
    message = r"(?s)trace lengths.*8 whole traces opened, 1 lost.*trace 9: 460 bytes are there"
    with pytest.warns(HeaderWarning, match=message):
        ds = xr.open_dataset(write(data[:-100]))
    assert int(ds["live"].sum()) == 8
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(9, 80)[:8], padded(traces[:8], 80))


def test_data_trailers_and_additional_headers(write):
    trailer = b"((SEG:Trailer))".ljust(3200)
    binary = [(3501, "B", 2), (3297, "I", 16909060), (3507, "i", 1), (3529, "i", 1)]
    data, traces = shots(COUNTS, binary=binary, extra=1, trailer=trailer)
    file = SegyFile(write(data))
    assert file.trailers == "((SEG:Trailer))"
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))


def test_extended_counts_of_revision_2(write):
    """A header extension named SEG00001 counts in four bytes (bytes 377-380)."""
    counts = [70_000, 20, 70_000, 66_000]
    binary = [(3501, "B", 2), (3297, "I", 16909060), (3507, "i", 1)]
    data, traces = shots([10, 10, 10, 10], binary=binary, extra=1)
    head, traces, body = data[:3600], [], b""
    for i, n in enumerate(counts):
        header = bytearray(480)
        struct.pack_into(">i", header, 8, 7)
        struct.pack_into(">i", header, 12, i + 1)
        struct.pack_into(">HH", header, 114, min(n, 65535), 2000)
        struct.pack_into(">I", header, 376, n)
        header[472:480] = b"SEG00001"
        traces.append(np.arange(n) % 1000 + i)
        body += bytes(header) + traces[-1].astype(">f4").tobytes()
    file = SegyFile(write(head + body))
    np.testing.assert_array_equal(file.sample_counts, counts)
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))


def test_counts_that_lead_nowhere_change_nothing(write):
    """Wrong counts in traces of one length: the file's size and binary header are right."""
    counts = [40] * 60
    wrong = {17, 30, 31}
    data, traces = shots(counts, headers=[(115, "H", lambda i: 35 if i in wrong else 40)], code=5)
    file = SegyFile(write(data))
    assert (file.n_traces, file.n_samples, file.sample_counts) == (60, 40, None)
    np.testing.assert_array_equal(file.read(slice(None)), traces)


def test_first_trace_longer_than_the_rest_of_the_file(write):
    data, traces = shots([400, 3, 5])
    file = SegyFile(write(data))
    np.testing.assert_array_equal(file.read(slice(None)), padded(traces))


def test_a_walk_ends_where_there_is_no_header(write, monkeypatch):
    """Only a few headers of a long file are looked at when the second is none."""
    looked = []
    original = lengths._HeaderReader.at

    def counting(self, start):
        looked.append(start)
        return original(self, start)

    monkeypatch.setattr(lengths._HeaderReader, "at", counting)
    counts = [40] * 2000
    data, _ = shots(counts, headers=[(115, "H", lambda i: 41 if i % 2 else 39)])
    SegyFile(write(data))
    assert len(looked) < 10


def test_runs_are_looked_at_together(write, monkeypatch):
    looked = []
    original = lengths._HeaderReader.at

    def counting(self, start):
        looked.append(start)
        return original(self, start)

    monkeypatch.setattr(lengths._HeaderReader, "at", counting)
    counts = [40] * 3000 + [50] * 3000
    file = SegyFile(write(shots(counts)[0]))
    np.testing.assert_array_equal(file.sample_counts, counts)
    assert len(looked) < 100


def test_a_pickled_file_need_not_walk_again(write, monkeypatch):
    data, traces = shots(COUNTS)
    path = write(data)
    copy = pickle.dumps(SegyFile(path))
    monkeypatch.setattr(lengths, "_follow", None)
    np.testing.assert_array_equal(pickle.loads(copy).read(slice(None)), padded(traces))
    monkeypatch.undo()
    # Another file under the same name is looked at anew.
    other, traces = shots([*COUNTS, 90], seed=2)
    path.write_bytes(other)
    np.testing.assert_array_equal(pickle.loads(copy).read(slice(None)), padded(traces))


def test_delays_and_chunks(write):
    data, traces = shots(COUNTS, headers=[(109, "h", 100)])
    ds = opened(write(data), chunks={"shot": 1})
    assert ds["time"][0] == 0.1
    got = ds["amplitude"].compute(scheduler="threads").values.reshape(9, 80)
    np.testing.assert_array_equal(got, padded(traces))
