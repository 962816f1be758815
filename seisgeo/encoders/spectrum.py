"""Waveforms to spectra: those that SeisCLIP reads, and log spectrograms."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "N_FREQUENCIES",
    "frames_of",
    "log_spectrogram",
    "spectrogram_window",
    "standardise",
    "unit_rms",
    "waveform_spectrum",
]

#: Points of the Fourier transform, whatever the window: shorter windows are filled with zeros.
N_FFT = 100
#: Rows of a spectrum: at 100 Hz from 1 to 50 Hz in steps of 1 Hz. The zero frequency is left out.
N_FREQUENCIES = N_FFT // 2
#: Added to the standard deviation, so that a dead channel is not blown up.
FLOOR = 1e-3


def standardise(waveforms: Tensor) -> Tensor:
    """Take the mean from each channel and divide it by its standard deviation plus 0.001.

    The 0.001 is meant for counts. Where all channels of a record are weaker than one unit (ground
    velocity in m/s), it is taken of the strongest channel's standard deviation instead, so that
    the result does not depend on the unit.

    Parameters
    ----------
    waveforms : torch.Tensor
        Shape (batch, component, time). Dead channels become zero.

    Returns
    -------
    torch.Tensor
        The same shape.

    References
    ----------
    SeisCLIP, arXiv:2309.02320.
    """
    centred = waveforms - waveforms.mean(dim=2, keepdim=True)
    spread = centred.square().mean(dim=2, keepdim=True).sqrt()  # (batch, component, 1)
    floor = FLOOR * spread.amax(dim=1, keepdim=True).clamp(max=1.0)
    return centred / (spread + floor).clamp(min=torch.finfo(waveforms.dtype).tiny)


def frames_of(nt: int, window: int) -> int:
    """Columns of the spectrum of `nt` samples.

    Examples
    --------
    >>> frames_of(6000, window=100), frames_of(6000, window=20)
    (120, 600)
    """
    hop = window // 2
    return -(-nt // hop)


def waveform_spectrum(waveforms: Tensor, window: int) -> Tensor:
    """Magnitude of the short-time Fourier transform of standardised waveforms.

    Hann windows that overlap by half, the record continued by zeros at both ends, 100 points of
    the Fourier transform; the zero frequency and the first frame, half of which lies before the
    record, are left out. No logarithm. Scaled as SciPy's ``stft`` does: a sine of amplitude 1
    has the magnitude 0.5.

    Parameters
    ----------
    waveforms : torch.Tensor
        Shape (batch, component, time).
    window : int
        Length of the windows (samples), even, at most 100: 100 and 20 are SeisCLIP's.

    Returns
    -------
    torch.Tensor
        Shape (batch, component, frame, frequency): 50 frequencies, and 120 or 600 frames for 6000
        samples and windows of 100 or 20.

    References
    ----------
    SeisCLIP, arXiv:2309.02320.

    Examples
    --------
    >>> import torch
    >>> waveform_spectrum(torch.randn(2, 3, 6000), window=100).shape
    torch.Size([2, 3, 120, 50])
    """
    hop = window // 2
    nt = waveforms.shape[2]
    padding = (hop, hop + -nt % hop)
    padded = functional.pad(standardise(waveforms.float()), padding)
    frames = padded.unfold(2, window, hop)[:, :, 1:]  # (batch, component, frame, window)
    taper = torch.hann_window(window, device=waveforms.device)
    spectrum = torch.fft.rfft(frames * (taper / taper.sum()), n=N_FFT, dim=3)
    return spectrum[..., 1:].abs()


def unit_rms(waveforms: Tensor) -> Tensor:
    """Take the mean from each channel, and divide each record by its RMS over all components.

    Gain drops out, and the ratios of components stay.

    Parameters
    ----------
    waveforms : torch.Tensor
        Shape (batch, component, time).
    """
    centred = waveforms - waveforms.mean(dim=2, keepdim=True)
    rms = centred.square().mean(dim=(1, 2), keepdim=True).sqrt()
    return centred / rms.clamp(min=torch.finfo(centred.dtype).tiny)


def spectrogram_window(nt: int) -> int:
    """Samples of the windows of :func:`log_spectrogram`: about a sixteenth of the record.

    Short records have windows of 32: less resolves no frequencies.

    Examples
    --------
    >>> spectrogram_window(6000)
    512
    """
    return max(32, 2 ** round(torch.log2(torch.tensor(nt / 16.0)).item()))


def log_spectrogram(records: Tensor) -> Tensor:
    """Log magnitudes of records of unit RMS, in Hann windows that overlap by three quarters.

    Parameters
    ----------
    records : torch.Tensor
        Shape (batch, component, time), from :func:`unit_rms`.

    Returns
    -------
    torch.Tensor
        Shape (batch, component, frequency, frame), the zero frequency left out.
    """
    window = spectrogram_window(records.shape[2])
    transform = torch.stft(
        records.flatten(0, 1),
        window,
        window // 4,
        window=torch.hann_window(window, device=records.device),
        pad_mode="constant",
        return_complex=True,
    )
    magnitude = transform[:, 1:].abs() / window**0.5
    return torch.log(magnitude + 1e-2).unflatten(0, records.shape[:2])
