"""OpenFWI's Style families: a smooth Gaussian process on a depth trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from seisgeo.synth.geology.grid import Grid, Ingredient, param

__all__ = ["StyleFamily"]


@dataclass(frozen=True)
class StyleFamily(Ingredient):
    """A smooth Gaussian process on a linear depth trend.

    Parameters
    ----------
    mean : float
        Velocity at mid-depth (fraction of the velocity range, above its lower end).
    trend, trend_std : float
        Increase from top to bottom, and its standard deviation between models (fractions of range).
    offset_std : float
        Standard deviation of a model's mean (fraction of range).
    std : float
        Standard deviation of the process within a model (fraction of range).
    length : float
        Length l of its covariance exp(-d^2 / (2 l^2)) over a distance d (fraction of depth).
    """

    mean: float = param("fraction of the velocity range")
    trend: float = param("fraction of the velocity range")
    trend_std: float = param("fraction of the velocity range")
    offset_std: float = param("fraction of the velocity range")
    std: float = param("fraction of the velocity range")
    length: float = param("fraction of depth")

    def section(self, rng: np.random.Generator, grid: Grid) -> np.ndarray:
        """Draw one model; see :meth:`LayeredFamily.section`."""
        trend = rng.normal(self.trend, self.trend_std)
        level = rng.normal(self.mean, self.offset_std)
        process = _gaussian_process(rng, grid.shape, self.length / grid.cell)
        u = level + trend * (grid.z - 0.5) + self.std * process
        # Soft bounds: a hard clip would leave flat patches, which Style maps do not have.
        soft = 0.015
        u = soft * np.logaddexp(0, u / soft)
        u = 1 - soft * np.logaddexp(0, (1 - u) / soft)
        return grid.low + (grid.high - grid.low) * u


def _gaussian_process(
    rng: np.random.Generator, shape: tuple[int, ...], length: float
) -> np.ndarray:
    # White noise smoothed by a Gaussian of width length / sqrt(2) has the covariance
    # exp(-d^2 / (2 length^2)); a margin of noise on every side keeps it stationary at the edges.
    sigma = length / np.sqrt(2)
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    noise = rng.standard_normal([n + 2 * radius for n in shape])
    for axis in range(len(shape)):
        noise = gaussian_filter1d(noise, sigma, axis=axis, mode="constant", radius=radius)
    inner = noise[tuple(slice(radius, radius + n) for n in shape)]
    # A sum over d axes keeps sqrt(sum of squares) of each: this makes the variance one again.
    return inner * (weights.sum() ** 2 / (weights**2).sum()) ** (len(shape) / 2)
