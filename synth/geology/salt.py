"""Salt: a diapir with a bulb that overhangs its stem, and the layers that it bent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from seisgeo.synth.geology.bodies import Place
from seisgeo.synth.geology.fractal import fractal_noise
from seisgeo.synth.geology.grid import Coordinates, Grid, Ingredient, Undo, param

__all__ = ["SALT_VELOCITY", "Salt"]

#: Velocity of salt (m/s), the 4480 of the SEG/EAGE salt model. It is the same in all of a body, so
#: that ``velocity == SALT_VELOCITY`` finds the salt of a model.
SALT_VELOCITY = 4480.0

# A section this wide (multiples of depth) has one diapir, a wider one more.
_WIDTH_OF_ONE = 2.5


@dataclass(frozen=True)
class Salt(Ingredient):
    """Salt diapirs that rise from the base of the section.

    Salt has 4480 m/s throughout, or the highest velocity of the range where that is lower. Layers
    are lifted over the bulb and sag around it.

    Parameters
    ----------
    top : (float, float)
        Depth of the top (fraction of depth).
    height : (float, float)
        Height of the bulb (fraction of depth).
    half_width : (float, float)
        Half of the width of the bulb (fraction of depth).
    stem : (float, float)
        Half of the width of the stem, as part of the bulb's: below 1 the bulb overhangs.
    rugosity : (float, float)
        Standard deviation of the roughness of the top; flanks and base have 40 % of it (fraction
        of depth).
    uplift : (float, float)
        How far layers are lifted over the salt (fraction of depth).
    """

    top: tuple[float, float] = param("fraction of depth", default=(0.15, 0.4))
    height: tuple[float, float] = param("fraction of depth", default=(0.2, 0.4))
    half_width: tuple[float, float] = param("fraction of depth", default=(0.2, 0.45))
    stem: tuple[float, float] = param("1", default=(0.25, 0.6))
    rugosity: tuple[float, float] = param("fraction of depth", default=(0.01, 0.025))
    uplift: tuple[float, float] = param("fraction of depth", default=(0.06, 0.15))

    def draw(self, rng: np.random.Generator, grid: Grid) -> tuple[Undo, Place]:
        """Draw salt; see :class:`seisgeo.synth.geology.Body`."""
        n = max(1, round(grid.width / _WIDTH_OF_ONE))
        diapirs = [_Diapir.drawn(self, rng, grid, i, n) for i in range(n)]

        def undo(position: Coordinates) -> Coordinates:
            z, y, x = position
            for diapir in diapirs:
                z = z + diapir.lift(grid)
            return z, y, x

        def place(velocity: np.ndarray, deposited: Coordinates) -> np.ndarray:
            salt = np.any([diapir.mask for diapir in diapirs], axis=0)
            return np.where(salt, min(SALT_VELOCITY, grid.high), velocity)

        return undo, place


@dataclass(frozen=True)
class _Diapir:
    mask: np.ndarray
    top: float
    reach: float
    uplift: float
    distance: np.ndarray

    @classmethod
    def drawn(cls, salt: Salt, rng: np.random.Generator, grid: Grid, i: int, n: int) -> _Diapir:
        top, height = rng.uniform(*salt.top), rng.uniform(*salt.height)
        half, stem = rng.uniform(*salt.half_width), rng.uniform(*salt.stem)
        middle = (i + rng.uniform(0.3, 0.7)) / n * grid.width
        lean, stretch = rng.uniform(-0.25, 0.25), rng.uniform(1.0, 1.6)
        across = grid.centre[0] * rng.uniform(0.7, 1.3)
        rugosity, uplift = rng.uniform(*salt.rugosity), rng.uniform(*salt.uplift)

        z, centre = grid.z, top + 0.5 * height
        # The stem leans, narrows below the bulb and widens again to its base; in 3-D the body is
        # stretched along y.
        aside = grid.x - middle - lean * np.maximum(z - centre, 0)
        radius = np.hypot(aside, (grid.y - across) / stretch) if z.ndim == 3 else np.abs(aside)
        bulb = (1 - np.hypot(radius / half, (z - centre) / (0.5 * height))) * 0.5 * height
        waist = centre + 0.7 * height
        width = half * stem * np.where(z < waist, 1 + ((waist - z) / height) ** 2,
                                       1 + 4 * (z - waist) ** 2)  # fmt: skip
        inside = np.maximum(bulb, np.minimum(width - radius, z - centre))
        shape = fractal_noise(rng, grid.shape, [0.3 / grid.cell] * z.ndim, 0.9)
        rough = fractal_noise(rng, grid.shape, [0.06 / grid.cell] * z.ndim, 0.4)
        weight = np.clip(1 - 0.6 * (z - top) / (0.5 * height), 0.4, 1)
        mask = inside + 0.12 * half * shape + rugosity * weight * rough > 0
        distance = np.hypot(grid.x - middle, (grid.y - across) / stretch)
        return cls(_one_piece(mask), top, half, uplift, distance)

    def lift(self, grid: Grid) -> np.ndarray:
        """How far layers were lifted: over the bulb up, around it down, less near the surface."""
        r = self.distance / (1.3 * self.reach)
        dome = np.exp(-(r**2)) - 0.35 * np.exp(-((r / 2) ** 2))
        # Its slope in z stays above -1, so layers do not cross.
        return self.uplift * dome * (0.3 + 0.7 * np.clip(grid.z / self.top, 0, 1))


def _one_piece(mask: np.ndarray) -> np.ndarray:
    """The largest connected part, without holes."""
    labels, n = ndimage.label(mask)
    if n > 1:
        mask = labels == 1 + int(np.bincount(labels.ravel())[1:].argmax())
    return ndimage.binary_fill_holes(mask)
