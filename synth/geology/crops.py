"""Velocity models cropped at random from a model that is given, Marmousi2 for instance."""

from __future__ import annotations

import functools
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from seisgeo import conventions
from seisgeo.errors import ConventionError, SimulationError
from seisgeo.synth.geology.checks import (
    MIN_CELLS,
    check_numbers,
    check_range,
    check_seed,
    check_shape,
    check_water,
)
from seisgeo.synth.geology.cube import velocity_cube
from seisgeo.synth.geology.families import family_label
from seisgeo.synth.geology.fractal import fractal_noise
from seisgeo.synth.geology.grid import make_grid
from seisgeo.synth.geology.surface import gentle_sea_floor
from seisgeo.synth.rock import water_cells

__all__ = ["crop_velocity"]


def crop_velocity(
    model: str | os.PathLike[str] | xr.Dataset,
    indices: int | Iterable[int],
    *,
    seed: int,
    shape: Sequence[int] = (70, 70),
    grid_spacing: float = 10.0,
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
    water_depth: tuple[float, float] | None = None,
    zoom: tuple[float, float] = (1.0, 3.0),
    perturbation: float = 0.05,
) -> xr.Dataset:
    """Crop a velocity model at random: place, size, side, and velocities a little changed.

    Each crop is a window of the model, anywhere in it, stretched to the grid and half of the times
    mirrored. Its velocities are multiplied by one factor and by a smooth field around one, and cut
    to the range; water at the top of the model stays as it is.

    Parameters
    ----------
    model : path-like or xarray.Dataset
        Velocity against depth in m/s: whatever :func:`seisgeo.adapters.open_cube` reads, 2-D, a
        set of models, or a 3-D cube, of which sections in both directions are taken.
    indices : int or iterable of int
        Numbers of the crops; an int n stands for 0 to n - 1. A crop depends on the values of
        `model`, the seed and its number alone.
    seed : int
        Seed, zero or larger.
    shape, grid_spacing, velocity_range, water_depth
        As for :func:`draw_velocity`; two-dimensional. Water of 1500 m/s replaces what the crop
        has above the floor.
    zoom : (float, float), default (1.0, 3.0)
        Smallest and largest size of a window, as a multiple of the grid's. Where the model is
        smaller than that, windows are as large as it allows.
    perturbation : float, default 0.05
        Standard deviation of the factor; that of the smooth field is half of it. 0 to 0.3.

    Returns
    -------
    xarray.Dataset
        Velocity cube like :func:`draw_velocity`'s; ``family`` is the name of the file,
        without its suffix.

    Raises
    ------
    SimulationError
        If the model is too small, or a parameter makes no crop.
    ConventionError
        If the model holds no velocity in depth, or none in m/s.

    Examples
    --------
    >>> from seisgeo.synth.geology import draw_velocity
    >>> big = draw_velocity("folded", 1, seed=0, shape=(200, 500))
    >>> crops = crop_velocity(big, 3, seed=1)
    >>> crops.velocity.shape
    (3, 70, 70)
    """
    numbers = check_numbers(indices)
    seed = check_seed(seed)
    cells = check_shape(shape, grid_spacing)
    limits = check_range(velocity_range)
    if len(cells) != 2:
        raise SimulationError(f"shape: crops are two-dimensional, (depth, x); found {shape}")
    if not 0 < zoom[0] <= zoom[1]:
        raise SimulationError(f"zoom: expected (smallest, largest) above zero, found {zoom}")
    if not 0 <= perturbation <= 0.3:
        raise SimulationError(f"perturbation: expected 0 to 0.3, found {perturbation!r}")
    if water_depth is not None:
        water_depth = check_water(water_depth, cells[0], grid_spacing)
    if isinstance(model, xr.Dataset):
        name, sections = str(model.attrs.get("source", "model")), _sections(model, "model")
    else:
        name = os.fspath(model)
        state = os.stat(name)
        sections = _of_file(name, state.st_mtime_ns, state.st_size)

    velocity = np.empty((len(numbers), *cells), np.float32)
    for crop, number in zip(velocity, numbers, strict=True):
        rng = np.random.default_rng([seed, sections[0].key, number])
        section = sections[int(rng.integers(len(sections)))]
        crop[:] = _crop(section, rng, cells, grid_spacing, limits, zoom, perturbation, name)
        if water_depth is not None:
            grid = make_grid(cells, grid_spacing, limits)
            floor = gentle_sea_floor(rng.spawn(1)[0], grid, water_depth)
            depth = np.arange(cells[0])[:, None] * grid_spacing
            crop[depth < floor.depth] = floor.velocity
    return velocity_cube(
        velocity,
        grid_spacing,
        family_label(name),
        numbers,
        source="seisgeo.synth.crop_velocity",
        model=name,
        seed=seed,
        velocity_range=list(limits),
        water_depth=None if water_depth is None else list(water_depth),
        zoom=list(zoom),
        perturbation=float(perturbation),
    )


@dataclass(frozen=True)
class _Section:
    """Velocity (depth, distance), where it is water, spacings (m), checksum of the model."""

    velocity: np.ndarray
    water: np.ndarray
    water_velocity: float
    spacing: tuple[float, float]
    key: int


def _crop(
    section: _Section,
    rng: np.random.Generator,
    cells: tuple[int, ...],
    grid_spacing: float,
    limits: tuple[float, float],
    zoom: tuple[float, float],
    perturbation: float,
    name: str,
) -> np.ndarray:
    extent = [n * d for n, d in zip(section.velocity.shape, section.spacing, strict=True)]
    asked = [n * grid_spacing for n in cells]
    fits = min(e / a for e, a in zip(extent, asked, strict=True))
    largest = min(zoom[1], fits)
    smallest = min(zoom[0], largest)
    stretch = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    size = [a * stretch for a in asked]
    held = [s / d for s, d in zip(size, section.spacing, strict=True)]
    if min(held) < MIN_CELLS:
        raise SimulationError(
            f"{name}: a window of {size[0]:.0f} x {size[1]:.0f} m (depth x distance) has only "
            f"{held[0]:.0f} x {held[1]:.0f} cells of this model, which is {extent[0]:.0f} x "
            f"{extent[1]:.0f} m; at least {MIN_CELLS} are needed: take a larger model or zoom, or "
            "a grid of another shape"
        )
    start = [rng.uniform(0, max(e - s, 0)) for e, s in zip(extent, size, strict=True)]
    rock, water = section.velocity, section.water
    for axis in (0, 1):
        step = size[axis] / cells[axis] / section.spacing[axis]
        centre = start[axis] / section.spacing[axis] + (np.arange(cells[axis]) + 0.5) * step - 0.5
        low = max(int(centre[0]) - 4, 0)
        part = slice(low, int(centre[-1]) + 6)
        rock, water = (np.take(v, range(*part.indices(v.shape[axis])), axis) for v in (rock, water))
        if step > 1:  # coarser than the model: a mean over the cell, not a sample of it
            rock = ndimage.gaussian_filter1d(rock, 0.4 * step, axis=axis, mode="nearest")
        rock = _linear(rock, centre - low, axis)
        water = _linear(water.astype(np.float32), centre - low, axis)
    factor = 1 + perturbation * rng.standard_normal()
    # Smooth over half of the crop: drawn on a few cells, whatever the grid.
    smooth = fractal_noise(rng, (16, 16), (8, 8), 0.9)
    for axis in (0, 1):
        smooth = _linear(smooth, np.linspace(0, 15, cells[axis]), axis)
    changed = np.clip(rock * factor * (1 + 0.5 * perturbation * smooth), *limits)
    # Water is as it was, also where the interpolation mixed it with rock.
    crop = np.where(water > 0.5, section.water_velocity, changed)
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def _linear(values: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """Linear interpolation at positions (cells) along an axis; constant beyond its ends."""
    at = np.clip(at, 0, values.shape[axis] - 1)
    before = np.minimum(at.astype(int), values.shape[axis] - 2)
    weight = (at - before).reshape((-1, 1) if axis == 0 else (1, -1)).astype(np.float32)
    first, second = np.take(values, before, axis), np.take(values, before + 1, axis)
    return first + weight * (second - first)


@functools.lru_cache(maxsize=4)
def _of_file(name: str, modified: int, size: int) -> list[_Section]:
    from seisgeo.adapters import open_cube

    with open_cube(name) as ds:
        return _sections(ds, name)


def _sections(ds: xr.Dataset, name: str) -> list[_Section]:
    """Vertical sections of a velocity cube."""
    if "velocity" not in ds.data_vars or "depth" not in ds["velocity"].dims:
        raise ConventionError(
            f"{name}: crops need velocity against depth, and found "
            f"{ {str(k): v.dims for k, v in ds.data_vars.items()} or 'no variables' }"
        )
    conventions.validate(ds, "velocity")
    velocity = ds["velocity"].load()
    try:
        conventions.check_velocity(velocity)
    except ConventionError as error:
        raise ConventionError(f"{name}: {error}") from error
    key = zlib.crc32(np.ascontiguousarray(velocity.values, "<f4").tobytes())
    down = _spacing(velocity["depth"].values)
    across = [d for d in ("x", "y", "cdp", "inline", "crossline") if d in velocity.dims]
    found = []
    for along in across:
        others = [d for d in velocity.dims if d not in ("depth", along)]
        if others and velocity.sizes[along] < MIN_CELLS:
            continue
        planes = velocity.transpose(*others, "depth", along).values
        distance = _distances(velocity, along)
        if not distance > 0:
            raise ConventionError(
                f"{name}: crops need the spacing of the columns along {along!r}; found "
                f"{distance:g} m"
            )
        for plane in planes.reshape(-1, *planes.shape[-2:]).astype(np.float32):
            water = water_cells(plane, axis=0)
            speed = float(np.median(plane[0, water[0]])) if water[0].any() else 0.0
            found.append(_Section(plane, water, speed, (down, distance), key))
    if not found:
        raise SimulationError(
            f"{name}: {dict(velocity.sizes)} cells are too few to crop: {MIN_CELLS} are needed"
        )
    return found


def _distances(velocity: xr.DataArray, along: str) -> float:
    """Spacing along a dimension (m): by its coordinate, or by where its lines lie."""
    if along in ("x", "y"):
        return _spacing(velocity[along].values)
    if not {"cdp_x", "cdp_y"} <= set(velocity.coords):
        raise ConventionError(f"crops need positions, cdp_x and cdp_y, along {along!r}")
    dx, dy = (
        velocity[name].diff(along).values if along in velocity[name].dims else np.zeros(1)
        for name in ("cdp_x", "cdp_y")
    )
    return float(np.nanmedian(np.hypot(dx, dy)))


def _spacing(values: np.ndarray) -> float:
    return float(np.median(np.diff(values)))
