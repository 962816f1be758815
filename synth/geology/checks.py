"""What can be asked of a family, and what is said when it cannot."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

import numpy as np

from seisgeo import conventions
from seisgeo.errors import SimulationError

__all__ = ["check_numbers", "check_range", "check_seed", "check_shape", "check_water"]

# Fewer cells than this cannot show the layers of any family.
MIN_CELLS = 10
# Rows of sediment that a water layer has to leave.
MIN_SEDIMENT = 5


def check_numbers(indices: int | Iterable[int]) -> list[int]:
    """Numbers of the models to draw."""
    try:
        numbers = (
            [operator.index(i) for i in indices]
            if isinstance(indices, Iterable)
            else list(range(operator.index(indices)))
        )
    except TypeError:
        raise SimulationError(
            f"indices: expected a count or whole numbers of models, found {indices!r}"
        ) from None
    if not numbers:
        raise SimulationError(f"indices: expected at least one model to draw, found {indices!r}")
    if min(numbers) < 0:
        raise SimulationError(f"indices: expected numbers of zero or more, found {min(numbers)}")
    return numbers


def check_shape(shape: Sequence[int], grid_spacing: float) -> tuple[int, ...]:
    """Shape and spacing of a grid, or what is wrong with them."""
    cells = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    whole = all(isinstance(n, int | np.integer) for n in cells)
    if len(cells) not in (2, 3) or not whole or min(cells) < MIN_CELLS:
        raise SimulationError(
            f"shape: expected (depth, x) or (depth, y, x) of at least {MIN_CELLS} cells each, "
            f"found {shape}"
        )
    if not (np.isfinite(grid_spacing) and grid_spacing > 0):
        raise SimulationError(f"grid_spacing: expected metres above zero, found {grid_spacing!r}")
    return tuple(int(n) for n in cells)


def check_seed(seed: int) -> int:
    """A seed."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise SimulationError(f"seed: expected a whole number of zero or more, found {seed!r}")
    return int(seed)


def check_range(velocity_range: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest velocity (m/s)."""
    low, high = (float(v) for v in velocity_range)
    lowest, highest = conventions.VELOCITY_RANGE
    if low > 0 and 0 < high < 12:
        raise SimulationError(
            f"velocity_range: ({low:g}, {high:g}) looks like km/s; expected m/s (multiply by 1000)"
        )
    if not low < high:
        raise SimulationError(
            f"velocity_range: expected (lowest, highest) in m/s, found ({low:g}, {high:g})"
        )
    if low < lowest or high > highest:
        raise SimulationError(
            f"velocity_range: expected P velocities of {lowest:g} to {highest:g} m/s, "
            f"found ({low:g}, {high:g})"
        )
    return low, high


def check_water(
    water_depth: tuple[float, float], n_depth: int, grid_spacing: float
) -> tuple[float, float]:
    """Shallowest and deepest sea floor (m), for a model of `n_depth` rows."""
    shallow, deep = (float(w) for w in water_depth)
    if not 0 <= shallow <= deep:
        raise SimulationError(
            f"water_depth: expected (shallowest, deepest) in m, found ({shallow:g}, {deep:g})"
        )
    room = (n_depth - MIN_SEDIMENT) * grid_spacing
    if deep > room:
        raise SimulationError(
            f"water_depth: water of {deep:g} m does not fit a model of {n_depth} cells of "
            f"{grid_spacing:g} m = {n_depth * grid_spacing:g} m, which needs {MIN_SEDIMENT} rows "
            f"of sediment; stay below {room:g} m or make the model deeper"
        )
    return shallow, deep
