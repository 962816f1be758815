"""What the source and the recorder do to a gather: wavelet and gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seisgeo.errors import SimulationError
from seisgeo.synth.noise.common import check, check_dt, per_gather, randn

if TYPE_CHECKING:
    import torch

__all__ = ["gain_in_time", "vary_wavelet"]


def gain_in_time(gathers: torch.Tensor, power: float | torch.Tensor, *, dt: float) -> torch.Tensor:
    """Multiply by t**power: spreading is undone by a positive power, imitated by a negative one.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers whose first sample is at time zero.
    power : float or Tensor of shape (...)
        Exponent. The time t is in seconds; the first sample uses t = `dt` in place of 0.
    dt : float
        Sampling interval (s).
    """
    import torch

    check(gathers)
    check_dt(dt)
    time = dt * torch.arange(gathers.shape[-2], dtype=gathers.dtype, device=gathers.device)
    return gathers * time.clamp(min=dt)[:, None] ** per_gather(power, gathers, "power")


def vary_wavelet(
    gathers: torch.Tensor,
    phase_std: float | torch.Tensor,
    tilt_std: float | torch.Tensor = 0.0,
    *,
    dt: float,
    peak_frequency: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Change each gather's wavelet: its phase by a constant, its spectrum by a slope.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    phase_std : float or Tensor of shape (...)
        Standard deviation of the phase rotation (degrees), one for each gather.
    tilt_std : float or Tensor of shape (...), default 0.0
        Standard deviation of the slope of the spectrum (dB an octave), which turns around the peak
        frequency and levels off two octaves away from it. Each gather keeps its power.
    dt : float
        Sampling interval (s).
    peak_frequency : float
        Peak frequency of the wavelet (Hz).

    Examples
    --------
    >>> import torch
    >>> t = 0.002 * torch.arange(500.0)[:, None] - 0.5
    >>> b = (torch.pi * 20 * t) ** 2
    >>> ricker = (1 - 2 * b) * torch.exp(-b)
    >>> varied = vary_wavelet(
    ...     ricker, 40.0, 3.0, dt=0.002, peak_frequency=20.0, generator=torch.Generator()
    ... )
    >>> bool(torch.isclose(varied.square().mean(), ricker.square().mean(), rtol=1e-3))
    True
    """
    import torch

    check(gathers, generator)
    check_dt(dt)
    if not 0 < peak_frequency < 0.5 / dt:
        raise SimulationError(
            f"peak_frequency: expected 0 to {0.5 / dt:g} Hz (Nyquist), found {peak_frequency!r}"
        )
    one = (*gathers.shape[:-2], 1, 1)
    phase = per_gather(phase_std, gathers, "phase_std") * randn(one, gathers, generator)
    tilt = per_gather(tilt_std, gathers, "tilt_std") * randn(one, gathers, generator)
    n_time = gathers.shape[-2]
    # Zeros after the record keep what a rotation spreads from coming back at its other end.
    spectrum = torch.fft.rfft(gathers, n=2 * n_time, dim=-2)
    frequency = torch.fft.rfftfreq(2 * n_time, dt, dtype=gathers.dtype, device=gathers.device)
    octaves = torch.log2((frequency / peak_frequency).clamp(0.25, 4.0))[:, None]
    angle = torch.deg2rad(phase) * torch.ones_like(octaves)
    angle[..., 0, :] = 0.0  # the mean has no phase
    change = torch.polar(10 ** (tilt * octaves / 20), angle)
    varied = torch.fft.irfft(spectrum * change, n=2 * n_time, dim=-2)[..., :n_time, :]
    dims = (-2, -1)
    before = gathers.square().nanmean(dims, keepdim=True)
    after = varied.square().nanmean(dims, keepdim=True)
    return varied * torch.where(after > 0, torch.sqrt(before / after), 1.0)
