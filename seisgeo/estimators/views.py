"""Datasets as views: one array for each modality, rows in step."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from seisgeo import conventions, descriptors
from seisgeo.devices import processes
from seisgeo.errors import ConventionError

__all__ = ["MODALITIES", "Thinned", "Views", "modality_of", "require_views", "thin", "views_of"]

#: The modalities and the variable and dimensions that hold each of them.
MODALITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "seismic": ("amplitude", ("sample", "source", "time", "receiver")),
    "velocity": ("velocity", ("sample", "depth", "x")),
    "physics": ("descriptor_value", ("sample", "descriptor")),
}

#: Kind of cube that holds each of them.
KINDS = {"seismic": "gathers", "velocity": "velocity", "physics": "physics"}

#: What takes less than this, or than half of the memory that is free, is loaded once; the rest
#: is read batch by batch.
LOAD_BYTES = 4 * 2**30

#: Gathers thinned at once.
_BLOCK = 64


class Views:
    """Rows of several modalities, indexed together.

    Parameters
    ----------
    arrays : mapping of str to DataArray, ndarray or Thinned
        One array for each modality, with as many rows.

    Notes
    -----
    Indexing with a list of rows gives a dict of float32 arrays; lazy arrays read only those rows,
    and what is read is looked at as what is loaded once is.
    """

    def __init__(self, arrays: Mapping[str, xr.DataArray | np.ndarray | Thinned]) -> None:
        self.arrays = dict(arrays)

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        return {name: self.read(name, rows) for name in self.arrays}

    def read(self, name: str, rows: Sequence[int]) -> np.ndarray:
        """Rows of one modality, in increasing order."""
        # Increasing rows let a file be read forwards; the batch's order carries no meaning.
        index = np.sort(np.asarray(rows))
        array = self.arrays[name]
        values = np.ascontiguousarray(np.asarray(array[index]), dtype=np.float32)
        if name in MODALITIES and not isinstance(array, np.ndarray):
            _check_read(name, values, index)
        return values

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one row of each modality."""
        return {name: tuple(array.shape[1:]) for name, array in self.arrays.items()}


class Thinned:
    """Gathers with fewer samples, read and thinned row by row when they are asked for.

    Parameters
    ----------
    array : DataArray
        Gathers (sample, source, time, receiver).
    factor : int
        Of :func:`seisgeo.encoders.thinning.decimate`.
    """

    def __init__(self, array: xr.DataArray, factor: int) -> None:
        self.array, self.factor = array, factor
        samples, sources, nt, receivers = array.shape
        self.shape = (samples, sources, -(-nt // factor), receivers)
        self.nbytes = 4 * math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return thin(self.array[rows].values, self.factor)

    def load(self, progress: bool = False) -> np.ndarray:
        """All rows, thinned block by block: never all of the original samples at once."""
        values = np.empty(self.shape, dtype=np.float32)
        starts = range(0, len(self), _BLOCK)
        for start in tqdm(starts, desc="read gathers", disable=not progress, leave=False):
            block = self.array[start : start + _BLOCK].load()
            conventions.check_finite(block, MODALITIES["seismic"][0], start)
            values[start : start + _BLOCK] = thin(block.values, self.factor)
        return values


def _check_read(name: str, values: np.ndarray, rows: np.ndarray) -> None:
    """Refuse what no training could learn from, in rows that were only now read."""
    variable = MODALITIES[name][0]
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise ConventionError(
            f"variable {variable!r}: sample {rows[finite.argmin()]} has values that are NaN or "
            "infinite; leave it out, or fill them in"
        )
    if name == "velocity":
        conventions.check_velocity(values)


def thin(gathers: np.ndarray, factor: int) -> np.ndarray:
    """Gathers (sample, source, time, receiver) with fewer samples, float32, without aliases."""
    import torch

    from seisgeo.encoders.thinning import decimate

    values = np.ascontiguousarray(gathers, dtype=np.float32)
    return decimate(torch.from_numpy(values), factor).numpy()


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


def require_views(ds: xr.Dataset, modalities: Sequence[str]) -> xr.Dataset:
    """The dataset with all of the named modalities, their values not looked at yet.

    Raises
    ------
    ConventionError
        If one is missing or is not laid out as it should be.
    """
    for name in modalities:
        variable, dims = MODALITIES[name]
        if variable not in ds and name == "physics" and "velocity" in ds:
            ds = ds.merge(descriptors.compute(ds), compat="override")
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
    return ds


def views_of(
    ds: xr.Dataset, modalities: Sequence[str], thinning: int = 1, *, progress: bool = False
) -> Views:
    """Views of the named modalities; descriptors are computed where only velocity is given.

    Parameters
    ----------
    ds : xarray.Dataset
        Cubes that share the dimension ``sample``.
    modalities : sequence of str
        Keys of :data:`MODALITIES`.
    thinning : int, default 1
        Samples that one sample of the gathers stands for.
    progress : bool, default False
        Show how far the reading of many gathers is.

    Raises
    ------
    ConventionError
        If a modality is missing or holds values that are not finite or not in m/s.
    """
    ds = require_views(ds, modalities)
    arrays: dict[str, Any] = {}
    for name in modalities:
        variable, dims = MODALITIES[name]
        array = ds[variable].transpose(*dims)
        if name == "seismic" and thinning > 1:
            thinned = Thinned(array, thinning)
            fits = thinned.nbytes <= _room()
            shown = progress and array.nbytes > LOAD_BYTES
            arrays[name] = thinned.load(shown) if fits else thinned
        elif array.nbytes <= _room():
            conventions.check_finite(array.load())
            if name == "velocity":
                conventions.check_velocity(array)
            arrays[name] = array.values
        else:
            arrays[name] = array
    return Views(arrays)


def _room() -> int:
    """Bytes that data may take in the memory that the processes of this node share."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not everywhere
        free = 0
    return max(LOAD_BYTES, free // 2) // processes()[1]
