"""A file's own headers in another revision or byte order."""

from __future__ import annotations

import dataclasses

import numpy as np

from seisgeo.adapters.segy.bare import SU_FIELDS
from seisgeo.adapters.segy.binary import (
    additional_headers_field,
    binary_header_of,
    revision_2_fields,
    with_binary,
)
from seisgeo.adapters.segy.cards import restamp
from seisgeo.adapters.segy.extents import FILE_HEADER_BYTES
from seisgeo.adapters.segy.fields import BINARY_FIELDS, TRACE_FIELDS, TRACE_HEADER_BYTES, Order
from seisgeo.adapters.segy.original import Original
from seisgeo.adapters.segy.target import (
    BYTE_ORDERS,
    Asked,
    Revision,
    least_revision,
    revision_name,
)
from seisgeo.adapters.segy.text import CARD, TEXT_BYTES
from seisgeo.errors import ConventionError, ParameterError

__all__ = ["recast"]

_IEEE = 5
_INT16_MAX, _UINT16_MAX = 32_767, 65_535
# Bytes of the binary header that revision 2 gave a meaning.
_OF_REVISION_2 = (slice(3260, 3300), slice(3506, 3532))


def recast(original: Original, asked: Asked) -> Original:
    """Bring the headers of a file to what is asked for; as they are where nothing is.

    Parameters
    ----------
    original : Original
        The headers.
    asked : Asked
        What is asked for. With a sample format or a byte order that the file's revision does not
        have, the revision grows.

    Returns
    -------
    Original
        Numbers of the binary header and of the standard trace header are the same, in the byte
        order asked for.

    Raises
    ------
    ConventionError
        If the file holds what the revision has no room for, or headers whose fields are unknown.
    ParameterError
        If something is asked for that Seismic Unix has not.
    """
    if original.bare:
        return _recast_bare(original, asked)
    revision, fmt, order = asked
    now = _revision_of(original)
    new_order, in_pairs = order or (original.order, original.in_pairs)
    needs = [] if fmt in (None, original.format) else [least_revision(fmt, None)]
    if (new_order, in_pairs) != (original.order, original.in_pairs):
        needs.append(least_revision(None, (new_order, in_pairs)))
    if revision not in (None, now):
        needs.append(least_revision(fmt or original.format, (new_order, in_pairs)))
    least = max(needs, default=(0, 0))
    if revision is None:
        revision = max(now, least)
    elif revision < least:
        raise ConventionError(
            f"{fmt or original.format} {_order_name(new_order, in_pairs)} is not in SEG-Y revision "
            f"{revision_name(revision)}, but in {revision_name(least)}: pass revision= "
            f"{revision_name(least)}, or another sample_format= or byte_order="
        )
    if revision != now:
        original = _in_revision(original, now, revision)
    if new_order != original.order:
        original = _in_order(original, new_order, revision)
    return dataclasses.replace(original, in_pairs=in_pairs)


def _recast_bare(original: Original, asked: Asked) -> Original:
    revision, fmt, order = asked
    if revision is not None or (order and order[1]) or (fmt and fmt.code != _IEEE):
        raise ParameterError(
            "Seismic Unix (.su) is IEEE float32 (format 5), big-endian or little-endian, and has "
            "no revisions; leave revision= and sample_format= out"
        )
    if order is None or order[0] == original.order:
        return original
    return _in_order(original, order[0], (0, 0))


def _revision_of(original: Original) -> Revision:
    binary = binary_header_of(original.head, original.order)
    major, minor = int(binary["segy_revision"]), int(binary["segy_revision_minor"])
    return (major, minor) if major <= 2 and minor <= 1 else (0, 0)


def _in_revision(original: Original, now: Revision, revision: Revision) -> Original:
    binary = binary_header_of(original.head, original.order)
    additional = original.header_bytes // TRACE_HEADER_BYTES - 1
    interval = _interval(original, binary, now)
    problem = ""
    if revision < (2, 0):
        if additional:
            problem = "additional trace headers"
        elif now >= (2, 0) and binary["data_trailers"]:
            problem = "data trailers"
        elif original.n_samples > _UINT16_MAX:
            problem = f"{original.n_samples} samples a trace"
        elif interval != round(interval) or not 1 <= interval <= _INT16_MAX:
            problem = f"a sample interval of {interval:g} us"
    if revision < (1, 0) and len(original.head) > FILE_HEADER_BYTES:
        problem = "extended text headers"
    if problem:
        raise ConventionError(
            f"SEG-Y revision {revision_name(revision)} has no room for what the original has: "
            f"{problem}; keep its revision, or write all headers anew with original=False"
        )
    head = bytearray(_restamped(original.head[:TEXT_BYTES], revision) + original.head[TEXT_BYTES:])
    if now < (2, 0) or revision < (2, 0):
        for part in _OF_REVISION_2:
            head[part] = bytes(part.stop - part.start)
    values = {"segy_revision": revision[0], "segy_revision_minor": revision[1]}
    values["trace_flag"] = 1 if revision >= (1, 0) and original.counts is None else 0
    if revision >= (2, 0):
        if now < (2, 0):
            values |= revision_2_fields(revision, original.n_samples, interval)
            values |= {"total_traces": original.n_traces, "first_trace_offset": len(head)}
        values["additional_trace_headers"] = 0
        values[additional_headers_field(revision)] = additional
    else:
        values["samples"] = original.n_samples
        values["interval"] = round(interval)
    return dataclasses.replace(original, head=with_binary(bytes(head), original.order, values))


def _order_name(order: Order, in_pairs: bool) -> str:
    return next(name for name, known in BYTE_ORDERS.items() if known == (order, in_pairs))


def _interval(original: Original, binary: np.ndarray, now: Revision) -> float:
    """Sample interval (us) that the headers state."""
    if now >= (2, 0) and binary["ext_interval"] > 0:
        return float(binary["ext_interval"])
    stated = int(binary["interval"])
    if stated == 0:
        first = original.headers(np.arange(1)).tobytes()[116:118]
        stated = int(np.frombuffer(first, f"{original.order}i2")[0])
    return float(stated % (_UINT16_MAX + 1))


def _restamped(text: bytes, revision: Revision) -> bytes:
    """A text header whose last cards state another revision, where they state one."""
    for code in ("cp037", "latin-1"):
        plain = text.decode(code)
        cards = [plain[i : i + CARD] for i in range(0, TEXT_BYTES, CARD)]
        new = [restamp(card, revision) for card in cards]
        if new != cards:
            return "".join(card[:CARD].ljust(CARD) for card in new).encode(code)
    return text


def _in_order(original: Original, order: Order, revision: Revision) -> Original:
    if original.header_bytes != TRACE_HEADER_BYTES:
        raise ConventionError(
            "the byte order of additional trace headers cannot be changed: their fields are not "
            "known; keep the file's, or write all headers anew with original=False"
        )
    head = bytearray(original.head)
    if head:
        names = {"additional_trace_headers", "additional_trace_headers_short"}
        skipped = names - {additional_headers_field(revision)}
        if revision == (2, 0):
            skipped.add("survey_type")
        for field in BINARY_FIELDS:
            if field.name not in skipped:
                a, b = field.byte - 1, field.byte - 1 + np.dtype(field.dtype).itemsize
                head[a:b] = head[a:b][::-1]
    places = np.arange(TRACE_HEADER_BYTES)
    for field in SU_FIELDS if original.bare else TRACE_FIELDS:
        a, b = field.byte - 1, field.byte - 1 + np.dtype(field.dtype).itemsize
        if not original.bare or field.byte <= 180 or field.name not in _SHARED:
            places[a:b] = np.arange(a, b)[::-1]
    size = original.format.itemsize
    headers, samples = original.headers, original.kept_samples

    def turned(numbers: np.ndarray) -> np.ndarray:
        raw = samples(numbers)
        return np.ascontiguousarray(raw.reshape(len(raw), -1, size)[..., ::-1]).reshape(raw.shape)

    return dataclasses.replace(
        original,
        order=order,
        head=bytes(head),
        headers=lambda numbers: np.ascontiguousarray(headers(numbers)[:, places]),
        kept_samples=turned,
    )


# SEG-Y's fields that SU has not stand in a spare word in its table.
_SHARED = {f.name for f in TRACE_FIELDS}
