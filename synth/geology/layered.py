"""OpenFWI's families of layers of constant velocity: Vel and Fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.synth.geology.grid import Grid, Ingredient, param
from seisgeo.synth.geology.structure import Faults, Folds

__all__ = ["LayeredFamily"]


@dataclass(frozen=True)
class LayeredFamily(Ingredient):
    """Layers of constant velocity, folded and then faulted.

    Ranges are (lowest, highest) of a uniform draw for each model. The unit of each parameter is
    also in its ``dataclasses.field`` metadata.

    Parameters
    ----------
    layers : tuple of int
        Number of layers.
    mean, std : float
        Mean and standard deviation of the layers' velocities (fractions of the velocity range,
        above its lower end); they follow a beta distribution.
    increasing : bool
        Whether velocities are sorted to grow with depth.
    min_thickness : float
        Thinnest layer before folding and faulting (fraction of depth).
    min_contrast : float
        Difference that adjacent layers have at least, where chance allows (fraction of range).
    relief : tuple of float
        Height of the folds above and below their mean (fraction of depth).
    wavelength : tuple of float
        Wavelength of the folds (multiples of depth).
    faults : tuple of int
        Number of faults in a section as wide as it is deep; wider sections have more.
    throw : tuple of float
        Vertical displacement across a fault (fraction of depth).
    dip : tuple of float
        Dip of the fault planes (degrees from the horizontal).
    """

    layers: tuple[int, int] = param("1")
    mean: float = param("fraction of the velocity range")
    std: float = param("fraction of the velocity range")
    increasing: bool = param("1")
    min_thickness: float = param("fraction of depth")
    min_contrast: float = param("fraction of the velocity range", default=0.04)
    relief: tuple[float, float] = param("fraction of depth", default=(0.0, 0.0))
    wavelength: tuple[float, float] = param("multiple of depth", default=(1.0, 2.0))
    faults: tuple[int, int] = param("1", default=(0, 0))
    throw: tuple[float, float] = param("fraction of depth", default=(0.0, 0.0))
    dip: tuple[float, float] = param("degree", default=(40.0, 80.0))

    def section(self, rng: np.random.Generator, grid: Grid) -> np.ndarray:
        """Draw one model.

        Parameters
        ----------
        rng : numpy.random.Generator
            The stream of this model alone.
        grid : Grid
            Where to draw it.

        Returns
        -------
        ndarray
            Velocity (m/s), broadcastable to the grid's shape.
        """
        n = int(rng.integers(self.layers[0], self.layers[1] + 1))
        # Thicknesses are exchangeable, so that sorting the velocities leaves the mean and the
        # standard deviation over all cells as those of the distribution they are drawn from.
        spare = 1 - n * self.min_thickness
        thickness = self.min_thickness + spare * rng.dirichlet(np.full(n, 2.0))
        interfaces = np.cumsum(thickness)[:-1]
        velocity = self._layer_velocities(rng, n)
        position = (grid.z, grid.y, grid.x)
        if self.faults[1]:
            position = Faults(self.faults, self.throw, self.dip).draw(rng, grid)(position)
        if self.relief[1]:
            position = Folds(self.relief, self.wavelength).draw(rng, grid)(position)
        u = velocity[np.searchsorted(interfaces, position[0], side="right")]
        return np.rint(grid.low + (grid.high - grid.low) * u)

    def _layer_velocities(self, rng: np.random.Generator, n: int) -> np.ndarray:
        concentration = self.mean * (1 - self.mean) / self.std**2 - 1
        drawn = rng.beta(self.mean * concentration, (1 - self.mean) * concentration, (8, n))
        if self.increasing:
            drawn.sort(axis=1)
        contrast = np.abs(np.diff(drawn, axis=1)).min(axis=1)
        fits = contrast >= self.min_contrast
        return drawn[fits.argmax() if fits.any() else contrast.argmax()]
