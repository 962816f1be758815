"""Rock before anything happened to it: compaction, layers, and heterogeneity at every scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.synth.geology.fractal import fractal_noise
from seisgeo.synth.geology.grid import Grid, Ingredient, param

__all__ = ["Heterogeneity", "Strata"]

# The column starts so far above the surface: folds bring down what was eroded there.
_ABOVE = 0.5
# How fast compaction slows down with depth: velocity rises most near the surface.
_CURVATURE = 1.2
# Adjacent layers that make a formation, on average; formations differ as much as layers do.
_LAYERS_OF_FORMATION = 5


@dataclass(frozen=True)
class Strata(Ingredient):
    """Many layers on a compaction trend.

    Velocity is a trend, which rises with depth and ever more slowly, plus what is particular to a
    layer and to the formation that it belongs to. Half of the compaction happened before the layers
    were deformed and half at today's depth, so older rock that was lifted up is faster than its
    surroundings.

    Parameters
    ----------
    top, bottom : (float, float)
        Trend at the top and at the bottom (fraction of the velocity range).
    thickness : (float, float)
        Mean thickness of the layers of a model; single ones are lognormal around it, with a
        standard deviation of about two thirds (fraction of depth).
    contrast : (float, float)
        Standard deviation of the layers about the trend, formations included; zero is compaction
        alone (fraction of the velocity range).
    """

    top: tuple[float, float] = param("fraction of the velocity range", default=(0.05, 0.15))
    bottom: tuple[float, float] = param("fraction of the velocity range", default=(0.7, 0.9))
    thickness: tuple[float, float] = param("fraction of depth", default=(0.025, 0.07))
    contrast: tuple[float, float] = param("fraction of the velocity range", default=(0.05, 0.09))

    def velocity(
        self, rng: np.random.Generator, grid: Grid, today: np.ndarray, deposited: np.ndarray
    ) -> np.ndarray:
        """Draw the layers and look them up.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        grid : Grid
            Gives the velocity range.
        today, deposited : ndarray
            Depth of each cell below the top of the rock, now and when it was deposited.

        Returns
        -------
        ndarray
            Velocity (m/s).
        """
        top, bottom = rng.uniform(*self.top), rng.uniform(*self.bottom)
        thickness, contrast = rng.uniform(*self.thickness), rng.uniform(*self.contrast)
        burial = np.maximum(0.5 * (today + deposited), 0)
        rise = (1 - np.exp(-_CURVATURE * burial)) / (1 - np.exp(-_CURVATURE))
        u = top + (bottom - top) * rise
        if contrast:
            base, own = self._column(rng, thickness, float(deposited.max()))
            # Near the ends of the range layers differ less: none is cut off there.
            room = np.minimum(1, np.minimum(u, 1 - u) / (2.5 * contrast))
            u = u + contrast * room * own[np.searchsorted(base, deposited, side="right")]
        return grid.low + (grid.high - grid.low) * u

    @staticmethod
    def _column(
        rng: np.random.Generator, mean: float, bottom: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Depths of the layers' bases and what is particular to each, with unit variance."""
        # Drawn in parts of 64, so that a column that reaches deeper begins with the same layers.
        bases, values = np.empty(0), np.empty(0)
        formation = rng.standard_normal()
        depth = -_ABOVE
        while depth < bottom:
            thickness = mean * np.exp(0.6 * rng.standard_normal(64) - 0.18)
            own = rng.standard_normal(64)
            formations = rng.standard_normal(64)
            begins = rng.random(64) < 1 / _LAYERS_OF_FORMATION
            latest = np.maximum.accumulate(np.where(begins, np.arange(64), -1))
            shared = np.where(latest >= 0, formations[latest], formation)
            formation = shared[-1]
            bases = np.append(bases, depth + np.cumsum(thickness))
            values = np.append(values, (own + shared) / np.sqrt(2))
            depth = bases[-1]
        return bases[:-1], values


@dataclass(frozen=True)
class Heterogeneity(Ingredient):
    """Fractal heterogeneity: velocities are multiplied by one plus a von Kármán field.

    Parameters
    ----------
    std : (float, float)
        Standard deviation relative to the velocity.
    length : (float, float)
        Vertical correlation length (fraction of depth).
    aspect : (float, float)
        Horizontal correlation length as a multiple of the vertical one.
    hurst : (float, float)
        Hurst exponent; see :func:`seisgeo.synth.geology.fractal_noise`.
    """

    std: tuple[float, float] = param("1", default=(0.01, 0.025))
    length: tuple[float, float] = param("fraction of depth", default=(0.05, 0.15))
    aspect: tuple[float, float] = param("1", default=(3.0, 8.0))
    hurst: tuple[float, float] = param("1", default=(0.05, 0.35))

    def factor(self, rng: np.random.Generator, grid: Grid) -> np.ndarray:
        """Draw what velocities are multiplied by."""
        std, hurst = rng.uniform(*self.std), rng.uniform(*self.hurst)
        length = rng.uniform(*self.length) / grid.cell
        sideways = length * rng.uniform(*self.aspect)
        lengths = [length] + [sideways] * (grid.z.ndim - 1)
        return 1 + std * fractal_noise(rng, grid.shape, lengths, hurst)
