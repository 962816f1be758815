"""What the functions of this package share: checks, choices and random numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seisgeo.errors import SimulationError

if TYPE_CHECKING:
    import torch

__all__ = [
    "check",
    "check_dt",
    "check_fraction",
    "choose",
    "choose_traces",
    "per_gather",
    "randn",
    "scale_to_snr",
    "spectrum",
]

# Part of the band over which the spectrum of band-limited noise rises, and falls, to avoid ringing.
_TAPER = 0.1


def spectrum(
    n_time: int, dt: float, band: tuple[float, float] | None, color: float
) -> torch.Tensor:
    """Amplitude of the noise at each frequency of a record, shape (n_time // 2 + 1,)."""
    import torch

    frequency = torch.fft.rfftfreq(n_time, dt, dtype=torch.float64)
    amplitude = torch.ones_like(frequency)
    if color:
        amplitude = frequency.clamp(min=float(frequency[1])) ** (-color / 2)
        amplitude[0] = 0.0
    if band is None:
        return amplitude
    low, high = band
    nyquist = 0.5 / dt
    if not 0 <= low < high or high > nyquist * (1 + 1e-9):
        raise SimulationError(
            f"band: expected 0 <= low < high <= {nyquist:g} Hz, the Nyquist frequency of "
            f"dt = {dt:g} s; found ({low:g}, {high:g})"
        )
    # Distance to the nearer edge of the band, in tapers. At zero and at the Nyquist frequency the
    # spectrum ends by itself.
    ramp = torch.minimum(
        torch.full_like(frequency, torch.inf) if low == 0 else frequency - low,
        torch.full_like(frequency, torch.inf) if high >= nyquist else high - frequency,
    ) / (_TAPER * (high - low))
    amplitude = amplitude * torch.sin(0.5 * math.pi * ramp.clamp(0, 1))
    if not (amplitude > 1e-6).any():
        raise SimulationError(
            f"band: no frequency of a record of {n_time} samples of {dt:g} s "
            f"(steps of {1 / (n_time * dt):g} Hz) lies within ({low:g}, {high:g}) Hz; widen it"
        )
    return amplitude


def choose(
    shape: tuple[int, ...], fraction: torch.Tensor, what: str, generator: torch.Generator
) -> torch.Tensor:
    """Mask of `shape` with a part of the last dimension chosen, to the nearest whole number."""
    import torch

    check_fraction(fraction, what)
    # The rank of a random number is a random permutation: exactly so many are below a limit.
    order = torch.rand(shape, generator=generator, device=fraction.device).argsort(dim=-1)
    return order.argsort(dim=-1) < torch.round(fraction * shape[-1])


def choose_traces(
    gathers: torch.Tensor, fraction: float | torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Mask of the traces that are chosen, shape (..., 1, receiver)."""
    check(gathers, generator)
    shape = (*gathers.shape[:-2], 1, gathers.shape[-1])
    return choose(shape, per_gather(fraction, gathers, "fraction"), "traces", generator)


def randn(shape: tuple[int, ...], like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers of the type and on the device of `like`."""
    import torch

    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)


def per_gather(value: float | torch.Tensor, gathers: torch.Tensor, name: str) -> torch.Tensor:
    """`value` with shape (..., 1, 1), one for each gather."""
    import torch

    tensor = torch.as_tensor(value, dtype=gathers.dtype, device=gathers.device)
    if tensor.ndim and tensor.shape != gathers.shape[:-2]:
        raise SimulationError(
            f"{name}: expected a number or one for each gather, shape {tuple(gathers.shape[:-2])}; "
            f"found shape {tuple(tensor.shape)}"
        )
    return tensor[..., None, None]


def scale_to_snr(gathers: torch.Tensor, noise: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
    """`noise` with the mean square that gives each gather its ratio; NaN is left out of both."""
    import torch

    dims = (-2, -1)
    noise = torch.where(gathers.isnan(), torch.nan, noise)
    there = noise.square().nanmean(dims, keepdim=True)
    ratio = torch.sqrt(gathers.square().nanmean(dims, keepdim=True) / there)
    # Where there is nothing to scale (ground roll that the record does not reach) there is nothing.
    return noise * torch.where(there > 0, ratio * 10 ** (-snr_db / 20), 0.0)


def check(gathers: torch.Tensor, generator: torch.Generator | None = None) -> None:
    """Refuse what is no stack of gathers, and a generator that is elsewhere."""
    import torch

    if not isinstance(gathers, torch.Tensor):
        raise SimulationError(
            f"gathers: expected a torch tensor (..., time, receiver), found "
            f"{type(gathers).__name__}; use torch.as_tensor"
        )
    if gathers.dtype not in (torch.float32, torch.float64):
        raise SimulationError(
            f"gathers: expected float32 or float64, found {gathers.dtype}; use .float()"
        )
    if gathers.ndim < 2 or 0 in gathers.shape:
        raise SimulationError(
            f"gathers: expected (..., time, receiver), found shape {tuple(gathers.shape)}"
        )
    if generator is not None and generator.device.type != gathers.device.type:
        raise SimulationError(
            f"generator: expected one on {gathers.device}, where the gathers are, found "
            f"{generator.device}; use torch.Generator(device={str(gathers.device)!r})"
        )


def check_fraction(fraction: torch.Tensor, what: str) -> None:
    """Refuse what is no part of a whole."""
    if not bool(((fraction >= 0) & (fraction <= 1)).all()):
        found = fraction.flatten().tolist()
        raise SimulationError(f"fraction: expected 0 to 1 of the {what}, found {found[:5]}")


def check_dt(dt: float) -> None:
    """Refuse what is no sampling interval."""
    if not (math.isfinite(dt) and dt > 0):
        raise SimulationError(f"dt: expected seconds above zero, found {dt!r}")
