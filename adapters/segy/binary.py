"""Binary headers (bytes 3201-3600 of a file) that are made, read as a record, and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.adapters.segy.extents import FILE_HEADER_BYTES, ORDER_CONSTANT
from seisgeo.adapters.segy.fields import BINARY_FIELDS, Order, header_dtype
from seisgeo.adapters.segy.text import TEXT_BYTES

if TYPE_CHECKING:
    from seisgeo.adapters.segy.outgoing import Outgoing
    from seisgeo.adapters.segy.target import Target

__all__ = [
    "additional_headers_field",
    "binary_header",
    "binary_header_of",
    "revision_2_fields",
    "with_binary",
]

_INT16_MAX = 32_767
# Sorting codes (bytes 3229-3230).
_SORTING = {"shots": 1, "receivers": 6, "cdp": 2, "offset": 2, "stack": 4, "line": 4}


def binary_header(out: Outgoing, target: Target) -> bytes:
    """Binary header (400 bytes) of a file that is written.

    Parameters
    ----------
    out : Outgoing
        The cube as traces.
    target : Target
        Revision, format and byte order.

    Returns
    -------
    bytes
        In revision 2 the number of traces is left 0: it is known when all are written.
    """
    dtype = header_dtype(BINARY_FIELDS, order=target.order, itemsize=400, first=TEXT_BYTES + 1)
    binary = np.zeros((), dtype)
    axis = out.axis
    ensemble = out.data.sizes[out.data.dims[-2]] if out.kind not in ("stack", "line") else 0
    fold = ensemble if out.kind in ("offset", "cdp") else 0
    values: dict[str, Any] = {
        "job_id": 1,
        "line_number": 1,
        "reel_number": 1,
        "traces": ensemble if ensemble <= _INT16_MAX else 0,
        "interval": axis.short_interval,
        "interval_original": axis.short_interval,
        "samples": axis.short_n,
        "samples_original": axis.short_n,
        "format": target.format.code,
        "ensemble_fold": fold if fold <= _INT16_MAX else 0,
        "sorting_code": _SORTING[out.kind],
        "measurement_system": 1,
    }
    if target.revision >= (1, 0):
        values |= {"segy_revision": target.revision[0], "trace_flag": 0 if out.ragged else 1}
    if target.revision >= (2, 0):
        values |= revision_2_fields(target.revision, axis.n, axis.interval)
        values |= {"ext_traces": ensemble, "ext_ensemble_fold": fold}
        values[additional_headers_field(target.revision)] = 1 if target.extended else 0
    for name, value in values.items():
        binary[name] = value
    return binary.tobytes()


def revision_2_fields(revision: tuple[int, int], n: int, interval: float) -> dict[str, Any]:
    """Fields of the binary header that revision 2 added: samples a trace, interval, byte order."""
    return {
        "segy_revision": revision[0],
        "segy_revision_minor": revision[1],
        "ext_samples": n,
        "ext_samples_original": n,
        "ext_interval": interval,
        "ext_interval_original": interval,
        "byte_order": ORDER_CONSTANT,
        "first_trace_offset": FILE_HEADER_BYTES,
    }


def additional_headers_field(revision: tuple[int, int]) -> str:
    """Field that counts additional trace headers: four bytes in revision 2.0, two in 2.1."""
    return "additional_trace_headers" + ("" if revision == (2, 0) else "_short")


def binary_header_of(head: bytes | bytearray, order: Order) -> np.ndarray:
    """Binary header of a file, as a structured view on its bytes."""
    dtype = header_dtype(BINARY_FIELDS, order=order, itemsize=400, first=TEXT_BYTES + 1)
    return np.ndarray((), dtype, buffer=head, offset=TEXT_BYTES)


def with_binary(head: bytes, order: Order, values: dict[str, int]) -> bytes:
    """A file's header with other values in fields of its binary header."""
    changed = bytearray(head)
    binary = binary_header_of(changed, order)
    for name, value in values.items():
        binary[name] = value
    return bytes(changed)
