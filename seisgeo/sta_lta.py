"""STA/LTA on a channel of any length: obspy's ratio and trigger, in pieces that join exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from seisgeo.errors import ParameterError

__all__ = ["StaLta", "Trigger", "channel_triggers"]

#: Samples that are read and looked at together.
PIECE = 1 << 19
#: A channel is clipped where it stays at its extreme for so many samples in a row, so many times:
#: the top of one slow wave is held once.
_CLIPPED_RUN, _CLIPPED_TIMES = 3, 2


class StaLta(NamedTuple):
    """How triggers are found.

    Attributes
    ----------
    sta, lta : float
        Lengths of the short and of the long window (s).
    on, off : float
        Ratios at which a trigger begins and ends.
    band : tuple of float or None
        Pass band (Hz) of a Butterworth filter of order 4, causal; an infinite upper end is a
        high-pass. None: only the mean is removed.
    """

    sta: float = 0.5
    lta: float = 10.0
    on: float = 4.0
    off: float = 1.5
    band: tuple[float, float] | None = None

    def check(self) -> None:
        """Raise ParameterError where these make no trigger."""
        if not 0 < self.sta < self.lta:
            raise ParameterError(
                f"sta={self.sta:g} s, lta={self.lta:g} s: expected 0 < sta < lta, for instance "
                "0.5 and 10"
            )
        if not 0 < self.off <= self.on:
            raise ParameterError(f"on={self.on:g}, off={self.off:g}: expected 0 < off <= on")
        if self.on > (most := self.lta / self.sta):
            raise ParameterError(
                f"on={self.on:g}: the ratio is never above lta / sta = {most:g}; choose a lower "
                "one, or a longer lta"
            )
        if self.band is not None and not 0 < self.band[0] < self.band[1]:
            raise ParameterError(
                f"band={self.band}: expected two frequencies (Hz), the lower first"
            )

    def filter(self, rate: float) -> np.ndarray | None:
        """Second-order sections, the same as those of obspy's bandpass and highpass."""
        from scipy.signal import iirfilter

        if self.band is None:
            return None
        low, high = (frequency / (rate / 2) for frequency in self.band)
        if low >= 1:
            raise ParameterError(
                f"band={self.band}: begins above the Nyquist frequency of {rate:g} Hz data, "
                f"{rate / 2:g} Hz"
            )
        if high >= 1:
            return iirfilter(4, low, btype="highpass", ftype="butter", output="sos")
        return iirfilter(4, [low, high], btype="band", ftype="butter", output="sos")


class Trigger(NamedTuple):
    """First and last sample, largest ratio, largest magnitude of the filtered samples."""

    first: int
    last: int
    ratio: float
    amplitude: float


class _Stretch(NamedTuple):
    """Samples without a gap, and what a first look at them tells."""

    first: int
    stop: int
    mean: float
    low: float
    high: float
    clipped: bool


def channel_triggers(
    read: Callable[[int, int], np.ndarray], n_samples: int, rate: float, how: StaLta
) -> tuple[list[Trigger], list[str]]:
    """Find the triggers of one channel.

    Parameters
    ----------
    read : callable
        Gives the samples from a first to before a last; NaN in gaps.
    n_samples : int
        All of them.
    rate : float
        Sampling rate (Hz).
    how : StaLta
        Windows, ratios, filter.

    Returns
    -------
    triggers : list of Trigger
        What ``obspy.signal.trigger.trigger_onset`` finds in ``classic_sta_lta`` of each stretch
        between gaps, its mean removed.
    remarks : list of str
        What was not searched, or is clipped.
    """
    n_sta, n_lta = max(1, round(how.sta * rate)), max(2, round(how.lta * rate))
    found: list[Trigger] = []
    remarks: list[str] = []
    stretches = list(_stretches(read, n_samples))
    short = [s for s in stretches if s.stop - s.first < n_lta]
    flat = [s for s in stretches if s.low == s.high and s not in short]
    clipped = [s for s in stretches if s.clipped and s not in flat]
    if not stretches:
        remarks.append("holds no samples")
    for those, what in (
        (short, f"shorter than the long window of {how.lta:g} s, not searched"),
        (flat, "constant, not searched"),
        (clipped, "clipped: the largest value is held again and again"),
    ):
        if those:
            seconds = sum(s.stop - s.first for s in those) / rate
            place = f"the first {those[0].first / rate:g} s after its start"
            count = "1 stretch" if len(those) == 1 else f"{len(those)} stretches"
            remarks.append(f"{count}, {seconds:g} s in all, {place}: {what}")
    sections = how.filter(rate)
    for stretch in stretches:
        if stretch not in short and stretch not in flat:
            found += _triggers(read, stretch, sections, n_sta, n_lta, how)
    return found, remarks


def _stretches(read: Callable[[int, int], np.ndarray], n_samples: int) -> Iterator[_Stretch]:
    """Stretches between gaps, from one pass over the samples."""
    held: dict[float, int] = {}
    begin, end, total, low, high = -1, 0, 0.0, np.inf, -np.inf

    def closed() -> _Stretch:
        clipped = any(held.get(value, 0) >= _CLIPPED_TIMES for value in (low, high))
        return _Stretch(begin, end, total / (end - begin), low, high, clipped)

    for start in range(0, n_samples, PIECE):
        block = np.asarray(read(start, min(start + PIECE, n_samples)), np.float64)
        there = np.isfinite(block)
        edges = np.flatnonzero(np.diff(there, prepend=False, append=False)).reshape(-1, 2)
        for first, stop in edges.tolist():
            if begin >= 0 and start + first > end:
                yield closed()
                begin = -1
            if begin < 0:
                begin, total, low, high, held = start + first, 0.0, np.inf, -np.inf, {}
            part = block[first:stop]
            end = start + stop
            total += float(part.sum())
            low, high = min(low, float(part.min())), max(high, float(part.max()))
            for value in {low, high}:
                held[value] = held.get(value, 0) + _runs(part == value)
    if begin >= 0:
        yield closed()


def _runs(at: np.ndarray) -> int:
    """How many runs of true values are as long as those of clipping."""
    edges = np.flatnonzero(np.diff(at, prepend=False, append=False)).reshape(-1, 2)
    return int((np.diff(edges) >= _CLIPPED_RUN).sum())


def _triggers(
    read: Callable[[int, int], np.ndarray],
    stretch: _Stretch,
    sections: np.ndarray | None,
    n_sta: int,
    n_lta: int,
    how: StaLta,
) -> Iterator[Trigger]:
    from obspy.signal.trigger import classic_sta_lta, trigger_onset
    from scipy.signal import sosfilt

    state = None if sections is None else np.zeros((len(sections), 2))
    before = np.empty(0)  # the samples that the long window of the next piece begins with
    running: Trigger | None = None
    for start in range(stretch.first, stretch.stop, PIECE):
        stop = min(start + PIECE, stretch.stop)
        samples = np.asarray(read(start, stop), np.float64) - stretch.mean
        if sections is not None:
            samples, state = sosfilt(sections, samples, zi=state)
        joined = np.concatenate([before, samples])
        ratio = np.zeros(len(joined))
        if len(joined) >= n_lta:
            # 0 / 0 where nothing moves
            ratio = np.nan_to_num(classic_sta_lta(joined, n_sta, n_lta), nan=0.0)
        ratio = ratio[len(before) :]
        before = joined[max(0, len(joined) - n_lta + 1) :]
        done = 0
        if running is not None:
            below = ratio < how.off
            done = int(below.argmax()) if below.any() else len(ratio)
            if done:
                running = _joined(running, _measured(ratio, samples, 0, done - 1, start))
            if done < len(ratio):
                yield running
                running = None
        for first, last in trigger_onset(ratio[done:], how.on, how.off):
            trigger = _measured(ratio, samples, int(first) + done, int(last) + done, start)
            if trigger.last == stop - 1 and stop < stretch.stop:
                running = trigger
            else:
                yield trigger
    if running is not None:
        yield running


def _measured(ratio: np.ndarray, samples: np.ndarray, first: int, last: int, start: int) -> Trigger:
    part = slice(first, last + 1)
    largest = float(np.abs(samples[part]).max())
    return Trigger(start + first, start + last, float(ratio[part].max()), largest)


def _joined(a: Trigger, b: Trigger) -> Trigger:
    return Trigger(a.first, b.last, max(a.ratio, b.ratio), max(a.amplitude, b.amplitude))
