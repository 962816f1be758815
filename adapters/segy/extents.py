"""File headers read in a byte order, and where they say that the traces begin and end."""

from __future__ import annotations

from typing import Any

import numpy as np

from seisgeo.adapters.segy.fields import (
    BINARY_FIELDS,
    TRACE_FIELDS,
    TRACE_HEADER_BYTES,
    Order,
    header_dtype,
)
from seisgeo.adapters.segy.source import Source
from seisgeo.adapters.segy.text import TEXT_BYTES, is_end_text, is_text_block

__all__ = [
    "FILE_HEADER_BYTES",
    "ORDERS",
    "ORDER_CONSTANT",
    "agreement",
    "binary_header",
    "checked_traces",
    "counts_repeat",
    "ends",
    "header_lengths",
    "revision_of",
    "starts",
    "trace_header",
]

#: Text header and binary header.
FILE_HEADER_BYTES = 3600

#: Byte orders by NumPy's sign.
ORDERS: dict[Order, str] = {">": "big-endian", "<": "little-endian"}

#: The constant 16909060 that tells the byte order (bytes 3297-3300 of revision 2).
ORDER_CONSTANT = 0x01020304

# Extended text headers searched for the one that ends them, and data trailers.
_MOST_TEXTS = 1000
# Additional headers of a trace that are believed.
_MOST_HEADERS = 1000


def binary_header(data: Source, order: Order) -> dict[str, Any]:
    """Fields of the binary header in a byte order, by name."""
    dtype = header_dtype(BINARY_FIELDS, order=order, itemsize=400, first=TEXT_BYTES + 1)
    record = np.ndarray((), dtype, buffer=data[TEXT_BYTES:FILE_HEADER_BYTES].tobytes())
    binary = {name: record[name].item() for name in dtype.names or ()}
    _settle_additional_headers(binary)
    return binary


def trace_header(data: Source, start: int, order: Order) -> np.ndarray:
    """Standard header of the trace that begins at byte `start` (from 0), as a 0-d record."""
    dtype = header_dtype(TRACE_FIELDS, order=order, itemsize=TRACE_HEADER_BYTES)
    return np.ndarray((), dtype, buffer=data[start : start + TRACE_HEADER_BYTES].tobytes())


def revision_of(binary: dict[str, Any]) -> tuple[tuple[int, int], bool]:
    """Major and minor revision, and whether the header states one that exists."""
    major, minor = binary["segy_revision"], binary["segy_revision_minor"]
    # Written as one little-endian number (2.1 as bytes 1, 2), or as the plain number 1 or 2.
    if (major == 0 and minor in (1, 2)) or (major, minor) == (1, 2):
        return (minor, major), True
    if major <= 2 and minor <= 9 and (major > 0 or minor == 0):
        return (major, minor), True
    # Revision 0 left these bytes to everyone's own use; the constant is of revision 2 alone.
    return ((2, 0) if binary["byte_order"] == ORDER_CONSTANT else (0, 0)), False


def _settle_additional_headers(binary: dict[str, Any]) -> None:
    """Read the number of additional trace headers as the file's revision stores it.

    Revision 2.0 counts them in four bytes; 2.1 in the first two, before the survey type.
    """
    first, second = binary["additional_trace_headers_short"], binary["survey_type"]
    long = binary["additional_trace_headers"]
    if revision_of(binary)[0] > (2, 0) or not 0 <= long < _MOST_HEADERS:
        binary["additional_trace_headers"] = first
    elif long == 0 or second == long:  # big-endian: the number stands in the second half
        binary["survey_type"] = 0


def header_lengths(binary: dict[str, Any], revision: tuple[int, int]) -> list[int]:
    """Bytes of each trace's headers, the stated ones first."""
    stated = binary["additional_trace_headers"] if revision >= (2, 0) else 0
    # Some programs write four bytes in revision 2.1, too.
    others = [binary["survey_type"]] if revision > (2, 0) else []
    numbers = [n for n in (stated, *others) if 0 <= n < _MOST_HEADERS]
    return [TRACE_HEADER_BYTES * (1 + n) for n in dict.fromkeys([*numbers, 0])]


def starts(data: Source, binary: dict[str, Any], revision: tuple[int, int]) -> list[int]:
    """Where the first trace may begin, the most trustworthy place first."""
    found = []
    if revision >= (2, 0) and FILE_HEADER_BYTES <= binary["first_trace_offset"] < len(data):
        found.append(int(binary["first_trace_offset"]))
    extended = binary["extended_headers"]
    if extended > 0:
        found.append(FILE_HEADER_BYTES + TEXT_BYTES * extended)
    elif extended == -1:
        found += _after_texts(data)
    return list(dict.fromkeys([*found, FILE_HEADER_BYTES]))


def _after_texts(data: Source) -> list[int]:
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


def ends(data: Source, start: int, binary: dict[str, Any], revision: tuple[int, int]) -> list[int]:
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


def checked_traces(n_traces: int) -> np.ndarray:
    """Numbers of the traces that stand for all where headers are compared: up to 17."""
    return np.unique(np.linspace(0, n_traces - 1, 17).astype(np.int64))


def agreement(data: Source, start: int, length: int, n_traces: int, order: Order) -> float:
    """Share of traces whose counts repeat those of the first; low when the length is wrong.

    Parameters
    ----------
    data : Source
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
    headers = _some_headers(data, start, length, n_traces, order)
    same = np.ones(len(headers) - 1, bool)
    for name in ("trace_sample_count", "trace_sample_interval", "trace_identification_code"):
        same &= headers[name][1:] == headers[name][0]
    return float(same.mean())


def counts_repeat(data: Source, start: int, length: int, n_traces: int, order: Order) -> bool:
    """Whether all sample counts that :func:`agreement` looks at are the same."""
    counts = _some_headers(data, start, length, n_traces, order)["trace_sample_count"]
    return bool((counts == counts[0]).all())


def _some_headers(data: Source, start: int, length: int, n_traces: int, order: Order) -> np.ndarray:
    dtype = header_dtype(TRACE_FIELDS, order=order, itemsize=TRACE_HEADER_BYTES)
    rows = data.rows(start + checked_traces(n_traces) * length, TRACE_HEADER_BYTES)
    return np.ascontiguousarray(rows).view(dtype)[:, 0]
