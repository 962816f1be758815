"""Seismic noise of the ground between Peterson's models."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["noise_psd", "white_spectrum"]

#: Horizontal over vertical noise (dB): what tilt adds.
HORIZONTAL = 3.0


@cache
def _peterson() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log10 of frequency (Hz), growing, and the low and high noise models (dB)."""
    from obspy.signal.spectral_estimation import get_nhnm, get_nlnm

    (period, low), (period_high, high) = get_nlnm(), get_nhnm()
    order = np.argsort(-np.log10(period))
    grid = -np.log10(period)[order]
    order_high = np.argsort(-np.log10(period_high))
    return grid, low[order], np.interp(grid, -np.log10(period_high)[order_high], high[order_high])


def noise_psd(frequency: np.ndarray, level: float, tilt: float = 0.0) -> np.ndarray:
    """Power spectral density of the ground's vertical acceleration.

    Parameters
    ----------
    frequency : ndarray
        Frequencies above zero (Hz); above 10 Hz, where Peterson's models end, they go on level.
    level : float
        0 for the New Low Noise Model of Peterson (1993), 1 for the New High Noise Model; in
        between, and beyond, linear in dB.
    tilt : float, default 0.0
        What is added for each decade of frequency above 1 Hz (dB).

    Returns
    -------
    ndarray
        In dB relative to 1 (m/s2)**2/Hz.

    Examples
    --------
    >>> noise_psd(np.array([0.2, 1.0]), 0.0).round(0)
    array([-141., -166.])
    """
    grid, low, high = _peterson()
    f = np.log10(np.maximum(np.asarray(frequency, float), 1e-6))
    floor = np.interp(f, grid, low)
    return floor + level * (np.interp(f, grid, high) - floor) + tilt * np.maximum(f, 0.0)


def white_spectrum(rng: np.random.Generator, components: int, n_frequency: int) -> np.ndarray:
    """Spectra of white noise, mean square 1, shape (components, n_frequency).

    Sums of two uniform numbers: a record is a sum of thousands of them, hence Gaussian, and they
    cost a tenth of normal ones.
    """
    raw = np.frombuffer(rng.bytes(components * n_frequency * 8), "<i2").reshape(2, components, -1)
    total = raw[0].astype(np.float32)
    total += raw[1]
    total *= np.float32(np.sqrt(3) / 65536)  # the variance of an int16 is 65536**2 / 12
    return total.view(np.complex64)
