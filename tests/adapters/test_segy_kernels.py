"""Compiled reading: numbers as the formats define them, from anywhere in a file."""

import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy import SegyFile, samples, write_segy
from seisgeo.adapters.segy.samples import FORMATS, as_words, encode, gather, raw_dtype
from seisgeo.errors import ParameterError

KERNEL_CODES = (1, 2, 3, 5, 8)
MACHINE = ">" if sys.byteorder == "big" else "<"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(samples, "_PATIENCE", -1)


def ibm_values(words):
    """IBM floats by their definition (SEG-Y revision 1, section 4), in float64."""
    words = words.astype(np.uint32)
    sign = np.where(words >> 31, -1.0, 1.0)
    power = 4 * ((words >> 24 & 0x7F).astype(np.int32) - 64) - 24
    return sign * np.ldexp((words & 0xFFFFFF).astype(np.float64), power)


def as_in_a_file(values, code, order, lead=0):
    """Traces of samples with headers of 240 bytes between them, `lead` bytes into a buffer."""
    fmt = FORMATS[code]
    stored = values.astype(raw_dtype(fmt, order))
    n_traces, n_samples = stored.shape
    record = np.dtype([("header", np.uint8, 240), ("samples", stored.dtype, n_samples)])
    buffer = np.full(lead + n_traces * record.itemsize, 0xA5, np.uint8)
    traces = np.ndarray(n_traces, record, buffer=buffer, offset=lead)
    traces["samples"] = stored
    buffer.flags.writeable = False
    return np.ndarray(n_traces, record, buffer=buffer, offset=lead)["samples"]


def gathered(raw, code, order, traces, wanted):
    fmt = FORMATS[code]
    out = np.full((len(traces), len(wanted)), 7, fmt.decoded)
    stride = raw.strides[0] // fmt.itemsize
    words = as_words(raw, fmt)
    assert gather(words, stride, fmt, order, np.asarray(traces, np.int64), wanted, out)
    return out


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wanted", [range(512), range(3, 4)], ids=["traces", "one sample"])
def test_ibm_floats_are_exact(order, wanted):
    rng = np.random.default_rng(3)
    words = rng.integers(0, 1 << 32, (600, 512), dtype=np.uint64).astype(np.uint32)
    exponents = np.arange(256, dtype=np.uint32)[:, None] << 24
    edges = np.array([0, 1, 2, 0xF, 0x10, 0xFFFFF, 0x100000, 0x800000, 0xFFFFFF], np.uint32)
    words[:256, 3:12] = exponents | edges
    words[256:512, 3] = exponents[:, 0] | 0x0FFFFF  # unnormalised
    raw = as_in_a_file(words, 1, order)
    got = gathered(raw, 1, order, np.arange(600), wanted)
    with np.errstate(over="ignore", under="ignore"):
        expected = ibm_values(words)[:, wanted.start : wanted.stop].astype(np.float32)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
    kinds = [np.isinf(expected), expected == 0, np.abs(expected) < 1e-38]
    assert all(kind.any() for kind in kinds)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", KERNEL_CODES[1:])
def test_integers_and_ieee_floats(code, order):
    rng = np.random.default_rng(code)
    kind = np.dtype(FORMATS[code].stored)
    bits = rng.integers(0, 256, (50, 33 * kind.itemsize), dtype=np.uint8)
    if code == 5:
        bits[0, :8] = np.array([np.nan, -np.inf], np.float32).view(np.uint8)
    values = bits.view(kind)
    got = gathered(as_in_a_file(values, code, order), code, order, range(50), range(33))
    if code == 5:  # every bit, NaN payloads too
        np.testing.assert_array_equal(got.view(np.uint32), values.view(np.uint32))
    else:
        np.testing.assert_array_equal(got, values.astype(np.int64))


@pytest.mark.parametrize("lead", [0, 1, 2], ids="{} bytes off".format)
@pytest.mark.parametrize(
    "wanted",
    [range(40), range(5, 31), range(2, 40, 7), range(39, -1, -3), range(17, 18), range(39, 40)],
    ids=str,
)
@pytest.mark.parametrize("code", KERNEL_CODES)
def test_traces_in_any_order_and_ranges_of_samples(code, wanted, lead):
    values = np.random.default_rng(5).integers(-120, 120, (60, 40))
    stored = encode(values.astype(np.float64), FORMATS[code]) if code == 1 else values
    traces = np.array([59, 0, -1, 31, 31, -1, 2, 58])
    raw = as_in_a_file(stored, code, ">", lead)
    got = gathered(raw, code, ">", traces, wanted)
    expected = values[traces][:, list(wanted)].astype(got.dtype)
    expected[traces < 0] = np.nan
    np.testing.assert_array_equal(got, expected)


def line(path, code=5):
    values = np.random.default_rng(1).integers(-99, 99, (12, 30)).astype(np.float32)
    cube = xr.Dataset(
        {"amplitude": (("cdp", "time"), values)},
        {
            "cdp": np.arange(1, 13),
            "time": np.arange(30) * 0.004,
            "cdp_x": ("cdp", 100.0 + 10 * np.arange(12)),
            "cdp_y": ("cdp", np.full(12, 50.0)),
        },
    )
    write_segy(conventions.describe(cube), path, sample_format=code)
    return values


READINGS = [
    (slice(None), slice(None)),
    (np.array([3, -1, 0, 11]), slice(2, 29, 3)),
    (np.array([3, -1, 0, 11]), -1),
    (np.array([7, 7, 2]), np.array([4, 1, 29])),
    (np.array([-1, -1]), slice(None)),
    (slice(10, 2, -3), slice(20, 3, -2)),
    (np.array([], int), slice(None)),
    (slice(None), slice(5, 5)),
]


@pytest.mark.parametrize(("traces", "wanted"), READINGS, ids=range(len(READINGS)))
@pytest.mark.parametrize("code", [1, 3, 5, 6])
def test_reading_is_the_same_without_the_kernels(tmp_path, monkeypatch, code, traces, wanted):
    values = line(tmp_path / "line.sgy", code)
    file = SegyFile(tmp_path / "line.sgy")
    compiled = file.read(traces, wanted)
    monkeypatch.setattr(samples, "_loaded", lambda: None)
    plain = file.read(traces, wanted)
    np.testing.assert_array_equal(compiled, plain)
    rows = np.arange(12)[traces] if isinstance(traces, slice) else traces
    columns = np.atleast_1d(np.arange(30)[wanted])
    expected = values[rows][:, columns].astype(plain.dtype)
    expected[rows < 0] = np.nan
    np.testing.assert_array_equal(plain, expected)


def test_a_trace_beyond_the_file_is_refused(tmp_path):
    line(tmp_path / "line.sgy")
    file = SegyFile(tmp_path / "line.sgy")
    with pytest.raises(ParameterError, match=r"no trace 12; expected numbers from 0 to 11"):
        file.read(np.array([0, 12]))


def test_points_of_a_cube_are_read_alike_however_they_are_asked_for(tmp_path):
    values = line(tmp_path / "line.sgy")
    cube = xr.open_dataset(tmp_path / "line.sgy").amplitude
    cdp, time = np.array([5, 2, 9]), np.array([28, 0, 3])
    cdps, times = xr.DataArray(cdp, dims="p"), xr.DataArray(time, dims="p")
    other = xr.DataArray(time[:2], dims="q")
    np.testing.assert_array_equal(cube.isel(cdp=cdps).values, values[cdp])
    np.testing.assert_array_equal(cube.isel(cdp=cdps, time=times).values, values[cdp, time])
    got = cube.isel(cdp=cdps, time=other).transpose("p", "q")
    np.testing.assert_array_equal(got.values, values[cdp][:, time[:2]])
    square = xr.DataArray(cdp[[[0, 1], [2, 0]]], dims=("p", "q"))
    got = cube.isel(cdp=square, time=slice(3, 9))
    np.testing.assert_array_equal(got.values, values[square.values][..., 3:9])


def run(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


OPEN = """
import sys, xarray
cube = xarray.open_dataset(sys.argv[1]).amplitude
opened = "numba" in sys.modules
cube.values
print(opened, "numba" in sys.modules)
"""
READ_MUCH = """
import sys, numpy
from seisgeo.adapters.segy import SegyFile, samples
samples._PATIENCE = -1
if sys.argv[2] == "no numba":
    sys.modules["numba"] = None
elif "cache" in sys.argv[2]:
    from numba.core import caching
    def full(*_):
        raise OSError(28, "No space left on device")
    if sys.argv[2] == "full cache":
        caching.Cache._save_overload = full
    else:
        caching.CacheImpl._locator_classes = []
file = SegyFile(sys.argv[1])
file.read(slice(None))
values = file.read(slice(None))
print(samples._loaded() is not None, float(values.sum()))
"""


def test_opening_and_reading_a_little_does_without_numba(tmp_path):
    line(tmp_path / "line.sgy")
    assert run(OPEN, tmp_path / "line.sgy") == ["False", "False"]


@pytest.mark.parametrize(
    ("how", "environment", "compiled"),
    [
        ("as it is", {}, "True"),
        ("no cache", {}, "True"),
        ("full cache", {"NUMBA_CACHE_DIR": "{folder}"}, "True"),
        ("no numba", {}, "False"),
        ("not compiled", {"NUMBA_DISABLE_JIT": "1"}, "False"),
    ],
)
def test_reading_works_with_and_without_numba(tmp_path, how, environment, compiled):
    values = line(tmp_path / "line.sgy")
    environment = {k: v.format(folder=tmp_path / "cache") for k, v in environment.items()}
    got = run(READ_MUCH, tmp_path / "line.sgy", how, **environment)
    assert got == [compiled, str(float(values.sum()))]
