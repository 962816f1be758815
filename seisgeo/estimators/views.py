"""Datasets as views: one array for each modality, rows in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.errors import ConventionError

__all__ = ["MODALITIES", "Views", "modality_of", "views_of"]

#: The modalities and the variable and dimensions that hold each of them.
MODALITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "seismic": ("amplitude", ("sample", "source", "time", "receiver")),
    "velocity": ("velocity", ("sample", "depth", "x")),
    "physics": ("descriptor_value", ("sample", "descriptor")),
}

#: Kind of cube that holds each of them.
KINDS = {"seismic": "gathers", "velocity": "velocity", "physics": "physics"}

#: Variables smaller than this are loaded once; larger ones are read batch by batch.
LOAD_BYTES = 4 * 2**30


class Views:
    """Rows of several modalities, indexed together.

    Parameters
    ----------
    arrays : mapping of str to DataArray or ndarray
        One array for each modality, with as many rows.

    Notes
    -----
    Indexing with a list of rows gives a dict of float32 arrays; lazy arrays read only those rows.
    """

    def __init__(self, arrays: Mapping[str, xr.DataArray | np.ndarray]) -> None:
        self.arrays = dict(arrays)

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        # Increasing rows let a file be read forwards; the batch's order carries no meaning.
        index = np.sort(np.asarray(rows))
        return {
            name: np.ascontiguousarray(np.asarray(array[index]), dtype=np.float32)
            for name, array in self.arrays.items()
        }

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one row of each modality."""
        return {name: tuple(array.shape[1:]) for name, array in self.arrays.items()}


def modality_of(ds: xr.Dataset) -> str:
    """First modality that a dataset holds, in the order seismic, velocity, physics.

    Raises
    ------
    ConventionError
        If it holds none.
    """
    for name, (variable, dims) in MODALITIES.items():
        if variable in ds and set(ds[variable].dims) == set(dims):
            return name
    wanted = ", ".join(f"{v} {d}" for v, d in MODALITIES.values())
    raise ConventionError(
        f"expected one of {wanted}; found {[(k, v.dims) for k, v in ds.data_vars.items()]}"
    )


def views_of(ds: xr.Dataset, modalities: Sequence[str]) -> Views:
    """Views of the named modalities; descriptors are computed where only velocity is given.

    Parameters
    ----------
    ds : xarray.Dataset
        Cubes that share the dimension ``sample``.
    modalities : sequence of str
        Keys of :data:`MODALITIES`.

    Raises
    ------
    ConventionError
        If a modality is missing or holds values that are not finite or not in m/s.
    """
    arrays: dict[str, Any] = {}
    for name in modalities:
        variable, dims = MODALITIES[name]
        if variable not in ds and name == "physics" and "velocity" in ds:
            ds = ds.merge(descriptors.compute(ds))
        if variable not in ds:
            raise ConventionError(
                f"the {name} view needs the variable {variable!r} {dims}; this dataset has "
                f"{sorted(map(str, ds.data_vars))}"
            )
        if set(ds[variable].dims) != set(dims):
            raise ConventionError(
                f"variable {variable!r}: expected dimensions {dims}, found {ds[variable].dims}"
            )
        conventions.validate(ds[[variable]], KINDS[name])
        array = ds[variable].transpose(*dims)
        if array.nbytes <= LOAD_BYTES:
            conventions.check_finite(array.load())
            if name == "velocity":
                conventions.check_velocity(array)
            arrays[name] = array.values
        else:
            arrays[name] = array
    return Views(arrays)
