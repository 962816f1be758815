"""The map from inline and crossline numbers to coordinates, as a survey's grid has it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.numbers import Numbers

__all__ = ["GridMap", "fit_grid"]

# Traces that the fit looks at, spread evenly; the residual is that of all.
_MOST = 5_000
# Traces further from the fit than this share of a bin are left out of it, and told.
_OFF = 0.5
_ROUNDS = 10


class GridMap(NamedTuple):
    """An affine map from (inline, crossline) numbers to CDP coordinates.

    ``x = a + b * inline + c * crossline`` and ``y = d + e * inline + f * crossline``.

    Attributes
    ----------
    coefficients : tuple of float
        a, b, c, d, e, f (m).
    residual : float
        Largest distance (m) from the coordinates in the headers, of the traces that fit.
    bin_size : tuple of float
        Distance (m) from an inline of the cube to the next, and from a crossline to the next.
    azimuth : float
        Direction in which crossline numbers grow, that is of an inline: degrees clockwise from
        north (the y axis), 0 to 360.
    angle : float
        Angle (degrees) between inlines and crosslines, 90 for rectangular bins.
    """

    coefficients: tuple[float, ...]
    residual: float
    bin_size: tuple[float, float]
    azimuth: float
    angle: float

    def attrs(self) -> dict[str, Any]:
        """As attributes of a cube: plain numbers, rounded to what coordinates can tell."""
        return {
            "grid_affine": [float(f"{c:.12g}") for c in self.coefficients],
            "grid_residual": float(f"{self.residual:.3g}"),
            "grid_bin_size": [float(f"{b:.6g}") for b in self.bin_size],
            "grid_azimuth": round(self.azimuth, 4) % 360,
        }


def fit_grid(
    inline: np.ndarray, crossline: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[GridMap | None, list[Finding]]:
    """Fit the map by least squares; coordinates that lie off it are left out and counted.

    Parameters
    ----------
    inline, crossline : numpy.ndarray
        Numbers of each trace, shape (trace,).
    x, y : numpy.ndarray
        CDP coordinates (m), shape (trace,).

    Returns
    -------
    map : GridMap or None
        None where the numbers or the coordinates do not span an area.
    findings : list of Finding
        Traces whose coordinates lie off the grid.
    """
    n = len(x)
    some = np.unique(np.linspace(0, n - 1, min(n, _MOST)).astype(np.int64))
    numbers = np.stack([inline[some], crossline[some]], axis=1).astype(np.float64)
    middle = numbers.mean(axis=0)
    matrix = np.column_stack([np.ones(len(some)), numbers - middle])
    if np.linalg.matrix_rank(matrix) < 3:
        return None, []
    points = np.stack([x[some], y[some]], axis=1)
    steps = [_step(inline), _step(crossline)]
    slopes = _fit(matrix, points, steps)
    if slopes is None:
        return None, []
    origin = slopes[0] - slopes[1:].T @ middle
    vectors = slopes[1:] * np.array(steps)[:, None]  # one inline on, one crossline on
    sizes = np.hypot(*vectors.T)
    dx = x - origin[0] - inline * slopes[1, 0] - crossline * slopes[2, 0]
    dy = y - origin[1] - inline * slopes[1, 1] - crossline * slopes[2, 1]
    off = np.sqrt(dx * dx + dy * dy)
    wrong = off > _OFF * sizes.min()
    if np.count_nonzero(wrong) > n // 2:
        finding = Finding(
            "CDP coordinates",
            {
                "inline and crossline numbers": "a grid",
                "coordinates": f"{np.count_nonzero(wrong)} of {n} traces off it by up to "
                f"{off.max():.4g} m",
            },
            "kept as they are, without a map of the grid",
            "no affine map takes the numbers to the coordinates",
        )
        return None, [finding]
    findings = []
    if wrong.any():
        findings.append(
            Finding(
                "CDP coordinates",
                {"traces off the grid": f"{np.count_nonzero(wrong)} of {n}"},
                "kept as they are",
                f"they lie up to {off.max():.4g} m from where the grid of the others puts their "
                "inline and crossline",
            )
        )
    along = np.degrees(np.arctan2(*vectors[1])) % 360
    cosine = abs(float(vectors[0] @ vectors[1])) / float(sizes.prod())
    grid = GridMap(
        (origin[0], slopes[1, 0], slopes[2, 0], origin[1], slopes[1, 1], slopes[2, 1]),
        float(off[~wrong].max()),
        (_across(vectors, 0), _across(vectors, 1)),
        float(along),
        float(np.degrees(np.arccos(min(cosine, 1.0)))),
    )
    return grid, findings


def _fit(matrix: np.ndarray, points: np.ndarray, steps: list[int]) -> np.ndarray | None:
    """Least squares, again without the points that lie off by half a bin until none does."""
    fitting = np.ones(len(points), bool)
    slopes = None
    for _ in range(_ROUNDS):
        if np.linalg.matrix_rank(matrix[fitting]) < 3:
            return slopes
        slopes = np.linalg.lstsq(matrix[fitting], points[fitting], rcond=None)[0]
        sizes = np.hypot(*(slopes[1:] * np.array(steps)[:, None]).T)
        area = abs(slopes[1, 0] * slopes[2, 1] - slopes[1, 1] * slopes[2, 0]) * np.prod(steps)
        if not sizes.min() > 0 or area < 1e-6 * sizes.prod():
            return None
        off = np.hypot(*(points - matrix @ slopes).T)
        # The median is not moved by a few wild points; half a bin is allowed in any case.
        kept = off <= max(_OFF * sizes.min(), 4 * float(np.median(off)))
        if (kept == fitting).all():
            break
        fitting = kept
    return slopes


def _step(numbers: np.ndarray) -> int:
    """Usual distance of a line's number from the next one's: more than 1 where decimated."""
    steps = np.diff(Numbers.of(numbers).values)
    return int(np.median(steps)) if len(steps) else 1


def _across(vectors: np.ndarray, i: int) -> float:
    """Distance between neighbouring lines, square to the other direction."""
    other = vectors[1 - i] / np.hypot(*vectors[1 - i])
    return float(abs(vectors[i][0] * other[1] - vectors[i][1] * other[0]))
