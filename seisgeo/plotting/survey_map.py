"""Where sources and receivers are: the map, the stacking chart, the fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import label_of, new_axes
from seisgeo.plotting.cdp_map import draw_cdp_map, map_size
from seisgeo.plotting.fold import fold_line, fold_map, usual_bin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_survey_map"]

#: A spread narrower than this share of its length is a line.
_LINE = 0.02
_MOST_POINTS = 50_000
# Receivers beyond this number are left out above a fold.
_MOST_OVER_FOLD = 500


def plot_survey_map(
    ds: xr.Dataset, *, fold: bool = False, bin_size: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the sources and receivers: a map, or the stacking chart of a line; of a stack, its bins.

    A survey along x or y (narrower than 2 % of its length, or without the other coordinate) is
    drawn as a stacking chart: one row a shot, its receivers and its source at their positions. Any
    other is a map with equal axes. A cube without sources is drawn by its CDP positions, with the
    line numbers at its corners.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers with ``source_x`` and ``receiver_x``, and ``source_y`` and ``receiver_y`` for a
        map (m); or a stack with ``cdp_x`` and ``cdp_y``.
    fold : bool, default False
        Also show the number of live source-receiver midpoints in each bin, or of live traces.
    bin_size : float, optional
        Size of a midpoint bin (m); by default half the usual receiver spacing.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If there are no positions.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset(coords={"source_x": ("shot", [0.0, 50.0]), "receiver_x": (
    ...     ("shot", "receiver"), np.array([[100.0, 125, 150], [150.0, 175, 200]]))})
    >>> plot_survey_map(ds).get_ylabel()
    'shot'
    """
    if "source_x" not in ds.variables and {"cdp_x", "cdp_y"} <= set(ds.variables):
        return draw_cdp_map(ds, fold=fold, ax=ax)
    shots, receivers, live, names = _positions(ds)
    extent = np.ptp(np.vstack([shots, receivers.reshape(-1, 2)]), axis=0)
    if not extent.max() > 0:
        raise ConventionError("survey map: all sources and receivers are at one place")
    size = bin_size or usual_bin(receivers)
    middle = ((shots[:, None] + receivers) / 2)[live]
    if extent.min() < _LINE * extent.max():
        along = int(np.argmax(extent))
        ax = new_axes(ax, 7.5, float(np.clip(1.4 + 0.35 * len(shots), 2.2, 4.6)))
        _chart(ax, shots[:, along], receivers[..., along], live)
        ax.set_xlabel(label_of(ds, names[along]).replace("source ", ""))
        if fold:
            fold_line(ax, middle[:, along], size)
        return ax
    ax = new_axes(ax, *map_size(float(extent[0] / extent[1])))
    if fold:
        fold_map(ax, middle, size)
    spots = np.unique(receivers[live].round(2), axis=0)
    spots = spots[:: max(1, -(-len(spots) // _MOST_POINTS))]
    # Thousands of marks would hide each other, and the fold below them.
    few = float(np.clip(100 / len(shots), 0.03, 1.0))
    if not (fold and len(spots) > _MOST_OVER_FOLD):
        ax.scatter(
            spots[:, 0], spots[:, 1], marker="v", s=11 if len(spots) < 2000 else 1.5,
            c="white" if fold else "#2c7bb6", edgecolors="black", linewidths=0.3 if fold else 0,
            label="receivers", zorder=2, rasterized=True,
        )  # fmt: skip
    ax.scatter(
        shots[:, 0], shots[:, 1], marker="*" if few == 1 else "o", s=60 * few, c="#d7191c",
        edgecolors="black", linewidths=0.3 if few == 1 else 0, label="sources", zorder=3,
        rasterized=True,
    )  # fmt: skip
    ax.use_sticky_edges = False
    ax.margins(0.04)
    ax.autoscale()
    ax.set_aspect("equal")
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.set_xlabel("easting (m)")
    ax.set_ylabel("northing (m)")
    _legend(ax)
    return ax


def _positions(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, str]]:
    """Sources (shot, 2), receivers (shot, receiver, 2), and which of them are live."""
    missing = {"source_x", "receiver_x"} - set(ds.variables)
    if missing:
        raise ConventionError(f"survey map: this cube has no coordinates {sorted(missing)}")
    flat = {"source_y", "receiver_y"} <= set(ds.variables)
    columns: list[list[np.ndarray]] = []
    for axis in "xy":
        if axis == "y" and not flat:
            columns.append([np.zeros_like(c) for c in columns[0]])
            continue
        receiver = ds[f"receiver_{axis}"].reset_coords(drop=True)
        source = ds[f"source_{axis}"].reset_coords(drop=True)
        wide, source = xr.broadcast(receiver, source)
        wide = wide.transpose(..., "receiver")
        source = source.transpose(*wide.dims).isel(receiver=0)
        n = wide.sizes["receiver"]
        columns.append([np.asarray(source.values, float).ravel(),
                        np.asarray(wide.values, float).reshape(-1, n)])  # fmt: skip
    shots = np.column_stack([c[0] for c in columns])
    receivers = np.stack([c[1] for c in columns], axis=-1)
    known = np.isfinite(shots).all(axis=1)
    live = np.isfinite(receivers).all(axis=-1) & known[:, None]
    if "live" in ds.variables and ds["live"].size == live.size:
        live &= np.asarray(ds["live"].transpose(..., "receiver").values, bool).reshape(live.shape)
    if not live.any():
        raise ConventionError("survey map: no live trace with known positions")
    receivers = np.where(live[..., None], receivers, receivers[live][0])
    return shots[known], receivers[known], live[known], ("source_x", "source_y")


def _chart(ax: Axes, source: np.ndarray, receiver: np.ndarray, live: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    rows = np.broadcast_to(np.arange(len(source))[:, None], receiver.shape)
    step = max(1, -(-int(live.sum()) // _MOST_POINTS))
    ax.scatter(
        receiver[live][::step], rows[live][::step], marker="|", s=30, c="#2c7bb6", linewidths=0.8,
        label="receivers", rasterized=live.sum() > 5000,
    )  # fmt: skip
    ax.scatter(
        source, np.arange(len(source)), marker="*", s=70, c="#d7191c", edgecolors="black",
        linewidths=0.3, label="sources", zorder=3,
    )  # fmt: skip
    ax.set_ylabel("shot")
    ax.set_ylim(len(source) - 0.5, -0.5)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    _legend(ax)


def _legend(ax: Axes) -> None:
    """Above the axes, where it cannot hide a position."""
    legend = ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, borderaxespad=0
    )
    for handle in legend.legend_handles:
        handle.set_sizes([40])  # type: ignore[union-attr]
