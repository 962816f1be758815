"""Formats to labelled xarray cubes, and back.

Opening needs no function of ours: xarray finds the formats by itself
(``xarray.open_dataset("line.sgy")``). Here is the rest: what is in a file, its trace headers as a
table, the writers, windows and resampling for any cube, and :func:`open_cube`, which opens whatever
it is given and says in one line why it cannot.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "convert",
    "describe_segy",
    "open_cube",
    "read_headers",
    "resample",
    "select",
    "verify_checksums",
    "write_checksums",
    "write_netcdf",
    "write_openfwi",
    "write_segy",
    "write_zarr",
]

# Each format loads when it is first asked for (PEP 562).
_HOMES = {
    "convert": "conversion",
    "describe_segy": "segy.describe",
    "open_cube": "opening",
    "read_headers": "segy.table",
    "resample": "resampling",
    "select": "selection",
    "verify_checksums": "checksums",
    "write_checksums": "checksums",
    "write_netcdf": "netcdf_write",
    "write_openfwi": "openfwi",
    "write_segy": "segy.write",
    "write_zarr": "zarr_write",
}
_MODULES = {"openfwi", "segy", "seismology"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"seisgeo.adapters.{_HOMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"seisgeo.adapters.{name}")
    raise AttributeError(f"module 'seisgeo.adapters' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
