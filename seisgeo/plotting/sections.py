"""Pictures of velocity models and of stacked sections and slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import (
    DIVERGING,
    SEQUENTIAL,
    axis_values,
    colour_bar,
    draw_columns,
    label_of,
    new_axes,
    symmetric_limit,
)
from seisgeo.plotting._reading import MOST, MOST_LINES, cut, pick, read_panel, stride
from seisgeo.plotting._wiggles import chosen_style, draw_wiggles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_section", "plot_velocity"]


def plot_velocity(
    ds: xr.Dataset,
    sample: int = 0,
    *,
    inline: int | None = None,
    crossline: int | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    show_survey: bool = False,
    cmap: str = SEQUENTIAL,
    colorbar: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a velocity model at true aspect, depth downward, with a colour bar in m/s.

    Parameters
    ----------
    ds : xarray.Dataset
        Velocity: ``(sample, depth[, y], x)``, ``(depth[, y], x)`` or a stack's dimensions. Of a
        3-D model the middle ``y`` is shown.
    sample : int, default 0
        Position along ``sample``.
    inline, crossline : int, optional
        Line number, for a stack cube; by default the middle inline.
    vmin, vmax : float, optional
        Ends of the colour scale (m/s); by default those of what is shown.
    show_survey : bool, default False
        Mark the sources (stars) and receivers (triangles).
    cmap : str, default a perceptually uniform one
        A map of colorcet or matplotlib.
    colorbar : bool, default True
        Whether to draw the colour bar.
    title : str, optional
        By default the sample and its family, or the line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure of fitting shape.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If the cube holds no velocity, or no such sample or line; or if the survey is asked for
        and not there.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> v = np.full((1, 40, 80), 1500.0)
    >>> v[:, 20:] = 3000
    >>> ds = xr.Dataset({"velocity": (("sample", "depth", "x"), v, {"units": "m/s"})},
    ...                 coords={"depth": np.arange(40) * 10.0, "x": np.arange(80) * 10.0})
    >>> plot_velocity(ds).get_aspect()
    1.0
    """
    if "velocity" not in ds.data_vars:
        raise ConventionError(
            f"a velocity picture needs the variable 'velocity'; this cube has "
            f"{sorted(map(str, ds.data_vars)) or 'no variables'}"
        )
    da = ds["velocity"]
    if not {"x", "depth"} <= set(da.dims):
        return plot_section(
            ds, variable="velocity", inline=inline, crossline=crossline,
            vmin=vmin, vmax=vmax, cmap=cmap, colorbar=colorbar, title=title, ax=ax,
        )  # fmt: skip
    if "sample" in da.dims:
        da = pick(da, "sample", sample)
    if "y" in da.dims:
        da = pick(da, "y", da.sizes["y"] // 2)
    if title is None:
        family = f", {da['family'].values.item()}" if "family" in da.coords else ""
        title = f"sample {sample}{family}" if "sample" in ds["velocity"].dims else ""
    ax = _panel(da, "x", "depth", ax=ax, cmap=cmap, span=(vmin, vmax), colorbar=colorbar)
    ax.set_title(title)
    if show_survey:
        _mark_survey(ds, ax)
    return ax


def plot_section(
    ds: xr.Dataset,
    *,
    inline: int | None = None,
    crossline: int | None = None,
    time: float | None = None,
    depth: float | None = None,
    variable: str | None = None,
    style: Literal["auto", "image", "wiggle"] = "auto",
    clip: float = 99.0,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: str | None = None,
    colorbar: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a 2-D line, or an inline, a crossline or a slice of a 3-D stack.

    Only the traces that are shown are read: of more than 1600 evenly spaced ones, and the axis says
    so. Of more than 1600 samples each block leaves the one of largest magnitude, so that no event
    is lost. A slice shows at most 800 by 800 traces: each costs a read of its own. Distances come
    from the CDP coordinates where they are filled; velocity against depth is then drawn at true
    aspect.

    Parameters
    ----------
    ds : xarray.Dataset
        Stack: ``amplitude`` or ``velocity`` along ``(inline, crossline, time | depth)`` or
        ``(cdp, time | depth)``.
    inline, crossline : int, optional
        Line number to show; by default the middle inline.
    time, depth : float, optional
        Show the slice nearest to this time (s) or depth (m).
    variable : {"amplitude", "velocity"}, optional
        By default the one that is there.
    style : {"auto", "image", "wiggle"}, default "auto"
        Variable density, or wiggles with the positive lobes filled; by default wiggles for up to
        48 traces of amplitude.
    clip : float, default 99
        Percentile of the magnitudes at which amplitude colours saturate.
    vmin, vmax : float, optional
        Ends of the colour scale, instead of `clip` or the range of the values.
    cmap : str, optional
        A map of colorcet or matplotlib; by default diverging for amplitude, perceptually uniform
        for velocity.
    colorbar : bool, default True
        Whether to draw the colour bar.
    title : str, optional
        By default the line or slice.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If the cube is no stack, if more than one cut is asked for, or if there is no such line.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"amplitude": (("inline", "crossline", "time"), np.random.randn(5, 9, 50))},
    ...                 coords={"inline": np.arange(100, 105), "crossline": np.arange(300, 309),
    ...                         "time": np.arange(50) * 0.004})
    >>> plot_section(ds).get_title()
    'inline 102'
    >>> plot_section(ds, time=0.1).get_xlabel()
    'crossline number'
    """
    name = variable or next((n for n in ("amplitude", "velocity") if n in ds.data_vars), "")
    dims = ds[name].dims if name in ds.data_vars else ()
    vertical: str | None = next((d for d in ("time", "depth") if d in dims), None)
    if vertical is None or set(dims) not in ({"inline", "crossline", vertical}, {"cdp", vertical}):
        raise ConventionError(
            "a section needs 'amplitude' or 'velocity' along (inline, crossline, time|depth) or "
            f"(cdp, time|depth); found { {str(n): v.dims for n, v in ds.data_vars.items()} }"
        )
    da = ds[name]
    asked = {"inline": inline, "crossline": crossline, "time": time, "depth": depth}
    cuts = {dim: value for dim, value in asked.items() if value is not None}
    if len(cuts) > 1 or any(dim not in dims for dim in cuts):
        raise ConventionError(
            f"expected one cut along {', '.join(map(repr, dims))}, found {cuts}"
            if len(dims) == 3
            else f"a 2-D line is shown whole: it has no {', '.join(map(repr, cuts))} to cut"
        )
    across, down, name_of_cut = "cdp", vertical, ""
    if len(dims) == 3:
        dim, value = next(iter(cuts.items()), ("inline", None))
        da = cut(da, dim, value)
        units = {"time": " s", "depth": " m"}.get(dim, "")
        name_of_cut = f"{dim} {da[dim].item():g}{units}" if dim in da.coords else ""
        across = "inline" if dim == "crossline" else "crossline"
        down = "inline" if dim == vertical else vertical
    span: tuple[float | None, float | None] = (vmin, vmax)
    percentile = clip if name == "amplitude" and span == (None, None) else None
    colours = cmap or (DIVERGING if name == "amplitude" else SEQUENTIAL)
    style = chosen_style(style, da.sizes[across])  # type: ignore[assignment]
    ax = _panel(
        da, across, down, ax=ax, cmap=colours, span=span, clip=percentile, colorbar=colorbar,
        wiggles=style == "wiggle" and percentile is not None and down == vertical,
    )  # fmt: skip
    ax.set_title(name_of_cut if title is None else title)
    return ax


def _panel(
    da: xr.DataArray,
    across: str,
    down: str,
    *,
    ax: Axes | None,
    cmap: str,
    span: tuple[float | None, float | None],
    clip: float | None = None,
    colorbar: bool = True,
    wiggles: bool = False,
) -> Axes:
    """Draw a 2-D array with its axes, colour bar and aspect; the one place where it is read."""
    from matplotlib.colors import Normalize

    every = stride(da.sizes[across], MOST_LINES if down == "inline" else MOST)
    da = da.isel({across: slice(None, None, every)})
    x, x_label, metres = _distance(da, across)
    if every > 1:
        x_label += f", every {every} " + ("lines" if down == "inline" else "traces")
    values, y = read_panel(da, down, across)
    low, high = span
    if clip is not None:
        high = symmetric_limit(values, clip)
        low = -high
    finite = values[np.isfinite(values)]
    if not finite.size:
        finite = np.zeros(1)
    low = float(finite.min()) if low is None else low
    high = float(finite.max()) if high is None else high
    aspect: float | None = 1.0 if metres and down == "depth" else None
    if down == "inline":
        aspect = _bin_aspect(da)
    if ax is None:
        ratio = np.ptp(x) / (aspect * max(np.ptp(y), 1e-9)) if aspect else 1.5
        ax = new_axes(None, *_figure_size(float(ratio)))
    if wiggles:
        draw_wiggles(ax, values / high, x, y)
    else:
        image = draw_columns(ax, values, x, y, cmap=cmap, norm=Normalize(low, high))
    if aspect:
        ax.set_aspect(aspect)
    if down == "inline":  # a map: line numbers grow upward
        ax.invert_yaxis()
    ax.set_xlabel(x_label)
    label = label_of(da, down)
    if down == "inline" and (skipped := stride(da.sizes[down], MOST_LINES)) > 1:
        label += f", every {skipped} lines"
    ax.set_ylabel(label)
    if colorbar and not wiggles:
        colour_bar(image, label_of(da, str(da.name)), ax)
    return ax


def _figure_size(ratio: float) -> tuple[float, float]:
    """Inches for a panel of this width over height, with room for labels and a colour bar."""
    width = min(8.0, max(2.5, 4.2 * ratio))
    return width + 1.7, min(7.5, width / ratio) + 1.0


def _distance(da: xr.DataArray, across: str) -> tuple[np.ndarray, str, bool]:
    """Horizontal axis, its label, and whether it is in metres.

    Line numbers give way to metres along the line where the CDP coordinates are filled; a slice
    (inline against crossline) keeps its numbers.
    """
    if across == "x":
        return axis_values(da, across), label_of(da, across), True
    is_slice = {"inline", "crossline"} <= set(da.dims)
    if not is_slice and {"cdp_x", "cdp_y"} <= set(da.coords) and da["cdp_x"].dims == (across,):
        e, n = (np.asarray(da[c].values, dtype=float) for c in ("cdp_x", "cdp_y"))
        steps = np.hypot(np.diff(e), np.diff(n))
        if np.isfinite(steps).all() and (steps > 0).all() and steps.size:
            return np.concatenate([[0.0], np.cumsum(steps)]), "distance along the line (m)", True
    return axis_values(da, across), label_of(da, across), False


def _bin_aspect(da: xr.DataArray) -> float | None:
    """Aspect of a slice that shows its bins in their true shape, where coordinates tell it."""
    if not {"cdp_x", "cdp_y"} <= set(da.coords) or min(da.sizes.values()) < 2:
        return None
    size = {}
    for dim in ("inline", "crossline"):
        ends = da.isel({dim: [0, -1]})
        across = "crossline" if dim == "inline" else "inline"
        span = [
            float(np.nanmean(np.diff(ends[c].transpose(across, dim).values)))
            for c in ("cdp_x", "cdp_y")
        ]
        lines = np.ptp(axis_values(da, dim))
        size[dim] = float(np.hypot(span[0], span[1]) / lines) if lines else 0.0
    true = all(np.isfinite(v) and v > 0 for v in size.values())
    return size["inline"] / size["crossline"] if true else None


def _mark_survey(ds: xr.Dataset, ax: Axes) -> None:
    needed = {"source_x", "receiver_x"}
    if not needed <= set(ds.coords):
        raise ConventionError(
            f"show_survey: this cube has no coordinates {sorted(needed - set(ds.coords))}"
        )
    style = {"receiver": ("v", 12, "white"), "source": ("*", 90, "#d7191c")}
    for what, (marker, size, colour) in style.items():
        xs = ds[f"{what}_x"]
        zs = ds[f"{what}_depth"] if f"{what}_depth" in ds.coords else xr.zeros_like(xs)
        xs, zs = xr.broadcast(xs, zs)
        places = np.unique(np.column_stack([xs.values.ravel(), zs.values.ravel()]), axis=0)
        ax.scatter(
            places[:, 0], places[:, 1], marker=marker, s=size, c=colour, edgecolors="black",
            linewidths=0.5, label=f"{what}s", clip_on=False, zorder=3,
        )  # fmt: skip
    ax.legend(loc="lower left", fontsize="small", framealpha=0.85)
