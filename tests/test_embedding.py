"""Embedding of more than memory holds."""

import tracemalloc

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo.errors import ConventionError

CHUNK, CHUNKS = 300, 6


@pytest.fixture(scope="module")
def model(small_pairs):
    settings = {"max_epochs": 1, "random_state": 0, "device": "cpu", "verbose": False}
    return sg.SeisBind(**settings).fit(small_pairs.isel(sample=slice(20)))


@pytest.fixture
def large(small_pairs):
    """Lazy pairs, 6 times the first 300, and how often each chunk of theirs was read."""
    read = {"amplitude": 0, "velocity": 0}
    part = small_pairs.isel(sample=slice(CHUNK))
    variables = {}
    for name in read:
        values = part[name].values

        def load(values=values, name=name):
            read[name] += 1
            return values.copy()

        lazy = da.from_delayed(dask.delayed(load)(), values.shape, values.dtype)
        repeated = da.concatenate(
            [da.from_delayed(dask.delayed(load)(), values.shape, values.dtype)] * (CHUNKS - 1)
            + [lazy]
        )
        variables[name] = (part[name].dims, repeated, part[name].attrs)
    coords = {k: v for k, v in part.coords.items() if "sample" not in v.dims}
    return xr.Dataset(variables, coords, part.attrs), read


# Chunks in memory at once; descriptors are computed in double precision, in several steps.
@pytest.mark.parametrize(("modality", "memory"), [("seismic", 5), ("velocity", 5), ("physics", 20)])
def test_lazy_samples_are_read_chunk_by_chunk(model, large, small_pairs, modality, memory):
    ds, read = large
    variable = "amplitude" if modality == "seismic" else "velocity"
    model.transform(ds.isel(sample=slice(2)), modality)  # what is imported and kept at first use
    read[variable] = 0
    tracemalloc.start()
    with dask.config.set(scheduler="synchronous"):
        z = model.transform(ds, modality)["embedding"].values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read[variable] == CHUNKS  # each once
    assert not ds[variable]._in_memory
    assert peak < z.nbytes + memory * CHUNK * ds[variable][0].nbytes
    once = model.transform(small_pairs.isel(sample=slice(CHUNK)), modality)["embedding"].values
    np.testing.assert_allclose(z, np.tile(once, (CHUNKS, 1)), atol=1e-5)


def test_a_bad_sample_far_in_is_named(model, large):
    ds, _ = large
    bad = ds["amplitude"].where(xr.DataArray(np.arange(CHUNK * CHUNKS) != 700, dims="sample"))
    with pytest.raises(
        ConventionError, match=r"samples from 600 to 899: .*'amplitude'.*NaN.*sample=100"
    ):
        model.transform(ds.assign(amplitude=bad.assign_attrs(ds["amplitude"].attrs)))


def test_coordinates_of_a_store_may_have_other_chunks(model, small_pairs, tmp_path):
    few = small_pairs[["velocity"]].isel(sample=slice(50))
    few = few.assign_coords(number=("sample", np.arange(50)))
    encoding = {"velocity": {"chunks": (20, *few["velocity"].shape[1:])}, "number": {"chunks": 7}}
    few.drop_encoding().to_zarr(tmp_path / "few.zarr", encoding=encoding)
    lazy = xr.open_zarr(tmp_path / "few.zarr")
    with pytest.raises(ValueError, match="inconsistent chunks"):
        _ = lazy.chunksizes  # as xarray sees it
    np.testing.assert_allclose(
        model.transform(lazy)["embedding"], model.transform(few)["embedding"], atol=1e-6
    )
