"""What deforms layers: folds, faults of three kinds, angular unconformities.

An event is drawn as a function that undoes it: it takes the positions of today's cells to where the
rock lay before. Undoing events from the youngest to the oldest gives the depth at which each cell
was deposited, and layers need to be known only there. So older structure is itself folded and
displaced by younger structure, and layers can never cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seisgeo.errors import SimulationError
from seisgeo.synth.geology.fractal import fractal_noise
from seisgeo.synth.geology.grid import Coordinates, Grid, Ingredient, Undo, along, param

__all__ = ["Event", "Faults", "Folds", "ListricFaults", "Unconformity"]


class Event(Protocol):
    """Something that happened to the layers."""

    def draw(self, rng: np.random.Generator, grid: Grid) -> Undo:
        """Draw one and give the function that undoes it."""
        ...


@dataclass(frozen=True)
class Folds(Ingredient):
    """Folds of three wavelengths that grow or fade with depth.

    Parameters
    ----------
    relief : (float, float)
        Height of the folds above and below their mean (fraction of depth).
    wavelength : (float, float)
        Wavelength of the largest (multiples of depth).
    """

    relief: tuple[float, float] = param("fraction of depth")
    wavelength: tuple[float, float] = param("multiple of depth")

    def draw(self, rng: np.random.Generator, grid: Grid) -> Undo:
        """Draw folds; see :class:`Event`."""
        height = rng.uniform(*self.relief)
        wavelength = rng.uniform(*self.wavelength, 3) * np.array([1.0, 0.6, 1.7])
        phase = rng.uniform(0, 2 * np.pi, 3)
        weight = np.array([1.0, 0.3, 0.4]) * rng.uniform([1.0, 0.0, 0.0], 1.0)
        growth = rng.uniform(-0.6, 0.6)
        azimuth = grid.azimuths(rng, 3, np.pi / 2)
        waves = list(zip(weight / weight.sum(), wavelength, phase, azimuth, strict=True))

        def undo(position: Coordinates) -> Coordinates:
            z, y, x = position
            fold = sum(
                w * np.sin(2 * np.pi / length * along(position, a, grid.centre) + p)
                for w, length, p, a in waves
            )
            # |growth * height| < 1 keeps interfaces from crossing.
            return z - height * fold * (1 + growth * (z - 0.5)), y, x

        return undo


@dataclass(frozen=True)
class Faults(Ingredient):
    """Planar faults, normal and reverse, that may cross and may have moved during deposition.

    Parameters
    ----------
    number : (int, int)
        Faults in a section as wide as it is deep; wider sections have more.
    throw : (float, float)
        Vertical displacement across a fault (fraction of depth).
    dip : (float, float)
        Dip of the fault planes (degrees from the horizontal).
    normal : float, default 0.75
        Part of the faults that are normal; the others are reverse.
    conjugate : bool, default False
        Whether faults come in pairs of opposite dip that cross near mid-depth.
    quiet : (float, float), optional
        Depth above which layers are younger than the faults and not displaced (fraction of
        depth). By default faults cut all layers.
    growth : (float, float), default (0.15, 0.3)
        Where there are such layers: thickness of those below them that were deposited while the
        faults moved, and that are thicker on the downthrown side (fraction of depth).
    """

    number: tuple[int, int] = param("1")
    throw: tuple[float, float] = param("fraction of depth")
    dip: tuple[float, float] = param("degree")
    normal: float = param("1", default=0.75)
    conjugate: bool = param("1", default=False)
    quiet: tuple[float, float] | None = param("fraction of depth", default=None)
    growth: tuple[float, float] = param("fraction of depth", default=(0.15, 0.3))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quiet is not None and 0.5 * self.throw[1] >= self.growth[0]:
            raise SimulationError(
                f"Faults: half of the largest throw, {0.5 * self.throw[1]:g}, must be less than "
                f"the thinnest growth, {self.growth[0]:g} (fractions of depth)"
            )

    def draw(self, rng: np.random.Generator, grid: Grid) -> Undo:
        """Draw faults; see :class:`Event`."""
        n = int(rng.integers(self.number[0], self.number[1] + 1))
        n = max(n, round(n * grid.width))
        position = (np.arange(n) + rng.uniform(0.25, 0.75, n)) / n * grid.width
        dip = np.deg2rad(rng.uniform(*self.dip, n))
        lean = rng.choice([-1.0, 1.0], n)
        sense = rng.choice([1.0, -1.0], n, p=[self.normal, 1 - self.normal])
        even = n // 2 * 2
        if n > 3:  # a wide section: grabens and horsts, so that layers do not drift out of it
            lean[1:even:2], sense[1:even:2] = -lean[0:even:2], sense[0:even:2]
        if self.conjugate:
            lean[1:even:2] = -lean[0:even:2]
            position[1:even:2] = position[0:even:2] + rng.uniform(-0.05, 0.05, even // 2)
        throw = rng.uniform(*self.throw, n) * sense
        order = rng.permutation(n)
        azimuth = grid.azimuths(rng, n, np.pi / 6)
        ages = None
        if self.quiet is not None:
            ages = rng.uniform(*self.quiet, n), rng.uniform(*self.growth, n)

        def undo(coordinates: Coordinates) -> Coordinates:
            z, y, x = coordinates
            # From the youngest fault to the oldest: each moves the cells back to where they were
            # before it, so older faults are themselves displaced by younger ones.
            for i in order:
                run = lean[i] / np.tan(dip[i])
                u = along((z, y, x), azimuth[i], grid.centre)
                hanging = (u - position[i] - run * (z - 0.5)) * lean[i] > 0
                # Both sides move by half of the throw: the section keeps its mean level.
                down = np.where(hanging, 0.5 * throw[i], -0.5 * throw[i])
                if ages is not None:
                    down = down * _part_of_growth(z, down, ages[0][i], ages[1][i])
                z = z - down
                x = x - run * down * np.cos(azimuth[i])
                if azimuth[i]:
                    y = y - run * down * np.sin(azimuth[i])
            return z, y, x

        return undo


@dataclass(frozen=True)
class ListricFaults(Ingredient):
    """Normal faults that flatten with depth into one detachment, with roll-over and growth.

    The fault is ``z = D (1 - exp(-u tan(dip) / D))`` over the distance u from its outcrop, D the
    depth of the detachment. The hanging wall slides along it and collapses by vertical shear
    (Gibbs, 1983, doi 10.1016/0191-8141(83)90045-2), which bends its layers into a roll-over.

    Parameters
    ----------
    number : (int, int)
        Faults in a section as wide as it is deep; wider sections have more.
    throw : (float, float)
        Vertical displacement at the surface (fraction of depth); it fades down the fault as this
        flattens, to nothing at the detachment, while the horizontal displacement stays.
    dip : (float, float)
        Dip at the surface (degrees from the horizontal).
    detachment : (float, float)
        Depth that the faults flatten to (fraction of depth).
    quiet : (float, float)
        Depth above which layers are younger than the faults (fraction of depth).
    growth : (float, float)
        Thickness of the layers below them that were deposited while the faults moved (fraction of
        depth).
    """

    number: tuple[int, int] = param("1")
    throw: tuple[float, float] = param("fraction of depth")
    dip: tuple[float, float] = param("degree", default=(50.0, 65.0))
    detachment: tuple[float, float] = param("fraction of depth", default=(0.75, 1.0))
    quiet: tuple[float, float] = param("fraction of depth", default=(0.02, 0.12))
    growth: tuple[float, float] = param("fraction of depth", default=(0.15, 0.35))

    def draw(self, rng: np.random.Generator, grid: Grid) -> Undo:
        """Draw listric faults; see :class:`Event`."""
        n = int(rng.integers(self.number[0], self.number[1] + 1))
        n = max(n, round(n * grid.width))
        # They step basinward, all to one side, and break backward: the youngest nearest to land.
        lean = float(rng.choice([-1.0, 1.0]))
        position = (np.arange(n) + rng.uniform(0.1, 0.6, n)) / n * grid.width
        slope = np.tan(np.deg2rad(rng.uniform(*self.dip, n)))
        throw = rng.uniform(*self.throw, n)
        sole = rng.uniform(*self.detachment)
        quiet = rng.uniform(*self.quiet)
        growth = rng.uniform(*self.growth)
        azimuth = grid.azimuths(rng, n, np.pi / 9)
        youngest_first = range(n) if lean > 0 else range(n)[::-1]

        def undo(coordinates: Coordinates) -> Coordinates:
            z, y, x = coordinates
            for i in youngest_first:
                length = sole / slope[i]
                heave = length * np.log1p(throw[i] / sole)
                u = (along((z, y, x), azimuth[i], grid.centre) - position[i]) * lean
                fading = np.exp(-np.maximum(u, 0) / length)
                hanging = (u > 0) & (z < sole * (1 - fading))
                # sole (exp(heave / length) - 1) = throw, fading away from the fault: roll-over.
                down = np.where(hanging, throw[i] * fading, 0.0)
                part = _part_of_growth(z, down, quiet, growth)
                moved = part * (heave * lean) * hanging
                z, x = z - part * down, x - moved * np.cos(azimuth[i])
                if azimuth[i]:
                    y = y - moved * np.sin(azimuth[i])
            return z, y, x

        return undo


def _part_of_growth(z: np.ndarray, down: np.ndarray, quiet: float, growth: float) -> np.ndarray:
    """Part of a displacement that layers now at depth z have seen.

    Layers at depth s went down by ``down * clip((s - quiet) / growth, 0, 1)``: not at all above
    `quiet`, wholly below quiet + growth. This is that part by the depth z to which they went; it
    needs down > -growth.
    """
    return np.clip((z - quiet) / (growth + down), 0, 1)


_OLDER_FOLDS = Folds(relief=(0.03, 0.12), wavelength=(0.9, 1.8))


@dataclass(frozen=True)
class Unconformity(Ingredient):
    """Older layers tilted, folded and eroded; younger ones deposited flat on the surface.

    Parameters
    ----------
    depth : (float, float)
        Mean depth of the surface (fraction of depth).
    relief : (float, float)
        Standard deviation of its erosional relief (fraction of depth).
    tilt : (float, float)
        Tilt of the older layers (degrees).
    missing : (float, float)
        Thickness of layers missing where the least is (fraction of depth).
    folds : Folds
        Folds of the older layers.
    """

    depth: tuple[float, float] = param("fraction of depth", default=(0.25, 0.5))
    relief: tuple[float, float] = param("fraction of depth", default=(0.01, 0.03))
    tilt: tuple[float, float] = param("degree", default=(5.0, 14.0))
    missing: tuple[float, float] = param("fraction of depth", default=(0.1, 0.3))
    folds: Folds = _OLDER_FOLDS

    def draw(self, rng: np.random.Generator, grid: Grid) -> Undo:
        """Draw an unconformity; see :class:`Event`."""
        slope = np.tan(np.deg2rad(rng.uniform(*self.tilt))) * rng.choice([-1.0, 1.0])
        azimuth = float(grid.azimuths(rng, 1, np.pi)[0])
        missing = rng.uniform(*self.missing)
        relief = rng.uniform(*self.relief)
        mean = rng.uniform(*self.depth)
        unfold = self.folds.draw(rng, grid)
        cells = 0.3 / grid.cell
        rough = fractal_noise(rng, grid.surface_shape[1:], [cells] * (grid.z.ndim - 1), 0.7)
        surface = np.maximum(mean + relief * rough[None], 0.05)

        def older(position: Coordinates) -> Coordinates:
            z, y, x = position
            tilted = z + slope * (along(position, azimuth, grid.centre) - grid.centre[1])
            return unfold((tilted, y, x))

        shift = missing + float((surface - older((surface, grid.y, grid.x))[0]).max())

        def undo(position: Coordinates) -> Coordinates:
            z, y, x = position
            # Younger events moved cells sideways, so the surface is looked up where they came from.
            here = _look_up(surface, position, grid)
            old_z, old_y, old_x = older(position)
            below = z >= here
            return (
                np.where(below, old_z + shift, z),
                np.where(below, old_y, y),
                np.where(below, old_x, x),
            )

        return undo


def _look_up(surface: np.ndarray, position: Coordinates, grid: Grid) -> np.ndarray:
    """Values of a horizon at positions, the nearest cell's."""
    _, y, x = position
    if x is grid.x and y is grid.y:
        return surface
    column = np.clip(np.rint(x / grid.cell - 0.5).astype(int), 0, grid.x.size - 1)
    if surface.ndim == 2:
        return surface[0, column]
    row = np.clip(np.rint(y / grid.cell - 0.5).astype(int), 0, grid.y.size - 1)
    return surface[0, row, column]
