"""Velocity models drawn from geology: the ten 2-D families of OpenFWI.

The generator of OpenFWI (Deng et al., 2022, arXiv:2111.02926) was never released. What is known of
its maps is kept here: mean and standard deviation of each family, whole numbers except in Style,
constant rows in FlatVel, velocity that grows with depth in the A variants, gentle structure in A
and strong structure with more layers in B. Style follows the Gaussian process that J. Cottaar
fitted to the released maps (github.com/jcottaar/seismic, ``seis_prior.py``: squared-exponential
kernel, length 3.5 and 2.0 cells, standard deviation 183 and 158 m/s, trend of 31 m/s a row). The
released Fault files are called ``vel{2,3,4}_…`` and ``vel{6,7,8}_…``, which are taken as numbers of
layers. The rest (relief, throw, dip, layers of the Vel families) was not published and is our
choice, made to look like the figures of the paper.

Lengths are fractions of the depth of the model and velocities are fractions of the velocity range,
so that a family looks alike on any grid; OpenFWI's own grid is 70 x 70 cells of 10 m with
velocities of 1500 to 4500 m/s.
"""

from __future__ import annotations

import difflib
import operator
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from seisgeo import conventions
from seisgeo.errors import SimulationError

__all__ = [
    "FAMILIES",
    "WATER_VELOCITY",
    "LayeredFamily",
    "StyleFamily",
    "canonical_family",
    "draw_velocity",
]

#: Velocity of sea water (m/s).
WATER_VELOCITY = 1500.0

# Fewer cells than this cannot show the layers of any family.
_MIN_CELLS = 10
# Rows of sediment that a water layer has to leave.
_MIN_SEDIMENT = 5


def _param(units: str, **kwargs: Any) -> Any:
    return field(metadata={"units": units}, **kwargs)


@dataclass(frozen=True)
class LayeredFamily:
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

    layers: tuple[int, int] = _param("1")
    mean: float = _param("fraction of the velocity range")
    std: float = _param("fraction of the velocity range")
    increasing: bool = _param("1")
    min_thickness: float = _param("fraction of depth")
    min_contrast: float = _param("fraction of the velocity range", default=0.04)
    relief: tuple[float, float] = _param("fraction of depth", default=(0.0, 0.0))
    wavelength: tuple[float, float] = _param("multiple of depth", default=(1.0, 2.0))
    faults: tuple[int, int] = _param("1", default=(0, 0))
    throw: tuple[float, float] = _param("fraction of depth", default=(0.0, 0.0))
    dip: tuple[float, float] = _param("degree", default=(40.0, 80.0))

    whole_numbers = True

    def section(
        self, rng: np.random.Generator, z: np.ndarray, x: np.ndarray, cell: float
    ) -> np.ndarray:
        """Draw one section.

        Parameters
        ----------
        rng : numpy.random.Generator
            The stream of this model alone.
        z, x : ndarray
            Cell centres, shapes (n_depth, 1) and (1, n_x), in multiples of depth.
        cell : float
            Size of a cell in multiples of depth.

        Returns
        -------
        ndarray
            Velocity as a fraction of the range, broadcastable to (n_depth, n_x).
        """
        n = int(rng.integers(self.layers[0], self.layers[1] + 1))
        # Thicknesses are exchangeable, so that sorting the velocities leaves the mean and the
        # standard deviation over all cells as those of the distribution they are drawn from.
        spare = 1 - n * self.min_thickness
        thickness = self.min_thickness + spare * rng.dirichlet(np.full(n, 2.0))
        interfaces = np.cumsum(thickness)[:-1]
        velocity = self._layer_velocities(rng, n)
        if self.faults[1]:
            z, x = self._unfault(rng, z, x, width=x.size * cell)
        if self.relief[1]:
            z = self._unfold(rng, z, x)
        return velocity[np.searchsorted(interfaces, z, side="right")]

    def _layer_velocities(self, rng: np.random.Generator, n: int) -> np.ndarray:
        concentration = self.mean * (1 - self.mean) / self.std**2 - 1
        drawn = rng.beta(self.mean * concentration, (1 - self.mean) * concentration, (8, n))
        if self.increasing:
            drawn.sort(axis=1)
        contrast = np.abs(np.diff(drawn, axis=1)).min(axis=1)
        fits = contrast >= self.min_contrast
        return drawn[fits.argmax() if fits.any() else contrast.argmax()]

    def _unfold(self, rng: np.random.Generator, z: np.ndarray, x: np.ndarray) -> np.ndarray:
        height = rng.uniform(*self.relief)
        wavelength = rng.uniform(*self.wavelength, 3) * np.array([1.0, 0.6, 1.7])
        phase = rng.uniform(0, 2 * np.pi, 3)
        weight = np.array([1.0, 0.3, 0.4]) * rng.uniform([1.0, 0.0, 0.0], 1.0)
        growth = rng.uniform(-0.6, 0.6)
        fold = sum(
            w * np.sin(2 * np.pi / length * x + p)
            for w, length, p in zip(weight / weight.sum(), wavelength, phase, strict=True)
        )
        # Folds grow or fade with depth. |growth * height| < 1 keeps interfaces from crossing.
        return z - height * fold * (1 + growth * (z - 0.5))

    def _unfault(
        self, rng: np.random.Generator, z: np.ndarray, x: np.ndarray, width: float
    ) -> tuple[np.ndarray, np.ndarray]:
        n = int(rng.integers(self.faults[0], self.faults[1] + 1))
        n = max(n, round(n * width))
        position = (np.arange(n) + rng.uniform(0.25, 0.75, n)) / n * width
        dip = np.deg2rad(rng.uniform(*self.dip, n))
        lean = rng.choice([-1.0, 1.0], n)
        sense = rng.choice([1.0, -1.0], n, p=[0.75, 0.25])  # normal, reverse
        if n > 3:  # a wide section: grabens and horsts, so that layers do not drift out of it
            even = n // 2 * 2
            lean[1:even:2], sense[1:even:2] = -lean[0:even:2], sense[0:even:2]
        throw = rng.uniform(*self.throw, n) * sense
        # From the youngest fault to the oldest: each moves the cells back to where they were
        # before it, so older faults are themselves displaced by younger ones.
        for i in rng.permutation(n):
            run = lean[i] / np.tan(dip[i])
            hanging = (x - position[i] - run * (z - 0.5)) * lean[i] > 0
            # Both sides move by half of the throw: the section keeps its mean level.
            down = np.where(hanging, 0.5 * throw[i], -0.5 * throw[i])
            z, x = z - down, x - run * down
        return z, x


@dataclass(frozen=True)
class StyleFamily:
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

    mean: float = _param("fraction of the velocity range")
    trend: float = _param("fraction of the velocity range")
    trend_std: float = _param("fraction of the velocity range")
    offset_std: float = _param("fraction of the velocity range")
    std: float = _param("fraction of the velocity range")
    length: float = _param("fraction of depth")

    whole_numbers = False

    def section(
        self, rng: np.random.Generator, z: np.ndarray, x: np.ndarray, cell: float
    ) -> np.ndarray:
        """Draw one section; see :meth:`LayeredFamily.section`."""
        trend = rng.normal(self.trend, self.trend_std)
        level = rng.normal(self.mean, self.offset_std)
        process = _gaussian_process(rng, (z.size, x.size), self.length / cell)
        u = level + trend * (z - 0.5) + self.std * process
        # Soft bounds: a hard clip would leave flat patches, which Style maps do not have.
        soft = 0.015
        u = soft * np.logaddexp(0, u / soft)
        return 1 - soft * np.logaddexp(0, (1 - u) / soft)


def _gaussian_process(
    rng: np.random.Generator, shape: tuple[int, int], length: float
) -> np.ndarray:
    # White noise smoothed by a Gaussian of width length / sqrt(2) has the covariance
    # exp(-d^2 / (2 length^2)); a margin of noise on every side keeps it stationary at the edges.
    sigma = length / np.sqrt(2)
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    noise = rng.standard_normal((shape[0] + 2 * radius, shape[1] + 2 * radius))
    for axis in (0, 1):
        noise = gaussian_filter1d(noise, sigma, axis=axis, mode="constant", radius=radius)
    inner = noise[radius : radius + shape[0], radius : radius + shape[1]]
    return inner * (weights.sum() ** 2 / (weights**2).sum())


_VEL_A: dict[str, Any] = {"layers": (3, 8), "increasing": True, "min_thickness": 0.06}
_VEL_B: dict[str, Any] = {"layers": (3, 8), "increasing": False, "min_thickness": 0.06}
_FAULT_A: dict[str, Any] = {
    "layers": (2, 4),
    "increasing": True,
    "min_thickness": 0.12,
    "min_contrast": 0.08,
    "faults": (1, 1),
    "throw": (0.08, 0.25),
    "dip": (45.0, 80.0),
}
_FAULT_B: dict[str, Any] = {
    "layers": (6, 8),
    "increasing": False,
    "min_thickness": 0.06,
    "faults": (1, 3),
    "throw": (0.12, 0.35),
    "dip": (35.0, 80.0),
}
_GENTLE: dict[str, Any] = {"relief": (0.04, 0.12), "wavelength": (0.9, 1.8)}
_STRONG: dict[str, Any] = {"relief": (0.14, 0.32), "wavelength": (0.5, 1.0)}

#: Parameters of each family, by name.
FAMILIES: dict[str, LayeredFamily | StyleFamily] = {
    "flatvel-a": LayeredFamily(mean=0.412, std=0.255, **_VEL_A),
    "flatvel-b": LayeredFamily(mean=0.500, std=0.287, **_VEL_B),
    "curvevel-a": LayeredFamily(mean=0.415, std=0.255, **_VEL_A, **_GENTLE),
    "curvevel-b": LayeredFamily(mean=0.500, std=0.287, **_VEL_B, **_STRONG),
    "flatfault-a": LayeredFamily(mean=0.530, std=0.275, **_FAULT_A),
    "flatfault-b": LayeredFamily(mean=0.518, std=0.291, **_FAULT_B),
    "curvefault-a": LayeredFamily(mean=0.530, std=0.275, **_FAULT_A, **_GENTLE),
    "curvefault-b": LayeredFamily(mean=0.512, std=0.295, **_FAULT_B, **_STRONG),
    # OpenFWI's numbers come in cells of 70 and in m/s of a range of 3000 m/s.
    "style-a": StyleFamily(
        mean=0.410,
        trend=31.4 * 70 / 3000,
        trend_std=0.05,
        offset_std=0.03,
        std=185 / 3000,
        length=3.5 / 70,
    ),
    "style-b": StyleFamily(
        mean=0.446,
        trend=30.2 * 70 / 3000,
        trend_std=0.05,
        offset_std=0.03,
        std=158 / 3000,
        length=2.0 / 70,
    ),
}


def draw_velocity(
    family: str,
    indices: int | Iterable[int],
    *,
    seed: int,
    shape: tuple[int, int] = (70, 70),
    grid_spacing: float = 10.0,
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
    water_depth: tuple[float, float] | None = None,
) -> xr.Dataset:
    """Draw velocity models of one family.

    Parameters
    ----------
    family : str
        A key of :data:`FAMILIES`, such as ``"curvefault-b"``; OpenFWI's own spellings
        (``"CurveFault_B"``) are understood.
    indices : int or iterable of int
        Numbers of the models to draw; an int n stands for 0 to n - 1. Each model has a random
        stream of its own: the same (seed, family, number) is the same model, byte for byte,
        whatever else is drawn with it.
    seed : int
        Seed, zero or larger.
    shape : (int, int), default (70, 70)
        Cells in depth and along x.
    grid_spacing : float, default 10.0
        Size of a cell (m), the same in both directions.
    velocity_range : (float, float), default (1500.0, 4500.0)
        Lowest and highest velocity of the rock (m/s).
    water_depth : (float, float), optional
        Shallowest and deepest sea bottom (m). The models then begin with water of 1500 m/s above
        a gently undulating bottom that stays within these limits, and the family's structure
        fills the depth below it.

    Returns
    -------
    xarray.Dataset
        Velocity cube: ``velocity (sample, depth, x)`` float32 in m/s, ``depth`` and ``x`` in m
        from 0, ``family (sample)`` and ``family_index (sample)``, the number of each model.

    Raises
    ------
    SimulationError
        If the family is unknown, or a number, the shape, the spacing, the velocities or the water
        depths make no model; the message says what was expected and what was found.

    Examples
    --------
    >>> models = draw_velocity("flatvel-a", 3, seed=7)
    >>> models.velocity.sizes["sample"], float(models.velocity.diff("depth").min()) >= 0
    (3, True)
    """
    name = canonical_family(family)
    parameters = FAMILIES[name]
    numbers = _numbers(indices)
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise SimulationError(f"seed: expected a whole number of zero or more, found {seed!r}")
    n_depth, n_x = _check_shape(shape, grid_spacing)
    low, high = _check_range(velocity_range)
    if water_depth is not None:
        water_depth = _check_water(water_depth, n_depth, grid_spacing)

    velocity = np.empty((len(numbers), n_depth, n_x), np.float32)
    for row, number in zip(velocity, numbers, strict=True):
        rng = np.random.default_rng([int(seed), zlib.crc32(name.encode()), number])
        top, bottom = 0.0, None
        if water_depth is not None:
            top, bottom = _sea_bottom(rng.spawn(1)[0], water_depth, n_x, n_depth, grid_spacing)
        thickness = n_depth * grid_spacing - top
        z = ((np.arange(n_depth) + 0.5) * grid_spacing - top)[:, None] / thickness
        x = ((np.arange(n_x) + 0.5) * grid_spacing)[None, :] / thickness
        rock = low + (high - low) * parameters.section(rng, z, x, grid_spacing / thickness)
        row[:] = np.rint(rock) if parameters.whole_numbers else rock
        if bottom is not None:
            row[np.arange(n_depth)[:, None] * grid_spacing < bottom] = WATER_VELOCITY

    return conventions.describe(
        xr.Dataset(
            {"velocity": (("sample", "depth", "x"), velocity)},
            coords={
                "depth": ("depth", np.arange(n_depth) * float(grid_spacing)),
                "x": ("x", np.arange(n_x) * float(grid_spacing)),
                "family": ("sample", np.full(len(numbers), name)),
                "family_index": (
                    "sample",
                    np.asarray(numbers, np.int64),
                    {"units": "1", "long_name": "number of the model in its family and seed"},
                ),
            },
            attrs=conventions.provenance(
                source="seisgeo.synth.draw_velocity",
                family=name,
                seed=int(seed),
                grid_spacing=float(grid_spacing),
                velocity_range=[low, high],
                water_depth=None if water_depth is None else list(water_depth),
            ),
        )
    )


def _sea_bottom(
    rng: np.random.Generator,
    limits: tuple[float, float],
    n_x: int,
    n_depth: int,
    grid_spacing: float,
) -> tuple[float, np.ndarray]:
    """Mean water depth and the depth of the bottom over x (m)."""
    shallow, deep = limits
    mean = rng.uniform(shallow, deep)
    height = rng.uniform(0.3, 1) * min(0.1 * mean, mean - shallow, deep - mean)
    wavelength = rng.uniform(0.7, 2.5, 3) * n_depth * grid_spacing
    phase = rng.uniform(0, 2 * np.pi, 3)
    x = np.arange(n_x) * grid_spacing
    waves = np.sin(2 * np.pi * x / wavelength[:, None] + phase[:, None])
    return mean, mean + height * waves.mean(axis=0)


def canonical_family(family: str) -> str:
    """Name of a family as :data:`FAMILIES` spells it.

    Parameters
    ----------
    family : str
        In any usual spelling: ``curvefault-b``, ``CurveFault_B``.

    Raises
    ------
    SimulationError
        If there is no such family; the message names the nearest.

    Examples
    --------
    >>> canonical_family("CurveFault_B")
    'curvefault-b'
    """
    name = str(family).strip().lower().replace("_", "-")
    if name not in FAMILIES:
        close = difflib.get_close_matches(name, FAMILIES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SimulationError(
            f"unknown velocity family {family!r}.{hint} Known: {', '.join(FAMILIES)}"
        )
    return name


def _numbers(indices: int | Iterable[int]) -> list[int]:
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


def _check_shape(shape: tuple[int, int], grid_spacing: float) -> tuple[int, int]:
    cells = shape if isinstance(shape, tuple | list) else (shape,)
    whole = all(isinstance(n, int | np.integer) for n in cells)
    if len(cells) != 2 or not whole or min(cells) < _MIN_CELLS:
        raise SimulationError(
            f"shape: expected (depth, x) of at least {_MIN_CELLS} x {_MIN_CELLS} cells, "
            f"found {shape}"
        )
    if not (np.isfinite(grid_spacing) and grid_spacing > 0):
        raise SimulationError(f"grid_spacing: expected metres above zero, found {grid_spacing!r}")
    return int(cells[0]), int(cells[1])


def _check_range(velocity_range: tuple[float, float]) -> tuple[float, float]:
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


def _check_water(
    water_depth: tuple[float, float], n_depth: int, grid_spacing: float
) -> tuple[float, float]:
    shallow, deep = (float(w) for w in water_depth)
    if not 0 <= shallow <= deep:
        raise SimulationError(
            f"water_depth: expected (shallowest, deepest) in m, found ({shallow:g}, {deep:g})"
        )
    room = (n_depth - _MIN_SEDIMENT) * grid_spacing
    if deep > room:
        raise SimulationError(
            f"water_depth: water of {deep:g} m does not fit a model of {n_depth} cells of "
            f"{grid_spacing:g} m = {n_depth * grid_spacing:g} m, which needs {_MIN_SEDIMENT} rows "
            f"of sediment; stay below {room:g} m or make the model deeper"
        )
    return shallow, deep
