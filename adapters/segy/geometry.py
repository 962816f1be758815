"""The kind of cube that the traces of a file make, found from its headers.

========= ============================== =====================================================
layout    dimensions of the traces       when
========= ============================== =====================================================
stack     inline, crossline              inline and crossline numbers name each trace once
offset    inline, crossline, offset      several offsets at each inline and crossline
line      cdp                            CDP numbers name each trace once, or a single channel
cdp       cdp, offset (or trace)         traces of a CDP stand together in the file
receivers receiver, shot (or trace)      traces of a receiver position stand together
shots     shot, receiver                 records of several traces, or nothing else fits
========= ============================== =====================================================

Each cube comes with a table that gives the trace of every cell, -1 where there is none, so that
ragged gathers, missing traces and any order in the file need no case of their own. The parts:
:mod:`.grids`, :mod:`.lines` and :mod:`.gathers` make the tables, :mod:`.clues` counts.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.errors import FormatError

__all__ = ["LAYOUTS", "PRESTACK", "Geometry", "lay_out"]

#: Layouts, and what their traces are.
LAYOUTS: dict[str, str] = {
    "shots": "shot gathers",
    "receivers": "receiver gathers",
    "cdp": "CDP gathers",
    "stack": "3-D stack",
    "offset": "3-D gathers by offset",
    "line": "2-D line",
}

#: Layouts of traces that are not stacked.
PRESTACK = ("offset", "cdp", "receivers", "shots")

# Cells for each trace above which a table is refused.
_EMPTIEST = 50


@dataclasses.dataclass
class Geometry:
    """Cells of the cube and the traces that stand there.

    Attributes
    ----------
    layout : str
        Key of :data:`LAYOUTS`.
    dims : tuple of str
        Dimensions of `lookup`.
    reason : str
        Why this layout, for a person.
    confidence : {"high", "medium", "low", "asked for"}
        high: the headers name each trace once, and agree. medium: something had to be given up,
        which the reason tells. low: no header field arranges the traces. asked for: the user chose.
    lookup : numpy.ndarray of int
        Trace number of each cell, -1 where there is none.
    axes : dict
        Label of each cell along a dimension, where it has one.
    sort_order : str
        Dimensions in the order of the file, the slowest first, or ``"unsorted"``.
    findings : list of Finding
        What does not fit together.
    """

    layout: str
    dims: tuple[str, ...]
    reason: str
    confidence: str
    lookup: np.ndarray
    axes: dict[str, np.ndarray]
    sort_order: str
    findings: list[Finding] = dataclasses.field(default_factory=list)

    @property
    def missing(self) -> int:
        """Number of cells without a trace."""
        return 0 if self.in_file_order else int(np.count_nonzero(self.lookup < 0))

    @cached_property
    def in_file_order(self) -> bool:
        """Whether the cells hold all traces as they follow each other from the first on."""
        flat = self.lookup.ravel()
        return bool(flat[0] == 0 and (flat[1:] - flat[:-1] == 1).all())

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of traces laid out over the cells; NaN where there is no trace."""
        if self.in_file_order and len(values) == self.lookup.size:
            return np.array(values).reshape(self.lookup.shape)
        laid = values[self.lookup]
        missing = self.lookup < 0
        if missing.any():
            laid = laid.astype(np.float64)
            laid[missing] = np.nan
        return laid


def lay_out(
    where: object,
    shape: tuple[int, ...],
    places: Sequence[np.ndarray],
    kept: np.ndarray | None,
    what: str,
) -> tuple[np.ndarray, list[Finding]]:
    """Table of the trace of each cell: the first in the file where several share one.

    Parameters
    ----------
    where : path-like
        The file, for messages.
    shape : tuple of int
        Cells along each dimension.
    places : sequence of numpy.ndarray of int
        Place of each trace along each dimension.
    kept : numpy.ndarray of int, or None
        Numbers of the traces, where not all of the file.
    what : str
        What names a cell, for messages.

    Returns
    -------
    lookup : numpy.ndarray of int
        Trace of each cell, -1 where there is none.
    findings : list of Finding
        How many traces found their place taken.

    Raises
    ------
    FormatError
        If traces would lie scattered over far more cells.
    """
    n, cells = len(places[0]), math.prod(shape)
    if cells > _EMPTIEST * n + 1_000_000:
        raise FormatError(
            f"{where}: {n} traces would lie scattered over {cells} cells "
            f"({' x '.join(map(str, shape))}); these header numbers name no grid. "
            "Pass another layout= or keys=, or say where the numbers stand with headers="
        )
    cell = places[0].astype(np.int64)
    for size, place in zip(shape[1:], places[1:], strict=True):
        cell = cell * size + place
    traces = np.arange(n) if kept is None else kept
    lookup = np.full(cells, -1, np.int64)
    lookup[cell[::-1]] = traces[::-1]
    lost = n - int(np.count_nonzero(lookup >= 0))
    if not lost:
        return lookup.reshape(shape), []
    taken = int(np.flatnonzero(lookup[cell] != traces)[0])
    first = int(lookup[cell[taken]])
    finding = Finding(
        what,
        {"traces at a place that is taken": str(lost)},
        "the first trace of each place used",
        f"a cell holds one trace (trace {int(traces[taken])} repeats trace {first}, counted from "
        "0); pass layout=, keys= or headers= to see the others",
    )
    return lookup.reshape(shape), [finding]
