"""Sizes of a survey that a person asks for first: bins, spacings, lengths, offsets, fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.cube import Cube

__all__ = ["measure"]


def measure(cube: Cube) -> dict[str, Any]:
    """Measure a survey.

    Parameters
    ----------
    cube : Cube
        A file that is open; only its coordinates are looked at.

    Returns
    -------
    dict
        Metres and degrees, ready for JSON. ``grid``: ``affine``, ``residual``, ``bin_size``,
        ``azimuth``, ``angle``, ``extent`` (along inlines, along crosslines), ``filled`` (share of
        the cells). ``line``: ``length``, ``spacing`` (lowest, median, highest), ``straight`` (the
        distance of its ends over its length). ``spread``: ``receiver_spacing``, ``shot_spacing``,
        ``offset`` (nearest, farthest), ``traces`` (fewest, most of a gather). What cannot be known
        is left out.
    """
    layout = cube.geometry.layout
    if layout in ("stack", "offset"):
        return {"grid": _grid(cube)} if cube.grid else {}
    if layout == "line":
        return _line(cube)
    facts: dict[str, Any] = {"spread": _spread(cube)}
    return facts | ({"grid": _grid(cube)} if cube.grid else {})


def _grid(cube: Cube) -> dict[str, Any]:
    grid = cube.grid
    assert grid is not None
    sizes, extent = [], []
    for size, name in zip(grid.bin_size, ("inline", "crossline"), strict=True):
        labels = np.unique(cube.coords[name][1]).astype(np.float64)
        steps = np.diff(labels)
        lines = float((labels[-1] - labels[0]) / np.median(steps)) if len(steps) else 0.0
        sizes.append(size)
        extent.append(size * lines)
    attrs = grid.attrs()
    return {
        "affine": attrs["grid_affine"],
        "residual": attrs["grid_residual"],
        "bin_size": attrs["grid_bin_size"],
        "azimuth": attrs["grid_azimuth"],
        "angle": round(grid.angle, 3),
        "extent": [_rounded(extent[1]), _rounded(extent[0])],
        "filled": _rounded(1 - cube.geometry.missing / cube.geometry.lookup.size),
    }


def _line(cube: Cube) -> dict[str, Any]:
    if not {"cdp_x", "cdp_y"} <= set(cube.coords):
        return {}
    x, y = cube.coords["cdp_x"][1], cube.coords["cdp_y"][1]
    steps = np.hypot(np.diff(x), np.diff(y))
    length = float(steps.sum())
    if not length > 0:
        return {}
    ends = float(np.hypot(x[-1] - x[0], y[-1] - y[0]))
    spacing = [_rounded(f(steps)) for f in (np.min, np.median, np.max)]
    straight = round(ends / length, 4)
    return {"line": {"length": _rounded(length), "spacing": spacing, "straight": straight}}


def _spread(cube: Cube) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    known = (cube.geometry.lookup >= 0).sum(axis=1)
    facts["traces"] = [int(known.min()), int(known.max())]
    for kind in ("receiver", "source", "cdp"):
        spacing = _spacing(cube, kind)
        if spacing:
            facts[f"{kind}_spacing"] = _rounded(spacing)
    if "offset" in cube.coords:
        offset = np.abs(cube.coords["offset"][1])
        offset = offset[np.isfinite(offset)]
        if offset.size:
            facts["offset"] = [_rounded(offset.min()), _rounded(offset.max())]
    return facts


def _spacing(cube: Cube, kind: str) -> float:
    """Usual distance from one position to the next, along the last dimension that they have."""
    names = [f"{kind}_{axis}" for axis in "xy"]
    if not set(names) <= set(cube.coords):
        return 0.0
    # Each stands along the dimensions that it depends on.
    point = xr.broadcast(
        *(xr.DataArray(v, dims=dims) for dims, v in (cube.coords[n] for n in names))
    )
    steps = np.hypot(*(np.diff(values.values, axis=-1) for values in point))
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return float(np.median(steps)) if steps.size else 0.0


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
