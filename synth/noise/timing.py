"""Delays of traces: statics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seisgeo.errors import SimulationError
from seisgeo.synth.noise.common import check, check_dt, per_gather, randn

if TYPE_CHECKING:
    import torch

__all__ = ["delay_traces", "shift_traces"]


def shift_traces(
    gathers: torch.Tensor, std: float | torch.Tensor, *, dt: float, generator: torch.Generator
) -> torch.Tensor:
    """Delay each trace by a random static.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    std : float or Tensor of shape (...)
        Standard deviation of the statics (s), which are normally distributed around zero.
    dt : float
        Sampling interval (s).
    """
    check(gathers, generator)
    scale = per_gather(std, gathers, "std")
    statics = scale * randn((*gathers.shape[:-2], 1, gathers.shape[-1]), gathers, generator)
    return delay_traces(gathers, statics[..., 0, :], dt=dt)


def delay_traces(gathers: torch.Tensor, delay: float | torch.Tensor, *, dt: float) -> torch.Tensor:
    """Delay traces by any time, also by fractions of a sample, through their Fourier transform.

    Parameters
    ----------
    gathers
        See :mod:`seisgeo.synth.noise`.
    delay : float or Tensor that broadcasts to shape (..., receiver)
        Delay of each trace (s); negative values advance it. What leaves the record is lost, and
        zeros come in at the other end.
    dt : float
        Sampling interval (s).

    Examples
    --------
    >>> import torch
    >>> spike = torch.zeros(100, 2)
    >>> spike[40] = 1.0
    >>> delay_traces(spike, torch.tensor([0.012, -0.02]), dt=0.004).argmax(0)
    tensor([43, 35])
    """
    import torch

    check(gathers)
    check_dt(dt)
    delay = torch.as_tensor(delay, dtype=gathers.dtype, device=gathers.device)
    traces = (*gathers.shape[:-2], gathers.shape[-1])
    try:
        delay = delay.expand(traces)
    except RuntimeError:
        raise SimulationError(
            f"delay: expected a number or a shape that fits (..., receiver) = {traces}, "
            f"found {tuple(delay.shape)}"
        ) from None
    n_time = gathers.shape[-2]
    # Zeros after the record take what would otherwise wrap around from one end to the other; a
    # delay longer than the record leaves nothing of it, so it need not be longer than that.
    delay = delay.clamp(-n_time * dt, n_time * dt)
    n_padded = 2 * n_time
    frequency = torch.fft.rfftfreq(n_padded, dt, dtype=gathers.dtype, device=gathers.device)
    phase = -2 * math.pi * frequency[:, None] * delay[..., None, :]
    spectrum = torch.fft.rfft(gathers, n=n_padded, dim=-2) * torch.exp(1j * phase)
    return torch.fft.irfft(spectrum, n=n_padded, dim=-2)[..., :n_time, :]
