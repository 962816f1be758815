"""Waveform files that obspy reads, and its streams, as waveforms cubes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.contradictions import Finding, warn
from seisgeo.adapters.seismology.file_headers import FileHeaders, file_headers
from seisgeo.adapters.seismology.obspy_files import segment_of, trace_ids
from seisgeo.adapters.seismology.records import (
    cube_of,
    listed,
    order_components,
    pick_rate,
    say,
)
from seisgeo.adapters.seismology.sac import sac_coords
from seisgeo.adapters.seismology.segment_sources import FileSegments, Segments, TraceSegments
from seisgeo.adapters.seismology.segments import Record, Segment, records_of
from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import obspy

__all__ = ["Found", "Scan", "found_in_files", "found_in_stream", "from_stream", "open_streams"]


class Scan(NamedTuple):
    """Records of one sampling rate."""

    source: Segments
    """Reads their samples; knows ``records``, ``components`` and ``rate``."""
    lengths: np.ndarray
    types: frozenset[np.dtype]
    coords: dict[str, Any]
    attrs: dict[str, Any]
    findings: list[Finding]
    remarks: list[str]


class Found(NamedTuple):
    """Segments of files or of a stream, at any sampling rates."""

    name: object
    """What to call all of it in messages."""
    source: Segments
    """Knows where their samples are; has no records."""
    segments: list[Segment]
    labels: list[dict[str, Any]]
    types: frozenset[np.dtype]
    attrs: dict[str, Any]
    remarks: list[str]

    def scan(self, sampling_rate: float | None = None, longest_gap: float | None = None) -> Scan:
        """Records of one sampling rate, as :func:`open_waveforms` opens them."""
        remarks = [*self.remarks]
        rates = np.array([s.sampling_rate for s in self.segments])
        sizes = np.array([s.n_samples for s in self.segments])
        rate, same = pick_rate(self.name, rates, sizes, sampling_rate)
        others = [s for s, fits in zip(self.segments, same, strict=True) if not fits]
        if others and sampling_rate is None:
            for other in sorted({s.sampling_rate for s in others}):
                ids = list(dict.fromkeys(s.id for s in others if s.sampling_rate == other))
                remarks.append(
                    f"sampled at {other:g} Hz, not {rate:g} Hz, and left out: {listed(ids)}; "
                    f"sampling_rate={other:g} opens them"
                )
        return self._scan(rate, same, longest_gap, remarks)

    def scans(self) -> list[Scan]:
        """Records of every sampling rate, that of most samples first."""
        rates = np.array([s.sampling_rate for s in self.segments])
        sizes = np.array([s.n_samples for s in self.segments])
        remarks = [*self.remarks]
        if not (timed := rates > 0).all():
            ids = [s.id for s, has in zip(self.segments, timed, strict=True) if not has]
            remarks.append(f"no positive sampling rate, left out: {listed([*dict.fromkeys(ids)])}")
        left = np.flatnonzero(timed)
        scans: list[Scan] = []
        while len(left) or not scans:
            rate, same = pick_rate(self.name, rates[left], sizes[left], None)
            chosen = np.isin(np.arange(len(rates)), left[same])
            scans.append(self._scan(rate, chosen, None, remarks))
            left, remarks = left[~same], []
        return scans

    def _scan(
        self, rate: float, chosen: np.ndarray, longest_gap: float | None, remarks: list[str]
    ) -> Scan:
        rows = np.flatnonzero(chosen).tolist()
        kept = [self.segments[row] for row in rows]
        findings: list[Finding] = []
        records = records_of(kept, rate, longest_gap, findings, remarks)
        components, coords = _arrange(records, remarks)
        source = self.source.arranged(records, components, rate)
        coords |= _of_sac(
            records,
            {s: t for s, row in zip(kept, rows, strict=True) if (t := self.labels[row])},
        )
        lengths = np.array([r.n_samples for r in records])
        return Scan(source, lengths, self.types, coords, self.attrs, findings, remarks)


def found_in_files(heads: Mapping[str, FileHeaders], name: object) -> Found:
    """Segments of files, of their headers.

    Parameters
    ----------
    heads : mapping
        Of :func:`~seisgeo.adapters.seismology.file_headers.file_headers`, by names of files.
    name : object
        What to call them in messages.

    Returns
    -------
    Found

    Raises
    ------
    FormatError
        If there are no samples in any.
    """
    segments: list[Segment] = []
    labels: list[dict[str, Any]] = []
    remarks: list[str] = []
    types: frozenset[np.dtype] = frozenset()
    for place, head in enumerate(heads.values()):
        segments += [segment._replace(place=place) for segment in head.segments]
        labels += head.labels
        remarks += head.remarks
        types |= head.types
    if not segments:
        raise FormatError(f"{name}: holds no samples")
    source = FileSegments([], [], 0.0)
    source.files = {i: (path, head.form) for i, (path, head) in enumerate(heads.items())}
    formats = ", ".join(dict.fromkeys(head.form for head in heads.values()))
    attrs = conventions.provenance(source=str(name), source_format=formats)
    return Found(name, source, segments, labels, types, attrs, remarks)


def found_in_stream(stream: obspy.Stream) -> Found:
    """Segments of a stream, also one that is merged and whose gaps are masked.

    Raises
    ------
    FormatError
        If it holds no samples.
    """
    whole = [(trace, name) for trace, name in zip(stream, trace_ids(stream), strict=True)]
    parts = [
        (part, name)
        for trace, name in whole
        for part in (trace.split() if np.ma.isMaskedArray(trace.data) else [trace])
        if part.stats.npts
    ]
    if not parts:
        raise FormatError("this stream holds no samples")
    source = TraceSegments([], [], 0.0)
    source.traces = tuple(np.asarray(part.data) for part, _ in parts)
    return Found(
        "stream",
        source,
        [segment_of(part, name, place) for place, (part, name) in enumerate(parts)],
        [sac_coords(part) for part, _ in parts],
        frozenset(part.data.dtype for part, _ in parts),
        conventions.provenance(source_format="obspy stream"),
        [],
    )


def open_streams(
    files: Sequence[Path],
    *,
    name: object,
    sampling_rate: float | None = None,
    longest_gap: float | None = None,
    stacklevel: int,
) -> xr.Dataset:
    """Open files that obspy reads as one lazy cube; options of :func:`open_waveforms`."""
    from tqdm.auto import tqdm

    bar = tqdm(files, desc="reading headers", unit="file", delay=2)
    found = found_in_files({str(path): file_headers(path) for path in bar}, name)
    return _cube(found.scan(sampling_rate, longest_gap), name, stacklevel + 1)


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
    found = found_in_stream(stream)
    return _cube(found.scan(sampling_rate, longest_gap), "stream", stacklevel=2).load()


# ----------------------------------------------------------------------------- to records


def _arrange(records: list[Record], remarks: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Components of records, and the coordinates that tell of them."""
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
    return components, coords


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
