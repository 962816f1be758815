"""Bare traces: SEG-Y's traces without its file headers, which is Seismic Unix (SU).

Each trace is a header of 240 bytes and IEEE floats, in the byte order of the machine that wrote it.
The sample counts of the trace headers and the file's size tell which. The first 180 bytes of a
header are SEG-Y's; behind them SU has fields of its own (``segy.h`` of Seismic Unix), though files
that come from SEG-Y often keep SEG-Y's there.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.disagreements import cut_finding, lengths_finding
from seisgeo.adapters.segy.extents import ORDERS, agreement, checked_traces, trace_header
from seisgeo.adapters.segy.fields import (
    BINARY_FIELDS,
    TRACE_FIELDS,
    TRACE_HEADER_BYTES,
    Field,
    Order,
)
from seisgeo.adapters.segy.layout import Layout, find_layout, with_counts
from seisgeo.adapters.segy.lengths import KnownCounts
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.adapters.segy.source import Source, Url
from seisgeo.adapters.segy.text import looks_like_text
from seisgeo.errors import FormatError

__all__ = ["BARE_SUFFIXES", "SU_FIELDS", "bare_fields", "find_bare_layout", "find_form"]

#: Ends of the names of files of bare traces, in lower case.
BARE_SUFFIXES = (".su",)

_IEEE = 5
# Last byte of a trace header that SU and SEG-Y share.
_SHARED = 180
# Line numbers are below this in one byte order where they are not above it in the other.
_LINES = 1 << 16
# SU does not have these fields: they read a word that it leaves unassigned, as zero.
_UNASSIGNED = 237

#: Trace header of SU: SEG-Y's fields up to byte 180, then sample spacing and first sample along the
#: trace (``d1``, ``f1``) and between traces (``d2``, ``f2``), and the number of traces.
SU_FIELDS: tuple[Field, ...] = (
    *(f if f.byte <= _SHARED else Field(f.name, _UNASSIGNED, f.dtype) for f in TRACE_FIELDS),
    Field("d1", 181, "f4"),
    Field("f1", 185, "f4"),
    Field("d2", 189, "f4"),
    Field("f2", 193, "f4"),
    Field("ungpow", 197, "f4"),
    Field("unscale", 201, "f4"),
    Field("ntr", 205, "i4"),
    Field("mark", 209, "i2"),
    Field("shortpad", 211, "i2"),
)


def find_form(
    data: Source,
    path: Path | Url,
    sample_format: int | None = None,
    known: KnownCounts | None = None,
) -> tuple[Layout, list[Finding]]:
    """Find whether a file is SEG-Y or bare traces, and its layout.

    Its name says what to try first; what fills the file exactly wins.

    Parameters
    ----------
    data : Source
        The file's bytes; only headers are read.
    path : pathlib.Path or Url
        Its name.
    sample_format : int, optional
        Sample format code instead of the file's.
    known : callable, optional
        As of :func:`.layout.find_layout`.

    Returns
    -------
    layout : Layout
        Its ``form`` says which of the two it is.
    findings : list of Finding
        What it contradicts.

    Raises
    ------
    FormatError
        If it is neither; the message is about what the name says it is.
    """
    if path.suffix.lower() in BARE_SUFFIXES:
        try:
            bare = find_bare_layout(data, path, sample_format, known)
            lost = [cut_finding(bare, len(data))] if bare.left_over else []
            return bare, [*lengths_finding(bare), *lost]
        except FormatError:
            with contextlib.suppress(FormatError):
                layout, findings = find_layout(data, path, sample_format, known)
                if layout.left_over == 0:
                    return layout, findings
            raise
    try:
        layout, findings = find_layout(data, path, sample_format, known)
    except FormatError:
        if exact := _exactly_bare(data, path, sample_format, known):
            return exact, lengths_finding(exact)
        raise
    if layout.left_over and (exact := _exactly_bare(data, path, sample_format, known)):
        return exact, lengths_finding(exact)
    return layout, findings


def _exactly_bare(
    data: Source, path: Path | Url, sample_format: int | None, known: KnownCounts | None
) -> Layout | None:
    """Layout as bare traces, where their headers' counts lead exactly to the end of the file."""
    with contextlib.suppress(FormatError):
        bare = find_bare_layout(data, path, sample_format, known)
        if bare.left_over == 0 and bare.n_traces > 1 and bare.agreement == 1:
            return bare
    return None


def find_bare_layout(
    data: Source,
    path: Path | Url,
    sample_format: int | None = None,
    known: KnownCounts | None = None,
) -> Layout:
    """Find byte order and sample count of a file of bare traces.

    Parameters
    ----------
    data : Source
        The file's bytes; only headers are read.
    path : pathlib.Path or Url
        What to call it in messages.
    sample_format : int, optional
        Sample format code, if the samples are not IEEE floats.
    known : callable, optional
        As of :func:`.layout.find_layout`.

    Returns
    -------
    Layout
        With ``form`` "SU"; its binary header is all zero.

    Raises
    ------
    FormatError
        If in neither byte order the sample counts lead through the file.
    """
    size = len(data)
    if size < TRACE_HEADER_BYTES:
        raise FormatError(
            f"{path}: not one whole trace: {size} bytes, and an SU trace header alone takes "
            f"{TRACE_HEADER_BYTES}; the file is cut short or is no SU file"
        )
    if looks_like_text(data[:3600].tobytes()):
        raise FormatError(f"{path}: this is a text file, not SU")
    code = _IEEE if sample_format is None else sample_format
    if code not in FORMATS:
        raise FormatError(f"{path}: sample_format={code} is unknown; expected {sorted(FORMATS)}")
    layouts = [w for order in ORDERS if (w := _layout(data, order, code)) is not None]
    best = max(
        layouts,
        key=lambda w: (w.n_traces > 0, w.left_over == 0, w.agreement, _interval(data, w) > 0),
        default=None,
    )
    if best is not None:
        best = with_counts(data, best, layouts, known)
        if best.n_traces and (best.left_over == 0 or (best.n_traces > 1 and best.agreement == 1)):
            return best
    counts = " or ".join(f"{w.n_samples} ({ORDERS[w.order]})" for w in layouts) or "0"
    raise FormatError(
        f"{path}: no SU file: bytes 115-116 of the first trace give {counts} samples, and in "
        f"neither byte order do traces of so many samples fill the {size} bytes of the file or "
        "repeat that count; it is another format, or cut short within the first traces"
    )


def _layout(data: Source, order: Order, code: int) -> Layout | None:
    n = int(trace_header(data, 0, order)["trace_sample_count"])
    if n == 0:
        return None
    fmt = FORMATS[code]
    length = TRACE_HEADER_BYTES + n * fmt.itemsize
    n_traces, left_over = divmod(len(data), length)
    return Layout(
        order=order,
        binary={f.name: np.zeros((), f.dtype).item() for f in BINARY_FIELDS},
        revision=(0, 0),
        format=fmt,
        start=0,
        header_bytes=TRACE_HEADER_BYTES,
        n_samples=n,
        n_traces=n_traces,
        left_over=left_over,
        trace_samples=n,
        agreement=agreement(data, 0, length, n_traces, order),
        said_by="trace headers",
        form="SU",
    )


def _interval(data: Source, w: Layout) -> int:
    return int(trace_header(data, 0, w.order)["trace_sample_interval"])


def bare_fields(data: Source, w: Layout, findings: list[Finding]) -> tuple[Field, ...]:
    """Fields that the trace headers of bare traces hold.

    Parameters
    ----------
    data : Source
        The file's bytes.
    w : Layout
        Its layout.
    findings : list of Finding
        What does not fit is appended.

    Returns
    -------
    tuple of Field
        SU's, if every number that is filled in bytes 181-196 of some traces is a float of moderate
        size: as an integer such a number exceeds 700 million, as no line number and hardly a
        coordinate does. Else SEG-Y's. SU's programs leave bytes that they do not know in the order
        of the file they came from: where line numbers make sense in the other order alone, bytes
        from 181 on are read in that.
    """
    words = data.rows(w.starts(checked_traces(w.n_traces)) + _SHARED, 16)
    floats = words.view(f"{w.order}f4").astype(np.float64)
    filled = np.abs(floats[floats != 0])
    if filled.size and ((filled > 1e-12) & (filled < 1e12)).all():
        return SU_FIELDS
    other: Order = "<" if w.order == ">" else ">"
    lines, turned = (words.view(f"{o}i4")[:, 2:].astype(np.int64) for o in (w.order, other))
    some = lines != 0
    if not some.any() or not (
        (np.abs(lines[some]) >= _LINES).all() and (np.abs(turned[some]) < _LINES).all()
    ):
        return TRACE_FIELDS
    findings.append(
        Finding(
            "byte order",
            {"samples a trace": ORDERS[w.order], "inline and crossline": ORDERS[other]},
            f"bytes 181-240 of each header read as {ORDERS[other]}",
            "Seismic Unix leaves what it does not know in the order of the original",
        )
    )
    return tuple(
        f if f.byte <= _SHARED else Field(f.name, f.byte, other + f.dtype) for f in TRACE_FIELDS
    )
