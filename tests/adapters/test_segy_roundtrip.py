"""Whatever is written is read back the same: any geometry, format, byte order and revision."""

import warnings

import numpy as np
import pytest
import segyio
import segyio.su
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seisgeo import conventions
from seisgeo.adapters import convert, write_segy
from seisgeo.adapters.segy import SegyFile
from seisgeo.errors import HeaderWarning

FEW = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Sample formats of each revision (SEG-Y revisions 0, 1 and 2, bytes 3225-3226).
FORMATS = {
    0: (1, 2, 3, 4),
    1: (1, 2, 3, 4, 5, 8),
    2: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16),
}
# What segyio 1.9 decodes rightly; fixed point and 24-bit integers it does not.
BY_SEGYIO = (1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 16)
# Largest numbers that the format and the float64 of a cube both hold.
INTEGERS = {2: (-(2**31), 2**31 - 1), 3: (-(2**15), 2**15 - 1), 7: (-(2**23), 2**23 - 1),
            8: (-128, 127), 9: (-(2**53), 2**53), 10: (0, 2**32 - 1), 11: (0, 2**16 - 1),
            12: (0, 2**53), 15: (0, 2**24 - 1), 16: (0, 255)}  # fmt: skip


# Revisions, sample formats and byte orders that go together.
WAYS = [
    {"revision": revision, "sample_format": code, "byte_order": order}
    for revision in ("2.1", "2.0", "1", "0")
    for code in FORMATS[int(revision[0])]
    for order in ("little-endian", "big-endian", "pair-swapped")
    if revision >= "2" or order == "big-endian"
]


def samples(draw, code, shape):
    """Numbers that the format holds exactly, in float64."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    if code in INTEGERS:
        low, high = INTEGERS[code]
        values = rng.integers(low, high, shape, endpoint=True).astype(np.float64)
        values.flat[0], values.flat[-1] = low, high
    elif code == 4:  # 16 bits and a gain
        values = rng.integers(-(2**15), 2**15, shape) * 2.0 ** rng.integers(0, 100, shape)
    elif code == 1:  # 24 bits, the first of six hexadecimal digits filled
        digits = rng.integers(2**20, 2**24, shape) * rng.choice([-1.0, 1.0], shape)
        values = digits * 16.0 ** rng.integers(-30, 20, shape)
        values.flat[0] = 0
    elif code == 5:
        values = rng.integers(-(2**31), 2**31 - 1, shape).astype(np.int32).view(np.float32)
        values = np.where(np.isfinite(values), values, 1).astype(np.float64)
    else:
        values = rng.standard_normal(shape) * 10.0 ** rng.integers(-300, 300, shape)
    return values


def labels(draw, n, step=(1, 3), start=(1, 5000)):
    """Increasing numbers."""
    steps = draw(st.lists(st.integers(*step), min_size=n - 1, max_size=n - 1))
    return draw(st.integers(*start)) + np.concatenate([[0], np.cumsum(steps)]).astype(int)


def places(draw, shape, digits=2):
    """Coordinates (m) of a few kilometres about a point anywhere on Earth."""
    unit = 10**digits
    origin = draw(st.integers(1, 9_999_999)) * unit
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    return (origin + rng.integers(0, 5000 * unit, shape)) / unit


@st.composite
def axes(draw, revision, name):
    n = draw(st.integers(2, 40))
    per_unit = 1e6 if name == "time" else 1e3
    steps = st.integers(1, 32_767).map(float)
    if revision >= "2":
        steps |= st.integers(32_768, 10**6).map(float) | st.sampled_from([1000 / 3, 0.25, 62.5])
    starts = st.integers(-3000, 3000).map(float)
    if revision != "0":
        starts |= st.integers(-30_000, 30_000).map(lambda s: s / 10)
    return (draw(starts) * 1e3 + draw(steps) * np.arange(n)) / per_unit


@st.composite
def cubes(draw, way):
    revision = way["revision"]
    kind = draw(st.sampled_from(["shots", "stack", "offset", "line"]))
    name = "depth" if kind in ("stack", "line") and draw(st.booleans()) else "time"
    axis = draw(axes(revision, name))
    sizes = st.integers(2, 4)
    coords = {name: axis}
    if kind == "shots":
        dims = ("shot", "receiver")
        shape = (draw(sizes), draw(sizes))
        coords |= {
            "field_record": ("shot", labels(draw, shape[0])),
            "source_point": ("shot", labels(draw, shape[0])),
            "channel": ("receiver", labels(draw, shape[1])),
        }
        if not draw(st.booleans()):
            for end, on in (("source", ("shot",)), ("receiver", dims)):
                size = shape[: len(on)]
                coords[f"{end}_x"] = (on, places(draw, size))
                coords[f"{end}_y"] = (on, places(draw, size))
                depths = draw(st.integers(1, 10**5)) / 100
                coords[f"{end}_depth"] = (on, np.full(size, depths))
        else:
            spread = labels(draw, shape[1], (1, 100)) - draw(st.integers(0, 9000))
            coords["offset"] = (dims, np.broadcast_to(spread.astype(float), shape))
    elif kind == "line":
        dims, shape = ("cdp",), (draw(sizes),)
        coords["cdp"] = labels(draw, shape[0])
    else:
        dims = ("inline", "crossline") + ("offset",) * (kind == "offset")
        shape = tuple(draw(sizes) for _ in dims)
        for dim, n in zip(dims, shape, strict=True):
            coords[dim] = labels(draw, n)
        coords["offset"] = coords["offset"] * 25.0 if kind == "offset" else None
        coords = {k: v for k, v in coords.items() if v is not None}
    if kind != "shots" and draw(st.booleans()):
        on = dims[:2]
        for axis_name in ("cdp_x", "cdp_y"):
            coords[axis_name] = (on, places(draw, shape[:2]))
    values = samples(draw, way["sample_format"], (*shape, len(axis)))
    if len(shape) > 1 and draw(st.booleans()):  # one trace is missing: no line, shot or channel
        values[tuple(draw(st.integers(0, n - 1)) for n in shape)] = np.nan
    ds = xr.Dataset({"amplitude": ((*dims, name), values)}, coords)
    return conventions.describe(ds)


def check(ds, path):
    """The file holds the cube: samples bit for bit, labels, positions and offsets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        again = xr.open_dataset(path)
    assert again["amplitude"].dims == ds["amplitude"].dims
    np.testing.assert_array_equal(again["amplitude"].values.astype(np.float64), ds["amplitude"])
    live = ~np.isnan(ds["amplitude"].values).all(axis=-1)
    for name in ds.coords:
        if name in ("time", "depth"):
            np.testing.assert_allclose(again[name], ds[name], rtol=1e-9, atol=1e-9)
            continue
        expected, found = ds[name].values.astype(float), again[name].values.astype(float)
        if expected.shape == live.shape:
            expected, found = expected[live], found[live]
        elif expected.ndim == 2:
            there = live.any(axis=-1) if live.ndim == 3 else live
            expected, found = expected[there], found[there]
        np.testing.assert_array_equal(found, expected, err_msg=name)
    if "source_x" in ds:
        apart = [ds[f"receiver_{a}"] - ds[f"source_{a}"] for a in "xy"]
        distance = np.hypot(*(a.transpose("shot", "receiver").values for a in apart))
        np.testing.assert_allclose(np.abs(again["offset"].values)[live], distance[live], atol=1e-6)
    return again


@FEW
@given(st.data())
def test_segy_is_read_back_the_same(tmp_path, data):
    way = data.draw(st.sampled_from(WAYS))
    ds = data.draw(cubes(way))
    path = write_segy(ds, tmp_path / "x.sgy", overwrite=True, **way)
    again = check(ds, path)
    assert again.attrs["revision"] == {"0": "0.0", "1": "1.0"}.get(way["revision"], way["revision"])
    assert again.attrs["byte_order"] == way["byte_order"]
    assert f"(format {way['sample_format']})" in again.attrs["sample_format"]
    lines = again.attrs["text_header"].splitlines()
    assert lines[0].startswith("C 1 WRITTEN BY SEISGEO")
    assert f"(CODE {way['sample_format']}), {way['byte_order'].upper()}" in lines[4]
    if way["byte_order"] == "pair-swapped":
        return
    endian = way["byte_order"].partition("-")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # segyio knows no format 4
        file = segyio.open(path, ignore_geometry=True, endian=endian)
    with file as f:
        text = bytes(f.text[0]).decode("latin-1")
        assert text.startswith(lines[0])
        live = ~np.isnan(ds["amplitude"].values).all(axis=-1)
        expected = ds["amplitude"].values[live]
        if way["sample_format"] in BY_SEGYIO:
            np.testing.assert_array_equal(f.trace.raw[:].astype(np.float64), expected)
        for name, byte in (("field_record", 9), ("cdp", 21), ("inline", 189), ("crossline", 193)):
            if name in ds.coords:
                numbers = ds[name].broadcast_like(ds["amplitude"].isel({ds.amplitude.dims[-1]: 0}))
                numbers = numbers.transpose(*ds["amplitude"].dims[:-1]).values[live]
                np.testing.assert_array_equal(f.attributes(byte)[:], numbers)
        if "source_x" in ds:
            scalar = -min(-1, int(f.attributes(71)[:][0]))
            for name, byte in (("receiver_x", 81), ("receiver_y", 85)):
                numbers = f.attributes(byte)[:] / scalar
                np.testing.assert_array_equal(numbers, ds[name].values[live])


@settings(FEW, max_examples=20)
@given(st.data())
def test_a_store_gives_back_what_was_written(tmp_path, data):
    way = data.draw(st.sampled_from(WAYS))
    ds = data.draw(cubes(way))
    path = write_segy(ds, tmp_path / "x.sgy", overwrite=True, **way)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        store = convert(path, tmp_path / "y.zarr", overwrite=True)
        again = convert(store, tmp_path / "z.sgy", overwrite=True)
    assert again.read_bytes() == path.read_bytes()


@settings(FEW, max_examples=20)
@given(st.data(), st.sampled_from(["big-endian", "little-endian"]))
def test_su_is_read_back_the_same(tmp_path, data, order):
    way = {"revision": "0", "sample_format": 5}
    ds = data.draw(cubes(way))
    if ds.amplitude.dims[-1] == "depth":  # SU has no word for it
        ds = conventions.describe(ds.rename(depth="time").assign(time=lambda d: d.time / 1000))
        ds["time"].attrs = dict(conventions.ATTRS["time"])
    path = write_segy(ds, tmp_path / "x.su", overwrite=True, byte_order=order)
    check(ds, path)
    with segyio.su.open(path, ignore_geometry=True, endian=order.partition("-")[0]) as f:
        live = ~np.isnan(ds["amplitude"].values).all(axis=-1)
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"].values[live])


@pytest.mark.parametrize("code", [1, 4, 7, 15])
def test_bytes_are_those_of_the_definition(tmp_path, code):
    """By the standard's own words, in float64; no library between."""
    cube = cubes({"revision": "2.0", "sample_format": code})

    @settings(FEW, max_examples=10)
    @given(cube)
    def go(ds):
        path = write_segy(ds, tmp_path / "x.sgy", overwrite=True, sample_format=code, revision=2.0)
        file = SegyFile(path)
        size = {1: 4, 4: 4, 7: 3, 15: 3}[code]
        raw = np.frombuffer(path.read_bytes()[3600:], np.uint8).reshape(file.n_traces, -1)
        octets = raw[:, 240:].reshape(file.n_traces, -1, size).astype(np.int64)
        word = sum(octets[..., i] << 8 * (size - 1 - i) for i in range(size))
        if code == 1:
            sign = 1 - 2.0 * (word >> 31)
            found = sign * (word & 0xFFFFFF) / 2.0**24 * 16.0 ** ((word >> 24 & 127) - 64)
        elif code == 4:
            short = (word & 0xFFFF) - ((word & 0x8000) << 1)
            found = short * 2.0 ** (word >> 16 & 0xFF)
        else:
            found = (word - ((word & 0x800000) << 1 if code == 7 else 0)).astype(np.float64)
        live = ~np.isnan(ds["amplitude"].values).all(axis=-1)
        np.testing.assert_array_equal(found, ds["amplitude"].values[live])

    go()
