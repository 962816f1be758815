"""Files as obspy reads them: their formats, headers and samples, and what is wrong with them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.adapters.seismology.segments import Segment
from seisgeo.errors import FormatError, MissingFileError

if TYPE_CHECKING:
    import obspy

__all__ = [
    "HEADERS_ALONE",
    "LONG",
    "clock_drift",
    "cut_end",
    "read_file",
    "read_headers",
    "sample_type",
    "seed_id",
    "segment_of",
    "trace_ids",
    "waveform_format",
]

#: Formats of obspy that have readers of their own in seisgeo, which know their geometry.
_NOT_HERE = {"SEGY": "seisgeo-segy", "SU": "seisgeo-su"}
#: Types of the samples that obspy gives, by the encoding of a miniSEED file and by format.
_ENCODINGS = {"INT16": "i2", "FLOAT32": "f4", "GEOSCOPE16": "f4", "FLOAT64": "f8"}
_FORMATS = {"SAC": "f4"}
#: Formats that tell the type of their samples without reading them.
HEADERS_ALONE = ("MSEED", "SAC")
#: Samples of a segment in which a clock may go astray.
LONG = 100_000


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


def read_file(path: str | Path, form: str, **options: Any) -> obspy.Stream:
    """Read a file with ``obspy.read``; errors name it."""
    import obspy

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what obspy remarks is found out here by itself
            return obspy.read(str(path), format=form, **options)
    except FileNotFoundError:
        raise MissingFileError(f"{path}: has gone since it was opened") from None
    except Exception as error:  # obspy passes on whatever a broken file runs into
        # Some of its messages end with the name, too.
        why = (
            " ".join(str(error).replace(str(path), "").split()).rstrip(" :") or type(error).__name__
        )
        raise FormatError(
            f"{path}: this {form} file is broken or cut short: {why} (while obspy read it)"
        ) from error


def read_headers(path: Path, form: str) -> obspy.Stream:
    """Read a file for its headers; samples come along where there is no other way."""
    if form == "SEG2":
        from seisgeo.adapters.seg2 import require_whole

        require_whole(path)
    return read_file(path, form, headonly=form in HEADERS_ALONE)


def sample_type(trace: obspy.Trace, form: str) -> np.dtype | None:
    """Type of the samples; None where they are letters."""
    if form == "MSEED":
        encoding = str(trace.stats.mseed.encoding)
        return None if encoding == "ASCII" else np.dtype(_ENCODINGS.get(encoding, "i4"))
    return np.dtype(_FORMATS[form]) if form in _FORMATS else trace.data.dtype


def seed_id(trace: obspy.Trace) -> str:
    """SEED identifier; a channel without a name is component 1: its direction is not known."""
    s = trace.stats
    return f"{s.network}.{s.station}.{s.location}.{s.channel.strip() or '1'}"


def trace_ids(traces: Sequence[obspy.Trace], form: str = "") -> list[str]:
    """SEED identifiers of all traces of a file or a stream.

    SEG-2 has no codes: its channels are stations, by their numbers. So are traces without any code
    that overlap in time: one channel has one value at a time.

    Parameters
    ----------
    traces : sequence of obspy.Trace
        All of them: they are numbered from 1.
    form : str, optional
        Format of the file. MiniSEED names its channels, and is read in parts.

    Returns
    -------
    list of str
    """
    ids = [seed_id(trace) for trace in traces]
    if form == "MSEED":
        return ids
    bare = [i for i, trace in enumerate(traces) if trace.id == "..."]
    told = [str(traces[i].stats.get("seg2", {}).get("CHANNEL_NUMBER", "")).strip() for i in bare]
    for names in (told, [str(i + 1) for i in bare]):
        for i, name in zip(bare, names, strict=True):
            ids[i] = f".{name.replace('.', '-')}..1"
        if not _overlapping([traces[i] for i in bare], names):
            break
    return ids


def _overlapping(traces: Sequence[obspy.Trace], names: Sequence[str]) -> bool:
    """Whether traces of one name overlap in time by more than a sample."""
    reached: dict[str, int] = {}
    for trace, name in sorted(zip(traces, names, strict=True), key=lambda t: t[0].stats.starttime):
        start, step = trace.stats.starttime.ns, 1e9 * trace.stats.delta
        if start < reached.get(name, start) - step:
            return True
        stop = start + round(trace.stats.npts * step)
        reached[name] = max(reached.get(name, stop), stop)
    return False


def segment_of(trace: obspy.Trace, name: str, place: int) -> Segment:
    """What a trace of this identifier is a segment of; `place` is that of its file, or its own."""
    network, station, location, channel = name.split(".", 3)
    stats = trace.stats
    return Segment(
        *(network, station, location, channel),
        *(stats.starttime.ns, float(stats.sampling_rate), int(stats.npts), place),
    )


def clock_drift(path: Path, segment: Segment) -> float:
    """How far the times of its last records are off, in samples; 0 below half a sample.

    obspy joins records whose times differ from counting by less than half a sample each, which
    adds up where a digitiser's rate is not the nominal one.
    """
    from obspy import UTCDateTime

    length = segment.n_samples * 1e9 / segment.sampling_rate
    since = UTCDateTime(ns=round(segment.start + 0.999 * length))
    until = UTCDateTime(ns=round(segment.start + 1.001 * length))
    found = read_file(path, "MSEED", headonly=True, starttime=since, endtime=until)
    ends = [
        t.stats.starttime.ns + t.stats.npts * 1e9 / segment.sampling_rate
        for t in found
        if seed_id(t) == segment.id
    ]
    if not ends:
        return 0.0
    nearest = min(ends, key=lambda end: abs(end - segment.start - length))
    drift = (nearest - segment.start - length) * segment.sampling_rate / 1e9
    return drift if abs(drift) > 0.5 else 0.0


def cut_end(path: Path, form: str) -> list[str]:
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
