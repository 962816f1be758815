"""Focal mechanisms: double couples, their nodal planes, and the angle between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["kagan_angle", "moment_tensor", "nodal_planes"]


def moment_tensor(strike: Any, dip: Any, rake: Any) -> np.ndarray:
    """Moment tensor of a double couple.

    Parameters
    ----------
    strike, dip, rake : array-like
        Degrees, after Aki and Richards: strike clockwise from north with the fault dipping to its
        right, rake counter-clockwise from the strike in the fault plane.

    Returns
    -------
    numpy.ndarray
        Shape (..., 3, 3) along north, east, down; eigenvalues 1, 0 and -1.

    References
    ----------
    Aki and Richards (2002), Quantitative Seismology, box 4.4.

    Examples
    --------
    >>> moment_tensor(0, 90, 0).round(12) + 0.0  # left-lateral on a vertical north-south fault
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]])
    """
    f, d, r = (np.radians(np.asarray(angle, dtype=float)) for angle in (strike, dip, rake))
    normal = np.stack([-np.sin(d) * np.sin(f), np.sin(d) * np.cos(f), -np.cos(d)], axis=-1)
    slip = np.cos(r)[..., None] * _along(f) + np.sin(r)[..., None] * _up_dip(f, d)
    return normal[..., :, None] * slip[..., None, :] + slip[..., :, None] * normal[..., None, :]


def nodal_planes(tensor: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both fault planes of the double couple that is nearest to a moment tensor.

    Parameters
    ----------
    tensor : array-like
        Symmetric, shape (..., 3, 3), along north, east, down.

    Returns
    -------
    first, second : numpy.ndarray
        Shape (..., 3): strike (0 to 360), dip (0 to 90) and rake (-180 to 180) in degrees.
    """
    t, p, _ = np.moveaxis(_axes(np.asarray(tensor, dtype=float)), -1, 0)
    return _plane((t + p) / 2**0.5, (t - p) / 2**0.5), _plane((t - p) / 2**0.5, (t + p) / 2**0.5)


def kagan_angle(first: Any, second: Any) -> np.ndarray:
    """Smallest rotation that turns one double couple into the other.

    Parameters
    ----------
    first, second : array-like
        Moment tensors, shape (..., 3, 3); what is not double couple in them is left out.

    Returns
    -------
    numpy.ndarray
        Degrees, 0 to 120, shape (...). Which of its two planes a mechanism is given by does not
        matter. Random mechanisms are 75 degrees apart on average.

    References
    ----------
    Kagan (1991), Geophys. J. Int. 106, 709-716.

    Examples
    --------
    >>> round(float(kagan_angle(moment_tensor(350, 60, 10), moment_tensor(10, 60, 10))), 1)
    20.0
    """
    a, b = (_axes(np.asarray(tensor, dtype=float)) for tensor in (first, second))
    cosines = (a * b).sum(axis=-2)  # of the T, P and B axes, whose signs are free in pairs
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    trace = (cosines @ signs.T).max(axis=-1)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def _along(f: np.ndarray) -> np.ndarray:
    """Unit vectors along strike."""
    return np.stack([np.cos(f), np.sin(f), np.zeros_like(f)], axis=-1)


def _up_dip(f: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Unit vectors up the fault plane."""
    f, d = np.broadcast_arrays(f, d)
    return np.stack([np.cos(d) * np.sin(f), -np.cos(d) * np.cos(f), -np.sin(d)], axis=-1)


def _axes(tensor: np.ndarray) -> np.ndarray:
    """T, P and B axes as columns, right-handed."""
    _, vectors = np.linalg.eigh(tensor)  # eigenvalues ascending: P, B, T
    t, p = vectors[..., 2], vectors[..., 0]
    return np.stack([t, p, np.cross(t, p)], axis=-1)


def _plane(normal: np.ndarray, slip: np.ndarray) -> np.ndarray:
    """Strike, dip and rake by the normal of the plane and the slip."""
    turn = np.where(normal[..., 2:] > 0, -1.0, 1.0)  # the normal of the footwall points up
    normal, slip = turn * normal, turn * slip
    d = np.arccos(np.clip(-normal[..., 2], -1, 1))
    f = np.arctan2(-normal[..., 0], normal[..., 1])
    r = np.arctan2((slip * _up_dip(f, d)).sum(-1), (slip * _along(f)).sum(-1))
    return np.stack([np.degrees(f) % 360, np.degrees(d), np.degrees(r)], axis=-1)
