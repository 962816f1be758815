"""Pictures of pre-stack gathers and of their spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import (
    DEAD,
    DIVERGING,
    MOST,
    axis_values,
    colour_bar,
    draw_columns,
    edges,
    label_of,
    new_axes,
    pick,
    slots,
    stride,
    symmetric_limit,
    thin_samples,
)
from seisgeo.sampling import even_traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_gather", "plot_spectrum"]

#: More wiggles than this run into each other on any page.
_MOST_WIGGLES = 240


def plot_gather(
    ds: xr.Dataset,
    shot: int = 0,
    *,
    source: int = 0,
    style: Literal["image", "wiggle"] = "image",
    x: Literal["offset", "channel", "receiver_x"] = "offset",
    clip: float = 99.0,
    agc: float | None = None,
    cmap: str = DIVERGING,
    colorbar: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one gather at its true offsets and times.

    Only the traces that are shown are read. Dead traces (NaN) are grey; a gap in the spread stays
    a gap.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers: ``amplitude (shot, receiver, time)`` or ``(sample, source, time, receiver)``; a
        single gather ``(receiver, time)`` does too.
    shot : int, default 0
        Position along ``shot`` (or ``sample``).
    source : int, default 0
        Position along ``source``, where the cube has one.
    style : {"image", "wiggle"}, default "image"
        Variable density, or wiggles with the positive lobes filled.
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

    if style not in ("image", "wiggle"):
        raise ConventionError(f"style: expected 'image' or 'wiggle', found {style!r}")
    gather = _one_gather(ds, shot, source)
    step = stride(gather.sizes["receiver"], MOST if style == "image" else _MOST_WIGGLES)
    gather = gather.isel(receiver=slice(None, None, step))
    position, x_label = _positions(gather, x, step)
    time = axis_values(gather, "time")
    values = np.asarray(gather["amplitude"].transpose("time", "receiver").values, dtype=float)
    if agc is not None:
        values = _balance(values, agc, time)
    values, time = thin_samples(values, time)
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
        _draw_wiggles(ax, values / limit, position, time)
    ax.set_xlabel(x_label)
    ax.set_ylabel(label_of(gather, "time"))
    ax.set_title(_title(gather, shot, source) if title is None else title)
    return ax


def plot_spectrum(
    ds: xr.Dataset, *, most_traces: int = 1000, ax: Axes | None = None, **line: Any
) -> Axes:
    """Draw the mean amplitude spectrum, in dB below its peak, against frequency.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers, a time stack or waveforms: ``amplitude`` with ``time`` among its dimensions.
    most_traces : int, default 1000
        Traces to average; a larger cube is thinned evenly before it is read. Traces with NaN are
        left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure. Several spectra can share one.
    **line
        Passed on to ``Axes.plot``: color, label, ...

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If there is no amplitude against time, or no live trace.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> t = np.arange(500) * 0.002
    >>> ds = xr.Dataset({"amplitude": (("cdp", "time"), np.sin(2 * np.pi * 30 * t)[None])},
    ...                 coords={"time": t})
    >>> f, db = plot_spectrum(ds).lines[0].get_data()
    >>> round(float(f[db.argmax()]))
    30
    """
    if "amplitude" not in ds.data_vars or "time" not in ds["amplitude"].dims:
        raise ConventionError(
            "a spectrum needs the variable 'amplitude' with the dimension 'time'; found "
            f"{ {str(n): v.dims for n, v in ds.data_vars.items()} }"
        )
    da = ds["amplitude"]
    time = axis_values(da, "time")
    traces = even_traces(da, "time", most_traces)
    traces = traces[np.isfinite(traces).all(axis=1)]
    traces = traces[np.abs(traces).max(axis=1, initial=0.0) > 0]
    if not len(traces) or len(time) < 2:
        raise ConventionError("variable 'amplitude': no live trace among those looked at")
    dt = (time[-1] - time[0]) / (len(time) - 1)
    spectrum = np.abs(np.fft.rfft(traces, axis=1)).mean(axis=0)
    floor = 1e-6 * spectrum.max()  # -120 dB: below it is rounding
    decibel = 20 * np.log10(np.maximum(spectrum, floor) / spectrum.max())
    ax = new_axes(ax, 6.4, 3.6)
    ax.plot(np.fft.rfftfreq(len(time), dt), decibel, **{"linewidth": 1.2, **line})
    ax.set_xlim(0, 0.5 / dt)
    ax.set_ylim(max(-80.0, min(decibel.min(), ax.get_ylim()[0])), 3)
    ax.set_xlabel("frequency (Hz)")
    ax.set_ylabel("mean amplitude (dB)")
    ax.grid(True, alpha=0.3)
    ax.set_title(f"mean of {len(traces)} traces" if len(traces) > 1 else "one trace")
    return ax


def _one_gather(ds: xr.Dataset, shot: int, source: int) -> xr.Dataset:
    """Pick one gather (time, receiver) out of a cube, without reading samples."""
    dims = ds["amplitude"].dims if "amplitude" in ds.data_vars else ()
    if not {"time", "receiver"} <= set(dims):
        raise ConventionError(
            "a gather needs the variable 'amplitude' with dimensions 'time' and 'receiver'; found "
            f"{ {str(n): v.dims for n, v in ds.data_vars.items()} }"
        )
    others = [str(n) for n in ds.data_vars if n not in ("amplitude", "offset")]
    one = ds.drop_vars(others)
    for dim, index in (("shot", shot), ("sample", shot), ("query", shot), ("source", source)):
        if dim in dims:
            one = pick(one, dim, index)
    return one


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
        text = f"field record {gather['field_record'].item():.0f}"
        if "source_point" in gather.coords:
            text += f", source point {gather['source_point'].item():.0f}"
        return text
    if "source_x" in gather.coords and gather["source_x"].ndim == 0:
        return f"sample {shot}, source {source} at {gather['source_x'].item():g} m"
    return f"gather {shot}"


def _balance(values: np.ndarray, window: float, time: np.ndarray) -> np.ndarray:
    """Automatic gain control: each sample over the RMS of the window (s) around it."""
    from scipy.ndimage import uniform_filter1d

    dt = (time[-1] - time[0]) / max(1, len(time) - 1)
    if not window > dt:
        raise ConventionError(
            f"agc: expected a window longer than one sample ({dt:g} s), found {window:g} s"
        )
    power = np.nan_to_num(values) ** 2
    n = min(len(time), round(window / dt))
    rms = np.sqrt(np.maximum(uniform_filter1d(power, n, axis=0, mode="nearest"), 0))
    floor = 1e-6 * (rms.max() or 1.0)
    return values / np.maximum(rms, floor)


def _draw_wiggles(ax: Axes, values: np.ndarray, x: np.ndarray, time: np.ndarray) -> None:
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
