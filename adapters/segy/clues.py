"""What trace headers say about the arrangement of the traces; each field is counted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.numbers import Numbers, count_distinct

__all__ = ["Clues", "sort_order"]


class Clues:
    """Numbers in the headers of some traces.

    Parameters
    ----------
    file : SegyFile
        The file.
    kept : numpy.ndarray of int, optional
        The traces to look at; by default all.
    """

    def __init__(self, file: SegyFile, kept: np.ndarray | None = None) -> None:
        self.file = file
        self.kept = kept
        self.n = file.n_traces if kept is None else len(kept)
        self._numbers: dict[tuple[str, ...], Numbers] = {}

    def column(self, name: str) -> np.ndarray:
        """A header field of these traces, shape (trace,)."""
        column = self.file.field(name)
        return column if self.kept is None else column[self.kept]

    def numbers(self, *names: str) -> Numbers:
        """Distinct numbers of a field, or combinations of several fields."""
        if names not in self._numbers:
            if len(names) == 1:
                self._numbers[names] = Numbers.of(self.column(names[0]))
            else:
                self._numbers[names] = Numbers.of_all([self.numbers(name) for name in names])
        return self._numbers[names]

    def filled(self, *names: str) -> bool:
        """Whether any of these fields is filled."""
        return any(self.numbers(name).filled for name in names)

    def is_prestack(self) -> bool:
        """Whether traces have a source and a receiver apart from each other."""
        return self.numbers("offset").varies or self.has_spread()

    def has_spread(self) -> bool:
        """Whether sources and receivers stand at different positions."""
        if not self.filled("group_x", "group_y"):
            return False
        return any(
            (self.column(f"source_{axis}") != self.column(f"group_{axis}")).any() for axis in "xy"
        )

    def distinct(self, *groups: Numbers) -> int:
        """Number of different combinations of several numbers."""
        if any(len(group.values) == self.n for group in groups):
            return self.n
        code = groups[0].place
        for group in groups[1:]:
            if group.varies:
                code = code * len(group.values) + group.place
        return count_distinct(code)


def sort_order(dims: Sequence[str], numbers: Sequence[Numbers]) -> str:
    """In which order traces follow each other in the file.

    Parameters
    ----------
    dims : sequence of str
        Dimensions of the cube.
    numbers : sequence of Numbers
        Place of each trace along each.

    Returns
    -------
    str
        Dimensions, the slowest first: ``"inline, crossline"`` where all traces of an inline stand
        together; ``"unsorted"`` where those of no dimension do.
    """
    # Of a sparse grid, a dimension along which traces are scattered may have the fewer runs. Where
    # traces are in order along all of them, none is the slowest: they stay as they are named.
    runs = [0 if all(n.sorts for n in numbers) else n.runs for n in numbers]
    slowest = sorted(range(len(dims)), key=lambda i: (not numbers[i].sorts, runs[i]))
    for k in range(1, len(dims)):
        if not Numbers.of_all([numbers[i] for i in slowest[:k]]).sorts:
            return "unsorted" if k == 1 else f"{dims[slowest[0]]}, others unsorted"
    return ", ".join(dims[i] for i in slowest)
