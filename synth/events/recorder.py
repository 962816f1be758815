"""What records the ground: sampling, length, instrument, and how much noise there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seisgeo.errors import ParameterError
from seisgeo.synth.events.spectra import poles_zeros

__all__ = ["Recorder"]

#: Ground motion that an instrument of flat response records: power of 2 pi i f, and its units.
_MOTIONS = {"displacement": (0, "m"), "velocity": (1, "m/s"), "acceleration": (2, "m/s2")}


@dataclass(frozen=True)
class Recorder:
    """What records each event.

    Parameters
    ----------
    dt : float, default 0.01
        Sampling interval (s).
    n_time : int, default 6000
        Samples of a record.
    response : {"velocity", "displacement", "acceleration"} or mapping, default "velocity"
        Flat response to one of these, or the instrument's poles and zeros, from ground velocity
        (m/s) to counts, as obspy's ``paz``: ``poles``, ``zeros``, ``gain``, ``sensitivity``.
    p_arrival : (float, float), optional
        Range of times at which the P wave arrives (s), by default from 1/12 to 1/4 of the record.
    snr : (float, float) or None, default (5, 40)
        Range of signal-to-noise ratios (dB), uniform: the noise is scaled. It is 10 log10 of the
        mean square of the signal on three components, over the time in which 5 to 95 % of its
        energy arrive, over the mean square of the noise. With None, signal and noise are as strong
        as the magnitude, the distance and the region's noise make them.

    Raises
    ------
    ParameterError
        If a value makes no recorder.

    Examples
    --------
    >>> Recorder(dt=0.002, n_time=5000).duration
    10.0
    """

    dt: float = 0.01
    n_time: int = 6000
    response: str | Mapping[str, Any] = "velocity"
    p_arrival: tuple[float, float] | None = None
    snr: tuple[float, float] | None = (5.0, 40.0)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise ParameterError(f"dt: expected seconds above zero, found {self.dt!r}")
        if self.n_time < 100:
            raise ParameterError(f"n_time: expected at least 100 samples, found {self.n_time}")
        if isinstance(self.response, str) and self.response not in _MOTIONS:
            raise ParameterError(
                f"response: expected one of {', '.join(_MOTIONS)} or a mapping of poles and zeros, "
                f"found {self.response!r}"
            )
        if not isinstance(self.response, str) and "poles" not in self.response:
            raise ParameterError(
                f"response: expected poles, zeros, gain and sensitivity, found "
                f"{sorted(self.response)}"
            )
        low, high = self.p_window
        if not 0 <= low <= high < self.duration:
            raise ParameterError(
                f"p_arrival: expected two increasing times within the record of {self.duration:g} "
                f"s, found ({low:g}, {high:g})"
            )
        if self.snr is not None and not self.snr[0] <= self.snr[1]:
            raise ParameterError(f"snr: expected (lowest, highest) in dB, found {self.snr}")

    def __hash__(self) -> int:
        return hash((self.dt, self.n_time, repr(self.response), self.p_arrival, self.snr))

    @property
    def duration(self) -> float:
        """Length of a record (s)."""
        return self.n_time * self.dt

    @property
    def p_window(self) -> tuple[float, float]:
        """Range of times at which the P wave arrives (s)."""
        return self.p_arrival or (self.duration / 12, self.duration / 4)

    @property
    def units(self) -> str:
        """Units of what is recorded."""
        return _MOTIONS[self.response][1] if isinstance(self.response, str) else "counts"

    def spectrum(self, frequency: np.ndarray) -> np.ndarray:
        """Response to ground velocity at frequencies (Hz) up to the Nyquist frequency.

        What would make a constant is left out.
        """
        f = np.asarray(frequency, float)
        if isinstance(self.response, str):
            omega = 2j * np.pi * np.maximum(f, 1e-12)
            flat = omega ** (_MOTIONS[self.response][0] - 1)
        else:
            flat = poles_zeros(f, self.response)
        return np.where(f > 0, flat * self.antialias(f), 0.0)

    def antialias(self, frequency: np.ndarray) -> np.ndarray:
        """Anti-alias filter, without phase: it falls from 80 to 100 % of the Nyquist frequency."""
        part = np.clip((np.asarray(frequency, float) * 2 * self.dt - 0.8) / 0.2, 0, 1)
        return 0.5 + 0.5 * np.cos(np.pi * part)
