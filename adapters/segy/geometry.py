"""The kind of cube that the traces of a file make, found from its headers.

====== ============================== ====================================================
layout dimensions of the traces       when
====== ============================== ====================================================
stack  inline, crossline              inline and crossline numbers name each trace once
offset inline, crossline, offset      several offsets at each inline and crossline
shots  shot, receiver                 records of several traces, or nothing else fits
line   cdp                            CDP numbers name each trace once, and it is no record
====== ============================== ====================================================

Each cube comes with a table that gives the trace of every cell, -1 where there is none, so that
ragged gathers, missing traces and any order in the file need no case of their own.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.errors import FormatError

__all__ = ["LAYOUTS", "Geometry", "find_geometry"]

#: Layouts and the dimensions that their traces have.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "stack": ("inline", "crossline"),
    "offset": ("inline", "crossline", "offset"),
    "shots": ("shot", "receiver"),
    "line": ("cdp",),
}

# A grid emptier than this is a line that crosses it, or numbers that mean something else.
_LEAST_FILL = 0.2
# Cells for each trace above which a table is refused when a layout is asked for.
_EMPTIEST = 50
# Traces that share a place with another one, beyond which numbers name no places.
_MOST_DUPLICATES = 0.05
# Trace identification codes of auxiliary traces: time break, uphole, sweep, timing, water break.
_AUXILIARY = (4, 5, 6, 7, 8)
# Header fields that tell one shot from the next, the most telling first; the last one makes
# CDP gathers of files that carry no shot at all.
_SHOT_KEYS = (
    ("field_record",),
    ("field_record", "energy_source_point"),
    ("energy_source_point",),
    ("source_x", "source_y"),
    ("cdp",),
)


@dataclasses.dataclass
class Geometry:
    """Cells of the cube and the traces that stand there.

    Attributes
    ----------
    layout : str
        Key of :data:`LAYOUTS`.
    reason : str
        Why this layout, for a person.
    lookup : numpy.ndarray of int
        Trace number of each cell, -1 where there is none; a dimension each of `dims`.
    axes : dict
        Label of each cell along a dimension; for shots the channels (``receiver``).
    findings : list of Finding
        What does not fit together.
    """

    layout: str
    reason: str
    lookup: np.ndarray
    axes: dict[str, np.ndarray]
    findings: list[Finding] = dataclasses.field(default_factory=list)

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of `lookup`."""
        return LAYOUTS[self.layout]

    @property
    def missing(self) -> int:
        """Number of cells without a trace."""
        return int(np.count_nonzero(self.lookup < 0))


def find_geometry(file: SegyFile, layout: str | None = None) -> Geometry:
    """Find the cube that the traces of a file make.

    Parameters
    ----------
    file : SegyFile
        The file; only trace headers are read.
    layout : {"stack", "offset", "shots", "line"}, optional
        Take this layout, whatever the headers suggest.

    Returns
    -------
    Geometry
        Cells, traces, and the reason.

    Raises
    ------
    FormatError
        If `layout` is unknown, or the headers that it needs are not filled.
    """
    if layout is not None and layout not in LAYOUTS:
        raise FormatError(f"layout={layout!r} is unknown; expected one of {', '.join(LAYOUTS)}")
    grid = _Grid.of(file)
    if layout is None:
        layout = _recognise(file, grid)
    elif layout in ("stack", "offset") and file.n_traces > 1 and not grid.varies:
        raise FormatError(
            f"{file.path}: layout={layout!r} needs inline and crossline numbers, and "
            f"{_where(file, 'inline_3d')} and {_where(file, 'crossline_3d')} are the same in "
            "every trace; say where they stand with headers={'inline': (byte, 'int32'), …}"
        )
    if layout == "stack":
        return _stack(file, grid)
    if layout == "offset":
        return _offset(file, grid)
    if layout == "line":
        return _line(file)
    return _shots(file)


class _Numbers(NamedTuple):
    """A header field: its distinct values and the place of each trace among them."""

    values: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, column: np.ndarray) -> _Numbers:
        return cls(*np.unique(column, return_inverse=True))

    @property
    def varies(self) -> bool:
        return len(self.values) > 1

    @property
    def filled(self) -> bool:
        return self.varies or self.values[0] != 0


class _Grid(NamedTuple):
    inline: _Numbers
    crossline: _Numbers
    cell: np.ndarray
    n_cells_used: int

    @classmethod
    def of(cls, file: SegyFile) -> _Grid:
        inline, crossline = (
            _Numbers.of(file.field("inline_3d")),
            _Numbers.of(file.field("crossline_3d")),
        )
        cell = inline.place * len(crossline.values) + crossline.place
        return cls(inline, crossline, cell, _count_distinct(cell))

    @property
    def varies(self) -> bool:
        return self.inline.varies or self.crossline.varies

    @property
    def fill(self) -> float:
        return self.n_cells_used / (len(self.inline.values) * len(self.crossline.values))


def _recognise(file: SegyFile, grid: _Grid) -> str:
    n = file.n_traces
    records = _best_records(file)
    in_records = records is not None and records.channel is not None and records.sizes.max() > 1
    if n > 1 and _is_grid(file, grid):
        duplicates = n - grid.n_cells_used
        if duplicates == 0 and not (in_records and _is_prestack(file)):
            return "stack"
        offsets = _Numbers.of(file.field("offset"))
        places = grid.cell * len(offsets.values) + offsets.place
        regular = n >= 0.5 * grid.n_cells_used * len(offsets.values)
        if offsets.varies and regular and _count_distinct(places) == n:
            return "offset"
        if duplicates <= _MOST_DUPLICATES * n and not _is_prestack(file):
            return "stack"
    cdp = _Numbers.of(file.field("cdp"))
    if n > 1 and len(cdp.values) == n and not _is_prestack(file):
        return "line"
    return "shots"


def _is_grid(file: SegyFile, grid: _Grid) -> bool:
    """Whether inline and crossline numbers are filled, and fill a rectangle of numbers."""
    inline, crossline = grid.inline, grid.crossline
    if inline.varies and crossline.varies:
        return grid.fill >= _LEAST_FILL
    if not (inline.varies or crossline.varies):
        return False
    # One number alone: a single line of a survey, unless CDP numbers say the same better.
    return (inline.filled and crossline.filled) or not _Numbers.of(file.field("cdp")).varies


def _is_prestack(file: SegyFile) -> bool:
    """Whether traces have a source and a receiver apart from each other."""
    if np.ptp(file.field("offset")) != 0:
        return True
    group = [file.field(f"group_{a}") for a in "xy"]
    if not any(g.any() for g in group):
        return False
    source = [file.field(f"source_{a}") for a in "xy"]
    return any((s != g).any() for s, g in zip(source, group, strict=True))


def _stack(file: SegyFile, grid: _Grid) -> Geometry:
    inline, crossline = grid.inline.values, grid.crossline.values
    shape = (len(inline), len(crossline))
    lookup, lost = _table(file, shape, grid.cell)
    name = f"{shape[0]} inlines x {shape[1]} crosslines"
    reason = f"inline and crossline numbers name each trace once ({name})"
    return _done("stack", reason, lookup, {"inline": inline, "crossline": crossline}, lost)


def _offset(file: SegyFile, grid: _Grid) -> Geometry:
    offsets = _Numbers.of(file.field("offset"))
    shape = (len(grid.inline.values), len(grid.crossline.values), len(offsets.values))
    lookup, lost = _table(file, shape, grid.cell * shape[2] + offsets.place)
    reason = "several offsets at each inline and crossline ({} x {} x {})".format(*shape)
    axes = {
        "inline": grid.inline.values,
        "crossline": grid.crossline.values,
        "offset": offsets.values,
    }
    return _done("offset", reason, lookup, axes, lost)


def _line(file: SegyFile) -> Geometry:
    cdp = _Numbers.of(file.field("cdp"))
    if len(cdp.values) == file.n_traces:
        lookup, _ = _table(file, (file.n_traces,), cdp.place)
        return Geometry("line", "CDP numbers name each trace once", lookup, {"cdp": cdp.values})
    number = np.arange(file.n_traces)
    reason = "CDP numbers do not name each trace once: traces counted in file order"
    return Geometry("line", reason, number, {"cdp": number + 1})


class _Records(NamedTuple):
    """Traces grouped into records."""

    key: tuple[str, ...]
    group: np.ndarray
    sizes: np.ndarray
    channel: _Numbers | None


def _best_records(file: SegyFile) -> _Records | None:
    """Records by the first key whose channels are told apart; else by the first that groups."""
    fallback = None
    for key in _SHOT_KEYS:
        columns = [_Numbers.of(file.field(name)) for name in key]
        if not (all if key[0] == "field_record" else any)(c.filled for c in columns):
            continue
        code = np.zeros(file.n_traces, np.int64)
        for column in columns:
            code = code * len(column.values) + column.place
        group = _by_appearance(code)
        sizes = np.bincount(group)
        if len(sizes) == file.n_traces > 1:
            continue
        channel = _Numbers.of(file.field("cdp_trace" if key == ("cdp",) else "trace_number"))
        if _count_distinct(group * len(channel.values) + channel.place) == file.n_traces:
            return _Records(key, group, sizes, channel)
        found = _Records(key, group, sizes, None)
        if fallback is None or (len(fallback.sizes) == 1 < len(sizes)):
            fallback = found
    return fallback


def _shots(file: SegyFile) -> Geometry:
    findings = []
    kept = np.arange(file.n_traces)
    codes = file.field("trace_identification_code")
    auxiliary = np.isin(codes, _AUXILIARY)
    records = _best_records(file)
    if records is None:
        group = np.zeros(file.n_traces, np.int64)
        records = _Records((), group, np.bincount(group), None)
        reason = "no header field groups the traces: one gather in file order"
    else:
        names = " and ".join(k.replace("_", " ") for k in records.key)
        reason = f"{len(records.sizes)} gather(s) by {names}"
    receiver, labels, how = _receivers(file, records)
    if auxiliary.any() and not auxiliary.all():
        kept = kept[~auxiliary]
        findings.append(
            Finding(
                "trace identification code",
                {"auxiliary traces": str(int(auxiliary.sum()))},
                "left out of the gathers",
                "codes 4 to 8 are time breaks, upholes, sweeps, timing and water breaks",
            )
        )
        # Shots and channels that only auxiliary traces had are gone as well.
        group_of, group = np.unique(records.group[kept], return_inverse=True)
        used, receiver = np.unique(receiver[kept], return_inverse=True)
        labels, n_groups = labels[used], len(group_of)
    else:
        group, n_groups = records.group, len(records.sizes)
    lookup = np.full((n_groups, len(labels)), -1, np.int64)
    lookup[group, receiver] = kept
    if labels.size * n_groups > len(kept):
        reason += f", of {records.sizes.min()} to {records.sizes.max()} traces"
    return Geometry("shots", f"{reason}; receivers {how}", lookup, {"receiver": labels}, findings)


def _receivers(file: SegyFile, records: _Records) -> tuple[np.ndarray, np.ndarray, str]:
    """Column of each trace in its gather, the columns' labels, and how they were found."""
    longest = int(records.sizes.max())
    # Channels numbered through a whole survey would leave the table nearly empty.
    if records.channel is not None and len(records.channel.values) <= 4 * longest:
        return records.channel.place, records.channel.values, "by channel"
    x, y = file.field("group_x"), file.field("group_y")
    position = _Numbers.of(_Numbers.of(x).place * (len(np.unique(y)) + 1) + _Numbers.of(y).place)
    fixed = len(position.values) <= 1.2 * longest
    cell = records.group * len(position.values) + position.place
    if fixed and _count_distinct(cell) == file.n_traces:
        labels = np.arange(1, len(position.values) + 1)
        return position.place, labels, "by position (channels do not tell them apart)"
    order = np.argsort(records.group, kind="stable")
    starts = np.cumsum(records.sizes) - records.sizes
    rank = np.empty(file.n_traces, np.int64)
    rank[order] = np.arange(file.n_traces) - np.repeat(starts, records.sizes)
    return rank, np.arange(1, longest + 1), "in file order (channels do not tell them apart)"


def _by_appearance(code: np.ndarray) -> np.ndarray:
    """Number groups in the order in which they appear in the file."""
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place]


def _table(file: SegyFile, shape: tuple[int, ...], cell: np.ndarray) -> tuple[np.ndarray, int]:
    """Trace of each cell, the first one where several share it, and how many are left out."""
    cells = math.prod(shape)
    if cells > _EMPTIEST * len(cell) + 1_000_000:
        raise FormatError(
            f"{file.path}: {len(cell)} traces would lie scattered over {cells} cells "
            f"({' x '.join(map(str, shape))}); these header numbers name no grid. "
            "Pass another layout=, or say where the numbers stand with headers="
        )
    lookup = np.full(cells, -1, np.int64)
    lookup[cell[::-1]] = np.arange(len(cell))[::-1]
    lost = len(cell) - int(np.count_nonzero(lookup >= 0))
    return lookup.reshape(shape), lost


def _count_distinct(values: np.ndarray) -> int:
    span = int(values.max()) - int(values.min()) + 1
    if span <= 8 * len(values):
        return int(np.count_nonzero(np.bincount(values - values.min(), minlength=1)))
    return len(np.unique(values))


def _done(
    layout: str, reason: str, lookup: np.ndarray, axes: dict[str, np.ndarray], lost: int
) -> Geometry:
    geometry = Geometry(layout, reason, lookup, axes)
    if lost:
        geometry.findings.append(
            Finding(
                " and ".join(LAYOUTS[layout]),
                {"traces at a place that is taken": str(lost)},
                "the first trace of each place used",
                "a cell holds one trace; pass layout= or headers= to see the others",
            )
        )
    return geometry


def _where(file: SegyFile, name: str) -> str:
    field = next(f for f in file.fields if f.name == name)
    return f"{name.replace('_3d', '')} (byte {field.byte})"
