"""Lazy arrays that are computed from the traces of another one when they are read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends.common import BackendArray
from xarray.core import indexing

__all__ = ["Derived", "Masked"]


class Derived(BackendArray):
    """Base of arrays that are computed from a variable, block by block, when they are indexed.

    Parameters
    ----------
    source : xarray.Variable
        What it is computed from; may be lazy itself.
    shape : tuple of int
        Shape of the array.
    dtype : numpy.dtype
        Its type.
    """

    def __init__(self, source: xr.Variable, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.source = source
        self.shape = shape
        self.dtype = dtype

    def variable(self) -> xr.Variable:
        """A variable of this array, with dimensions and attributes of the source."""
        lazy = indexing.LazilyIndexedArray(self)
        return xr.Variable(self.source.dims, lazy, self.source.attrs)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._outer
        )

    def _outer(self, key: tuple[Any, ...]) -> np.ndarray:
        single = tuple(i for i, k in enumerate(key) if isinstance(k, int | np.integer))
        ranges = [np.arange(n)[k] for k, n in zip(key, self.shape, strict=True)]
        values = self.read(tuple(np.atleast_1d(r) for r in ranges))
        return np.squeeze(values, axis=single)

    def read(self, positions: tuple[np.ndarray, ...]) -> np.ndarray:
        """Values at the crossings of positions along each dimension."""
        raise NotImplementedError

    def from_source(self, positions: tuple[np.ndarray, ...]) -> np.ndarray:
        """Values of the source; runs of positions are read as runs."""
        key = tuple(
            slice(int(p[0]), int(p[-1]) + 1)
            if len(p) and len(p) == p[-1] - p[0] + 1 and (np.diff(p) == 1).all()
            else p
            for p in positions
        )
        return np.asarray(self.source[key].values)


class Masked(Derived):
    """A variable with NaN where a mask of some of its dimensions is False.

    Parameters
    ----------
    source : xarray.Variable
        Floating-point values.
    mask : xarray.Variable of bool
        What is kept; its dimensions are among those of `source`.
    """

    def __init__(self, source: xr.Variable, mask: xr.Variable) -> None:
        super().__init__(source, source.shape, source.dtype)
        dims = [d for d in source.dims if d in mask.dims]
        self.mask = np.asarray(mask.transpose(*dims).values)
        self.axes = [source.dims.index(d) for d in dims]

    def read(self, positions: tuple[np.ndarray, ...]) -> np.ndarray:
        """Values at the crossings of positions along each dimension."""
        values = self.from_source(positions)
        kept = self.mask[np.ix_(*(positions[axis] for axis in self.axes))]
        other = tuple(i for i in range(values.ndim) if i not in self.axes)
        values = np.array(values)
        values[~np.broadcast_to(np.expand_dims(kept, other), values.shape)] = np.nan
        return values


def pieces(positions: tuple[np.ndarray, ...], axis: int, size: int, most: int) -> list[slice]:
    """Cut positions along an axis so that a piece holds about `most` bytes.

    Parameters
    ----------
    positions : tuple of numpy.ndarray
        Positions along each dimension.
    axis : int
        Axis to cut.
    size : int
        Bytes of all.
    most : int
        Bytes of a piece.
    """
    n = len(positions[axis])
    step = max(1, n // max(1, math.ceil(size / most)))
    return [slice(a, a + step) for a in range(0, n, step)]
