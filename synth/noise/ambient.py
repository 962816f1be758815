"""Noise that is there without the source: of any colour, and swell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seisgeo.synth.noise.common import (
    check,
    check_dt,
    check_fraction,
    per_gather,
    randn,
    scale_to_snr,
    spectrum,
)

if TYPE_CHECKING:
    import torch

__all__ = ["add_noise", "add_swell"]


def add_noise(
    gathers: torch.Tensor,
    snr_db: float | torch.Tensor,
    *,
    dt: float,
    band: tuple[float, float] | None = None,
    color: float = 0.0,
    generator: torch.Generator,
) -> torch.Tensor:
    """Add Gaussian noise, band-limited and coloured, at a given signal-to-noise ratio.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    snr_db : float or Tensor of shape (...)
        Signal-to-noise ratio of each gather (dB): 10 log10 of the mean square of the gather over
        the mean square of its noise. The noise is scaled to have exactly that power, so a gather
        of zeros gets none. NaN (missing traces) stays NaN and is left out of both means.
    dt : float
        Sampling interval (s).
    band : (float, float), optional
        Lowest and highest frequency of the noise (Hz); its spectrum tapers to zero inside the band,
        so that there is none outside. By default all frequencies.
    color : float, default 0.0
        Power falls with frequency as f**-color: 0 white, 1 pink, 2 red.

    Examples
    --------
    >>> import torch
    >>> clean = torch.sin(torch.arange(500.0))[:, None].expand(500, 8)
    >>> noisy = add_noise(clean, 10.0, dt=0.002, band=(5, 60), generator=torch.Generator())
    >>> round(float(10 * torch.log10(clean.square().mean() / (noisy - clean).square().mean())), 2)
    10.0
    """
    import torch

    check(gathers, generator)
    check_dt(dt)
    snr = per_gather(snr_db, gathers, "snr_db")
    n_time = gathers.shape[-2]
    shaping = spectrum(n_time, dt, band, color).to(gathers)
    white = randn(gathers.shape, gathers, generator)
    noise = torch.fft.irfft(torch.fft.rfft(white, dim=-2) * shaping[:, None], n=n_time, dim=-2)
    return gathers + scale_to_snr(gathers, noise, snr)


def add_swell(
    gathers: torch.Tensor,
    snr_db: float | torch.Tensor,
    fraction: float | torch.Tensor,
    *,
    dt: float,
    max_frequency: float = 10.0,
    generator: torch.Generator,
) -> torch.Tensor:
    """Add swell noise: strong, slow, on runs of neighbouring channels of a streamer.

    Parameters
    ----------
    gathers, generator
        See :mod:`seisgeo.synth.noise`.
    snr_db : float or Tensor of shape (...)
        Signal-to-noise ratio of each gather (dB), as for :func:`add_noise`: over all of its traces,
        of which those without swell are as they were. Often negative.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces that have it (0 to 1), to the nearest whole number.
    dt : float
        Sampling interval (s).
    max_frequency : float, default 10.0
        Highest frequency of the swell (Hz); its power falls as f**-2 up to there.

    Examples
    --------
    >>> import torch
    >>> clean = torch.ones(500, 20)
    >>> noisy = add_swell(clean, -10.0, 0.25, dt=0.004, generator=torch.Generator())
    >>> int((noisy != clean).any(0).sum())
    5
    """
    import torch

    check(gathers, generator)
    check_dt(dt)
    snr = per_gather(snr_db, gathers, "snr_db")
    part = per_gather(fraction, gathers, "fraction")
    n_time, n_traces = gathers.shape[-2:]
    shaping = spectrum(n_time, dt, (0.0, max_frequency), 2.0).to(gathers)
    white = randn(gathers.shape, gathers, generator)
    swell = torch.fft.irfft(torch.fft.rfft(white, dim=-2) * shaping[:, None], n=n_time, dim=-2)
    check_fraction(part, "traces")
    # The highest places of a smooth random curve along the streamer: runs of channels.
    curve = randn((*gathers.shape[:-2], 1, n_traces), gathers, generator)
    curve = _along_streamer(_along_streamer(curve))
    rank = curve.argsort(dim=-1, descending=True).argsort(dim=-1)
    swell = torch.where(rank < torch.round(part * n_traces), _along_streamer(swell), 0.0)
    noise = scale_to_snr(gathers, swell, snr)
    return gathers + noise


def _along_streamer(values: torch.Tensor) -> torch.Tensor:
    """Mean over each channel and two on either side, of which swell moves several at once."""
    import torch

    flat = values.reshape(-1, 1, values.shape[-1])
    padded = torch.nn.functional.pad(flat, (2, 2), mode="replicate")
    return torch.nn.functional.avg_pool1d(padded, 5, stride=1).reshape(values.shape)
