"""Waveform files that obspy reads, and its streams, as waveforms cubes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.contradictions import Finding, warn
from seisgeo.adapters.seismology.obspy_files import (
    HEADERS_ALONE,
    LONG,
    clock_drift,
    cut_end,
    read_file,
    read_headers,
    sample_type,
    seed_id,
    segment_of,
    waveform_format,
)
from seisgeo.adapters.seismology.records import (
    cube_of,
    listed,
    order_components,
    pick_rate,
    say,
)
from seisgeo.adapters.seismology.sac import sac_coords
from seisgeo.adapters.seismology.segments import Record, Segment, records_of
from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import obspy

__all__ = ["Scan", "from_stream", "open_streams", "scan_streams"]


class _Segments:
    """Records made of segments; what gives the segments' samples comes from below."""

    def __init__(self, records: Sequence[Record], components: Sequence[str], rate: float) -> None:
        self.records = tuple(records)
        self.components = tuple(components)
        self.rate = rate

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
        inside = [
            s
            for s in record.segments
            if s.start <= last + step and s.start + s.n_samples * step >= first - step
        ]
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


class _FileSegments(_Segments):
    """Segments in files: the times that are asked for are read from them."""

    files: tuple[tuple[str, str], ...] = ()

    def pieces(
        self, record: Record, segments: list[Segment], first: int, last: int
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        from obspy import UTCDateTime

        half = round(0.5e9 / self.rate)
        times = {"starttime": UTCDateTime(ns=first - half), "endtime": UTCDateTime(ns=last + half)}
        known = {s.id: s.component for s in segments}
        for place in dict.fromkeys(s.place for s in segments):
            path, form = self.files[place]
            # Of other formats obspy reads the whole file anyway.
            window = times if form == "MSEED" else {}
            traces: Sequence[obspy.Trace] = ()
            if form == "MSEED":  # other stations of the file are not even decoded
                traces = read_file(path, form, **window, sourcename=record.id)
            # Codes that no standard allows are not found by their names.
            for trace in traces or read_file(path, form, **window):
                if trace.id in known or seed_id(trace) in known:
                    component = known[trace.id if trace.id in known else seed_id(trace)]
                    yield component, trace.stats.starttime.ns, trace.data


class _TraceSegments(_Segments):
    """Segments in memory."""

    traces: tuple[np.ndarray, ...] = ()

    def pieces(
        self, record: Record, segments: list[Segment], first: int, last: int
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        for segment in segments:
            yield segment.component, segment.start, self.traces[segment.place]


class Scan(NamedTuple):
    """Records of files, found by reading headers alone."""

    source: _Segments
    """Reads their samples; knows ``records``, ``components`` and ``rate``."""
    lengths: np.ndarray
    types: set[np.dtype]
    coords: dict[str, Any]
    attrs: dict[str, Any]
    findings: list[Finding]
    remarks: list[str]


def scan_streams(
    files: Sequence[Path],
    *,
    name: object,
    sampling_rate: float | None = None,
    longest_gap: float | None = None,
) -> Scan:
    """Find the records of files that obspy reads.

    Parameters
    ----------
    files : sequence of pathlib.Path
        The files.
    name : object
        What to call them in messages.
    sampling_rate, longest_gap : float, optional
        As of :func:`seisgeo.adapters.seismology.open_waveforms`.

    Returns
    -------
    Scan
    """
    from tqdm.auto import tqdm

    segments: list[Segment] = []
    kinds, types, tables, remarks = [], set(), [], []
    for place, path in enumerate(tqdm(files, desc="reading headers", unit="file", delay=2)):
        form = waveform_format(path)
        kinds.append((str(path), form))
        for trace in read_headers(path, form):
            said = int(trace.stats.npts)
            n_samples = said if form in HEADERS_ALONE else len(trace.data)
            if n_samples < said:
                remarks.append(
                    f"{seed_id(trace)}: holds {n_samples} of the {said} samples it tells"
                )
            if (kind := sample_type(trace, form)) is None or not n_samples:
                continue  # a log in words
            types.add(kind)
            segment = segment_of(trace, place)._replace(n_samples=n_samples)
            if form == "MSEED" and n_samples > LONG:
                segment = segment._replace(drift=clock_drift(path, segment))
            segments.append(segment)
            tables.append((segments[-1], sac_coords(trace)))
        remarks += cut_end(path, form)
    if not segments:
        raise FormatError(f"{name}: holds no samples")
    source, coords, lengths, findings = _arrange(
        _FileSegments, segments, name, sampling_rate, longest_gap, remarks
    )
    source.files = tuple(kinds)
    coords |= _of_sac(source.records, {s: t for s, t in tables if t})
    formats = ", ".join(dict.fromkeys(form for _, form in kinds))
    attrs = conventions.provenance(source=str(name), source_format=formats)
    return Scan(source, lengths, types, coords, attrs, findings, remarks)


def open_streams(
    files: Sequence[Path], *, name: object, stacklevel: int, **options: Any
) -> xr.Dataset:
    """Open files that obspy reads as one lazy cube; arguments of :func:`scan_streams`."""
    return _cube(scan_streams(files, name=name, **options), name, stacklevel + 1)


def from_stream(
    stream: obspy.Stream, *, sampling_rate: float | None = None, longest_gap: float | None = None
) -> xr.Dataset:
    """Make the waveforms cube of an obspy stream.

    Traces of one instrument (network, station, location, band and instrument code) that follow
    each other become one record, the components side by side.

    Parameters
    ----------
    stream : obspy.Stream
        Traces in any order, also merged ones whose gaps are masked.
    sampling_rate : float, optional
        Which traces to take (Hz), where rates differ; by default those of the rate that most
        samples have.
    longest_gap : float, optional
        A new record begins where an instrument pauses for longer (s); by default for longer than
        its longest trace lasts.

    Returns
    -------
    xarray.Dataset
        ``amplitude (event, component, time)`` in memory; NaN in gaps and where a component is
        missing (``live`` False).

    Raises
    ------
    FormatError
        If there are no samples, or none of that sampling rate.

    Warns
    -----
    DataWarning
        If there are gaps, missing components, or traces of another sampling rate.
    HeaderWarning
        If traces overlap, or components are not sampled at the same times.

    Examples
    --------
    >>> import obspy
    >>> ds = from_stream(obspy.read())      # obspy's example: three components
    >>> dict(ds.sizes), ds.component.values.tolist(), str(ds.station.values[0])
    ({'event': 1, 'component': 3, 'time': 3000}, ['Z', 'N', 'E'], 'RJOB')
    """
    parts = [p for t in stream for p in (t.split() if np.ma.isMaskedArray(t.data) else [t])]
    parts = [p for p in parts if p.stats.npts]
    if not parts:
        raise FormatError("this stream holds no samples")
    segments = [segment_of(trace, place) for place, trace in enumerate(parts)]
    remarks: list[str] = []
    source, coords, lengths, findings = _arrange(
        _TraceSegments, segments, "stream", sampling_rate, longest_gap, remarks
    )
    source.traces = tuple(np.asarray(p.data) for p in parts)
    coords |= _of_sac(
        source.records, {s: t for s, p in zip(segments, parts, strict=True) if (t := sac_coords(p))}
    )
    attrs = conventions.provenance(source_format="obspy stream")
    types = {p.data.dtype for p in parts}
    scan = Scan(source, lengths, types, coords, attrs, findings, remarks)
    return _cube(scan, "stream", stacklevel=2).load()


# ----------------------------------------------------------------------------- to records


def _arrange(
    kind: type[_Segments],
    segments: list[Segment],
    name: object,
    sampling_rate: float | None,
    longest_gap: float | None,
    remarks: list[str],
) -> tuple[Any, dict[str, Any], np.ndarray, list[Finding]]:
    findings: list[Finding] = []
    rates = np.array([s.sampling_rate for s in segments])
    rate, same = pick_rate(name, rates, np.array([s.n_samples for s in segments]), sampling_rate)
    others = [s for s, fits in zip(segments, same, strict=True) if not fits]
    if others and sampling_rate is None:
        for other in sorted({s.sampling_rate for s in others}):
            ids = list(dict.fromkeys(s.id for s in others if s.sampling_rate == other))
            remarks.append(
                f"sampled at {other:g} Hz, not {rate:g} Hz, and left out: {listed(ids)}; "
                f"sampling_rate={other:g} opens them"
            )
    kept = [s for s, fits in zip(segments, same, strict=True) if fits]
    records = records_of(kept, rate, longest_gap, findings, remarks)
    components = order_components({s.component for r in records for s in r.segments})
    live = np.array(
        [[any(s.component == c for s in r.segments) for c in components] for r in records]
    )
    if not live.all():
        lacking = {
            r.id: [c for c, there in zip(components, row, strict=True) if not there]
            for r, row in zip(records, live, strict=True)
        }
        missing = [
            f"{name} lacks {', '.join(absent)}" for name, absent in lacking.items() if absent
        ]
        remarks.append(f"missing components, NaN: {listed(missing)}")
    coords: dict[str, Any] = {
        field: ("event", np.array([getattr(r, field) for r in records], str))
        for field in ("network", "station", "location", "instrument")
    }
    coords["starttime"] = ("event", np.array([r.start for r in records], "M8[ns]"))
    coords["live"] = (("event", "component"), live)
    lengths = np.array([r.n_samples for r in records])
    return kind(records, components, rate), coords, lengths, findings


def _of_sac(records: Iterable[Record], tables: dict[Segment, dict[str, Any]]) -> dict[str, Any]:
    """Coordinates of records that the headers of SAC files tell of."""
    rows = [
        {k: v for s in reversed(r.segments) for k, v in tables.get(s, {}).items()} for r in records
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out: dict[str, Any] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if any(isinstance(v, str) for v in values):
            out[name] = ("event", np.array([v or "" for v in values], str))
        elif name == "origin_time":
            out[name] = (
                "event",
                np.array([v if v is not None else "NaT" for v in values], "M8[ns]"),
            )
        else:
            out[name] = ("event", np.array([np.nan if v is None else v for v in values]))
    return out


def _cube(scan: Scan, name: object, stacklevel: int) -> xr.Dataset:
    source, dtype = scan.source, np.result_type(*scan.types)
    ds = cube_of(
        source, source.components, scan.lengths, source.rate, dtype, scan.coords, scan.attrs
    )
    if scan.findings or scan.remarks:
        ds.attrs["contradictions"] = "\n".join([*map(str, scan.findings), *scan.remarks])
    warn(name, scan.findings, stacklevel=stacklevel + 1)
    say(name, scan.remarks, stacklevel=stacklevel + 1)
    return ds
