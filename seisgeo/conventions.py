"""Names, dimensions, units and checks of every cube: the one place.

Everything that crosses a module's border is an :class:`xarray.Dataset` of one of these kinds
(a training set holds several of them side by side):

==========  ==================  =========================================================
kind        main variable       dimensions
==========  ==================  =========================================================
gathers     ``amplitude``       sample, source, time, receiver; or shot, receiver, time;
                                or receiver, trace, time; or cdp, offset|trace, time;
                                or inline, crossline, offset, time
stack       ``amplitude``       inline, crossline, time|depth; or cdp, time|depth
velocity    ``velocity``        sample, depth[, y], x; depth, x; or a stack's dimensions
physics     ``descriptor_value``  sample, descriptor
waveforms   ``amplitude``       event, component, time
embedding   ``embedding``       sample, feature
==========  ==================  =========================================================

Dimensions are addressed by name, never by position. Units are SI and stand in
``attrs["units"]``, names for people in ``attrs["long_name"]``, after the CF conventions
(https://cfconventions.org). Times are in seconds, velocities in metres per second.

An *event* of the waveforms cube is one record: a station's components over one stretch of time,
whether or not it holds an earthquake. Its ``time`` counts from its own first sample, whose UTC
stands in ``starttime`` (datetime64); arrivals count from there, too. Components are labelled
``"Z", "N", "E"`` (or ``"1", "2"``); one that is not there is NaN, and False in ``live``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from seisgeo._version import __version__
from seisgeo.errors import ConventionError

__all__ = [
    "ATTRS",
    "DIMS",
    "LOWEST_Q",
    "MAIN_VARIABLE",
    "VELOCITY_RANGE",
    "check_finite",
    "check_velocity",
    "describe",
    "kinds",
    "provenance",
    "validate",
]

#: Main variable of each kind of cube.
MAIN_VARIABLE: dict[str, str] = {
    "gathers": "amplitude",
    "stack": "amplitude",
    "velocity": "velocity",
    "physics": "descriptor_value",
    "waveforms": "amplitude",
    "embedding": "embedding",
}

_STACK_DIMS: tuple[tuple[str, ...], ...] = (
    ("inline", "crossline", "time"),
    ("inline", "crossline", "depth"),
    ("cdp", "time"),
    ("cdp", "depth"),
)

#: Dimensions that the main variable of each kind may have, in their usual order.
DIMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "gathers": (
        ("sample", "source", "time", "receiver"),
        ("shot", "receiver", "time"),
        ("receiver", "trace", "time"),
        ("cdp", "offset", "time"),
        ("cdp", "trace", "time"),
        ("inline", "crossline", "offset", "time"),
    ),
    "stack": _STACK_DIMS,
    "velocity": (
        ("sample", "depth", "x"),
        ("sample", "depth", "y", "x"),
        ("depth", "x"),
        ("depth", "y", "x"),
        *_STACK_DIMS,
    ),
    "physics": (("sample", "descriptor"),),
    "waveforms": (("event", "component", "time"),),
    "embedding": (("sample", "feature"),),
}

#: Of the waveforms cube: what is known of each record, and of the event in it. A record without
#: an arrival (noise, or nobody picked it) has NaN there, one without a time NaT.
_EVENT_ATTRS: dict[str, dict[str, str]] = {
    # the record
    "component": {"long_name": "component (Z up, N north, E east; 1, 2, 3 of other directions)"},
    "network": {"long_name": "network code"},
    "station": {"long_name": "station code"},
    "location": {"long_name": "location code"},
    "instrument": {"long_name": "band and instrument code (the channel without its component)"},
    "starttime": {"long_name": "time of the first sample (UTC)"},
    "snr": {"units": "dB", "long_name": "signal-to-noise ratio"},
    "station_latitude": {"units": "degrees_north", "long_name": "station latitude"},
    "station_longitude": {"units": "degrees_east", "long_name": "station longitude"},
    "station_elevation": {"units": "m", "long_name": "station elevation", "positive": "up"},
    # arrivals, from the record's first sample
    "p_arrival": {"units": "s", "long_name": "P arrival (after the first sample)"},
    "s_arrival": {"units": "s", "long_name": "S arrival (after the first sample)"},
    "coda_end": {"units": "s", "long_name": "end of the coda (after the first sample)"},
    "onset": {"units": "s", "long_name": "onset of the trigger (after the first sample)"},
    "sta_lta": {"units": "1", "long_name": "largest STA/LTA of the trigger"},
    "p_weight": {"units": "1", "long_name": "weight of the P arrival, 0 to 1"},
    "s_weight": {"units": "1", "long_name": "weight of the S arrival, 0 to 1"},
    "p_travel_time": {"units": "s", "long_name": "P travel time"},
    "s_travel_time": {"units": "s", "long_name": "S travel time"},
    # the event
    "event_id": {"long_name": "identifier of the event"},
    "source_type": {"long_name": "kind of source (earthquake, explosion, icequake, noise, ...)"},
    "origin_time": {"long_name": "origin time (UTC)"},
    "source_latitude": {"units": "degrees_north", "long_name": "epicentre latitude"},
    "source_longitude": {"units": "degrees_east", "long_name": "epicentre longitude"},
    "magnitude": {"units": "1", "long_name": "magnitude"},
    "magnitude_type": {"long_name": "magnitude type"},
    "epicentral_distance": {"units": "m", "long_name": "epicentral distance"},
    "back_azimuth": {"units": "degree", "long_name": "back azimuth (station to event, from north)"},
    "strike": {"units": "degree", "long_name": "strike (Aki and Richards)"},
    "dip": {"units": "degree", "long_name": "dip (Aki and Richards)"},
    "rake": {"units": "degree", "long_name": "rake (Aki and Richards)"},
    "region": {"long_name": "region of the event"},
}

#: ``units`` and ``long_name`` of variables and coordinates. A unit of "" is said as "1" (CF).
ATTRS: dict[str, dict[str, str]] = {
    "amplitude": {"units": "1", "long_name": "amplitude"},
    "velocity": {"units": "m/s", "long_name": "P-wave velocity"},
    "vs": {"units": "m/s", "long_name": "S-wave velocity"},
    "density": {"units": "kg/m3", "long_name": "density"},
    "q": {"units": "1", "long_name": "quality factor of P waves"},
    "descriptor_value": {"long_name": "physical descriptor"},
    "embedding": {"units": "1", "long_name": "embedding"},
    "time": {"units": "s", "long_name": "time"},
    "depth": {"units": "m", "long_name": "depth", "positive": "down"},
    "x": {"units": "m", "long_name": "distance"},
    "y": {"units": "m", "long_name": "distance across"},
    "offset": {"units": "m", "long_name": "offset (receiver minus source)"},
    "source_x": {"units": "m", "long_name": "source easting"},
    "source_y": {"units": "m", "long_name": "source northing"},
    "source_depth": {"units": "m", "long_name": "source depth", "positive": "down"},
    "receiver_x": {"units": "m", "long_name": "receiver easting"},
    "receiver_y": {"units": "m", "long_name": "receiver northing"},
    "receiver_depth": {"units": "m", "long_name": "receiver depth", "positive": "down"},
    "source_elevation": {
        "units": "m",
        "long_name": "surface elevation at the source",
        "positive": "up",
    },
    "receiver_elevation": {"units": "m", "long_name": "receiver elevation", "positive": "up"},
    "source_datum_elevation": {
        "units": "m",
        "long_name": "datum elevation at the source",
        "positive": "up",
    },
    "receiver_datum_elevation": {
        "units": "m",
        "long_name": "datum elevation at the receiver",
        "positive": "up",
    },
    "source_water_depth": {
        "units": "m",
        "long_name": "water depth at the source",
        "positive": "down",
    },
    "receiver_water_depth": {
        "units": "m",
        "long_name": "water depth at the receiver",
        "positive": "down",
    },
    "cdp_x": {"units": "m", "long_name": "CDP easting"},
    "cdp_y": {"units": "m", "long_name": "CDP northing"},
    "distance": {"units": "m", "long_name": "distance along the line"},
    "field_record": {"units": "1", "long_name": "field record number"},
    "source_point": {"units": "1", "long_name": "energy source point number"},
    "channel": {"units": "1", "long_name": "channel number"},
    "inline": {"units": "1", "long_name": "inline number"},
    "crossline": {"units": "1", "long_name": "crossline number"},
    "cdp": {"units": "1", "long_name": "CDP number"},
    "cdp_trace": {"units": "1", "long_name": "trace number within the CDP"},
    "sample_count": {"units": "1", "long_name": "samples of the trace's own"},
    "trace": {"units": "1", "long_name": "trace number within the gather"},
    **_EVENT_ATTRS,
}

#: P velocities (m/s) that a model in m/s may hold: below any rock or water it is in other units.
VELOCITY_RANGE = (100.0, 12_000.0)
#: Quality factor that a model may hold, at least: here a wave loses half of its amplitude in a
#: wavelength.
LOWEST_Q = 5.0

_AXES = ("time", "depth", "x", "y")


def kinds(ds: xr.Dataset) -> tuple[str, ...]:
    """Kinds of cube that a dataset holds.

    Parameters
    ----------
    ds : xarray.Dataset
        Any dataset.

    Returns
    -------
    tuple of str
        For instance ``("gathers", "velocity")`` for a training set; empty when none fits.
    """
    found = []
    for kind, name in MAIN_VARIABLE.items():
        if name in ds.data_vars and any(set(ds[name].dims) == set(d) for d in DIMS[kind]):
            found.append(kind)
    return tuple(found)


def validate(ds: xr.Dataset, kind: str | None = None, *, values: bool = False) -> xr.Dataset:
    """Check a dataset against the conventions and return it unchanged.

    Parameters
    ----------
    ds : xarray.Dataset
        The cube. Only names, dimensions, units and axes are looked at, so a lazy cube stays lazy.
    kind : str, optional
        Kind that it must hold (a key of :data:`MAIN_VARIABLE`); by default any.
    values : bool, default False
        Also load the main variables and check them: finite, and velocities in m/s.

    Returns
    -------
    xarray.Dataset
        `ds` itself.

    Raises
    ------
    ConventionError
        Names the variable, the dimension or the unit, what was expected and what was found.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"velocity": (("depth", "x"), np.full((3, 4), 1500.0), {"units": "m/s"})},
    ...                 coords={"depth": ("depth", [0.0, 10, 20], {"units": "m"}),
    ...                         "x": ("x", [0.0, 10, 20, 30], {"units": "m"})})
    >>> validate(ds, "velocity") is ds
    True
    """
    if not isinstance(ds, xr.Dataset):
        raise ConventionError(f"expected an xarray.Dataset, got {type(ds).__name__}")
    if kind is not None and kind not in MAIN_VARIABLE:
        raise ConventionError(f"unknown kind of cube {kind!r}; known: {', '.join(MAIN_VARIABLE)}")
    for found in (kind,) if kind else kinds(ds) or ("",):
        _check_main(ds, found)
        if values:
            name = MAIN_VARIABLE[found]
            check_finite(ds[name])
            if name == "velocity":
                check_velocity(ds[name])
        if found == "waveforms":
            _check_records(ds)
    for variable in ds.variables:
        _check_units(ds, str(variable))
    for axis in _AXES:
        if axis in ds.coords and ds[axis].dims == (axis,):
            _check_axis(ds[axis])
    return ds


def _check_main(ds: xr.Dataset, kind: str) -> None:
    if not kind:
        layouts = {k: [_join(d) for d in DIMS[k]] for k in MAIN_VARIABLE}
        found = {str(n): _join(v.dims) for n, v in ds.data_vars.items()}
        raise ConventionError(
            f"this dataset holds no kind of cube: variables {found or 'none'}; "
            f"known: {'; '.join(f'{k} = {MAIN_VARIABLE[k]} {v}' for k, v in layouts.items())}"
        )
    name = MAIN_VARIABLE[kind]
    if name not in ds.data_vars:
        raise ConventionError(
            f"a {kind} cube needs the variable {name!r}; this dataset has "
            f"{sorted(map(str, ds.data_vars)) or 'no variables'}"
        )
    dims = ds[name].dims
    if not any(set(dims) == set(d) for d in DIMS[kind]):
        options = " or ".join(_join(d) for d in DIMS[kind])
        raise ConventionError(
            f"variable {name!r}: expected dimensions {options}; found {_join(dims)}"
        )
    for axis in _AXES:
        if axis in dims and axis not in ds.coords:
            raise ConventionError(
                f"variable {name!r}: dimension {axis!r} has no coordinate; expected its values in "
                f"{ATTRS[axis]['units']} under coords[{axis!r}]"
            )
    for dim, size in ds[name].sizes.items():
        if size == 0:
            raise ConventionError(f"variable {name!r}: dimension {dim!r} has length 0")


def _check_records(ds: xr.Dataset) -> None:
    """Components by name, and times as UTC: what gathers do not have."""
    labels = ds["component"].values if "component" in ds.coords else np.array([])
    if not labels.size or labels.dtype.kind not in "UTO" or len(set(labels)) < labels.size:
        found = f"found {labels.tolist()}" if labels.size else "it has no coordinate"
        raise ConventionError(
            "variable 'amplitude': dimension 'component' needs a name for each component, for "
            f"instance Z, N, E; {found}"
        )
    for name in ("starttime", "origin_time"):
        if name in ds.coords and ds[name].dtype.kind != "M":
            raise ConventionError(
                f"coordinate {name!r}: expected times as datetime64[ns] (UTC), found "
                f"{ds[name].dtype}"
            )


def _check_units(ds: xr.Dataset, name: str) -> None:
    expected = ATTRS.get(name, {}).get("units")
    found = ds[name].attrs.get("units")
    if expected in (None, "1"):
        return
    if found is None:
        raise ConventionError(
            f"variable {name!r}: units are missing; expected {expected!r} in attrs['units']"
        )
    if found != expected:
        raise ConventionError(f"variable {name!r}: expected units {expected!r}, found {found!r}")


def _check_axis(axis: xr.DataArray) -> None:
    values = np.asarray(axis.values, dtype=float)
    if not np.isfinite(values).all():
        raise ConventionError(f"coordinate {axis.name!r}: holds values that are not finite")
    steps = np.diff(values)
    if steps.size and not (steps > 0).all():
        at = int(np.argmax(~(steps > 0)))
        raise ConventionError(
            f"coordinate {axis.name!r}: expected increasing values, found "
            f"{values[at]:g} then {values[at + 1]:g} at index {at + 1}"
        )


def check_finite(values: xr.DataArray | np.ndarray, name: str = "", start: int = 0) -> None:
    """Refuse NaN and infinity, saying how many and where the first stands.

    Parameters
    ----------
    values : DataArray or ndarray
        Numbers to look at; a lazy array is loaded.
    name : str, optional
        What to call them in the message; by default the DataArray's name.
    start : int, default 0
        Number of the first row, where the values are a block of more.

    Raises
    ------
    ConventionError
        If any value is not finite.
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return
    bad = ~np.isfinite(array)
    if not bad.any():
        return
    dims = values.dims if isinstance(values, xr.DataArray) else range(array.ndim)
    first = list(np.unravel_index(int(np.argmax(bad)), array.shape))
    first[:1] = [first[0] + start] if first else []
    place = ", ".join(f"{d}={int(i)}" for d, i in zip(dims, first, strict=True))
    label = name or (str(values.name) if isinstance(values, xr.DataArray) else "array")
    raise ConventionError(
        f"variable {label!r}: {int(bad.sum())} of {array.size} values are NaN or infinite, "
        f"the first at {place}"
    )


def check_velocity(values: Any, name: str = "velocity") -> None:
    """Refuse velocities that cannot be in m/s.

    Parameters
    ----------
    values : array-like
        Velocities (m/s).
    name : str, default "velocity"
        What to call them in the message.

    Raises
    ------
    ConventionError
        If they are not finite, not positive, or outside :data:`VELOCITY_RANGE`; a model in km/s is
        told apart and named.
    """
    array = np.asarray(values)
    check_finite(array, name)
    low, high = float(array.min()), float(array.max())
    lowest, highest = VELOCITY_RANGE
    if low <= 0:
        raise ConventionError(f"variable {name!r}: velocities must be positive, found {low:g} m/s")
    if high < 12:
        raise ConventionError(
            f"variable {name!r}: values from {low:g} to {high:g} look like km/s; "
            "expected m/s (multiply by 1000)"
        )
    if low < lowest or high > highest:
        raise ConventionError(
            f"variable {name!r}: expected P velocities of {lowest:g} to {highest:g} m/s, "
            f"found {low:g} to {high:g}"
        )


def describe(ds: xr.Dataset) -> xr.Dataset:
    """Give every known variable its ``units`` and ``long_name`` where it has none.

    Parameters
    ----------
    ds : xarray.Dataset
        A dataset that follows the conventions' names.

    Returns
    -------
    xarray.Dataset
        The same data with attributes filled in; attributes that are there are kept.
    """
    ds = ds.copy()
    for name in ds.variables:
        if str(name) in ATTRS:
            ds[name].attrs = {**ATTRS[str(name)], **ds[name].attrs}
    return ds


def provenance(**facts: Any) -> dict[str, Any]:
    """Attributes that say where a cube comes from.

    Parameters
    ----------
    **facts
        For instance ``source`` (file), ``source_format``, ``revision``, ``scheme``, ``seed``;
        None is left out.

    Returns
    -------
    dict
        `facts` and the version of seisgeo, ready for ``Dataset.attrs``.
    """
    return {**{k: v for k, v in facts.items() if v is not None}, "seisgeo_version": __version__}


def _join(dims: Any) -> str:
    return "(" + ", ".join(map(str, dims)) + ")"
