"""Gathers with fewer samples: simulation needs finer time steps than the waves that it makes."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["decimate", "thinning_factor"]

#: Share of the energy above the new Nyquist frequency that may be lost: 40 dB down.
LOST = 1e-4
#: Where decimation leaves half of the amplitude, of the new Nyquist frequency.
CUTOFF = 0.9
#: Samples made at once: fewer make small products, more make products that are mostly zeros.
BLOCK = 16


def thinning_factor(spectrum: np.ndarray) -> int:
    """How many samples one may stand for, without losing what is in the gathers.

    Parameters
    ----------
    spectrum : numpy.ndarray
        Mean amplitude spectrum, from zero to the Nyquist frequency.

    Returns
    -------
    int
        Largest power of two for which 99.99 % of the energy lie in the band that :func:`decimate`
        passes; 1 for a spectrum of zeros.

    Examples
    --------
    >>> import numpy as np
    >>> ratio = np.linspace(0, 500, 501) / 15  # a Ricker wavelet of 15 Hz, sampled at 1 ms
    >>> thinning_factor(ratio**2 * np.exp(-(ratio**2)))
    8
    """
    energy = np.cumsum(np.square(spectrum, dtype=float))
    factor = 1
    while energy.size > 1 and energy[-1] > 0:
        kept = energy[int(CUTOFF / (2 * factor) * (energy.size - 1))]
        if kept < (1 - LOST) * energy[-1]:
            break
        factor *= 2
    return factor


def decimate(traces: Tensor, factor: int) -> Tensor:
    """Keep every `factor`-th sample of the third axis, without aliases.

    A windowed sinc, with half of the amplitude left at 0.9 of the new Nyquist frequency, removes
    first what would be aliased; ends are continued by their last value.

    Parameters
    ----------
    traces : torch.Tensor
        Shape (batch, channel, time, receiver).
    factor : int
        1 gives the traces themselves.

    Returns
    -------
    torch.Tensor
        Shape (batch, channel, ceil(time / factor), receiver).

    Examples
    --------
    >>> import torch
    >>> decimate(torch.ones(1, 1, 1000, 2), 4).shape
    torch.Size([1, 1, 250, 2])
    """
    if factor == 1:
        return traces
    nt, half = traces.shape[2], 4 * factor
    steps = torch.arange(-half, half + 1)
    cutoff = CUTOFF / factor  # of the Nyquist frequency
    taps = torch.sinc(cutoff * steps) * torch.cos(0.5 * math.pi * steps / (half + 1)).square()
    centres = torch.arange(0, nt, factor)
    reached = (centres[:, None] + steps).clamp(0, nt - 1)  # (kept, tap)
    # Products of matrices: a convolution takes a CPU 40 times as long.
    weights = torch.zeros(len(centres), nt).scatter_add_(
        1, reached, (taps / taps.sum()).expand(len(centres), -1)
    )
    weights = weights.to(traces)
    parts = []
    for first in range(0, len(centres), BLOCK):
        rows = slice(first, first + BLOCK)
        samples = slice(int(reached[rows].min()), int(reached[rows].max()) + 1)
        parts.append(weights[rows, samples] @ traces[:, :, samples])
    return torch.cat(parts, dim=2)
