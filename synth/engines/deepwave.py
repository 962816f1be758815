"""Scalar wave simulation with Deepwave (https://github.com/ar4/deepwave)."""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any, Final

import numpy as np

from seisgeo.devices import default_device, one_thread
from seisgeo.synth.engines.preparation import check_velocity, ricker, wavelet_half_length
from seisgeo.synth.survey import Survey

__all__ = ["plan", "simulate_array"]

#: Finite-difference order in space, and the Courant number that it allows (the limit is 0.866).
ACCURACY: Final = 4
COURANT = 0.85
PML_CELLS = 20
HICKS_HALF_WIDTH = 4


def simulate_array(
    velocity: np.ndarray,
    survey: Survey,
    *,
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> np.ndarray:
    """Array form of :func:`seisgeo.synth.simulate` with ``engine="deepwave"``.

    Parameters
    ----------
    velocity : numpy.ndarray
        Models (m/s), shape (sample, depth, x).
    survey, device, batch_size, max_velocity, progress
        As for :func:`seisgeo.synth.simulate`.

    Returns
    -------
    numpy.ndarray
        Gathers, float32, shape (sample, source, time, receiver).
    """
    import torch
    from tqdm.auto import tqdm

    check_velocity(velocity, survey, max_velocity)
    device = default_device(device)
    batch = batch_size or (1 if device == "cpu" else 64)
    settings = plan(survey, max_velocity)
    n = len(velocity)
    out = np.empty((n, survey.n_sources, survey.nt, survey.n_receivers), dtype=np.float32)
    # Two threads of Deepwave's are many times slower than one as soon as anything else runs; many
    # models are simulated in parallel by processes instead.
    with torch.no_grad(), one_thread() if device == "cpu" else contextlib.nullcontext():
        for start in tqdm(range(0, n, batch), disable=not progress, desc="simulate"):
            part = torch.as_tensor(velocity[start : start + batch], dtype=torch.float32)
            out[start : start + batch] = _propagate(part.to(device), survey, settings).cpu()
    return out


def plan(survey: Survey, max_velocity: float = 4500.0) -> dict[str, Any]:
    """Numerical settings of a simulation, before it runs.

    Parameters
    ----------
    survey : Survey
        The survey.
    max_velocity : float, default 4500
        Highest velocity of any model (m/s).

    Returns
    -------
    dict
        ``scheme`` (a sentence), ``step_ratio`` (internal time steps for each sample),
        ``internal_dt`` (s) and ``preroll`` (samples simulated before time zero, so that a wavelet
        that peaks there is whole).
    """
    # Stability of the 2-D scheme: v dt sqrt(1/dx^2 + 1/dz^2) <= Courant number.
    limit = COURANT * survey.grid_spacing / (math.sqrt(2) * max_velocity)
    ratio = math.ceil(survey.dt / limit * (1 - 1e-9))
    return {
        "scheme": f"deepwave scalar, accuracy {ACCURACY}, PML {PML_CELLS} cells, "
        f"{ratio} internal steps of {survey.dt / ratio * 1e3:.4g} ms a sample, "
        f"{'free' if survey.free_surface else 'absorbing'} surface",
        "step_ratio": ratio,
        "internal_dt": survey.dt / ratio,
        "preroll": max(0, wavelet_half_length(survey) - round(survey.peak_time / survey.dt)),
        "max_velocity": max_velocity,
    }


def _propagate(velocity: Any, survey: Survey, settings: dict[str, Any]) -> Any:
    """Run one batch: torch (model, depth, x) -> (model, source, time, receiver)."""
    import deepwave
    import torch

    n, shots, device = len(velocity), survey.n_sources, velocity.device
    preroll = settings["preroll"]
    # Deepwave injects -v^2 dt^2 f; the negated wavelet gives p'' = v^2 (laplacian p + f).
    wavelet = -torch.as_tensor(ricker(survey, preroll), dtype=torch.float32, device=device)
    # Deepwave's free surface is the mirror plane one cell above the first row, so row 0 of the
    # simulated grid is the model's row 1 and depth 0 lies on the plane.
    top = 1 if survey.free_surface else 0
    boundary, pml = deepwave.boundaries(
        2, top="free" if survey.free_surface else "pml", width=PML_CELLS
    )

    # Positions off the grid are interpolated over the cells around them (Hicks, 2002). Near an
    # absorbing edge those cells are missing: repeat the edge, as the absorbing layer does anyway.
    pad = HICKS_HALF_WIDTH if _off_grid(survey) else 0
    above = 0 if survey.free_surface else pad
    model = torch.nn.functional.pad(velocity[:, top:], (pad, pad, above, pad), mode="replicate")

    def cells(depths: Any, xs: Any) -> Any:
        positions = np.stack([np.array(depths), np.array(xs)], axis=-1) / survey.grid_spacing
        positions += (above - top, pad)
        located = torch.as_tensor(positions, dtype=torch.float32, device=device)
        return located.reshape(shots, -1, 2).repeat(n, 1, 1)

    with warnings.catch_warnings():
        # Notes for users of older releases of Deepwave, who had other defaults.
        warnings.simplefilter("ignore", deepwave.MigrationWarning)
        result = deepwave.scalar(
            model.repeat_interleave(shots, dim=0),
            survey.grid_spacing,
            survey.dt,
            source_amplitudes=wavelet.expand(n * shots, 1, -1),
            source_locations=cells(survey.source_depth, survey.source_x),
            receiver_locations=cells(survey.receiver_depth, survey.receiver_x),
            accuracy=ACCURACY,
            boundary=boundary,
            pml_width=pml,
            pml_freq=survey.peak_frequency,
            max_vel=settings["max_velocity"],
            courant_number=COURANT,
        )
    record = result.receiver_amplitudes[..., preroll:]
    return record.reshape(n, shots, survey.n_receivers, survey.nt).transpose(2, 3)


def _off_grid(survey: Survey) -> bool:
    positions = np.concatenate(
        [
            np.ravel(p)
            for p in (
                survey.source_x,
                survey.source_depth,
                survey.receiver_x,
                survey.receiver_depth,
            )
        ]
    )
    cells = positions / survey.grid_spacing
    return bool((np.abs(cells - cells.round()) > 1e-3).any())
