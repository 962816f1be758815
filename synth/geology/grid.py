"""The grid that a model is drawn on, and what all ingredients of a family have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from seisgeo.errors import SimulationError

__all__ = ["Coordinates", "Grid", "Ingredient", "Undo", "along", "make_grid", "param"]

#: Positions (z, y, x) in multiples of depth, arrays that broadcast against each other.
Coordinates: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
#: Takes positions of today to where the rock lay before an event.
Undo: TypeAlias = Callable[[Coordinates], Coordinates]


def param(units: str, **kwargs: Any) -> Any:
    """Field of an ingredient: its unit stands in the metadata of the ``dataclasses.field``."""
    return dataclasses.field(metadata={"units": units}, **kwargs)


@dataclass(frozen=True)
class Ingredient:
    """Base of what families are made of: parameters, ranges among them, that are checked."""

    def __post_init__(self) -> None:
        for parameter in dataclasses.fields(self):
            value = getattr(self, parameter.name)
            units = parameter.metadata.get("units", "1")
            numbers = value if isinstance(value, tuple) else (value,)
            if not numbers or not all(isinstance(v, int | float | np.number) for v in numbers):
                continue
            text = f"{type(self).__name__}: {parameter.name} ({units})"
            if not all(np.isfinite(v) and v >= 0 for v in numbers):
                raise SimulationError(f"{text}: expected zero or more, found {value}")
            if isinstance(value, tuple) and (len(value) != 2 or value[0] > value[1]):
                raise SimulationError(f"{text}: expected (lowest, highest), found {value}")


@dataclass(frozen=True)
class Grid:
    """Cell centres of the rock, below water if there is any.

    Lengths are in multiples of the depth of the rock, so that geology looks alike on any grid.

    Parameters
    ----------
    z, y, x : ndarray
        Cell centres: shapes (n_depth, 1) and (1, n_x) with y = 0 in two dimensions, (n_depth, 1,
        1), (1, n_y, 1) and (1, 1, n_x) in three. z is zero at the mean top of the rock.
    cell : float
        Size of a cell.
    metres : float
        What one multiple of depth is (m).
    low, high : float
        Range of the velocities (m/s).
    drape : ndarray or float, default 0
        Relief of a sea floor that the youngest layers follow, over the surface.
    """

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    cell: float
    metres: float
    low: float
    high: float
    drape: np.ndarray | float = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells: (n_depth, n_x) or (n_depth, n_y, n_x)."""
        return np.broadcast_shapes(self.z.shape, self.y.shape, self.x.shape)

    @property
    def surface_shape(self) -> tuple[int, ...]:
        """Shape of a horizon: one row of cells, (1, n_x) or (1, n_y, n_x)."""
        return (1, *self.shape[1:])

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.x.size * self.cell

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the section (y, x)."""
        return (0.5 * self.y.size * self.cell if self.z.ndim == 3 else 0.0, 0.5 * self.width)

    def azimuths(self, rng: np.random.Generator, n: int, spread: float) -> np.ndarray:
        """Draw n directions (rad) around x; in a 2-D section all structure strikes across it."""
        if self.z.ndim == 2:
            return np.zeros(n)
        # A stream of its own: a 2-D section does not change with what 3-D needs.
        return rng.spawn(1)[0].uniform(-spread, spread, n)


def along(position: Coordinates, azimuth: float, centre: tuple[float, float]) -> np.ndarray:
    """Distance along a direction, which turns around the centre; x itself for azimuth 0."""
    _, y, x = position
    if azimuth == 0:
        return x
    return centre[1] + (x - centre[1]) * np.cos(azimuth) + (y - centre[0]) * np.sin(azimuth)


def make_grid(
    cells: tuple[int, ...],
    spacing: float,
    limits: tuple[float, float],
    top: float = 0.0,
    drape: np.ndarray | float = 0.0,
) -> Grid:
    """Grid of the rock of a model.

    Parameters
    ----------
    cells : tuple of int
        (n_depth, n_x) or (n_depth, n_y, n_x).
    spacing : float
        Size of a cell (m).
    limits : (float, float)
        Range of the velocities (m/s).
    top : float, default 0
        Depth of the mean top of the rock (m).
    drape : ndarray or float, default 0
        See :class:`Grid`.
    """
    thickness = cells[0] * spacing - top
    z = ((np.arange(cells[0]) + 0.5) * spacing - top) / thickness
    *across, x = [(np.arange(n) + 0.5) * spacing / thickness for n in cells[1:]]
    if across:
        z, y, x = z[:, None, None], across[0][None, :, None], x[None, None, :]
    else:
        z, y, x = z[:, None], np.zeros((1, 1)), x[None, :]
    return Grid(z, y, x, spacing / thickness, thickness, *limits, drape=drape)
