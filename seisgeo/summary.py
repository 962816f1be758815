"""What is in a file, as data; :mod:`seisgeo.summary_text` says it to people."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import adapters, conventions
from seisgeo.adapters.opening import find_engine
from seisgeo.adapters.segy.cube import CUBE_KEY
from seisgeo.adapters.segy.describe import describe_cube
from seisgeo.adapters.segy.source import Url, as_place
from seisgeo.errors import MissingFileError, SeisgeoError
from seisgeo.pretrained import available, model_file
from seisgeo.retrieval.stored import is_gallery
from seisgeo.synth.survey import Survey

__all__ = ["summarise", "summarise_cube"]

#: What the readers' files are called.
_FORMATS = {
    "seisgeo-openfwi": "OpenFWI",
    "seisgeo-events": "seismograms",
    "seisgeo-seg2": "SEG-2",
    "zarr": "Zarr store",
    "h5netcdf": "NetCDF",
}
#: Attributes that have a place of their own in a summary.
_SHOWN_APART = {"contradictions", "text_header", "survey", "generation"}


def summarise(
    path: str | os.PathLike[str], *, engine: str | None = None, **options: Any
) -> dict[str, Any]:
    """Describe a file without reading its samples.

    Parameters
    ----------
    path : path-like
        SEG-Y, OpenFWI, Zarr, NetCDF, or a saved model; SEG-Y also by its URL, a model that comes
        with seisgeo by its name.
    engine : str, optional
        Reader to use, if not the one that recognises the file.
    **options
        Options of that reader.

    Returns
    -------
    dict
        Ready for JSON: what is not finite is None. ``file``, ``findings`` (contradictions, a
        sentence each) and ``format`` are always there; the rest of a SEG-Y file is what
        :func:`seisgeo.adapters.describe_segy` gives.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If nothing can read it.
    """
    file = as_place(path)
    if isinstance(file, Path):
        if not file.exists() and os.fspath(path) in available():
            file = model_file(path)
        if not file.exists():
            raise MissingFileError(f"{file}: no such file or folder")
        if engine is None and _is_model(file):
            return _model(file)
        if engine is None and is_gallery(file):
            return _gallery(file)
    engine = find_engine(path, engine)
    if engine in ("seisgeo-segy", "seisgeo-su"):
        return adapters.describe_segy(path, **options)
    with adapters.open_cube(path, engine=engine, **options) as ds:
        return summarise_cube(path, ds, engine)


def summarise_cube(path: str | os.PathLike[str], ds: xr.Dataset, engine: str) -> dict[str, Any]:
    """Describe a file that `engine` has opened, as :func:`summarise` does."""
    if CUBE_KEY in ds.encoding:
        return describe_cube(ds.encoding[CUBE_KEY])
    return {"format": _FORMATS.get(engine, engine), **_cube(as_place(path), ds)}


def _is_model(file: Path) -> bool:
    """Whether a file is named as a model, or begins as safetensors do: a length, then JSON."""
    if file.is_dir():
        return False
    with file.open("rb") as stream:
        head = stream.read(10)
    return file.suffix == ".seisbind" or head[8:] == b'{"'


def _model(file: Path) -> dict[str, Any]:
    from seisgeo.estimators.persistence import load

    model = load(file)
    # A model of published weights has no history.
    best: dict[str, float] = min(
        model.history_, key=lambda row: row.get("val_loss", row["train_loss"]), default={}
    )
    survey = getattr(model, "survey_", None)
    form = getattr(model, "form_", None)
    return {
        "file": str(file),
        "findings": [],
        "format": f"{type(model).__name__} model",
        "size": file.stat().st_size,
        "id": getattr(model, "model_id_", None),
        "samples": {k: list(v) for k, v in getattr(model, "shapes_", {}).items()},
        "records": form.to_dict() if form else None,
        "classes": [str(name) for name in getattr(model, "classes_", [])],
        "epochs": len(model.history_),
        "best_epoch": {k: _finite(v) for k, v in best.items()},
        "parameters": {
            k: v
            for k, v in model.get_params(deep=False).items()
            if isinstance(v, str | int | float | None)
        },
        "survey": json.loads(survey.to_json()) if survey else None,
    }


def _gallery(file: Path) -> dict[str, Any]:
    from seisgeo.retrieval import Gallery

    gallery = Gallery.load(file)
    labels = gallery.labels
    return {
        "file": str(file),
        "findings": [],
        "format": "gallery",
        "size": _size(file),
        "samples": len(gallery),
        "modality": gallery.modality,
        "index": gallery.kind,
        "model": gallery.model_id,
        "filters": {
            str(name): _range(labels[name].to_numpy())
            if labels[name].dtype.kind in "fiuM"
            else sorted(set(map(str, labels[name])))
            for name in labels
        },
    }


def _cube(file: Path | Url, ds: xr.Dataset) -> dict[str, Any]:
    findings = str(ds.attrs.get("contradictions", "")).splitlines()
    if not ds.data_vars:
        findings.append("no cube: nothing at the top of this file is an array with dimensions")
    axes = {axis: ds[axis].values for axis in ("time", "depth") if axis in ds.indexes}
    families = [str(f) for f in ds["family"].values.flat] if "family" in ds.coords else []
    return {
        "file": str(file),
        "findings": findings,
        "size": _size(file),
        "kinds": list(conventions.kinds(ds)),
        "dimensions": {str(k): int(v) for k, v in ds.sizes.items()},
        "interval": {k: round(float(v[1] - v[0]), 9) for k, v in axes.items() if len(v) > 1},
        "variables": {
            str(k): {
                "dimensions": list(map(str, v.dims)),
                "type": str(v.dtype),
                "units": str(v.attrs.get("units", "")),
            }
            for k, v in ds.data_vars.items()
        },
        "coordinates": {
            str(k): _range(v.values)
            for k, v in ds.coords.items()
            if v.dtype.kind in "fiuM" and v.size
        },
        "names": _names(ds) if "event" in ds.dims else {},
        "families": {name: families.count(name) for name in dict.fromkeys(families)},
        "survey": _survey(ds),
        "attributes": {
            str(k): _finite(v)
            for k, v in ds.attrs.items()
            if k not in _SHOWN_APART and isinstance(v, str | int | float | np.number)
        },
        "text_header": str(ds.attrs.get("text_header", "")),
    }


def _size(file: Path | Url) -> int | None:
    if isinstance(file, Url):
        return None
    files = file.rglob("*") if file.is_dir() else [file]
    return sum(f.stat().st_size for f in files if f.is_file())


def _survey(ds: xr.Dataset) -> dict[str, Any] | None:
    try:
        return json.loads(Survey.from_attrs(ds).to_json())
    except (SeisgeoError, KeyError, TypeError, ValueError):  # of another library, or none
        return None


def _finite(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _names(ds: xr.Dataset) -> dict[str, list[str]]:
    """Codes of stations, kinds of sources, …: the distinct texts among the coordinates."""
    return {
        str(k): [name for name in dict.fromkeys(map(str, v.values.flat)) if name]
        for k, v in ds.coords.items()
        if v.dtype.kind in "UTO"
    }


def _range(values: np.ndarray) -> list[int | float] | list[str] | None:
    kept = values[np.isfinite(values)]
    if kept.size and kept.dtype.kind == "M":
        return [str(end.astype("M8[ms]")) for end in (kept.min(), kept.max())]
    return [kept.min().item(), kept.max().item()] if kept.size else None
