"""Wave simulation with Deepwave (https://github.com/ar4/deepwave).

:mod:`.deepwave_scheme` has the numbers and what is checked, :mod:`.deepwave_layout` the grid,
:mod:`.deepwave_waves` the wave equations: scalar, acoustic, viscoacoustic, elastic.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.devices import default_device, one_thread
from seisgeo.synth.engines.batches import cpu_batch, gathered, in_batches
from seisgeo.synth.engines.deepwave_scheme import check_physics, check_survey, physics_of, plan
from seisgeo.synth.engines.deepwave_waves import propagate
from seisgeo.synth.engines.preparation import check_materials, check_velocity
from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    import torch

__all__ = ["check_physics", "plan", "propagate", "simulate_array", "simulate_batches"]


def simulate_array(
    velocity: np.ndarray,
    survey: Survey,
    *,
    density: np.ndarray | None = None,
    vs: np.ndarray | None = None,
    q: np.ndarray | None = None,
    component: str = "pressure",
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> np.ndarray:
    """Array form of :func:`seisgeo.synth.simulate` with ``engine="deepwave"``.

    Parameters
    ----------
    velocity : numpy.ndarray
        Models (m/s), shape (sample, depth, x) or (sample, depth, y, x).
    survey : Survey
        Positions, wavelet and sampling.
    density : numpy.ndarray, optional
        Densities (kg/m3), shaped like `velocity`: acoustic waves.
    vs : numpy.ndarray, optional
        Shear velocities (m/s), with `density`: elastic waves.
    q : numpy.ndarray, optional
        Quality factors, with `density`: viscoacoustic waves.
    component, device, batch_size, max_velocity, progress
        As for :func:`seisgeo.synth.simulate`.

    Returns
    -------
    numpy.ndarray
        Gathers, float32, shape (sample, source, time, receiver).

    Warns
    -----
    DataWarning
        If the GPU's memory holds fewer models than `batch_size`: how many were taken.
    """
    batches = simulate_batches(
        velocity,
        survey,
        density=density,
        vs=vs,
        q=q,
        component=component,
        device=default_device(device),
        batch_size=batch_size,
        max_velocity=max_velocity,
    )
    return gathered(batches, len(velocity), survey, progress=progress)


def simulate_batches(
    velocity: np.ndarray,
    survey: Survey,
    *,
    density: np.ndarray | None = None,
    vs: np.ndarray | None = None,
    q: np.ndarray | None = None,
    component: str = "pressure",
    device: str,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
) -> Iterator[torch.Tensor]:
    """Gathers batch by batch, tensors that stay on the device.

    Parameters
    ----------
    velocity, survey, density, vs, q, component, batch_size, max_velocity
        As for :func:`simulate_array`.
    device : str
        Where to simulate.

    Yields
    ------
    torch.Tensor
        Gathers, float32, shape (model, source, time, receiver).
    """
    import torch

    physics = physics_of(density, vs, q)
    check_physics(physics, component, survey)
    check_velocity(velocity, survey, max_velocity, slowest=vs)
    check_materials(velocity, density=density, vs=vs, q=q)
    check_survey(survey)

    def simulate(rows: slice) -> torch.Tensor:
        fields = [
            None if m is None else torch.as_tensor(m[rows], dtype=torch.float32, device=device)
            for m in (velocity, density, vs, q)
        ]
        # Two threads of Deepwave's are many times slower than one as soon as anything else runs;
        # many models are simulated in parallel by processes instead.
        with torch.no_grad(), one_thread() if device == "cpu" else contextlib.nullcontext():
            return propagate(
                fields[0],  # type: ignore[arg-type]
                survey,
                density=fields[1],
                vs=fields[2],
                q=fields[3],
                component=component,
                max_velocity=max_velocity,
            )

    batch = batch_size or (cpu_batch(survey) if device == "cpu" else 64)
    return in_batches(simulate, len(velocity), batch, device=device, survey=survey)
