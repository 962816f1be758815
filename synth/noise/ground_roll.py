"""Ground roll: the dispersive surface wave of land records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seisgeo.errors import SimulationError
from seisgeo.synth.noise.common import check, check_dt, per_gather, randn, scale_to_snr, spectrum

if TYPE_CHECKING:
    import torch

__all__ = ["add_ground_roll"]


def add_ground_roll(
    gathers: torch.Tensor,
    snr_db: float | torch.Tensor,
    *,
    offset: torch.Tensor,
    dt: float,
    velocity: tuple[float, float] = (300.0, 800.0),
    band: tuple[float, float] = (4.0, 18.0),
    generator: torch.Generator,
) -> torch.Tensor:
    """Add ground roll that spreads from the source along the surface.

    One mode: its phase velocity falls from the highest at the lowest frequency, which reaches
    deepest, to the lowest at the highest; its amplitude falls with the square root of the offset.
    Each gather has a wavelet of its own phase, each trace its own strength (10 % standard
    deviation) and time (5 % of a period of the mid frequency).

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    snr_db : float or Tensor of shape (...)
        Signal-to-noise ratio of each gather (dB), as for :func:`add_noise`; ground roll is often
        stronger than reflections, hence negative.
    offset : Tensor that broadcasts to shape (..., receiver)
        Distance of each receiver from its source (m), of either sign.
    dt : float
        Sampling interval (s). The source fires at time zero.
    velocity : (float, float), default (300.0, 800.0)
        Lowest and highest phase velocity (m/s).
    band : (float, float), default (4.0, 18.0)
        Lowest and highest frequency (Hz).

    Examples
    --------
    >>> import torch
    >>> gathers, offset = torch.ones(1000, 48), 20.0 * torch.arange(1, 49)
    >>> noisy = add_ground_roll(gathers, -6.0, offset=offset, dt=0.002, generator=torch.Generator())
    >>> round(float(10 * torch.log10(1 / (noisy - gathers).square().mean())), 2)
    -6.0
    """
    import torch

    check(gathers, generator)
    check_dt(dt)
    snr = per_gather(snr_db, gathers, "snr_db")
    slow, fast = velocity
    if not 0 < slow <= fast:
        raise SimulationError(
            f"velocity: expected (lowest, highest) in m/s above zero, found {velocity}"
        )
    traces = (*gathers.shape[:-2], 1, gathers.shape[-1])
    try:
        distance = torch.as_tensor(offset).to(gathers).abs()[..., None, :].expand(traces)
    except (RuntimeError, IndexError):
        raise SimulationError(
            f"offset: expected a shape that fits (..., receiver) = "
            f"{(*traces[:-2], traces[-1])}, found {tuple(torch.as_tensor(offset).shape)}"
        ) from None
    n_time = gathers.shape[-2]
    low, high = band
    # Beyond this offset nothing arrives before the record ends. The slowest energy travels at the
    # group velocity c / (1 + f |dc/df| / c) of the highest frequency: room for it keeps it from
    # coming back at the start of the record.
    reach = n_time * dt * fast
    group = slow / (1 + high * (fast - slow) / (high - low) / slow) if high > low else slow
    n_padded = n_time + math.ceil(min(reach, float(distance.max())) / group / dt)
    shaping = spectrum(n_padded, dt, band, 0.0).to(gathers)[:, None]
    frequency = torch.fft.rfftfreq(n_padded, dt, dtype=gathers.dtype, device=gathers.device)[
        :, None
    ]
    speed = fast - (fast - slow) * ((frequency - low) / (high - low)).clamp(0, 1)
    phase = (
        2
        * math.pi
        * torch.rand(
            (*gathers.shape[:-2], 1, 1),
            generator=generator,
            dtype=gathers.dtype,
            device=gathers.device,
        )
    )
    late = 0.05 / (0.5 * (low + high)) * randn(traces, gathers, generator)
    strength = 1 + 0.1 * randn(traces, gathers, generator)
    near = 0.5 * slow / high  # half of the shortest wavelength: the root has no end at the source
    strength = strength / torch.sqrt(distance.clamp(min=near)) * (distance <= reach)
    angle = phase - 2 * math.pi * frequency * (distance.clamp(max=reach) / speed + late)
    wave = torch.fft.irfft(torch.polar(strength * shaping, angle), n=n_padded, dim=-2)
    return gathers + scale_to_snr(gathers, wave[..., :n_time, :], snr)
