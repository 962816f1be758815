"""Zarr, NetCDF and conversions: round trips, layout on disk, bounded memory, bad input."""

import errno
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing

from seisgeo import adapters, conventions
from seisgeo.adapters import convert, write_netcdf, write_segy, write_zarr
from seisgeo.adapters.blocks import block_bytes, chunks_of
from seisgeo.errors import (
    ConventionError,
    FormatError,
    HeaderWarning,
    MissingFileError,
    OutputExistsError,
    ParameterError,
)


def training_cube(n=6, nt=40):
    rng = np.random.default_rng(2)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("sample", "source", "time", "receiver"),
                rng.normal(size=(n, 2, nt, 12)).astype(np.float32),
            ),
            "velocity": (
                ("sample", "depth", "x"),
                rng.uniform(1500, 4500, (n, 20, 16)).astype(np.float32),
            ),
            "descriptor_value": (("sample", "descriptor"), rng.normal(size=(n, 3))),
        },
        coords={
            "time": np.arange(nt) * 0.004,
            "depth": np.arange(20) * 12.5,
            "x": np.arange(16) * 12.5,
            "source_x": ("source", [25.0, 50.0]),
            "receiver_x": (("source", "receiver"), rng.uniform(0, 180, (2, 12))),
            "family": ("sample", np.array(["flatvel-a", "style-b", "salt-ü"] * (n // 3))),
            "descriptor": ["mean", "gradient", "layers"],
            "descriptor_units": ("descriptor", ["m/s", "1/s", "1"]),
        },
        attrs=conventions.provenance(survey='{"dt": 0.004}', seed=7, free_surface=True, f=15.5),
    )
    return conventions.describe(ds)


def field_cube():
    rng = np.random.default_rng(3)
    amplitude = rng.normal(size=(4, 9, 50)).astype(np.float32)
    live = np.ones((4, 9), bool)
    live[1, 3:5] = False
    amplitude[~live] = np.nan
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), amplitude)},
        coords={
            "time": np.arange(50) * 0.002,
            "field_record": ("shot", np.array([11, 12, 14, 15], np.int32)),
            "channel": ("receiver", np.arange(1, 10, dtype=np.int32)),
            "offset": (("shot", "receiver"), rng.normal(0, 1000, (4, 9))),
            "live": (("shot", "receiver"), live),
        },
        attrs=conventions.provenance(source="line.sgy", sample_format=1),
    )
    return conventions.describe(ds)


def stack_cube():
    rng = np.random.default_rng(4)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("inline", "crossline", "time"),
                rng.normal(size=(60, 50, 251)).astype(np.float32),
            )
        },
        coords={
            "inline": np.arange(60) + 100,
            "crossline": np.arange(50) * 2 + 300,
            "time": np.arange(251) * 0.004,
            "cdp_x": (("inline", "crossline"), rng.uniform(4e5, 5e5, (60, 50))),
            "cdp_y": (("inline", "crossline"), rng.uniform(6e6, 7e6, (60, 50))),
        },
        attrs=conventions.provenance(source="cube.sgy"),
    )
    return conventions.describe(ds)


CUBES = [training_cube, field_cube, stack_cube]
WRITERS = [(write_zarr, "a.zarr"), (write_netcdf, "a.nc")]


# Round trips


@pytest.mark.parametrize("cube", CUBES)
@pytest.mark.parametrize(("write", "name"), WRITERS)
@pytest.mark.filterwarnings("error")
def test_round_trip(tmp_path, cube, write, name):
    ds = cube()
    before = ds.copy(deep=True)
    out = write(ds, tmp_path / name)
    assert out == tmp_path / name
    with xr.open_dataset(out) as back:
        conventions.validate(back)
        xr.testing.assert_identical(back.load().drop_attrs(), ds.drop_attrs())
        assert back.attrs == ds.attrs
        for variable in ds.variables:
            assert back[variable].attrs == ds[variable].attrs
            kept = back[variable].dtype
            assert kept == ds[variable].dtype or ds[variable].dtype.kind == "U"
    xr.testing.assert_identical(ds, before)
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(("first", "second"), [("a.zarr", "b.nc"), ("a.nc", "b.zarr")])
def test_from_one_to_the_other_and_back(tmp_path, first, second):
    ds = training_cube()
    convert(convert_cube(ds, tmp_path / first), tmp_path / second)
    xr.testing.assert_equal(xr.open_dataset(tmp_path / second).load(), ds)


def convert_cube(ds, path):
    return (write_zarr if path.suffix == ".zarr" else write_netcdf)(ds, path)


def test_attributes_that_netcdf_cannot_hold(tmp_path):
    ds = field_cube().assign_attrs(
        note=None, flag=np.True_, nested={"a": [1, 2]}, steps=[1, 2, 3], text="x" * 100_000
    )
    back = xr.open_dataset(write_netcdf(ds, tmp_path / "a.nc"))
    assert "note" not in back.attrs
    assert back.attrs["flag"] == 1
    assert back.attrs["nested"] == '{"a": [1, 2]}'
    assert back.attrs["steps"].tolist() == [1, 2, 3]
    assert back.attrs["text"] == "x" * 100_000


def test_empty_and_scalar_variables(tmp_path):
    ds = xr.Dataset(
        {"velocity": (("depth", "x"), np.full((3, 4), 2000.0)), "picks": ("pick", np.zeros(0))},
        coords={"shift": 1.5, "label": "line 12"},
    )
    for write, name in WRITERS:
        xr.testing.assert_equal(xr.open_dataset(write(ds, tmp_path / name)).load(), ds)


# Layout on disk


def test_zarr_has_a_sample_or_a_gather_a_chunk_and_many_a_shard(tmp_path):
    store = write_zarr(Endless(n=40).cube(), tmp_path / "a.zarr", memory="300 MB")
    array = zarr.open_array(store / "amplitude", mode="r")
    assert array.metadata.zarr_format == 3
    assert array.chunks == (1, 2, 500, 250)
    assert array.shards == (16, 2, 500, 250)
    (codec,) = array.compressors
    assert (codec.cname.value, codec.shuffle.value) == ("lz4", "bitshuffle")
    assert len([p for p in (store / "amplitude" / "c").rglob("*") if p.is_file()]) == 3
    gathers = zarr.open_array(write_zarr(field_cube(), tmp_path / "b.zarr") / "amplitude")
    assert gathers.chunks == (1, 9, 50)
    offsets = zarr.open_array(tmp_path / "b.zarr" / "offset")
    assert offsets.chunks == (4, 9)


def test_stacks_are_cut_along_both_lines_never_along_the_trace(tmp_path):
    for write, name in WRITERS:
        with xr.open_dataset(write(stack_cube(), tmp_path / name)) as ds:
            encoding = ds["amplitude"].encoding
            assert encoding.get("chunks", encoding.get("chunksizes")) == (32, 32, 251)


def test_netcdf_is_compressed(tmp_path):
    ds = xr.Dataset({"velocity": (("sample", "depth", "x"), np.full((30, 70, 70), 2000.0))})
    assert write_netcdf(ds, tmp_path / "a.nc").stat().st_size < ds.nbytes / 20


def test_zarr_opens_without_a_warning(tmp_path, recwarn):
    xr.open_dataset(write_zarr(training_cube(), tmp_path / "a.zarr")).load()
    assert [str(w.message) for w in recwarn] == []


# Memory


class Endless(BackendArray):
    """A lazy cube of 2 GB made of its own sample numbers; it counts what is asked of it."""

    def __init__(self, n=2000, fail_at=None):
        self.shape = (n, 2, 500, 250)
        self.dtype = np.dtype(np.float32)
        self.asked: list[int] = []
        self.fail_at = fail_at

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key):
        rows = np.arange(self.shape[0], dtype=np.float32)[key[0]]
        self.asked.extend(rows.astype(int).tolist())
        if self.fail_at is not None and self.fail_at in self.asked:
            raise OSError(errno.ENOSPC, "No space left on device")
        return np.broadcast_to(rows[:, None, None, None], (len(rows), *self.shape[1:])).copy()[
            (slice(None), *key[1:])
        ]

    def cube(self):
        dims = ("sample", "source", "time", "receiver")
        return xr.Dataset({"amplitude": (dims, indexing.LazilyIndexedArray(self))})


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_cube_larger_than_its_blocks_is_streamed_once(tmp_path, write, name):
    source = Endless(n=400)  # 400 MB
    tracemalloc.start()
    try:
        out = write(source.cube(), tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sorted(source.asked) == list(range(400))
    assert peak < 350e6
    with xr.open_dataset(out) as ds:
        assert ds["amplitude"][399, 1, 499, 249] == 399
        assert ds["amplitude"][:, 0, 0, 0].values.tolist() == list(range(400))


def peak_of(*command: object) -> int:
    """Peak memory (bytes) of a process, which must end well."""
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0]);"
        "print([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"
    )
    words = [sys.executable, "-c", code, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-2]) * 1024


def sparse_survey(path, n_inlines, n_crosslines, n_samples, noisy):
    """A post-stack file with holes for samples, but for the first inlines, which are noise."""
    length = 240 + 4 * n_samples
    binary = np.zeros(200, ">i2")
    binary[[8, 10, 12, 150, 151]] = 2000, n_samples, 5, 0x0100, 1
    rng = np.random.default_rng(6)
    with path.open("wb") as file:
        file.write(b"\x40" * 3200 + binary.tobytes())
        file.truncate(3600 + n_inlines * n_crosslines * length)
        for i in range(n_inlines):
            for j in range(n_crosslines):
                header = np.zeros(60, ">i4")
                header[[0, 5, 45, 46, 47, 48]] = (
                    *(i * n_crosslines + j + 1, i * n_crosslines + j + 1),
                    *(4000 + 25 * i, 6000 + 25 * j, 100 + i, 500 + j),
                )
                header.view(">i2")[[14, 57, 58]] = 1, n_samples, 2000
                file.seek(3600 + (i * n_crosslines + j) * length)
                file.write(header.tobytes())
                if i < noisy:
                    file.write(rng.normal(size=n_samples).astype(">f4").tobytes())
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")
def test_a_file_of_5_gb_takes_300_mb_of_memory(tmp_path):
    source = sparse_survey(tmp_path / "cube.sgy", 250, 250, 20_000, noisy=10)
    assert source.stat().st_size > 5e9
    script = tmp_path / "run.py"
    script.write_text("import sys; from seisgeo.adapters import convert; convert(*sys.argv[1:])")
    assert peak_of(script, source, tmp_path / "cube.zarr") <= 300e6
    with xr.open_dataset(tmp_path / "cube.zarr") as ds, xr.open_dataset(source) as cube:
        assert ds.amplitude.shape == (250, 250, 20_000)
        xr.testing.assert_equal(
            ds.isel(inline=9, crossline=[0, 200]), cube.isel(inline=9, crossline=[0, 200])
        )
        assert not ds.amplitude[10, ::50].any()


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ("a lot", r"memory='a lot': expected a size such as '300 MB' or '2 GiB'"),
        ("100 MB", r"memory='100 MB' is too little: .* give at least 200 MB"),
    ],
)
def test_memory_that_cannot_be(tmp_path, memory, message):
    for write, name in WRITERS:
        with pytest.raises(ParameterError, match=message):
            write(field_cube(), tmp_path / name, memory=memory)


def test_more_memory_makes_larger_shards():
    assert [block_bytes(m) >> 20 for m in ("200 MB", "300 MB", "1 GB", 10**10)] == [4, 16, 64, 256]


def test_large_gathers_and_long_lines_are_cut_by_traces_never_along_them():
    huge = np.broadcast_to(np.float32(0), (3, 5000, 4000))
    gather = xr.Variable(("shot", "receiver", "time"), huge)
    shot, receiver, time = chunks_of(gather)
    assert (shot, time) == (1, 4000)
    assert 4 << 20 < receiver * time * 4 <= 8 << 20
    model = xr.Variable(("depth", "x"), np.broadcast_to(np.float32(0), (2801, 13_601)))
    depth, x = chunks_of(model)
    assert depth == 2801
    assert x * depth * 4 <= 1 << 20


# Headers of SEG-Y


def test_a_dataset_that_forgot_its_file_says_so_or_is_told(tmp_path, data_dir):
    source = data_dir / "segy" / "peer" / "small.sgy"
    ds = xr.open_dataset(source)
    forgot = ds.where(ds.inline > 2)
    message = r"headers of .*small\.sgy are left out: a computation \(where, fillna, map\)"
    with pytest.warns(HeaderWarning, match=message):
        plain = write_zarr(forgot, tmp_path / "plain.zarr")
    assert not (plain / "segy").exists()
    told = write_zarr(forgot, tmp_path / "told.zarr", original=source)
    assert (told / "segy").exists()
    again = write_zarr(ds.fillna(0), tmp_path / "again.zarr", original=told)
    assert (
        write_segy(xr.open_dataset(again), tmp_path / "a.sgy").read_bytes() == source.read_bytes()
    )
    with pytest.raises(ConventionError, match=r"small\.sgy are not those of the cube \(the labels"):
        write_zarr(ds.assign_coords(inline=ds.inline + 7), tmp_path / "o.zarr", original=source)
    with pytest.raises(FormatError, match=r"plain\.zarr: keeps no headers of a SEG-Y file"):
        write_zarr(ds, tmp_path / "o.zarr", original=plain)


def test_headers_that_are_not_true_any_more_are_left_out_with_the_reason(tmp_path, data_dir):
    ds = xr.open_dataset(data_dir / "segy" / "peer" / "small.sgy")
    with pytest.warns(
        HeaderWarning, match=r"a\.zarr: the headers .* left out.*labels along crossline"
    ):
        write_zarr(ds.assign_coords(crossline=ds.crossline * 2), tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr" / "segy").exists()


# convert


def openfwi_folder(root, n=3):
    rng = np.random.default_rng(5)
    root.mkdir()
    np.save(root / "seis2_1_0.npy", rng.normal(size=(n, 5, 100, 70)).astype(np.float32))
    np.save(root / "vel2_1_0.npy", rng.uniform(1500, 4500, (n, 1, 70, 70)).astype(np.float32))
    return root


def test_openfwi_to_zarr_to_openfwi(tmp_path):
    source = openfwi_folder(tmp_path / "CurveFault_A")
    store = convert(source, tmp_path / "train.zarr")
    folder = convert(store, tmp_path / "again")
    np.testing.assert_array_equal(
        np.load(folder / "data" / "data1.npy"), np.load(source / "seis2_1_0.npy")
    )
    np.testing.assert_array_equal(
        np.load(folder / "model" / "model1.npy"), np.load(source / "vel2_1_0.npy")
    )
    xr.testing.assert_equal(
        xr.open_dataset(folder).drop_vars("file"), xr.open_dataset(source).drop_vars("file")
    )


def test_open_options_are_passed_on(tmp_path):
    source = openfwi_folder(tmp_path / "CurveFault_A")
    out = convert(
        source, tmp_path / "v.nc", engine="seisgeo-openfwi", drop_variables="amplitude", spacing=5.0
    )
    with xr.open_dataset(out) as ds:
        assert set(ds.data_vars) == {"velocity"}
        assert float(ds["x"][-1]) == 345.0


def test_single_npy(tmp_path):
    source = openfwi_folder(tmp_path / "CurveFault_A")
    out = convert(source, tmp_path / "maps.npy", drop_variables="amplitude")
    np.testing.assert_array_equal(np.load(out), np.load(source / "vel2_1_0.npy"))
    with pytest.raises(FormatError, match=r"both\.npy: .*this cube has both; name a folder"):
        convert(source, tmp_path / "both.npy")


def single_source(values=0.5, n=4):
    return conventions.describe(
        xr.Dataset(
            {
                "amplitude": (
                    ("sample", "source", "time", "receiver"),
                    np.full((n, 1, 100, 20), values, np.float32),
                )
            },
            coords={"time": np.arange(100) * 0.001},
        )
    )


def test_gathers_of_a_single_source_stay_gathers(tmp_path):
    store = write_zarr(single_source(), tmp_path / "p.zarr")
    for name in ("p.npy", "data.npy", "seismic_7.npy"):
        with xr.open_dataset(convert(store, tmp_path / name)) as ds:
            assert ds["amplitude"].shape == (4, 1, 100, 20)


@pytest.mark.parametrize(
    ("cube", "name", "message"),
    [
        (single_source(), "model1.npy", r"would open as velocity maps .*; call the file data\.npy"),
        (single_source(2500.0), "p.npy", r"p\.npy: seismic data of shape \(4, 1, 100, 20\) would"),
        (training_cube()[["amplitude"]], "vel2_1_0.npy", r"call the file data\.npy"),
        (training_cube()[["velocity"]], "data1.npy", r"would open as seismic .*file model\.npy"),
        (training_cube()[["velocity"]] / 1000, "maps.npy", r"would open as seismic .*model\.npy"),
    ],
)
def test_names_under_which_a_single_npy_would_open_as_the_other_kind(tmp_path, cube, name, message):
    store = write_zarr(cube, tmp_path / "p.zarr")
    with pytest.raises(FormatError, match=message):
        convert(store, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["p.zarr"]


@pytest.mark.parametrize("suffix", [".seg", ".SEGY"])
def test_every_name_of_segy_is_written_and_read(tmp_path, suffix):
    store = write_zarr(field_cube(), tmp_path / "line.zarr")
    again = xr.open_dataset(convert(store, tmp_path / f"line{suffix}"))
    assert again.attrs["source_format"] == "SEG-Y"


def test_segy_to_zarr_and_back_keeps_samples_and_coordinates(tmp_path, data_dir):
    segyio = pytest.importorskip("segyio")
    source = data_dir / "segy" / "peer" / "small.sgy"
    store = convert(source, tmp_path / "small.zarr")
    again = convert(store, tmp_path / "small.sgy")
    with segyio.open(source) as a, segyio.open(again) as b:
        np.testing.assert_array_equal(segyio.tools.cube(a), segyio.tools.cube(b))
        np.testing.assert_array_equal(a.ilines, b.ilines)
        np.testing.assert_array_equal(a.xlines, b.xlines)


@pytest.mark.filterwarnings("ignore::seisgeo.errors.HeaderWarning")
@pytest.mark.parametrize("name", ["viking.zarr", "viking.nc"])
def test_a_real_field_record_survives(tmp_path, data_dir, name):
    source = data_dir / "segy" / "viking_small.segy"
    with xr.open_dataset(convert(source, tmp_path / name)) as back, xr.open_dataset(source) as ds:
        conventions.validate(back, "gathers")
        xr.testing.assert_identical(back.load().drop_attrs(), ds.load().drop_attrs())
        assert back.attrs == ds.attrs


def test_field_gathers_do_not_become_openfwi_files(tmp_path):
    write_zarr(field_cube(), tmp_path / "line.zarr")
    message = r"write field gathers .* as SEG-Y.*line\.zarr.*seisgeo\.match_to_survey first"
    for name in ("out", "out.npy"):
        with pytest.raises(ConventionError, match=message):
            convert(tmp_path / "line.zarr", tmp_path / name)
        assert not (tmp_path / name).exists()


def test_convert_is_a_function_of_the_package_whatever_was_imported(tmp_path):
    source = openfwi_folder(tmp_path / "CurveFault_A")
    for name in ("a.nc", "b.nc"):
        assert adapters.convert(source, tmp_path / name) == tmp_path / name


# Bad input, and disks that fill up


def test_unknown_suffix_lists_the_known_before_anything_is_read(tmp_path):
    with pytest.raises(FormatError, match=r"suffix '\.h5'; known: \.zarr, \.nc \(NetCDF\), \.sgy"):
        convert(tmp_path / "nothing.sgy", tmp_path / "out.h5")


def test_no_such_source(tmp_path):
    with pytest.raises(MissingFileError, match=r"line\.sgy: no such file or folder"):
        convert(tmp_path / "line.sgy", tmp_path / "line.zarr")


def test_source_that_nothing_opens(tmp_path):
    (tmp_path / "notes.txt").write_text("shot at 10:42")
    with pytest.raises(FormatError, match=r"notes\.txt: nothing here can open it.*seisgeo-openfwi"):
        convert(tmp_path / "notes.txt", tmp_path / "line.zarr")


def test_existing_target_is_kept_unless_told(tmp_path):
    source = openfwi_folder(tmp_path / "CurveFault_A")
    target = tmp_path / "line.nc"
    target.write_text("precious")
    with pytest.raises(OutputExistsError, match=r"line\.nc already exists.*overwrite=True"):
        convert(source, target)
    assert target.read_text() == "precious"
    convert(source, target, overwrite=True)
    assert xr.open_dataset(target).sizes["sample"] == 3
    with pytest.raises(OutputExistsError, match="is the source itself"):
        convert(source, source, overwrite=True)
    for write, name in WRITERS:
        write(field_cube(), tmp_path / name)
        with pytest.raises(OutputExistsError, match="already exists"):
            write(field_cube(), tmp_path / name)
        write(stack_cube(), tmp_path / name, overwrite=True)
        assert "inline" in xr.open_dataset(tmp_path / name).dims


@pytest.mark.parametrize("name", ["out.zarr", "out.nc", "out", "out.npy"])
def test_error_in_the_middle_leaves_what_was_there(tmp_path, name, monkeypatch):
    """The target that stands there survives, and nothing half-written is left beside it."""
    ds = Endless(n=150, fail_at=140).cube()
    monkeypatch.setattr("xarray.open_dataset", lambda *_a, **_k: ds)
    (tmp_path / "in.sgy").touch()
    with pytest.raises(OSError, match="No space left on device"):
        convert(tmp_path / "in.sgy", tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["in.sgy"]
    (tmp_path / name).write_text("precious")
    with pytest.raises(OSError, match="No space left on device"):
        convert(tmp_path / "in.sgy", tmp_path / name, overwrite=True)
    assert (tmp_path / name).read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def small_disk():
    """The system refuses to let a file grow beyond 100 kB, in the middle of writing."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("name", ["out.zarr", "out.nc", "out"])
def test_disk_that_fills_up_leaves_nothing(tmp_path, name):
    ds = training_cube(n=60, nt=400).drop_vars(
        ["family", "descriptor_value", "descriptor", "descriptor_units"]
    )
    writers = {".zarr": write_zarr, ".nc": write_netcdf, "": adapters.write_openfwi}
    with pytest.raises(OSError, match=r"File too large|write failed|unable to"):
        writers[Path(name).suffix](ds, tmp_path / name)
    assert not list(tmp_path.iterdir())
