"""OpenFWI's own finite-difference scheme, on CPU and CUDA.

Deng et al. (2022), OpenFWI, arXiv:2111.02926. :mod:`.openfwi_scheme` has the numbers,
:mod:`.openfwi_cpu` and :mod:`.openfwi_cuda` compute.
"""

from __future__ import annotations

import numpy as np

from seisgeo.devices import default_device, one_thread
from seisgeo.errors import SimulationError
from seisgeo.synth.engines.openfwi_scheme import cells, check_physics, coefficients, plan
from seisgeo.synth.engines.preparation import check_velocity
from seisgeo.synth.survey import Survey

__all__ = ["check_physics", "plan", "simulate_array"]


def simulate_array(
    velocity: np.ndarray,
    survey: Survey,
    *,
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> np.ndarray:
    """Array form of :func:`seisgeo.synth.simulate` with ``engine="openfwi"``.

    Parameters
    ----------
    velocity : numpy.ndarray
        Models (m/s), shape (sample, depth, x).
    survey, device, batch_size, max_velocity, progress
        As for :func:`seisgeo.synth.simulate`. On a CPU models are simulated one by one.

    Returns
    -------
    numpy.ndarray
        Gathers, float32, shape (sample, source, time, receiver).
    """
    from tqdm.auto import tqdm

    check_velocity(velocity, survey, max_velocity)
    device = default_device(device)
    preroll = plan(survey, max_velocity)["preroll"]
    sources, receivers = cells(survey)
    n = len(velocity)
    out = np.empty((n, survey.n_sources, survey.nt, survey.n_receivers), dtype=np.float32)
    if device == "cpu":
        from seisgeo.synth.engines.openfwi_cpu import propagate

        with one_thread():
            for i in tqdm(range(n), disable=not progress, desc="simulate"):
                out[i] = propagate(coefficients(velocity[i], survey), sources, receivers)[
                    :, preroll:
                ]
        return out
    raise SimulationError("cuda")
