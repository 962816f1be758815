"""Headers of a cube that becomes SEG-Y: what each trace and the binary header say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.fields import BINARY_FIELDS, ELEVATIONS, header_dtype
from seisgeo.adapters.segy.positions import below_zero
from seisgeo.adapters.segy.samples import SampleFormat
from seisgeo.adapters.segy.text import TEXT_BYTES
from seisgeo.errors import ConventionError

__all__ = ["Axis", "Outgoing", "binary_header", "plan"]

_INT16_MAX = 32_767
_UINT16_MAX = 65_535
_INT32_MAX = 2_147_483_647
# Coordinate scalars that the standard knows, the coarsest that is exact is taken.
_DIVISORS = (1, 10, 100, 1000, 10_000)
#: Coarsest divisor that still keeps a centimetre (m).
_CENTIMETRE = 100
# Sorting codes of the binary header (bytes 3229-3230).
_SORTING = {"shots": 1, "receivers": 6, "cdp": 2, "offset": 2, "stack": 4, "line": 4}


@dataclasses.dataclass(frozen=True)
class Axis:
    """The sample axis: name, length, interval (us, or mm of depth), start (ms or m) and scalar."""

    name: str
    n: int
    interval: int
    delay: int
    delay_scalar: int


@dataclasses.dataclass
class Outgoing:
    """A cube as traces.

    Attributes
    ----------
    data : xarray.DataArray
        Dimensions: those of the traces, in the order of the file, then the samples.
    kind : str
        What the traces make: a layout of :mod:`.geometry`.
    axis : Axis
        Their samples.
    fields : dict
        Trace header field -> whole numbers, broadcasting over the trace dimensions.
    live : numpy.ndarray of bool, or None
        Which traces are there, broadcasting likewise.
    """

    data: xr.DataArray
    kind: str
    axis: Axis
    fields: dict[str, np.ndarray]
    live: np.ndarray | None


# Trace dimensions -> what the traces make in the file, and which header field numbers a dimension.
_KINDS: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {
    ("shot", "receiver"): ("shots", {"shot": "field_record", "receiver": "trace_number"}),
    ("sample", "source", "receiver"): ("shots", {"receiver": "trace_number"}),
    ("inline", "crossline"): ("stack", {"inline": "inline_3d", "crossline": "crossline_3d"}),
    ("inline", "crossline", "offset"): (
        "offset",
        {"inline": "inline_3d", "crossline": "crossline_3d", "offset": "offset"},
    ),
    ("receiver", "trace"): ("receivers", {"trace": "trace_number"}),
    ("cdp", "offset"): ("cdp", {"cdp": "cdp", "offset": "offset"}),
    ("cdp", "trace"): ("cdp", {"cdp": "cdp", "trace": "cdp_trace"}),
    ("cdp",): ("line", {"cdp": "cdp"}),
    ("x",): ("line", {"x": "cdp"}),
    ("sample", "x"): ("stack", {"sample": "inline_3d", "x": "crossline_3d"}),
    ("y", "x"): ("stack", {"y": "inline_3d", "x": "crossline_3d"}),
}

# Coordinates that number things -> header field.
_NUMBERS = {
    "field_record": "field_record",
    "source_point": "energy_source_point",
    "channel": "trace_number",
    "cdp": "cdp",
    "cdp_trace": "cdp_trace",
    "inline": "inline_3d",
    "crossline": "crossline_3d",
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


def plan(ds: xr.Dataset, variable: str) -> Outgoing:
    """Turn a cube into traces with headers.

    Parameters
    ----------
    ds : xarray.Dataset
        A cube of gathers, a stack, or a velocity model.
    variable : str
        The variable to write.

    Returns
    -------
    Outgoing
        Traces and headers; samples stay lazy.

    Raises
    ------
    ConventionError
        If its dimensions are no cube's, or an axis or a coordinate does not fit into SEG-Y.
    """
    data = ds[variable]
    verticals = [d for d in ("time", "depth") if d in data.dims]
    kinds = {frozenset(dims): dims for dims in _KINDS}
    found = frozenset(map(str, data.dims)) - set(verticals)
    if len(verticals) != 1 or found not in kinds:
        known = "; ".join(", ".join(dims) for dims in _KINDS)
        raise ConventionError(
            f"variable {variable!r}: dimensions ({', '.join(map(str, data.dims))}) are no traces; "
            f"expected time or depth, and one of: {known}"
        )
    live = ds["live"] if "live" in ds.variables else None
    ds = ds[[variable]]  # with the coordinates that belong to it
    dims = kinds[found]
    kind, numbering = _KINDS[dims]
    axis = _axis(ds, verticals[0])
    numbers = _numbers(ds, dims, numbering)
    fields = {name: _whole(values, name) for name, values in numbers.items()}
    fields |= _places(ds, dims)
    fields |= _depths(ds, dims)
    if "offset" in ds.coords and "offset" not in dims:
        fields["offset"] = _whole(np.rint(_aligned(ds["offset"], dims)), "offset")
    mask = None if live is None else _aligned(live, dims)
    return Outgoing(data.transpose(*dims, axis.name), kind, axis, fields, mask)


def binary_header(out: Outgoing, fmt: SampleFormat) -> bytes:
    """Binary header (400 bytes) of revision 1."""
    dtype = header_dtype(BINARY_FIELDS, order=">", itemsize=400, first=TEXT_BYTES + 1)
    binary = np.zeros((), dtype)
    last = out.data.sizes[out.data.dims[-2]]
    values = {
        "job_id": 1,
        "line_number": 1,
        "reel_number": 1,
        "traces": last if last <= _INT16_MAX and out.kind not in ("stack", "line") else 0,
        "interval": out.axis.interval,
        "interval_original": out.axis.interval,
        "samples": out.axis.n,
        "samples_original": out.axis.n,
        "format": fmt.code,
        "sorting_code": _SORTING[out.kind],
        "measurement_system": 1,
        "segy_revision": 1,
        "trace_flag": 1,
    }
    for name, value in values.items():
        binary[name] = value
    return binary.tobytes()


def _axis(ds: xr.Dataset, name: str) -> Axis:
    if name not in ds.coords:
        raise ConventionError(f"coordinate {name!r} is missing: the sample interval is unknown")
    values = np.asarray(ds[name].values, np.float64)
    n = len(values)
    per_unit, unit, file_unit = (1e6, "s", "us") if name == "time" else (1e3, "m", "mm")
    step = (values[-1] - values[0]) / (n - 1) if n > 1 else 1e3 / per_unit
    if n > 1 and np.abs(values - (values[0] + step * np.arange(n))).max() > 1e-3 * abs(step):
        raise ConventionError(
            f"coordinate {name!r}: SEG-Y needs a constant interval; steps are "
            f"{np.diff(values).min():g} to {np.diff(values).max():g} {unit}. "
            f"Resample first: ds.interp({name}=...)"
        )
    interval = round(step * per_unit)
    if not 1 <= interval <= _INT16_MAX or abs(step * per_unit - interval) > 1e-4 * interval:
        raise ConventionError(
            f"coordinate {name!r}: an interval of {step:g} {unit} does not fit into SEG-Y, which "
            f"counts whole {file_unit} from 1 to {_INT16_MAX} (most readers take larger ones for "
            f"negative, and segyio then for 4 ms). Resample first: ds.interp({name}=...), or "
            "write Zarr or NetCDF"
        )
    if n > _UINT16_MAX:
        raise ConventionError(
            f"coordinate {name!r}: {n} samples a trace do not fit into SEG-Y revision 1 "
            f"(at most {_UINT16_MAX}); cut the traces, resample, or write Zarr or NetCDF"
        )
    start = values[0] * per_unit / 1e3  # ms, or m
    for divisor in _DIVISORS:
        delay = round(start * divisor)
        if abs(delay) > _INT16_MAX:
            break
        if abs(start * divisor - delay) < 1e-3:
            return Axis(name, n, interval, delay, -divisor if divisor > 1 else 1)
    raise ConventionError(
        f"coordinate {name!r}: a start of {values[0]:g} {unit} does not fit into the delay "
        "recording time of SEG-Y (16 bits, in ms or m); shift or resample the axis"
    )


def _numbers(
    ds: xr.Dataset, dims: tuple[str, ...], numbering: dict[str, str]
) -> dict[str, np.ndarray]:
    """Numbers of records, channels, lines: the cube's own, else counted from 1."""
    counted = {dim: _along(np.arange(1, ds.sizes[dim] + 1), dim, dims) for dim in dims}
    fields = {}
    for dim, field in numbering.items():
        fields[field] = counted[dim]
        if dim in ds.coords and dim not in ("sample", "x", "y"):
            fields[field] = _aligned(ds[dim], dims)
    if dims == ("sample", "source", "receiver"):
        fields["field_record"] = (counted["sample"] - 1) * ds.sizes["source"] + counted["source"]
        fields["energy_source_point"] = counted["source"]
    elif dims == ("shot", "receiver") and "field_record" not in ds.coords:
        fields["energy_source_point"] = counted["shot"]
    for name, field in _NUMBERS.items():
        if name in ds.coords and set(ds[name].dims) <= set(dims):
            fields[field] = _aligned(ds[name], dims)
    return fields


def _places(ds: xr.Dataset, dims: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Coordinates as whole numbers, and the scalar that they share."""
    places = {f: _aligned(ds[n], dims) for n, f in _PLACES.items() if n in ds.coords}
    if "x" in dims and "cdp_x" not in places and "x" in ds.coords:
        places["cdp_x"] = _aligned(ds["x"], dims)
        if "y" in dims and "y" in ds.coords:
            places["cdp_y"] = _aligned(ds["y"], dims)
    return _under_scalar(places, "source_group_scalar", "coordinates")


def _depths(ds: xr.Dataset, dims: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Depths and elevations as whole numbers, and the scalar that they share."""
    places = {f: _aligned(ds[n], dims) for n, f in ELEVATIONS.items() if n in ds.coords}
    if "source_depth" in ds.coords:
        depth = _aligned(ds["source_depth"], dims)
        elevation = places.get("source_surface_elevation")
        # At sea many files state the depth as an elevation below zero: not once more, then.
        if elevation is None or not _same(depth, below_zero(elevation)):
            places["source_depth"] = depth
    if "receiver_depth" in ds.coords:
        depth = _aligned(ds["receiver_depth"], dims)
        elevation = places.setdefault("receiver_group_elevation", -depth)
        if "receiver_elevation" in ds.coords and not _same(depth, below_zero(elevation)):
            raise ConventionError(
                "coordinates 'receiver_depth' and 'receiver_elevation' contradict each other, and "
                "SEG-Y has one field for both (bytes 41-44); drop the one that is wrong: "
                "ds.drop_vars('receiver_elevation')"
            )
    return _under_scalar(places, "elevation_scalar", "depths and elevations")


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    a, b = np.broadcast_arrays(a, b)
    known = ~(np.isnan(a) | np.isnan(b))
    return bool(np.allclose(a[known], b[known], rtol=0, atol=1 / _CENTIMETRE))


def _under_scalar(
    places: dict[str, np.ndarray], scalar_field: str, what: str
) -> dict[str, np.ndarray]:
    """Whole numbers under the coarsest scalar that keeps them exactly, or else the finest."""
    if not places:
        return {}
    values = {name: np.where(np.isnan(v), 0.0, v) for name, v in places.items()}
    largest = max(float(np.abs(v).max(initial=0)) for v in values.values())
    fitting = [d for d in _DIVISORS if largest * d <= _INT32_MAX]
    if not fitting or fitting[-1] < _CENTIMETRE:
        raise ConventionError(
            f"{what} up to {largest:g} m do not fit into SEG-Y with a centimetre's precision"
        )
    divisor = fitting[-1]
    for candidate in fitting:
        errors = (np.abs(v * candidate - np.rint(v * candidate)).max(initial=0) / candidate
                  for v in values.values())  # fmt: skip
        if max(errors) < 1e-5:
            divisor = candidate
            break
    fields = {name: np.rint(v * divisor).astype(np.int64) for name, v in values.items()}
    fields[scalar_field] = np.array(-divisor if divisor > 1 else 1)
    return fields


def _aligned(values: xr.DataArray, dims: tuple[str, ...]) -> np.ndarray:
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


def _along(numbers: np.ndarray, dim: str, dims: tuple[str, ...]) -> np.ndarray:
    return numbers.reshape([-1 if d == dim else 1 for d in dims])


def _whole(values: np.ndarray, name: str) -> np.ndarray:
    known = np.where(np.isnan(values), 0, values) if values.dtype.kind == "f" else values
    if known.size and (known != np.rint(known)).any():
        raise ConventionError(f"{name!r}: a header holds whole numbers, found {known.ravel()[0]:g}")
    if known.size and math.fabs(np.abs(known).max()) > _INT32_MAX:
        raise ConventionError(f"{name!r}: numbers up to {np.abs(known).max():g} exceed 32 bits")
    return known.astype(np.int64)
