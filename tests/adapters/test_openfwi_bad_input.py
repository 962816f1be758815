"""OpenFWI: what is cut short, contradictory or no array of numbers is named."""

import numpy as np
import pytest
import xarray as xr
from openfwi_files import SHAPE, save_pair

from seisgeo import conventions
from seisgeo.errors import ConventionError, FormatError, MissingFileError


def test_pair_of_different_length(tmp_path):
    save_pair(tmp_path / "seis2_1_0.npy", tmp_path / "vel2_1_0.npy")
    np.save(tmp_path / "vel2_1_0.npy", np.zeros((2, 1, 70, 70), np.float32))
    message = (
        r"seis2_1_0\.npy has 3 samples, shape \(3, 5, 100, 70\), but its pair .*"
        r"vel2_1_0\.npy has 2, shape \(2, 1, 70, 70\)"
    )
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(tmp_path)


def test_files_of_different_shape(tmp_path):
    save_pair(tmp_path / "data1.npy", tmp_path / "model1.npy")
    save_pair(tmp_path / "data2.npy", tmp_path / "model2.npy", shape=(5, 80, 70))
    with pytest.raises(FormatError, match=r"data2.*\(5, 80, 70\), but \(5, 100, 70\) in .*data1"):
        xr.open_dataset(tmp_path)


def test_missing_pair(vel_family):
    root = vel_family[0]
    (root / "model" / "model10.npy").unlink()
    with pytest.raises(FormatError, match=r"data10\.npy: .*missing, expected .*model/model10\.npy"):
        xr.open_dataset(root)
    assert xr.open_dataset(root, drop_variables="velocity").sizes["sample"] == 12
    assert set(xr.open_dataset(root / "data/data10.npy").data_vars) == {"amplitude"}
    (root / "data" / "data1.npy").unlink()
    (root / "data" / "data10.npy").unlink()
    with pytest.raises(FormatError, match=r"model1\.npy: .*missing, expected .*data/data1\.npy"):
        xr.open_dataset(root)
    assert xr.open_dataset(root, drop_variables=["amplitude"]).sizes["sample"] == 9


def test_empty_folder_and_no_such_file(tmp_path):
    with pytest.raises(FormatError, match=r"no \.npy files here; expected data/data1\.npy"):
        xr.open_dataset(tmp_path, engine="seisgeo-openfwi")
    for options in ({}, {"engine": "seisgeo-openfwi"}):
        with pytest.raises(MissingFileError, match=r"data7\.npy: no such file or folder"):
            xr.open_dataset(tmp_path / "data7.npy", **options)
    with pytest.raises(FileNotFoundError, match=r"FlatVel_A: no such file or folder"):
        xr.open_dataset(tmp_path / "FlatVel_A", engine="seisgeo-openfwi")


def test_file_cut_short(tmp_path):
    save_pair(tmp_path / "seis2_1_0.npy", tmp_path / "vel2_1_0.npy")
    path = tmp_path / "seis2_1_0.npy"
    path.write_bytes(path.read_bytes()[:-1000])
    message = r"seis2_1_0\.npy: cut short: .*takes 420128 bytes, but the file has 419128"
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(tmp_path)
    path.write_bytes(b"\x93NUMPY\x01\x00v")
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy: not a \.npy file that can be read"):
        xr.open_dataset(path)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy: not a \.npy file that can be read"):
        xr.open_dataset(path)


def test_file_that_shrinks_after_opening(tmp_path):
    np.save(tmp_path / "seis2_1_0.npy", np.zeros((3, *SHAPE), np.float32))
    ds = xr.open_dataset(tmp_path / "seis2_1_0.npy")
    np.save(tmp_path / "seis2_1_0.npy", np.zeros((1, *SHAPE), np.float32))
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy: has become shorter"):
        ds["amplitude"].load()


def test_pickles_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    objects = np.empty((1, 5, 10, 7), object)
    objects[...] = Trap()
    np.save(tmp_path / "data1.npy", objects, allow_pickle=True)
    with pytest.raises(FormatError, match=r"data1\.npy: .*dtype object \(a pickle, which is never"):
        xr.open_dataset(tmp_path / "data1.npy")


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("data1.npy", (100, 70), r"data1\.npy: expected .*\(sample, source, time, receiver\)"),
        ("x.npy", (3,), r"x\.npy: expected .*; found \(3,\)"),
        ("model1.npy", (3, 2, 70, 70), r"model1\.npy: .*\(sample, 1, depth, x\), found \(3, 2,"),
        ("data1.npy", (0, 5, 100, 70), r"data1\.npy: holds no samples"),
    ],
)
def test_wrong_shapes(tmp_path, name, shape, message):
    np.save(tmp_path / name, np.zeros(shape, np.float32))
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(tmp_path / name)


def test_text_in_the_array(tmp_path):
    np.save(tmp_path / "data1.npy", np.full((1, 5, 10, 7), "a"))
    with pytest.raises(FormatError, match=r"data1\.npy: expected plain numbers.*<U1"):
        xr.open_dataset(tmp_path / "data1.npy")


def test_unnamed_files_of_both_kinds(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1, *SHAPE), np.float32))
    np.save(tmp_path / "b.npy", np.full((1, 1, 70, 70), 2500, np.float32))
    with pytest.raises(FormatError, match="cannot tell which velocity maps belong"):
        xr.open_dataset(tmp_path)


def test_nan_passes_at_opening_and_is_found_by_the_check(tmp_path):
    values = np.zeros((2, *SHAPE), np.float32)
    values[1, 2, 3, 4] = np.nan
    np.save(tmp_path / "data1.npy", values)
    ds = xr.open_dataset(tmp_path / "data1.npy")
    conventions.validate(ds, "gathers")
    with pytest.raises(ConventionError, match="sample=1, source=2, time=3, receiver=4"):
        conventions.validate(ds, "gathers", values=True)
