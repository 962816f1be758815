"""The accessor ``ds.seis`` as a short way to write cubes."""

import h5py
import numpy as np
import pytest
import segyio
import xarray as xr
import zarr

from seisgeo import conventions


def test_cubes_are_written_in_each_format(tmp_path):
    amplitude = np.arange(2 * 3 * 25, dtype=np.float32).reshape(2, 3, 25)
    coords = {"inline": [7, 8], "crossline": [3, 4, 5], "time": np.arange(25) * 0.004}
    ds = xr.Dataset({"amplitude": (("inline", "crossline", "time"), amplitude)}, coords)
    ds = conventions.describe(ds)
    ds.seis.to_segy(tmp_path / "cube.sgy")
    ds.seis.to_zarr(tmp_path / "cube.zarr")
    ds.seis.to_netcdf(tmp_path / "cube.nc")
    with segyio.open(tmp_path / "cube.sgy") as file:
        np.testing.assert_array_equal(segyio.tools.cube(file), amplitude)
        assert file.ilines.tolist() == [7, 8]
    np.testing.assert_array_equal(zarr.open(tmp_path / "cube.zarr")["amplitude"][:], amplitude)
    with h5py.File(tmp_path / "cube.nc") as file:
        np.testing.assert_array_equal(file["amplitude"][:], amplitude)


def test_training_sets_are_written_as_openfwi_has_them(tmp_path, small_pairs):
    few = small_pairs.isel(sample=slice(4))
    with pytest.warns(UserWarning, match="OpenFWI files cannot hold descriptor_value"):
        few.seis.to_openfwi(tmp_path / "set")
    (data,), (model,) = ((tmp_path / "set").rglob(f"{kind}1.npy") for kind in ("data", "model"))
    np.testing.assert_array_equal(np.load(data, allow_pickle=False), few["amplitude"])
    velocity = np.load(model, allow_pickle=False)
    np.testing.assert_array_equal(velocity[:, 0], few["velocity"])
