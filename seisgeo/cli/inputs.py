"""What the commands read, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seisgeo.errors import FormatError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["load_model", "open_cube", "open_pairs", "open_queries", "open_records"]


def open_cube(path: Path) -> xr.Dataset:
    """Open whatever seisgeo reads, lazily."""
    from seisgeo import adapters

    return adapters.open_cube(path)


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


def open_queries(path: Path) -> xr.Dataset:
    """Open what a SeisBind is asked with: any cube, or a table of known descriptors."""
    if path.suffix.lower() != ".csv":
        return open_cube(path)
    import pandas as pd

    from seisgeo import descriptors
    from seisgeo.errors import MissingFileError

    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not a table of descriptors: {error}") from None
    names = [name for name in table.columns if name in descriptors.DESCRIPTORS]
    strange = [n for n in table.columns if n not in names and n.removesuffix("_std") not in names]
    words = [n for n in table.columns if not pd.api.types.is_numeric_dtype(table[n])]
    if strange or not names or words or not len(table):
        found = ", ".join(map(str, strange or words or table.columns))
        raise FormatError(
            f"{path}: expected columns of numbers, named as descriptors, and NAME_std for their "
            f"standard deviations; found {found or 'nothing'}"
            + (", which holds no numbers" if words and not strange else "")
            + (" and no row" if not len(table) else "")
            + f". Descriptors: {', '.join(descriptors.DESCRIPTORS)}"
        )
    columns = {n: table[n].to_numpy(float) for n in table.columns}
    given = {n: (columns[n], columns.get(f"{n}_std", 0.0)) for n in names}
    return descriptors.given(**given)


def open_records(path: Path) -> xr.Dataset:
    """Open seismograms of events."""
    ds = open_cube(path)
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
