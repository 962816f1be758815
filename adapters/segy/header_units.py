"""Units of header fields: what the standard counts in, and how many of it make an SI unit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.content import length_unit
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import EXTENSION, SCALARS
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.headers import physical

__all__ = [
    "ANGLES",
    "NO_ANGLES",
    "HeaderUnit",
    "header_units",
    "possible_angles",
    "stated_unit",
]

_TIMES = {name for name, scalar in SCALARS.items() if scalar == "scalar_trace_header"}
_COORDINATES = {name for name, scalar in SCALARS.items() if scalar == "source_group_scalar"}
_HEIGHTS = {name for name, scalar in SCALARS.items() if scalar == "elevation_scalar"}


class Angle(NamedTuple):
    """Unit of angular coordinates: its name, how many make a degree, and what a person says."""

    name: str
    per_degree: int
    words: str


#: Units of angular coordinates by the code in bytes 89-90.
ANGLES = {
    2: Angle("arcsecond", 3600, "seconds of arc"),
    3: Angle("degree", 1, "decimal degrees"),
    4: Angle("DDDMMSS.ss", 10_000, "degrees, minutes, seconds"),
}
#: Why coordinates are no angles.
NO_ANGLES = "no longitude exceeds 180 degrees and no latitude 90"
# Traces whose coordinates are looked at.
_LOOKED_AT = 16


class HeaderUnit(NamedTuple):
    """Unit of a field's values: SI value = value x `factor` / `divisor`."""

    name: str
    factor: float = 1.0
    divisor: float = 1.0


_PLAIN = HeaderUnit("1")
_UNITS: dict[str, HeaderUnit] = {
    **dict.fromkeys(
        (
            *_TIMES,
            *("sweep_length", "sweep_trace_taper_length_start", "sweep_trace_taper_length_end"),
        ),
        HeaderUnit("s", divisor=1e3),
    ),
    "trace_sample_interval": HeaderUnit("s", divisor=1e6),
    "nanosecond_of_second": HeaderUnit("s", divisor=1e9),
    **dict.fromkeys(
        (
            *("sweep_frequency_start", "sweep_frequency_end", "alias_filter_frequency"),
            *("notch_filter_frequency", "low_cut_frequency", "high_cut_frequency"),
        ),
        HeaderUnit("Hz"),
    ),
    **dict.fromkeys(
        ("alias_filter_slope", "notch_filter_slope", "low_cut_slope", "high_cut_slope"),
        HeaderUnit("dB/octave"),
    ),
    **dict.fromkeys(("instrument_gain_constant", "instrument_initial_gain"), HeaderUnit("dB")),
    **dict.fromkeys(
        (f"source_energy_direction_{axis}" for axis in ("vert", "xline", "iline")),
        HeaderUnit("degree", divisor=10),
    ),
}
_LENGTHS = {*_COORDINATES, *_HEIGHTS, "receiver_depth", "offset"}
_VELOCITIES = {"weathering_velocity", "sub_weathering_velocity"}


def header_units(file: SegyFile) -> tuple[dict[str, HeaderUnit], list[Finding]]:
    """Units of all header fields after their scalars.

    Parameters
    ----------
    file : SegyFile
        The file: its binary header says metres or feet, its first trace whether coordinates are
        angles. Where some traces' coordinates are too large for angles they are taken as lengths.

    Returns
    -------
    units : dict
        Name of a field -> its unit; "1" for numbers and codes, and for fields of the user's own.
    findings : list of Finding
        Angles that cannot be.
    """
    unit = length_unit(file)
    code = int(file.first("coordinate_units"))
    findings = []
    angle = None
    if code in ANGLES:
        points = _some_coordinates(file)
        if possible_angles(code, points):
            angle = HeaderUnit(ANGLES[code].name)
        else:
            stated = stated_unit(code, points)
            findings.append(Finding("coordinate units", stated, "metres used", NO_ANGLES))
    units = {}
    for field in file.header_map.fields:
        name = field.removeprefix(EXTENSION)
        if name in _COORDINATES and angle:
            units[field] = angle
        elif name in _LENGTHS:
            units[field] = HeaderUnit("m", unit)
        elif name in _VELOCITIES:
            units[field] = HeaderUnit("m/s", unit)
        else:
            units[field] = _UNITS.get(name, _PLAIN)
    return units, findings


def _some_coordinates(file: SegyFile) -> list[tuple[np.ndarray, np.ndarray]]:
    traces = np.unique(np.linspace(0, file.n_traces - 1, _LOOKED_AT).astype(int))
    return [
        (physical(file, f"{kind}_x", traces), physical(file, f"{kind}_y", traces))
        for kind in ("source", "group", "cdp")
    ]


def possible_angles(code: int, points: Iterable[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether coordinates (x, y) can be angles in the unit that a code of :data:`ANGLES` says."""
    degree = ANGLES[code].per_degree
    return all(
        np.abs(x).max() <= 180 * degree and np.abs(y).max() <= 90 * degree for x, y in points
    )


def stated_unit(code: int, points: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, str]:
    """What the headers say of angular coordinates, for a finding."""
    largest = max(float(np.abs(np.concatenate(point)).max()) for point in points)
    return {
        "trace headers": f"code {code} ({ANGLES[code].words})",
        "coordinates": f"to {largest:g}",
    }
