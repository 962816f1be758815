"""What a waveform file holds, told by its headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seisgeo.adapters.seismology.obspy_files import (
    HEADERS_ALONE,
    LONG,
    clock_drift,
    cut_end,
    read_headers,
    sample_type,
    segment_of,
    trace_ids,
    waveform_format,
)
from seisgeo.adapters.seismology.sac import sac_coords
from seisgeo.adapters.seismology.segments import Segment

__all__ = ["FileHeaders", "file_headers"]


class FileHeaders(NamedTuple):
    """What a waveform file holds."""

    form: str
    """What obspy calls its format."""
    segments: tuple[Segment, ...]
    labels: tuple[dict[str, Any], ...]
    """What SAC headers tell of each segment."""
    types: frozenset[np.dtype]
    remarks: tuple[str, ...]


def file_headers(path: Path) -> FileHeaders:
    """Find the segments of a waveform file.

    Parameters
    ----------
    path : pathlib.Path
        A file that obspy reads.

    Returns
    -------
    FileHeaders
        ``place`` of its segments is 0.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is of no format that is known, or is broken.
    """
    form = waveform_format(path)
    segments, labels, types, remarks = [], [], set(), []
    traces = read_headers(path, form)
    for trace, name in zip(traces, trace_ids(traces, form), strict=True):
        said = int(trace.stats.npts)
        n_samples = said if form in HEADERS_ALONE else len(trace.data)
        if n_samples < said:
            remarks.append(f"{name}: holds {n_samples} of the {said} samples it tells")
        if (kind := sample_type(trace, form)) is None or not n_samples:
            continue  # a log in words
        types.add(kind)
        segment = segment_of(trace, name, 0)._replace(n_samples=n_samples)
        if form == "MSEED" and n_samples > LONG:
            segment = segment._replace(drift=clock_drift(path, segment))
        segments.append(segment)
        labels.append(sac_coords(trace))
    remarks += cut_end(path, form)
    return FileHeaders(form, tuple(segments), tuple(labels), frozenset(types), tuple(remarks))
