"""Spectra of sources, paths, sites and instruments, for ``exp(+i 2 pi f t)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = [
    "attenuation",
    "brune",
    "corner_frequency",
    "poles_zeros",
    "resonance",
    "ripple_fire",
    "seismic_moment",
]


def seismic_moment(magnitude: np.ndarray) -> np.ndarray:
    """Seismic moment (N m) of a moment magnitude (Hanks and Kanamori 1979; IASPEI 2013).

    Examples
    --------
    >>> f"{seismic_moment(4.0):.3g}"
    '1.26e+15'
    """
    return 10 ** (1.5 * np.asarray(magnitude, float) + 9.1)


def corner_frequency(moment: np.ndarray, stress_drop: np.ndarray, vs: np.ndarray) -> np.ndarray:
    """Corner frequency of S waves (Hz) of a circular fault (Brune 1970, 1971).

    Parameters
    ----------
    moment : ndarray
        Seismic moment (N m).
    stress_drop : ndarray
        Stress drop (Pa).
    vs : ndarray
        S velocity at the source (m/s).

    Examples
    --------
    >>> round(float(corner_frequency(seismic_moment(4.0), 3e6, 3500.0)), 2)
    2.29
    """
    radius = np.cbrt(7 * np.asarray(moment) / (16 * np.asarray(stress_drop)))
    return 2.34 * np.asarray(vs) / (2 * np.pi * radius)


def brune(frequency: np.ndarray, corner: float) -> np.ndarray:
    """Far-field displacement spectrum of Brune's source, 1 at low frequencies, f**-2 at high ones.

    Its pulse is causal: ``t exp(-2 pi corner t)``.
    """
    return 1 / (1 + 1j * (frequency / np.float32(corner))) ** 2


def attenuation(
    frequency: np.ndarray, t_star: float, exponent: float = 0.0, *, nyquist: float | None = None
) -> np.ndarray:
    """Spectrum of an impulse that has travelled through a medium with attenuation.

    Parameters
    ----------
    frequency : ndarray
        Frequencies (Hz), from 0.
    t_star : float
        Travel time over Q at 1 Hz (s).
    exponent : float, default 0.0
        Q grows with frequency as f**exponent; at least 0, below 1.
    nyquist : float, optional
        Frequency (Hz) whose waves travel with the model's velocity, by default the last one. Lower
        ones are late, as causality wants (Azimi et al. 1968 for a constant Q): nothing comes
        before the time of the ray.

    Examples
    --------
    >>> abs(attenuation(np.array([0.0, 10.0]), 0.05)).round(4)
    array([1.    , 0.2079])
    """
    loss, delay = attenuation_exponents(frequency, exponent, nyquist)
    return np.exp(loss * t_star) * unit(delay * t_star)


def attenuation_exponents(
    frequency: np.ndarray, exponent: float, nyquist: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the amplitude, and the phase (rad), for a t* of 1 s."""
    f = np.asarray(frequency, float)
    top = nyquist or float(f[-1])
    positive = np.maximum(f, 1e-9)
    if exponent == 0:
        return -np.pi * f, -2 * f * np.log(top / positive)
    # (i f)**(1 - exponent), less the pure delay of the highest frequency.
    power = positive ** (1 - exponent)
    lag = np.tan(np.pi / 2 * (1 - exponent)) * (power - f * top**-exponent)
    return np.where(f > 0, -np.pi * power, 0.0), np.where(f > 0, -np.pi * lag, 0.0)


def unit(phase: np.ndarray) -> np.ndarray:
    """``exp(i phase)`` in single precision, many times as fast as of complex numbers."""
    angle = np.asarray(phase, np.float32)
    out = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    return out


def resonance(
    frequency: np.ndarray, fundamental: float, contrast: float, damping: float = 0.05
) -> np.ndarray:
    """Response of a soft layer over rock to waves from below, relative to a site on rock.

    Parameters
    ----------
    frequency : ndarray
        Frequencies (Hz).
    fundamental : float
        First resonance of the layer (Hz): its velocity over four times its thickness.
    contrast : float
        Impedance of the rock over that of the layer; the first peak is about as high.
    damping : float, default 0.05
        Part of critical damping in the layer.

    Notes
    -----
    The transfer function of SH waves at vertical incidence (Kramer 1996, equation 7.27).

    Examples
    --------
    >>> abs(resonance(np.array([0.0, 2.0, 4.0]), 2.0, 4.0, 0.0)).round(2)
    array([1., 4., 1.])
    """
    angle = np.pi / 2 * np.asarray(frequency, float) / fundamental * (1 - 1j * damping)
    return 1 / (np.cos(angle) + 1j / contrast * np.sin(angle))


def poles_zeros(frequency: np.ndarray, response: Mapping[str, Any]) -> np.ndarray:
    """Response of an instrument given by poles and zeros (rad/s), as obspy's ``paz``.

    Parameters
    ----------
    frequency : ndarray
        Frequencies (Hz).
    response : mapping
        ``poles`` and ``zeros`` (complex, rad/s), ``gain`` (normalisation factor, default 1) and
        ``sensitivity`` (counts for each unit of ground motion, default 1).

    Examples
    --------
    >>> one_hertz = {"zeros": [0, 0], "poles": [-4.44 + 4.44j, -4.44 - 4.44j]}
    >>> abs(poles_zeros(np.array([0.1, 1.0, 10.0]), one_hertz)).round(3)
    array([0.01 , 0.708, 1.   ])
    """
    s = 2j * np.pi * np.asarray(frequency, float)
    value = np.full(s.shape, response.get("gain", 1.0) * response.get("sensitivity", 1.0), complex)
    for zero in response.get("zeros", ()):
        value *= s - zero
    for pole in response.get("poles", ()):
        value /= s - pole
    return value


def ripple_fire(frequency: np.ndarray, shots: int, delay: float) -> np.ndarray:
    """Spectrum of a blast fired in `shots` equal parts, `delay` (s) apart; 1 at zero frequency."""
    step = unit(-2 * np.pi * np.mod(np.asarray(frequency, float) * delay, 1.0))
    total = np.ones_like(step)
    for _ in range(int(shots) - 1):
        total = total * step + 1
    return total / int(shots)
