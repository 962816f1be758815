"""Cubes written as SEG-Y come back the same, and segyio reads them the same."""

import errno
import json
import tracemalloc
import warnings

import dask
import dask.array
import numpy as np
import pytest
import segyio
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import convert, write_segy
from seisgeo.adapters.segy import original as original_module
from seisgeo.adapters.segy import samples as samples_module
from seisgeo.adapters.segy import write as write_module
from seisgeo.errors import ConventionError, HeaderWarning, OutputExistsError


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        yield


def gathers(shots=3, receivers=5, n=20, *, dt=0.002, start=0.0):
    rng = np.random.default_rng(1)
    source_x = 1000.0 + 25.0 * np.arange(shots)
    receiver_x = source_x[:, None] - 100.25 - 12.5 * np.arange(receivers)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("shot", "receiver", "time"),
                rng.standard_normal((shots, receivers, n)).astype(np.float32),
            )
        },
        coords={
            "time": np.round(start + dt * np.arange(n), 9),
            "field_record": ("shot", 7 + np.arange(shots)),
            "source_point": ("shot", 101 + np.arange(shots)),
            "channel": ("receiver", np.arange(1, receivers + 1)),
            "source_x": ("shot", source_x),
            "source_y": ("shot", np.full(shots, 6_000_000.5)),
            "source_depth": ("shot", np.full(shots, 6.25)),
            "receiver_x": (("shot", "receiver"), receiver_x),
            "receiver_y": (("shot", "receiver"), np.full((shots, receivers), 6_000_000.5)),
            "receiver_depth": (("shot", "receiver"), np.full((shots, receivers), 8.0)),
            "offset": (("shot", "receiver"), receiver_x - source_x[:, None]),
            "live": (("shot", "receiver"), np.ones((shots, receivers), bool)),
        },
    )
    return conventions.describe(ds)


def back(ds, tmp_path, **options):
    """Written with headers of our own, and opened."""
    options = {"overwrite": True, "original": False, **options}
    return xr.open_dataset(write_segy(ds, tmp_path / "out.sgy", **options))


def segyio_open(path):
    return segyio.open(path, ignore_geometry=True)


@pytest.mark.parametrize(
    "name",
    [
        "segy/viking_small.segy",
        "segy/real_gather.sgy",
        "segy/peer/small.sgy",
        "segy/peer/small-ps.sgy",
        "segy/peer/f3.sgy",
        "segy/peer/shot-gather.sgy",
        "velocity/marmousi2_vp_6.25m.segy",
        "velocity/volve10-migvel-depth-sub3d.sgy",
    ],
)
def test_real_files_survive(data_dir, tmp_path, name):
    ds = xr.open_dataset(data_dir / name)
    code = 1 if ds.attrs["sample_format"].startswith("IBM") else 5
    path = write_segy(ds, tmp_path / "out.sgy", sample_format=code, original=False)
    xr.testing.assert_equal(xr.open_dataset(path), ds)
    with segyio_open(data_dir / name) as before, segyio_open(path) as after:
        np.testing.assert_array_equal(
            np.sort(after.trace.raw[:], axis=0), np.sort(before.trace.raw[:], axis=0)
        )


def test_gathers_as_segyio_reads_them(tmp_path):
    ds = gathers()
    path = write_segy(ds, tmp_path / "out.sgy")
    with segyio_open(path) as f:
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"].values.reshape(15, 20))
        np.testing.assert_array_equal(f.attributes(9)[:], np.repeat([7, 8, 9], 5))
        np.testing.assert_array_equal(f.attributes(17)[:], np.repeat([101, 102, 103], 5))
        np.testing.assert_array_equal(f.attributes(13)[:], np.tile(np.arange(1, 6), 3))
        np.testing.assert_array_equal(f.attributes(37)[:], np.rint(ds["offset"].values.ravel()))
        assert set(f.attributes(71)[:]) == {-100}
        np.testing.assert_array_equal(f.attributes(81)[:] / 100, ds["receiver_x"].values.ravel())
        np.testing.assert_array_equal(f.attributes(77)[:] / 100, 6_000_000.5)
        assert set(f.attributes(69)[:]) == {-100}
        assert set(f.attributes(49)[:]) == {625}
        assert set(f.attributes(41)[:]) == {-800}
        assert set(f.attributes(115)[:]) == {20}
        assert set(f.attributes(117)[:]) == {2000}
        assert f.bin[segyio.BinField.Interval] == 2000
        assert f.bin[segyio.BinField.Samples] == 20
        assert f.bin[segyio.BinField.Format] == 5
        np.testing.assert_allclose(f.samples, 2.0 * np.arange(20))
        text = bytes(f.text[0]).decode("latin-1")
    assert text.startswith("C 1 WRITTEN BY SEISGEO")
    assert "C39 SEG Y REV1" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        again = xr.open_dataset(path)
    xr.testing.assert_equal(again, ds)
    conventions.validate(again, "gathers")


@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 8, 9, 11, 16])
def test_formats(tmp_path, code):
    ds = gathers()
    ds["amplitude"] = (ds["amplitude"] * 10).round()
    if code in (11, 16):
        ds["amplitude"] = abs(ds["amplitude"])
    path = write_segy(ds, tmp_path / "out.sgy", sample_format=code)
    np.testing.assert_array_equal(xr.open_dataset(path)["amplitude"], ds["amplitude"])
    with segyio_open(path) as f:
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"].values.reshape(15, 20))


def test_long_traces(tmp_path):
    """segyio takes sample counts for unsigned, too."""
    n = 65_535
    ds = gathers(shots=1, receivers=2, n=n)
    path = write_segy(ds, tmp_path / "out.sgy")
    xr.testing.assert_equal(xr.open_dataset(path), ds)
    with segyio_open(path) as f:
        assert len(f.samples) == n
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"][0])


LAND = {41: 5005, 45: 5102, 49: 83, 53: 4500, 57: 4400, 61: 20, 65: 15, 21: 900, 25: 3}


def land_file(path, *, fields=LAND, scalar=-10, feet=False, missing=True):
    """Two shots of three traces by segyio; the last trace of the second is not there."""
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount = 5, np.arange(20) * 2.0, 6 - missing
    with segyio.create(path, spec) as f:
        f.bin[segyio.BinField.Interval] = 2000
        f.bin[segyio.BinField.MeasurementSystem] = 2 if feet else 1
        f.text[0] = segyio.tools.create_text_header({1: "LAND LINE 7", 4: "VIBROSEIS"})
        for i in range(6 - missing):
            shot, receiver = divmod(i, 3)
            heights = {b: v + 10 * shot + receiver * (b in (41, 21)) for b, v in fields.items()}
            f.header[i] = {9: shot + 1, 13: receiver + 1, 37: 25 * receiver, 69: scalar, **heights}
            f.trace[i] = np.random.default_rng(i).standard_normal(20).astype(np.float32)
    return path


def test_elevations_and_cdp_numbers_survive(tmp_path):
    source = land_file(tmp_path / "land.sgy")
    ds = xr.open_dataset(source)
    conventions.validate(ds, "gathers")
    np.testing.assert_allclose(ds["source_elevation"], [510.2, 511.2])
    np.testing.assert_allclose(ds["receiver_elevation"][0], [500.5, 500.6, 500.7])
    np.testing.assert_allclose(ds["source_depth"], [8.3, 9.3])
    np.testing.assert_allclose(ds["source_water_depth"], [2.0, 3.0])
    np.testing.assert_allclose(ds["receiver_datum_elevation"][0], 450.0)
    assert (ds["receiver_depth"].values[ds["live"].values] == 0).all()
    assert ds["source_elevation"].attrs["positive"] == "up"
    assert ds["cdp"].values[0].tolist() == [900, 901, 902]
    assert np.isnan(ds["cdp"].values[1, 2])
    path = write_segy(ds, tmp_path / "out.sgy", original=False)
    xr.testing.assert_equal(xr.open_dataset(path), ds)
    with segyio_open(source) as before, segyio_open(path) as after:
        for byte in (9, 13, 37, 69, *LAND):
            np.testing.assert_array_equal(after.attributes(byte)[:], before.attributes(byte)[:])


def test_elevations_in_feet_are_metres(tmp_path):
    ds = xr.open_dataset(land_file(tmp_path / "land.sgy", feet=True, scalar=1))
    np.testing.assert_allclose(ds["source_elevation"], [5102 * 0.3048, 5112 * 0.3048])
    again = back(ds, tmp_path)
    np.testing.assert_allclose(again["receiver_elevation"], ds["receiver_elevation"], atol=1e-4)


def test_elevations_through_zarr(tmp_path):
    source = land_file(tmp_path / "land.sgy", missing=False)
    path = convert(convert(source, tmp_path / "land.zarr"), tmp_path / "out.sgy")
    with segyio_open(source) as before, segyio_open(path) as after:
        for byte in LAND:
            np.testing.assert_array_equal(after.attributes(byte)[:], before.attributes(byte)[:])
        assert after.text[0] == before.text[0]


def test_marine_elevations_below_zero_are_depths(data_dir, tmp_path):
    source = data_dir / "segy/viking_small.segy"
    ds = xr.open_dataset(source)
    assert (ds["source_depth"] == 6).all()
    assert (ds["receiver_depth"] == 10).all()
    assert "receiver_elevation" not in ds.coords
    anew = write_segy(ds, tmp_path / "o.sgy", original=False)
    with segyio_open(source) as before, segyio_open(anew) as after:
        for byte in (21, 25, 41, 45, 49, 53, 57, 61, 65):
            np.testing.assert_array_equal(after.attributes(byte)[:], before.attributes(byte)[:])


# Text headers


@pytest.mark.parametrize(
    "name",
    [
        "segy/viking_small.segy",
        "segy/peer/small.sgy",
        "segy/peer/f3.sgy",
        "segy/peer/small-ps.sgy",
        "velocity/marmousi2_vp_6.25m.segy",
    ],
)
def test_the_text_header_of_the_source_is_kept(data_dir, tmp_path, name):
    ds = xr.open_dataset(data_dir / name)
    again = back(ds, tmp_path)
    assert again.attrs["text_header"] == ds.attrs["text_header"]
    with segyio_open(data_dir / name) as before, segyio_open(tmp_path / "out.sgy") as after:
        lines = [
            [bytes(f.text[0])[i : i + 80].rstrip(b" \0\x80") for i in range(0, 3200, 80)]
            for f in (before, after)
        ]
        told = [i for i, line in enumerate(lines[0]) if len(line) > 3]
        assert [lines[1][i] for i in told] == [lines[0][i] for i in told]


def stack(values, name, axis, text):
    dims = ("inline", "crossline", axis)
    return conventions.describe(
        xr.Dataset(
            {name: (dims, np.asarray(values, np.float32))},
            coords={"inline": [1, 2, 3], "crossline": [1, 2, 3, 4], axis: 0.004 * np.arange(9)},
            attrs={"text_header": text},
        )
    )


@pytest.mark.parametrize("name", ["amplitude", "velocity"])
@pytest.mark.parametrize("axis", ["time", "depth"])
@pytest.mark.parametrize(
    "text",
    [
        "C 1 INTERVAL VELOCITY\nC 2 DEPTH DOMAIN",
        "C01 STACK, TWO-WAY TIME\nC40 END EBCDIC",
        "a note without card numbers",
        "\n".join(f"C{i:>2} VELOCITY IN DEPTH" for i in range(1, 41)),
    ],
)
def test_a_text_header_never_makes_a_stack_into_something_else(tmp_path, name, axis, text):
    ds = stack(np.full((3, 4, 9), 2000), name, axis, text)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        again = back(ds, tmp_path)
    assert again[name].dims == ("inline", "crossline", axis)
    kept = again.attrs["text_header"]
    room = "C40 VELOCITY" not in text
    assert all(line in kept for line in text.splitlines()) or not room


def test_text_that_does_not_fit_gives_way_to_ours(tmp_path):
    for text in (
        "x" * 3300,
        "\n".join("ab" for _ in range(41)),
        "",
        "C 1 WRITTEN BY SEISGEO 0 (OLD)",
    ):
        ds = gathers().assign_attrs(text_header=text)
        written = back(ds, tmp_path).attrs["text_header"]
        assert written.startswith("C 1 WRITTEN BY SEISGEO")
        assert "OLD" not in written
    long = "x" * 150
    again = back(gathers().assign_attrs(text_header=long), tmp_path)
    assert again.attrs["text_header"] == f"{'x' * 80}\n{'x' * 70}"


def test_missing_and_dead_traces(tmp_path):
    ds = gathers()
    ds["amplitude"][1, 2] = np.nan
    ds["amplitude"][2, 4] = np.nan
    ds["live"][1, 2] = ds["live"][2, 4] = ds["live"][0, 0] = False
    path = write_segy(ds, tmp_path / "out.sgy")
    with segyio_open(path) as f:
        assert f.tracecount == 13
        assert f.attributes(29)[:].tolist() == [2] + [1] * 12
    again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])
    np.testing.assert_array_equal(again["live"], ds["live"])
    kept = ds["amplitude"].notnull().all("time").values
    np.testing.assert_array_equal(again["receiver_x"].values[kept], ds["receiver_x"].values[kept])


def test_lazy_blocks_give_the_same_file(tmp_path, monkeypatch):
    ds = gathers(shots=7, receivers=6)
    whole = write_segy(ds, tmp_path / "whole.sgy").read_bytes()
    for size in (1, 4 * 8 * 20, 13 * 8 * 20):
        monkeypatch.setattr(write_module, "_BLOCK_BYTES", size)
        parts = write_segy(ds.chunk(shot=2), tmp_path / "parts.sgy", overwrite=True)
        assert parts.read_bytes() == whole


@pytest.mark.parametrize("original", [True, False])
def test_memory_is_that_of_a_block(tmp_path, monkeypatch, original):
    monkeypatch.setattr(write_module, "_BLOCK_BYTES", 1 << 20)
    # Compiled kernels would be loaded while memory is counted, or not: as much was read before.
    monkeypatch.setattr(samples_module, "_read_so_far", 0)
    n = 1000
    lazy = dask.array.zeros((24, 250, n), chunks=(1, 250, n), dtype=np.float32)  # 24 MB
    dims, axis = ("shot", "receiver", "time"), {"time": 0.002 * np.arange(n)}
    ds = xr.Dataset({"amplitude": (dims, lazy)}, axis)
    ds = conventions.describe(ds)
    with dask.config.set(scheduler="synchronous"):
        write_segy(ds.isel(shot=slice(2)), tmp_path / "warm.sgy")
        path = write_segy(ds, tmp_path / "x.sgy")
        monkeypatch.setattr(original_module, "BLOCK_BYTES", 1 << 20)
        ds = xr.open_dataset(path) if original else ds
        tracemalloc.start()
        again = write_segy(ds, tmp_path / "y.sgy")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert again.read_bytes() == path.read_bytes()
    assert peak < 12e6


def training_set(samples=2, sources=3, receivers=4, nt=10, nz=6, nx=5):
    rng = np.random.default_rng(2)
    return conventions.describe(
        xr.Dataset(
            {
                "amplitude": (
                    ("sample", "source", "time", "receiver"),
                    rng.standard_normal((samples, sources, nt, receivers)).astype(np.float32),
                ),
                "velocity": (
                    ("sample", "depth", "x"),
                    rng.uniform(1500, 4500, (samples, nz, nx)).astype(np.float32),
                ),
            },
            coords={
                "time": 0.001 * np.arange(nt),
                "depth": 10.0 * np.arange(nz),
                "x": 10.0 * np.arange(nx),
                "source_x": ("source", 20.0 * np.arange(sources)),
                "source_depth": ("source", np.full(sources, 10.0)),
                "receiver_x": ("receiver", 10.0 * np.arange(receivers)),
                "receiver_depth": ("receiver", np.full(receivers, 10.0)),
            },
            attrs={"survey": json.dumps({})},
        )
    )


def test_training_gathers_become_field_records(tmp_path):
    ds = training_set()
    again = back(ds, tmp_path)
    assert again["amplitude"].dims == ("shot", "receiver", "time")
    expected = ds["amplitude"].transpose("sample", "source", "receiver", "time").values
    np.testing.assert_array_equal(again["amplitude"], expected.reshape(6, 4, 10))
    assert again["field_record"].values.tolist() == [1, 2, 3, 4, 5, 6]
    assert again["source_point"].values.tolist() == [1, 2, 3, 1, 2, 3]
    np.testing.assert_array_equal(again["source_x"], np.tile([0, 20, 40], 2))
    np.testing.assert_array_equal(again["receiver_x"], np.tile(10 * np.arange(4), (6, 1)))
    assert (again["source_depth"] == 10).all()


def test_velocity_models(tmp_path):
    ds = training_set()
    again = back(ds, tmp_path, variable="velocity")
    assert again["velocity"].dims == ("inline", "crossline", "depth")
    np.testing.assert_array_equal(again["velocity"], ds["velocity"].transpose("sample", "x", ...))
    one = ds[["velocity"]].isel(sample=0, drop=True).assign_coords(x=300 + 12.5 * np.arange(5))
    one = conventions.describe(one.drop_vars([c for c in one.coords if c not in ("x", "depth")]))
    again = back(one, tmp_path)
    xr.testing.assert_equal(again["velocity"].drop_vars(["cdp", "cdp_x", "cdp_y"]), one["velocity"])
    cube = conventions.describe(
        xr.Dataset(
            {"velocity": (("depth", "y", "x"), np.full((4, 3, 2), 2000.0, np.float32))},
            coords={"depth": 5.0 * np.arange(4), "y": [0.0, 20, 40], "x": [0.0, 25]},
        )
    )
    again = back(cube, tmp_path)
    assert again["velocity"].dims == ("inline", "crossline", "depth")
    np.testing.assert_array_equal(again["cdp_y"][:, 0], [0, 20, 40])


def test_stack_and_line(tmp_path):
    rng = np.random.default_rng(5)
    stack = conventions.describe(
        xr.Dataset(
            {"amplitude": (("inline", "crossline", "time"), rng.standard_normal((3, 4, 9)))},
            coords={
                "inline": [10, 12, 14],
                "crossline": [1, 2, 3, 4],
                "time": 0.1 + 0.004 * np.arange(9),
                "cdp_x": (("inline", "crossline"), 500_000 + rng.integers(0, 9999, (3, 4)) / 100),
                "cdp_y": (("inline", "crossline"), 6e6 + rng.integers(0, 9999, (3, 4)) / 100),
            },
        )
    )
    path = write_segy(stack, tmp_path / "stack.sgy", sample_format=6)
    again = xr.open_dataset(path)
    xr.testing.assert_allclose(again, stack, rtol=1e-14)
    np.testing.assert_array_equal(again["amplitude"], stack["amplitude"])
    with segyio.open(path) as f:
        assert f.ilines.tolist() == [10, 12, 14]
        np.testing.assert_array_equal(segyio.tools.cube(f), stack["amplitude"])
        assert f.samples[0] == 100
    line = stack.isel(inline=0, drop=True).rename(crossline="cdp")
    again = back(line, tmp_path, sample_format=6)
    xr.testing.assert_allclose(again.drop_vars("distance"), line, rtol=1e-14)


def test_amplitudes_that_look_like_velocities_stay_amplitudes(tmp_path):
    ds = conventions.describe(
        xr.Dataset(
            {"amplitude": (("cdp", "depth"), np.full((4, 9), 2000.0, np.float32))},
            coords={"cdp": [1, 2, 3, 4], "depth": 10.0 * np.arange(9)},
        )
    )
    assert back(ds, tmp_path)["amplitude"].dims == ("cdp", "depth")


def test_start_between_milliseconds(tmp_path):
    ds = gathers(dt=0.00025, start=0.0005)
    np.testing.assert_allclose(back(ds, tmp_path)["time"], ds["time"], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign_coords(time=d.time * 1e9), "interval of 2e.06 s is none that SEG-Y"),
        (
            lambda d: d.assign_coords(receiver_elevation=-d.receiver_depth + 1),
            r"'receiver_depth' and 'receiver_elevation' contradict.*bytes 41-44.*drop_vars",
        ),
        (lambda d: d.assign_coords(time=d.time**2), "SEG-Y needs a constant interval"),
        (lambda d: d.assign_coords(time=d.time + 99.0), "a start of 99 s does not fit"),
        (lambda d: d.drop_vars("time"), "coordinate 'time' is missing"),
        (lambda d: d.assign_coords(source_x=d.source_x + np.inf), "do not fit.*centimetre"),
        (lambda d: d.assign_coords(channel=d.channel + 0.5), "a header holds whole numbers"),
        (lambda d: d.where(d.field_record < 0), "holds no trace: all samples are NaN"),
        (lambda d: d.rename(amplitude="a").assign(b=d.amplitude), "say which variable to write"),
        (lambda d: d.isel(receiver=0), r"dimensions \(shot, time\) are no traces"),
    ],
)
def test_cubes_that_do_not_fit(tmp_path, change, message):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = conventions.describe(change(gathers()))
    with pytest.raises(ConventionError, match=message):
        write_segy(ds, tmp_path / "out.sgy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "values", "message"),
    [
        (3, 1e5, r"shot 0 to 2.*int16 \(format 3\) holds -32768 to 32767; the values reach"),
        (3, 0.5, "hold fractions, which int16"),
        (1, np.inf, "IBM float32.*has no NaN and no infinity.*format 5"),
        (1, 1e76, "do not fit into IBM float32"),
        (5, 1e39, "do not fit into IEEE float32"),
    ],
)
def test_values_that_do_not_fit(tmp_path, code, values, message):
    ds = gathers()
    ds["amplitude"] = ds["amplitude"].astype(np.float64) * 0 + values
    if np.isinf(values):
        ds["amplitude"] = ds["amplitude"].fillna(np.inf)
    with pytest.raises(ConventionError, match=message):
        write_segy(conventions.describe(ds), tmp_path / "out.sgy", sample_format=code)
    assert list(tmp_path.iterdir()) == []


def test_existing_file(tmp_path):
    path = write_segy(gathers(), tmp_path / "out.sgy")
    before = path.read_bytes()
    with pytest.raises(OutputExistsError, match=r"out\.sgy already exists"):
        write_segy(gathers(n=30), path)
    assert path.read_bytes() == before
    write_segy(gathers(n=30), path, overwrite=True)
    assert path.read_bytes() != before


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            if self.file.tell() + memoryview(data).nbytes > 4000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

    def full(*args):
        return FullDisk(open(*args))

    monkeypatch.setattr(write_module, "open", full, raising=False)
    path = tmp_path / "out.sgy"
    with pytest.raises(OSError, match=r"No space left on device while writing.*out\.sgy") as caught:
        write_segy(gathers(), path)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
