"""OpenFWI's own finite-difference scheme, on CPU and CUDA.

Deng et al. (2022), OpenFWI, arXiv:2111.02926. :mod:`.openfwi_scheme` has the numbers,
:mod:`.openfwi_cpu` and :mod:`.openfwi_cuda` compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.devices import default_device, one_thread
from seisgeo.errors import SimulationError
from seisgeo.synth.engines.batches import gathered, in_batches
from seisgeo.synth.engines.openfwi_scheme import cells, check_physics, coefficients, plan
from seisgeo.synth.engines.preparation import check_velocity
from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    import torch

__all__ = ["check_physics", "plan", "simulate_array", "simulate_batches"]


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
        As for :func:`seisgeo.synth.simulate`. On a CPU models are simulated one by one; a GPU that
        has no memory for `batch_size` gets fewer, with a warning.

    Returns
    -------
    numpy.ndarray
        Gathers, float32, shape (sample, source, time, receiver).
    """
    batches = simulate_batches(
        velocity,
        survey,
        device=default_device(device),
        batch_size=batch_size,
        max_velocity=max_velocity,
    )
    return gathered(batches, len(velocity), survey, progress=progress)


def simulate_batches(
    velocity: np.ndarray,
    survey: Survey,
    *,
    device: str,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
) -> Iterator[torch.Tensor]:
    """Gathers batch by batch, tensors that stay on the device.

    Parameters
    ----------
    velocity, survey, batch_size, max_velocity
        As for :func:`simulate_array`.
    device : str
        Where to simulate.

    Yields
    ------
    torch.Tensor
        Gathers, float32, shape (model, source, time, receiver).
    """
    import torch

    check_velocity(velocity, survey, max_velocity)
    preroll = plan(survey, max_velocity)["preroll"]
    sources, receivers = cells(survey)
    if device == "cpu":
        from seisgeo.synth.engines import openfwi_cpu

        def simulate(rows: slice) -> torch.Tensor:
            with one_thread():
                records = [
                    openfwi_cpu.propagate(coefficients(v, survey), sources, receivers)
                    for v in velocity[rows]
                ]
            return torch.from_numpy(np.stack(records)[:, :, preroll:])

        batch_size = 1
    else:
        propagate = _cuda(device)

        def simulate(rows: slice) -> torch.Tensor:
            parts = [coefficients(v, survey) for v in velocity[rows]]
            return propagate(parts, sources, receivers, device)[:, :, preroll:]

    return in_batches(simulate, len(velocity), batch_size or 64, device=device, survey=survey)


def _cuda(device: str) -> Callable[..., torch.Tensor]:
    """The GPU's ``propagate``."""
    if not device.startswith("cuda"):
        raise SimulationError(f"engine 'openfwi' runs on cpu and cuda, not on {device!r}")
    try:
        from seisgeo.synth.engines import openfwi_cuda
    except ImportError as error:
        raise SimulationError(
            f"engine 'openfwi' needs triton on a GPU, and {error}: PyTorch's CUDA builds for Linux "
            "bring it along; pip install triton, or use device='cpu'"
        ) from error
    return openfwi_cuda.propagate
