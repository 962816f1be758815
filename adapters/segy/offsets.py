"""Source-receiver offsets of gathers: as the headers state them, or from the positions."""

from __future__ import annotations

import numpy as np

from seisgeo.adapters.segy.content import length_unit
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.positions import Positions

__all__ = ["find_offsets", "signed_distance"]

# Headers hold whole metres; within this a distance and an offset say the same (m).
_ROUNDING = 1.0
# Beyond this ratio of their difference to the offset they contradict each other.
_TOLERANCE = 0.02


def find_offsets(
    file: SegyFile, lookup: np.ndarray, positions: Positions, findings: list[Finding]
) -> np.ndarray | None:
    """Offset of each trace of the gathers.

    Parameters
    ----------
    file : SegyFile
        The file.
    lookup : numpy.ndarray of int
        Trace of each cell (shot, receiver), -1 where there is none.
    positions : Positions
        Positions of the traces.
    findings : list of Finding
        Disagreements are appended.

    Returns
    -------
    numpy.ndarray or None
        Metres, shape (shot, receiver), NaN where there is no trace. The headers' offset, with its
        sign; where positions give the same to within its whole metre, their fraction is kept.
        Computed from the positions (receiver minus source along the line) where no header holds
        one. None if neither is there.
    """
    stated = file.field("offset") * length_unit(file)
    computed = None
    if positions.source and positions.receiver:
        computed = signed_distance(positions.source, positions.receiver)
        if not computed.any():
            computed = None
    chosen = _choose(stated, computed, findings)
    if chosen is None:
        return None
    chosen = chosen[lookup]
    chosen[lookup < 0] = np.nan
    return chosen


def _choose(
    stated: np.ndarray, computed: np.ndarray | None, findings: list[Finding]
) -> np.ndarray | None:
    if computed is None:
        return stated if stated.any() else None
    span = f"{computed.min():g} to {computed.max():g} m"
    if np.ptp(stated) == 0 and np.ptp(computed) != 0:
        findings.append(
            Finding(
                "offset",
                {"trace headers": f"{stated[0]:g} in every trace", "coordinates": span},
                "computed from the coordinates",
                "receivers differ in their distance from the source",
            )
        )
        return computed
    apart = np.abs(np.abs(stated) - np.abs(computed))
    if apart.max() <= _ROUNDING:
        sign = np.where(stated != 0, np.sign(stated), np.sign(computed))
        return sign * np.abs(computed)
    wrong = apart > np.maximum(_ROUNDING, _TOLERANCE * np.abs(stated))
    if wrong.any():
        some = np.abs(stated) > _ROUNDING
        ratio = np.median(np.abs(computed[some] / stated[some])) if some.any() else np.nan
        power = np.round(np.log10(ratio)) if ratio > 0 else 0
        hint = ""
        if power != 0 and np.isclose(ratio, 10.0**power, rtol=_TOLERANCE):
            hint = (
                f"; distances are {10.0**power:g} times the offsets: "
                "a wrong coordinate scalar is suspected (coordinate_scale=)"
            )
        findings.append(
            Finding(
                "offset",
                {
                    "trace headers": f"{stated.min():g} to {stated.max():g} m",
                    "coordinates": span,
                },
                "trace headers used",
                f"the field needs no scalar; {np.count_nonzero(wrong)} of {len(wrong)} traces "
                f"disagree{hint}",
            )
        )
    return stated


def signed_distance(source: tuple, receiver: tuple) -> np.ndarray:
    """Distance from source to receiver with a sign.

    Parameters
    ----------
    source, receiver : (x, y) of numpy.ndarray
        Positions (m), shape (trace,).

    Returns
    -------
    numpy.ndarray
        Metres; positive where the receiver lies towards larger x along the direction that the
        spread follows (larger y on a north-south line).
    """
    dx, dy = (r - s for r, s in zip(receiver, source, strict=True))
    spread = np.cov(np.stack([dx, dy])) if len(dx) > 1 else np.outer([dx[0], dy[0]], [dx[0], dy[0]])
    if not spread.any():  # every receiver at the same distance and azimuth
        spread = np.outer([dx[0], dy[0]], [dx[0], dy[0]])
    direction = np.linalg.eigh(spread)[1][:, -1]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
    side = dx * direction[0] + dy * direction[1]
    return np.where(side < 0, -1.0, 1.0) * np.hypot(dx, dy)
