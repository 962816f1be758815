"""The sample interval of a SEG-Y file: which of its headers counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.errors import FormatError

if TYPE_CHECKING:
    from seisgeo.adapters.segy.file import SegyFile

__all__ = ["LONGEST", "SHORTEST", "find_bare_interval", "find_interval"]

#: Extended sample intervals (microseconds) that are believed: a nanosecond to a quarter of an hour.
SHORTEST, LONGEST = 1e-3, 1e9


def find_interval(file: SegyFile) -> float:
    """Interval of a file that does not have it from its caller; contradictions become findings.

    Parameters
    ----------
    file : SegyFile
        The file, whose headers and sizes are known.

    Returns
    -------
    float
        Microseconds, or millimetres of depth.

    Raises
    ------
    FormatError
        If no header holds a positive number.
    """
    binary, trace = file.binary["interval"], int(file.first("trace_sample_interval"))
    extended, place = file.binary["ext_interval"], "binary header, extended"
    if not extended and "trace_sample_interval" in file.header_map.supersedes:
        extended, place = file.first("ext_trace_sample_interval"), "trace headers, extended"
    if file.revision >= (2, 0) and SHORTEST <= extended <= LONGEST:
        if binary > 0 and abs(extended - binary) >= 1:
            file.findings.append(
                Finding(
                    "sample interval",
                    {"binary header": str(binary), place: f"{extended:g}"},
                    f"{extended:g} used",
                    "revision 2 puts the extended interval before the other one",
                )
            )
        return float(extended)
    if binary < 0 and binary == trace:  # both mean an unsigned number
        return float(binary + 65536)
    values = {"binary header": str(binary), "trace headers": str(trace)}
    if binary > 0:
        if trace not in (0, binary):
            file.findings.append(
                Finding(
                    "sample interval",
                    values,
                    f"{binary} (binary header) used",
                    "it holds for the whole file; pass sample_interval= to decide otherwise",
                )
            )
        return float(binary)
    if trace > 0:
        file.findings.append(
            Finding(
                "sample interval",
                values,
                f"{trace} (trace headers) used",
                "an interval must be positive",
            )
        )
        return float(trace)
    raise FormatError(
        f"{file.path}: the sample interval is {binary} in the binary header (bytes 3217-3218) "
        f"and {trace} in the first trace header (bytes 117-118); expected a positive number. "
        "Pass sample_interval= (s, or m for depth)"
    )


def find_bare_interval(file: SegyFile) -> tuple[float, float | None]:
    """Interval of SU: microseconds, else `d1` (s, or m), else what SU's programs assume.

    Parameters
    ----------
    file : SegyFile
        Bare traces.

    Returns
    -------
    interval : float
        Microseconds, or millionths of the unit of `d1`.
    sample_interval : float or None
        `d1`, where it is what counts: in seconds or metres, as the option of that name is.
    """
    interval = int(file.first("trace_sample_interval")) % 65536  # SU counts without a sign
    if interval > 0:
        return float(interval), None
    spacing = float(file.first("d1")) if any(field.name == "d1" for field in file.fields) else 0.0
    if spacing > 0:
        used, why = f"{spacing:g} (d1) used", "an interval must be positive"
    else:
        used, why = "4 ms used", "Seismic Unix assumes that; pass sample_interval= (s, or m)"
    values = {"dt (bytes 117-118)": "0", "d1 (bytes 181-184)": f"{max(spacing, 0):g}"}
    file.findings.append(Finding("sample interval", values, used, why))
    return (spacing * 1e6, spacing) if spacing > 0 else (4000.0, None)
