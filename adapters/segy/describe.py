"""What is in a SEG-Y file, for people and scripts."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from seisgeo.adapters.segy.cube import Cube, read_cube
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.measures import measure

__all__ = ["describe_cube", "describe_segy"]


def describe_segy(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Describe a SEG-Y or SU file without reading its samples.

    Parameters
    ----------
    path : path-like or str
        The file, or its URL.
    **options
        Options of ``xarray.open_dataset(..., engine="seisgeo-segy")``: ``layout``, ``keys``,
        ``headers``, ``coordinate_scale``, ``sample_interval``, ``sample_format``, ``quantity``,
        ``vertical``, ``storage_options``.

    Returns
    -------
    dict
        Ready for JSON. ``findings`` first: a sentence for each contradiction. Then the file
        (``size``, ``revision``, ``byte_order``, ``sample_format``, ``traces``, ``samples``,
        ``interval`` in s or m), the cube (``layout`` with ``confidence`` and ``layout_reason``,
        ``samples_reason``, both as ``interpretation``, ``sort_order``, ``variable``,
        ``dimensions``, ``missing_traces``, ``survey`` (:func:`.measures.measure`),
        ``coordinates`` as [lowest, highest] in SI units), the
        header fields that are filled (``binary_header``; ``trace_headers``, one value where all
        traces agree, else [lowest, highest]), the names of additional trace headers
        (``header_names``), the sections of the extended text (``stanzas``: ``name`` and what they
        give as ``keyword = value``), and ``text_header``.

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
    return describe_cube(read_cube(path, **options))


def describe_cube(cube: Cube) -> dict[str, Any]:
    """Describe a file that is open, as :func:`describe_segy` does."""
    file, content = cube.file, cube.content
    coordinates = {**cube.coords, content.vertical: ((content.vertical,), cube.axis)}
    step = round(float(cube.axis[1] - cube.axis[0]), 9) if len(cube.axis) > 1 else None
    return {
        "file": str(file.path),
        "findings": [str(finding) for finding in cube.findings],
        "format": file.form,
        "size": file.size,
        "revision": "{}.{}".format(*file.revision),
        "byte_order": file.byte_order,
        "sample_format": str(file.format),
        "traces": file.n_traces,
        "samples": file.n_samples,
        "interval": step,
        "layout": cube.geometry.layout,
        "confidence": cube.geometry.confidence,
        "layout_reason": cube.geometry.reason,
        "samples_reason": cube.content.reason,
        "sort_order": cube.geometry.sort_order,
        "interpretation": cube.reason,
        "variable": content.quantity,
        "dimensions": _dimensions(cube),
        "missing_traces": cube.geometry.missing,
        "survey": measure(cube),
        "coordinates": {
            name: _range(values)
            for name, (_, values) in coordinates.items()
            if values.dtype.kind != "b"
        },
        "binary_header": {k: v for k, v in file.binary.items() if v and np.isfinite(v)},
        "trace_headers": _filled(file),
        "header_names": [name for name in file.header_map.headers[1:] if name],
        "stanzas": [{"name": str(s), **s.values} for s in file.stanzas],
        "text_header": file.text,
    }


def _dimensions(cube: Cube) -> dict[str, int]:
    variable = cube.dataset()[cube.content.quantity]
    return {str(dim): int(size) for dim, size in variable.sizes.items()}


def _range(values: np.ndarray) -> list[int | float] | None:
    kept = values[np.isfinite(values)]
    return [kept.min().item(), kept.max().item()] if kept.size else None


def _filled(file: SegyFile) -> dict[str, Any]:
    """Fields that any trace fills."""
    filled: dict[str, Any] = {}
    for name in file.header_map.listed:
        values = file.field(name)
        ends = _range(values) if values.dtype.kind in "iuf" else None
        if ends and ends != [0, 0]:
            filled[name] = ends[0] if ends[0] == ends[1] else ends
    return filled
