"""Headers of a cube that becomes SEG-Y: what each trace and the binary header say."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.header_values import (
    DIVISORS,
    Precision,
    aligned,
    depths,
    labels,
    offsets,
    places,
    under_scalar,
    whole,
)
from seisgeo.errors import ConventionError

__all__ = ["INT16_MAX", "UINT16_MAX", "Axis", "Outgoing", "plan"]

INT16_MAX = 32_767
UINT16_MAX = 65_535
# Trace value measurement units by the unit of a variable (bytes 203-204, revision 1).
_UNITS = {"Pa": 1, "V": 2, "mV": 3, "A": 4, "m": 5, "m/s": 6, "m/s2": 7, "N": 8, "W": 9}


@dataclasses.dataclass(frozen=True)
class Axis:
    """The sample axis: name, length, interval (us, or mm of depth), start (ms or m) and scalar."""

    name: str
    n: int
    interval: float
    delay: int
    delay_scalar: int

    def is_whole(self, most: int) -> bool:
        """Whether the interval is a whole number from 1 to `most`."""
        return self.interval == round(self.interval) and 1 <= self.interval <= most

    @property
    def short_n(self) -> int:
        """Number of samples in 16 bits; 0 where it does not fit."""
        return self.n if self.n <= UINT16_MAX else 0

    @property
    def short_interval(self) -> int:
        """Interval to the next whole number, in 16 bits; 0 where it does not fit."""
        return round(self.interval) if self.interval <= INT16_MAX else 0


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
    ragged : bool
        Whether each trace ends with its last sample that is not NaN: of cubes that were read from
        traces of different lengths.
    lost : Precision
        What the standard trace header does not hold.
    """

    data: xr.DataArray
    kind: str
    axis: Axis
    fields: dict[str, np.ndarray]
    live: np.ndarray | None
    ragged: bool = False
    lost: Precision = dataclasses.field(default_factory=Precision)


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
        one = "; choose one sample, ds.isel(sample=0)" if "sample" in found else ""
        raise ConventionError(
            f"variable {variable!r}: dimensions ({', '.join(map(str, data.dims))}) are no traces; "
            f"expected time or depth, and one of: {known}{one}"
        )
    live = ds["live"] if "live" in ds.variables else None
    ds = ds[[variable]]  # with the coordinates that belong to it
    dims = kinds[found]
    kind, numbering = _KINDS[dims]
    axis = _axis(ds, verticals[0])
    lost = Precision()
    numbers = _numbers(ds, dims, numbering, lost)
    fields = {name: whole(values, name, lost) for name, values in numbers.items()}
    fields |= places(ds, dims, lost)
    fields |= depths(ds, dims, lost)
    if "offset" not in dims and kind not in ("stack", "line"):
        fields |= offsets(ds, dims, lost)
    unit = _UNITS.get(str(data.attrs.get("units")), 0)
    fields["trace_value_measurement_unit"] = np.array(unit)
    mask = None if live is None else aligned(live, dims)
    ragged = "sample_count" in ds.coords
    return Outgoing(data.transpose(*dims, axis.name), kind, axis, fields, mask, ragged, lost)


def _axis(ds: xr.Dataset, name: str) -> Axis:
    if name not in ds.coords:
        raise ConventionError(f"coordinate {name!r} is missing: the sample interval is unknown")
    values = np.asarray(ds[name].values, np.float64)
    n = len(values)
    per_unit, unit = (1e6, "s") if name == "time" else (1e3, "m")
    step = (values[-1] - values[0]) / (n - 1) if n > 1 else 1e3 / per_unit
    if n > 1 and np.abs(values - (values[0] + step * np.arange(n))).max() > 1e-3 * abs(step):
        raise ConventionError(
            f"coordinate {name!r}: SEG-Y needs a constant interval; steps are "
            f"{np.diff(values).min():g} to {np.diff(values).max():g} {unit}. "
            f"Resample first: ds.interp({name}=...)"
        )
    interval = step * per_unit
    # Whole where it is to the digits of float32, which axes may have come through.
    if abs(interval - round(interval)) <= 2e-7 * interval:
        interval = float(round(interval))
    start = values[0] * per_unit / 1e3  # ms, or m
    for divisor in DIVISORS:
        delay = round(start * divisor)
        if abs(delay) > INT16_MAX:
            break
        if abs(start * divisor - delay) < 1e-3:
            return Axis(name, n, interval, delay, -divisor if divisor > 1 else 1)
    raise ConventionError(
        f"coordinate {name!r}: a start of {values[0]:g} {unit} does not fit into the delay "
        "recording time of SEG-Y (16 bits, in ms or m); shift or resample the axis"
    )


def _numbers(
    ds: xr.Dataset, dims: tuple[str, ...], numbering: dict[str, str], lost: Precision
) -> dict[str, np.ndarray]:
    """Numbers of records, channels, lines: the cube's own, else counted from 1."""
    counted = {dim: _along(np.arange(1, ds.sizes[dim] + 1), dim, dims) for dim in dims}
    fields = {}
    for dim, field in numbering.items():
        fields[field] = counted[dim]
        if dim in ds.coords and dim not in ("sample", "x", "y"):
            fields[field] = aligned(ds[dim], dims)
    if dims == ("sample", "source", "receiver"):
        fields["field_record"] = (counted["sample"] - 1) * ds.sizes["source"] + counted["source"]
        fields["energy_source_point"] = counted["source"]
    elif dims == ("shot", "receiver") and "field_record" not in ds.coords:
        fields["energy_source_point"] = counted["shot"]
    elif "inline_3d" in fields and all(fields[f].any() for f in ("inline_3d", "crossline_3d")):
        # Line numbers of 0 would make a line of CDPs of it.
        fields["cdp"] = (counted[dims[0]] - 1) * ds.sizes[dims[1]] + counted[dims[1]]
        fields["cdp_trace"] = counted.get("offset", np.array(1))
    for name, field in _NUMBERS.items():
        if name in ds.coords and set(ds[name].dims) <= set(dims):
            fields[field] = aligned(ds[name], dims)
    if "offset" in dims:
        fields["offset"] = labels(fields["offset"], lost)
    points = fields.get("energy_source_point")
    if points is not None and (np.nan_to_num(points) != np.rint(np.nan_to_num(points))).any():
        fields["energy_source_point"] = np.zeros_like(points)
        fields |= under_scalar({"shot_point": points}, "shot_point_scalar", "source points", lost)
    return fields


def _along(numbers: np.ndarray, dim: str, dims: tuple[str, ...]) -> np.ndarray:
    return numbers.reshape([-1 if d == dim else 1 for d in dims])
