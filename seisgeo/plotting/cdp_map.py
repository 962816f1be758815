"""Where the traces of a stack, or the bins of a pre-stack cube, are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import SEQUENTIAL, axis_values, colour_bar, colour_map, new_axes
from seisgeo.plotting._reading import MOST_LINES, stride

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_cdp_map", "map_size"]

_LIVE, _LIVE_BINS = "#2c7bb6", "#9ecae1"


def draw_cdp_map(ds: xr.Dataset, *, fold: bool, ax: Axes | None) -> Axes:
    """Draw the bins of a cube with ``cdp_x`` and ``cdp_y``, or the track of a 2-D line.

    Parameters
    ----------
    ds : xarray.Dataset
        Stack, or gathers along ``offset``; ``live`` tells which traces are there.
    fold : bool
        Colour the bins by the number of live traces.
    ax : matplotlib.axes.Axes or None
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ds["cdp_x"].dims == ("inline", "crossline"):
        ax = _grid(ds, fold, ax)
    elif ds["cdp_x"].ndim == 1:
        if fold:
            raise ConventionError("fold: a 2-D stack has one trace at each CDP")
        ax = _track(ds, ax)
    else:
        raise ConventionError(
            f"survey map: expected 'cdp_x' along (inline, crossline) or one dimension, found "
            f"{ds['cdp_x'].dims}"
        )
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.set_xlabel("easting (m)")
    ax.set_ylabel("northing (m)")
    return ax


def map_size(ratio: float) -> tuple[float, float]:
    """Inches of the figure of a map of this width over height."""
    width = min(7.5, max(3.0, 5.5 * ratio))
    return width + 1.5, min(7.5, max(1.2, width / ratio)) + 1.0


def _grid(ds: xr.Dataset, fold: bool, ax: Axes | None) -> Axes:
    count = _fold(ds)
    corners = {dim: axis_values(ds, dim)[[0, -1]] for dim in ("inline", "crossline")}
    every = {dim: slice(None, None, stride(ds.sizes[dim], MOST_LINES)) for dim in corners}
    part, count = ds.isel(every), count.isel(every)
    shape = ("inline", "crossline")
    x, y = (_filled(part, name) for name in ("cdp_x", "cdp_y"))
    live = np.ma.masked_equal(count.transpose(*shape).values, 0)
    if not np.isfinite(x + y).all():
        raise ConventionError("survey map: too few live traces with known CDP positions")
    if ax is None:
        ax = new_axes(None, *map_size(_ratio(np.ptp(x), np.ptp(y))))
    from matplotlib.colors import ListedColormap

    ax.set_aspect("equal")
    colours = colour_map(SEQUENTIAL) if fold else ListedColormap([_LIVE_BINS])
    image: Any
    if min(x.shape) > 1:
        image = ax.pcolormesh(x, y, live, shading="nearest", cmap=colours, vmin=0, rasterized=True)
    else:
        image = ax.scatter(x.ravel(), y.ravel(), s=14, c=live.ravel(), marker="s", cmap=colours)
    ax.use_sticky_edges = False
    ax.margins(0.1)
    ax.autoscale()
    if fold:
        colour_bar(image, "fold (live traces)", ax)
    for i, j in dict.fromkeys([(0, 0), (0, -1), (-1, 0), (-1, -1)]):
        ax.plot(x[i, j], y[i, j], "o", color="black", markersize=3)
        right = x[i, j] <= (x.min() + x.max()) / 2
        ax.annotate(
            f"IL {corners['inline'][i]:g}, XL {corners['crossline'][j]:g}", (x[i, j], y[i, j]),
            xytext=(4 if right else -4, 6 if y[i, j] > y.mean() else -12),
            textcoords="offset points", fontsize="x-small", ha="left" if right else "right",
        )  # fmt: skip
    n, of = int((_fold(ds) > 0).sum()), ds.sizes["inline"] * ds.sizes["crossline"]
    missing = f", {of - n:,} bins empty" if n < of else ""
    ax.set_title(f"{ds.sizes['inline']:,} inlines x {ds.sizes['crossline']:,} crosslines{missing}")
    return ax


def _track(ds: xr.Dataset, ax: Axes | None) -> Axes:
    x, y = (np.asarray(ds[name].values, dtype=float) for name in ("cdp_x", "cdp_y"))
    known = np.isfinite(x + y)
    if not known.any():
        raise ConventionError("survey map: no trace with a known CDP position")
    dim = str(ds["cdp_x"].dims[0])
    number = axis_values(ds, dim)[known]
    x, y = x[known], y[known]
    step = stride(len(x), 5000)
    ax = new_axes(ax, *map_size(max(_ratio(np.ptp(x), np.ptp(y)), 0.3)))
    ax.plot(x[::step], y[::step], "-", color=_LIVE, linewidth=1.5, marker=".", markersize=3)
    for i in {0, len(x) - 1}:
        ax.annotate(
            f"{'CDP' if dim == 'cdp' else dim} {number[i]:g}", (x[i], y[i]), xytext=(4, 6),
            textcoords="offset points", fontsize="small",
        )  # fmt: skip
    ax.margins(0.12)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_title(f"{len(x):,} traces")
    return ax


def _fold(ds: xr.Dataset) -> xr.DataArray:
    """Live traces of each bin."""
    if "live" not in ds.coords:
        n = ds.sizes.get("offset", 1)
        return xr.full_like(ds["cdp_x"].reset_coords(drop=True), n, dtype=int)
    live = ds["live"].reset_coords(drop=True)
    return live.sum("offset") if "offset" in live.dims else live.astype(int)


def _filled(ds: xr.Dataset, name: str) -> np.ndarray:
    """Positions (inline, crossline); empty bins stand where the line numbers say."""
    known = np.asarray(ds[name].transpose("inline", "crossline").values, dtype=float)
    empty = ~np.isfinite(known)
    if empty.any() and (~empty).sum() >= 3:
        i, j = np.meshgrid(axis_values(ds, "inline"), axis_values(ds, "crossline"), indexing="ij")
        # Centred: line numbers and northings are large against their steps.
        terms = np.stack([np.ones(known.shape), i - i.mean(), j - j.mean()], axis=-1)
        fit, *_ = np.linalg.lstsq(terms[~empty], known[~empty], rcond=None)
        known = np.where(empty, terms @ fit, known)
    return known


def _ratio(width: float, height: float) -> float:
    return float(np.clip(width / max(height, 1e-9), 0.2, 5.0))
