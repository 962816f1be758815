"""From a file to a labelled cube: layout, content and positions put together."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.affine import GridMap
from seisgeo.adapters.segy.array import SegyArray
from seisgeo.adapters.segy.content import Content, find_content
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.coordinates import (
    Coords,
    along,
    find_coordinates,
    grid_map,
    own_fields,
)
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.geometry import Geometry
from seisgeo.adapters.segy.mapping import Headers
from seisgeo.adapters.segy.positions import find_positions
from seisgeo.adapters.segy.recognise import find_geometry

__all__ = ["CUBE_KEY", "Cube", "read_cube"]

#: Where a dataset's ``encoding`` keeps the file that it was opened from.
CUBE_KEY = "segy_cube"

# Size of a dask chunk (bytes) when the user asks for chunks and names no sizes.
_CHUNK_BYTES = 64 << 20


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
    grid : GridMap or None
        The map from inline and crossline numbers to CDP coordinates.
    findings : list of Finding
        Everything the headers contradict.
    """

    file: SegyFile
    geometry: Geometry
    content: Content
    axis: np.ndarray
    coords: Coords
    along: np.ndarray | None
    grid: GridMap | None
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
            confidence=self.geometry.confidence,
            sort_order=self.geometry.sort_order,
            interpretation=self.reason,
            contradictions="\n".join(map(str, self.findings)) or None,
            text_header=file.text,
            **(self.grid.attrs() if self.grid else {}),
        )
        coords = {**self.coords, content.vertical: ((content.vertical,), self.axis)}
        ds = conventions.describe(xr.Dataset({content.quantity: variable}, coords, attrs))
        ds.encoding[CUBE_KEY] = self  # for writers, that take along what the dataset does not hold
        return ds


def read_cube(
    path: str | os.PathLike[str],
    *,
    layout: str | None = None,
    keys: str | Sequence[str] | None = None,
    headers: Headers | None = None,
    coordinate_scale: float | None = None,
    sample_interval: float | None = None,
    sample_format: int | None = None,
    quantity: str | None = None,
    vertical: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
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
    RemoteFileError
        If a remote file cannot be read.
    """
    file = SegyFile(
        path,
        headers=headers,
        sample_format=sample_format,
        sample_interval=sample_interval,
        storage_options=storage_options,
    )
    with file.keeping_fields():
        geometry = find_geometry(file, layout, keys)
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
        coords = find_coordinates(file, geometry, positions, findings)
        grid, off_grid = grid_map(file, geometry, coords)
        findings += off_grid
        section = None
        is_model = (content.quantity, content.vertical) == ("velocity", "depth")
        if geometry.layout == "line" and is_model:
            section = along(coords)
        if file.sample_counts is not None:
            lookup = geometry.lookup
            counts = np.where(lookup >= 0, file.sample_counts[lookup], 0).astype(np.int32)
            coords["sample_count"] = (geometry.dims, counts)
        coords.update(own_fields(file, geometry))
    if section is not None:
        coords.pop("distance")  # x says the same
        coords = {name: (("x",), values) for name, (_, values) in coords.items()}
        coords["x"] = (("x",), section)
    return Cube(file, geometry, content, axis, coords, section, grid, findings)


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
