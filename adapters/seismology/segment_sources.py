"""Samples of records: out of the segments that they are made of, in files or in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from seisgeo.adapters.seismology.obspy_files import read_file, trace_ids
from seisgeo.adapters.seismology.segments import Record, Segment
from seisgeo.adapters.seismology.spans import Spans
from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import obspy

__all__ = ["FileSegments", "Segments", "TraceSegments"]


class Segments:
    """Records made of segments; what gives the segments' samples comes from below."""

    broken: dict[str, str] | None = None
    """Why files could not be read, whose samples are NaN then; None: that is an error."""

    def __init__(self, records: Sequence[Record], components: Sequence[str], rate: float) -> None:
        self.records = tuple(records)
        self.components = tuple(components)
        self.rate = rate
        self._spans: dict[int, Spans] = {}

    def arranged(self, records: Sequence[Record], components: Sequence[str], rate: float) -> Self:
        """The same samples as other records."""
        return type(self)(records, components, rate)

    def only(self, row: int, component: str) -> Self:
        """The same, of one component of one record."""
        record = self.records[row]
        segments = tuple(s for s in record.segments if s.component == component)
        return self.arranged([record._replace(segments=segments)], [component], self.rate)

    def holding(self, row: int, first: int, last: int) -> list[Segment]:
        """Segments of a record with samples between two times (ns), by their starts."""
        segments = self.records[row].segments
        if row not in self._spans:
            step = 1e9 / self.rate
            starts = [s.start for s in segments]
            self._spans[row] = Spans(
                starts, [s.start + round(s.n_samples * step) for s in segments]
            )
        return [segments[number] for number in self._spans[row].holding(first, last)]

    def file_at(self, row: int, time: int) -> str:
        """Name of the file that holds a time of a record; none where there are no files."""
        return ""

    def pieces(
        self, record: Record, segments: list[Segment], first: int, last: int
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        """Component, start (ns) and samples of whatever lies between two times (ns)."""
        raise NotImplementedError

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        """Samples of a record, (component, time)."""
        record = self.records[row]
        out = np.full((len(self.components), stop - start), np.nan)
        step = 1e9 / self.rate
        first, last = (record.start + round(i * step) for i in (start, stop - 1))
        inside = self.holding(row, first - round(step), last + round(step))
        # Samples are counted from the start of a segment whose times do not count them.
        for segment in (s for s in inside if s.drift):
            first = min(first, segment.start)
            last = max(last, last + round(segment.drift * step))
        # Where segments of a component overlap, which one begins later is told by their own starts.
        ends: dict[str, float] = {}
        asked = first
        for segment in sorted(inside, key=lambda s: s.start):
            before, end = ends.get(segment.id, 0), segment.start + segment.n_samples * step
            if segment.start < before and min(before, end) >= asked:
                first = min(first, segment.start - round(step))
            ends[segment.id] = max(before, end)
        found = list(self.pieces(record, inside, first, last)) if inside else []
        for component, begin, samples in sorted(found, key=lambda piece: piece[1]):
            at = round((begin - record.start) / step) - start
            low, high = max(at, 0), min(at + len(samples), stop - start)
            if low < high:
                row_of = self.components.index(component)
                out[row_of, low:high] = samples[low - at : high - at]
        return out


class FileSegments(Segments):
    """Segments in files: the times that are asked for are read from them."""

    files: Mapping[int, tuple[str, str]] = {}
    """Name and format of each place."""

    def arranged(self, records: Sequence[Record], components: Sequence[str], rate: float) -> Self:
        """The same samples as other records, of no more files than they need."""
        other = super().arranged(records, components, rate)
        other.files = {s.place: self.files[s.place] for r in records for s in r.segments}
        return other

    def file_at(self, row: int, time: int) -> str:
        """Name of the file that holds a time of a record: the later one where two do."""
        half = round(0.5e9 / self.rate)  # samples are those of the nearest times
        there = self.holding(row, time - half, time + half)
        return self.files[there[-1].place][0] if there else ""

    def pieces(
        self, record: Record, segments: list[Segment], first: int, last: int
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        """Samples of the segments, read from their files."""
        from obspy import UTCDateTime

        half = round(0.5e9 / self.rate)
        times = {"starttime": UTCDateTime(ns=first - half), "endtime": UTCDateTime(ns=last + half)}
        known = {(s.id, s.sampling_rate): s.component for s in segments}
        names = {s.id for s in segments}
        channels = record.id if len(names) > 1 else names.pop()
        for place in dict.fromkeys(s.place for s in segments):
            path, form = self.files[place]
            if self.broken is not None and path in self.broken:
                continue
            traces: Sequence[obspy.Trace] = ()
            try:
                if form == "MSEED":  # other channels of the file are not even decoded
                    traces = read_file(path, form, **times, sourcename=channels)
                if not traces:
                    # Codes that no standard allows are not found by their names. Of other formats
                    # obspy reads the whole file anyway.
                    traces = read_file(path, form, **(times if form == "MSEED" else {}))
            except FormatError as error:
                if self.broken is None:
                    raise
                self.broken[path] = str(error).removeprefix(f"{path}: ")
                continue
            for trace, name in zip(traces, trace_ids(traces, form), strict=True):
                key = (name, float(trace.stats.sampling_rate))
                if key in known:
                    yield known[key], trace.stats.starttime.ns, trace.data


class TraceSegments(Segments):
    """Segments in memory."""

    traces: tuple[np.ndarray, ...] = ()

    def arranged(self, records: Sequence[Record], components: Sequence[str], rate: float) -> Self:
        """The same samples as other records."""
        other = super().arranged(records, components, rate)
        other.traces = self.traces
        return other

    def pieces(
        self, record: Record, segments: list[Segment], first: int, last: int
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        """Samples of the segments, whole."""
        for segment in segments:
            yield segment.component, segment.start, self.traces[segment.place]
