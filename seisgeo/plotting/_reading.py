"""Reading for a picture: the traces that its pixels show, in blocks, thinned as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import axis_values

__all__ = ["MOST", "MOST_LINES", "cut", "pick", "read_panel", "stride"]

#: No page shows more traces or samples than this (8 inches at 200 dots): more are thinned to it.
MOST = 1600
#: Lines of each side that a slice or a map shows: there each pixel is a read of its own.
MOST_LINES = 800
# What lies beyond is no amplitude, and its square no number.
_LARGEST = 1e150
# Samples held in memory at a time, as they are read.
_BLOCK = 1 << 21

Transform = Callable[[np.ndarray], np.ndarray]


def pick(ds: Any, dim: str, index: int) -> Any:
    """``isel`` along one dimension, with an error that says how many there are."""
    size = ds.sizes[dim]
    if not -size <= index < size:
        raise ConventionError(
            f"{dim}={index}: expected 0 to {size - 1}, this cube has {size} along {dim!r}"
        )
    return ds.isel({dim: int(index)})


def cut(data: Any, dim: str, value: float | None) -> Any:
    """Cut a cube along `dim` at the label `value`, the middle where none is given."""
    axis = axis_values(data, dim)
    index = len(axis) // 2 if value is None else int(np.argmin(np.abs(axis - value)))
    half = np.abs(np.diff(axis)).max(initial=0.0) / 2 if dim in ("time", "depth") else 0.0
    if value is not None and abs(axis[index] - value) > half + 1e-9:
        raise ConventionError(
            f"no {dim} {value:g}: this cube has {dim} {axis.min():g} to {axis.max():g}"
            + ("" if dim in ("time", "depth") else f" ({len(axis)} lines), nearest {axis[index]:g}")
        )
    return data.isel({dim: index})


def stride(size: int, most: int = MOST) -> int:
    """Step that leaves at most `most` of `size`."""
    return max(1, -(-size // most))


def read_panel(
    da: xr.DataArray, down: str, across: str, *, transform: Transform | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read a 2-D array for a picture, in bounded memory.

    What is no trace (a slice, a velocity model) is thinned by a plain stride before it is read.
    Traces are read whole, as they stand together in files, and thinned at once: each block of
    samples leaves the one of largest magnitude. A plain stride would alias, and an average would
    lose the peaks of thin beds; this keeps the envelope, which is what a picture shows.

    Parameters
    ----------
    da : xarray.DataArray
        Two dimensions; lazy, in memory or of dask. Thin it across with :func:`stride` first.
    down, across : str
        Vertical and horizontal dimension.
    transform : callable, optional
        Changes whole traces, shape (sample, trace), before they are thinned.

    Returns
    -------
    values : numpy.ndarray
        Float64, shape (down, across), at most :data:`MOST` down.
    axis : numpy.ndarray
        Positions of the rows.
    """
    da, axis = da.transpose(down, across), axis_values(da, down)
    if da.name != "amplitude" or down not in ("time", "depth"):
        every = stride(da.sizes[down], MOST_LINES if down == "inline" else MOST)
        da, axis = da.isel({down: slice(None, None, every)}), axis[::every]
    out: np.ndarray | None = None
    rows = axis
    for part, block in _blocks(da, across):
        values = np.array(block.values, dtype=float)
        values[np.abs(values) > _LARGEST] = np.nan
        if transform is not None:
            values = transform(values)
        values, rows = _thin(values, axis)
        if out is None:
            out = np.empty((len(values), da.sizes[across]))
        out[:, part] = values
    return (np.empty((len(axis), 0)) if out is None else out), rows


def _blocks(da: xr.DataArray, dim: str) -> Iterator[tuple[slice, xr.DataArray]]:
    """Parts along `dim` that fit into memory; chunks of dask are computed once, one at a time."""
    if da.chunks is not None:
        start = 0
        for size in da.chunks[da.get_axis_num(dim)]:
            for part, block in _blocks(da.isel({dim: slice(start, start + size)}).compute(), dim):
                yield slice(start + part.start, start + part.stop), block
            start += size
        return
    size = da.sizes[dim]
    step = max(1, _BLOCK * size // max(da.size, 1))
    for start in range(0, size, step):
        part = slice(start, min(start + step, size))
        yield part, da.isel({dim: part})


def _thin(values: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thin the rows to at most `MOST`: of each block the value of largest magnitude.

    Rows beyond the last whole block are dropped: less than one pixel.
    """
    step = stride(len(values))
    if step == 1:
        return values, axis
    n = len(values) // step
    blocks = values[: n * step].reshape(n, step, *values.shape[1:])
    magnitude = np.where(np.isfinite(blocks), np.abs(blocks), -1.0)
    largest = np.expand_dims(magnitude.argmax(axis=1), 1)
    kept = np.take_along_axis(blocks, largest, axis=1)[:, 0]
    return kept, axis[: n * step].reshape(n, step).mean(axis=1)
