"""Whether stated probabilities hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seisgeo import metrics
from seisgeo.plotting._canvas import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_reliability"]


def plot_reliability(
    probability: np.ndarray, right: np.ndarray, *, bins: int = 10, ax: Axes | None = None
) -> Axes:
    """Draw the reliability diagram: how often answers of each probability are right.

    Points on the diagonal are honest; below it the answers claim too much. The area of a point
    grows with the answers behind it.

    Parameters
    ----------
    probability, right : numpy.ndarray
        Stated probabilities, and whether the answers were right; the same shape.
    bins : int, default 10
        Bins of equal width.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> p = np.random.default_rng(0).random(1000)
    >>> ax = plot_reliability(p, np.random.default_rng(1).random(1000) < p)
    >>> ax.get_xlabel()
    'stated probability'
    """
    table = metrics.reliability(probability, right, bins)
    error = metrics.expected_calibration_error(probability, right, bins)
    ax = new_axes(ax, 4.6, 4.6)
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=1)
    size = 20 + 280 * table["count"] / max(1, int(table["count"].max()))
    ax.scatter(table["stated"], table["found"], s=size, color="#1b6ca8", alpha=0.8, zorder=2)
    ax.plot(table["stated"], table["found"], color="#1b6ca8", linewidth=1, zorder=2)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    ax.set_xlabel("stated probability")
    ax.set_ylabel("share that was right")
    ax.set_title(f"calibration error {error:.3f}, {int(table['count'].sum())} answers", fontsize=10)
    return ax
