"""Changes of amplitude and frequency that leave an event what it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "WaveformAugmentation",
    "add_noise",
    "band_pass",
    "drop_components",
    "flip_polarity",
    "mask_frequencies",
    "scale_amplitudes",
    "shift_in_time",
]


@dataclass(frozen=True)
class WaveformAugmentation:
    """Change a batch of records, each differently; None leaves a change out.

    Parameters
    ----------
    gain : (float, float) or None, default (-6, 6)
        Range of the gain of each component (dB).
    shift : float or None, default 0.2
        Longest shift to either side, as a share of the record: onsets of triggers lie here and
        there.
    band : float or None, default 0.5
        Share of the records that are band-passed: the low corner lies up to 10 % of the Nyquist
        frequency, the high corner from 50 %.
    mask : float or None, default 0.1
        Widest band that is taken out, as a share of the Nyquist frequency.
    snr : (float, float) or None, default (5, 30)
        Range of the ratio of the record's power to that of added noise (dB), which has the spectrum
        of another record of the batch.
    polarity : float or None, default 0.5
        Share of the records that are turned upside down.
    drop : float or None, default 0.1
        Share of the components that are lost; one is always kept.

    References
    ----------
    Changes of amplitude and frequency as in Kinzel et al. (2024), doi:10.1785/0220230078, who do
    not state ranges.

    Examples
    --------
    >>> import torch
    >>> change = WaveformAugmentation(shift=None)
    >>> change(torch.randn(4, 3, 500), dt=0.01, generator=torch.Generator()).shape
    torch.Size([4, 3, 500])
    """

    gain: tuple[float, float] | None = (-6.0, 6.0)
    shift: float | None = 0.2
    band: float | None = 0.5
    mask: float | None = 0.1
    snr: tuple[float, float] | None = (5.0, 30.0)
    polarity: float | None = 0.5
    drop: float | None = 0.1

    def __call__(self, waveforms: Tensor, dt: float, generator: torch.Generator) -> Tensor:
        """Change records (batch, component, time) sampled every `dt` s; the input is kept."""
        nyquist, duration = 0.5 / dt, waveforms.shape[2] * dt
        changed = waveforms
        if self.shift is not None:
            changed = shift_in_time(changed, self.shift * duration, dt, generator)
        if self.band is not None:
            corners = ((0.0, 0.1 * nyquist), (0.5 * nyquist, nyquist))
            changed = band_pass(changed, *corners, dt, generator, share=self.band)
        if self.mask is not None:
            changed = mask_frequencies(changed, self.mask * nyquist, dt, generator)
        if self.polarity is not None:
            changed = flip_polarity(changed, self.polarity, generator)
        if self.gain is not None:
            changed = scale_amplitudes(changed, self.gain, generator)
        if self.snr is not None:
            changed = add_noise(changed, self.snr, generator)
        if self.drop is not None:
            changed = drop_components(changed, self.drop, generator)
        return changed


def _uniform(
    shape: tuple[int, ...], low: float, high: float, like: Tensor, generator: torch.Generator
) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, device=like.device)


def scale_amplitudes(
    waveforms: Tensor, gain: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """Multiply each component by a gain from a range in dB."""
    decibel = _uniform((*waveforms.shape[:2], 1), *gain, waveforms, generator)
    return waveforms * 10 ** (decibel / 20)


def shift_in_time(waveforms: Tensor, most: float, dt: float, generator: torch.Generator) -> Tensor:
    """Shift each record by up to `most` s to either side.

    What leaves at one end comes in at the other: silence would tell how far it was shifted.
    """
    nt = waveforms.shape[2]
    samples = _uniform((len(waveforms), 1), -most / dt, most / dt, waveforms, generator).round()
    source = (torch.arange(nt, device=waveforms.device) - samples.long()) % nt  # (batch, time)
    return waveforms.gather(2, source[:, None].expand_as(waveforms))


def band_pass(
    waveforms: Tensor,
    low: tuple[float, float],
    high: tuple[float, float],
    dt: float,
    generator: torch.Generator,
    share: float = 1.0,
) -> Tensor:
    """Band-pass a share of the records between corners drawn from two ranges in Hz.

    Zero-phase, with the amplitudes of a Butterworth filter of order 4: 3 dB down at the corners.
    """
    n = len(waveforms)
    frequency = torch.fft.rfftfreq(waveforms.shape[2], dt, device=waveforms.device)
    lower = _uniform((n, 1), *low, waveforms, generator)
    upper = _uniform((n, 1), *high, waveforms, generator)
    chosen = _uniform((n, 1), 0, 1, waveforms, generator) < share
    passed = (1 + (lower / frequency.clamp(min=1e-9)) ** 8) ** -0.5
    passed = passed * (1 + (frequency / upper) ** 8) ** -0.5
    return _filter(waveforms, torch.where(chosen, passed, torch.ones_like(passed)))


def mask_frequencies(
    waveforms: Tensor, widest: float, dt: float, generator: torch.Generator
) -> Tensor:
    """Take a band of up to `widest` Hz out of each record, anywhere up to the Nyquist frequency."""
    n = len(waveforms)
    frequency = torch.fft.rfftfreq(waveforms.shape[2], dt, device=waveforms.device)
    width = _uniform((n, 1), 0, widest, waveforms, generator)
    start = _uniform((n, 1), 0, 1, waveforms, generator) * (0.5 / dt - width)
    inside = (frequency >= start) & (frequency < start + width)
    return _filter(waveforms, (~inside).to(waveforms.dtype))


def _filter(waveforms: Tensor, response: Tensor) -> Tensor:
    """Multiply spectra by a response (batch, frequency)."""
    spectrum = torch.fft.rfft(waveforms, dim=2) * response[:, None]
    return torch.fft.irfft(spectrum, n=waveforms.shape[2], dim=2)


def add_noise(waveforms: Tensor, snr: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Add noise, a range of dB below the mean power of each record's live components.

    It has the amplitude spectrum of another record of the batch and random phases. In the field
    noise is seldom white, and what it sounds like must not decide what an event is.
    """
    nt = waveforms.shape[2]
    order = torch.randperm(len(waveforms), generator=generator, device=waveforms.device)
    spectrum = torch.fft.rfft(waveforms[order], dim=2).abs()
    phase = _uniform(tuple(spectrum.shape), 0, 2 * math.pi, waveforms, generator)
    noise = torch.fft.irfft(torch.polar(spectrum, phase), n=nt, dim=2)
    live = (waveforms != 0).any(dim=2, keepdim=True)
    noise = noise * live
    decibel = _uniform((len(waveforms), 1, 1), *snr, waveforms, generator)
    loudness = noise.square().sum(dim=(1, 2), keepdim=True)
    wanted = waveforms.square().sum(dim=(1, 2), keepdim=True) * 10 ** (-decibel / 10)
    tiny = torch.finfo(waveforms.dtype).tiny
    return waveforms + noise * (wanted / loudness.clamp(min=tiny)).sqrt()


def flip_polarity(waveforms: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Turn a share of the records upside down, all components together."""
    flipped = _uniform((len(waveforms), 1, 1), 0, 1, waveforms, generator) < share
    return torch.where(flipped, -waveforms, waveforms)


def drop_components(waveforms: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Set a share of the components to zero, never all of a record."""
    draw = _uniform(tuple(waveforms.shape[:2]), 0, 1, waveforms, generator)
    kept = (draw >= share) | (draw == draw.amax(dim=1, keepdim=True))
    return waveforms * kept[:, :, None]
