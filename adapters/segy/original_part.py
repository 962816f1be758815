"""Headers of a part of a file: a selection of its traces, or a window of its samples."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.adapters.segy.binary import binary_header_of, with_binary
from seisgeo.adapters.segy.fields import TRACE_FIELDS, Field, header_dtype
from seisgeo.adapters.segy.headers import find_header_map
from seisgeo.adapters.segy.text import TEXT_BYTES
from seisgeo.errors import ConventionError

if TYPE_CHECKING:
    from seisgeo.adapters.segy.original import Original

__all__ = ["part_of"]

_INT16_MAX, _UINT16_MAX = 32_767, 65_535


def part_of(
    original: Original, places: dict[str, np.ndarray], vertical: str
) -> tuple[Original | None, str]:
    """Part of an original: what `places` along each dimension leave of it.

    Parameters
    ----------
    original : Original
        That of the whole file.
    places : dict of numpy.ndarray
        Places along each dimension that are left.
    vertical : {"time", "depth"}
        Dimension of the samples.

    Returns
    -------
    original : Original or None
        With the headers of what is left; None where they would not be true of it.
    reason : str
        Why there is none.
    """
    window = places[vertical]
    lookup = original.lookup[np.ix_(*(places[d] for d in original.dims))]
    known = original.lookup.size == lookup.size
    cut = len(window) < original.n_samples or not (np.diff(window) == 1).all()
    labels = original.labels.isel(places)
    if known and not cut:
        return dataclasses.replace(original, lookup=lookup, labels=labels), ""
    if cut and (len(window) == 0 or (np.diff(window) != 1).any()):
        return None, f"{vertical} is no window of the file's"
    traces = np.arange(original.n_traces) if known else np.unique(lookup[lookup >= 0])
    first = int(window[0])
    counts = None
    if original.counts is not None:
        counts = np.clip(original.counts[traces].astype(np.int64) - first, 0, len(window))
        if cut:  # what ends before the window has no samples in it
            traces, counts = traces[counts > 0], counts[counts > 0]
            known = known and len(traces) == original.n_traces
        lookup = np.where(np.isin(lookup, traces), lookup, -1)
    if not len(traces):
        return None, "no trace of the file is left"
    shift = _shift(original, vertical, first)
    if shift is None:
        return None, f"the start of {vertical} is no whole number of units of the delay field"

    def headers(numbers: np.ndarray) -> np.ndarray:
        table = original.headers(traces[numbers])
        n = np.full(len(numbers), len(window)) if counts is None else counts[numbers]
        return _cut(table, original, n, shift) if cut else table

    size = original.format.itemsize
    here = np.flatnonzero(np.isin(original.kept, traces))

    def kept_samples(numbers: np.ndarray) -> np.ndarray:
        return original.kept_samples(here[numbers])[:, first * size : (first + len(window)) * size]

    n_samples = len(window) if cut else None
    if counts is not None and (cut or len(np.unique(counts)) == 1):
        n_samples = int(counts.max())  # one number for all: the longest
    head, tail = _part_of_frame(original, n_samples, len(traces), known)
    return (
        dataclasses.replace(
            original,
            labels=labels,
            lookup=np.where(lookup >= 0, np.searchsorted(traces, lookup), -1),
            n_traces=len(traces),
            n_samples=len(window),
            counts=None if counts is None or (counts == len(window)).all() else counts,
            head=head,
            tail=tail,
            headers=headers,
            kept=np.searchsorted(traces, original.kept[here]),
            kept_samples=kept_samples,
        ),
        "",
    )


def _part_of_frame(
    original: Original, n_samples: int | None, n_traces: int, whole: bool
) -> tuple[bytes, bytes]:
    """What stands before and after the traces, of a part; `n_samples` where they change."""
    head, tail = original.head, original.tail
    if original.bare:
        return head, tail if whole else b""
    binary = binary_header_of(head, original.order)
    later = binary["segy_revision"] >= 2
    changes = {}
    if n_samples is not None:
        changes["samples"] = n_samples if n_samples <= _UINT16_MAX else 0
        if later and binary["ext_samples"] > 0:
            changes["ext_samples"] = n_samples
    if later and binary["total_traces"] > 0:
        changes["total_traces"] = n_traces
    if not whole:  # what is left of a trace that was cut off goes, trailers stay
        trailers = int(binary["data_trailers"]) if later else 0
        tail = tail[len(tail) - trailers * TEXT_BYTES :] if trailers > 0 else b""
    return with_binary(head, original.order, changes), tail


def _shift(original: Original, vertical: str, first: int) -> int | None:
    """What is added to the delay recording time (ms, or m) of traces that start later."""
    if first == 0:
        return 0
    header = original.headers(np.arange(1)).reshape(-1)
    fields = _trace_fields(header, original)
    feet = (
        vertical == "depth"
        and not original.bare
        and binary_header_of(original.head, original.order)["measurement_system"] == 2
    )
    if feet or int(fields["scalar_trace_header"]) not in (0, 1):
        return None
    axis = np.asarray(original.labels[vertical].values, np.float64)
    later = (axis[first] - axis[0]) * (1e3 if vertical == "time" else 1.0)
    if abs(later - round(later)) > 1e-6 or abs(later) > _INT16_MAX:
        return None
    return round(later)


def _cut(table: np.ndarray, original: Original, n_samples: np.ndarray, shift: int) -> np.ndarray:
    """Headers with the sample counts of a window, each where it is filled, and its delay."""
    table = np.array(table)
    fields = _trace_fields(table, original)
    _fill(fields["trace_sample_count"], np.where(n_samples <= _UINT16_MAX, n_samples, 0))
    if len(table):
        known = find_header_map(table[0].tobytes(), TRACE_FIELDS).fields
        if extended := known.get("ext_trace_sample_count"):
            _fill(_trace_fields(table, original, (extended,))[extended.name], n_samples)
    later = fields["delay_recording_time"].astype(np.int64) + shift
    if np.abs(later).max(initial=0) > _INT16_MAX:
        raise ConventionError(
            f"a delay recording time of {later.max()} does not fit into its 16 bits; shift the "
            "axis, or write with original=False"
        )
    fields["delay_recording_time"] = later
    return table


def _fill(counts: np.ndarray, values: np.ndarray) -> None:
    filled = counts != 0
    counts[filled] = values[filled]


def _trace_fields(
    table: np.ndarray, original: Original, fields: tuple[Field, ...] = TRACE_FIELDS
) -> np.ndarray:
    dtype = header_dtype(fields, order=original.order, itemsize=original.header_bytes)
    return np.ascontiguousarray(table).view(dtype)[..., 0]
