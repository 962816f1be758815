"""What the headers of a SAC file say about event, station and picks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import obspy

__all__ = ["sac_coords"]

# Header fields and what they are multiplied with, after the SAC manual (data file format):
# https://ds.iris.edu/files/sac-manual/manual/file_format.html; depths and distances are in km.
_FIELDS = {
    "station_latitude": ("stla", 1.0),
    "station_longitude": ("stlo", 1.0),
    "station_elevation": ("stel", 1.0),
    "source_latitude": ("evla", 1.0),
    "source_longitude": ("evlo", 1.0),
    "source_depth": ("evdp", 1e3),
    "magnitude": ("mag", 1.0),
    "epicentral_distance": ("dist", 1e3),
    "back_azimuth": ("baz", 1.0),
}
_UNSET = -12345.0
#: What the labels of picks begin with: impulsive or emergent, then the phase.
_QUALITY = "IE"


def sac_coords(trace: obspy.Trace) -> dict[str, Any]:
    """Coordinates of a record that the SAC headers of one of its traces hold.

    Times in SAC count from a reference time; here arrivals count from the first sample. ``A`` is
    the first arrival (P), ``T0`` to ``T9`` are picks whose labels name the phase.

    Parameters
    ----------
    trace : obspy.Trace
        Of a SAC file; any other gives nothing.

    Returns
    -------
    dict
        Those that are set.
    """
    header = getattr(trace.stats, "sac", None)
    if not header:
        return {}
    found: dict[str, Any] = {}
    for name, (field, scale) in _FIELDS.items():
        value = _number(header, field)
        if value is not None:
            found[name] = value * scale
    begin = _number(header, "b") or 0.0
    if (first := _number(header, "a")) is not None and _phase(header, "ka") in ("", "P"):
        found["p_arrival"] = first - begin
    for i in range(10):
        time, phase = _number(header, f"t{i}"), _phase(header, f"kt{i}")
        if time is not None and phase in ("P", "S"):
            found.setdefault(f"{phase.lower()}_arrival", time - begin)
    if (origin := _number(header, "o")) is not None:
        start = trace.stats.starttime.ns + round((origin - begin) * 1e9)
        found["origin_time"] = np.datetime64(start, "ns")
    if (name := str(header.get("kevnm", "")).strip(" \x00")) and name != "-12345":
        found["event_id"] = name
    return found


def _number(header: Any, field: str) -> float | None:
    value = header.get(field)
    if value is None or not math.isfinite(value) or value == _UNSET:
        return None
    return float(value)


def _phase(header: Any, field: str) -> str:
    """P or S, or nothing, of a label such as ``IPU0`` or ``S``."""
    label = str(header.get(field, "")).strip(" \x00").upper()
    if label.startswith("-12345"):
        return ""
    return label.lstrip(_QUALITY)[:1]
