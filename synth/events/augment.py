"""Changes to waveforms that leave their meaning: for training, on NumPy arrays or torch tensors.

Every function takes ``waveforms``, a floating-point array or tensor of shape ``(..., component,
time)``, and gives a new one of the same shape, type and device. What differs from record to record
(a shift, a factor, a mask) is a number or an array of shape ``waveforms.shape[:-2]``, in the same
library. A shape or a number that does not fit raises :class:`~seisgeo.errors.ParameterError`.
:class:`Augment` draws such numbers from ranges and applies all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seisgeo.errors import ParameterError

__all__ = [
    "Augment",
    "add_noise",
    "bandpass",
    "drop_components",
    "flip_polarity",
    "mask_frequencies",
    "scale_amplitude",
    "shift_time",
]


def _library(waveforms: Any) -> Any:
    """NumPy or torch, whichever made them."""
    library: Any
    if isinstance(waveforms, np.ndarray):
        library, floating = np, waveforms.dtype.kind == "f"
    elif type(waveforms).__module__.startswith("torch"):
        import torch

        library, floating = torch, waveforms.is_floating_point()
    else:
        raise ParameterError(
            f"waveforms: expected a NumPy array or a torch tensor (..., component, time), found "
            f"{type(waveforms).__name__}"
        )
    if waveforms.ndim < 2 or not floating:
        raise ParameterError(
            f"waveforms: expected floating-point numbers (..., component, time), found "
            f"{waveforms.dtype} of shape {tuple(waveforms.shape)}"
        )
    return library


def _like(values: Any, waveforms: Any) -> Any:
    """`values` as an array of the library, type and device of `waveforms`."""
    if isinstance(waveforms, np.ndarray):
        return np.asarray(values, waveforms.dtype)
    import torch

    return torch.as_tensor(values, dtype=waveforms.dtype, device=waveforms.device)


def _each(values: Any, waveforms: Any, name: str, dims: int = 2) -> Any:
    """A number for each record (or component), with axes for what it is multiplied with."""
    values = _like(values, waveforms)
    whole = tuple(waveforms.shape[: waveforms.ndim - dims])
    if values.ndim and tuple(values.shape) != whole:
        raise ParameterError(
            f"{name}: expected a number or an array of shape {whole}, found shape "
            f"{tuple(values.shape)}"
        )
    return values.reshape(tuple(values.shape) + (1,) * dims)


def shift_time(waveforms: Any, shift: Any, *, dt: float) -> Any:
    """Delay records by `shift` seconds (to the nearest sample); what comes in is zero.

    Examples
    --------
    >>> shift_time(np.array([[[1.0, 2.0, 3.0]]]), 0.01, dt=0.01)
    array([[[0., 1., 2.]]])
    """
    library = _library(waveforms)
    n_time = waveforms.shape[-1]
    delay = _each(shift, waveforms, "shift") / dt
    place = _like(np.arange(n_time), waveforms) - library.round(delay)
    inside = (place >= 0) & (place < n_time)
    if library is np:
        at = np.broadcast_to(np.clip(place, 0, n_time - 1).astype(int), waveforms.shape)
        return np.where(inside, np.take_along_axis(waveforms, at, -1), waveforms.dtype.type(0))
    at = place.clamp(0, n_time - 1).long().expand(waveforms.shape)
    return library.where(inside, waveforms.gather(-1, at), 0.0)


def scale_amplitude(waveforms: Any, factor: Any) -> Any:
    """Multiply records by `factor`."""
    _library(waveforms)
    return waveforms * _each(factor, waveforms, "factor")


def flip_polarity(waveforms: Any, flipped: Any) -> Any:
    """Turn the sign of the records for which `flipped` is true."""
    _library(waveforms)
    return waveforms * (1 - 2 * _each(flipped, waveforms, "flipped"))


def drop_components(waveforms: Any, dropped: Any) -> Any:
    """Set components to zero.

    Parameters
    ----------
    waveforms
        See :mod:`seisgeo.synth.events.augment`.
    dropped : array-like of bool
        Shape (..., component): which.
    """
    _library(waveforms)
    return waveforms * (1 - _each(dropped, waveforms, "dropped", dims=1))


def bandpass(waveforms: Any, low: Any, high: Any, *, dt: float) -> Any:
    """Keep frequencies from `low` to `high` (Hz), without change of phase.

    The response is that of a Butterworth filter of fourth order, run forwards and backwards; 0 and
    infinity leave an end open. What the filter carries over one end of a record comes in at the
    other.

    Examples
    --------
    >>> t = np.arange(1000) * 0.01
    >>> both = (np.sin(2 * np.pi * 2 * t) + np.sin(2 * np.pi * 20 * t))[None]
    >>> bool(np.allclose(bandpass(both, 1, 6, dt=0.01)[0], np.sin(2 * np.pi * 2 * t), atol=0.01))
    True
    """
    low, high = (_each(v, waveforms, n) for v, n in ((low, "low"), (high, "high")))
    if bool((low >= high).any()):
        raise ParameterError("band: expected low below high (Hz) for every record")

    def gain(f: Any) -> Any:
        below, above = (f / high) ** 8, (low / (f + 1e-9)).clip(max=1e4) ** 8
        return 1 / ((1 + below) * (1 + above))

    return _filter(waveforms, gain, dt)


def mask_frequencies(waveforms: Any, low: Any, high: Any, *, dt: float) -> Any:
    """Take out frequencies from `low` to `high` (Hz)."""
    low, high = (_each(v, waveforms, n) for v, n in ((low, "low"), (high, "high")))
    return _filter(waveforms, lambda f: 1 - _like((f >= low) & (f <= high), waveforms), dt)


def _filter(waveforms: Any, gain: Any, dt: float) -> Any:
    library = _library(waveforms)
    n_time = waveforms.shape[-1]
    spectrum = library.fft.rfft(waveforms) * gain(_like(np.fft.rfftfreq(n_time, dt), waveforms))
    changed = library.fft.irfft(spectrum, n_time)
    return changed.astype(waveforms.dtype) if library is np else changed


def add_noise(waveforms: Any, noise: Any, snr: Any) -> Any:
    """Add noise at a signal-to-noise ratio.

    Parameters
    ----------
    waveforms
        See :mod:`seisgeo.synth.events.augment`.
    noise : array or tensor
        Noise of the same shape, of any strength: recorded, or made by
        :func:`seisgeo.synth.generate_events`.
    snr : float or array-like
        Ratio (dB) of the mean squares of each record, all components together, and of its noise.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> clean, noise = rng.standard_normal((2, 4, 3, 500))
    >>> added = add_noise(clean, noise, 6.0) - clean
    >>> (10 * np.log10((clean**2).mean((1, 2)) / (added**2).mean((1, 2)))).round(6)
    array([6., 6., 6., 6.])
    """
    library = _library(waveforms)
    if tuple(noise.shape) != tuple(waveforms.shape):
        raise ParameterError(
            f"noise: expected the shape of the waveforms, {tuple(waveforms.shape)}, found "
            f"{tuple(noise.shape)}"
        )
    axes = (-2, -1)
    power, there = (
        (v**2).mean(axes, keepdims=True) if library is np else (v**2).mean(axes, keepdim=True)
        for v in (waveforms, noise)
    )
    ratio = power / library.where(there > 0, there, library.ones_like(there))
    return waveforms + noise * library.sqrt(ratio) * 10 ** (-_each(snr, waveforms, "snr") / 20)


@dataclass(frozen=True)
class Augment:
    """Change waveforms at random, each record differently.

    Ranges are (lowest, highest), drawn uniformly for each record; None leaves a change out.

    Parameters
    ----------
    dt : float
        Sampling interval (s).
    shift : (float, float) or None, default (-1, 1)
        Delay (s).
    gain : (float, float) or None, default (-10, 10)
        Amplitude (dB).
    snr : (float, float) or None, default (3, 30)
        White noise: signal-to-noise ratio (dB).
    low, high : (float, float) or None, default (0.1, 2) and (8, 45)
        Corners of a band-pass filter (Hz), log-uniform.
    mask : (float, float) or None, default (0, 5)
        Width of a band of frequencies (Hz) that is taken out, anywhere below the Nyquist frequency.
    flip : float, default 0.5
        Part of the records whose polarity is turned.
    drop : float, default 0.1
        Part of the components that are set to zero; a record keeps at least one.

    Examples
    --------
    >>> views = Augment(dt=0.01)(np.ones((8, 3, 400), np.float32), np.random.default_rng(0))
    >>> views.shape, views.dtype
    ((8, 3, 400), dtype('float32'))
    """

    dt: float
    shift: tuple[float, float] | None = (-1.0, 1.0)
    gain: tuple[float, float] | None = (-10.0, 10.0)
    snr: tuple[float, float] | None = (3.0, 30.0)
    low: tuple[float, float] | None = (0.1, 2.0)
    high: tuple[float, float] | None = (8.0, 45.0)
    mask: tuple[float, float] | None = (0.0, 5.0)
    flip: float = 0.5
    drop: float = 0.1

    def __call__(self, waveforms: Any, rng: np.random.Generator) -> Any:
        """Changed waveforms; the input is kept. The same generator state gives the same change."""
        _library(waveforms)
        records = tuple(waveforms.shape[:-2])
        changed = waveforms
        if self.shift:
            changed = shift_time(changed, rng.uniform(*self.shift, records), dt=self.dt)
        if self.low or self.high:
            low, high = (
                np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]), records))
                if ends
                else np.full(records, other)
                for ends, other in ((self.low, 0.0), (self.high, np.inf))
            )
            changed = bandpass(changed, low, np.maximum(high, 1.5 * low), dt=self.dt)
        if self.mask:
            width = rng.uniform(*self.mask, records)
            start = rng.uniform(0, 1, records) * np.maximum(0.5 / self.dt - width, 0)
            changed = mask_frequencies(changed, start, start + width, dt=self.dt)
        if self.snr:
            noise = _like(rng.standard_normal(tuple(waveforms.shape), np.float32), waveforms)
            changed = add_noise(changed, noise, rng.uniform(*self.snr, records))
        if self.gain:
            changed = scale_amplitude(changed, 10 ** (rng.uniform(*self.gain, records) / 20))
        if self.flip:
            changed = flip_polarity(changed, rng.random(records) < self.flip)
        if self.drop:
            chance = rng.random((*records, waveforms.shape[-2]))
            kept = chance == chance.max(-1, keepdims=True)
            changed = drop_components(changed, (chance < self.drop) & ~kept)
        return changed
