"""Coordinates, depths and offsets of a cube as the whole numbers of trace header fields."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.fields import ELEVATIONS, EXTENSION, EXTENSION_FIELDS
from seisgeo.adapters.segy.offsets import signed_distance
from seisgeo.adapters.segy.positions import below_zero
from seisgeo.errors import ConventionError

__all__ = [
    "DIVISORS",
    "Precision",
    "aligned",
    "depths",
    "labels",
    "offsets",
    "places",
    "under_scalar",
    "whole",
]

#: Scalars that the standard knows; the coarsest that is exact is taken.
DIVISORS = (1, 10, 100, 1000, 10_000)
# Coarsest divisor that still keeps a centimetre (m).
_CENTIMETRE = 100
_INT32_MAX = 2_147_483_647
# Whole numbers up to this are told apart as float64.
_EXACT_WHOLE = 1 << 53
# Rounding (m) that counts as none, and one that is worth a word.
_EXACT, _WORTH_SAYING = 1e-5, 1e-3

# Standard fields that trace header extension 1 holds in full.
_EXTENDED = {
    f.name.removeprefix(EXTENSION) for f in EXTENSION_FIELDS if f.name.startswith(EXTENSION)
}

# Coordinates in metres -> header field under the coordinate scalar.
_PLACES = {
    "source_x": "source_x",
    "source_y": "source_y",
    "receiver_x": "group_x",
    "receiver_y": "group_y",
    "cdp_x": "cdp_x",
    "cdp_y": "cdp_y",
}


@dataclasses.dataclass
class Precision:
    """What the standard trace header does not hold of a cube's coordinates.

    Attributes
    ----------
    rounded : list of str
        What rounding changes noticeably, for a person.
    too_large : list of str
        What has no room at all, for a person; the standard field is then 0.
    full : dict
        Standard field -> its values in full, for trace header extension 1.
    """

    rounded: list[str] = dataclasses.field(default_factory=list)
    too_large: list[str] = dataclasses.field(default_factory=list)
    full: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def is_lost(self) -> bool:
        """Whether anything is."""
        return bool(self.rounded or self.too_large)

    def keep(self, name: str, values: np.ndarray) -> None:
        """Take the values of a standard field, if the extension has room for it."""
        if name in _EXTENDED:
            self.full[name] = np.where(np.isnan(values), 0.0, values)


def places(ds: xr.Dataset, dims: tuple[str, ...], lost: Precision) -> dict[str, np.ndarray]:
    """Coordinates as whole numbers, and their scalar."""
    found = {f: aligned(ds[n], dims) for n, f in _PLACES.items() if n in ds.coords}
    if "x" in dims and "cdp_x" not in found and "x" in ds.coords:
        found["cdp_x"] = aligned(ds["x"], dims)
        if "y" in dims and "y" in ds.coords:
            found["cdp_y"] = aligned(ds["y"], dims)
    return under_scalar(found, "source_group_scalar", "coordinates", lost)


def offsets(ds: xr.Dataset, dims: tuple[str, ...], lost: Precision) -> dict[str, np.ndarray]:
    """Offsets of gathers in whole metres: the cube's, else from source to receiver."""
    x = [n for n in ("source_x", "receiver_x") if n in ds.coords]
    if "offset" in ds.coords:
        values = aligned(ds["offset"], dims)
        # Where positions stand beside them, readers get the fraction back from those.
        if len(x) < 2 and np.nanmax(np.abs(values - np.rint(values)), initial=0) > _WORTH_SAYING:
            lost.rounded.append("offsets rounded to the metre")
    elif len(x) == 2:
        ends = [
            tuple(
                aligned(ds[f"{end}_{a}"], dims) if f"{end}_{a}" in ds.coords else np.zeros(())
                for a in "xy"
            )
            for end in ("source", "receiver")
        ]
        shape = np.broadcast_shapes(*(c.shape for end in ends for c in end))
        wide = [[np.broadcast_to(c, shape) for c in end] for end in ends]
        known = np.isfinite(sum(c for end in wide for c in end))  # missing traces have none
        values = np.full(shape, np.nan)
        if known.any():
            source, receiver = (tuple(c[known] for c in end) for end in wide)
            values[known] = signed_distance(source, receiver)
    else:
        return {}
    lost.keep("offset", values)
    return {"offset": whole(np.rint(values), "offset", lost)}


def labels(values: np.ndarray, lost: Precision) -> np.ndarray:
    """Offsets of gathers by offset in whole metres, which have to tell them apart."""
    rounded = np.rint(values)
    if (rounded != values).any():
        if len(np.unique(rounded)) < values.size:
            lost.too_large.append(
                "coordinate 'offset': SEG-Y holds whole metres, in which the offsets "
                f"{', '.join(f'{o:g}' for o in values.ravel()[:3])}, … are not told apart"
            )
        lost.rounded.append("offsets rounded to the metre")
    lost.keep("offset", values)
    return rounded


def depths(ds: xr.Dataset, dims: tuple[str, ...], lost: Precision) -> dict[str, np.ndarray]:
    """Depths and elevations as whole numbers, and the scalar that they share."""
    found = {f: aligned(ds[n], dims) for n, f in ELEVATIONS.items() if n in ds.coords}
    if "source_depth" in ds.coords:
        depth = aligned(ds["source_depth"], dims)
        elevation = found.get("source_surface_elevation")
        # At sea many files state the depth as an elevation below zero: not once more, then.
        if elevation is None or not _same(depth, below_zero(elevation)):
            found["source_depth"] = depth
    if "receiver_depth" in ds.coords:
        depth = aligned(ds["receiver_depth"], dims)
        elevation = found.setdefault("receiver_group_elevation", -depth)
        if "receiver_elevation" in ds.coords and not _same(depth, below_zero(elevation)):
            raise ConventionError(
                "coordinates 'receiver_depth' and 'receiver_elevation' contradict each other, and "
                "SEG-Y has one field for both (bytes 41-44); drop the one that is wrong: "
                "ds.drop_vars('receiver_elevation')"
            )
    return under_scalar(found, "elevation_scalar", "depths and elevations", lost)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    a, b = np.broadcast_arrays(a, b)
    known = ~(np.isnan(a) | np.isnan(b))
    return bool(np.allclose(a[known], b[known], rtol=0, atol=1 / _CENTIMETRE))


def under_scalar(
    values: dict[str, np.ndarray], scalar_field: str, what: str, lost: Precision
) -> dict[str, np.ndarray]:
    """Whole numbers under the coarsest scalar that keeps them exactly, or else the finest.

    Parameters
    ----------
    values : dict
        Header field -> values; NaN becomes 0.
    scalar_field : str
        Field of the scalar that they share.
    what : str
        What they are, for messages.
    lost : Precision
        Takes the values in full, and what the finest scalar rounds noticeably.

    Returns
    -------
    dict
        The fields and their scalar.

    Raises
    ------
    ConventionError
        If 32 bits do not hold them to the centimetre, nor has the extension room for them.
    """
    if not values:
        return {}
    for name, v in values.items():
        lost.keep(name, v)
    values = {name: np.where(np.isnan(v), 0.0, v) for name, v in values.items()}
    largest = max(float(np.abs(v).max(initial=0)) for v in values.values())
    fitting = [d for d in DIVISORS if largest * d <= _INT32_MAX]
    if not fitting or fitting[-1] < _CENTIMETRE:
        problem = f"{what} up to {largest:g} m do not fit into SEG-Y with a centimetre's precision"
        if not set(values) <= _EXTENDED or not math.isfinite(largest):
            raise ConventionError(problem)
        lost.too_large.append(problem)
        fitting = fitting or [1]
        values = {name: np.where(np.abs(v) > _INT32_MAX, 0, v) for name, v in values.items()}
    for divisor in fitting:
        off = max(
            float(np.abs(v * divisor - np.rint(v * divisor)).max(initial=0)) / divisor
            for v in values.values()
        )
        if off < _EXACT:
            break
    if off > _WORTH_SAYING:
        lost.rounded.append(f"{what} rounded to {1 / divisor:g} m (up to {off:.2g} m off)")
    fields = {name: np.rint(v * divisor).astype(np.int64) for name, v in values.items()}
    fields[scalar_field] = np.array(-divisor if divisor > 1 else 1)
    return fields


def aligned(values: xr.DataArray, dims: tuple[str, ...]) -> np.ndarray:
    """Values with one axis for each of `dims`, of length 1 where they do not depend on it."""
    alien = set(map(str, values.dims)) - set(dims)
    if alien:
        raise ConventionError(
            f"coordinate {values.name!r} depends on {', '.join(sorted(alien))}, which the traces "
            f"({', '.join(dims)}) do not"
        )
    own: list[Hashable] = [d for d in dims if d in values.dims]
    array = np.asarray(values.transpose(*own).values)
    if array.dtype.kind != "b":
        array = array.astype(np.float64)
    return array.reshape([values.sizes[d] if d in values.dims else 1 for d in dims])


def whole(values: np.ndarray, name: str, lost: Precision | None = None) -> np.ndarray:
    """Values of a header field as whole numbers; NaN, of traces that are not there, becomes 0.

    What exceeds 32 bits becomes 0, too, where `lost` is there to take it.
    """
    known = np.where(np.isnan(values), 0, values) if values.dtype.kind == "f" else values
    if known.size and (known != np.rint(known)).any():
        raise ConventionError(f"{name!r}: a header holds whole numbers, found {known.ravel()[0]:g}")
    largest = math.fabs(np.abs(known).max(initial=0))
    if largest > _INT32_MAX:
        problem = f"{name!r}: numbers up to {largest:g} exceed 32 bits"
        if lost is None or name not in _EXTENDED or largest > _EXACT_WHOLE:
            raise ConventionError(problem)
        lost.too_large.append(problem)
        lost.keep(name, known)
        known = np.where(np.abs(known) > _INT32_MAX, 0, known)
    return known.astype(np.int64)
