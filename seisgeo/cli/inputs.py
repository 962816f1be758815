"""What the commands read, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seisgeo.errors import FormatError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["load_model", "open_cube", "open_pairs", "open_records"]


def open_cube(path: Path, split: str | None = None) -> xr.Dataset:
    """Open whatever seisgeo reads, lazily; of a data set in SeisBench's format, a split."""
    from seisgeo import adapters
    from seisgeo.adapters.opening import find_engine

    if split is None:
        return adapters.open_cube(path)
    engine = find_engine(path)
    if engine != "seisgeo-events":
        raise FormatError(
            f"{path}: --split {split} is for data sets in SeisBench's format; this is read with "
            f"{engine}"
        )
    return adapters.open_cube(path, engine=engine, split=split)


def open_pairs(path: Path) -> xr.Dataset:
    """Open gathers and their velocity models."""
    ds = open_cube(path)
    if not all(v in ds and "sample" in ds[v].dims for v in ("amplitude", "velocity")):
        hint = "; seismograms are for --model seisclip or simclr" if _is_records(ds) else ""
        raise FormatError(
            f"{path}: expected pairs of gathers, amplitude (sample, source, time, receiver), and "
            "models, velocity (sample, depth, x), as `seisgeo synth` writes them; found "
            f"{_contents(ds)}{hint}"
        )
    if ds.sizes["sample"] < 2:
        raise FormatError(f"{path}: at least 2 pairs are needed, found {ds.sizes['sample']}")
    return ds


def open_records(path: Path, split: str | None = None) -> xr.Dataset:
    """Open seismograms of events."""
    ds = open_cube(path, split)
    if not _is_records(ds):
        hint = "; gathers and velocity models are for SeisBind" if "velocity" in ds else ""
        raise FormatError(
            f"{path}: expected seismograms, amplitude (event, component, time), as "
            f"`seisgeo detect --windows` writes them; found {_contents(ds)}{hint}"
        )
    return ds


def _is_records(ds: xr.Dataset) -> bool:
    return "amplitude" in ds and set(ds["amplitude"].dims) == {"event", "component", "time"}


def _contents(ds: xr.Dataset) -> str:
    found = ", ".join(f"{k} ({', '.join(map(str, v.dims))})" for k, v in ds.data_vars.items())
    return found or "no variables"


def load_model(path: Path, *kinds: str) -> Any:
    """Load a fitted model, from a file or by a name of those that come with seisgeo.

    Where any kinds are named, of one of these.
    """
    import seisgeo
    from seisgeo.pretrained import model_file

    model = seisgeo.load(model_file(path))
    found = type(model).__name__
    if kinds and found not in kinds:
        raise ParameterError(f"{path}: expected a model of {' or '.join(kinds)}; this is {found}")
    return model
