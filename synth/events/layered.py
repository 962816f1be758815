"""Rays in a model of flat layers: direct, refracted and reflected waves to a station on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.errors import ParameterError
from seisgeo.sphere import EARTH_RADIUS

__all__ = ["LayeredModel", "Rays", "first_arrival", "trace_rays"]


@dataclass(frozen=True)
class LayeredModel:
    """Layers of constant velocity over a half-space.

    Parameters
    ----------
    thickness : tuple of float
        Thickness of each layer from the surface down (m), without the half-space.
    vp, vs : tuple of float
        P and S velocity of each layer and of the half-space (m/s).
    density : tuple of float
        Density of each layer and of the half-space (kg/m3).

    Raises
    ------
    ParameterError
        If the numbers of values do not fit, or a value is not positive.

    Examples
    --------
    >>> crust = LayeredModel((35_000.0,), (6000.0, 8000.0), (3464.0, 4619.0), (2700.0, 3300.0))
    >>> crust.tops
    array([    0., 35000.])
    """

    thickness: tuple[float, ...]
    vp: tuple[float, ...]
    vs: tuple[float, ...]
    density: tuple[float, ...]

    def __post_init__(self) -> None:
        layers = len(self.thickness) + 1
        for name in ("vp", "vs", "density"):
            if len(getattr(self, name)) != layers:
                raise ParameterError(
                    f"{name}: expected {layers} values, one for each of {layers - 1} thicknesses "
                    f"and one for the half-space; found {len(getattr(self, name))}"
                )
        for name in ("thickness", "vp", "vs", "density"):
            values = getattr(self, name)
            if not all(np.isfinite(v) and v > 0 for v in values):
                raise ParameterError(f"{name}: expected values above zero, found {values}")

    @property
    def tops(self) -> np.ndarray:
        """Depth of the top of each layer and of the half-space (m)."""
        return np.concatenate([[0.0], np.cumsum(self.thickness)])

    def layer(self, depth: np.ndarray) -> np.ndarray:
        """Number of the layer that holds each depth (m); an interface belongs to the upper one."""
        return np.maximum(np.searchsorted(self.tops, depth, side="left") - 1, 0)


@dataclass(frozen=True)
class Rays:
    """Rays from sources to a station at the surface.

    Each array has the shape (n, 3): the direct wave, the fastest head wave, and the reflection from
    the top of the half-space. Where there is no such wave, `time` is infinite.

    Attributes
    ----------
    time : ndarray
        Travel time (s).
    slowness : ndarray
        Horizontal slowness, the ray parameter (s/m).
    takeoff : ndarray
        Angle at the source between the ray and the vertical pointing down (rad).
    length : ndarray
        Length of the ray (m).
    """

    time: np.ndarray
    slowness: np.ndarray
    takeoff: np.ndarray
    length: np.ndarray


def trace_rays(model: LayeredModel, depth: np.ndarray, distance: np.ndarray, wave: str) -> Rays:
    """Trace direct, head and reflected waves from sources in a layered model.

    The curvature of the Earth is taken into account by the flattening transformation (Aki and
    Richards 2002, box 9.2), with one velocity for each layer.

    Parameters
    ----------
    model : LayeredModel
        The velocities.
    depth, distance : ndarray
        Depth of each source and epicentral distance of the station (m), shape (n,).
    wave : {"P", "S"}
        Which velocities.

    Returns
    -------
    Rays
        Times, slownesses, take-off angles and lengths.

    Examples
    --------
    In a half-space the direct ray is straight:

    >>> half = LayeredModel((), (5000.0,), (2900.0,), (2700.0,))
    >>> rays = trace_rays(half, np.array([3000.0]), np.array([4000.0]), "P")
    >>> round(float(rays.time[0, 0]), 3), round(float(np.degrees(rays.takeoff[0, 0])), 1)
    (1.0, 126.9)
    """
    depth = np.maximum(np.asarray(depth, float), 1.0)  # a ray along the surface has no angle
    distance = np.asarray(distance, float)
    velocity, tops, depth = _flattened(model, depth, wave)
    n, layers = velocity.shape
    rows = np.arange(n)
    layer = np.maximum((tops[None, :] < depth[:, None]).sum(1) - 1, 0)
    at_source = velocity[rows, layer]

    bottoms = np.append(tops[1:], np.inf)
    above = np.clip(depth[:, None] - tops, 0.0, bottoms - tops)
    below = np.zeros_like(above)
    below[:, :-1] = np.diff(tops) - above[:, :-1]

    time, slowness, length = (np.full((n, 3), np.inf) for _ in range(3))
    upwards = np.ones((n, 3), bool)
    time[:, 0], slowness[:, 0], length[:, 0] = _shoot(above, velocity, distance)
    for j in range(1, layers):
        t, p, s = _head(j, above, below, velocity, distance, layer)
        faster = t < time[:, 1]
        for array, new in ((time, t), (slowness, p), (length, s)):
            array[:, 1] = np.where(faster, new, array[:, 1])
    upwards[:, 1] = False
    if layers > 1:
        inside = layer < layers - 1
        t, p, s = _shoot(above + 2 * below, velocity, distance)
        time[:, 2] = np.where(inside, t, np.inf)
        slowness[:, 2], length[:, 2] = p, s
        upwards[:, 2] = False
    slowness[~np.isfinite(time)] = 0.0
    sine = np.arcsin(np.clip(slowness * at_source[:, None], 0.0, 1.0))
    return Rays(time, slowness, np.where(upwards, np.pi - sine, sine), length)


def first_arrival(
    model: LayeredModel, depth: np.ndarray, distance: np.ndarray, wave: str
) -> np.ndarray:
    """Travel time of the first wave (s), with the arguments of :func:`trace_rays`.

    Examples
    --------
    At 200 km the wave through the mantle has overtaken the direct one (33.9 s):

    >>> crust = LayeredModel((35_000.0,), (6000.0, 8000.0), (3464.0, 4619.0), (2700.0, 3300.0))
    >>> first_arrival(crust, np.array([10e3]), np.array([200e3]), "P").round(1)
    array([31.5])
    """
    return trace_rays(model, depth, distance, wave).time.min(1)


def _flattened(
    model: LayeredModel, depth: np.ndarray, wave: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocities (n, layers), tops and depths in the flat model with the times of the round one."""
    tops = model.tops
    bottoms = np.append(tops[1:], tops[-1])
    middle = np.broadcast_to((tops + bottoms) / 2, (len(depth), len(tops))).copy()
    # What a ray crosses of the half-space ends at the source.
    middle[:, -1] = np.maximum(tops[-1], (tops[-1] + depth) / 2)
    speeds = np.asarray(model.vp if wave == "P" else model.vs, float)
    velocity = speeds * EARTH_RADIUS / (EARTH_RADIUS - middle)
    flat = [-EARTH_RADIUS * np.log1p(-z / EARTH_RADIUS) for z in (tops, depth)]
    return velocity, flat[0], flat[1]


def _shoot(
    path: np.ndarray, velocity: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, slowness and length of the ray that crosses `path` (n, layers; m) of each layer.

    With x the tangent of the ray's angle in the fastest layer it crosses, the distance is concave
    in x and grows with it, so that Newton's iteration from below cannot overshoot.
    """
    fastest = np.where(path > 0, velocity, 0.0).max(1)
    ratio = np.where(path > 0, velocity / fastest[:, None], 0.0)
    rest = 1 - ratio**2
    x = distance / (path * ratio).sum(1)
    for _ in range(30):
        root = 1 + rest * (x * x)[:, None]
        reached = x * (path * ratio / np.sqrt(root)).sum(1)
        slope = (path * ratio / (root * np.sqrt(root))).sum(1)
        x = x + (distance - reached) / slope
    stretch = np.sqrt((1 + x * x)[:, None] / (1 + rest * (x * x)[:, None]))
    length = path * stretch
    return (
        (length / velocity).sum(1),
        x / np.sqrt(1 + x * x) / fastest,
        length.sum(1),
    )


def _head(
    j: int,
    above: np.ndarray,
    below: np.ndarray,
    velocity: np.ndarray,
    distance: np.ndarray,
    layer: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, slowness and length of the head wave along the top of layer `j`; inf where none is."""
    refractor = velocity[:, j]
    crossed = velocity[:, :j]
    legs = above[:, :j] + 2 * below[:, :j]
    exists = (layer < j) & (crossed < refractor[:, None]).all(1)
    sine = np.where(exists[:, None], crossed / refractor[:, None], 0.0)
    cosine = np.sqrt(1 - sine**2)
    along = distance - (legs * sine / cosine).sum(1)
    exists &= along >= 0
    time = distance / refractor + (legs * cosine / crossed).sum(1)
    length = along + (legs / cosine).sum(1)
    return np.where(exists, time, np.inf), 1 / refractor, length
