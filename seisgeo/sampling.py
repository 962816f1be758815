"""A few traces that stand for a whole cube."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["even_part", "even_traces"]


def even_part(da: xr.DataArray, axis: str, most: int) -> xr.DataArray:
    """Thin a cube to traces spread evenly over it, without loading them.

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
    xarray.DataArray
        The same dimensions, thinned, `axis` last.

    Examples
    --------
    >>> cube = xr.DataArray(np.zeros((50, 40, 30)), dims=("shot", "receiver", "time"))
    >>> even_part(cube, "time", 100).shape
    (2, 40, 30)
    """
    excess = da.size / da.sizes[axis] / most
    for dim in [d for d in da.dims if d != axis]:
        size = da.sizes[dim]
        # Steps rather than lists of numbers: dask reads no more than a step leaves.
        step = -(-size // max(1, int(size / excess))) if excess > 1 else 1
        da = da.isel({dim: slice((size - 1) % step // 2, None, step)})
        excess *= da.sizes[dim] / size
    return da.transpose(..., axis)


def even_traces(da: xr.DataArray, axis: str, most: int) -> np.ndarray:
    """Load traces spread evenly over a cube.

    Parameters
    ----------
    da, axis, most
        As for :func:`even_part`.

    Returns
    -------
    numpy.ndarray
        float64, shape (trace, sample).

    Examples
    --------
    >>> cube = xr.DataArray(np.zeros((50, 40, 30)), dims=("shot", "receiver", "time"))
    >>> even_traces(cube, "time", 100).shape
    (80, 30)
    """
    values = even_part(da, axis, most).values
    return np.asarray(values, dtype=float).reshape(-1, da.sizes[axis])
