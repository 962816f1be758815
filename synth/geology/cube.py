"""Models of a family as a labelled cube."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions

__all__ = ["velocity_cube"]


def velocity_cube(
    velocity: np.ndarray, grid_spacing: float, family: str, numbers: list[int], **facts: Any
) -> xr.Dataset:
    """Velocity cube with its axes, families and provenance.

    Parameters
    ----------
    velocity : ndarray
        Models (m/s), shape (sample, depth, x) or (sample, depth, y, x).
    grid_spacing : float
        Size of a cell (m).
    family : str
        Name of the family.
    numbers : list of int
        Number of each model in its family and seed.
    **facts
        Provenance.
    """
    dims = ("depth", "y", "x") if velocity.ndim == 4 else ("depth", "x")
    axes = {
        dim: (dim, np.arange(n) * float(grid_spacing))
        for dim, n in zip(dims, velocity.shape[1:], strict=True)
    }
    return conventions.describe(
        xr.Dataset(
            {"velocity": (("sample", *dims), velocity)},
            coords={
                **axes,
                "family": ("sample", np.full(len(numbers), family)),
                "family_index": (
                    "sample",
                    np.asarray(numbers, np.int64),
                    {"units": "1", "long_name": "number of the model in its family and seed"},
                ),
            },
            attrs=conventions.provenance(family=family, grid_spacing=float(grid_spacing), **facts),
        )
    )
