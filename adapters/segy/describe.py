"""What is in a SEG-Y file, for people and scripts."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from seisgeo.adapters.segy.cube import Cube, read_cube
from seisgeo.adapters.segy.fields import TRACE_FIELDS
from seisgeo.adapters.segy.file import SegyFile

__all__ = ["describe_segy"]


def describe_segy(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Describe a SEG-Y file without reading its samples.

    Parameters
    ----------
    path : path-like or str
        The file, or its URL.
    **options
        Options of ``xarray.open_dataset(..., engine="seisgeo-segy")``: ``layout``, ``headers``,
        ``coordinate_scale``, ``sample_interval``, ``sample_format``, ``quantity``, ``vertical``,
        ``storage_options``.

    Returns
    -------
    dict
        Ready for JSON. ``findings`` first: a sentence for each contradiction. Then the file
        (``size``, ``revision``, ``byte_order``, ``sample_format``, ``traces``, ``samples``,
        ``interval`` in s or m), the cube (``layout``, ``interpretation``, ``variable``,
        ``dimensions``, ``missing_traces``, ``coordinates`` as [lowest, highest] in SI units), the
        header fields that are filled (``binary_header``; ``trace_headers``, one value where all
        traces agree, else [lowest, highest]), and ``text_header``.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is no SEG-Y file.

    Examples
    --------
    >>> from seisgeo.adapters import describe_segy
    >>> describe_segy("line.sgy")["layout"]  # doctest: +SKIP
    'shots'
    """
    cube = read_cube(path, **options)
    file, content = cube.file, cube.content
    coordinates = {**cube.coords, content.vertical: ((content.vertical,), cube.axis)}
    step = round(float(cube.axis[1] - cube.axis[0]), 9) if len(cube.axis) > 1 else None
    return {
        "file": str(file.path),
        "findings": [str(finding) for finding in cube.findings],
        "format": "SEG-Y",
        "size": file.size,
        "revision": "{}.{}".format(*file.revision),
        "byte_order": file.byte_order,
        "sample_format": str(file.format),
        "traces": file.n_traces,
        "samples": file.n_samples,
        "interval": step,
        "layout": cube.geometry.layout,
        "interpretation": cube.reason,
        "variable": content.quantity,
        "dimensions": _dimensions(cube),
        "missing_traces": cube.geometry.missing,
        "coordinates": {
            name: _range(values)
            for name, (_, values) in coordinates.items()
            if values.dtype.kind != "b"
        },
        "binary_header": {k: v for k, v in file.binary.items() if v and np.isfinite(v)},
        "trace_headers": _filled(file),
        "text_header": file.text,
    }


def _dimensions(cube: Cube) -> dict[str, int]:
    variable = cube.dataset()[cube.content.quantity]
    return {str(dim): int(size) for dim, size in variable.sizes.items()}


def _range(values: np.ndarray) -> list[int | float] | None:
    kept = values[np.isfinite(values)]
    return [kept.min().item(), kept.max().item()] if kept.size else None


def _filled(file: SegyFile) -> dict[str, Any]:
    """Standard fields that any trace fills."""
    standard = {f.name for f in TRACE_FIELDS}
    filled: dict[str, Any] = {}
    for field in file.fields:
        ends = _range(file.field(field.name)) if field.name in standard else None
        if ends and ends != [0, 0]:
            filled[field.name] = ends[0] if ends[0] == ends[1] else ends
    return filled
