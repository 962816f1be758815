"""From a file to a labelled cube: layout, content and positions put together."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.array import SegyArray
from seisgeo.adapters.segy.content import FOOT, Content, find_content
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import CUBE_NAMES, TRACE_FIELDS
from seisgeo.adapters.segy.fields import scaled as _scaled
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.geometry import Geometry, find_geometry
from seisgeo.adapters.segy.offsets import find_offsets
from seisgeo.adapters.segy.positions import Point, Positions, find_positions

__all__ = ["CUBE_KEY", "Cube", "read_cube"]

#: Where a dataset's ``encoding`` keeps the file that it was opened from.
CUBE_KEY = "segy_cube"

# Trace identification codes of traces that hold no data: dead, dummy.
_DEAD = (2, 3)
# Size of a dask chunk (bytes) when the user asks for chunks and names no sizes.
_CHUNK_BYTES = 64 << 20

Coords = dict[str, tuple[tuple[str, ...], np.ndarray]]


@dataclasses.dataclass
class Cube:
    """A file and how its traces and samples are understood.

    Attributes
    ----------
    file : SegyFile
        The file.
    geometry : Geometry
        Cells of the cube, and the trace of each.
    content : Content
        What the samples are.
    axis : numpy.ndarray
        Time (s) or depth (m) of each sample.
    coords : dict
        Name -> (dimensions, values), in SI units.
    along : numpy.ndarray or None
        Distance along a 2-D velocity section in depth (m), which then has dimensions depth, x.
    findings : list of Finding
        Everything the headers contradict.
    """

    file: SegyFile
    geometry: Geometry
    content: Content
    axis: np.ndarray
    coords: Coords
    along: np.ndarray | None
    findings: list[Finding]

    def __deepcopy__(self, memo: dict[int, Any]) -> Cube:
        """Itself: copies of a dataset share the file."""
        return self

    @property
    def reason(self) -> str:
        """Why the file opens as it does, for a person."""
        return "; ".join(r for r in (self.geometry.reason, self.content.reason) if r)

    def dataset(self) -> xr.Dataset:
        """The lazy, labelled cube."""
        file, content = self.file, self.content
        trace_dims = self.geometry.dims if self.along is None else ("x",)
        first = self.along is not None
        dims = (content.vertical, *trace_dims) if first else (*trace_dims, content.vertical)
        array = SegyArray(file, self.geometry.lookup, sample_axis_first=first, scale=content.scale)
        variable = array.variable(dims)
        if chunks := _preferred_chunks(variable):
            variable.encoding["preferred_chunks"] = chunks
        attrs = conventions.provenance(
            source=str(file.path),
            source_format="SEG-Y",
            revision="{}.{}".format(*file.revision),
            byte_order=file.byte_order,
            sample_format=str(file.format),
            layout=self.geometry.layout,
            interpretation=self.reason,
            contradictions="\n".join(map(str, self.findings)) or None,
            text_header=file.text,
        )
        coords = {**self.coords, content.vertical: ((content.vertical,), self.axis)}
        ds = conventions.describe(xr.Dataset({content.quantity: variable}, coords, attrs))
        ds.encoding[CUBE_KEY] = self  # for writers, that take along what the dataset does not hold
        return ds


def read_cube(
    path: str | os.PathLike[str],
    *,
    layout: str | None = None,
    headers: Mapping[str, int | tuple[int, str]] | None = None,
    coordinate_scale: float | None = None,
    sample_interval: float | None = None,
    sample_format: int | None = None,
    quantity: str | None = None,
    vertical: str | None = None,
) -> Cube:
    """Open a file and decide what it holds; the options are those of :class:`.backend.SegyBackend`.

    Returns
    -------
    Cube
        The decisions, their reasons, and what contradicts them. No samples are read, except of a
        few traces where velocities have to be told from amplitudes.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If the file is no SEG-Y file, or an option does not fit it.
    """
    file = SegyFile(
        path, headers=headers, sample_format=sample_format, sample_interval=sample_interval
    )
    geometry = find_geometry(file, layout)
    content = find_content(file, geometry.layout, quantity, vertical)
    axis = file.axis(content.vertical) * content.vertical_scale
    length = float(axis[-1] - axis[0]) if len(axis) > 1 else np.inf
    positions = find_positions(
        file,
        record_length=length,
        vertical=content.vertical,
        coordinate_scale=coordinate_scale,
    )
    findings = [*file.findings, *geometry.findings, *content.findings, *positions.findings]
    findings += _varying_delay(file)
    along = None
    if geometry.layout == "shots":
        coords = _shot_coords(file, geometry, positions, findings)
    elif geometry.layout == "line":
        coords = _line_coords(geometry, positions)
        if (content.quantity, content.vertical) == ("velocity", "depth"):
            along = _along(coords)
    else:
        coords = _grid_coords(file, geometry, positions)
    coords.update(_own_fields(file, geometry, headers))
    if along is not None:
        coords = {name: (("x",), values) for name, (_, values) in coords.items()}
        coords["x"] = (("x",), along)
    return Cube(file, geometry, content, axis, coords, along, findings)


def _shot_coords(
    file: SegyFile, geometry: Geometry, positions: Positions, findings: list[Finding]
) -> Coords:
    lookup = geometry.lookup
    live = lookup >= 0
    first = lookup[np.arange(len(lookup)), np.argmax(live, axis=1)]  # a trace of each shot
    shot, both = ("shot",), ("shot", "receiver")
    coords: Coords = {"field_record": (shot, file.field("field_record")[first])}
    points = file.field("energy_source_point").astype(np.float64)
    if not points.any() and file.revision >= (1, 0):
        points = _scaled(file.field("shot_point"), file.field("shot_point_scalar"))
    if points.any():
        whole = (points == np.rint(points)).all()
        coords["source_point"] = (shot, points[first].astype(np.int64) if whole else points[first])
    coords["channel"] = (("receiver",), geometry.axes["receiver"])
    if positions.source:
        for name, values in zip(("source_x", "source_y"), positions.source, strict=True):
            coords[name] = (shot, values[first])
        _check_one_source(lookup, positions.source, first, findings)
    if positions.receiver:
        for name, values in zip(("receiver_x", "receiver_y"), positions.receiver, strict=True):
            coords[name] = (both, _spread(values, lookup))
    if positions.source_depth is not None:
        coords["source_depth"] = (shot, positions.source_depth[first])
    if positions.receiver_depth is not None:
        coords["receiver_depth"] = (both, _spread(positions.receiver_depth, lookup))
    for name, values in positions.elevations.items():
        at_source = name.startswith("source")
        coords[name] = (shot, values[first]) if at_source else (both, _spread(values, lookup))
    for name in ("cdp", "cdp_trace"):
        numbers = file.field(name)
        if numbers.any():
            coords[name] = (both, _spread(numbers, lookup))
    offset = find_offsets(file, lookup, positions, findings)
    if offset is not None:
        coords["offset"] = (both, offset)
    dead = np.isin(file.field("trace_identification_code"), _DEAD)
    coords["live"] = (both, live & ~dead[lookup])
    return coords


def _check_one_source(
    lookup: np.ndarray, source: Point, first: np.ndarray, findings: list[Finding]
) -> None:
    apart = np.hypot(*(c[lookup] - c[first][:, None] for c in source))
    apart[lookup < 0] = 0
    moved = (apart > 0).any(axis=1)
    if moved.any():
        findings.append(
            Finding(
                "source coordinates",
                {"gathers whose traces disagree": f"{moved.sum()} of {len(moved)}"},
                "those of each gather's first trace used",
                f"a shot has one position; they differ by up to {apart.max():g} m",
            )
        )


def _line_coords(geometry: Geometry, positions: Positions) -> Coords:
    coords: Coords = {"cdp": (("cdp",), geometry.axes["cdp"])}
    points = _midpoints(positions)
    if points:
        for name, values in zip(("cdp_x", "cdp_y"), points, strict=True):
            coords[name] = (("cdp",), values[geometry.lookup])
    return coords


def _grid_coords(file: SegyFile, geometry: Geometry, positions: Positions) -> Coords:
    coords: Coords = {name: ((name,), geometry.axes[name]) for name in ("inline", "crossline")}
    lookup, plane = geometry.lookup, ("inline", "crossline")
    if geometry.layout == "offset":
        unit = FOOT if file.binary["measurement_system"] == 2 else 1
        coords["offset"] = (("offset",), geometry.axes["offset"] * unit)
    if geometry.missing:
        coords["live"] = (geometry.dims, lookup >= 0)
    points = _midpoints(positions)
    if points:
        one = lookup if lookup.ndim == 2 else lookup.max(axis=2)
        for name, values in zip(("cdp_x", "cdp_y"), points, strict=True):
            coords[name] = (plane, _spread(values, one))
    return coords


def _midpoints(positions: Positions) -> Point | None:
    """CDP positions; where they are not filled, the middle of source and receiver."""
    if positions.cdp or not positions.source:
        return positions.cdp
    if not positions.receiver:
        return positions.source
    (sx, sy), (rx, ry) = positions.source, positions.receiver
    return (sx + rx) / 2, (sy + ry) / 2


def _along(coords: Coords) -> np.ndarray | None:
    """Distance along a line (m): its x where it follows the x axis, else counted from its start."""
    if "cdp_x" not in coords:
        return None
    x, y = coords["cdp_x"][1], coords["cdp_y"][1]
    steps = np.hypot(np.diff(x), np.diff(y))
    if not (steps > 0).all():
        return None
    if (y == y[0]).all() and (np.diff(x) > 0).all():
        return x
    return np.concatenate([[0.0], np.cumsum(steps)])


def _own_fields(file: SegyFile, geometry: Geometry, headers: Mapping[str, Any] | None) -> Coords:
    """Fields under names of the user's own, one value a trace."""
    standard = {f.name for f in TRACE_FIELDS} | set(CUBE_NAMES)
    return {
        name: (geometry.dims, _spread(file.field(name), geometry.lookup))
        for name in (headers or {})
        if name not in standard
    }


def _spread(values: np.ndarray, lookup: np.ndarray) -> np.ndarray:
    """Values of traces laid out over the cells; NaN where there is no trace."""
    laid = values[lookup]
    missing = lookup < 0
    if missing.any():
        laid = laid.astype(np.float64)
        laid[missing] = np.nan
    return laid


def _varying_delay(file: SegyFile) -> list[Finding]:
    delays = file.field("delay_recording_time")
    low, high = int(delays.min()), int(delays.max())
    if low == high:
        return []
    return [
        Finding(
            "delay recording time",
            {"trace headers": f"{low} to {high} ms"},
            f"{int(delays[0])} ms (first trace) used for all",
            "the traces of a cube share one axis",
        )
    ]


def _preferred_chunks(variable: xr.Variable) -> dict[str, int]:
    """Chunks of whole traces, cut along the slowest dimensions; none for a cube of one chunk."""
    sizes = dict(zip(map(str, variable.dims), variable.shape, strict=True))
    chunks = dict(sizes)
    size = variable.dtype.itemsize * int(np.prod(variable.shape, dtype=np.int64))
    for dim in (d for d in sizes if d not in ("time", "depth")):
        if size <= _CHUNK_BYTES:
            return chunks if chunks != sizes else {}
        size //= sizes[dim]
        chunks[dim] = int(np.clip(_CHUNK_BYTES // max(size, 1), 1, sizes[dim]))
        size *= chunks[dim]
    return chunks
