"""The amplitude spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import axis_values, new_axes
from seisgeo.sampling import even_traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_spectrum"]

# Samples of the traces that are averaged, in all.
_MOST_SAMPLES = 4_000_000


def plot_spectrum(
    ds: xr.Dataset, *, most_traces: int = 1000, ax: Axes | None = None, **line: Any
) -> Axes:
    """Draw the mean amplitude spectrum, in dB below its peak, against frequency.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers, a time stack or waveforms: ``amplitude`` with ``time`` among its dimensions.
    most_traces : int, default 1000
        Traces to average, fewer where they are long; a larger cube is thinned evenly before it is
        read. Traces with NaN are left out.
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
    traces = even_traces(da, "time", max(1, min(most_traces, _MOST_SAMPLES // len(time))))
    traces = traces[np.isfinite(traces).all(axis=1)]
    traces = traces[np.abs(traces).max(axis=1, initial=0.0) > 0]
    if not len(traces) or len(time) < 2:
        raise ConventionError("variable 'amplitude': no live trace among those looked at")
    dt = (time[-1] - time[0]) / (len(time) - 1)
    traces = traces / np.abs(traces).max()  # amplitudes may be of any size
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
