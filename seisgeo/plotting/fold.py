"""The fold of gathers: live source-receiver midpoints in each bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seisgeo.plotting._canvas import SEQUENTIAL, colour_bar, colour_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["fold_line", "fold_map", "usual_bin"]

# Bins along a line, and on a map, that a page shows.
_MOST_ALONG, _MOST_BINS = 20_000, 1e6


def usual_bin(receivers: np.ndarray) -> float:
    """Half the median distance between neighbouring receivers of a shot."""
    step = np.hypot(*np.moveaxis(np.diff(receivers, axis=1), -1, 0))
    step = step[step > 0]
    return float(np.median(step)) / 2 if step.size else 1.0


def _bins(values: np.ndarray, size: float) -> np.ndarray:
    first = np.floor(values.min() / size) - 0.5
    return (first + np.arange(_number_of_bins(values, size) + 1)) * size


def _number_of_bins(values: np.ndarray, size: float) -> float:
    return float(np.ceil(np.ptp(values) / size) + 1)


def fold_line(ax: Axes, middle: np.ndarray, size: float) -> None:
    """Draw the fold along a line behind what `ax` shows, on an axis of its own."""
    from matplotlib.ticker import MaxNLocator

    while _number_of_bins(middle, size) > _MOST_ALONG:  # no finer than a screen shows
        size *= 2
    count, steps = np.histogram(middle, _bins(middle, size))
    twin = ax.twinx()
    twin.set_label("fold")
    twin.stairs(count, steps, fill=True, color="0.5", alpha=0.35)
    twin.set_ylabel(f"fold in bins of {size:g} m")
    twin.set_ylim(0, max(1, count.max()) * 2)
    ticks = MaxNLocator(integer=True, nbins=5).tick_values(0, count.max())
    twin.set_yticks(ticks[ticks <= count.max()])
    ax.set_zorder(twin.get_zorder() + 1)
    ax.patch.set_visible(False)


def fold_map(ax: Axes, middle: np.ndarray, size: float) -> None:
    """Draw the fold of midpoints, shape (midpoint, 2), in square bins (m), with a colour bar."""
    while np.prod([_number_of_bins(middle[:, i], size) for i in (0, 1)]) > _MOST_BINS:
        size *= 2
    bins = [_bins(middle[:, i], size) for i in (0, 1)]
    count, e, n = np.histogram2d(middle[:, 0], middle[:, 1], bins=bins)
    image = ax.imshow(
        np.ma.masked_equal(count.T, 0), extent=(e[0], e[-1], n[0], n[-1]), origin="lower",
        cmap=colour_map(SEQUENTIAL), vmin=0,
    )  # fmt: skip
    colour_bar(image, f"fold in bins of {size:g} m", ax)
