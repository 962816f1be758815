"""What Deepwave is run with, and what is checked before it runs."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from seisgeo.errors import ParameterError, SimulationError
from seisgeo.synth.survey import Survey
from seisgeo.synth.wavelets import preroll

__all__ = [
    "ACCURACY",
    "COURANT",
    "HEADROOM",
    "HICKS_HALF_WIDTH",
    "PML_CELLS",
    "RELAXATIONS",
    "check_physics",
    "check_survey",
    "physics_of",
    "plan",
    "q_band",
]

#: Finite-difference order in space.
ACCURACY: Final = 4
#: Courant numbers of the wave equations: the scalar scheme's limit is 0.866, the staggered
#: grid's 0.857.
COURANT: Final = {"scalar": 0.85, "acoustic": 0.8, "viscoacoustic": 0.8, "elastic": 0.8}
#: Fastest wave that the time step is made for, in velocities of the fastest model. Where material
#: varies, Deepwave's bound of stability counts the stiffest with the lightest of its cells; waves
#: of the highest frequencies are 2 % faster in rock of Q = 40, 4 % in rock of Q = 20.
HEADROOM: Final = {"scalar": 1.0, "acoustic": 1.1, "viscoacoustic": 1.15, "elastic": 1.7}
PML_CELLS: Final = 20
HICKS_HALF_WIDTH: Final = 4
#: Cells of a model along each axis, at least: the finite-difference stencil and its mirror.
MIN_CELLS: Final = 8
#: Relaxations whose losses add up to a constant Q, and the lowest and highest frequency of the
#: band that they fit it in, in peak frequencies.
RELAXATIONS: Final = 3
Q_BAND: Final = (0.1, 3.0)


def q_band(survey: Survey) -> tuple[float, float]:
    """Band (Hz) in which the relaxations of viscoacoustic waves make a constant Q."""
    low, high = Q_BAND
    return low * survey.peak_frequency, high * survey.peak_frequency


def physics_of(density: Any, vs: Any, q: Any) -> str:
    """Wave equation that these variables beside the velocity are for.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if vs is not None and q is not None:
        raise ParameterError("elastic waves have no attenuation here: give vs or q, not both")
    physics = "elastic" if vs is not None else "viscoacoustic" if q is not None else "acoustic"
    if density is not None:
        return physics
    if physics != "acoustic":
        name = "vs" if vs is not None else "q"
        raise ParameterError(f"{physics} waves need density beside {name}")
    return "scalar"


def check_physics(physics: str, component: str, survey: Survey) -> None:
    """Refuse wave equations and recorded quantities that this engine does not have."""
    if physics not in COURANT:
        raise ParameterError(f"physics={physics!r}: expected one of {', '.join(COURANT)}")
    allowed = ("pressure",) if physics == "scalar" else ("pressure", *survey.axes)
    if component not in allowed:
        raise ParameterError(
            f"component={component!r}: {physics} waves of a {len(survey.axes)}-D survey have "
            f"{', '.join(allowed)}"
        )


def check_survey(survey: Survey) -> None:
    """Refuse grids smaller than the stencil, and receivers that Deepwave cannot tell apart."""
    if min(survey.model_shape) < MIN_CELLS:
        raise SimulationError(
            f"the model has {' x '.join(map(str, survey.model_shape))} cells; the finite "
            f"differences need {MIN_CELLS} along each axis: use a smaller grid_spacing"
        )
    for shot, spread in enumerate(survey.receiver_positions):
        cells = np.round(spread / survey.grid_spacing, 3)
        _, first, number = np.unique(cells, axis=0, return_index=True, return_inverse=True)
        again = np.flatnonzero(first[number.ravel()] != np.arange(len(cells)))
        if again.size:
            raise SimulationError(
                f"receivers {first[number.ravel()[again[0]]]} and {again[0]} of source {shot} "
                f"stand at the same place, {', '.join(survey.axes)} "
                f"{', '.join(f'{p:g}' for p in spread[again[0]])} m: keep one of them"
            )


def plan(survey: Survey, max_velocity: float = 4500.0, physics: str = "scalar") -> dict[str, Any]:
    """Numerical settings of a simulation, before it runs.

    Parameters
    ----------
    survey : Survey
        The survey.
    max_velocity : float, default 4500
        Highest velocity of any model (m/s).
    physics : {"scalar", "acoustic", "viscoacoustic", "elastic"}, default "scalar"
        The wave equation.

    Returns
    -------
    dict
        ``scheme`` (a sentence), ``step_ratio`` (internal time steps for each sample),
        ``internal_dt`` (s) and ``preroll`` (samples simulated before time zero, so that a wavelet
        that peaks there is whole).
    """
    # Stability: v dt sqrt(1/dx^2 + 1/dz^2 [+ 1/dy^2]) <= Courant number.
    ndim = len(survey.axes)
    fastest = HEADROOM[physics] * max_velocity
    limit = COURANT[physics] * survey.grid_spacing / (math.sqrt(ndim) * fastest)
    ratio = math.ceil(survey.dt / limit * (1 - 1e-9))
    low, high = q_band(survey)
    losses = (
        f", constant Q of {RELAXATIONS} relaxations from {low:.4g} to {high:.4g} Hz, velocity at "
        f"{survey.peak_frequency:.4g} Hz"
    )
    return {
        "scheme": f"deepwave {physics}, {ndim}-D, accuracy {ACCURACY}, PML {PML_CELLS} cells, "
        f"{ratio} internal steps of {survey.dt / ratio * 1e3:.4g} ms a sample, "
        f"{'free' if survey.free_surface else 'absorbing'} surface"
        f"{losses if physics == 'viscoacoustic' else ''}",
        "step_ratio": ratio,
        "internal_dt": survey.dt / ratio,
        "preroll": preroll(survey),
        "max_velocity": max_velocity,
    }
