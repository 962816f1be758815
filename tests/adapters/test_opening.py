"""One opener for any file: the right reader by itself, and errors that name file and option."""

import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from seisgeo import adapters, conventions
from seisgeo.adapters import open_cube, write_netcdf, write_openfwi, write_segy, write_zarr
from seisgeo.adapters.segy import SUFFIXES
from seisgeo.errors import FormatError, MissingFileError, ParameterError, SeisgeoError


def gathers():
    return conventions.describe(
        xr.Dataset(
            {"amplitude": (("shot", "receiver", "time"), np.ones((2, 3, 8), np.float32))},
            coords={"time": 0.004 * np.arange(8)},
        )
    )


def maps():
    return conventions.describe(
        xr.Dataset(
            {"velocity": (("sample", "depth", "x"), np.full((4, 6, 5), 2000, np.float32))},
            coords={"depth": 10.0 * np.arange(6), "x": 10.0 * np.arange(5)},
        )
    )


@pytest.fixture
def files(tmp_path):
    """A file of every kind."""
    files = {
        "line.sgy": write_segy(gathers(), tmp_path / "line.sgy"),
        "line.SEG": write_segy(gathers(), tmp_path / "line.SEG"),
        "maps": write_openfwi(maps(), tmp_path / "maps"),
        "model1.npy": tmp_path / "maps" / "model" / "model1.npy",
        "maps.zarr": write_zarr(maps(), tmp_path / "maps.zarr"),
        "maps.nc": write_netcdf(maps(), tmp_path / "maps.nc"),
    }
    files["store"] = write_zarr(maps(), tmp_path / "store")
    files["maps.h5"] = write_netcdf(maps(), tmp_path / "maps.h5")
    return files


@pytest.mark.parametrize(
    "name",
    ["line.sgy", "line.SEG", "maps", "model1.npy", "maps.zarr", "store", "maps.nc", "maps.h5"],
)
def test_every_kind_opens_by_itself(files, name):
    expected = gathers() if name.startswith("line") else maps()
    main = next(iter(expected.data_vars))
    for path in (files[name], str(files[name])):
        with open_cube(path) as ds:
            np.testing.assert_array_equal(ds[main], expected[main])
    with open_cube(files[name], chunks={}, drop_variables=["x"]) as ds:
        assert ds[main].chunks is not None


def test_options_reach_the_reader(files):
    assert open_cube(files["line.sgy"], sample_interval=0.002)["time"].values[1] == 0.002
    assert open_cube(files["model1.npy"], spacing=5.0)["x"].values[-1] == 20
    assert set(open_cube(files["maps.nc"], drop_variables="velocity").data_vars) == set()
    assert open_cube(files["maps.zarr"], engine="zarr", decode_times=False).sizes["sample"] == 4


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("maps.zarr", "layout", r"maps\.zarr: engine 'zarr' takes no option layout=; .*group="),
        ("maps.nc", "quantity", r"maps\.nc: engine 'h5netcdf' takes no option quantity="),
        ("line.sgy", "spacing", r"line\.sgy: engine 'seisgeo-segy' takes no option .*layout="),
        ("line.sgy", "sample_intervall", r"did you mean sample_interval=\?"),
        ("line.sgy", "decode_times", r"engine 'seisgeo-segy' takes no option decode_times="),
        ("maps", "layout", r"engine 'seisgeo-openfwi' takes no option layout=; .*spacing="),
    ],
)
def test_an_option_that_the_reader_does_not_take(files, name, option, message):
    with pytest.raises(FormatError, match=message):
        open_cube(files[name], **{option: "stack"})
    with pytest.raises(FormatError, match=message):
        adapters.convert(files[name], files[name].parent / "new.nc", **{option: "stack"})


@pytest.mark.parametrize("name", ["a.sgy", "a.npy", "a.zarr", "a.nc", "a", "deep/down/a.segy"])
def test_no_such_file(tmp_path, name):
    with pytest.raises(MissingFileError, match=rf"{os.path.basename(name)}: no such file or fold"):
        open_cube(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        adapters.convert(tmp_path / name, tmp_path / "out.zarr")


def test_unknown_kinds_of_file(tmp_path):
    (tmp_path / "notes.txt").write_text("shot at 10:42")
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "empty"):
        message = (
            rf"{name}: nothing here can open it; expected SEG-Y \(\.sgy, \.segy, \.seg\), Open"
        )
        with pytest.raises(FormatError, match=message) as caught:
            open_cube(tmp_path / name)
        assert "install" not in str(caught.value)
    with pytest.raises(ParameterError, match="engine='netcdf5': no such reader; known: seisgeo-ev"):
        open_cube(tmp_path / "notes.txt", engine="netcdf5")


def test_broken_stores_and_files_are_named_with_the_library_s_reason(files, tmp_path):
    cut = tmp_path / "cut.nc"
    cut.write_bytes(files["maps.nc"].read_bytes()[:2000])
    with pytest.raises(FormatError, match=r"cut\.nc: cannot be opened .*'h5netcdf': .*truncated"):
        open_cube(cut)
    for name in ("text.nc", "text.h5"):
        (tmp_path / name).write_text("no HDF5 here")
        with pytest.raises(FormatError, match=rf"{name}: cannot be opened .*signature not found"):
            open_cube(tmp_path / name)
    (files["maps.zarr"] / "zarr.json").write_text("{")
    with pytest.raises(FormatError, match=r"maps\.zarr: cannot be opened with engine 'zarr': \S"):
        open_cube(files["maps.zarr"])
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(FormatError, match=r"empty\.zarr: cannot be opened with engine 'zarr': \S"):
        open_cube(tmp_path / "empty.zarr")
    with pytest.raises(FormatError, match=r"line\.sgy: cannot be opened with engine 'h5netcdf'"):
        open_cube(files["line.sgy"], engine="h5netcdf")


def test_own_errors_stay_as_they_are(files, tmp_path):
    (tmp_path / "text.sgy").write_text("station,x,y\n" * 1000)
    with pytest.raises(FormatError, match=r"text\.sgy: this is a text file, not SEG-Y"):
        open_cube(tmp_path / "text.sgy")
    with pytest.raises(SeisgeoError, match="layout='cube' is unknown; expected one of shots"):
        open_cube(files["line.sgy"], layout="cube")


def test_segy_is_known_by_one_list_of_names(tmp_path):
    backend = xr.backends.list_engines()["seisgeo-segy"]
    assert SUFFIXES == (".sgy", ".segy", ".seg")
    for suffix in SUFFIXES:
        assert backend.guess_can_open(f"line{suffix.upper()}")
        with xr.open_dataset(write_segy(gathers(), tmp_path / f"line{suffix}")) as ds:
            assert ds.sizes["shot"] == 2
    assert not backend.guess_can_open("line.segd")


@pytest.mark.parametrize("name", ["line.sgy", "maps"])
def test_the_accessor_is_there_without_an_import_of_seisgeo(files, name):
    code = "import sys, xarray; print(xarray.open_dataset(sys.argv[1]).seis.kinds)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(files[name])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("('gathers',)" if name == "line.sgy" else "('velocity',)")
