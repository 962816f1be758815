"""How a SEG-Y file is cut into traces: byte order, start, end, samples a trace.

The binary header says it, the trace headers say it again, and the file's size tells who is right.
Every combination that the headers allow is tried: one that fills the file exactly wins; where none
does, the one whose trace headers repeat at the distance that it gives. Where they do not repeat,
the counts of the trace headers may lead through the file: then traces differ in length.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seisgeo.adapters.segy import extents
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.disagreements import contradictions, why_none
from seisgeo.adapters.segy.extents import FILE_HEADER_BYTES, ORDERS
from seisgeo.adapters.segy.fields import Order
from seisgeo.adapters.segy.lengths import KnownCounts, Walk, find_counts, leads_to_end
from seisgeo.adapters.segy.samples import FORMATS, SampleFormat
from seisgeo.adapters.segy.source import Source, Url
from seisgeo.adapters.segy.text import looks_like_text
from seisgeo.errors import FormatError

__all__ = [
    "FILE_HEADER_BYTES",
    "ORDERS",
    "PAIRS_SWAPPED",
    "Layout",
    "find_layout",
    "with_counts",
]

# The constant of revision 2 (bytes 3297-3300) as it stands in each byte order.
_ORDER_MARKS: dict[bytes, tuple[Order, ...]] = {
    extents.ORDER_CONSTANT.to_bytes(4, "big"): (">",),
    extents.ORDER_CONSTANT.to_bytes(4, "little"): ("<",),
}
#: The same constant in a file whose bytes are swapped in pairs (see :func:`.text.swap_pairs`).
PAIRS_SWAPPED = b"\x02\x01\x04\x03"


class Layout(NamedTuple):
    """One way to cut a file into traces.

    Attributes
    ----------
    order : {">", "<"}
        Byte order.
    binary : dict
        Binary header, read in that order.
    revision : tuple of int
        Major and minor revision.
    format : SampleFormat
        How samples are stored.
    start : int
        First byte of the first trace, from 0.
    header_bytes : int
        Bytes of each trace's headers.
    n_samples, n_traces : int
        Samples a trace, and whole traces.
    left_over : int
        Bytes after the last whole trace.
    trace_samples : int
        Samples that the first trace header gives.
    agreement : float
        Share of trace headers that repeat the first one's counts.
    said_by : str
        Where `n_samples` stands.
    trailer_bytes : int
        Bytes of data trailers at the end of the file.
    form : {"SEG-Y", "SU"}
        With file headers, or bare traces (see :mod:`.bare`).
    counts : numpy.ndarray of int or None
        Samples of each trace, where they differ (see :mod:`.lengths`); `n_samples` is the largest.
    """

    order: Order
    binary: dict[str, Any]
    revision: tuple[int, int]
    format: SampleFormat
    start: int
    header_bytes: int
    n_samples: int
    n_traces: int
    left_over: int
    trace_samples: int
    agreement: float
    said_by: str
    trailer_bytes: int = 0
    form: str = "SEG-Y"
    counts: np.ndarray | None = None

    @property
    def trace_bytes(self) -> int:
        """Bytes of a trace of `n_samples` samples."""
        return self.header_bytes + self.n_samples * self.format.itemsize

    @property
    def is_exact(self) -> bool:
        """Whether whole traces fill the file."""
        return self.n_traces > 0 and self.left_over == 0

    def starts(self, traces: np.ndarray) -> np.ndarray:
        """First byte of each of some traces, by their numbers."""
        if self.counts is None:
            return self.start + np.asarray(traces, np.int64) * self.trace_bytes
        return self.all_starts()[traces]

    def all_starts(self) -> np.ndarray:
        """First byte of every trace."""
        if self.counts is None:
            return self.start + np.arange(self.n_traces, dtype=np.int64) * self.trace_bytes
        lengths = self.header_bytes + self.counts.astype(np.int64) * self.format.itemsize
        ends = self.start + np.cumsum(lengths)
        return ends - lengths


def find_layout(
    data: Source,
    path: Path | Url,
    sample_format: int | None = None,
    known: KnownCounts | None = None,
) -> tuple[Layout, list[Finding]]:
    """Find the layout that fits a file best.

    Parameters
    ----------
    data : Source
        The file's bytes; only headers are read. Bytes that are swapped in pairs must be swapped
        back.
    path : pathlib.Path or Url
        What to call it in messages.
    sample_format : int, optional
        Sample format code instead of the file's.
    known : callable, optional
        Looks sample counts up that were found before: see :func:`.lengths.find_counts`.

    Returns
    -------
    layout : Layout
        The best one.
    findings : list of Finding
        What it contradicts.

    Raises
    ------
    FormatError
        If no layout is possible, or not one whole trace is there.
    """
    if len(data) < FILE_HEADER_BYTES:
        text = looks_like_text(data[: len(data)].tobytes())
        what = "a text file, not SEG-Y" if text else "too short for SEG-Y"
        raise FormatError(
            f"{path}: this is {what}: {len(data)} bytes, and the file header alone takes 3600"
        )
    mark = data[3296:3300].tobytes()
    orders: tuple[Order, ...] = _ORDER_MARKS.get(mark, (">", "<"))
    layouts: list[Layout] = []
    for layout in (w for order in orders for w in _layouts(data, order, sample_format)):
        layouts.append(layout)
        if layout.is_exact and layout.agreement == 1:
            break  # nothing can be better: they come in the order in which headers are believed
    if not layouts:
        raise FormatError(f"{path}: {why_none(data, orders, sample_format)}")
    best = max(layouts, key=lambda w: (w.n_traces > 0, w.left_over == 0, w.agreement))
    best = with_counts(data, best, layouts, known)
    if best.n_traces == 0:
        raise FormatError(
            f"{path}: not one whole trace: after {best.start} bytes of file header "
            f"{len(data) - best.start} bytes are left, and a trace of {best.n_samples} samples "
            f"({best.said_by}) takes {best.trace_bytes}; the file is cut short or has no traces"
        )
    return best, contradictions(best, len(data))


def with_counts(
    data: Source, best: Layout, layouts: list[Layout], known: KnownCounts | None = None
) -> Layout:
    """The layout with traces of different lengths, where that is what the file has.

    Parameters
    ----------
    data : Source
        The file's bytes.
    best : Layout
        The best layout with traces of one length. Where the headers that were looked at agree with
        it, it is taken.
    layouts : list of Layout
        All that were tried.
    known : callable, optional
        As of :func:`find_layout`.

    Returns
    -------
    Layout
        One whose trace headers lead from trace to trace to the end of the file, by counts that
        differ; else `best`.
    """
    if best.is_exact and best.n_traces == 1:
        return best
    repeated = best.agreement == 1 or (
        best.n_traces > 1
        and extents.counts_repeat(data, best.start, best.trace_bytes, best.n_traces, best.order)
    )
    # What is left behind the last whole trace may be shorter traces.
    if repeated and (best.left_over < best.header_bytes or not _ends_shorter(data, best)):
        return best
    tried = set()
    for w in sorted(layouts, key=lambda w: w is not best):
        key = (w.order, w.start, w.header_bytes, w.format.code, w.trailer_bytes)
        if key in tried:
            continue
        tried.add(key)
        end = len(data) - w.trailer_bytes
        found = find_counts(data, w.order, w.start, end, w.header_bytes, w.format.itemsize, known)
        if found is None or (found.left_over and best.is_exact):
            continue
        return w._replace(
            n_samples=int(found.counts.max()),
            n_traces=len(found.counts),
            left_over=found.left_over,
            agreement=1.0,
            said_by="trace headers",
            counts=found.counts,
        )
    return best


def _ends_shorter(data: Source, w: Layout) -> bool:
    end = len(data) - w.trailer_bytes
    first = end - w.left_over
    return leads_to_end(data, Walk(w.order, first, end, w.header_bytes, w.format.itemsize))


def _layouts(data: Source, order: Order, sample_format: int | None) -> Iterator[Layout]:
    binary = extents.binary_header(data, order)
    code = binary["format"] if sample_format is None else sample_format
    if code not in FORMATS:
        return
    fmt = FORMATS[code]
    revision, _ = extents.revision_of(binary)
    for header_bytes, start in itertools.product(
        extents.header_lengths(binary, revision), extents.starts(data, binary, revision)
    ):
        if start + header_bytes > len(data):
            continue
        trace_samples = int(extents.trace_header(data, start, order)["trace_sample_count"])
        counts = {"binary header": binary["samples"], "trace headers": trace_samples}
        if revision >= (2, 0):
            counts = {"binary header, extended": binary["ext_samples"], **counts}
        tried = set()
        for end, (said_by, n) in itertools.product(
            extents.ends(data, start, binary, revision), counts.items()
        ):
            if n <= 0 or (end, n) in tried:
                continue
            tried.add((end, n))
            length = header_bytes + n * fmt.itemsize
            n_traces, left_over = divmod(max(end - start, 0), length)
            yield Layout(
                order=order,
                binary=binary,
                revision=revision,
                format=fmt,
                start=start,
                header_bytes=header_bytes,
                n_samples=n,
                n_traces=n_traces,
                left_over=left_over,
                trace_samples=trace_samples,
                agreement=extents.agreement(data, start, length, n_traces, order),
                said_by=said_by,
                trailer_bytes=len(data) - end,
            )
