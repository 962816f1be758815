"""How a SEG-Y file is cut into traces: byte order, start, end, samples a trace.

The binary header says it, the trace headers say it again, and the file's size tells who is right.
Every combination that the headers allow is tried: one that fills the file exactly wins; where none
does, the one whose trace headers repeat at the distance that it gives.
"""

from __future__ import annotations

import itertools
import struct
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
from seisgeo.adapters.segy.text import TEXT_BYTES, is_end_text, is_text_block, looks_like_text
from seisgeo.errors import FormatError

__all__ = [
    "FILE_HEADER_BYTES",
    "ORDERS",
    "PAIRS_SWAPPED",
    "Layout",
    "agreement",
    "cut_finding",
    "find_layout",
    "refuse_variable_lengths",
    "trace_header",
]

#: Text header and binary header.
FILE_HEADER_BYTES = 3600

#: Byte orders by NumPy's sign.
ORDERS: dict[Order, str] = {">": "big-endian", "<": "little-endian"}

# The revision 2 constant 16909060 (bytes 3297-3300) as it stands in each byte order.
_ORDER_MARKS: dict[bytes, tuple[Order, ...]] = {
    b"\x01\x02\x03\x04": (">",),
    b"\x04\x03\x02\x01": ("<",),
}
#: The same constant in a file whose bytes are swapped in pairs (see :func:`.text.swap_pairs`).
PAIRS_SWAPPED = b"\x02\x01\x04\x03"
_CODES = "1 (IBM float32), 2 (int32), 3 (int16), 5 (IEEE float32), 6 to 12, 15 or 16"
# Extended text headers searched for the one that ends them, and data trailers.
_MOST_TEXTS = 1000
# Additional headers of a trace that are believed.
_MOST_HEADERS = 1000
# Traces that are followed one by one to find one of another length, and on from there to be sure.
_MOST_FOLLOWED, _FOLLOWED_ON = 100_000, 100


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
        The file's bytes; only headers are read. Bytes that are swapped in pairs must be swapped
        back.
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
        If no layout is possible, not one whole trace is there, or traces differ in length.
    """
    if len(data) < FILE_HEADER_BYTES:
        text = looks_like_text(data.tobytes())
        what = "a text file, not SEG-Y" if text else "too short for SEG-Y"
        raise FormatError(
            f"{path}: this is {what}: {len(data)} bytes, and the file header alone takes 3600"
        )
    mark = data[3296:3300].tobytes()
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
    refuse_variable_lengths(data, best, path)
    return best, _contradictions(best, len(data))


def _layouts(data: np.ndarray, order: Order, sample_format: int | None) -> list[Layout]:
    binary = _binary_header(data, order)
    _settle_additional_headers(binary)
    code = binary["format"] if sample_format is None else sample_format
    if code not in FORMATS:
        return []
    fmt = FORMATS[code]
    revision, _ = _revision(binary)
    found = []
    for header_bytes, start in itertools.product(
        _header_lengths(binary, revision), _starts(data, binary, revision)
    ):
        if start + header_bytes > len(data):
            continue
        trace_samples = int(trace_header(data, start, order)["trace_sample_count"])
        counts = {"binary header": binary["samples"], "trace headers": trace_samples}
        if revision >= (2, 0):
            counts = {"binary header, extended": binary["ext_samples"], **counts}
        for end, (said_by, n) in itertools.product(
            _ends(data, start, binary, revision), counts.items()
        ):
            if n <= 0:
                continue
            length = header_bytes + n * fmt.itemsize
            n_traces, left_over = divmod(max(end - start, 0), length)
            found.append(
                Layout(
                    order, binary, revision, fmt, start, header_bytes, n, n_traces, left_over,
                    trace_samples, agreement(data, start, length, n_traces, order), said_by,
                    len(data) - end,
                )
            )  # fmt: skip
    return found


def _settle_additional_headers(binary: dict[str, Any]) -> None:
    """Read the number of additional trace headers as the file's revision stores it.

    Revision 2.0 counts them in four bytes; 2.1 in the first two, before the survey type.
    """
    first, second = binary["additional_trace_headers_short"], binary["survey_type"]
    long = binary["additional_trace_headers"]
    if _revision(binary)[0] > (2, 0) or not 0 <= long < _MOST_HEADERS:
        binary["additional_trace_headers"] = first
    elif long == 0 or second == long:  # big-endian: the number stands in the second half
        binary["survey_type"] = 0


def _header_lengths(binary: dict[str, Any], revision: tuple[int, int]) -> list[int]:
    """Bytes of each trace's headers, the stated ones first."""
    stated = binary["additional_trace_headers"] if revision >= (2, 0) else 0
    # Some programs write four bytes in revision 2.1, too.
    others = [binary["survey_type"]] if revision > (2, 0) else []
    numbers = [n for n in (stated, *others) if 0 <= n < _MOST_HEADERS]
    return [TRACE_HEADER_BYTES * (1 + n) for n in dict.fromkeys([*numbers, 0])]


def _starts(data: np.ndarray, binary: dict[str, Any], revision: tuple[int, int]) -> list[int]:
    """Where the first trace may begin, the most trustworthy place first."""
    starts = []
    if revision >= (2, 0) and FILE_HEADER_BYTES <= binary["first_trace_offset"] < len(data):
        starts.append(int(binary["first_trace_offset"]))
    extended = binary["extended_headers"]
    if extended > 0:
        starts.append(FILE_HEADER_BYTES + TEXT_BYTES * extended)
    elif extended == -1:
        starts += _after_texts(data)
    return list(dict.fromkeys([*starts, FILE_HEADER_BYTES]))


def _after_texts(data: np.ndarray) -> list[int]:
    """End of extended text headers of unknown number: their last stanza, else the last text."""
    first = last = FILE_HEADER_BYTES
    while last + TEXT_BYTES < len(data) and last - first < _MOST_TEXTS * TEXT_BYTES:
        block = data[last : last + TEXT_BYTES].tobytes()
        if is_end_text(block):
            return [last + TEXT_BYTES]
        if not is_text_block(block):
            break
        last += TEXT_BYTES
    return [last]


def _ends(
    data: np.ndarray, start: int, binary: dict[str, Any], revision: tuple[int, int]
) -> list[int]:
    """Where the last trace may end: before the data trailers that are stated, else at the end."""
    size = len(data)
    trailers = binary["data_trailers"] if revision >= (2, 0) else 0
    if trailers == -1:
        trailers = 0
        for a in range(size - TEXT_BYTES, start, -TEXT_BYTES):
            if trailers == _MOST_TEXTS or not is_text_block(data[a : a + TEXT_BYTES].tobytes()):
                break
            trailers += 1
    end = size - TEXT_BYTES * trailers
    return [end, size] if start < end < size else [size]


def _binary_header(data: np.ndarray, order: Order) -> dict[str, Any]:
    dtype = header_dtype(BINARY_FIELDS, order=order, itemsize=400, first=TEXT_BYTES + 1)
    record = np.ndarray((), dtype, buffer=data, offset=TEXT_BYTES)
    return {name: record[name].item() for name in dtype.names or ()}


def trace_header(data: np.ndarray, start: int, order: Order) -> np.ndarray:
    """Standard header of the trace that begins at byte `start` (from 0), as a 0-d record."""
    dtype = header_dtype(TRACE_FIELDS, order=order, itemsize=TRACE_HEADER_BYTES)
    return np.ndarray((), dtype, buffer=data, offset=start)


def _revision(binary: dict[str, Any]) -> tuple[tuple[int, int], bool]:
    """Major and minor revision, and whether the header states one that exists."""
    major, minor = binary["segy_revision"], binary["segy_revision_minor"]
    # Written as one little-endian number (2.1 as bytes 1, 2), or as the plain number 1 or 2.
    if (major == 0 and minor in (1, 2)) or (major, minor) == (1, 2):
        return (minor, major), True
    if major <= 2 and minor <= 9 and (major > 0 or minor == 0):
        return (major, minor), True
    # Revision 0 left these bytes to everyone's own use; the constant is of revision 2 alone.
    return ((2, 0) if binary["byte_order"] == 0x01020304 else (0, 0)), False


def agreement(data: np.ndarray, start: int, length: int, n_traces: int, order: Order) -> float:
    """Share of traces whose counts repeat those of the first; low when the length is wrong.

    Parameters
    ----------
    data : numpy.ndarray of uint8
        The file's bytes.
    start, length : int
        First byte of the first trace, and bytes from one to the next.
    n_traces : int
        Whole traces; 0 is returned for fewer than two.
    order : {">", "<"}
        Byte order.

    Returns
    -------
    float
        Of up to 16 traces, spread over the file.
    """
    if n_traces < 2:
        return 0.0
    checked = np.unique(np.linspace(1, n_traces - 1, 16).astype(int))
    names = ("trace_sample_count", "trace_sample_interval", "trace_identification_code")
    first, *others = (
        [trace_header(data, start + int(i) * length, order)[n] for n in names]
        for i in (0, *checked)
    )
    return sum(other == first for other in others) / len(others)


def refuse_variable_lengths(data: np.ndarray, w: Layout, path: Path) -> None:
    """Refuse a file whose trace headers lead from trace to trace by counts that differ.

    Parameters
    ----------
    data : numpy.ndarray of uint8
        The file's bytes.
    w : Layout
        The layout with traces of one length that fits best. Where the traces that were looked at
        agree with it, nothing more is.
    path : pathlib.Path
        What to call the file in the message.

    Raises
    ------
    FormatError
        Naming the first trace that differs.
    """
    if w.agreement == 1 or (w.left_over == 0 and w.n_traces < 2):
        return
    read = struct.Struct(f"{w.order}Hh").unpack_from
    at, end = w.start, len(data) - w.trailer_bytes
    first = read(data.data, at + 114)
    differs = None
    n = 0
    most = _MOST_FOLLOWED
    while at + w.header_bytes <= end and n < most:
        count, interval = read(data.data, at + 114)
        if count == 0 or interval != first[1]:
            return  # no header: the counts do not lead through the file
        if count != first[0] and differs is None:
            differs = n + 1, count
            most = n + _FOLLOWED_ON
        at += w.header_bytes + count * w.format.itemsize
        n += 1
    if differs and (at == end or n > 3):
        raise FormatError(
            f"{path}: traces differ in length, which is not read: trace 1 has {first[0]} samples "
            f"and trace {differs[0]} has {differs[1]} (bytes 115-116 of their headers); "
            "bring them to one length first"
        )


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
    findings = [*_revision_finding(w), *_count_findings(w)]
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
    if w.revision >= (2, 0):
        findings += _revision_2_findings(w)
    if w.left_over:
        findings.append(cut_finding(w, size))
    return findings


def cut_finding(w: Layout, size: int) -> Finding:
    """What is lost of a file of `size` bytes that ends inside a trace."""
    return Finding(
        "file size",
        {"bytes": str(size), "bytes a trace": str(w.trace_bytes)},
        f"{w.n_traces} whole traces opened, 1 lost",
        f"the file is cut inside trace {w.n_traces + 1}: {w.left_over} of its "
        f"{w.trace_bytes} bytes are there",
    )


def _revision_finding(w: Layout) -> list[Finding]:
    _, exists = _revision(w.binary)
    if exists:
        return []
    stated = "{segy_revision}.{segy_revision_minor}".format(**w.binary)
    used = "{}.{} used".format(*w.revision)
    why = "there is no such revision"
    if w.revision >= (2, 0):
        why += ", and bytes 3297-3300 hold the constant of revision 2"
    return [Finding("revision", {"binary header": stated}, used, why)]


def _count_findings(w: Layout) -> list[Finding]:
    stated = w.binary["samples"]
    values = {"binary header": str(stated), "trace headers": str(w.trace_samples)}
    if "extended" in w.said_by:
        if stated in (0, w.n_samples) or w.n_samples > 0xFFFF:
            return []
        values = {"binary header": str(stated), "binary header, extended": str(w.n_samples)}
        why = "revision 2 puts the extended count before the other one"
    elif stated == w.n_samples and w.trace_samples in (0, w.n_samples):
        return []
    elif w.left_over == 0:
        why = f"{w.n_traces} whole traces of {w.n_samples} samples fill the file exactly"
    elif w.said_by == "binary header":
        why = "neither count fills the file exactly, and this one holds for the whole file"
    else:
        why = "trace headers repeat at the distance that it gives"
    used = f"{w.n_samples} ({w.said_by}) used"
    return [Finding("samples a trace", values, used, why)]


def _revision_2_findings(w: Layout) -> list[Finding]:
    findings = []
    additional = w.binary["additional_trace_headers"]
    trailers, traces = w.binary["data_trailers"], w.binary["total_traces"]
    if additional != 0 and w.header_bytes == TRACE_HEADER_BYTES:
        values = {"binary header": str(additional)}
        why = "samples follow the first 240 bytes of each trace"
        findings.append(Finding("additional trace headers", values, "none read", why))
    if trailers != 0 and w.trailer_bytes == 0:
        values = {"binary header": str(trailers)}
        why = "the last trace ends with the file"
        findings.append(Finding("data trailers", values, "none read", why))
    if traces not in (0, w.n_traces):
        values = {"binary header": str(traces), "file": str(w.n_traces)}
        lost = traces - w.n_traces
        used = f"{w.n_traces} whole traces opened" + (f", {lost} lost" if lost > 0 else "")
        why = "the file is cut short" if lost > 0 else "the file holds more than that"
        findings.append(Finding("number of traces", values, used, why))
    return findings
