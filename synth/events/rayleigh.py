"""Rayleigh waves: fundamental mode of a half-space, with the dispersion of a layered one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.synth.events.spectra import unit

__all__ = ["Dispersion", "rayleigh_waves"]

# Eigenfunctions of a Poisson solid (Aki and Richards 2002, section 2.7 and figure 7.2): decay with
# depth over wavenumber, outward amplitudes, downward amplitudes, phase velocity over S velocity.
_DECAY = (0.8475, 0.3933)
_AWAY = (1.0, -0.5773)
_DOWN = (0.8475, -1.4679)
_ENERGY = 0.6205  # integral of (away**2 + down**2) / 2 over wavenumber times depth
RAYLEIGH_OVER_S = 0.9194


@dataclass(frozen=True)
class Dispersion:
    """Phase and group velocity of Rayleigh waves (m/s) at each frequency (Hz).

    Attributes
    ----------
    frequency, phase, group : ndarray
        Shape (n,).
    """

    frequency: np.ndarray
    phase: np.ndarray
    group: np.ndarray

    @classmethod
    def between(
        cls, frequency: np.ndarray, shallow: float, deep: float, thickness: float
    ) -> Dispersion:
        """Dispersion that leads from deep to shallow velocities.

        Parameters
        ----------
        frequency : ndarray
            Frequencies (Hz).
        shallow, deep : float
            S velocities near the surface and below (m/s).
        thickness : float
            Of what is shallow (m): wavelengths of three times this feel half of both.
        """
        f = np.maximum(np.asarray(frequency, float), 1e-3)
        turn = RAYLEIGH_OVER_S * (shallow + deep) / 2 / (3 * thickness)
        high, low = RAYLEIGH_OVER_S * shallow, RAYLEIGH_OVER_S * deep
        ratio = (f / turn) ** 2
        phase = high + (low - high) / (1 + ratio)
        slope = -(low - high) * 2 * ratio / (f * (1 + ratio) ** 2)
        return cls(f, phase, phase / (1 - f * slope / phase))


def rayleigh_waves(
    dispersion: Dispersion,
    tensor: np.ndarray,
    depth: float,
    distance: float,
    azimuth: float,
    density: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Displacement spectrum at the surface of the Rayleigh wave of a moment tensor step.

    Parameters
    ----------
    dispersion : Dispersion
        Velocities at each frequency.
    tensor : ndarray
        Moment tensor (N m), shape (3, 3), axes north, east and down.
    depth, distance : float
        Of the source, and from it to the station (m).
    azimuth : float
        Of the station from the source (rad).
    density : float
        Near the surface (kg/m3).

    Returns
    -------
    up, away : ndarray
        Spectra of displacement (m s) for a step of moment (Aki and Richards 2002, equation 7.150):
        times the spectrum of a source, which is 1 at low frequencies, they are those of an event.
        The motion is retrograde.
    travel : ndarray
        Group travel time at each frequency (s).
    """
    c, f = dispersion.phase, dispersion.frequency
    k = 2 * np.pi * f / c
    first, second = (np.exp(-a * k * depth) for a in _DECAY)
    away = _AWAY[0] * first + _AWAY[1] * second
    down = _DOWN[0] * first + _DOWN[1] * second
    away_slope = -k * (_DECAY[0] * _AWAY[0] * first + _DECAY[1] * _AWAY[1] * second)
    down_slope = -k * (_DECAY[0] * _DOWN[0] * first + _DECAY[1] * _DOWN[1] * second)
    cosine, sine = np.cos(azimuth), np.sin(azimuth)
    m = tensor
    flat = m[0, 0] * cosine**2 + 2 * m[0, 1] * sine * cosine + m[1, 1] * sine**2
    steep = m[0, 2] * cosine + m[1, 2] * sine
    excited = k * away * flat + down_slope * m[2, 2] - 1j * steep * (away_slope - k * down)
    scale = np.sqrt(2 / (np.pi * k * distance)) * k / (8 * c * dispersion.group * _ENERGY * density)
    wave = excited * scale * unit(-np.mod(k * distance, 2 * np.pi)) / (2j * np.pi * f)
    quarter = np.exp(0.25j * np.pi)
    up = -(_DOWN[0] + _DOWN[1]) * wave / quarter
    return up, (_AWAY[0] + _AWAY[1]) * wave * quarter, distance / dispersion.group
