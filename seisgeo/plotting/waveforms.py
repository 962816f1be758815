"""Seismograms: the components of a record, and the records of an event by distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import axis_values, label_of, new_axes
from seisgeo.plotting._reading import MOST, pick, stride
from seisgeo.plotting._wiggles import MOST_WIGGLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_record_section", "plot_waveforms"]

#: Arrivals that are marked: letter, colour (safe for the colour blind), dashes.
_MARKS = {
    "p_arrival": ("P", "#0072b2", "-"),
    "s_arrival": ("S", "#d55e00", "-"),
    "onset": ("trigger", "#009e73", "-"),
    "coda_end": ("coda", "0.45", "--"),
}
#: Samples read at a time.
_BLOCK = 1 << 20
#: A trace reaches so far to its neighbours in a section, of their usual distance.
_REACH = 0.9


def plot_waveforms(
    ds: xr.Dataset,
    event: int = 0,
    *,
    title: str | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Draw the components of one record, one above the other, with its arrivals.

    All have the same scale, so that their amplitudes can be compared. Of long records each pixel
    shows the range of its samples: a day is read in pieces, and nothing is missed.

    Parameters
    ----------
    ds : xarray.Dataset
        ``amplitude (event, component, time)``; ``p_arrival``, ``s_arrival``, ``onset`` and
        ``coda_end`` (s) are marked where they are there.
    event : int, default 0
        Position along ``event``.
    title : str, optional
        By default station and start time.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **line
        Passed on to ``Axes.plot``: color, linewidth, ...

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If it is no waveforms cube, or has no such event.

    Examples
    --------
    >>> import obspy
    >>> from seisgeo.adapters.seismology import from_stream
    >>> ax = plot_waveforms(from_stream(obspy.read()))
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xlabel()
    (['Z', 'N', 'E'], 'time (s)')
    """
    conventions.validate(ds, "waveforms")
    record = pick(ds, "event", event)
    names = [str(name) for name in record["component"].values.tolist()]
    amplitude = record["amplitude"].transpose("component", "time")
    time, low, high = _ranges(amplitude)
    # About the middle, which is not zero in raw counts.
    with np.errstate(all="ignore"):
        middle = np.array([_median((a + b) / 2) for a, b in zip(low, high, strict=True)])
    low, high = low - middle[:, None], high - middle[:, None]
    finite = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)]])
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    scale = 0.48 / (largest or 1.0)
    ax = new_axes(ax, 8.0, 1.0 + 1.4 * len(names))
    style = {"color": "black", "linewidth": 0.6, **line}
    for row, (a, b) in enumerate(zip(low, high, strict=True)):
        if len(time) == amplitude.sizes["time"]:
            ax.plot(time, row - scale * a, **style)
        else:
            colour = style["color"]
            ax.fill_between(time, row - scale * a, row - scale * b, color=colour, linewidth=0.3)
        if not np.isfinite(a).any():
            ax.text(0.5, row, "no data", transform=ax.get_yaxis_transform(), ha="center")
    _mark(ax, record)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)  # the first on top
    ax.set_xlim(*_ends(time))
    ax.set_xlabel(label_of(ds, "time"))
    unit = str(ds["amplitude"].attrs.get("units", "1"))
    ax.set_ylabel("component")
    ax.annotate(
        f"largest {largest:.4g} {'' if unit == '1' else unit}".strip(),
        (1.0, 0.0),
        (-4, 3),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
    )
    ax.set_title(_title(record, event) if title is None else title)
    return ax


def plot_record_section(
    ds: xr.Dataset,
    *,
    component: str = "Z",
    align: Literal["auto", "origin", "start", "p_arrival"] = "auto",
    reduction_velocity: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one component of all records, at their epicentral distances.

    Each trace has a scale of its own. Records of unknown distance stand one below the other, in
    their order. Of more than 240 records evenly spaced ones are drawn, and the title says so.

    Parameters
    ----------
    ds : xarray.Dataset
        ``amplitude (event, component, time)``, with ``epicentral_distance`` (m) for a section.
    component : str, default "Z"
        Which component; where there is none of that name, the first.
    align : {"auto", "origin", "start", "p_arrival"}, default "auto"
        What the time counts from: the origin time, each record's start, or its P arrival. By
        default the origin time where all records have one, else the start.
    reduction_velocity : float, optional
        Take away distance over this velocity (m/s): what travels at it stands upright.
    title : str, optional
        By default the component and the number of records.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If it is no waveforms cube, or lacks what `align` or `reduction_velocity` needs.

    Examples
    --------
    >>> import obspy
    >>> from seisgeo.adapters.seismology import from_stream
    >>> ax = plot_record_section(from_stream(obspy.read()))
    >>> ax.get_xlabel()
    'time after the first sample (s)'
    """
    conventions.validate(ds, "waveforms")
    n, names = ds.sizes["event"], [str(c) for c in ds["component"].values.tolist()]
    chosen = component if component in names else names[0]
    step = stride(n, MOST_WIGGLES)
    part = ds.isel(event=slice(None, None, step), component=names.index(chosen))
    shift, label = _zero(part, align)
    distance = _column(part, "epicentral_distance")
    at_distance = distance is not None and bool(np.isfinite(distance).all())
    if reduction_velocity is not None:
        if distance is None or not at_distance:
            raise ConventionError("reduction_velocity needs the epicentral_distance of all records")
        shift = shift - distance / reduction_velocity
        label = f"{label.removesuffix(' (s)')} - distance / {reduction_velocity / 1e3:g} km/s (s)"
    place = distance / 1e3 if distance is not None and at_distance else np.arange(len(shift)) * step
    gaps = np.diff(np.unique(place))
    # As if evenly spread: close neighbours may overlap, and distant ones do not shrink for them.
    usual = float(np.ptp(place)) / max(1, len(place) - 1) if gaps.size else 1.0
    ax = new_axes(ax, 8.0, float(np.clip(2.0 + 0.14 * len(place), 4.0, 10.0)))
    for row in range(len(place)):
        time, low, high = _ranges(part["amplitude"][row].expand_dims("component"))
        middle = _median((low[0] + high[0]) / 2)
        largest = np.nanmax(np.abs([low - middle, high - middle]), initial=0.0)
        scale = _REACH * usual / (largest or 1.0)
        values = place[row] + scale * (_signed(low[0] - middle, high[0] - middle))
        ax.plot(time + shift[row], values, color="black", linewidth=0.5)
    for name in ("p_arrival", "s_arrival"):
        arrival = _column(part, name)
        if arrival is not None and np.isfinite(arrival).any():
            letter, colour, _ = _MARKS[name]
            ax.plot(arrival + shift, place, "|", color=colour, markersize=9, mew=1.5, label=letter)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper right")
    ax.set_xlabel(label)
    ax.set_ylabel("epicentral distance (km)" if at_distance else "record")
    ax.margins(x=0)
    if not at_distance:
        ax.invert_yaxis()
    shown = f"{len(place)} of {n} records" if step > 1 else f"{n} records"
    ax.set_title(f"{chosen}, {shown}" if title is None else title)
    return ax


def _ranges(amplitude: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, and the lowest and highest sample of each: every sample, or bins of many."""
    time = axis_values(amplitude, "time")
    n = amplitude.sizes["time"]
    size = stride(n, 2 * MOST)
    if size == 1:
        values = np.asarray(amplitude.values, float)
        return time, values, values
    bins = n // size
    low, high = np.empty((2, len(amplitude), bins))
    piece = max(1, _BLOCK // size) * size
    for start in range(0, bins * size, piece):
        stop = min(start + piece, bins * size)
        block = np.asarray(amplitude[:, start:stop].values, float)
        block = block.reshape(len(block), -1, size)
        there = np.isfinite(block)
        at = slice(start // size, stop // size)
        low[:, at] = np.where(there, block, np.inf).min(axis=-1)
        high[:, at] = np.where(there, block, -np.inf).max(axis=-1)
    empty = low > high
    low[empty] = high[empty] = np.nan
    return time[: bins * size : size] + (time[size - 1] - time[0]) / 2, low, high


def _signed(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Of each range the end of larger magnitude."""
    return np.where(np.abs(low) > np.abs(high), low, high)


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _ends(time: np.ndarray) -> tuple[float, float]:
    return float(time[0]), float(time[-1]) if len(time) > 1 else float(time[0]) + 1.0


def _mark(ax: Axes, record: xr.Dataset) -> None:
    for name, (letter, colour, dashes) in _MARKS.items():
        if name not in record.coords or record[name].ndim or not np.isfinite(record[name].item()):
            continue
        at = float(record[name])
        if name == "coda_end" and at > float(record["time"][-1]):
            continue
        ax.axvline(at, color=colour, linestyle=dashes, linewidth=1.2, zorder=3)
        ax.annotate(
            letter,
            (at, 1.0),
            (-3 if letter == "P" else 3, -3),  # P before, so that a close S does not cover it
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            ha="right" if letter == "P" else "left",
            color=colour,
            fontweight="bold",
        )


def _title(record: xr.Dataset, event: int) -> str:
    """Station, start time, kind and magnitude, as far as they are known."""

    def text(name: str) -> str:
        return str(record[name].values) if name in record.coords else ""

    codes = ".".join(filter(None, (text("network"), text("station")))) or f"event {event}"
    parts = [f"{codes} {text('instrument')}".strip()]
    if "starttime" in record.coords and not np.isnat(record["starttime"].values):
        parts.append(str(record["starttime"].values.astype("M8[ms]")).replace("T", " "))
    if text("source_type"):
        parts.append(text("source_type").replace("_", " "))
    if "magnitude" in record.coords and np.isfinite(record["magnitude"].item()):
        parts.append(f"magnitude {record['magnitude'].item():.2g}")
    if "epicentral_distance" in record.coords and np.isfinite(record["epicentral_distance"].item()):
        parts.append(f"{record['epicentral_distance'].item() / 1e3:.3g} km")
    return ", ".join(parts)


def _zero(ds: xr.Dataset, align: str) -> tuple[np.ndarray, str]:
    """What is added to the times of each record, and what the axis then is."""
    n = ds.sizes["event"]
    start, origin = (
        ds[name].values if name in ds.coords else np.full(n, "NaT", "M8[ns]")
        for name in ("starttime", "origin_time")
    )
    known = not (np.isnat(start) | np.isnat(origin)).any()
    if align == "auto":
        align = "origin" if known else "start"
    if align == "start":
        return np.zeros(n), "time after the first sample (s)"
    if align == "p_arrival":
        arrival = _column(ds, "p_arrival")
        if arrival is None or not np.isfinite(arrival).all():
            raise ConventionError("align='p_arrival' needs the P arrival of all records")
        return -arrival, "time after P (s)"
    if align != "origin":
        raise ConventionError(
            f"align: expected 'auto', 'origin', 'start' or 'p_arrival', found {align!r}"
        )
    if not known:
        raise ConventionError("align='origin' needs starttime and origin_time of all records")
    return (start - origin) / np.timedelta64(1, "s"), "time after the origin (s)"


def _column(ds: xr.Dataset, name: str) -> np.ndarray | None:
    return np.asarray(ds[name].values, float) if name in ds.coords else None
