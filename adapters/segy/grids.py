"""3-D surveys on a grid of inlines and crosslines: stacks, and gathers by offset."""

from __future__ import annotations

import dataclasses

from seisgeo.adapters.segy.clues import Clues, sort_order
from seisgeo.adapters.segy.geometry import Geometry, lay_out
from seisgeo.adapters.segy.numbers import Numbers

__all__ = [
    "DENSE",
    "GRID_KEYS",
    "grid_of",
    "is_grid",
    "is_older_grid",
    "make_offset",
    "make_older_grid",
    "make_stack",
    "offset_fits",
]

#: Header fields that number the two directions of a grid.
GRID_KEYS = ("inline_3d", "crossline_3d")

#: Share of a table's cells that traces must fill for its numbers to be axes.
DENSE = 0.5
# A grid emptier than this is a line that crosses it, or numbers that mean something else.
_LEAST_FILL = 0.2


# Where inline and crossline stood before revision 1 gave them fields of their own.
_OLDER_KEYS = ("field_record", "cdp")


def grid_of(clues: Clues, keys: tuple[str, ...] = GRID_KEYS) -> tuple[Numbers, Numbers, int]:
    """Inline numbers, crossline numbers, and how many cells of their grid hold a trace."""
    inline, crossline = (clues.numbers(name) for name in keys)
    return inline, crossline, clues.distinct(inline, crossline)


def is_grid(clues: Clues) -> bool:
    """Whether inline and crossline numbers are filled, and fill a rectangle of numbers."""
    inline, crossline, used = grid_of(clues)
    if inline.varies and crossline.varies:
        return used >= _LEAST_FILL * len(inline.values) * len(crossline.values)
    if not (inline.varies or crossline.varies):
        return False
    # One number alone: a single line of a survey, unless CDP numbers say the same better.
    return (inline.filled and crossline.filled) or not clues.numbers("cdp").varies


def is_older_grid(clues: Clues) -> bool:
    """Whether field records and CDPs number the lines of a stack, as before revision 1."""
    if clues.filled(*GRID_KEYS) or clues.is_prestack():
        return False
    inline, crossline, used = grid_of(clues, _OLDER_KEYS)
    if not (inline.varies and crossline.varies) or used < clues.n:
        return False
    if used < _LEAST_FILL * len(inline.values) * len(crossline.values):
        return False
    x_y = ("cdp_x", "cdp_y") if clues.filled("cdp_x", "cdp_y") else ("source_x", "source_y")
    return len(clues.numbers(*x_y).values) == clues.n


def make_older_grid(clues: Clues) -> Geometry:
    """Cells of a stack whose lines are numbered by field records and CDPs."""
    geometry = make_stack(clues, _OLDER_KEYS)
    reason = geometry.reason.replace(
        "inline and crossline numbers",
        "field records and CDPs, which numbered inlines and crosslines before revision 1,",
    )
    return dataclasses.replace(geometry, reason=reason, confidence="medium")


def offset_fits(clues: Clues) -> bool:
    """Whether the same offsets stand at all inlines and crosslines, each once."""
    inline, crossline, used = grid_of(clues)
    offset = clues.numbers("offset")
    if not offset.varies or clues.n < DENSE * used * len(offset.values):
        return False
    return clues.distinct(inline, crossline, offset) == clues.n


def make_stack(clues: Clues, keys: tuple[str, ...] = GRID_KEYS) -> Geometry:
    """Cells of a 3-D stack."""
    inline, crossline, used = grid_of(clues, keys)
    shape = (len(inline.values), len(crossline.values))
    places = (inline.place, crossline.place)
    dims = ("inline", "crossline")
    lookup, findings = lay_out(clues.file.path, shape, places, clues.kept, " and ".join(dims))
    size = f"{shape[0]} inlines x {shape[1]} crosslines"
    confidence = "high"
    if findings:
        reason = f"inline and crossline numbers name {used} of {clues.n} traces once ({size})"
        confidence = "medium"
    else:
        reason = f"inline and crossline numbers name each trace once ({size})"
    if used < DENSE * shape[0] * shape[1]:
        reason += f"; they fill only {100 * used // (shape[0] * shape[1])} % of the grid"
        confidence = "medium"
    if clues.is_prestack() and clues.numbers("offset").varies:
        reason += "; offsets differ, although no two traces share a place"
        confidence = "medium"
    return Geometry(
        "stack",
        dims,
        reason,
        confidence,
        lookup,
        {"inline": inline.values, "crossline": crossline.values},
        sort_order(dims, (inline, crossline)),
        findings,
    )


def make_offset(clues: Clues, keys: tuple[str, ...] = GRID_KEYS) -> Geometry:
    """Cells of 3-D gathers with the same offsets at each place."""
    inline, crossline, _ = grid_of(clues, keys)
    numbers = (inline, crossline, clues.numbers("offset"))
    dims = ("inline", "crossline", "offset")
    shape = tuple(len(axis.values) for axis in numbers)
    places = [axis.place for axis in numbers]
    lookup, findings = lay_out(clues.file.path, shape, places, clues.kept, ", ".join(dims))
    reason = "several offsets at each inline and crossline ({} x {} x {})".format(*shape)
    return Geometry(
        "offset",
        dims,
        reason,
        "medium" if findings else "high",
        lookup,
        {dim: axis.values for dim, axis in zip(dims, numbers, strict=True)},
        sort_order(dims, numbers),
        findings,
    )
