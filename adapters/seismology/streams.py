"""Waveform files that obspy reads, and its streams, as waveforms cubes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.contradictions import Finding, warn
from seisgeo.adapters.seismology.records import (
    cube_of,
    listed,
    order_components,
    pick_rate,
    say,
)
from seisgeo.adapters.seismology.sac import sac_coords
from seisgeo.adapters.seismology.segments import Record, Segment, records_of
from seisgeo.errors import FormatError, MissingFileError

if TYPE_CHECKING:
    import obspy

__all__ = ["Scan", "from_stream", "open_streams", "scan_streams", "waveform_format"]

#: Formats of obspy that are not read here: pickles run code, and the others have readers of
#: their own in seisgeo, which know their geometry.
_NOT_HERE = {"PICKLE": "", "SEGY": "seisgeo-segy", "SU": "seisgeo-su", "SEG2": "seisgeo-seg2"}
#: Types of the samples that obspy gives, by the encoding of a miniSEED file and by format.
_ENCODINGS = {"INT16": "i2", "FLOAT32": "f4", "GEOSCOPE16": "f4", "FLOAT64": "f8"}
_FORMATS = {"SAC": "f4"}
#: Formats that tell the type of their samples without reading them.
_HEADERS_ALONE = ("MSEED", "SAC")
#: Samples of a segment in which a clock may go astray.
_LONG = 100_000


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
        # Where segments overlap, which one begins later is told by their own starts.
        for before, after in pairwise(inside):
            if after.start < before.start + before.n_samples * step:
                first = min(first, before.start)
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
                traces = _read(path, form, **window, sourcename=record.id)
            # Codes that no standard allows are not found by their names.
            for trace in traces or _read(path, form, **window):
                if trace.id in known or _named(trace) in known:
                    component = known[trace.id if trace.id in known else _named(trace)]
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
        for trace in _headers(path, form):
            said = int(trace.stats.npts)
            n_samples = said if form in _HEADERS_ALONE else len(trace.data)
            if n_samples < said:
                remarks.append(f"{_named(trace)}: holds {n_samples} of the {said} samples it tells")
            if (kind := _type(trace, form)) is None or not n_samples:
                continue  # a log in words
            types.add(kind)
            segment = _segment(trace, place)._replace(n_samples=n_samples)
            if form == "MSEED" and n_samples > _LONG:
                segment = segment._replace(drift=_drift(path, segment))
            segments.append(segment)
            tables.append((segments[-1], sac_coords(trace)))
        remarks += _cut(path, form)
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
    segments = [_segment(trace, place) for place, trace in enumerate(parts)]
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


def waveform_format(path: Path) -> str:
    """What obspy calls the format of a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        For instance ``"MSEED"``, ``"SAC"`` or ``"GSE2"``.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If obspy does not know it, if another reader is meant for it, or if it is a pickle.
    """
    if not path.exists():
        raise MissingFileError(f"{path}: no such file or folder")
    from obspy.core.util.base import ENTRY_POINTS, buffered_load_entry_point

    if not path.stat().st_size:
        raise FormatError(f"{path}: is empty; copy or download it again")
    for name, point in ENTRY_POINTS["waveform"].items():
        if name == "PICKLE":  # finding it out would already run what is in it
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check = buffered_load_entry_point(
                point.dist.name, f"obspy.plugin.waveform.{name}", "isFormat"
            )
            try:
                fits = check(str(path))
            except Exception:  # a check that stumbles over a file does not know it
                continue
        if fits:
            if name in _NOT_HERE:
                raise FormatError(
                    f"{path}: this is {name}; open it with engine={_NOT_HERE[name]!r}"
                )
            return str(name)
    with path.open("rb") as stream:
        head = stream.read(8)
    raise FormatError(
        f"{path}: obspy knows no waveform format that begins with {head.hex(' ')}; expected "
        "miniSEED, SAC, GSE2, … (see the formats of obspy.read)"
    )


# --------------------------------------------------------------------------------- from obspy


def _read(path: str | Path, form: str, **options: Any) -> obspy.Stream:
    import obspy

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what obspy remarks is found out here by itself
            return obspy.read(str(path), format=form, **options)
    except FileNotFoundError:
        raise MissingFileError(f"{path}: has gone since it was opened") from None
    except Exception as error:  # obspy passes on whatever a broken file runs into
        why = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(
            f"{path}: this {form} file is broken or cut short: {why} (while obspy read it)"
        ) from error


def _headers(path: Path, form: str) -> obspy.Stream:
    return _read(path, form, headonly=form in _HEADERS_ALONE)


def _type(trace: obspy.Trace, form: str) -> np.dtype | None:
    """Type of the samples; None where they are letters."""
    if form == "MSEED":
        encoding = str(trace.stats.mseed.encoding)
        return None if encoding == "ASCII" else np.dtype(_ENCODINGS.get(encoding, "i4"))
    return np.dtype(_FORMATS[form]) if form in _FORMATS else trace.data.dtype


def _named(trace: obspy.Trace) -> str:
    """SEED identifier; a channel without a name is component 1: its direction is not known."""
    s = trace.stats
    return f"{s.network}.{s.station}.{s.location}.{s.channel.strip() or '1'}"


def _segment(trace: obspy.Trace, place: int) -> Segment:
    network, station, location, channel = _named(trace).split(".", 3)
    stats = trace.stats
    return Segment(
        *(network, station, location, channel),
        *(stats.starttime.ns, float(stats.sampling_rate), int(stats.npts), place),
    )


def _drift(path: Path, segment: Segment) -> float:
    """How far the times of its last records are off, in samples; 0 below half a sample.

    obspy joins records whose times differ from counting by less than half a sample each, which
    adds up where a digitiser's rate is not the nominal one.
    """
    from obspy import UTCDateTime

    length = segment.n_samples * 1e9 / segment.sampling_rate
    since = UTCDateTime(ns=round(segment.start + 0.999 * length))
    until = UTCDateTime(ns=round(segment.start + 1.001 * length))
    found = _read(path, "MSEED", headonly=True, starttime=since, endtime=until)
    ends = [
        t.stats.starttime.ns + t.stats.npts * 1e9 / segment.sampling_rate
        for t in found
        if _named(t) == segment.id
    ]
    if not ends:
        return 0.0
    nearest = min(ends, key=lambda end: abs(end - segment.start - length))
    drift = (nearest - segment.start - length) * segment.sampling_rate / 1e9
    return drift if abs(drift) > 0.5 else 0.0


def _cut(path: Path, form: str) -> list[str]:
    """Say that miniSEED ends within a record: obspy passes over the rest."""
    if form != "MSEED":
        return []
    from obspy.io.mseed.util import get_record_information

    rest = 0
    size = path.stat().st_size
    try:
        rest = size % get_record_information(str(path))["record_length"]
        if not rest:
            return []
        # Records of several lengths in a file are rare, and no reason for a false alarm.
        if get_record_information(str(path), offset=size - rest)["record_length"] <= rest:
            return []
    except Exception:  # not enough of a header left
        if not rest:
            return []
    return [f"{path.name}: its last {rest} bytes make no whole record: left out"]


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
