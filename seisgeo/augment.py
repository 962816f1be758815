"""Augmentation in training: what a field record has and a simulated one lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from seisgeo.synth import noise

__all__ = ["FieldLike", "jitter"]


class FieldLike:
    """Make simulated gathers look recorded, differently each time.

    For each gather: a constant phase rotation of up to 90 degrees and a delay of up to a third of a
    period (the source's signature is never known exactly), gains of 2 dB from trace to trace, up to
    15 % dead traces, and coloured noise at 3 to 30 dB below the signal.

    Parameters
    ----------
    dt : float
        Sampling interval (s).
    peak_frequency : float or None
        Of the survey's wavelet (Hz): noise is drawn in the band from 0.3 to 2.5 times of it. None
        takes a tenth of the Nyquist frequency.
    """

    def __init__(self, dt: float, peak_frequency: float | None) -> None:
        self.dt = dt
        self.peak_frequency = peak_frequency or 0.05 / dt

    def __call__(self, gathers: Tensor, generator: torch.Generator) -> Tensor:
        """Change a batch of gathers (batch, source, time, receiver); the input is kept."""

        def uniform(low: float, high: float) -> Tensor:
            draw = torch.rand(len(gathers), 1, generator=generator, device=gathers.device)
            return low + (high - low) * draw.expand(-1, gathers.shape[1])

        period = 1 / self.peak_frequency
        nyquist = 0.5 / self.dt
        band = (0.3 / period, min(2.5 / period, 0.95 * nyquist))
        changed = _rotate(
            gathers, uniform(-torch.pi / 2, torch.pi / 2), uniform(-period / 3, period / 3), self.dt
        )
        changed = noise.scale_traces(changed, 2.0, generator=generator)
        changed = noise.add_noise(
            changed, uniform(3.0, 30.0), dt=self.dt, band=band, generator=generator
        )
        return noise.kill_traces(changed, uniform(0.0, 0.15), generator=generator)


def _rotate(gathers: Tensor, phase: Tensor, delay: Tensor, dt: float) -> Tensor:
    """Rotate the phase (rad) and delay (s) each gather; both shaped (batch, source)."""
    nt = gathers.shape[2]
    size = nt + int(2 * float(delay.abs().max()) / dt) + 1  # room for what the delay moves out
    spectrum = torch.fft.rfft(gathers, n=size, dim=2)
    frequency = torch.fft.rfftfreq(size, dt, device=gathers.device)
    angle = phase[..., None] - 2 * torch.pi * frequency * delay[..., None]
    angle[..., 0] = 0.0  # the mean has no phase
    return torch.fft.irfft(
        spectrum * torch.polar(torch.ones_like(angle), angle)[..., None], size, 2
    )[:, :, :nt]


def jitter(encoder: Any, amount: float = 0.1) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Function that adds noise of `amount` standard deviations to each column of a table.

    Parameters
    ----------
    encoder : PhysicsEncoder
        Knows the columns' standard deviations.
    amount : float, default 0.1
        Standard deviation of the noise, in those.
    """

    def change(values: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.randn(values.shape, generator=generator, device=values.device)
        return values + amount * encoder.scale * draw

    return change
