"""Where the traces of a file lie, in metres.

Sources, receivers and CDPs from their header fields, with the scalars and units that the headers
state. What cannot be is reported: a unit of degrees beside coordinates of kilometres, a receiver
spacing that no wave crosses within the record. A scalar that the headers state is believed (and
reported); where none is stated, the unit that makes physical sense is taken. The user's
``coordinate_scale`` goes before both.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from seisgeo.adapters.segy.content import length_unit
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import ELEVATIONS, scaled
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.header_units import (
    ANGLES,
    NO_ANGLES,
    possible_angles,
    stated_unit,
)
from seisgeo.adapters.segy.headers import physical
from seisgeo.adapters.segy.numbers import each_once, is_constant
from seisgeo.errors import FormatError
from seisgeo.sphere import EARTH_RADIUS

__all__ = ["Positions", "below_zero", "find_positions"]

# Faster than any P wave in the crust (m/s): what it cannot cross within a record is no spacing.
_FASTEST = 9000.0
# Trace spacing (m) beyond which a coordinate without a scalar is looked at twice.
_WIDEST_SPACING = 1000.0
# Units that programs write without saying so: mm, cm, dm; millimetres are the most usual.
_SMALL_UNITS = (1e-3, 1e-2, 1e-1)

Point = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass
class Positions:
    """Coordinates of each trace in metres; None where the headers are not filled.

    Attributes
    ----------
    source, receiver, cdp : (x, y) of numpy.ndarray, or None
        Shape (trace,) each.
    source_depth, receiver_depth : numpy.ndarray or None
        Metres below the surface (sea level at sea), positive down.
    elevations : dict
        Elevations (m, positive up) and water depths (m, positive down) that any trace fills: names
        of :data:`.fields.ELEVATIONS`.
    findings : list of Finding
        What does not fit.
    """

    source: Point | None
    receiver: Point | None
    cdp: Point | None
    source_depth: np.ndarray | None
    receiver_depth: np.ndarray | None
    elevations: dict[str, np.ndarray]
    findings: list[Finding]


def find_positions(
    file: SegyFile,
    *,
    record_length: float,
    vertical: str,
    coordinate_scale: float | None = None,
) -> Positions:
    """Positions of all traces.

    Parameters
    ----------
    file : SegyFile
        The file; only trace headers are read.
    record_length : float
        Length of a trace (s or m), against which distances are judged.
    vertical : {"time", "depth"}
        Unit of `record_length`.
    coordinate_scale : float, optional
        Metres for each unit of the coordinates in the headers, instead of their own scalar and
        unit.

    Returns
    -------
    Positions
        Metres. Depths come from the source depth field, else from elevations below zero (at sea,
        elevations count from the surface): sources and receivers on land have depth 0. The
        elevations themselves stand beside them, those of receivers unless none lies above zero.

    Raises
    ------
    FormatError
        If `coordinate_scale` is not positive.
    """
    if coordinate_scale is not None and not coordinate_scale > 0:
        raise FormatError(f"coordinate_scale must be positive, got {coordinate_scale}")
    findings: list[Finding] = []
    raw = {
        kind: (file.field(f"{kind}_x"), file.field(f"{kind}_y"))
        for kind in ("source", "group", "cdp")
    }
    filled = {kind for kind, (x, y) in raw.items() if x.any() or y.any()}
    if "cdp" in filled and _counts_traces(file, raw["cdp"]) and filled & {"source", "group"}:
        filled.discard("cdp")
        findings.append(
            Finding(
                "CDP coordinates",
                {"CDP X, Y": "a running number", "source and group X, Y": "positions"},
                "source and group coordinates used",
                "CDP X and Y repeat the line number or count the traces",
            )
        )
    if "group" in filled:
        filled.add("source")  # a source at the origin
    scalar = file.field("source_group_scalar")
    points = {}
    for kind in filled:
        if coordinate_scale is not None:
            x, y = (c * float(coordinate_scale) for c in raw[kind])
        else:
            x, y = (_physical(file, f"{kind}_{axis}", scalar) for axis in "xy")
        points[kind] = (x, y)
    if coordinate_scale is None and points:
        reach = record_length * (_FASTEST if vertical == "time" else 1.0)
        points = _to_metres(file, points, reach, findings)
        points = _judge_spacing(file, points, reach, vertical, findings)
    return Positions(
        points.get("source"), points.get("group"), points.get("cdp"), *_heights(file), findings
    )


def _physical(file: SegyFile, name: str, scalars: np.ndarray) -> np.ndarray:
    """A field under its scalar, which is looked at once where all traces share it, or the value."""
    if name in file.header_map.supersedes:  # not by way of the standard field's scale: exactly
        return physical(file, name)
    values = file.field(name)
    one = scalars[:1] if is_constant(scalars) else scalars
    if len(one) == 1:
        return each_once(lambda v: scaled(v, one), values)
    return scaled(values, one)


def _counts_traces(file: SegyFile, point: tuple[np.ndarray, np.ndarray]) -> bool:
    x, y = point
    moving = x if x.any() else y
    if (x.any() and y.any()) or len(moving) < 3:
        return False
    return bool((np.diff(moving) == 1).all()) or np.array_equal(moving, file.field("inline_3d"))


def _to_metres(
    file: SegyFile, points: dict[str, Point], reach: float, findings: list[Finding]
) -> dict[str, Point]:
    """Apply the units: feet, or angles that can be angles."""
    unit = int(file.first("coordinate_units"))
    if unit in ANGLES:
        to_degrees = {2: lambda c: c / 3600.0, 3: lambda c: c, 4: _from_dms}[unit]
        degrees = {k: (to_degrees(x), to_degrees(y)) for k, (x, y) in points.items()}
        stated = stated_unit(unit, points.values())
        if possible_angles(unit, points.values()):
            metres = _project(degrees)
            spacing = _spacing(metres)
            if spacing is None or spacing <= reach:
                why = "cubes are in metres (distances on a sphere around their middle)"
                findings.append(
                    Finding("coordinate units", stated, "angles turned into metres", why)
                )
                return metres
            why = f"traces would lie {spacing:.3g} m apart"
        else:
            why = NO_ANGLES
        findings.append(Finding("coordinate units", stated, "metres used", why))
    elif (foot := length_unit(file)) != 1:
        return {kind: (x * foot, y * foot) for kind, (x, y) in points.items()}
    return points


def _from_dms(values: np.ndarray) -> np.ndarray:
    """Degrees of +-DDDMMSS.ss (SEG-Y revision 1, bytes 89-90)."""
    size = np.abs(values)
    degrees, rest = np.divmod(size, 10_000)
    minutes, seconds = np.divmod(rest, 100)
    return np.sign(values) * (degrees + minutes / 60 + seconds / 3600)


def _project(degrees: dict[str, Point]) -> dict[str, Point]:
    """Metres east and north of a middle point; for surveys, which are small on the Earth."""
    x0, y0 = (float(np.median(c)) for c in next(iter(degrees.values())))
    radian = np.pi / 180 * EARTH_RADIUS
    narrowing = np.cos(np.radians(y0))
    return {
        kind: ((x - x0) * radian * narrowing, (y - y0) * radian) for kind, (x, y) in degrees.items()
    }


def _spacing(points: dict[str, Point]) -> float | None:
    """Typical distance (m) from a trace to the next, of whatever moves along the file."""
    for kind in ("group", "cdp", "source"):
        if kind in points:
            steps = np.hypot(*(np.diff(c) for c in points[kind]))
            steps = steps[steps > 0]
            if steps.size:
                return float(np.median(steps))
    return None


def _judge_spacing(
    file: SegyFile,
    points: dict[str, Point],
    reach: float,
    vertical: str,
    findings: list[Finding],
) -> dict[str, Point]:
    spacing = _spacing(points)
    scalar = int(file.first("source_group_scalar"))
    if spacing is None or spacing <= (reach if scalar else min(reach, _WIDEST_SPACING)):
        return points
    problem = (
        f"no wave crosses that within the record (at most {reach:g} m)"
        if vertical == "time" and spacing > reach
        else f"the traces reach down only {reach:g} m"
        if vertical == "depth" and spacing > reach
        else "that is no trace spacing"
    )
    values = {"coordinate scalar": str(scalar), "trace spacing": f"{spacing:g} m"}
    factor = _likely_unit(file, spacing)
    if scalar:
        per_unit = (scalar if scalar > 0 else 1 / -scalar) * factor
        findings.append(
            Finding(
                "coordinates",
                values,
                f"scalar {scalar} used all the same",
                f"the headers state it, although {problem}: a wrong unit is suspected; with "
                f"coordinate_scale={per_unit:g} traces would lie {spacing * factor:g} m apart",
            )
        )
        return points
    findings.append(
        Finding(
            "coordinates",
            values,
            f"multiplied by {factor:g}, so that traces lie {spacing * factor:g} m apart",
            f"{problem}, and no scalar is stated; pass coordinate_scale= to decide otherwise",
        )
    )
    return {kind: (x * factor, y * factor) for kind, (x, y) in points.items()}


def _likely_unit(file: SegyFile, spacing: float) -> float:
    """Unit that gives a spacing which the text header names; else millimetres."""
    named = [float(n) for n in re.findall(r"(\d+(?:\.\d+)?) ?[mM]\b", file.text)]
    for factor in _SMALL_UNITS:
        if any(np.isclose(spacing * factor, n, rtol=1e-3) for n in named):
            return factor
    return _SMALL_UNITS[0]


def _heights(file: SegyFile) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Depths of sources and receivers, and the elevations that are filled."""
    scalar = file.field("elevation_scalar")
    unit = length_unit(file)
    heights = {}
    for name, field in {**ELEVATIONS, "source_depth": "source_depth"}.items():
        heights[name] = _physical(file, field, scalar)
        if unit != 1:
            heights[name] = heights[name] * unit
    source_depth = heights.pop("source_depth")
    if not source_depth.any():
        source_depth = below_zero(heights["source_elevation"])
    receiver_depth = below_zero(heights["receiver_elevation"])
    if not (heights["receiver_elevation"] > 0).any():
        del heights["receiver_elevation"]  # the depths say the same
        if "receiver_depth" in file.header_map.fields:  # trace header extension 1
            depth = file.field("receiver_depth")
            if np.isfinite(depth).all() and depth.any():
                receiver_depth = depth * unit
    return source_depth, receiver_depth, {n: h for n, h in heights.items() if h.any()}


def below_zero(elevation: np.ndarray) -> np.ndarray:
    """Depth (m) of what lies below elevation zero; 0 above it."""
    return each_once(lambda e: np.maximum(-e, 0.0) + 0.0, elevation)  # + 0.0: no negative zero
