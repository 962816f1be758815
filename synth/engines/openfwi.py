"""OpenFWI's own finite-difference scheme, on CPU and CUDA.

Deng et al. (2022), OpenFWI, arXiv:2111.02926. :mod:`.openfwi_scheme` has the numbers,
:mod:`.openfwi_cpu` and :mod:`.openfwi_cuda` compute.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

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
        As for :func:`seisgeo.synth.simulate`. On a CPU models are simulated one by one; a GPU that
        has no memory for `batch_size` gets fewer, with a warning.

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
    with tqdm(total=n, disable=not progress, desc="simulate") as bar:
        if device == "cpu":
            from seisgeo.synth.engines import openfwi_cpu

            with one_thread():
                for i in range(n):
                    one = coefficients(velocity[i], survey)
                    out[i] = openfwi_cpu.propagate(one, sources, receivers)[:, preroll:]
                    bar.update()
            return out

        propagate = _cuda(device)
        batch, done = batch_size or 64, 0
        while done < n:
            part = [coefficients(v, survey) for v in velocity[done : done + batch]]
            try:
                record = propagate(part, sources, receivers, device)[:, :, preroll:].cpu()
            except MemoryError as error:
                if batch == 1:
                    raise SimulationError(f"one model is too large for {device}: {error}") from None
                batch = (batch + 1) // 2
                warnings.warn(
                    f"{device} has no memory for so many models at once: going on with "
                    f"{batch} (batch_size={batch} from the start saves this try)",
                    stacklevel=2,
                )
                continue
            out[done : done + len(part)] = record
            done += len(part)
            bar.update(len(part))
    return out


def _cuda(device: str) -> Callable[..., Any]:
    """Return the GPU's ``propagate``, which raises MemoryError when there is not enough."""
    import torch

    if not device.startswith("cuda"):
        raise SimulationError(f"engine 'openfwi' runs on cpu and cuda, not on {device!r}")
    try:
        from seisgeo.synth.engines import openfwi_cuda
    except ImportError as error:
        raise SimulationError(
            f"engine 'openfwi' needs triton on a GPU, and {error}: PyTorch's CUDA builds for Linux "
            "bring it along; pip install triton, or use device='cpu'"
        ) from error

    def propagate(*arguments: Any) -> Any:
        try:
            return openfwi_cuda.propagate(*arguments)
        except torch.OutOfMemoryError as error:
            raise MemoryError(str(error).split(".")[0]) from error

    return propagate
