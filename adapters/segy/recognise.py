"""Which layout the traces of a file have: the decision, its reason, and the user's override."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from seisgeo.adapters.segy.clues import Clues
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import CUBE_NAMES
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.gathers import (
    Gathers,
    find_cdps,
    find_receivers,
    find_shots,
    gathers_by,
    make_cdps,
    make_receivers,
    make_shots,
)
from seisgeo.adapters.segy.geometry import LAYOUTS, Geometry
from seisgeo.adapters.segy.grids import (
    GRID_KEYS,
    grid_of,
    is_grid,
    is_older_grid,
    make_offset,
    make_older_grid,
    make_stack,
    offset_fits,
)
from seisgeo.adapters.segy.lines import (
    LINE_KEYS,
    MOST_DUPLICATES,
    is_line,
    is_profile,
    make_line,
)
from seisgeo.adapters.segy.numbers import is_constant
from seisgeo.errors import FormatError

__all__ = ["find_geometry"]

# Trace identification codes of auxiliary traces: time break, uphole, sweep, timing, water break.
_AUXILIARY = (4, 5, 6, 7, 8)
# Share of a grid's cells above which traces with offsets may still be a stack.
_FULL = 0.9
# Sorting codes of the binary header (bytes 3229-3230) that name an order, and what they allow.
_SORTING = {
    2: ("CDP gathers", ("cdp", "offset")),
    3: ("single fold profile", ("line", "stack")),
    4: ("horizontally stacked", ("stack", "line")),
    5: ("common source point", ("shots",)),
    6: ("common receiver point", ("receivers",)),
    7: ("common offset point", ("offset", "cdp")),
    8: ("common mid-point", ("cdp", "offset")),
}


def find_geometry(
    file: SegyFile, layout: str | None = None, keys: str | Sequence[str] | None = None
) -> Geometry:
    """Find the cube that the traces of a file make.

    Parameters
    ----------
    file : SegyFile
        The file; only trace headers are read.
    layout : {"shots", "receivers", "cdp", "stack", "offset", "line"}, optional
        Take this layout, whatever the headers suggest.
    keys : str or sequence of str, optional
        Header fields that name the gathers (for a grid the inline and the crossline, for a line
        its traces) instead of those found. Without `layout`, receiver positions make receiver
        gathers, CDP fields CDP gathers, and anything else shot gathers.

    Returns
    -------
    Geometry
        Cells, traces, and the reason.

    Raises
    ------
    FormatError
        If `layout` or a key is unknown, or the headers that it needs are not filled.
    """
    if layout is not None and layout not in LAYOUTS:
        raise FormatError(f"layout={layout!r} is unknown; expected one of {', '.join(LAYOUTS)}")
    chosen = _keys(file, keys)
    asked = layout is not None or chosen is not None
    traces, auxiliary = _without_auxiliary(file)
    layout = layout or (_layout_of(chosen) if chosen else None)
    every = Clues(file)
    clues = every if traces is None else Clues(file, traces)
    if layout is None:
        geometry = _recognise(every, clues)
    else:
        geometry = _as_asked(every, clues, layout, chosen)
    if asked:
        geometry = dataclasses.replace(geometry, confidence="asked for")
    if auxiliary and geometry.layout in ("shots", "receivers", "cdp"):
        geometry.findings.insert(0, auxiliary)
    if not asked:
        geometry.findings.extend(_sorting_code(file, geometry))
    return geometry


def _keys(file: SegyFile, keys: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if keys is None:
        return None
    given = [keys] if isinstance(keys, str) else list(keys)
    names = [CUBE_NAMES.get(name, name) for name in given]
    known = {field.name for field in file.fields}
    if unknown := [g for g, name in zip(given, names, strict=True) if name not in known]:
        raise FormatError(
            f"keys: no header field is called {unknown[0]!r}; expected names as 'field_record', "
            "'source_point', 'source_x', 'receiver_x', 'cdp' or 'inline'; for a field of your own "
            f"say where it stands: headers={{{unknown[0]!r}: (byte, 'int32')}}"
        )
    if not names:
        raise FormatError("keys: expected one or more header fields, got none")
    return tuple(names)


def _layout_of(keys: tuple[str, ...]) -> str:
    if all(key.startswith(("group_", "receiver_")) for key in keys):
        return "receivers"
    if all(key in ("cdp", *GRID_KEYS) or key.startswith("cdp_") for key in keys):
        return "cdp"
    return "shots"


def _without_auxiliary(file: SegyFile) -> tuple[np.ndarray | None, Finding | None]:
    """Traces that are no auxiliary ones, where some are; and the word about it."""
    codes = file.field("trace_identification_code")
    if is_constant(codes):
        return None, None
    auxiliary = np.isin(codes, _AUXILIARY)
    if not auxiliary.any() or auxiliary.all():
        return None, None
    return np.flatnonzero(~auxiliary), Finding(
        "trace identification code",
        {"auxiliary traces": str(int(auxiliary.sum()))},
        "left out of the gathers",
        "codes 4 to 8 are time breaks, upholes, sweeps, timing and water breaks",
    )


def _as_asked(every: Clues, clues: Clues, layout: str, keys: tuple[str, ...] | None) -> Geometry:
    file = every.file
    if layout in ("stack", "offset"):
        names = keys or GRID_KEYS
        if len(names) != 2:
            raise FormatError(
                f"keys: layout={layout!r} needs two header fields, for inline and crossline; "
                f"got {len(names)}"
            )
        if file.n_traces > 1 and not any(every.numbers(name).varies for name in names):
            first, second = (_where(file, name) for name in names)
            raise FormatError(
                f"{file.path}: layout={layout!r} needs inline and crossline numbers, and "
                f"{first} and {second} are the same in every trace; say where they stand with "
                "headers={'inline': (byte, 'int32'), …}"
            )
        return make_stack(every, names) if layout == "stack" else make_offset(every, names)
    if layout == "line":
        return make_line(every, keys or LINE_KEYS)
    if keys:
        gathers: Gathers | None = gathers_by(clues, keys)
    else:
        finders = {"shots": find_shots, "receivers": find_receivers, "cdp": find_cdps}
        gathers = finders[layout](clues)
    if layout == "shots":
        return make_shots(clues, gathers)
    if gathers is None:
        needed = {"receivers": ("group_x", "group_y"), "cdp": ("cdp",)}[layout]
        places = " and ".join(_where(file, name) for name in needed)
        raise FormatError(
            f"{file.path}: layout={layout!r} needs {places}, which are not filled or differ in "
            "every trace; name other header fields with keys=, or say where these stand with "
            "headers="
        )
    return make_receivers(clues, gathers) if layout == "receivers" else make_cdps(clues, gathers)


def _recognise(every: Clues, clues: Clues) -> Geometry:
    shots = find_shots(clues)
    n = every.n
    if n > 1 and is_grid(every):
        inline, crossline, used = grid_of(every)
        single = used == n
        in_records = shots is not None and shots.channels_differ
        if single and not (in_records and every.is_prestack()):
            return make_stack(every)
        if offset_fits(every) and not _shots_only(every, shots):
            return make_offset(every)
        moving = shots is None or not (every.filled("source_x", "source_y") and shots.one_source)
        full = used >= _FULL * len(inline.values) * len(crossline.values)
        if single and full and moving and inline.varies and crossline.varies:
            return make_stack(every)
        if n - used <= MOST_DUPLICATES * n and not every.is_prestack():
            return make_stack(every)
    if is_older_grid(every):
        return make_older_grid(every)
    if is_line(every):
        return make_line(every)
    one = shots is None or (shots.n == 1 and not shots.one_source)
    if one and is_profile(every):
        return _profile(every)
    gathers = _which_gathers(clues, shots)
    if gathers is None:
        return make_shots(clues, shots)
    layout, found = gathers
    make = {"shots": make_shots, "receivers": make_receivers, "cdp": make_cdps}[layout]
    return make(clues, found)


def _shots_only(clues: Clues, shots: Gathers | None) -> bool:
    """Whether the file is sorted by shots, and by nothing that a grid numbers."""
    if shots is None or not shots.sorts or shots.n < 2:
        return False
    offset = clues.numbers("offset")
    return not (clues.numbers(*GRID_KEYS).sorts or offset.sorts)


def _which_gathers(clues: Clues, shots: Gathers | None) -> tuple[str, Gathers] | None:
    """Kind of gathers: what stands together in the file, with the sorting code as a hint."""
    code = clues.file.binary["sorting_code"]
    receivers, cdps = find_receivers(clues), find_cdps(clues)
    if not clues.has_spread():  # receivers that are only copies of the source or CDP positions
        receivers = None
    if code == 6 and receivers is not None:
        return "receivers", receivers
    if code in (2, 8) and cdps is not None and cdps.sorts:
        return "cdp", cdps
    if shots is not None and shots.sorts:
        # Records numbered by CDP are CDP gathers: their traces have different sources.
        moving = cdps is not None and cdps.sorts and not shots.one_source
        if cdps is not None and moving and shots.same_as(cdps):
            return "cdp", cdps
        return "shots", shots
    if receivers is not None and receivers.sorts:
        return "receivers", receivers
    if cdps is not None and cdps.sorts:
        return "cdp", cdps
    if shots is not None:
        return "shots", shots
    return ("cdp", cdps) if cdps is not None else None


def _profile(clues: Clues) -> Geometry:
    line = make_line(clues)
    return dataclasses.replace(
        line,
        reason="every trace has a position of its own at one offset: a line, counted in file order",
    )


def _sorting_code(file: SegyFile, geometry: Geometry) -> list[Finding]:
    """Whether the binary header names another order than the traces have."""
    code = file.binary["sorting_code"]
    if code not in _SORTING or geometry.layout in _SORTING[code][1] or file.n_traces < 2:
        return []
    return [
        Finding(
            "sorting code",
            {
                "binary header": f"{code} ({_SORTING[code][0]})",
                "trace headers": LAYOUTS[geometry.layout],
            },
            f"{LAYOUTS[geometry.layout]} used",
            f"{geometry.reason.split(';')[0]}; pass layout= to decide otherwise",
        )
    ]


def _where(file: SegyFile, name: str) -> str:
    field = next(f for f in file.fields if f.name == name)
    return f"{name.replace('_3d', '')} (byte {field.byte})"
