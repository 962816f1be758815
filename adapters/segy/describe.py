"""What is in a SEG-Y file, for people and scripts."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from seisgeo import conventions
from seisgeo.adapters.segy.cube import Cube, read_cube
from seisgeo.adapters.segy.fields import TRACE_FIELDS
from seisgeo.adapters.segy.file import ORDERS, SegyFile

__all__ = ["describe_segy"]


def describe_segy(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Describe a SEG-Y file without reading its samples.

    Parameters
    ----------
    path : path-like
        The file.
    **options
        Options of ``xarray.open_dataset(..., engine="seisgeo-segy")``: ``layout``, ``headers``,
        ``coordinate_scale``, ``sample_interval``, ``sample_format``, ``quantity``, ``vertical``.

    Returns
    -------
    dict
        Ready for JSON: ``contradictions`` (each with ``field``, ``values``, ``won``, ``why``)
        first, then the file (``size``, ``revision``, ``byte_order``, ``sample_format``,
        ``traces``, ``samples``, ``interval``), the cube (``layout``, ``interpretation``,
        ``variable``, ``dimensions``, ``missing_traces``, ``coordinates`` with their ranges and
        units), ``binary_header`` and ``trace_headers`` (the fields that are filled, these with
        their ranges), and ``text_header`` (a list of lines).

    Raises
    ------
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
    step = float(cube.axis[1] - cube.axis[0]) if len(cube.axis) > 1 else None
    return {
        "file": str(file.path),
        "contradictions": [f._asdict() for f in cube.findings],
        "format": "SEG-Y",
        "size": file.size,
        "revision": "{}.{}".format(*file.revision),
        "byte_order": ORDERS[file.order],
        "sample_format": {"code": file.format.code, "name": file.format.name},
        "traces": file.n_traces,
        "samples": file.n_samples,
        "interval": {
            "value": None if step is None else round(step, 9),
            "units": conventions.ATTRS[content.vertical]["units"],
        },
        "layout": cube.geometry.layout,
        "interpretation": cube.reason,
        "variable": content.quantity,
        "dimensions": _dimensions(cube),
        "missing_traces": cube.geometry.missing,
        "coordinates": {
            name: {**_range(values), "units": conventions.ATTRS.get(name, {}).get("units", "1")}
            for name, (_, values) in coordinates.items()
            if values.dtype.kind != "b"
        },
        "binary_header": {k: v for k, v in file.binary.items() if v and np.isfinite(v)},
        "trace_headers": _filled(file),
        "text_header": file.text.splitlines(),
    }


def _dimensions(cube: Cube) -> dict[str, int]:
    variable = cube.dataset()[cube.content.quantity]
    return {str(dim): int(size) for dim, size in variable.sizes.items()}


def _range(values: np.ndarray) -> dict[str, int | float | None]:
    kept = values[np.isfinite(values)]
    if not kept.size:
        return {"min": None, "max": None}
    return {"min": kept.min().item(), "max": kept.max().item()}


def _filled(file: SegyFile) -> dict[str, dict[str, Any]]:
    """Ranges of the standard fields that any trace fills."""
    standard = {f.name for f in TRACE_FIELDS}
    ranges = {f.name: _range(file.field(f.name)) for f in file.fields if f.name in standard}
    return {k: r for k, r in ranges.items() if (r["min"], r["max"]) != (0, 0)}
