"""Source wavelets: Ricker's, and one estimated from field gathers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.errors import ParameterError, SurveyMismatchError

if TYPE_CHECKING:
    from seisgeo.synth.survey import Survey

__all__ = ["estimate_signature", "first_sample", "preroll", "source_signature", "wavelet_of_traces"]

#: Upper end of the band, in peak frequencies: full up to the first, nothing above the second.
ROLL_OFF = (1.6, 2.5)
#: Lag window of the autocorrelation, in periods of the peak frequency to each side.
LAG_PERIODS = 3.0
#: Strength of a reflection at the sea surface, as ghosts are taken out of a signature: under 1,
#: so that the inverse of a ghost stays finite at its notches.
SEA_SURFACE = 0.95
#: Power below the strongest, at which the low end of the field's band is taken to end.
LOW_END = 10 ** (-20 / 10)
#: Speed of sound in water (m/s).
WATER = 1500.0


def source_signature(survey: Survey, before: int = 0) -> np.ndarray:
    """What the source of a survey emits, on the record's time axis.

    Parameters
    ----------
    survey : Survey
        Gives the wavelet and the sampling. A Ricker wavelet (Ricker, 1953) has unit peak and is
        cut to 2.2 periods, as OpenFWI does.
    before : int, default 0
        Samples before time zero.

    Returns
    -------
    numpy.ndarray
        Shape (before + nt,).

    Examples
    --------
    >>> from seisgeo.synth import Survey
    >>> int(source_signature(Survey.openfwi()).argmax())
    72
    """
    n = survey.nt + before
    if survey.wavelet is None:
        lag = np.arange(n) - before - round(survey.peak_time / survey.dt)
        b = (np.pi * survey.peak_frequency * survey.dt * lag) ** 2
        return np.where(np.abs(lag) <= _half_ricker(survey), (1 - 2 * b) * np.exp(-b), 0.0)
    start = before + first_sample(survey)
    signature = np.zeros(n)
    inside = slice(max(0, start), max(0, min(n, start + len(survey.wavelet))))
    signature[inside] = survey.wavelet[inside.start - start : inside.stop - start]
    return signature


def first_sample(survey: Survey) -> int:
    """Where on the record's axis a survey's wavelet begins, in samples; negative before it does."""
    if survey.wavelet is None:
        return round(survey.peak_time / survey.dt) - _half_ricker(survey)
    return round(survey.wavelet_start / survey.dt)


def preroll(survey: Survey) -> int:
    """Samples that the wavelet of a survey needs before time zero to be whole."""
    return max(0, -first_sample(survey))


def _half_ricker(survey: Survey) -> int:
    return math.floor(1.1 / survey.peak_frequency / survey.dt + 1e-9)


def wavelet_of_traces(
    traces: np.ndarray,
    field_dt: float,
    *,
    dt: float,
    peak_frequency: float,
    phase: str | float = "minimum",
) -> tuple[np.ndarray, float]:
    """Wavelet of field traces: what one reflection looks like, as their spectrum tells.

    The amplitude spectrum is that of the mean autocorrelation of the traces, under a lag window of
    three periods: taken for white, the earth has no part in what remains (Robinson and Treitel,
    1980). A trace tells nothing of the phase; it is chosen.

    Parameters
    ----------
    traces : numpy.ndarray
        Shape (trace, time); every trace counts alike, zero traces do not.
    field_dt : float
        Their sampling interval (s).
    dt : float
        Sampling interval of the wavelet (s).
    peak_frequency : float
        Frequency (Hz) that the simulation is made for: the wavelet is whole up to 1.6 times it,
        and has nothing above 2.5 times it.
    phase : {"minimum", "zero"} or float, default "minimum"
        Minimum phase fits explosions and air guns; zero phase fits vibroseis and processed data;
        a number is a constant rotation (degrees) of the zero-phase wavelet.

    Returns
    -------
    wavelet : numpy.ndarray
        Unit largest amplitude, shape (time,).
    start : float
        Time of its first sample (s), at most 0.

    Raises
    ------
    SurveyMismatchError
        If every trace is zero.
    ParameterError
        If `phase` is unknown.

    Examples
    --------
    >>> lag = np.pi * 15 * (np.arange(400) * 0.002 - 0.4)
    >>> trace = (1 - 2 * lag**2) * np.exp(-(lag**2))
    >>> wavelet, start = wavelet_of_traces(
    ...     trace[None], 0.002, dt=0.002, peak_frequency=15, phase="zero"
    ... )
    >>> float(round(start + 0.002 * wavelet.argmax(), 6) + 0.0)
    0.0
    """
    frequency, spectrum = _spectrum(traces, field_dt, peak_frequency, phase)
    return _in_time(spectrum, frequency, dt, peak_frequency)


def estimate_signature(
    traces: np.ndarray,
    field_dt: float,
    *,
    dt: float,
    peak_frequency: float,
    phase: str | float = "minimum",
    ghost_depths: tuple[float, ...] = (),
) -> tuple[np.ndarray, float]:
    """Signature that makes a 2-D simulation record the wavelet of field traces.

    Between a source's signature and what its wave looks like on the way stand two filters, which
    the simulation applies and which are therefore taken out here: a line source in two dimensions
    integrates half an order, 1 / sqrt(i omega) in the far field, where the field's point source
    does not; and the sea surface adds the mirror image of source and receiver (ghosts).

    Parameters
    ----------
    traces, field_dt, dt, peak_frequency, phase
        As for :func:`wavelet_of_traces`.
    ghost_depths : tuple of float, optional
        Depths (m) of source and receiver below a free surface.

    Returns
    -------
    signature : numpy.ndarray
        Unit largest amplitude, shape (time,).
    start : float
        Time of its first sample (s).
    """
    frequency, spectrum = _spectrum(traces, field_dt, peak_frequency, phase)
    spectrum = spectrum * np.sqrt(2j * np.pi * frequency)
    for depth in ghost_depths:
        ghost = 1 - SEA_SURFACE * np.exp(-4j * np.pi * frequency * depth / WATER)
        spectrum = spectrum / ghost
    return _in_time(spectrum, frequency, dt, peak_frequency)


def _spectrum(
    traces: np.ndarray, dt: float, peak: float, phase: str | float
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (Hz) and complex spectrum of the wavelet, within the band of the simulation."""
    if not (phase in ("minimum", "zero") or isinstance(phase, int | float)):
        raise ParameterError(
            f"phase={phase!r}: expected 'minimum', 'zero' or a rotation in degrees"
        )
    traces = np.nan_to_num(np.asarray(traces, float))
    energy = (traces**2).sum(axis=1)
    if not (energy > 0).any():
        raise SurveyMismatchError("every trace is zero: no wavelet can be estimated")
    traces = traces[energy > 0] / np.sqrt(energy[energy > 0])[:, None]
    size = 2 ** math.ceil(math.log2(2 * traces.shape[1]))
    power = (np.abs(np.fft.rfft(traces, n=size, axis=1)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(size, dt)

    lags = np.minimum(np.arange(size), size - np.arange(size)) * dt
    reach = LAG_PERIODS / peak
    window = np.where(lags < reach, np.cos(0.5 * np.pi * np.minimum(lags / reach, 1)) ** 2, 0.0)
    power = np.maximum(np.fft.rfft(np.fft.irfft(power, n=size) * window).real, 0.0)
    power = np.maximum(power, 1e-6 * power.max())
    amplitude = np.sqrt(power)

    if phase == "minimum":
        # Of the whole band: the phase of a low-passed wavelet would be another one.
        spectrum = amplitude * np.exp(1j * _minimum_phase(amplitude, size))
    else:
        turn = 0.0 if phase == "zero" else math.radians(float(phase))
        spectrum = amplitude * np.exp(1j * turn)
    strong = power > LOW_END * power[frequency < ROLL_OFF[1] * peak].max()
    low = float(frequency[np.argmax(strong)])
    return frequency, spectrum * _band(frequency, low, peak)


def _minimum_phase(amplitude: np.ndarray, size: int) -> np.ndarray:
    """Phase of the causal, minimum-delay wavelet of an amplitude spectrum, by the cepstrum."""
    cepstrum = np.fft.irfft(np.log(amplitude), n=size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    return np.fft.rfft(cepstrum).imag


def _band(frequency: np.ndarray, low: float, peak: float) -> np.ndarray:
    """Cosine ramps: up from half the low end, down between the ends of the roll-off."""
    full, none = (factor * peak for factor in ROLL_OFF)
    up = np.clip((frequency - 0.5 * low) / max(0.5 * low, 1e-9), 0, 1)
    down = np.clip((none - frequency) / (none - full), 0, 1)
    return np.sin(0.5 * np.pi * up) ** 2 * np.sin(0.5 * np.pi * down) ** 2


def _in_time(
    spectrum: np.ndarray, frequency: np.ndarray, dt: float, peak: float
) -> tuple[np.ndarray, float]:
    """Samples at `dt` of a wavelet, from where it rises to where it has died away."""
    reach = LAG_PERIODS / peak
    n = math.ceil(reach / dt)
    time = np.arange(-n, n + 1) * dt
    # The sum itself, not an inverse FFT: any dt, and zero time on a sample.
    kernel = np.exp(2j * np.pi * np.outer(time, frequency))
    wavelet = (kernel @ spectrum).real * np.cos(0.5 * np.pi * time / (n + 1) / dt) ** 2
    wavelet /= np.abs(wavelet).max()
    heard = np.flatnonzero(np.abs(wavelet) > 1e-3)
    first, last = int(min(heard[0], n)), int(heard[-1])
    return wavelet[first : last + 1], float(time[first])
