"""Stretches of time, found by what they hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Spans"]


class Spans:
    """Stretches of time that may overlap, found without looking at each.

    Parameters
    ----------
    starts, stops : sequence of int
        When each begins, and when it is over (ns after 1970).

    Examples
    --------
    >>> spans = Spans([50, 0, 20], [70, 30, 60])
    >>> spans.holding(25, 25), spans.holding(30, 80), spans.holding(90, 90)
    ([1, 2], [2, 0], [])
    """

    def __init__(self, starts: Sequence[int] | np.ndarray, stops: Sequence[int] | np.ndarray):
        starts, stops = np.asarray(starts, np.int64), np.asarray(stops, np.int64)
        self._order = np.argsort(starts, kind="stable")
        self._starts, self._stops = starts[self._order], stops[self._order]
        # Of all that begin up to each: none before the first that reaches a time holds it.
        self._reached = np.maximum.accumulate(self._stops) if len(stops) else self._stops

    def holding(self, first: int, last: int) -> list[int]:
        """Numbers of those that begin up to `last` and end after `first`, by their starts."""
        low = int(np.searchsorted(self._reached, first, "right"))
        high = int(np.searchsorted(self._starts, last, "right"))
        if low >= high:
            return []
        return self._order[low:high][self._stops[low:high] > first].tolist()
