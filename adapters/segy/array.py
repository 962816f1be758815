"""Traces as a lazily indexed array: only the traces and samples that are asked for are decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from xarray.backends.common import BackendArray
from xarray.core import indexing

from seisgeo.adapters.segy.file import SegyFile

__all__ = ["SegyArray"]


class SegyArray(BackendArray):
    """The samples of a file, arranged by a table of trace numbers.

    It is safe to use from several threads, and pickles without its data.

    Parameters
    ----------
    file : SegyFile
        The file.
    lookup : numpy.ndarray of int
        Trace of each cell, -1 where there is none: such cells read as NaN.
    sample_axis_first : bool, default False
        Whether the samples run along the first dimension instead of the last.
    scale : float, default 1
        Factor to SI units.
    """

    def __init__(
        self,
        file: SegyFile,
        lookup: np.ndarray,
        *,
        sample_axis_first: bool = False,
        scale: float = 1.0,
    ) -> None:
        self.file = file
        self.lookup = lookup
        self.sample_axis_first = sample_axis_first
        self.scale = scale
        self.dtype = file.format.decoded
        samples = (file.n_samples,)
        self.shape = (*samples, *lookup.shape) if sample_axis_first else (*lookup.shape, *samples)

    def variable(self, dims: tuple[str, ...]) -> xr.Variable:
        """An xarray variable over this array, with these dimensions."""
        return xr.Variable(dims, _LazyTraces(self))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        keys = key.tuple
        if not isinstance(key, indexing.VectorizedIndexer):
            # Any order and repetition is read as it is: xarray would sort first and copy after.
            return self._outer(keys)
        # Left to itself, xarray would read the whole rectangle that the points span.
        if not self.sample_axis_first and all(isinstance(k, np.ndarray) for k in keys):
            return self._points(*keys)
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._outer
        )

    def _points(self, *keys: np.ndarray) -> np.ndarray:
        """Single samples, or the same samples of chosen traces."""
        *cells, samples = keys
        last = samples.ndim - 1
        if (
            samples.size
            and last >= 0
            and all(_same_along(k, last) for k in cells)
            and all(_same_along(samples, axis) for axis in range(last))
        ):
            chosen = self.lookup[tuple(k[..., 0] for k in cells)]
            shape = np.broadcast_shapes(*(k.shape[:-1] for k in keys))
            return self._read(np.broadcast_to(chosen, shape), samples[(0,) * last])
        *cells, samples = np.broadcast_arrays(*keys)
        traces = self.lookup[tuple(cells)]
        values = self.file.read_points(np.maximum(traces, 0), samples)
        values[traces < 0] = np.nan
        return values * self.dtype.type(self.scale)

    def _outer(self, key: tuple[Any, ...]) -> np.ndarray:
        samples = key[0] if self.sample_axis_first else key[-1]
        chosen = self.lookup
        axis = 0
        for k in key[1:] if self.sample_axis_first else key[:-1]:
            chosen = chosen[(slice(None),) * axis + (k,)]
            axis += not isinstance(k, int | np.integer)
        values = self._read(chosen, samples)
        if isinstance(samples, int | np.integer):
            return values[..., 0]
        return np.moveaxis(values, -1, 0) if self.sample_axis_first else values

    def _read(self, chosen: np.ndarray | np.integer, samples: Any) -> np.ndarray:
        """Samples of the chosen cells, shape (*chosen.shape, sample)."""
        cells = np.asarray(chosen)
        values = self.file.read(cells.ravel(), samples)
        if self.scale != 1:
            values *= self.dtype.type(self.scale)
        return values.reshape(*cells.shape, values.shape[-1])


class _LazyTraces(indexing.LazilyIndexedArray):
    """xarray's lazy array, quicker at picking traces one by one.

    xarray would spread the picked traces and the samples of each over arrays of the result's size
    before anything is read, which takes longer than reading.
    """

    __slots__ = ()

    def _vindex_get(self, indexer: indexing.VectorizedIndexer) -> Any:
        if all(isinstance(k, slice) and k == slice(None) for k in self.key.tuple):
            return indexing.LazilyVectorizedIndexedArray(self.array, indexer)
        return super()._vindex_get(indexer)


def _same_along(key: np.ndarray, axis: int) -> bool:
    """Whether an index array repeats itself along an axis, or has but one entry there."""
    if key.shape[axis] == 1 or key.strides[axis] == 0:
        return True
    return bool((key == key.take([0], axis)).all())
