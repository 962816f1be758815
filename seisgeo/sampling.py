"""A few traces that stand for a whole cube."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

__all__ = ["even_traces"]


def even_traces(da: xr.DataArray, axis: str, most: int) -> np.ndarray:
    """Load traces spread evenly over a cube.

    Parameters
    ----------
    da : xarray.DataArray
        The cube; outer dimensions are thinned first, which takes the fewest reads.
    axis : str
        Dimension of the samples.
    most : int
        Traces at most.

    Returns
    -------
    numpy.ndarray
        float64, shape (trace, sample).

    Examples
    --------
    >>> cube = xr.DataArray(np.zeros((50, 40, 30)), dims=("shot", "receiver", "time"))
    >>> even_traces(cube, "time", 100).shape
    (60, 30)
    """
    excess = da.size / da.sizes[axis] / most
    for dim in [d for d in da.dims if d != axis]:
        size = da.sizes[dim]
        # Steps rather than lists of numbers: dask reads no more than a step leaves.
        step = min(size, math.ceil(excess)) if excess > 1 else 1
        da = da.isel({dim: slice((size - 1) % step // 2, None, step)})
        excess *= da.sizes[dim] / size
    values = da.transpose(..., axis).values
    return np.asarray(values, dtype=float).reshape(-1, da.sizes[axis])
