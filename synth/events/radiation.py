"""What a source radiates in which direction, and what a free surface makes of it."""

from __future__ import annotations

import numpy as np

__all__ = [
    "crack_tensor",
    "explosion_tensor",
    "free_surface",
    "radiate",
]

#: Root mean square over all directions of what a double couple radiates (Aki and Richards 2002,
#: problem 4.6): P, and S of both polarisations together.
RMS_P, RMS_S = np.sqrt(4 / 15), np.sqrt(2 / 5)


def explosion_tensor(shape: tuple[int, ...] = ()) -> np.ndarray:
    """Moment tensor of an isotropic source, with the norm of a double couple of moment 1."""
    return np.broadcast_to(np.eye(3) * np.sqrt(2 / 3), (*shape, 3, 3))


def crack_tensor(strike: np.ndarray, dip: np.ndarray, vp: float, vs: float) -> np.ndarray:
    """Moment tensor of a crack that opens, with the norm of a double couple of moment 1.

    Parameters
    ----------
    strike, dip : ndarray
        Of the crack (degrees).
    vp, vs : float
        P and S velocity (m/s), which give the ratio of the elastic moduli.

    Returns
    -------
    ndarray
        Shape (..., 3, 3), axes north, east and down (Aki and Richards 2002, section 3.3).
    """
    s, d = (np.radians(np.asarray(a, float)) for a in (strike, dip))
    normal = np.stack([-np.sin(d) * np.sin(s), np.sin(d) * np.cos(s), -np.cos(d)], axis=-1)
    ratio = (vp / vs) ** 2 - 2  # lambda / mu
    tensor = ratio * np.eye(3) + 2 * normal[..., :, None] * normal[..., None, :]
    norm = np.sqrt((tensor**2).sum((-2, -1), keepdims=True) / 2)
    return tensor / norm


def radiate(
    tensor: np.ndarray, takeoff: np.ndarray, azimuth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Far-field radiation of a moment tensor.

    Parameters
    ----------
    tensor : ndarray
        Shape (..., 3, 3), axes north, east and down.
    takeoff : ndarray
        Angle of the ray at the source from the vertical pointing down (rad).
    azimuth : ndarray
        Azimuth of the station from the source (rad).

    Returns
    -------
    p, sv, sh : ndarray
        Amplitudes for a seismic moment of 1 (Aki and Richards 2002, equations 4.88 to 4.91): P is
        positive away from the source, SV along growing take-off angles, SH along growing azimuths.

    Examples
    --------
    A vertical strike-slip fault that strikes north has P maxima at 45 degrees and nodes at 0:

    >>> from seisgeo.mechanism import moment_tensor
    >>> tensor = moment_tensor(0.0, 90.0, 0.0)
    >>> p, sv, sh = radiate(tensor, np.pi / 2, np.radians([0.0, 45.0, 135.0]))
    >>> p.round(3) + 0.0, sh.round(3) + 0.0
    (array([ 0.,  1., -1.]), array([1., 0., 0.]))
    """
    i, f = np.broadcast_arrays(np.asarray(takeoff, float), np.asarray(azimuth, float))
    ray = np.stack([np.sin(i) * np.cos(f), np.sin(i) * np.sin(f), np.cos(i)], axis=-1)
    vertical = np.stack([np.cos(i) * np.cos(f), np.cos(i) * np.sin(f), -np.sin(i)], axis=-1)
    across = np.stack([-np.sin(f), np.cos(f), np.zeros_like(f)], axis=-1)
    pull = (tensor * ray[..., None, :]).sum(-1)
    return (ray * pull).sum(-1), (vertical * pull).sum(-1), (across * pull).sum(-1)


def free_surface(
    slowness: np.ndarray, vp: float, vs: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Motion of a free surface for waves of amplitude 1 from below.

    Parameters
    ----------
    slowness : ndarray
        Horizontal slowness of the wave (s/m).
    vp, vs : float
        P and S velocity below the surface (m/s).

    Returns
    -------
    p_up, p_away, sv_up, sv_away : ndarray
        Upward and outward displacement for P and for SV of amplitude 1 (Kennett 1991, "The removal
        of free surface interactions from three-component seismograms"); SH doubles. SV moves the
        ground up and back, as :func:`radiate` counts it. Beyond the critical angle, where SV also
        changes its phase, these are amplitudes.

    Examples
    --------
    >>> [round(float(x), 6) for x in free_surface(np.array(0.0), 6000.0, 3500.0)]
    [2.0, 0.0, 0.0, -2.0]
    """
    p = np.minimum(np.asarray(slowness, float), 0.999 / vs)
    eta_p = np.sqrt(np.asarray(1 / vp**2 - p**2, complex))
    eta_s = np.sqrt(1 / vs**2 - p**2)
    shear = 1 / vs**2 - 2 * p**2
    rayleigh = shear**2 + 4 * p**2 * eta_p * eta_s
    grazing = p >= 1 / vp  # no P wave comes in like that
    p_up = np.where(grazing, 0.0, (2 * vp / vs**2 * eta_p * shear / rayleigh).real)
    p_away = np.where(grazing, 0.0, (4 * vp / vs**2 * p * eta_p * eta_s / rayleigh).real)
    sv_up = np.abs(4 / vs * p * eta_p * eta_s / rayleigh)
    sv_away = -np.abs(2 / vs * eta_s * shear / rayleigh) * np.sign(shear)
    return p_up, p_away, sv_up, sv_away
