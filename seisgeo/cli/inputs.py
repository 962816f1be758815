"""What the commands read, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_cube", "open_pairs"]


def open_cube(path: Path) -> xr.Dataset:
    """Open whatever seisgeo reads, lazily."""
    from seisgeo import adapters

    return adapters.open_cube(path)


def open_pairs(path: Path) -> xr.Dataset:
    """Open gathers and their velocity models."""
    ds = open_cube(path)
    if not all(v in ds and "sample" in ds[v].dims for v in ("amplitude", "velocity")):
        found = ", ".join(f"{k} ({', '.join(map(str, v.dims))})" for k, v in ds.data_vars.items())
        raise FormatError(
            f"{path}: expected pairs of gathers, amplitude (sample, source, time, receiver), and "
            "models, velocity (sample, depth, x), as `seisgeo synth` writes them; found "
            f"{found or 'no variables'}"
        )
    if ds.sizes["sample"] < 2:
        raise FormatError(f"{path}: at least 2 pairs are needed, found {ds.sizes['sample']}")
    return ds
