"""Traces of different lengths: the walk from trace header to trace header by their sample counts.

Each header says where the next one is, so the walk has to take one after the other. Gathers of
different lengths come in runs of one length, though: after some equal traces, many are looked at
together. A walk ends as soon as what it finds is no trace header.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.fields import TRACE_HEADER_BYTES, Order
from seisgeo.adapters.segy.source import Source

__all__ = ["Counts", "KnownCounts", "Walk", "find_counts", "leads_to_end"]

#: Looks up the counts of a walk that was made before.
KnownCounts = Callable[["Walk"], np.ndarray | None]

# Sample count and interval stand side by side (bytes 115-118).
_PLACE = 114
# Name of the first header extension of revision 2 (SEG-Y revision 2.0, table 3, bytes 473-480), in
# ASCII and EBCDIC, and the extended sample count in it (bytes 377-380).
_EXTENSION = (b"SEG00001", "SEG00001".encode("cp037"))
_EXTENDED_PLACE = TRACE_HEADER_BYTES + 136
# Equal traces after which a run is expected, and the most traces of a run looked at together.
_RUN, _LONGEST_RUN = 8, 1 << 16
# Bytes read together where lengths change from trace to trace.
_WINDOW_BYTES = 4 << 20
# Whole traces of a file that is cut short, below which counts may lead by chance.
_LEAST_OF_CUT = 4


class Walk(NamedTuple):
    """Where a walk begins and ends, and how it steps."""

    order: Order
    start: int
    end: int
    header_bytes: int
    itemsize: int


class Counts(NamedTuple):
    """Samples of each trace, and the bytes of a last trace that is cut short."""

    counts: np.ndarray
    left_over: int


def find_counts(
    data: Source,
    order: Order,
    start: int,
    end: int,
    header_bytes: int,
    itemsize: int,
    known: KnownCounts | None = None,
) -> Counts | None:
    """Follow the sample counts of the trace headers through a file.

    Parameters
    ----------
    data : Source
        The file's bytes.
    order : {">", "<"}
        Byte order.
    start, end : int
        First byte of the first trace, and the one after the last.
    header_bytes : int
        Bytes of each trace's headers.
    itemsize : int
        Bytes of a sample.
    known : callable, optional
        Given the walk, it returns the counts if they were found before, else None.

    Returns
    -------
    Counts or None
        None where they do not lead to the end, or do not differ.
    """
    walk = Walk(order, start, end, header_bytes, itemsize)
    counts = known(walk) if known else None
    if counts is None:
        counts = _follow(data, walk)
    if counts is None or not len(counts) or (counts == counts[0]).all():
        return None
    last = start + len(counts) * header_bytes + int(counts.sum(dtype=np.int64)) * itemsize
    left_over = end - last
    if left_over < 0 or (left_over and len(counts) < _LEAST_OF_CUT):
        return None
    return Counts(counts, left_over)


def leads_to_end(data: Source, walk: Walk) -> bool:
    """Whether the counts of the headers between two bytes lead exactly from one to the other."""
    counts = _follow(data, walk)
    if counts is None or not len(counts):
        return False
    length = len(counts) * walk.header_bytes + int(counts.sum(dtype=np.int64)) * walk.itemsize
    return walk.start + length == walk.end


def _follow(data: Source, walk: Walk) -> np.ndarray | None:
    _, at, end, header_bytes, itemsize = walk
    if at + header_bytes > end:
        return None
    reader = _HeaderReader(data, walk)
    _, interval = reader.at(at)
    parts: list[np.ndarray] = []
    single: list[int] = []
    equal, run, previous = 0, _RUN, -1
    while at + header_bytes <= end:
        count, found = reader.at(at)
        # A header without samples is none, unless it repeats an interval that is filled.
        if found != interval or (count == 0 and interval == 0):
            return None
        length = header_bytes + count * itemsize
        if at + length > end:
            break
        equal = equal + 1 if count == previous else 1
        previous = count
        ahead = min(run, (end - at) // length)
        if equal >= _RUN and ahead >= _RUN:
            same = reader.repeats(at, length, ahead, count, interval)
            parts += [np.array(single, np.uint32), np.full(same, count, np.uint32)]
            single = []
            at += same * length
            run = min(4 * run, _LONGEST_RUN) if same == ahead else _RUN
            equal = equal if same == ahead else 0
        else:
            single.append(count)
            at += length
    return np.concatenate([*parts, np.array(single, np.uint32)])


class _HeaderReader:
    """Counts and intervals of trace headers, read through a window that moves along the file."""

    def __init__(self, data: Source, walk: Walk) -> None:
        self._data = data
        self._order = walk.order
        self._unpack = struct.Struct(f"{walk.order}HH").unpack_from
        self._unpack_extended = struct.Struct(f"{walk.order}I").unpack_from
        self._extended = (
            walk.header_bytes >= 2 * TRACE_HEADER_BYTES
            and data[walk.start + 472 : walk.start + 480].tobytes() in _EXTENSION
        )
        self._needed = _EXTENDED_PLACE + 4 if self._extended else _PLACE + 4
        self._window = (np.empty(0, np.uint8) if data.data is None else data.data).data
        self._first = 0

    def at(self, start: int) -> tuple[int, int]:
        """Count and interval of the header that begins at a byte."""
        here = start - self._first
        if here < 0 or here + self._needed > len(self._window):
            self._window = self._data[start : start + _WINDOW_BYTES].data
            self._first, here = start, 0
        count, interval = self._unpack(self._window, here + _PLACE)
        if self._extended:
            (extended,) = self._unpack_extended(self._window, here + _EXTENDED_PLACE)
            count = extended or count
        return count, interval

    def repeats(self, start: int, length: int, n: int, count: int, interval: int) -> int:
        """How many of `n` headers at a distance of `length` give this count and interval."""
        starts = start + length * np.arange(n, dtype=np.int64)
        pair = self._data.rows(starts + _PLACE, 4).view(f"{self._order}u2")
        counts = pair[:, 0].astype(np.uint32)
        if self._extended:
            more = self._data.rows(starts + _EXTENDED_PLACE, 4).view(f"{self._order}u4")[:, 0]
            counts = np.where(more != 0, more, counts)
        same = (counts == count) & (pair[:, 1] == interval)
        return n if same.all() else int(np.argmin(same))
