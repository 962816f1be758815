"""Drawing velocity models of a family on a grid."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from seisgeo.errors import SimulationError
from seisgeo.synth.geology.checks import (
    check_numbers,
    check_range,
    check_seed,
    check_shape,
    check_water,
)
from seisgeo.synth.geology.crops import crop_velocity
from seisgeo.synth.geology.cube import velocity_cube
from seisgeo.synth.geology.earth import EarthFamily
from seisgeo.synth.geology.families import FAMILIES, Family, canonical_family
from seisgeo.synth.geology.grid import make_grid
from seisgeo.synth.geology.surface import SeaFloor, Water, gentle_sea_floor

__all__ = ["draw_velocity"]


def draw_velocity(
    family: str | os.PathLike[str] | Family,
    indices: int | Iterable[int],
    *,
    seed: int,
    shape: Sequence[int] = (70, 70),
    grid_spacing: float = 10.0,
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
    water_depth: tuple[float, float] | None = None,
) -> xr.Dataset:
    """Draw velocity models of one family.

    Parameters
    ----------
    family : str, path-like or Family
        A key of :data:`FAMILIES`, such as ``"curvefault-b"`` or ``"salt"``; OpenFWI's own spellings
        (``"CurveFault_B"``) are understood. A file of velocities stands for random crops of it
        (:func:`crop_velocity`). A family of your own, for instance an :class:`EarthFamily`, is
        called ``custom``.
    indices : int or iterable of int
        Numbers of the models to draw; an int n stands for 0 to n - 1. Each model has a random
        stream of its own: the same (seed, family, number) is the same model, byte for byte,
        whatever else is drawn with it.
    seed : int
        Seed, zero or larger.
    shape : sequence of int, default (70, 70)
        Cells in depth and along x, or in depth, along y and along x for 3-D models.
    grid_spacing : float, default 10.0
        Size of a cell (m), the same in all directions.
    velocity_range : (float, float), default (1500.0, 4500.0)
        Lowest and highest velocity of the rock (m/s). Water and a weathering layer may be slower.
    water_depth : (float, float), optional
        Shallowest and deepest sea floor (m). The models then begin with water above a floor that
        stays within these limits, and the family's structure fills the depth below it. OpenFWI's
        families get water of 1500 m/s and a gently undulating floor; the others what ``marine``
        has by itself: 1480 to 1520 m/s, and a floor that slopes and is eroded. Water takes the
        place of a weathering layer.

    Returns
    -------
    xarray.Dataset
        Velocity cube: ``velocity (sample, depth[, y], x)`` float32 in m/s, ``depth``, ``y`` and
        ``x`` in m from 0, ``family (sample)`` and ``family_index (sample)``, the number of each
        model.

    Raises
    ------
    MissingFileError
        If a file is named that is not there.
    SimulationError
        If the family is unknown, or a number, the shape, the spacing, the velocities or the water
        depths make no model; the message says what was expected and what was found.

    Examples
    --------
    >>> models = draw_velocity("flatvel-a", 3, seed=7)
    >>> models.velocity.sizes["sample"], float(models.velocity.diff("depth").min()) >= 0
    (3, True)
    >>> dict(draw_velocity("folded", 1, seed=7, shape=(20, 30, 40)).velocity.sizes)
    {'sample': 1, 'depth': 20, 'y': 30, 'x': 40}
    """
    if isinstance(family, str | os.PathLike):
        name = canonical_family(family)
        if name not in FAMILIES:
            return crop_velocity(
                name, indices, seed=seed, shape=shape, grid_spacing=grid_spacing,
                velocity_range=velocity_range, water_depth=water_depth,
            )  # fmt: skip
        parameters, key = FAMILIES[name], name
    elif callable(getattr(family, "section", None)):
        parameters, name, key = family, "custom", repr(family)
    else:
        raise SimulationError(
            f"family: expected a name, a file or a family such as EarthFamily(), found {family!r}"
        )
    numbers = check_numbers(indices)
    seed = check_seed(seed)
    cells = check_shape(shape, grid_spacing)
    limits = check_range(velocity_range)
    if water_depth is not None:
        water_depth = check_water(water_depth, cells[0], grid_spacing)

    velocity = np.empty((len(numbers), *cells), np.float32)
    for model, number in zip(velocity, numbers, strict=True):
        rng = np.random.default_rng([seed, zlib.crc32(key.encode()), number])
        model[:] = _draw(parameters, rng, cells, grid_spacing, limits, water_depth)
    return velocity_cube(
        velocity,
        grid_spacing,
        name,
        numbers,
        source="seisgeo.synth.draw_velocity",
        seed=seed,
        velocity_range=list(limits),
        water_depth=None if water_depth is None else list(water_depth),
    )


def _draw(
    family: Family,
    rng: np.random.Generator,
    cells: tuple[int, ...],
    spacing: float,
    limits: tuple[float, float],
    water_depth: tuple[float, float] | None,
) -> np.ndarray:
    """One model (m/s)."""
    floor = _sea_floor(family, rng, cells, spacing, limits, water_depth)
    top = floor.mean if floor else 0.0
    drape = floor.drape / (cells[0] * spacing - top) if floor else 0.0
    grid = make_grid(cells, spacing, limits, top, drape)
    velocity = np.broadcast_to(family.section(rng, grid), cells)
    if floor:
        z = (np.arange(cells[0]) * spacing).reshape(grid.z.shape)
        return np.where(z < floor.depth, floor.velocity, velocity)
    if isinstance(family, EarthFamily) and family.weathering:
        return family.weathering.cover(rng.spawn(1)[0], grid, velocity)
    return velocity


def _sea_floor(
    family: Family,
    rng: np.random.Generator,
    cells: tuple[int, ...],
    spacing: float,
    limits: tuple[float, float],
    water_depth: tuple[float, float] | None,
) -> SeaFloor | None:
    own = family.water if isinstance(family, EarthFamily) else None
    if water_depth is None:
        if own is None:
            return None
        # A fraction of a shallow model is at least a row of cells, so that there is water.
        bottom = cells[0] * spacing
        water_depth = (max(own.depth[0] * bottom, spacing), max(own.depth[1] * bottom, spacing))
        water_depth = check_water(water_depth, cells[0], spacing)
    whole = make_grid(cells, spacing, limits)
    stream = rng.spawn(1)[0]
    if isinstance(family, EarthFamily):
        return (own or Water()).draw(stream, whole, water_depth)
    return gentle_sea_floor(stream, whole, water_depth)
