"""OpenFWI's finite-difference scheme in numbers: padding, sponge, time step and source.

The scheme that reproduces the released data: second order in time, fourth in space, 120 cells of
sponge on every side, and an outer edge where the grid closes on itself. With b = (v dt / dx)^2 and
d the damping (1/s),

    p(n+1) = (2 - 5 b - d dt) p(n) - (1 - d dt) p(n-1)
             + b [4/3 (neighbours at +-1) - 1/12 (neighbours at +-2)]

The engines compute the same as p(n) + keep (p(n) - p(n-1)) + alpha (16 near - far - 60 p(n)), with
alpha = b / 12 and keep = 1 - d dt, which loses less to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from seisgeo.errors import SimulationError
from seisgeo.synth.survey import Survey
from seisgeo.synth.wavelets import first_sample, source_signature

__all__ = ["PAD", "Coefficients", "cells", "check_physics", "coefficients", "plan"]

#: Cells of sponge on every side.
PAD: Final = 120
#: Highest v dt / dx. The fourth-order stencil allows sqrt(3/8) = 0.612, the sponge takes its share
#: of it: 32/3 b <= 4 - 2 d dt with d dt up to 0.203 v dt / dx.
COURANT: Final = 0.593


@dataclass(frozen=True)
class Coefficients:
    """What one model's simulation needs, in float64.

    Attributes
    ----------
    alpha : numpy.ndarray
        (v dt / dx)^2 / 12 of the model's rows, padded along x, shape (depth, padded x). Rows above
        and below repeat the first and the last.
    keep : numpy.ndarray
        1 - d dt by distance from the model's rows, shape (PAD, padded x): row 0 holds for the
        model's rows and the nearest above and below, row 119 for the outermost.
    emitted : numpy.ndarray
        What each step adds at the source's cell, (v dt)^2 w, shape (source, step).
    courant : float
        Highest v dt / dx: cells that a wave travels in a step.
    """

    alpha: np.ndarray
    keep: np.ndarray
    emitted: np.ndarray
    courant: float

    @property
    def padded_shape(self) -> tuple[int, int]:
        """Rows and columns of the padded grid."""
        return len(self.alpha) + 2 * PAD, self.alpha.shape[1]


def check_physics(physics: str, component: str, survey: Survey) -> None:
    """Refuse what the scheme does not have: anything but pressure of scalar waves in 2-D."""
    asked = (physics, component, len(survey.axes))
    if asked != ("scalar", "pressure", 2):
        raise SimulationError(
            f"engine 'openfwi' has scalar waves in two dimensions and records pressure; asked for "
            f"physics={physics!r}, component={component!r} in {len(survey.axes)} dimensions: use "
            "engine='deepwave'"
        )


def plan(survey: Survey, max_velocity: float = 4500.0, physics: str = "scalar") -> dict[str, Any]:
    """Numerical settings of a simulation, checked before it runs.

    Parameters
    ----------
    survey : Survey
        The survey.
    max_velocity : float, default 4500
        Highest velocity of any model (m/s).
    physics : str, default "scalar"
        The wave equation; there is no other.

    Returns
    -------
    dict
        ``scheme`` (a sentence), ``step_ratio`` (always 1), ``internal_dt`` (s), ``preroll``
        (samples simulated before time zero, so that a wavelet that peaks there is whole) and
        ``max_velocity``.

    Raises
    ------
    SimulationError
        If the survey asks for what the scheme cannot do: a free surface, positions between cells,
        a time step that is not stable. The message says what would do.
    """
    check_physics(physics, "pressure", survey)
    if survey.free_surface:
        raise SimulationError(
            "engine 'openfwi' absorbs at every edge, and this survey has a free surface: "
            "use engine='deepwave', or a survey with free_surface=False"
        )
    cells(survey)
    number = max_velocity * survey.dt / survey.grid_spacing
    if number > COURANT:
        dt = COURANT * survey.grid_spacing / max_velocity
        raise SimulationError(
            f"engine 'openfwi' takes one step a sample and is unstable above v dt / dx = {COURANT}"
            f": {max_velocity:g} m/s x {survey.dt * 1e3:g} ms / {survey.grid_spacing:g} m = "
            f"{number:.3g}; use dt <= {dt * 1e3:.3g} ms, grid_spacing >= "
            f"{max_velocity * survey.dt / COURANT:.3g} m, a lower max_velocity if the models are "
            "slower, or engine='deepwave', which takes smaller steps inside"
        )
    return {
        "scheme": "OpenFWI's: order 2 in time, 4 in space, sponge of 120 cells, periodic outer "
        "edge, absorbing surface",
        "step_ratio": 1,
        "internal_dt": survey.dt,
        # Sample n holds the field after the source of step n was added, which is that of time n+1.
        "preroll": max(0, -first_sample(survey) - 1),
        "max_velocity": max_velocity,
    }


def cells(survey: Survey) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of sources (source, 2) and receivers (source, receiver, 2), padded grid."""
    found = []
    for what in ("source", "receiver"):
        xs, depths = (np.array(getattr(survey, f"{what}_{axis}")) for axis in ("x", "depth"))
        position = np.stack([depths, xs], axis=-1) / survey.grid_spacing
        cell = np.rint(position)
        off = np.abs(position - cell) > 1e-3
        if off.any():
            *number, axis = np.argwhere(off)[0]
            where = (depths, xs)[axis][tuple(number)]
            raise SimulationError(
                f"engine 'openfwi' has sources and receivers on cells only: {what} "
                f"{', '.join(map(str, number))} at {('depth', 'x')[axis]} {where:g} m lies between "
                f"two (grid spacing {survey.grid_spacing:g} m), and {int(off.any(-1).sum()) - 1} "
                "more do; move them onto cells, or use engine='deepwave', which interpolates"
            )
        found.append(cell.astype(np.int64) + PAD)
    return found[0], found[1]


def coefficients(velocity: np.ndarray, survey: Survey) -> Coefficients:
    """Coefficients of one model.

    Parameters
    ----------
    velocity : numpy.ndarray
        One model (m/s), shape (depth, x).
    survey : Survey
        The survey.

    Returns
    -------
    Coefficients
        Ready for the engines.
    """
    velocity = np.asarray(velocity, float)
    dx, dt, nx = survey.grid_spacing, survey.dt, velocity.shape[1]
    padded = np.pad(velocity, ((0, 0), (PAD, PAD)), mode="edge")
    thickness = (PAD - 1) * dx
    strongest = 3 * velocity.min() * math.log(1e7) / (2 * thickness)
    damping = strongest * (np.arange(PAD) * dx / thickness) ** 2
    keep = np.empty((PAD, nx + 2 * PAD))
    keep[:] = 1 - damping[:, None] * dt
    keep[:, :PAD], keep[:, PAD + nx :] = 1 - damping[::-1] * dt, 1 - damping * dt
    preroll = plan(survey, float(velocity.max()))["preroll"]
    steps = survey.nt + preroll
    # One sample more of the wavelet before time zero, and none at its end: see plan.
    wavelet = source_signature(survey, preroll + 1)[:steps]
    rows, columns = (cells(survey)[0] - PAD).T
    strength = (velocity[rows, columns] * dt) ** 2
    return Coefficients(
        alpha=(padded * dt / dx) ** 2 / 12,
        keep=keep,
        emitted=strength[:, None] * wavelet,
        courant=float(velocity.max()) * dt / dx,
    )
