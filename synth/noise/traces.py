"""Traces and shots that are dead, reversed, clipped, spiked or unevenly loud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seisgeo.errors import SimulationError
from seisgeo.synth.noise.common import check, choose, choose_traces, per_gather, randn

if TYPE_CHECKING:
    import torch

__all__ = [
    "add_spikes",
    "clip_traces",
    "kill_shots",
    "kill_traces",
    "reverse_traces",
    "scale_traces",
]


def kill_traces(
    gathers: torch.Tensor, fraction: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Set traces to zero, as dead channels are.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    """
    import torch

    chosen = choose_traces(gathers, fraction, generator)
    return torch.where(chosen, torch.zeros_like(gathers), gathers)


def kill_shots(
    gathers: torch.Tensor, fraction: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Set all traces of some shots to zero: missing shots.

    Parameters
    ----------
    gathers : Tensor, shape (..., source, time, receiver)
        Gathers of several shots.
    fraction : float or Tensor of shape gathers.shape[:-3]
        Part of the shots (0 to 1); the nearest whole number of them is chosen.
    generator
        See :mod:`seisgeo.synth.noise`.

    Examples
    --------
    >>> import torch
    >>> gathers = kill_shots(torch.ones(5, 100, 8), 0.4, generator=torch.Generator())
    >>> int((gathers == 0).all(dim=(-2, -1)).sum())
    2
    """
    import torch

    check(gathers, generator)
    if gathers.ndim < 3:
        raise SimulationError(
            f"gathers: expected (..., source, time, receiver), found shape {tuple(gathers.shape)}"
        )
    part = torch.as_tensor(fraction, dtype=gathers.dtype, device=gathers.device)
    if part.ndim and part.shape != gathers.shape[:-3]:
        raise SimulationError(
            f"fraction: expected a number or shape {tuple(gathers.shape[:-3])}, found shape "
            f"{tuple(part.shape)}"
        )
    missing = choose(gathers.shape[:-2], part[..., None], "shots", generator)
    return torch.where(missing[..., None, None], torch.zeros_like(gathers), gathers)


def reverse_traces(
    gathers: torch.Tensor, fraction: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Flip the polarity of traces, as wrongly wired geophones do.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    """
    import torch

    return torch.where(choose_traces(gathers, fraction, generator), -gathers, gathers)


def clip_traces(
    gathers: torch.Tensor,
    fraction: float | torch.Tensor,
    *,
    level: float = 0.5,
    generator: torch.Generator,
) -> torch.Tensor:
    """Clip traces, as an overdriven channel does.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    level : float, default 0.5
        Largest amplitude kept, relative to the trace's own peak (0 to 1).
    """
    import torch

    if not 0 <= level <= 1:
        raise SimulationError(f"level: expected 0 to 1 of the trace's peak, found {level!r}")
    chosen = choose_traces(gathers, fraction, generator)
    limit = level * gathers.abs().amax(dim=-2, keepdim=True)
    return torch.where(chosen, gathers.clamp(min=-limit, max=limit), gathers)


def add_spikes(
    gathers: torch.Tensor,
    fraction: float | torch.Tensor,
    *,
    amplitude: float = 2.0,
    generator: torch.Generator,
) -> torch.Tensor:
    """Add one spike, a single sample of either sign at a random time, to some traces.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    amplitude : float, default 2.0
        Height of a spike relative to the gather's peak.
    """
    import torch

    chosen = choose_traces(gathers, fraction, generator)
    at = torch.randint(gathers.shape[-2], chosen.shape, generator=generator, device=gathers.device)
    coin = torch.randint(2, chosen.shape, generator=generator, device=gathers.device)
    peak = gathers.nan_to_num(nan=0.0).abs().amax(dim=(-2, -1), keepdim=True)
    height = amplitude * peak * (2 * coin - 1) * chosen
    # The amplitude of every trace's spike is added at its sample; it is zero where none is wanted.
    return gathers.scatter_add(-2, at, height.to(gathers.dtype))


def scale_traces(
    gathers: torch.Tensor, std_db: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Multiply each trace by a random gain, as uneven coupling does.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    std_db : float or Tensor of shape (...)
        Standard deviation of the gains (dB), which are normally distributed around 0 dB.
    """
    check(gathers, generator)
    std = per_gather(std_db, gathers, "std_db")
    gain_db = std * randn((*gathers.shape[:-2], 1, gathers.shape[-1]), gathers, generator)
    return gathers * 10 ** (gain_db / 20)
