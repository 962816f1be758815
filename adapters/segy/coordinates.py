"""Coordinates of a cube: header fields and positions, laid out over its cells."""

from __future__ import annotations

import numpy as np

from seisgeo.adapters.segy.affine import GridMap, fit_grid
from seisgeo.adapters.segy.content import length_unit
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import CUBE_NAMES, TRACE_FIELDS, scaled
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.geometry import Geometry
from seisgeo.adapters.segy.numbers import is_constant
from seisgeo.adapters.segy.offsets import find_offsets
from seisgeo.adapters.segy.positions import Point, Positions

__all__ = ["Coords", "along", "find_coordinates", "grid_map", "own_fields"]

Coords = dict[str, tuple[tuple[str, ...], np.ndarray]]

# Trace identification codes of traces that hold no data: dead, dummy.
_DEAD = (2, 3)


def find_coordinates(
    file: SegyFile, geometry: Geometry, positions: Positions, findings: list[Finding]
) -> Coords:
    """Coordinates of a cube, in SI units.

    Parameters
    ----------
    file : SegyFile
        The file.
    geometry : Geometry
        Cells of the cube.
    positions : Positions
        Positions of its traces.
    findings : list of Finding
        What does not fit is appended.

    Returns
    -------
    dict
        Name -> (dimensions, values).
    """
    if geometry.layout == "line":
        return _line(geometry, positions)
    if geometry.layout in ("stack", "offset"):
        return _grid(file, geometry, positions)
    if geometry.layout == "shots":
        return _shots(file, geometry, positions, findings)
    return _ensembles(file, geometry, positions, findings)


def _line(geometry: Geometry, positions: Positions) -> Coords:
    coords: Coords = {"cdp": (("cdp",), geometry.axes["cdp"])}
    points = _midpoints(positions)
    if points:
        x, y = (values[geometry.lookup] for values in points)
        coords["cdp_x"], coords["cdp_y"] = (("cdp",), x), (("cdp",), y)
        if len(x) > 1:
            coords["distance"] = (("cdp",), _distance(x, y))
    return coords


def _distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance along a line from its first point, around all its bends."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])


def _grid(file: SegyFile, geometry: Geometry, positions: Positions) -> Coords:
    coords: Coords = {name: ((name,), geometry.axes[name]) for name in ("inline", "crossline")}
    lookup, plane = geometry.lookup, ("inline", "crossline")
    if geometry.layout == "offset":
        coords["offset"] = (("offset",), geometry.axes["offset"] * length_unit(file))
    if geometry.missing:
        coords["live"] = (geometry.dims, lookup >= 0)
    points = _midpoints(positions)
    if points:
        for name, values in zip(("cdp_x", "cdp_y"), points, strict=True):
            if lookup.ndim == 2:
                coords[name] = (plane, geometry.spread(values))
            else:
                one = lookup.max(axis=2)
                laid = values[one].astype(np.float64)
                laid[one < 0] = np.nan
                coords[name] = (plane, laid)
    if geometry.layout == "offset" and positions.source and positions.receiver:
        apart = any(
            (s != r).any() for s, r in zip(positions.source, positions.receiver, strict=True)
        )
        for kind, point in (("source", positions.source), ("receiver", positions.receiver)):
            for axis, values in zip("xy", point if apart else (), strict=False):
                coords[f"{kind}_{axis}"] = (geometry.dims, geometry.spread(values))
    return coords


def _shots(
    file: SegyFile, geometry: Geometry, positions: Positions, findings: list[Finding]
) -> Coords:
    lookup = geometry.lookup
    live = lookup >= 0
    first = lookup[np.arange(len(lookup)), np.argmax(live, axis=1)]  # a trace of each shot
    shot, both = ("shot",), ("shot", "receiver")
    coords: Coords = {"field_record": (shot, file.field("field_record")[first])}
    points = _source_points(file)
    if points is not None:
        coords["source_point"] = (shot, points[first])
    coords["channel"] = (("receiver",), geometry.axes["receiver"])
    if positions.source:
        for name, values in zip(("source_x", "source_y"), positions.source, strict=True):
            coords[name] = (shot, values[first])
        _check_one_source(lookup, positions.source, first, findings)
    if positions.receiver:
        for name, values in zip(("receiver_x", "receiver_y"), positions.receiver, strict=True):
            coords[name] = (both, geometry.spread(values))
    if _cdps_between(positions, findings) and positions.cdp:
        for name, values in zip(("cdp_x", "cdp_y"), positions.cdp, strict=True):
            coords[name] = (both, geometry.spread(values))
    if positions.source_depth is not None:
        coords["source_depth"] = (shot, positions.source_depth[first])
    if positions.receiver_depth is not None:
        coords["receiver_depth"] = (both, geometry.spread(positions.receiver_depth))
    for name, values in positions.elevations.items():
        at_source = name.startswith("source")
        coords[name] = (shot, values[first]) if at_source else (both, geometry.spread(values))
    for name in ("cdp", "cdp_trace"):
        numbers = file.field(name)
        if numbers.any():
            coords[name] = (both, geometry.spread(numbers))
    offset = find_offsets(file, lookup, positions, findings)
    if offset is not None:
        coords["offset"] = (both, offset)
    coords["live"] = (both, _live(file, lookup))
    return coords


def _ensembles(
    file: SegyFile, geometry: Geometry, positions: Positions, findings: list[Finding]
) -> Coords:
    """Of receiver and CDP gathers: along a dimension where that is enough, else for each trace."""
    dims = geometry.dims
    coords: Coords = {name: ((name,), values) for name, values in geometry.axes.items()}
    if "offset" in coords:
        coords["offset"] = (("offset",), coords["offset"][1] * length_unit(file))
    names = {
        "field_record": file.field("field_record"),
        "source_point": _source_points(file),
        "channel": file.field("trace_number"),
    }
    if geometry.layout == "cdp":
        names |= {name: file.field(CUBE_NAMES[name]) for name in ("inline", "crossline")}
    else:
        names |= {name: file.field(name) for name in ("cdp", "cdp_trace")}
    values_of: dict[str, np.ndarray | None] = {
        name: v if v is not None and v.any() else None for name, v in names.items()
    }
    cdps_there = _cdps_between(positions, findings)
    for kind in ("source", "receiver", "cdp"):
        point = getattr(positions, kind)
        if kind == "cdp" and not cdps_there:
            point = None
        if kind == "cdp" and point is None and geometry.layout == "cdp":
            point = _mean_midpoints(positions, geometry)
        for axis, values in zip("xy", point or (), strict=False):
            values_of[f"{kind}_{axis}"] = values
    for kind in ("source", "receiver"):
        depth = getattr(positions, f"{kind}_depth")
        if depth is not None and (getattr(positions, kind) or depth.any()):
            values_of[f"{kind}_depth"] = depth
    values_of |= positions.elevations
    for name, values in values_of.items():
        if values is not None and name not in coords:
            coords[name] = _reduced(geometry, values)
    if "offset" not in coords:
        offset = find_offsets(file, geometry.lookup, positions, findings)
        if offset is not None:
            coords["offset"] = (dims, offset)
    coords["live"] = (dims, _live(file, geometry.lookup))
    return coords


def _reduced(geometry: Geometry, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Values along the one dimension that they depend on, else in each cell."""
    lookup, dims = geometry.lookup, geometry.dims
    live = lookup >= 0
    laid = values[lookup]
    for axis in (0, 1):
        across = 1 - axis
        where = np.expand_dims(np.argmax(live, axis=across), across)
        one = np.take_along_axis(laid, where, axis=across)
        if ((laid == one) | ~live).all():
            return (dims[axis],), one.ravel()
    return dims, geometry.spread(values)


def _mean_midpoints(positions: Positions, geometry: Geometry) -> Point | None:
    """Middle of the midpoints of each CDP gather, for every trace."""
    points = _middles(positions)
    if not points:
        return None
    live = geometry.lookup >= 0
    traces = geometry.lookup[live]
    gather = np.nonzero(live)[0]
    fold = np.bincount(gather, minlength=len(geometry.lookup))
    means = []
    for values in points:
        sums = np.bincount(gather, values[traces], minlength=len(fold))
        mean = np.array(values, np.float64)
        mean[traces] = (sums / fold)[gather]
        means.append(mean)
    return means[0], means[1]


def _source_points(file: SegyFile) -> np.ndarray | None:
    """Source point numbers: the energy source point, else the scaled shot point of revision 1."""
    points = file.field("energy_source_point")
    if points.any():
        return points.astype(np.int64)
    if file.revision < (1, 0) or not file.field("shot_point").any():
        return None
    exact = scaled(file.field("shot_point"), file.field("shot_point_scalar"))
    return exact.astype(np.int64) if (exact == np.rint(exact)).all() else exact


def _live(file: SegyFile, lookup: np.ndarray) -> np.ndarray:
    """Cells with a trace that is not marked as dead."""
    codes = file.field("trace_identification_code")
    live = lookup >= 0
    if is_constant(codes):
        return live & (codes[0] not in _DEAD)
    return live & ~np.isin(codes, _DEAD)[lookup]


def _check_one_source(
    lookup: np.ndarray, source: Point, first: np.ndarray, findings: list[Finding]
) -> None:
    if all(is_constant(c) for c in source):
        return
    apart = np.hypot(*(c[lookup] - c[first][:, None] for c in source))
    apart[lookup < 0] = 0
    moved = (apart > 0).any(axis=1)
    if moved.any():
        findings.append(
            Finding(
                "source coordinates",
                {"gathers whose traces disagree": f"{moved.sum()} of {len(moved)}"},
                "those of each gather's first trace used",
                f"a shot has one position; they differ by up to {apart.max():g} m",
            )
        )


def _cdps_between(positions: Positions, findings: list[Finding]) -> bool:
    """Whether CDP positions are filled, and lie where sources and receivers allow."""
    if not positions.cdp:
        return False
    if not (positions.source and positions.receiver):
        return True
    middle = _middles(positions)
    ends = zip(positions.source, positions.receiver, strict=True)
    reach = np.hypot(*(np.ptp(np.concatenate(pair)) for pair in ends))
    apart = np.hypot(*(c - m for c, m in zip(positions.cdp, middle or (), strict=True)))
    far = float(np.median(apart))
    if far <= reach:
        return True
    findings.append(
        Finding(
            "CDP coordinates",
            {"distance from the midpoints": f"{far:.4g} m", "extent of the survey": f"{reach:g} m"},
            "left out",
            "a CDP lies between its sources and receivers",
        )
    )
    return False


def _midpoints(positions: Positions) -> Point | None:
    """CDP positions; where they are not filled, the middle of source and receiver."""
    return positions.cdp or _middles(positions)


def _middles(positions: Positions) -> Point | None:
    """The middle of source and receiver; the source where no receiver is filled."""
    if not positions.source or not positions.receiver:
        return positions.source
    (sx, sy), (rx, ry) = positions.source, positions.receiver
    return (sx + rx) / 2, (sy + ry) / 2


def along(coords: Coords) -> np.ndarray | None:
    """Distance along a line (m): its x where it follows the x axis, else counted from its start."""
    if "distance" not in coords:
        return None
    x, y, distance = (coords[name][1] for name in ("cdp_x", "cdp_y", "distance"))
    if not (np.diff(distance) > 0).all():
        return None
    if (y == y[0]).all() and (np.diff(x) > 0).all():
        return x
    return distance


def grid_map(
    file: SegyFile, geometry: Geometry, coords: Coords
) -> tuple[GridMap | None, list[Finding]]:
    """The map from a cube's inline and crossline numbers to its CDP coordinates."""
    if not {"inline", "crossline", "cdp_x"} <= set(coords):
        return None, []
    if geometry.layout == "cdp":
        columns = [coords[n][1] for n in ("inline", "crossline", "cdp_x", "cdp_y")]
        if any(coords[n][0] != ("cdp",) for n in ("inline", "crossline", "cdp_x", "cdp_y")):
            return None, []
        return fit_grid(*columns)
    if geometry.layout not in ("stack", "offset"):
        return None, []
    x, y = coords["cdp_x"][1], coords["cdp_y"][1]
    known = np.isfinite(x)
    inline, crossline = np.nonzero(known)
    labels = geometry.axes["inline"][inline], geometry.axes["crossline"][crossline]
    return fit_grid(*labels, x[known], y[known])


def own_fields(file: SegyFile, geometry: Geometry) -> Coords:
    """Fields under names of the user's own, one value a trace."""
    standard = {f.name for f in TRACE_FIELDS} | set(CUBE_NAMES)
    return {
        name: (geometry.dims, geometry.spread(file.field(name)))
        for name in file.mapping
        if name not in standard
    }
