"""Wiggle traces with filled lobes: what a few traces are read best as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import DEAD, edges, slots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_WIGGLES", "chosen_style", "draw_wiggles"]

#: More wiggles than this run into each other on any page.
MOST_WIGGLES = 240
# Up to so many traces are drawn as wiggles where nobody chose.
_FEW = 48


def chosen_style(style: str, traces: int) -> str:
    """Image or wiggle: as asked, else by the number of traces."""
    if style not in ("auto", "image", "wiggle"):
        raise ConventionError(f"style: expected 'auto', 'image' or 'wiggle', found {style!r}")
    return style if style != "auto" else "wiggle" if traces <= _FEW else "image"


def draw_wiggles(ax: Axes, values: np.ndarray, x: np.ndarray, time: np.ndarray) -> None:
    """Wiggles about each trace's position, one spacing wide at the clip, right lobes filled."""
    from matplotlib.collections import LineCollection, PolyCollection

    left, right = slots(x)
    reach = 1.2 * float(np.median(right - left))
    live = np.isfinite(values).all(axis=0)
    top, bottom = edges(time)
    if not live.all():
        bars = [(left[i], right[i] - left[i]) for i in np.flatnonzero(~live)]
        ax.broken_barh(bars, (top, bottom - top), facecolor=DEAD, edgecolor="none", zorder=0.5)
    lines, lobes = [], []
    for i in np.flatnonzero(live):
        t, w = _with_crossings(time, np.clip(values[:, i], -1.0, 1.0))
        lines.append(np.column_stack([x[i] + reach * w, t]))
        filled = x[i] + reach * np.maximum(w, 0.0)
        lobe = np.column_stack([filled, t])
        lobes.append(np.vstack([[x[i], t[0]], lobe, [x[i], t[-1]]]))
    ax.add_collection(PolyCollection(lobes, facecolor="black", edgecolor="none", zorder=1))
    ax.add_collection(LineCollection(lines, colors="black", linewidths=0.5, zorder=2))
    ax.set_xlim(left.min() - reach / 2, right.max() + reach / 2)
    ax.set_ylim(bottom, top)


def _with_crossings(t: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add the zero crossings, so that a filled lobe ends where the wiggle crosses its axis."""
    at = np.flatnonzero(w[:-1] * w[1:] < 0)
    crossing = t[at] + (t[at + 1] - t[at]) * w[at] / (w[at] - w[at + 1])
    return np.insert(t, at + 1, crossing), np.insert(w, at + 1, 0.0)
