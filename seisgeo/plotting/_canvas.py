"""What all pictures share: figures, colours, labels, and columns drawn where they belong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

#: Pixels of a row in which columns of unequal width are looked up.
_FINEST = 4000
#: Blue, white, red, zero in the middle (colorcet, https://colorcet.com): lightness falls evenly
#: to both sides, so equal amplitudes of either sign look equally strong.
DIVERGING = "diverging_bwr_40_95_c42"
#: Perceptually uniform, blue to yellow (colorcet).
SEQUENTIAL = "CET_L20"
#: Where a trace is dead or missing.
DEAD = "0.78"
#: A neighbour farther away than this many usual spacings leaves a gap, not a wide column.
GAP = 3.0


def new_figure(
    width: float, height: float, *, layout: str = "compressed", returned: bool = False
) -> Figure:
    """Make a figure; it belongs to pyplot only where pyplot shows figures to somebody.

    `returned` says that the caller hands back the figure itself: a notebook then shows it as the
    cell's value, and pyplot would show it a second time.
    """
    from matplotlib.figure import Figure

    # "compressed" is "constrained" that knows of axes whose aspect is fixed.
    size: dict[str, Any] = {"figsize": (width, height), "layout": layout}
    pyplot = _pyplot()
    if pyplot is None or (returned and "inline" in pyplot.get_backend()):
        return Figure(**size)
    return pyplot.figure(**size)


def _pyplot() -> Any:
    ipython = sys.modules.get("IPython")
    in_ipython = ipython is not None and ipython.get_ipython() is not None
    if not in_ipython and "matplotlib.pyplot" not in sys.modules:
        return None
    import matplotlib.pyplot as plt
    from matplotlib.backends import BackendFilter, backend_registry

    silent = backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)
    return None if plt.get_backend().lower() in silent else plt


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure (inches)."""
    return ax if ax is not None else new_figure(width, height).subplots()


def colour_map(name: str) -> Any:
    """Look up a colour map in colorcet, then in matplotlib; masked cells are left open."""
    import colorcet
    import matplotlib

    if name not in colorcet.cm and name not in matplotlib.colormaps:
        raise ConventionError(
            f"no colour map called {name!r} in colorcet or matplotlib; try {DIVERGING!r} for "
            f"amplitudes or {SEQUENTIAL!r} for velocities"
        )
    found = colorcet.cm[name] if name in colorcet.cm else matplotlib.colormaps[name]
    return found.with_extremes(bad=(0, 0, 0, 0))


def colour_bar(image: Any, label: str, ax: Axes) -> Any:
    """Colour bar exactly as tall as the axes, also where their aspect is fixed."""
    box = ax.get_position()
    size = ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    width, height = box.width * size[0], box.height * size[1]
    if ax.get_aspect() != "auto":  # the box that the data leaves of the space given
        ratio = abs(np.diff(ax.get_xlim())[0] / np.diff(ax.get_ylim())[0])
        width = min(width, height * ratio)
    cax = ax.inset_axes((1 + 0.12 / width, 0.0, 0.14 / width, 1.0))
    cax.set_label("colour bar")
    bar = ax.get_figure().colorbar(image, cax=cax)  # type: ignore[union-attr]
    bar.set_label(label)
    return bar


def symmetric_limit(values: np.ndarray, clip: float) -> float:
    """Amplitude below which `clip` percent of the finite values lie, in magnitude."""
    if not 0 < clip <= 100:
        raise ConventionError(f"clip: expected a percentile above 0 and up to 100, found {clip}")
    finite = np.abs(values[np.isfinite(values)])
    limit = float(np.percentile(finite, clip)) if finite.size else 0.0
    if limit == 0.0 and finite.size:  # hardly anything but zeros
        limit = float(finite.max())
    return limit or 1.0


def label_of(ds: xr.Dataset | xr.DataArray, name: str) -> str:
    """Axis label such as ``depth (m)``, from the attributes or the conventions."""
    own = ds if isinstance(ds, xr.DataArray) and ds.name == name else ds.coords.get(name)
    if own is None and isinstance(ds, xr.Dataset):
        own = ds.get(name)
    attrs = {**conventions.ATTRS.get(name, {}), **({} if own is None else own.attrs)}
    # "offset (receiver minus source)" is a definition: on an axis its first words do.
    text = str(attrs.get("long_name", name)).split(" (")[0]
    units = str(attrs.get("units", "1"))
    return text if units in ("1", "") else f"{text} ({units})"


def axis_values(da: xr.DataArray | xr.Dataset, dim: str) -> np.ndarray:
    """Coordinate along `dim`, or the positions 0, 1, ... where it has none."""
    if dim in da.coords:
        return np.asarray(da[dim].values, dtype=float)
    return np.arange(da.sizes[dim], dtype=float)


def edges(axis: np.ndarray) -> tuple[float, float]:
    """Outer edges of an evenly spaced axis: half a cell beyond the first and the last value."""
    half = (axis[-1] - axis[0]) / (len(axis) - 1) / 2 if len(axis) > 1 else 0.5
    return float(axis[0] - half), float(axis[-1] + half)


def slots(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and right edge of the column of each trace, at its true position.

    Columns meet half-way between neighbours; across a gap they keep the usual width. Traces at
    the very same position share its column.

    Parameters
    ----------
    x : ndarray, shape (trace,)
        Positions, in any order, finite.

    Returns
    -------
    left, right : ndarray, shape (trace,)
    """
    places, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    spacing = np.diff(places)
    usual = float(np.median(spacing)) if spacing.size else 1.0
    half = np.where(spacing > GAP * usual, usual, spacing) / 2
    first, last = (half[0], half[-1]) if spacing.size else (0.5, 0.5)
    start = places - np.concatenate([[first], half])
    width = places + np.concatenate([half, [last]]) - start
    share = width[which] / counts[which]
    rank = np.empty(len(x), dtype=int)
    order = np.argsort(which, kind="stable")
    rank[order] = np.arange(len(x)) - np.repeat(np.cumsum(counts) - counts, counts)
    left = start[which] + rank * share
    return left, left + share


def draw_columns(
    ax: Axes, values: np.ndarray, x: np.ndarray, y: np.ndarray, *, cmap: str, norm: Normalize
) -> AxesImage:
    """Draw ``values[y, x]`` as an image, each column at its true x, y downward.

    Gaps between columns stay open; cells that are NaN show grey.

    Parameters
    ----------
    values : ndarray, shape (y, x)
    x : ndarray
        Column positions: may be irregular, unsorted and repeated.
    y : ndarray
        Row positions, evenly spaced and increasing.
    """
    left, right = slots(x)
    order = np.argsort(left, kind="stable")
    low, high = float(left.min()), float(right.max())
    width = right - left
    dead = ~np.isfinite(values).all(axis=0)
    if np.ptp(width) > 0.02 * width.mean() or width.sum() < 0.99 * (high - low):
        # Irregular: look up, for each pixel of a fine row, the column that covers it.
        n = int(np.clip(4 * len(x), 1024, _FINEST))
        centres = low + (np.arange(n) + 0.5) * (high - low) / n
        at = order[np.searchsorted(left[order], centres, side="right") - 1]
        shown = np.where(centres < right[at], values[:, at], np.nan)
    else:
        shown = values[:, order]
    top, bottom = edges(y)
    if dead.any():
        bars = [(float(left[i]), float(width[i])) for i in np.flatnonzero(dead)]
        ax.broken_barh(bars, (top, bottom - top), facecolor=DEAD, edgecolor="none", zorder=0.5)
    image = ax.imshow(
        np.ma.masked_invalid(shown),
        extent=(low, high, bottom, top),
        cmap=colour_map(cmap),
        norm=norm,
        aspect="auto",
        zorder=1,
    )
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, top)
    return image
