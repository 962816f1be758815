"""Labels of event records, checked; and answers as cubes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.estimators.records import numbers_of

__all__ = ["along_event", "labels_of", "numbers_by_name"]


def labels_of(X: xr.Dataset, y: Any, name: str) -> np.ndarray:
    """Labels of each record, none of them missing."""
    if y is None:
        if name not in X.variables:
            raise ConventionError(
                f"labels are missing: pass y, or give the records the coordinate {name!r}"
            )
        y = X[name].values
    labels = np.asarray(y)
    _require_rows(X, labels)
    missing = np.array([v is None or v != v or str(v) == "" for v in labels.tolist()])
    if missing.any():
        raise ConventionError(
            f"labels are missing for {missing.sum()} of {len(labels)} records, the first is event "
            f"{int(np.argmax(missing))}: fit on those that have one"
        )
    # As objects first: Zarr gives texts of a type that neither NumPy nor scikit-learn casts.
    return labels.astype(object).astype(str) if labels.dtype.kind in "OT" else labels


def numbers_by_name(X: xr.Dataset, y: Any, names: Sequence[str]) -> np.ndarray:
    """Labels as numbers, shape (event, name)."""
    if y is not None:
        values = np.asarray(y, dtype=float)
        _require_rows(X, values)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ConventionError(
                f"y: expected the columns {', '.join(names)}, found the shape {values.shape}"
            )
        return values
    columns = {name: numbers_of(X, name) for name in names}
    missing = [name for name, column in columns.items() if column is None]
    if missing:
        raise ConventionError(
            f"labels are missing: pass y, or give the records the coordinates {', '.join(missing)}"
        )
    return np.stack([c for c in columns.values() if c is not None], axis=1)


def _require_rows(X: xr.Dataset, labels: np.ndarray) -> None:
    if labels.ndim == 0 or len(labels) != X.sizes["event"]:
        raise ConventionError(
            f"y: expected a row for each of {X.sizes['event']} records, found the shape "
            f"{labels.shape}"
        )


def along_event(X: xr.Dataset, names: Sequence[str], values: np.ndarray) -> xr.Dataset:
    """Answers (event, name) as variables, with the coordinates along ``event`` of the records."""
    # As plain variables: a DataArray would bring the true values of `names` along.
    kept = {k: v.variable for k, v in X.coords.items() if v.dims == ("event",) and k not in names}
    columns = {name: ("event", values[:, i]) for i, name in enumerate(names)}
    return conventions.describe(xr.Dataset(columns, coords=kept))
