"""Augmentation in training: what a field record has and a simulated one lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from seisgeo.synth.noise.common import spectrum

__all__ = [
    "FieldLike",
    "Stretch",
    "half",
    "jitter",
    "mirror",
    "near_twins",
    "play_faster",
    "uncertain",
]

#: Velocity models that differ by less (m/s, RMS) are one: no gather tells them apart.
TOLERANCE = 10.0
#: Samples on either side that one is interpolated from.
_REACH = 8
#: Weights of an interpolation held at once: 64 MB.
_WEIGHTS = 2**24


class FieldLike:
    """Make simulated gathers look recorded, differently each time.

    For each sample: a constant phase rotation of up to 90 degrees, a delay of up to a third of a
    period and a tilt of the spectrum of up to 3 dB an octave (the source's signature is never known
    exactly), gains of 2 dB from trace to trace, dead traces, and noise up to 30 dB below the signal
    of each shot.

    Parameters
    ----------
    dt : float
        Sampling interval (s).
    peak_frequency : float
        Of the gathers (Hz): noise is drawn in the band from 0.3 to 2.5 times of it.
    least_snr : float, default 3.0
        Of the loudest noise (dB).
    most_dead : float, default 0.15
        Largest share of dead traces.
    """

    def __init__(
        self, dt: float, peak_frequency: float, least_snr: float = 3.0, most_dead: float = 0.15
    ) -> None:
        self.dt, self.peak_frequency = dt, peak_frequency
        self.least_snr, self.most_dead = least_snr, most_dead

    def __call__(self, gathers: Tensor, generator: torch.Generator) -> Tensor:
        """Change a batch of gathers (batch, source, time, receiver); the input is kept."""
        batch, sources, nt, receivers = gathers.shape
        device, dt = gathers.device, self.dt

        def uniform(low: float, high: float) -> Tensor:
            draw = torch.rand(batch, 1, 1, 1, generator=generator, device=device)
            return low + (high - low) * draw

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=device)

        period = 1 / self.peak_frequency
        # Room for what the delay moves out. On a CPU a transform along the last axis takes a fourth
        # of the time of one along another, and one of an even length a half.
        size = 2 * math.ceil((nt + math.ceil(period / 3 / dt)) / 2)
        signal = torch.fft.rfft(gathers.transpose(2, 3).contiguous(), n=size)
        frequency = torch.fft.rfftfreq(size, dt, device=device)
        angle = uniform(-torch.pi / 2, torch.pi / 2) - 2 * torch.pi * frequency * uniform(
            -period / 3, period / 3
        )
        angle[..., 0] = 0.0  # the mean has no phase
        octaves = (frequency / self.peak_frequency).clamp(min=0.25).log2()
        gain = 10 ** (uniform(-3.0, 3.0) * octaves / 20)
        traces = 10 ** (2.0 * normal(batch, sources, receivers, 1) / 20)
        nyquist = 0.5 / dt
        band = (0.3 / period, min(2.5 / period, 0.95 * nyquist))
        noise = torch.fft.rfft(normal(batch, sources, receivers, size))
        noise = noise * spectrum(size, dt, band, 0.0).to(gathers)
        loudness = (_power(signal) / _power(noise).clamp(min=1e-30)).sqrt()
        noise = noise * loudness * 10 ** (-uniform(self.least_snr, 30.0) / 20)
        changed = torch.fft.irfft(signal * torch.polar(gain, angle) * traces + noise, n=size)
        changed = changed[..., :nt].transpose(2, 3).contiguous()
        draw = torch.rand(batch, sources, 1, receivers, generator=generator, device=device)
        return changed.masked_fill(draw < uniform(0.0, self.most_dead), 0.0)


def _power(values: Tensor) -> Tensor:
    """Mean power of each shot's spectra, (batch, source, 1, 1)."""
    return torch.view_as_real(values).square().mean(dim=(2, 3, 4))[..., None, None]


def half(change: Callable[[Tensor, torch.Generator], Tensor]) -> Callable[..., Tensor]:
    """Function that changes half of a batch: what is only seen changed is not known as it is."""

    def some(values: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.rand(len(values), generator=generator, device=values.device)
        rows = (draw < 0.5).nonzero()[:, 0]
        if not len(rows):
            return values
        return values.index_copy(0, rows, change(values[rows], generator))

    return some


def mirror(batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Turn half of the samples left to right: as good a pair as before, where the survey is even.

    Parameters
    ----------
    batch : dict of str to torch.Tensor
        ``seismic (batch, source, time, receiver)`` and ``velocity (batch, depth, x)``; descriptors
        are those of the mirror image, too.
    generator : torch.Generator
        On the batch's device.
    """
    velocity = batch["velocity"]
    draw = torch.rand(len(velocity), generator=generator, device=velocity.device)
    turned = draw < 0.5
    return {
        **batch,
        "seismic": torch.where(
            turned[:, None, None, None], batch["seismic"].flip(1, 3), batch["seismic"]
        ),
        "velocity": torch.where(turned[:, None, None], velocity.flip(2), velocity),
    }


class Stretch:
    """Make the models of a batch faster or slower, and their gathers as much shorter or longer.

    Where all velocities are `a` times as high, waves take the same paths in 1 / `a` of the time: a
    stretched pair is as good a pair as before, but for its wavelet, which is stretched, too, and
    for the end of a record that got shorter, which is silent.

    Parameters
    ----------
    most : float
        Largest change: 0.15 draws `a` between 1 / 1.15 and 1.15, evenly in its logarithm.
    powers : sequence of float
        Power of `a` that each descriptor goes with, of
        :func:`seisgeo.descriptors.powers_of_velocity`.
    """

    def __init__(self, most: float, powers: Sequence[float]) -> None:
        self.most, self.powers = most, powers

    def __call__(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Change ``seismic``, ``velocity`` and ``physics`` of each sample; the input is kept."""
        velocity, physics = batch["velocity"], batch["physics"]
        draw = torch.rand(len(velocity), generator=generator, device=velocity.device)
        faster = (1 + self.most) ** (2 * draw - 1)
        return {
            **batch,
            "seismic": play_faster(batch["seismic"], faster),
            "velocity": velocity * faster[:, None, None],
            "physics": physics * faster[:, None] ** physics.new_tensor(self.powers),
        }


def play_faster(gathers: Tensor, faster: Tensor) -> Tensor:
    """Gathers at other times, interpolated by a windowed sinc.

    Parameters
    ----------
    gathers : torch.Tensor
        Shape (batch, source, time, receiver).
    faster : torch.Tensor
        How many samples become one, for each of the batch, (batch,). Beyond the end is silence.

    Examples
    --------
    >>> import torch
    >>> wave = torch.sin(0.2 * torch.arange(100.0))[None, None, :, None]
    >>> there = play_faster(wave, torch.tensor([1.1]))[0, 0, 40, 0]
    >>> bool((there - torch.sin(torch.tensor(0.2 * 44))).abs() < 1e-3)
    True
    """
    nt = gathers.shape[2]
    place = torch.arange(nt, device=gathers.device) * faster[:, None]  # (batch, time)
    taps = torch.arange(1 - _REACH, 1 + _REACH, device=gathers.device)
    near = place.floor().long()[..., None] + taps  # (batch, time, tap)
    away = place[..., None] - near
    weight = torch.sinc(away) * torch.cos(0.5 * math.pi * away / _REACH).square()
    weight = weight.masked_fill((near < 0) | (near >= nt), 0.0)
    near = near.clamp(0, nt - 1)
    parts = []
    for rows in torch.arange(len(gathers)).split(max(1, _WEIGHTS // nt**2)):
        matrix = gathers.new_zeros(len(rows), nt, nt).scatter_add_(2, near[rows], weight[rows])
        some = gathers[rows].transpose(1, 2).flatten(2)  # (batch, time, source receiver)
        made = (matrix @ some).unflatten(2, (gathers.shape[1], -1))
        parts.append(made.transpose(1, 2).contiguous())
    return torch.cat(parts)


def near_twins(velocity: Tensor, generator: torch.Generator) -> Tensor:
    """Models that differ a little from some of a batch: what is hardest to tell from them.

    Half of them have another velocity in one layer, by 2 to 10 %; of the other half, what lies on
    one side of a steep line is thrown by up to a fourteenth of the depth, as at a fault. Where that
    changes next to nothing, the whole model is 5 % faster.

    Parameters
    ----------
    velocity : torch.Tensor
        Models in m/s, (batch, depth, x).
    generator : torch.Generator
        On the batch's device.

    Returns
    -------
    torch.Tensor
        Shape (batch / 2, depth, x), rounded up: one twin of each of so many models, drawn anew.

    Examples
    --------
    >>> import torch
    >>> models = torch.linspace(1500, 4500, 70).expand(4, 40, 70).transpose(1, 2)
    >>> twins = near_twins(models, torch.Generator().manual_seed(0))
    >>> tuple(twins.shape), bool(((twins / models[:2] - 1).abs() < 0.2).all())
    ((2, 70, 40), True)
    """
    order = torch.randperm(len(velocity), generator=generator, device=velocity.device)
    models = velocity[order[: -(-len(velocity) // 2)]]
    count, nz, nx = models.shape
    device = models.device

    def uniform(low: float, high: float) -> Tensor:
        draw = torch.rand(count, 1, 1, generator=generator, device=device)
        return low + (high - low) * draw

    cell = (uniform(0, 1) * nz * nx).long().clamp(max=nz * nx - 1)
    there = models.flatten(1).gather(1, cell[:, :, 0])[:, :, None]
    layer = (models - there).abs() < 0.005 * there
    change = uniform(0.02, 0.10).copysign(uniform(-1, 1))
    other = torch.where(layer, models * (1 + change), models)

    depth = torch.arange(nz, device=device)[:, None].expand(nz, nx)
    x = torch.arange(nx, device=device)
    line = uniform(0.1, 0.9) * nx + uniform(-0.5, 0.5) * depth
    side = (x > line) ^ (uniform(-1, 1) > 0)
    throw = 1 + (uniform(0, 1) * max(1, nz // 14)).long()
    thrown = models.gather(1, (depth - throw).clamp(min=0))
    fault = torch.where(side, thrown, models)

    twins = torch.where(uniform(-1, 1) > 0, other, fault)
    moved = (twins - models).square().mean(dim=(1, 2), keepdim=True).sqrt()
    return torch.where(moved < TOLERANCE, 1.05 * models, twins)


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


def uncertain(encoder: Any) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Function that makes descriptors uncertain, and says how uncertain each is.

    Of each sample, any share of the descriptors up to nine in ten becomes unknown. The others are
    changed by errors, whose standard deviations lie between some hundredths of the descriptors' own
    and all of it.

    Parameters
    ----------
    encoder : PhysicsEncoder
        Knows the descriptors' standard deviations.

    Returns
    -------
    callable
        Function of descriptors (batch, descriptor) and a generator that gives (batch, 2
        descriptor), as the encoder takes them.
    """

    def change(values: Tensor, generator: torch.Generator) -> Tensor:
        batch, device = len(values), values.device

        def draw(kind: Callable[..., Tensor], *shape: int) -> Tensor:
            return kind(shape, generator=generator, device=device)

        # Errors of one source are of one size, more or less.
        decades = -2 + 2 * draw(torch.rand, batch, 1) + 0.3 * draw(torch.randn, *values.shape)
        std = 10**decades * encoder.scale
        changed = values + std * draw(torch.randn, *values.shape)
        unknown = draw(torch.rand, *values.shape) < 0.9 * draw(torch.rand, batch, 1)
        return torch.cat([changed, std.masked_fill(unknown, torch.inf)], dim=1)

    return change
