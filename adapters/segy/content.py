"""What the samples of a file are: amplitudes or velocities, in time or in depth.

SEG-Y has no field for it: the text header may say so, and a few traces show whether they can be
velocities. Gathers are amplitudes in time and no sample is looked at.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.geometry import PRESTACK
from seisgeo.errors import FormatError

__all__ = ["FOOT", "QUANTITIES", "VERTICALS", "Content", "find_content", "length_unit"]

QUANTITIES = ("amplitude", "velocity")
VERTICALS = ("time", "depth")

#: International foot (m).
FOOT = 0.3048

# P velocities in rock and water (m/s), with room for errors of picking and migration.
_VELOCITIES = (300.0, 9000.0)
# Traces looked at, and the mean step from sample to sample, relative to the mean, of a smooth one.
_SAMPLE_TRACES = 16
_SMOOTH = 0.05
# Recordings in time are sampled at 8 ms or finer; depth models often are 10 m and coarser.
_COARSEST_RECORDING = 8000

_VELOCITY_WORDS = re.compile(r"VELOC|P_VELO|\bV(P|INT|RMS|S)\b|INT\.? ?VEL|\bM/S\b|\bFT/S\b")
_OUR_SAMPLES = re.compile(r"SAMPLES: (AMPLITUDE|P-WAVE VELOCITY)")
_OUR_AXIS = re.compile(r"VERTICAL AXIS: (TIME|DEPTH)")
_DEPTH_DOMAIN = re.compile(
    r"DEPTH[ -](DOMAIN|SECTION|SLICE|STEP|AXIS|MIGRAT|CONVERTED|INTERVAL)|DOMAIN ?[:=]? ?DEPTH"
    r"|\bPSDM\b|\bZ[ -]?DOMAIN|PRE-?STACK DEPTH"
)
_DEPTH_WORDS = re.compile(r"(?<!/)DEPTH")
_TIME_WORDS = re.compile(r"\bTWT\b|TWO[- ]WAY|TIME[ -]DOMAIN|DOMAIN ?[:=]? ?TIME|\bMS(EC)?\b")


class Content(NamedTuple):
    """What the samples are.

    Attributes
    ----------
    quantity : {"amplitude", "velocity"}
        Main variable of the cube.
    vertical : {"time", "depth"}
        Axis of the samples.
    scale : float
        Factor to SI units (velocities in feet a second).
    vertical_scale : float
        Factor to metres of a depth axis in feet.
    reason : str
        Why, for a person.
    findings : list of Finding
        What had to be guessed.
    """

    quantity: str
    vertical: str
    scale: float
    vertical_scale: float
    reason: str
    findings: list[Finding]


def find_content(
    file: SegyFile, layout: str, quantity: str | None = None, vertical: str | None = None
) -> Content:
    """Decide whether samples are amplitudes or velocities, and in time or depth.

    Parameters
    ----------
    file : SegyFile
        The file.
    layout : str
        Its layout (see :mod:`.geometry`).
    quantity, vertical : str, optional
        Decisions of the user.

    Returns
    -------
    Content
        The decision and its reason.

    Raises
    ------
    FormatError
        If `quantity` or `vertical` is unknown.
    """
    for name, given, known in (
        ("quantity", quantity, QUANTITIES),
        ("vertical", vertical, VERTICALS),
    ):
        if given is not None and given not in known:
            raise FormatError(f"{name}={given!r} is unknown; expected {' or '.join(known)}")
    findings: list[Finding] = []
    reasons = []
    text = file.text.upper()
    if quantity is None:
        quantity, reason = _find_quantity(file, layout, text)
        reasons.append(reason)
    if vertical is None:
        vertical, reason, guess = _find_vertical(file, quantity, layout, text)
        reasons.append(reason)
        findings += [guess] if guess else []
    scale, vertical_scale = _feet(file, quantity, vertical, findings)
    return Content(quantity, vertical, scale, vertical_scale, "; ".join(reasons), findings)


def _find_quantity(file: SegyFile, layout: str, text: str) -> tuple[str, str]:
    if layout not in ("stack", "line"):
        return "amplitude", "pre-stack amplitudes"
    ours = _OUR_SAMPLES.search(text)
    if ours:
        quantity = "amplitude" if ours[1] == "AMPLITUDE" else "velocity"
        return quantity, f"the text header says {ours[0]!r}"
    with np.errstate(all="ignore"):  # whatever stands in the file
        return _judge_values(file, text)


def _judge_values(file: SegyFile, text: str) -> tuple[str, str]:
    chosen = np.unique(np.linspace(0, file.n_traces - 1, _SAMPLE_TRACES).astype(int))
    values = file.read(chosen).astype(np.float64)
    values *= length_unit(file)
    low, high = _VELOCITIES
    filled = values[values != 0]
    in_range = (filled >= low) & (filled <= high)
    shown = f"{filled.min():g} to {filled.max():g} m/s" if filled.size else "all 0"
    if not filled.size or filled.size < 0.5 * values.size or in_range.mean() < 0.99:
        return "amplitude", "samples are amplitudes: not all within velocities of rock"
    word = _VELOCITY_WORDS.search(text)
    if word:
        return (
            "velocity",
            f"samples are velocities: {shown}, and the text header says {word[0]!r}",
        )
    steps = np.abs(np.diff(values, axis=1)).mean() / values.mean() if values.shape[1] > 1 else 1.0
    if in_range.all() and filled.size == values.size and steps < _SMOOTH:
        return "velocity", f"samples are velocities: smooth and positive, {shown}"
    return "amplitude", "samples are amplitudes: nothing says velocity and they are not smooth"


def _find_vertical(
    file: SegyFile, quantity: str, layout: str, text: str
) -> tuple[str, str, Finding | None]:
    if layout in PRESTACK:
        return "time", "in time", None
    ours = _OUR_AXIS.search(text)
    if ours:
        return ours[1].lower(), f"the text header says {ours[0]!r}", None
    strict = _DEPTH_DOMAIN.search(text)
    if strict:
        return "depth", f"in depth: the text header says {strict[0]!r}", None
    if quantity == "amplitude":
        return "time", "in time: nothing says depth", None
    depth, time = _DEPTH_WORDS.search(text), _TIME_WORDS.search(text)
    if depth and not time:
        return "depth", "in depth: the text header says so", None
    if time and not depth:
        return "time", f"in time: the text header says {time[0]!r}", None
    name = file.path.name.lower()
    if "depth" in name and not re.search(r"twt|time", name):
        return "depth", "in depth: the file's name says so", None
    coarse = file.interval > _COARSEST_RECORDING
    why = (
        f"{file.interval / 1000:g} ms would be coarse for time and {file.interval / 1000:g} m is "
        "usual for depth"
        if coarse
        else "most velocity models are in depth"
    )
    guess = Finding(
        "vertical axis",
        {"text header": "both time and depth" if time else "neither time nor depth"},
        "depth assumed",
        f"{why}; pass vertical='time' if it is time",
    )
    return "depth", f"in depth: assumed, {why}", guess


def length_unit(file: SegyFile) -> float:
    """Metres of a unit of length in a file: 1, or a foot where its binary header says so."""
    return FOOT if file.binary["measurement_system"] == 2 else 1.0


def _feet(
    file: SegyFile, quantity: str, vertical: str, findings: list[Finding]
) -> tuple[float, float]:
    unit = length_unit(file)
    scales = (unit if quantity == "velocity" else 1.0, unit if vertical == "depth" else 1.0)
    changed = ["velocities"] * (scales[0] != 1) + ["depths"] * (scales[1] != 1)
    if changed:
        findings.append(
            Finding(
                "measurement system",
                {"binary header": "2 (feet)"},
                f"{' and '.join(changed)} converted to metres",
                "cubes are in SI units",
            )
        )
    return scales
