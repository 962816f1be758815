"""What every engine asks of models and survey, and the wavelet that all of them emit."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import SimulationError
from seisgeo.synth.survey import Survey

__all__ = ["check_grid", "check_velocity", "ricker", "wavelet_half_length"]

#: Cells of the shortest wavelength that still carries energy (2.5 times the peak frequency).
MIN_CELLS_PER_WAVELENGTH = 2.0


def wavelet_half_length(survey: Survey) -> int:
    """Samples of the wavelet on each side of its peak: 1.1 periods, as in OpenFWI."""
    return math.floor(1.1 / survey.peak_frequency / survey.dt + 1e-9)


def ricker(survey: Survey, preroll: int = 0) -> np.ndarray:
    """Ricker wavelet of a survey, cut to 2.2 periods as OpenFWI does.

    Parameters
    ----------
    survey : Survey
        Gives peak frequency, peak time and sampling.
    preroll : int, default 0
        Samples before time zero.

    Returns
    -------
    numpy.ndarray
        Shape (preroll + nt,), unit peak; zero outside 1.1 periods around the peak.
    """
    index = np.arange(survey.nt + preroll) - preroll
    lag = index - round(survey.peak_time / survey.dt)
    b = (np.pi * survey.peak_frequency * survey.dt * lag) ** 2
    inside = np.abs(lag) <= wavelet_half_length(survey)
    return np.where(inside, (1 - 2 * b) * np.exp(-b), 0.0)


def check_grid(velocity: xr.DataArray, survey: Survey) -> None:
    """Refuse models that do not lie on the survey's grid (SimulationError)."""
    shape = (velocity.sizes["depth"], velocity.sizes["x"])
    if shape != survey.model_shape:
        raise SimulationError(
            f"the models have {shape[0]} x {shape[1]} cells (depth, x), the survey's grid has "
            f"{survey.model_shape[0]} x {survey.model_shape[1]}: interpolate the models, "
            "or make the survey with another grid_spacing or depth"
        )
    for axis in ("depth", "x"):
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


def check_velocity(velocity: np.ndarray, survey: Survey, max_velocity: float) -> None:
    """Refuse velocities that are impossible, or that the grid or the time step cannot carry."""
    conventions.check_velocity(velocity)
    low, high = float(velocity.min()), float(velocity.max())
    if high > max_velocity:
        raise SimulationError(
            f"the models reach {high:g} m/s, above max_velocity={max_velocity:g}: "
            f"pass max_velocity={math.ceil(high / 100) * 100:g}"
        )
    cells = low / (2.5 * survey.peak_frequency * survey.grid_spacing)
    if cells < MIN_CELLS_PER_WAVELENGTH:
        best = low / (2.5 * survey.peak_frequency * MIN_CELLS_PER_WAVELENGTH)
        raise SimulationError(
            f"numerical dispersion: {low:g} m/s at {2.5 * survey.peak_frequency:g} Hz (2.5 times "
            f"the peak frequency) has {cells:.1f} cells a wavelength, at least "
            f"{MIN_CELLS_PER_WAVELENGTH:g} are needed: use grid_spacing <= {best:.3g} m or "
            f"peak_frequency <= {survey.peak_frequency * cells / MIN_CELLS_PER_WAVELENGTH:.3g} Hz"
        )
