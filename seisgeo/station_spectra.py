"""Spectra of stations: what instrument and ground add to all records of one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError

__all__ = ["equalise_stations"]

#: Share of the frequencies that a spectrum is smoothed over.
_SMOOTHING = 1 / 25
#: Frequencies weaker than this, by amplitude relative to the strongest, are raised no further.
_FLOOR = 0.01


def equalise_stations(records: xr.Dataset) -> xr.Dataset:
    """Give the records of every station the same mean spectrum: a flat one.

    Each component of each station is divided by the smoothed mean of its own amplitude spectra,
    whatever made it: instrument, ground, noise. Phases stay as they are, and so does how the
    records of a station differ from each other. Without it, records are told by their station
    before they are told by their event.

    Parameters
    ----------
    records : xarray.Dataset
        Waveforms, ``amplitude (event, component, time)``, with ``station`` (and ``network``) along
        ``event``. Some tens of records of each station at least: of a few the mean is no more than
        what these have in common.

    Returns
    -------
    xarray.Dataset
        The records, float32 and in memory. Components that are flat or not finite stay as they
        are.

    Raises
    ------
    ConventionError
        If it is no waveforms cube, or no stations are named.

    Notes
    -----
    The mean is that of the power of records of unit RMS, so that no loud one decides it. It is
    smoothed over a twenty-fifth of the frequencies, and 40 dB below the largest is its floor: what
    a filter took away does not come back as noise.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> noise = random.normal(size=(40, 1, 200))
    >>> noise[20:] = np.cumsum(noise[20:], axis=2)
    >>> ds = xr.Dataset(
    ...     {"amplitude": (("event", "component", "time"), noise)},
    ...     coords={"component": ["Z"], "time": np.arange(200) * 0.01,
    ...             "station": ("event", ["A"] * 20 + ["B"] * 20)})
    >>> flat = equalise_stations(conventions.describe(ds))["amplitude"].values[20:, 0]
    >>> power = (abs(np.fft.rfft(flat)) ** 2).mean(axis=0)
    >>> bool(power[60:].mean() < 2 * power[10:40].mean())
    True
    """
    conventions.validate(records, "waveforms")
    if "station" not in records.coords:
        raise ConventionError(
            "stations are told apart by the coordinate 'station' along event; it is missing"
        )
    array = records["amplitude"].transpose("event", "component", "time")
    x = np.array(array.values, dtype=np.float32)
    live = np.isfinite(x).all(axis=2) & (x != 0).any(axis=2)  # (event, component)
    heard = np.where(live[:, :, None], x, np.float32(0))
    rms = np.sqrt((heard.astype(float) ** 2).mean(axis=(1, 2)))
    group = station_of(records)
    for station in np.unique(group):
        for component in range(x.shape[1]):
            rows = np.flatnonzero((group == station) & live[:, component])
            if len(rows):
                spectrum = np.fft.rfft(heard[rows, component], axis=1)
                power = (np.abs(spectrum / rms[rows, None]) ** 2).mean(axis=0)
                x[rows, component] = np.fft.irfft(spectrum / _response(power), n=x.shape[2], axis=1)
    found = array.copy(data=x).transpose(*records["amplitude"].dims)
    return records.assign(amplitude=found)


def station_of(records: xr.Dataset) -> np.ndarray:
    """Number of the station of each record, by ``network`` and ``station``."""
    codes = [name for name in ("network", "station") if name in records.coords]
    # As objects first: Zarr gives texts of a type that NumPy does not cast.
    names = np.array([records[name].values.astype(object).astype(str) for name in codes])
    return np.unique(names, axis=1, return_inverse=True)[1].reshape(-1)


def _response(power: np.ndarray) -> np.ndarray:
    """Smoothed amplitudes of a mean power spectrum, 1 on average."""
    half = round(len(power) * _SMOOTHING / 2)
    window = np.ones(2 * half + 1) / (2 * half + 1)
    smooth = np.sqrt(np.convolve(np.pad(power, half, "edge"), window, "valid"))
    smooth = np.maximum(smooth, _FLOOR * smooth.max())
    return smooth / np.sqrt((smooth**2).mean())
