"""How a SEG-Y file is cut into traces: byte order, start, samples a trace.

The binary header says it, the trace headers say it again, and the file's size tells who is right.
Every combination that the headers allow is tried: one that fills the file exactly wins; where none
does, the one whose trace headers repeat at the distance that it gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import (
    BINARY_FIELDS,
    TRACE_FIELDS,
    TRACE_HEADER_BYTES,
    Order,
    header_dtype,
)
from seisgeo.adapters.segy.samples import FORMATS, SampleFormat
from seisgeo.adapters.segy.text import TEXT_BYTES, is_end_text, looks_like_text
from seisgeo.errors import FormatError

__all__ = ["FILE_HEADER_BYTES", "ORDERS", "Layout", "find_layout"]

#: Text header and binary header.
FILE_HEADER_BYTES = 3600

#: Byte orders by NumPy's sign.
ORDERS: dict[Order, str] = {">": "big-endian", "<": "little-endian"}

# The revision 2 constant 16909060 (bytes 3297-3300) as it stands in each byte order.
_ORDER_MARKS: dict[bytes, tuple[Order, ...]] = {
    b"\x01\x02\x03\x04": (">",),
    b"\x04\x03\x02\x01": ("<",),
}
_PAIRS_SWAPPED = b"\x02\x01\x04\x03"
_CODES = "1 (IBM float32), 2 (int32), 3 (int16), 5 (IEEE float32), 6 to 12, 15 or 16"
# Extended text headers searched for the one that ends them.
_MOST_TEXTS = 1000


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

    @property
    def trace_bytes(self) -> int:
        """Bytes from one trace to the next."""
        return self.header_bytes + self.n_samples * self.format.itemsize


def find_layout(
    data: np.ndarray, path: Path, sample_format: int | None = None
) -> tuple[Layout, list[Finding]]:
    """Find the layout that fits a file best.

    Parameters
    ----------
    data : numpy.ndarray of uint8
        The file's bytes, at least :data:`FILE_HEADER_BYTES`; only headers are read.
    path : pathlib.Path
        What to call it in messages.
    sample_format : int, optional
        Sample format code instead of the file's.

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
    mark = data[3296:3300].tobytes()
    if mark == _PAIRS_SWAPPED:
        raise FormatError(
            f"{path}: bytes 3297-3300 say that bytes are swapped in pairs, which is not read; "
            "swap them back first (dd conv=swab on what follows the text header)"
        )
    orders: tuple[Order, ...] = _ORDER_MARKS.get(mark, (">", "<"))
    layouts = [layout for order in orders for layout in _layouts(data, order, sample_format)]
    if not layouts:
        raise FormatError(f"{path}: {_why_none(data, orders, sample_format)}")
    # The first of the best: they come in the order in which headers are to be believed.
    best = max(layouts, key=lambda w: (w.n_traces > 0, w.left_over == 0, w.agreement))
    if best.n_traces == 0:
        raise FormatError(
            f"{path}: not one whole trace: after {best.start} bytes of file header "
            f"{len(data) - best.start} bytes are left, and a trace of {best.n_samples} samples "
            f"({best.said_by}) takes {best.trace_bytes}; the file is cut short or has no traces"
        )
    return best, _contradictions(best, len(data))


def _layouts(data: np.ndarray, order: Order, sample_format: int | None) -> list[Layout]:
    binary = _binary_header(data, order)
    code = binary["format"] if sample_format is None else sample_format
    if code not in FORMATS:
        return []
    fmt = FORMATS[code]
    revision = _revision(binary)
    header_bytes, end = TRACE_HEADER_BYTES, len(data)
    counts = {"binary header": binary["samples"]}
    if revision >= (2, 0):
        if 0 < binary["additional_trace_headers"] < 1000:
            header_bytes *= 1 + binary["additional_trace_headers"]
        if binary["data_trailers"] > 0:
            end -= TEXT_BYTES * binary["data_trailers"]
        counts = {"binary header, extended": binary["ext_samples"], **counts}
    found = []
    for start in _starts(data, binary, revision):
        if start + header_bytes > len(data):
            continue
        trace_samples = int(_trace_header(data, start, order)["trace_sample_count"])
        for said_by, n in {**counts, "trace headers": trace_samples}.items():
            if n <= 0:
                continue
            length = header_bytes + n * fmt.itemsize
            n_traces, left_over = divmod(max(end - start, 0), length)
            agreement = _agreement(data, start, length, n_traces, order)
            found.append(
                Layout(
                    order, binary, revision, fmt, start, header_bytes, n, n_traces, left_over,
                    trace_samples, agreement, said_by,
                )
            )  # fmt: skip
    return found


def _starts(data: np.ndarray, binary: dict[str, Any], revision: tuple[int, int]) -> list[int]:
    """Where the first trace may begin, the most trustworthy place first."""
    starts = []
    if revision >= (2, 1) and FILE_HEADER_BYTES <= binary["first_trace_offset"] < len(data):
        starts.append(int(binary["first_trace_offset"]))
    extended = binary["extended_headers"]
    if extended > 0:
        starts.append(FILE_HEADER_BYTES + TEXT_BYTES * extended)
    elif extended == -1:
        last = min(len(data), FILE_HEADER_BYTES + _MOST_TEXTS * TEXT_BYTES) - TEXT_BYTES
        for a in range(FILE_HEADER_BYTES, last, TEXT_BYTES):
            if is_end_text(data[a : a + TEXT_BYTES].tobytes()):
                starts.append(a + TEXT_BYTES)
                break
    return [*starts, FILE_HEADER_BYTES]


def _binary_header(data: np.ndarray, order: Order) -> dict[str, Any]:
    dtype = header_dtype(BINARY_FIELDS, order=order, itemsize=400, first=TEXT_BYTES + 1)
    record = np.ndarray((), dtype, buffer=data, offset=TEXT_BYTES)
    return {name: record[name].item() for name in dtype.names or ()}


def _trace_header(data: np.ndarray, start: int, order: Order) -> np.ndarray:
    dtype = header_dtype(TRACE_FIELDS, order=order, itemsize=TRACE_HEADER_BYTES)
    return np.ndarray((), dtype, buffer=data, offset=start)


def _revision(binary: dict[str, Any]) -> tuple[int, int]:
    major, minor = binary["segy_revision"], binary["segy_revision_minor"]
    # Written as one little-endian number, or as the plain number 1 or 2.
    return (minor, 0) if major == 0 and minor in (1, 2) else (major, minor)


def _agreement(data: np.ndarray, start: int, length: int, n_traces: int, order: Order) -> float:
    """Share of traces whose counts repeat those of the first; low when the length is wrong."""
    if n_traces < 2:
        return 0.0
    checked = np.unique(np.linspace(1, n_traces - 1, 16).astype(int))
    names = ("trace_sample_count", "trace_sample_interval", "trace_identification_code")
    first, *others = (
        [_trace_header(data, start + int(i) * length, order)[n] for n in names]
        for i in (0, *checked)
    )
    return sum(other == first for other in others) / len(others)


def _why_none(data: np.ndarray, orders: tuple[Order, ...], sample_format: int | None) -> str:
    head = data[:FILE_HEADER_BYTES].tobytes()
    if looks_like_text(head):
        start = head[:40].decode("latin-1").splitlines()[0]
        return f"this is a text file, not SEG-Y; it begins with {start!r}"
    if sample_format is not None and sample_format not in FORMATS:
        return f"sample_format={sample_format} is unknown; expected {_CODES}"
    codes = {order: _binary_header(data, order)["format"] for order in orders}
    if sample_format is None and not any(code in FORMATS for code in codes.values()):
        said = " or ".join(f"{code} ({ORDERS[order]})" for order, code in codes.items())
        return (
            f"bytes 3225-3226 give sample format {said}; expected {_CODES}. "
            "If it is SEG-Y with a wrong code, pass sample_format="
        )
    if len(data) < FILE_HEADER_BYTES + TRACE_HEADER_BYTES:
        return (
            f"not one whole trace: the file ends after its header, at byte {len(data)}; "
            "it is cut short or has no traces"
        )
    return (
        "the number of samples a trace is 0 both in the binary header (bytes 3221-3222) "
        "and in the first trace header (bytes 115-116)"
    )


def _contradictions(w: Layout, size: int) -> list[Finding]:
    findings = []
    stated = w.binary["samples"]
    extended_count = "extended" in w.said_by
    if not extended_count and (stated != w.n_samples or w.trace_samples not in (0, w.n_samples)):
        if w.left_over == 0:
            why = f"{w.n_traces} whole traces of {w.n_samples} samples fill the file exactly"
        elif w.said_by == "binary header":
            why = "neither count fills the file exactly, and this one holds for the whole file"
        else:
            why = "trace headers repeat at the distance that it gives"
        values = {"binary header": str(stated), "trace headers": str(w.trace_samples)}
        used = f"{w.n_samples} ({w.said_by}) used"
        findings.append(Finding("samples a trace", values, used, why))
    extended = w.binary["extended_headers"]
    if extended != 0 and w.start == FILE_HEADER_BYTES:
        findings.append(
            Finding(
                "extended text headers",
                {"binary header": str(extended)},
                "none read",
                "the traces follow the binary header at once",
            )
        )
    if w.left_over:
        findings.append(
            Finding(
                "file size",
                {"bytes": str(size), "bytes a trace": str(w.trace_bytes)},
                f"{w.n_traces} whole traces opened, 1 lost",
                f"the file is cut inside trace {w.n_traces + 1}: {w.left_over} of its "
                f"{w.trace_bytes} bytes are there",
            )
        )
    return findings
