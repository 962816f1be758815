"""A card for each cluster of event records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_clusters"]

#: Records of a cluster whose spectra are averaged.
_MOST_RECORDS = 500
#: Clusters drawn; the rest would be too small to read.
_MOST_CLUSTERS = 12


def plot_clusters(ds: xr.Dataset, *, examples: int = 4) -> Figure:
    """Draw cluster cards: mean spectrum, example records, and the time of day, a row for each.

    Parameters
    ----------
    ds : xarray.Dataset
        Waveforms with the coordinate ``cluster (event)``, as :meth:`SeisSimCLR.cluster` gives
        them; ``starttime`` (UTC) for the time of day. At most 12 clusters are drawn.
    examples : int, default 4
        Records drawn of each cluster, spread evenly over it: the first component, each scaled to
        its peak.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConventionError
        If there are no waveforms or no clusters.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"amplitude": (("event", "component", "time"), np.random.rand(9, 1, 50))},
    ...                 coords={"time": np.arange(50) * 0.01, "component": ["Z"],
    ...                         "cluster": ("event", [0, 0, 1] * 3)})
    >>> len(plot_clusters(conventions.describe(ds)).axes)
    4
    """
    conventions.validate(ds[["amplitude"]] if "amplitude" in ds else ds, "waveforms")
    if "cluster" not in ds.variables or ds["cluster"].dims != ("event",):
        raise ConventionError(
            "cluster cards need the coordinate 'cluster' along event: SeisSimCLR.cluster gives it"
        )
    cluster = ds["cluster"].values
    names = [int(n) for n in np.unique(cluster) if n >= 0][:_MOST_CLUSTERS]
    if not names:
        raise ConventionError("coordinate 'cluster': no record belongs to a cluster")
    hours = _hours(ds)
    columns = 3 if hours is not None else 2
    figure = new_figure(3.4 * columns, 1.7 * len(names), layout="constrained", returned=True)
    axes = figure.subplots(len(names), columns, squeeze=False)
    time = np.asarray(ds["time"].values, dtype=float)
    amplitude = ds["amplitude"].transpose("event", "component", "time")
    for row, name in zip(axes, names, strict=True):
        members = np.flatnonzero(cluster == name)
        _draw_spectrum(row[0], amplitude, members, time)
        _draw_examples(row[1], amplitude, members, time, examples)
        row[0].set_ylabel(f"cluster {name}\n{len(members)} records")
        if hours is not None:
            row[2].hist(hours[members], bins=np.arange(25), color="0.4")
            row[2].set_xlim(0, 24)
            row[2].set_xticks([0, 6, 12, 18, 24])
    titles = ["mean spectrum (dB)", f"{examples} records", "records an hour"]
    labels = ["frequency (Hz)", "time (s)", "time of day (h, UTC)"]
    for column in range(columns):
        axes[0, column].set_title(titles[column], fontsize="medium")
        axes[-1, column].set_xlabel(labels[column])
    return figure


def _hours(ds: xr.Dataset) -> np.ndarray | None:
    """Hour of the day (0 to 24) of each record; None where the records carry no time."""
    if "starttime" not in ds.coords or ds["starttime"].dtype.kind != "M":
        return None
    start = ds["starttime"].values
    return (start - start.astype("M8[D]")) / np.timedelta64(1, "h")


def _spread(members: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly spread."""
    return members[np.unique(np.linspace(0, len(members) - 1, min(most, len(members))).astype(int))]


def _draw_spectrum(
    ax: Axes, amplitude: xr.DataArray, members: np.ndarray, time: np.ndarray
) -> None:
    records = np.nan_to_num(amplitude[_spread(members, _MOST_RECORDS)].values.astype(float))
    records -= records.mean(axis=2, keepdims=True)
    rms = np.sqrt((records**2).mean(axis=(1, 2), keepdims=True))
    # Each record counts alike, however loud.
    records = records / np.where(rms > 0, rms, 1)
    power = (np.abs(np.fft.rfft(records, axis=2)) ** 2).mean(axis=(0, 1))
    decibel = 10 * np.log10(np.maximum(power, 1e-12 * power.max() + 1e-300) / (power.max() or 1.0))
    dt = (time[-1] - time[0]) / (len(time) - 1)
    ax.plot(np.fft.rfftfreq(len(time), dt), decibel, color="black", linewidth=1)
    ax.set_xlim(0, 0.5 / dt)
    ax.set_ylim(-40, 3)
    ax.grid(True, alpha=0.3)


def _draw_examples(
    ax: Axes, amplitude: xr.DataArray, members: np.ndarray, time: np.ndarray, examples: int
) -> None:
    chosen = _spread(members, examples)
    for line, trace in enumerate(amplitude[chosen, 0].values.astype(float)):
        trace = np.nan_to_num(trace - np.nanmean(trace))
        peak = np.abs(trace).max() or 1.0
        ax.plot(time, 0.45 * trace / peak - line, color="black", linewidth=0.6)
    ax.set_xlim(time[0], time[-1])
    ax.set_ylim(-len(chosen) + 0.4, 0.6)
    ax.set_yticks([])
