"""Numbers in header fields: which there are, and which traces share them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = [
    "Numbers",
    "count_distinct",
    "each_once",
    "is_constant",
    "numbered_by_appearance",
    "shrunk",
]

# Spans up to this many times the number of values are counted instead of sorted.
_DENSE = 8


class Numbers(NamedTuple):
    """A header field: its distinct values, ascending, and the place of each trace among them."""

    values: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, column: np.ndarray) -> Numbers:
        """Those of a column, shape (trace,)."""
        if is_constant(column):
            return cls(column[:1].copy(), np.broadcast_to(np.int64(0), column.shape))
        if column.dtype.kind in "iu":
            low = int(column.min())
            span = int(column.max()) - low + 1
            if span <= _DENSE * len(column):
                shifted = column.astype(np.int64) - low
                there = np.zeros(span, bool)
                there[shifted] = True
                values = np.flatnonzero(there)
                rank = np.empty(span, np.int64)
                rank[values] = np.arange(len(values))
                return cls((values + low).astype(column.dtype), rank[shifted])
        values, place = np.unique(column, return_inverse=True)
        return cls(values, place.astype(np.int64, copy=False))

    @classmethod
    def of_all(cls, columns: Sequence[Numbers]) -> Numbers:
        """Combinations of several fields; their values are only numbers of the combinations."""
        varying = [c for c in columns if c.varies] or [columns[0]]
        if len(varying) == 1:
            only = varying[0]
            return cls(np.arange(len(only.values)), only.place)
        return functools.reduce(lambda a, b: cls.of(a.place * len(b.values) + b.place), varying)

    @property
    def varies(self) -> bool:
        """Whether traces differ."""
        return len(self.values) > 1

    @property
    def filled(self) -> bool:
        """Whether there is anything but zeros."""
        return self.varies or bool(self.values[0] != 0)

    @property
    def runs(self) -> int:
        """Number of stretches of the file along which the value stays the same."""
        if not self.varies:
            return 1
        return 1 + int(np.count_nonzero(self.place[1:] != self.place[:-1]))

    @property
    def sorts(self) -> bool:
        """Whether traces of the same value stand together in the file."""
        return self.runs == len(self.values)


def shrunk(column: np.ndarray) -> np.ndarray:
    """The column itself, or where all entries are the same a view that repeats one of them."""
    return np.broadcast_to(column[:1].copy(), column.shape) if is_constant(column) else column


def is_constant(column: np.ndarray) -> bool:
    """Whether all entries of a 1-D array are the same."""
    if len(column) < 2 or column.strides == (0,):
        return True
    return bool(column[0] == column[-1]) and bool((column == column[0]).all())


def each_once(change: Callable[[np.ndarray], np.ndarray], column: np.ndarray) -> np.ndarray:
    """Change each entry by itself; where all are the same, one of them, and show it everywhere."""
    if column.ndim != 1 or not is_constant(column):
        return change(column)
    return np.broadcast_to(change(column[:1]), column.shape)


def numbered_by_appearance(place: np.ndarray, n: int) -> np.ndarray:
    """Number `n` groups in the order in which they appear in the file, from 0."""
    first = np.full(n, len(place), np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]
    rank = np.empty(n, np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(n)
    return rank[place]


def count_distinct(values: np.ndarray) -> int:
    """Number of distinct whole numbers."""
    if is_constant(values):
        return min(len(values), 1)
    low = int(values.min())
    span = int(values.max()) - low + 1
    if span <= _DENSE * len(values):
        there = np.zeros(span, bool)
        there[values - low] = True
        return int(np.count_nonzero(there))
    ordered = np.sort(values)
    return 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
