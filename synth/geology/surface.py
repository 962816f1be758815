"""What lies on the rock: water above a sea floor, or a weathering layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.synth.geology.fractal import fractal_noise
from seisgeo.synth.geology.grid import Grid, Ingredient, along, param

__all__ = ["WATER_VELOCITY", "SeaFloor", "Water", "Weathering", "gentle_sea_floor"]

#: Velocity of sea water (m/s) above OpenFWI's families.
WATER_VELOCITY = 1500.0


@dataclass(frozen=True)
class SeaFloor:
    """Depth of the sea floor and what it did to the layers.

    Parameters
    ----------
    mean : float
        Mean depth (m).
    depth : ndarray
        Depth over the surface (m), shape (1, n_x) or (1, n_y, n_x).
    drape : ndarray
        The part of it that the youngest layers follow (m): the slope, not what was cut later.
    velocity : float
        Velocity of the water (m/s).
    """

    mean: float
    depth: np.ndarray
    drape: np.ndarray
    velocity: float


@dataclass(frozen=True)
class Water(Ingredient):
    """Sea water above a floor that slopes, undulates and is cut by erosion.

    Parameters
    ----------
    depth : (float, float)
        Shallowest and deepest floor, where no water depth in metres is asked for (fraction of the
        depth of the model).
    velocity : (float, float)
        Velocity of the water, the same in all of a model (m/s).
    slope : (float, float)
        Slope of the floor, to either side (degrees).
    rugosity : (float, float)
        Standard deviation of the erosional relief, relative to the mean water depth.
    """

    depth: tuple[float, float] = param("fraction of depth", default=(0.05, 0.25))
    velocity: tuple[float, float] = param("m/s", default=(1480.0, 1520.0))
    slope: tuple[float, float] = param("degree", default=(0.0, 4.0))
    rugosity: tuple[float, float] = param("1", default=(0.03, 0.12))

    def draw(self, rng: np.random.Generator, grid: Grid, limits: tuple[float, float]) -> SeaFloor:
        """Draw a sea floor.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        grid : Grid
            The whole model's.
        limits : (float, float)
            Shallowest and deepest floor (m).
        """
        shallow, deep = limits
        mean = rng.uniform(shallow, deep)
        velocity = rng.uniform(*self.velocity)
        slope = np.tan(np.deg2rad(rng.uniform(*self.slope))) * rng.choice([-1.0, 1.0])
        azimuth = float(grid.azimuths(rng, 1, np.pi)[0])
        rugosity = rng.uniform(*self.rugosity)
        distance = along((grid.z, grid.y, grid.x), azimuth, grid.centre) - grid.centre[1]
        smooth = slope * np.broadcast_to(distance, grid.surface_shape) * grid.metres
        lengths = [0.25 / grid.cell] * (grid.z.ndim - 1)
        rough = fractal_noise(rng, grid.surface_shape[1:], lengths, 0.6)[None]
        # The whole relief is scaled, not cut, to stay within the limits.
        relief = smooth + rugosity * mean * rough
        room = min(1.0, *(_ratio(mean - shallow, -relief.min()), _ratio(deep - mean, relief.max())))
        return SeaFloor(mean, mean + room * relief, room * smooth, velocity)


def _ratio(room: float, need: float) -> float:
    return room / need if need > room else 1.0


def gentle_sea_floor(rng: np.random.Generator, grid: Grid, limits: tuple[float, float]) -> SeaFloor:
    """Draw the gently undulating floor that OpenFWI's families get; see :meth:`Water.draw`."""
    shallow, deep = limits
    mean = rng.uniform(shallow, deep)
    height = rng.uniform(0.3, 1) * min(0.1 * mean, mean - shallow, deep - mean)
    wavelength = rng.uniform(0.7, 2.5, 3) * grid.z.size * grid.cell * grid.metres
    phase = rng.uniform(0, 2 * np.pi, 3)
    azimuth = grid.azimuths(rng, 3, np.pi / 2)
    half = 0.5 * grid.cell  # from the centres of cells to their left edges
    position = (grid.z, grid.y - half, grid.x - half)
    x = np.stack([np.broadcast_to(along(position, a, grid.centre), grid.surface_shape)
                  for a in azimuth]) * grid.metres  # fmt: skip
    sides = (3, *[1] * grid.z.ndim)
    waves = np.sin(2 * np.pi * x / wavelength.reshape(sides) + phase.reshape(sides))
    depth = mean + height * waves.mean(axis=0)
    return SeaFloor(mean, depth, np.zeros_like(depth), WATER_VELOCITY)


@dataclass(frozen=True)
class Weathering(Ingredient):
    """Weathered rock at a dry surface, of uneven thickness: what makes statics.

    A cell that is weathered in part gets the velocity with the same vertical time, so that also a
    layer thinner than a cell delays waves as it should.

    Parameters
    ----------
    thickness : (float, float)
        Mean thickness of the layer (m).
    velocity : (float, float)
        Mean velocity of the layer (m/s), which may be below the range of the rock; rock that is
        slower stays as it is.
    unevenness : (float, float)
        Standard deviation of the thickness, relative to its mean.
    length : (float, float)
        Distance over which the thickness changes (fraction of depth).
    """

    thickness: tuple[float, float] = param("m", default=(10.0, 40.0))
    velocity: tuple[float, float] = param("m/s", default=(800.0, 1300.0))
    unevenness: tuple[float, float] = param("1", default=(0.2, 0.5))
    length: tuple[float, float] = param("fraction of depth", default=(0.05, 0.3))

    def cover(self, rng: np.random.Generator, grid: Grid, velocity: np.ndarray) -> np.ndarray:
        """Lay a weathering layer over a model (m/s)."""
        mean, slow = rng.uniform(*self.thickness), rng.uniform(*self.velocity)
        uneven = rng.uniform(*self.unevenness)
        lengths = [rng.uniform(*self.length) / grid.cell] * (grid.z.ndim - 1)
        shape = grid.surface_shape[1:]
        base = mean * np.maximum(1 + uneven * fractal_noise(rng, shape, lengths, 0.8), 0.2)[None]
        size = grid.cell * grid.metres
        rows = min(int(np.ceil(base.max() / size)), velocity.shape[0])
        top = np.arange(rows).reshape([rows] + [1] * (grid.z.ndim - 1)) * size
        part = np.clip((base - top) / size, 0, 1)
        rock = velocity[:rows]
        # Part of the cell's height at each slowness: time adds up.
        weathered = 1 / (part / np.minimum(slow, rock) + (1 - part) / rock)
        return np.concatenate([weathered, velocity[rows:]])
