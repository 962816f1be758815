"""Distances, directions and places on a spherical Earth."""

from __future__ import annotations

import numpy as np

__all__ = ["EARTH_RADIUS", "east_north", "place_at"]

#: Mean radius of the Earth (m).
EARTH_RADIUS = 6_371_000.0


def east_north(
    latitude: np.ndarray, longitude: np.ndarray, to_latitude: np.ndarray, to_longitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far east and north of one place another one lies, along the great circle between them.

    Parameters
    ----------
    latitude, longitude : ndarray
        Places to look from (degrees).
    to_latitude, to_longitude : ndarray
        Places to look at (degrees).

    Returns
    -------
    east, north : ndarray
        Distance times sine and cosine of the direction in which it leaves (m): the azimuthal
        equidistant projection.

    Examples
    --------
    >>> [round(float(x)) for x in east_north(0.0, 179.5, 0.0, -179.5)]
    [111195, 0]
    """
    a, b = np.radians(latitude), np.radians(to_latitude)
    turn = np.radians(np.subtract(to_longitude, longitude))
    east = np.cos(b) * np.sin(turn)
    north = np.cos(a) * np.sin(b) - np.sin(a) * np.cos(b) * np.cos(turn)
    up = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(turn)
    level = np.hypot(east, north)
    # Over the sine of the arc: 1 for what is near.
    stretch = EARTH_RADIUS * np.arctan2(level, up) / np.where(level > 0, level, 1.0)
    return stretch * east, stretch * north


def place_at(
    latitude: np.ndarray, longitude: np.ndarray, east: np.ndarray, north: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The place that lies so far east and north of another one: the way back of `east_north`.

    Parameters
    ----------
    latitude, longitude : ndarray
        Places to look from (degrees).
    east, north : ndarray
        See :func:`east_north` (m).

    Returns
    -------
    latitude, longitude : ndarray
        Degrees, the latter from -180 to 180.

    Examples
    --------
    >>> [round(float(x), 3) for x in place_at(60.0, 10.0, *east_north(60.0, 10.0, 61.0, 13.0))]
    [61.0, 13.0]
    """
    a, way, direction = np.radians(latitude), np.hypot(east, north), np.arctan2(east, north)
    arc = way / EARTH_RADIUS
    sine = np.sin(a) * np.cos(arc) + np.cos(a) * np.sin(arc) * np.cos(direction)
    found = np.arcsin(np.clip(sine, -1.0, 1.0))
    turn = np.arctan2(
        np.sin(direction) * np.sin(arc) * np.cos(a), np.cos(arc) - np.sin(a) * np.sin(found)
    )
    return np.degrees(found), np.mod(longitude + np.degrees(turn) + 180.0, 360.0) - 180.0
