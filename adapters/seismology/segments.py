"""Stretches of samples of single channels, and how they make the records of stations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding

__all__ = ["Record", "Segment", "records_of", "utc"]

#: A segment that lies off the grid of its record by more than this share of a sample is reported.
_OFF_GRID = 0.1


class Segment(NamedTuple):
    """Samples of one channel without a gap.

    Times are nanoseconds after 1970 (UTC): no rounding at any sampling rate.
    """

    network: str
    station: str
    location: str
    channel: str
    start: int
    sampling_rate: float
    n_samples: int
    place: int
    """Which file, or which trace, holds it."""
    drift: float = 0.0
    """Samples by which the times in the file are later at its end than counting from its start."""

    @property
    def instrument(self) -> str:
        """The channel without its component."""
        return self.channel[:-1]

    @property
    def component(self) -> str:
        """Last letter of the channel."""
        return self.channel[-1:]

    @property
    def id(self) -> str:
        """As in SEED: network.station.location.channel."""
        return f"{self.network}.{self.station}.{self.location}.{self.channel}"


class Record(NamedTuple):
    """Components of one instrument over one stretch of time."""

    network: str
    station: str
    location: str
    instrument: str
    start: int
    n_samples: int
    segments: tuple[Segment, ...]
    """In the order of their starts: where two overlap, the later one is used."""

    @property
    def id(self) -> str:
        """As in SEED, the component left open."""
        return f"{self.network}.{self.station}.{self.location}.{self.instrument}?"


def utc(nanoseconds: int) -> str:
    """A time as people write it, in milliseconds.

    Examples
    --------
    >>> utc(1_232_510_400_000_000_000)
    '2009-01-21T04:00:00.000'
    """
    return str(np.datetime64(int(nanoseconds), "ns").astype("M8[ms]"))


def records_of(
    segments: Sequence[Segment],
    rate: float,
    longest_gap: float | None,
    findings: list[Finding],
    remarks: list[str],
) -> list[Record]:
    """Group segments of one sampling rate into records.

    Parameters
    ----------
    segments : sequence of Segment
        In any order.
    rate : float
        Their sampling rate (Hz).
    longest_gap : float or None
        A new record begins where all components of an instrument pause for longer (s); by default
        for longer than its longest segment lasts.
    findings, remarks : list
        What is to be reported is added to these.

    Returns
    -------
    list of Record
        In the order of their stations in the file, then of their starts.
    """
    first_seen: dict[tuple[str, ...], int] = {}
    for segment in segments:
        first_seen.setdefault(_instrument(segment), len(first_seen))
    ordered = sorted(segments, key=lambda s: (first_seen[_instrument(s)], s.start))
    records = []
    for _, group in groupby(ordered, key=_instrument):
        for parts in _split(list(group), rate, longest_gap):
            start = parts[0].start
            stop = max(_first(part, start, rate) + part.n_samples for part in parts)
            record = Record(*_instrument(parts[0]), start, stop, tuple(parts))
            records.append(record)
    _report(records, rate, findings, remarks)
    return records


def _instrument(segment: Segment) -> tuple[str, str, str, str]:
    return segment.network, segment.station, segment.location, segment.instrument


def _first(segment: Segment, start: int, rate: float) -> int:
    """Sample of a record that begins at `start` where a segment begins."""
    return round((segment.start - start) * rate / 1e9)


def _split(segments: list[Segment], rate: float, longest_gap: float | None) -> Iterator[list]:
    """Cut the segments of an instrument where it pauses."""
    length = max(s.n_samples for s in segments) / rate
    pause = (length if longest_gap is None else longest_gap) * 1e9
    part: list[Segment] = []
    end = 0
    for segment in segments:
        if part and segment.start - end > pause:
            yield part
            part = []
        last = segment.start + round(segment.n_samples * 1e9 / rate)
        end = max(end, last) if part else last
        part.append(segment)
    yield part


class _Faults(NamedTuple):
    """Of one channel in all records: first sample, last, and the start of the record."""

    gaps: list[tuple[int, int, int]]
    overlaps: list[tuple[int, int, int]]
    shifts: list[float]
    """Samples that segments stand off the grid of their record by."""
    drifts: list[float]


def _report(
    records: list[Record], rate: float, findings: list[Finding], remarks: list[str]
) -> None:
    """Say for each channel where it has gaps, overlaps, or stands off the samples of its record."""

    def place(fault: tuple[int, int, int]) -> str:
        first, stop, start = fault
        return f"{(stop - first) / rate:g} s at {utc(start + round(first * 1e9 / rate))}"

    for name, (gaps, overlaps, shifts, drifts) in _faults(records, rate).items():
        if gaps:
            seconds = sum(b - a for a, b, _ in gaps) / rate
            count = "1 gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
            remarks.append(
                f"{name}: {count}, {seconds:g} s in all, the first of {place(gaps[0])}: NaN there"
            )
        if overlaps:
            seconds = sum(b - a for a, b, _ in overlaps) / rate
            said = {f"{len(overlaps)} in all": f"{seconds:g} s", "the first": place(overlaps[0])}
            findings.append(
                Finding(
                    f"overlapping segments of {name}",
                    said,
                    "samples of the segment that begins later used",
                    "a channel has one value at a time",
                )
            )
        if (shift := max(shifts)) > _OFF_GRID:
            findings.append(
                Finding(
                    f"times of {name}",
                    {"samples stand off those of the record by": f"{shift / rate * 1e3:.3g} ms"},
                    "each segment moved to the nearest sample",
                    "the components of a record share one time axis",
                )
            )
        if drift := max(drifts, key=abs):
            findings.append(
                Finding(
                    f"clock of {name}",
                    {"times at the end of a segment": f"{drift / rate * 1e3:+.3g} ms off"},
                    "samples counted from the start of each segment",
                    "they follow each other without a gap",
                )
            )


def _faults(records: list[Record], rate: float) -> dict[str, _Faults]:
    found: dict[str, _Faults] = {}
    for record in records:
        ends: dict[str, int] = {}
        for segment in record.segments:
            gaps, overlaps, shifts, drifts = found.setdefault(segment.id, _Faults([], [], [], []))
            first = _first(segment, record.start, rate)
            end = ends.get(segment.id, first)
            if first > end:
                gaps.append((end, first, record.start))
            if first < end:
                overlaps.append((first, min(end, first + segment.n_samples), record.start))
            ends[segment.id] = max(end, first + segment.n_samples)
            off = (segment.start - record.start) * rate / 1e9 % 1
            shifts.append(min(off, 1 - off))
            drifts.append(segment.drift)
    return found
