"""Random fields with the von Kármán spectrum of rock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["fractal_noise"]


def fractal_noise(
    rng: np.random.Generator, shape: Sequence[int], length: Sequence[float], hurst: float
) -> np.ndarray:
    """Gaussian random field with a von Kármán spectrum, of unit variance.

    Its power falls as ``(1 + |2 pi k a|^2)^-(hurst + d / 2)`` in d dimensions, with wavenumber k
    and correlation length a: flat below 1 / (2 pi a), a power law above. Measured along a line the
    exponent is -(2 hurst + 1); well logs show it near -1 (1/f), that is a hurst near 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : sequence of int
        Cells along each axis.
    length : sequence of float
        Correlation length along each axis (cells).
    hurst : float
        Hurst exponent, 0 to 1: rough to smooth.

    Returns
    -------
    numpy.ndarray
        Values of the given shape, of expectation 0 and variance 1.

    References
    ----------
    Goff and Jordan (1988), doi 10.1029/JB093iB11p13589; Walden and Hosken (1985),
    doi 10.1111/j.1365-2478.1985.tb00438.x (1/f spectra of well logs).

    Examples
    --------
    >>> noise = fractal_noise(np.random.default_rng(0), (200, 300), (5, 20), 0.3)
    >>> noise.shape, bool(0.8 < noise.std() < 1.2)
    ((200, 300), True)
    """
    from scipy import fft

    # The transform is periodic: a margin keeps the two ends of an axis from being alike.
    padded = [
        fft.next_fast_len(n + round(min(n, 3 * a)), real=True)
        for n, a in zip(shape, length, strict=True)
    ]
    frequencies = [np.fft.fftfreq(n) for n in padded[:-1]] + [np.fft.rfftfreq(padded[-1])]
    square = np.ones([1] * len(padded))
    for axis, (k, a) in enumerate(zip(frequencies, length, strict=True)):
        sides = [-1 if i == axis else 1 for i in range(len(padded))]
        square = square + ((2 * np.pi * a * k) ** 2).reshape(sides)
    power = square ** -(hurst + 0.5 * len(padded))
    power[(0,) * len(padded)] = 0.0
    # Frequencies of the halved axis stand for two, but for zero and the Nyquist frequency.
    twice = np.full(frequencies[-1].size, 2.0)
    twice[0] = 1.0
    if padded[-1] % 2 == 0:
        twice[-1] = 1.0
    scale = np.sqrt(np.prod(padded) / (power * twice).sum())
    spectrum = fft.rfftn(rng.standard_normal(padded)) * np.sqrt(power)
    noise = fft.irfftn(spectrum, s=padded, overwrite_x=True)
    return noise[tuple(slice(n) for n in shape)] * scale
