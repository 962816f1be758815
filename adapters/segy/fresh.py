"""Traces of a cube with headers of our own, block by block."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from seisgeo.adapters.segy.exact import encode
from seisgeo.adapters.segy.fields import (
    EXTENSION,
    EXTENSION_FIELDS,
    TRACE_FIELDS,
    TRACE_HEADER_BYTES,
    Field,
    header_dtype,
)
from seisgeo.adapters.segy.outgoing import UINT16_MAX, Outgoing
from seisgeo.adapters.segy.rewrite import blocks, progress
from seisgeo.adapters.segy.target import Target
from seisgeo.errors import ConventionError

__all__ = ["write_traces"]

_LIVE, _DEAD = 1, 2
_INT32_MAX = 2_147_483_647
# A trace header and its extension 1, with the names of both in EBCDIC, as the text header is.
_NAMES = {
    "trace_header_name": "SEG00000".encode("cp037"),
    "extension_name": "SEG00001".encode("cp037"),
}
_EXTENDED_FIELDS = (
    *TRACE_FIELDS,
    *(f._replace(byte=f.byte + TRACE_HEADER_BYTES) for f in EXTENSION_FIELDS),
    *(Field(name, 233 + i * TRACE_HEADER_BYTES, "S8") for i, name in enumerate(_NAMES)),
)
# Fields that came with revision 1; in SU other things stand there.
_LATER_FIELDS = ("scalar_trace_header", "trace_value_measurement_unit")
# Bytes 181-200 of SU, which has other things there: kept for cubes that need line numbers.
_GRID_FIELDS = ("cdp_x", "cdp_y", "inline_3d", "crossline_3d")


def write_traces(out: Outgoing, target: Target, stream: BinaryIO, block_bytes: int) -> int:
    """Write all traces.

    Parameters
    ----------
    out : Outgoing
        The cube as traces.
    target : Target
        Revision, format and byte order.
    stream : binary file
        Where to write.
    block_bytes : int
        Samples held in memory at a time (as float64).

    Returns
    -------
    int
        Number of traces written: those that are not NaN throughout.

    Raises
    ------
    ConventionError
        If a value does not fit into the sample format, naming the traces.
    """
    shape, n = out.data.shape[:-1], out.axis.n
    size = n * target.format.itemsize
    known = _EXTENDED_FIELDS if target.extended else TRACE_FIELDS
    header = header_dtype(known, order=target.order, itemsize=target.header_bytes)
    record = np.dtype([("header", header), ("samples", np.uint8, (size,))])
    fields = _fields(out, target)
    written = 0
    with progress(stream, int(np.prod(shape))) as bar:
        for block in blocks(shape, max(1, block_bytes // (8 * n))):
            values = np.asarray(out.data[block].values)
            sizes = values.shape[:-1]
            kept = np.ones(sizes, bool)
            if values.dtype.kind == "f":
                kept = ~np.isnan(values).all(axis=-1)
            traces = np.zeros(int(kept.sum()), record)
            headers = traces["header"]
            for field, numbers in fields.items():
                headers[field] = _part(numbers, block, sizes)[kept]
            ends = _ends(values[kept]) if out.ragged else np.full(len(traces), n)
            if out.ragged:
                headers["trace_sample_count"] = np.where(ends <= UINT16_MAX, ends, 0)
            if target.extended:
                headers[f"{EXTENSION}trace_sample_count"] = ends
            live = True if out.live is None else _part(out.live, block, sizes)[kept]
            headers["trace_identification_code"] = np.where(live, _LIVE, _DEAD)
            running = np.arange(written + 1, written + 1 + len(traces))
            if target.extended:
                for name in ("line", "file"):
                    headers[f"{EXTENSION}trace_sequence_{name}"] = running
            running[running > _INT32_MAX] = 0
            headers["trace_sequence_line"] = headers["trace_sequence_file"] = running
            try:
                there = values[kept]
                if out.ragged:
                    there[np.arange(n) >= ends[:, None]] = 0
                traces["samples"] = encode(there, target.format, target.order)
            except ConventionError as error:
                place = ", ".join(
                    f"{dim} {s.start} to {s.stop - 1}"
                    for dim, s in zip(out.data.dims, block, strict=False)
                )
                raise ConventionError(f"variable {out.data.name!r}, {place}: {error}") from None
            lengths = target.header_bytes + ends * target.format.itemsize
            table = traces.view(np.uint8).reshape(len(traces), record.itemsize)
            if (ends < n).any():
                table = table[np.arange(record.itemsize) < lengths[:, None]]
            stream.write(table.data)
            written += len(traces)
            bar.update(kept.size)
    return written


def _ends(values: np.ndarray) -> np.ndarray:
    """Samples of each trace up to the last that is not NaN."""
    return values.shape[1] - np.argmax(~np.isnan(values[:, ::-1]), axis=1)


def _fields(out: Outgoing, target: Target) -> dict[str, np.ndarray]:
    """All header fields but those that count the traces written."""
    axis = out.axis
    interval = axis.short_interval
    if target.bare:  # SU counts without a sign
        interval = int(np.uint16(axis.interval).view(np.int16))
    same = {
        "trace_sample_count": axis.short_n,
        "trace_sample_interval": interval,
        "delay_recording_time": axis.delay,
        "scalar_trace_header": axis.delay_scalar,
        "coordinate_units": 1,
        "n_summed_traces": 1,
        "n_stacked_traces": 1,
        "data_use": 1,
    }
    fields = {**out.fields, **{name: np.array(value) for name, value in same.items()}}
    if target.revision == (0, 0):
        unknown = set(_LATER_FIELDS)
        if target.bare and out.kind == "shots":
            unknown |= set(_GRID_FIELDS)
        fields = {name: values for name, values in fields.items() if name not in unknown}
    if target.extended:
        fields |= {EXTENSION + name: values for name, values in out.lost.full.items()}
        fields[f"{EXTENSION}trace_sample_interval"] = np.array(axis.interval)
        fields["additional_trace_headers"] = np.array(1)
        fields |= {name: np.array(code) for name, code in _NAMES.items()}
    return fields


def _part(values: np.ndarray, block: tuple[slice, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """One block of header values, spread over the dimensions that they do not depend on."""
    if values.ndim == 0:
        return np.broadcast_to(values, sizes)
    own = tuple(s if n > 1 else slice(None) for s, n in zip(block, values.shape, strict=True))
    return np.broadcast_to(values[own], sizes)
