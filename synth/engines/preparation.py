"""What an engine demands of models and survey, checked before anything runs."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError, SimulationError
from seisgeo.synth.survey import Survey

__all__ = ["check_grid", "check_materials", "check_velocity"]

#: Cells of the shortest wavelength that still carries energy (2.5 times the peak frequency).
MIN_CELLS_PER_WAVELENGTH = 2.0
#: Densities (kg/m3) that a model may hold: outside they are in g/cm3, or no rock's.
DENSITY_RANGE = (100.0, 10_000.0)


def check_grid(velocity: xr.DataArray, survey: Survey) -> None:
    """Raise :class:`~seisgeo.errors.SimulationError` where models are not on the survey's grid."""
    missing = [axis for axis in survey.axes if axis not in velocity.dims]
    if missing or velocity.ndim != len(survey.axes) + 1:
        raise SimulationError(
            f"the models have dimensions {velocity.dims}, the survey is "
            f"{len(survey.axes)}-dimensional: expected (sample, {', '.join(survey.axes)})"
        )
    shape = tuple(velocity.sizes[axis] for axis in survey.axes)
    if shape != survey.model_shape:
        raise SimulationError(
            f"the models have {' x '.join(map(str, shape))} cells ({', '.join(survey.axes)}), the "
            f"survey's grid has {' x '.join(map(str, survey.model_shape))}: interpolate the "
            "models, or make the survey with another grid_spacing or depth"
        )
    for axis in survey.axes:
        if axis in velocity.coords:
            step = np.diff(velocity[axis].values)
            if not np.allclose(step, survey.grid_spacing, rtol=1e-3):
                raise SimulationError(
                    f"the models' {axis} steps are {step.min():g} to {step.max():g} m, "
                    f"the survey's grid spacing is {survey.grid_spacing:g} m"
                )
            start = float(velocity[axis][0])
            if abs(start) > 1e-3 * survey.grid_spacing:
                raise SimulationError(
                    f"the models' {axis} axis starts at {start:g} m, the survey's positions count "
                    f"from 0: shift it, models.assign_coords({axis}=models.{axis} - {start:g})"
                )


def check_velocity(
    velocity: np.ndarray, survey: Survey, max_velocity: float, *, slowest: np.ndarray | None = None
) -> None:
    """Refuse velocities that are none, too fast for the time step or too slow for the grid.

    Parameters
    ----------
    velocity : numpy.ndarray
        P velocities (m/s), shape (sample, depth, x) or (sample, depth, y, x).
    survey : Survey
        Gives the grid and the wavelet.
    max_velocity : float
        Highest velocity (m/s) that the time step is made for.
    slowest : numpy.ndarray, optional
        S velocities (m/s), whose wavelengths are shorter; zero (a fluid) has none.

    Raises
    ------
    ConventionError
        If a velocity is not finite, not positive or not in m/s.
    SimulationError
        If it is above `max_velocity`, or a wavelength has too few cells.
    """
    if velocity.ndim != len(survey.axes) + 1 or velocity.shape[1:] != survey.model_shape:
        raise SimulationError(
            f"the models have shape {velocity.shape}, expected (sample, {', '.join(survey.axes)}) "
            f"of {' x '.join(map(str, survey.model_shape))} cells, the survey's grid"
        )
    conventions.check_velocity(velocity)
    low, high = float(velocity.min()), float(velocity.max())
    if high > max_velocity:
        raise SimulationError(
            f"the models reach {high:g} m/s, above max_velocity={max_velocity:g}: "
            f"pass max_velocity={math.ceil(high / 100) * 100:g}"
        )
    if slowest is not None:
        conventions.check_finite(slowest, "vs")
        solid = slowest[slowest > 0]
        low = float(solid.min()) if solid.size else low
    cells = low / (2.5 * survey.peak_frequency * survey.grid_spacing)
    if cells < MIN_CELLS_PER_WAVELENGTH:
        best = low / (2.5 * survey.peak_frequency * MIN_CELLS_PER_WAVELENGTH)
        raise SimulationError(
            f"numerical dispersion: {low:g} m/s at {2.5 * survey.peak_frequency:g} Hz (2.5 times "
            f"the peak frequency) has {cells:.1f} cells a wavelength, at least "
            f"{MIN_CELLS_PER_WAVELENGTH:g} are needed: use grid_spacing <= {best:.3g} m or "
            f"peak_frequency <= {survey.peak_frequency * cells / MIN_CELLS_PER_WAVELENGTH:.3g} Hz"
        )


def check_materials(
    velocity: np.ndarray,
    *,
    density: np.ndarray | None,
    vs: np.ndarray | None,
    q: np.ndarray | None,
) -> None:
    """Refuse densities, S velocities and Q that no rock has beside these P velocities.

    Raises
    ------
    ConventionError
        If one is shaped otherwise, not finite or in other units, or if vs is so near vp that the
        bulk modulus is not positive.
    """
    for name, values in (("density", density), ("vs", vs), ("q", q)):
        if values is None:
            continue
        if values.shape != velocity.shape:
            raise ConventionError(
                f"variable {name!r}: shape {values.shape}, the velocity's is {velocity.shape}"
            )
        conventions.check_finite(values, name)
    if density is not None:
        low, high = float(density.min()), float(density.max())
        if low < DENSITY_RANGE[0] or high > DENSITY_RANGE[1]:
            raise ConventionError(
                f"variable 'density': {low:g} to {high:g}, expected "
                f"{DENSITY_RANGE[0]:g} to {DENSITY_RANGE[1]:g} kg/m3"
                + (": multiply g/cm3 by 1000" if high < 10 else "")
            )
    if q is not None and float(q.min()) < conventions.LOWEST_Q:
        low = float(q.min())
        raise ConventionError(
            f"variable 'q': {low:g}, expected a quality factor of {conventions.LOWEST_Q:g} or more"
            + (", not its reciprocal: 1 / q" if low > 0 and float(q.max()) < 1 else "")
        )
    if vs is not None:
        if float(vs.min()) < 0:
            raise ConventionError(f"variable 'vs': {float(vs.min()):g} m/s is negative")
        # The bulk modulus, rho (vp^2 - 4/3 vs^2), must be positive.
        bad = vs >= velocity * math.sqrt(0.75)
        if bad.any():
            at = np.unravel_index(int(np.argmax(bad)), bad.shape)
            raise ConventionError(
                f"variable 'vs': {float(vs[at]):g} m/s where vp is {float(velocity[at]):g} m/s "
                f"(at {tuple(int(i) for i in at)}); expected less than 0.866 vp, or the rock "
                "would have no bulk modulus"
            )
