"""Windows of a cube by label: ``inline=100:200,offset=0:3000,time=0.5:2.0``."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.adapters.derived import Masked
from seisgeo.errors import DataWarning, ParameterError

__all__ = ["select", "without_survey"]

#: Relative tolerance of labels that are no whole numbers: .006 is found where .0060000000000001 is.
_SAME = 1e-9


def select(ds: xr.Dataset, windows: str | Mapping[Hashable, Any]) -> xr.Dataset:
    """Cut a cube to windows of its coordinates, lazily.

    Parameters
    ----------
    ds : xarray.Dataset
        Any cube.
    windows : str or mapping
        Name of a dimension or coordinate -> what to keep. As text ``NAME=FIRST:LAST``,
        ``NAME=FIRST:LAST:STEP``, ``NAME=VALUE`` or ``NAME=VALUE,VALUE``, separated by commas;
        either end may be left out. As a mapping ``{"inline": slice(100, 200), "offset": …}``, with
        slices, single values or lists.

        Both ends are labels and belong to the window, as in :meth:`xarray.Dataset.sel`; the step
        counts positions. Units are those of the cube: seconds, metres. A dimension without labels
        (``shot``) goes by position from 0, without the end.

    Returns
    -------
    xarray.Dataset
        The part; dimensions stay, also those of length one. Of a coordinate of each trace, such as
        ``offset (shot, receiver)``, shots and receivers that are outside altogether go; what else
        lies outside becomes missing traces: NaN, and False in ``live``.

    Raises
    ------
    ParameterError
        If there is no such coordinate, the text cannot be read, or nothing is left.

    Examples
    --------
    >>> cube = xr.Dataset(
    ...     {"amplitude": (("inline", "time"), np.zeros((5, 6)))},
    ...     {"inline": np.arange(100, 110, 2), "time": np.arange(6) * 0.004},
    ... )
    >>> dict(select(cube, "inline=102:106,time=:0.008").sizes)
    {'inline': 3, 'time': 3}
    """
    wanted = _parse(windows) if isinstance(windows, str) else dict(windows)
    positions: dict[Hashable, np.ndarray] = {}
    planes = []
    for name, window in wanted.items():
        _require_known(ds, name)
        dims = ds[name].dims if name in ds.variables else (name,)
        if len(dims) != 1:
            planes.append(name)
            continue
        kept = _positions(ds, name, window)
        before = positions.get(dims[0])
        positions[dims[0]] = kept if before is None else kept[np.isin(kept, before)]
        if not len(positions[dims[0]]):
            raise ParameterError(
                f"select: no {dims[0]} is in all windows that are asked for: "
                f"{', '.join(f'{n}={_text(w)}' for n, w in wanted.items())}"
            )
    part = ds.isel({dim: _as_slice(kept) for dim, kept in positions.items()})
    if planes:
        part = _cut_planes(part, {name: wanted[name] for name in planes})
    changed = {d for d in ds.dims if d != "sample" and part.sizes[d] != ds.sizes[d]}
    return without_survey(part) if changed else part


def without_survey(ds: xr.Dataset) -> xr.Dataset:
    """A training cube whose gathers were cut or resampled, without the survey that it was."""
    if "survey" not in ds.attrs:
        return ds
    warnings.warn(
        "the part is not what the survey of the training set records any more: attrs['survey'] is "
        "left out, and models trained on it know no survey",
        DataWarning,
        stacklevel=4,
    )
    ds = ds.copy()
    for name in ("survey", "generation"):
        ds.attrs.pop(name, None)
    return ds


def _parse(text: str) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {}
    name = ""
    for part in (p.strip() for p in text.split(",")):
        if "=" in part:
            name, _, value = (p.strip() for p in part.partition("="))
            if name in found:
                raise ParameterError(f"select: {name} is named twice in {text!r}")
            pieces = [_number(p) for p in value.split(":")]
            if not name or not value or len(pieces) > 3:
                raise ParameterError(_how(text, part))
            found[name] = pieces if len(pieces) == 1 else slice(*pieces)
        elif name and part and ":" not in part and isinstance(found[name], list):
            found[name].append(_number(part))
        else:
            raise ParameterError(_how(text, part))
    return found


def _how(text: str, part: str) -> str:
    return (
        f"select: {part!r} in {text!r} is no window; expected NAME=FIRST:LAST, "
        "NAME=FIRST:LAST:STEP, or NAME=VALUE,VALUE, separated by commas: "
        "inline=100:200,time=0.5:2.0"
    )


def _number(text: str) -> Any:
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def _require_known(ds: xr.Dataset, name: Hashable) -> None:
    known = [str(n) for n in dict.fromkeys([*ds.dims, *ds.coords])]
    if name in ds.dims or (name in ds.coords and ds[name].ndim):
        return
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise ParameterError(
        f"select: there is no dimension or coordinate {str(name)!r}; {hint}"
        f"This cube has {', '.join(known)}"
    )


def _positions(ds: xr.Dataset, name: Hashable, window: Any) -> np.ndarray:
    """Where along its dimension a one-dimensional coordinate is in a window."""
    if name not in ds.variables:
        everything = np.arange(ds.sizes[name])
        try:
            kept = everything[window if isinstance(window, slice) else np.atleast_1d(window)]
        except (IndexError, TypeError) as error:
            raise ParameterError(
                f"select: {name}={_text(window)}: {name} has no labels, and goes by position from "
                f"0 to {ds.sizes[name] - 1}"
            ) from error
    else:
        kept = np.flatnonzero(_inside(ds, name, window))
        if isinstance(window, slice) and window.step is not None:
            if not isinstance(window.step, int | np.integer) or window.step < 1:
                raise ParameterError(
                    f"select: {name}={_text(window)}: the step counts positions; expected a whole "
                    "number from 1 on"
                )
            kept = kept[:: window.step]
    if not len(kept):
        raise ParameterError(_nothing(ds, name, window))
    return kept


def _inside(ds: xr.Dataset, name: Hashable, window: Any) -> np.ndarray:
    values = np.asarray(ds[name].values)
    if values.dtype.kind not in "fiub":
        values = _texts(values)
    try:
        if not isinstance(window, slice):
            labels = np.atleast_1d(np.asarray(window))
            if values.dtype.kind == "U":
                return np.isin(values, labels.astype(str))
            near = _SAME * np.abs(values.astype(float))[..., None]
            found = np.abs(values[..., None] - labels) <= near
            lacking = labels[~found.any(axis=tuple(range(values.ndim)))]
            if len(lacking):
                raise ParameterError(
                    f"select: {name} has no {', '.join(map(str, lacking))}; {_range(ds, name)}"
                )
            return found.any(axis=-1)
        inside = np.ones(values.shape, bool)
        for end, sign in ((window.start, 1), (window.stop, -1)):
            if end is not None and values.dtype.kind == "f":
                largest = np.fmax.reduce(np.abs(values), axis=None, initial=abs(end))
                inside &= sign * (values - end) >= -_SAME * largest
            elif end is not None:
                inside &= values >= end if sign > 0 else values <= end
    except (TypeError, ValueError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(
            f"select: {name}={_text(window)} cannot be compared with its labels; {_range(ds, name)}"
        ) from error
    return inside


def _cut_planes(ds: xr.Dataset, windows: Mapping[Hashable, Any]) -> xr.Dataset:
    """Apply windows of coordinates with several dimensions."""
    mask = xr.DataArray(True)
    for name, window in windows.items():
        if isinstance(window, slice) and window.step is not None:
            raise ParameterError(
                f"select: {name}={_text(window)}: {name} has dimensions "
                f"{', '.join(map(str, ds[name].dims))}; a step needs a single one"
            )
        inside = ds[name].copy(data=_inside(ds, name, window)).reset_coords(drop=True)
        mask = mask & inside
        if not mask.any():
            raise ParameterError(_nothing(ds, name, window))
    for dim in mask.dims:
        kept = np.flatnonzero(mask.any([d for d in mask.dims if d != dim]).values)
        ds, mask = ds.isel({dim: _as_slice(kept)}), mask.isel({dim: _as_slice(kept)})
    if mask.all():
        return ds
    part = ds.copy()
    for name, variable in ds.data_vars.items():
        if set(mask.dims) <= set(variable.dims) and variable.dtype.kind == "f":
            part[name] = Masked(variable.variable, mask.variable).variable()
    live = mask & ds["live"] if "live" in ds.coords else mask
    return part.assign_coords(live=live.assign_attrs(ds["live"].attrs if "live" in ds else {}))


def _nothing(ds: xr.Dataset, name: Hashable, window: Any) -> str:
    return f"select: {name}={_text(window)} selects nothing; {_range(ds, name)}"


def _texts(values: np.ndarray) -> np.ndarray:
    # Zarr gives texts of a type that NumPy does not cast.
    return (values.astype(object) if values.dtype.kind == "T" else values).astype(str)


def _range(ds: xr.Dataset, name: Hashable) -> str:
    if name not in ds.variables:
        return f"{name} goes by position from 0 to {ds.sizes[name] - 1}"
    values = np.asarray(ds[name].values)
    if values.dtype.kind not in "fiub":
        known = dict.fromkeys(_texts(values).ravel().tolist())
        return f"it has {', '.join(list(known)[:12])}{', …' if len(known) > 12 else ''}"
    unit = ds[name].attrs.get("units", "").removeprefix("1")
    return f"it reaches from {np.nanmin(values):g} to {np.nanmax(values):g} {unit}".rstrip()


def _text(window: Any) -> str:
    if isinstance(window, slice):
        ends = [window.start, window.stop, *([window.step] if window.step is not None else [])]
        return ":".join("" if end is None else str(end) for end in ends)
    return ",".join(str(v) for v in np.atleast_1d(np.asarray(window)))


def _as_slice(kept: np.ndarray) -> slice | np.ndarray:
    """The slice that names the same positions, where there is one: a run is read as a run."""
    step = int(kept[1] - kept[0]) if len(kept) > 1 else 1
    if step < 1 or (np.diff(kept) != step).any():
        return kept
    return slice(int(kept[0]), int(kept[-1]) + 1, step)
