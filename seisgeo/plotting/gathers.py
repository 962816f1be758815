"""Pictures of pre-stack gathers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import (
    DIVERGING,
    axis_values,
    colour_bar,
    draw_columns,
    label_of,
    new_axes,
    symmetric_limit,
)
from seisgeo.plotting._reading import MOST, cut, pick, read_panel, stride
from seisgeo.plotting._wiggles import MOST_WIGGLES, chosen_style, draw_wiggles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_gather"]


def plot_gather(
    ds: xr.Dataset,
    shot: int = 0,
    *,
    source: int = 0,
    inline: int | None = None,
    crossline: int | None = None,
    style: Literal["auto", "image", "wiggle"] = "auto",
    x: Literal["offset", "channel", "receiver_x"] = "offset",
    clip: float = 99.0,
    agc: float | None = None,
    cmap: str = DIVERGING,
    colorbar: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one gather at its true offsets and times.

    Only the traces that are shown are read: of more than 1600 (240 wiggles) evenly spaced ones, and
    the axis says so. Of more than 1600 samples each block leaves the one of largest magnitude, so
    that no event is lost. Dead traces (NaN) are grey; a gap in the spread stays a gap.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers: ``amplitude (shot, receiver, time)``, ``(sample, source, time, receiver)`` or
        ``(inline, crossline, offset, time)``; a single gather ``(receiver, time)`` does too.
    shot : int, default 0
        Position along ``shot`` (or ``sample``).
    source : int, default 0
        Position along ``source``, where the cube has one.
    inline, crossline : int, optional
        Line numbers, where the cube has them; by default the middle ones.
    style : {"auto", "image", "wiggle"}, default "auto"
        Variable density, or wiggles with the positive lobes filled; by default wiggles for up to
        48 traces.
    x : {"offset", "channel", "receiver_x"}, default "offset"
        Horizontal axis: signed offset (m), channel number or receiver position (m). Where all
        offsets are the same, channels are shown instead and the axis says so.
    clip : float, default 99
        Percentile of the magnitudes at which the colours (or wiggles) saturate.
    agc : float, optional
        Length (s) of an automatic gain control window, for display only.
    cmap : str, default blue-white-red
        A diverging map of colorcet or matplotlib.
    colorbar : bool, default True
        Whether to draw the colour bar of an image.
    title : str, optional
        By default the field record and source point, or the sample and source.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If the cube holds no gathers, or has no such shot, source or axis.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset(
    ...     {"amplitude": (("shot", "receiver", "time"), np.random.randn(1, 24, 100))},
    ...     coords={"time": np.arange(100) * 0.004, "offset": (("shot", "receiver"),
    ...             100.0 + 25 * np.arange(24)[None])})
    >>> ax = plot_gather(ds)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('offset (m)', 'time (s)')
    """
    from matplotlib.colors import Normalize

    gather, name = _one_gather(ds, shot, source, {"inline": inline, "crossline": crossline})
    style = chosen_style(style, gather.sizes["receiver"])  # type: ignore[assignment]
    step = stride(gather.sizes["receiver"], MOST if style == "image" else MOST_WIGGLES)
    gather = gather.isel(receiver=slice(None, None, step))
    position, x_label = _positions(gather, x, step)
    time = axis_values(gather, "time")
    gain = None if agc is None else _balance(agc, time)
    values, time = read_panel(gather["amplitude"], "time", "receiver", transform=gain)
    limit = symmetric_limit(values, clip)

    if ax is None:
        ax = new_axes(None, 6.4, 6.0)
    if style == "image":
        norm = Normalize(-limit, limit)
        image = draw_columns(ax, values, position, time, cmap=cmap, norm=norm)
        if colorbar:
            label = label_of(ds, "amplitude") + (f", AGC {agc:g} s" if agc else "")
            colour_bar(image, label, ax)
    else:
        draw_wiggles(ax, values / limit, position, time)
    ax.set_xlabel(x_label)
    ax.set_ylabel(label_of(gather, "time"))
    ax.set_title(name if title is None else title)
    return ax


def _one_gather(
    ds: xr.Dataset, shot: int, source: int, lines: dict[str, int | None]
) -> tuple[xr.Dataset, str]:
    """Pick one gather (receiver, time) out of a cube, without reading samples, and name it."""
    dims = ds["amplitude"].dims if "amplitude" in ds.data_vars else ()
    binned = {"inline", "crossline", "offset", "time"} == set(dims)
    if not ({"time", "receiver"} <= set(dims) or binned):
        raise ConventionError(
            "a gather needs the variable 'amplitude' with dimensions 'time' and 'receiver' (or "
            "'offset', within inline and crossline); found "
            f"{ {str(n): v.dims for n, v in ds.data_vars.items()} }"
        )
    one = ds.drop_vars([str(n) for n in ds.data_vars if n not in ("amplitude", "offset")])
    if binned:
        if "live" in one.coords and not any(lines.values()):  # the middle one may be empty
            lines = _fullest(one["live"])
        for dim, number in lines.items():
            one = cut(one, dim, number)
        name = ", ".join(f"{dim} {one[dim].item():g}" for dim in lines if dim in one.coords)
        return one.rename_dims(offset="receiver"), f"CDP gather, {name}"
    if any(number is not None for number in lines.values()):
        raise ConventionError(f"these gathers have no inline and crossline; dimensions: {dims}")
    for dim, index in (("shot", shot), ("sample", shot), ("query", shot), ("source", source)):
        if dim in dims:
            one = pick(one, dim, index)
    return one, _title(one, shot, source)


def _fullest(live: xr.DataArray) -> dict[str, int | None]:
    """Inline and crossline of the highest fold, of several those nearest to the middle."""
    fold = live.sum("offset").transpose("inline", "crossline")
    i, j = np.nonzero(fold.values == fold.values.max())
    away = np.hypot(*((2 * k + 1) / n - 1 for k, n in zip((i, j), fold.shape, strict=True)))
    best = int(away.argmin())
    at = fold.isel(inline=int(i[best]), crossline=int(j[best]))
    return {dim: at[dim].item() for dim in ("inline", "crossline")}


def _positions(gather: xr.Dataset, x: str, step: int) -> tuple[np.ndarray, str]:
    """Horizontal positions of the traces and the axis label."""
    every = f", every {step} traces" if step > 1 else ""
    if x == "offset":
        found = _offsets(gather)
        if found is not None and np.isfinite(found).all() and (np.ptp(found) > 0 or len(found) < 2):
            return found, label_of(gather, "offset") + every
        value = "unknown" if found is None or not np.isfinite(found).all() else f"all {found[0]:g}"
        position, label = _positions(gather, "channel", step)
        return position, f"{label} (offsets are {value})"
    if x == "channel":
        channel = gather.get("channel")
        if channel is not None and channel.dims == ("receiver",):
            return np.asarray(channel.values, dtype=float), label_of(gather, "channel") + every
        return np.arange(gather.sizes["receiver"]) * step + 1.0, "receiver" + every
    if x == "receiver_x" and "receiver_x" in gather and gather["receiver_x"].dims == ("receiver",):
        values = np.asarray(gather["receiver_x"].values, dtype=float)
        return values, label_of(gather, "receiver_x") + every
    raise ConventionError(
        f"x={x!r}: expected 'offset', 'channel' or 'receiver_x'; this gather has the coordinates "
        f"{sorted(str(n) for n, c in gather.coords.items() if c.dims == ('receiver',))}"
    )


def _offsets(gather: xr.Dataset) -> np.ndarray | None:
    if "offset" in gather and gather["offset"].dims == ("receiver",):
        return np.asarray(gather["offset"].values, dtype=float)
    if {"receiver_x", "source_x"} <= set(gather.coords) and gather["source_x"].ndim == 0:
        away = gather["receiver_x"] - gather["source_x"]
        return np.asarray(away.values, dtype=float) if away.dims == ("receiver",) else None
    return None


def _title(gather: xr.Dataset, shot: int, source: int) -> str:
    if "field_record" in gather.coords:
        text = f"field record {gather['field_record'].values.item():.0f}"
        if "source_point" in gather.coords:
            text += f", source point {gather['source_point'].values.item():.0f}"
        return text
    if "source_x" in gather.coords and gather["source_x"].ndim == 0:
        return f"sample {shot}, source {source} at {gather['source_x'].values.item():g} m"
    return f"gather {shot}"


def _balance(window: float, time: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Automatic gain control: each sample over the RMS of the window (s) around it."""
    from scipy.ndimage import uniform_filter1d

    dt = (time[-1] - time[0]) / max(1, len(time) - 1)
    if not window > dt:
        raise ConventionError(
            f"agc: expected a window longer than one sample ({dt:g} s), found {window:g} s"
        )
    n = min(len(time), round(window / dt))

    def balanced(values: np.ndarray) -> np.ndarray:
        power = np.nan_to_num(values) ** 2
        rms = np.sqrt(np.maximum(uniform_filter1d(power, n, axis=0, mode="nearest"), 0))
        floor = 1e-6 * (rms.max() or 1.0)
        return values / np.maximum(rms, floor)

    return balanced
