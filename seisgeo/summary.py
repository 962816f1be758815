"""What is in a file, as data: behind ``seisgeo info``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import adapters, conventions

__all__ = ["summarise"]


def summarise(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe a file.

    Parameters
    ----------
    path : path-like
        SEG-Y, OpenFWI, Zarr, NetCDF, or a saved model.

    Returns
    -------
    dict
        Ready for JSON. ``findings`` lists contradictions; SEG-Y has what
        :func:`seisgeo.adapters.describe_segy` gives.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such file or folder")
    if file.suffix.lower() in {".sgy", ".segy", ".seg"}:
        return adapters.describe_segy(file)
    if file.suffix == ".seisbind":
        from seisgeo.estimators.persistence import load

        model = load(file)
        return {
            "file": str(file),
            "estimator": type(model).__name__,
            "id": model.model_id_,
            "samples": {k: list(v) for k, v in model.shapes_.items()},
            "parameters": model.get_params(),
            "survey": json.loads(model.survey_.to_json()) if model.survey_ else None,
            "epochs": len(model.history_),
        }
    with xr.open_dataset(file) as ds:
        return {
            "file": str(file),
            "kinds": list(conventions.kinds(ds)),
            "sizes": {str(k): int(v) for k, v in ds.sizes.items()},
            "variables": {
                str(k): f"{v.dtype} {tuple(v.dims)} {v.attrs.get('units', '')}".strip()
                for k, v in ds.data_vars.items()
            },
            "coordinates": {
                str(k): [float(v.min()), float(v.max())]
                for k, v in ds.coords.items()
                if np.issubdtype(v.dtype, np.number) and v.size
            },
            "attributes": {
                str(k): v for k, v in ds.attrs.items() if isinstance(v, str | int | float)
            },
        }
