"""Which samples of a gallery may be found: filters on what they are labelled with."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Selection", "Where", "label_table", "select_rows"]

#: A filter as a caller gives it: conditions by name, or a function of the table of labels.
Where = Mapping[str, Any] | Callable[[Any], Any]


@dataclass(frozen=True)
class Selection:
    """The samples that pass a filter.

    Parameters
    ----------
    rows : numpy.ndarray
        Their numbers, in increasing order.
    conditions : mapping or None
        The filter as conditions by name, for an index that can apply those itself.
    """

    rows: np.ndarray
    conditions: Mapping[str, Any] | None = None


def label_table(samples: xr.Dataset) -> pd.DataFrame:
    """What the samples can be filtered by: their 1-D coordinates, and their descriptors by name.

    Parameters
    ----------
    samples : xarray.Dataset
        The gallery's samples.

    Returns
    -------
    pandas.DataFrame
        One row for each sample.
    """
    import pandas as pd

    columns: dict[str, np.ndarray] = {
        str(name): coord.values
        for name, coord in samples.coords.items()
        if coord.dims == ("sample",)
    }
    if "descriptor_value" in samples and "descriptor" in samples.coords:
        values = samples["descriptor_value"].transpose("sample", "descriptor").values
        for i, name in enumerate(samples["descriptor"].values):
            columns.setdefault(str(name), values[:, i])
    # Conditions are in double precision, as Python's numbers are, and words are Python's.
    kinds: dict[str, type] = {"f": np.float64, "T": object, "U": object}
    columns = {
        name: values.astype(kinds.get(values.dtype.kind, values.dtype))
        for name, values in columns.items()
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(samples.sizes["sample"]))


def select_rows(table: pd.DataFrame, where: Where) -> Selection:
    """Apply a filter to a table of labels.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`label_table`.
    where : mapping or callable
        Conditions that must all hold, each a column's name with a value to equal, a list of values
        to be among, or a ``slice(low, high)`` to lie in (both ends included, None is open); or a
        function of the table that gives a boolean for each row.

    Returns
    -------
    Selection
        At least one row.

    Raises
    ------
    ParameterError
        If there is no such column, a condition cannot be compared with it, or nothing passes.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"family": ["salt", "folded", "salt"], "depth": [900.0, 400.0, 300.0]})
    >>> select_rows(table, {"family": "salt", "depth": slice(None, 500)}).rows
    array([2])
    """
    if callable(where):
        mask = np.asarray(where(table))
        if mask.shape != (len(table),) or mask.dtype != bool:
            raise ParameterError(
                f"where= must give one boolean for each of the gallery's {len(table)} samples, "
                f"found {mask.dtype} of shape {mask.shape}"
            )
        conditions = None
    elif isinstance(where, Mapping):
        mask = np.ones(len(table), dtype=bool)
        for name, condition in where.items():
            mask &= _passes(table, name, condition)
        conditions = dict(where)
    else:
        raise ParameterError(
            "where= is a dict of conditions or a function of the gallery's table, found "
            f"{type(where).__name__}"
        )
    rows = np.flatnonzero(mask)
    if not len(rows):
        raise ParameterError(
            f"no sample of the gallery passes where={_shown(where)}; it has:\n  "
            + "\n  ".join(_range_of(table[name]) for name in (conditions or table.columns))
        )
    return Selection(rows, conditions)


def _passes(table: pd.DataFrame, name: str, condition: Any) -> np.ndarray:
    if name not in table:
        near = difflib.get_close_matches(str(name), list(table.columns), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ParameterError(
            f"where: the gallery has no {name!r}; {hint}it can be filtered by "
            f"{', '.join(map(str, table.columns)) or 'nothing'}"
        )
    column = table[name]
    try:
        if isinstance(condition, slice):
            if condition.step is not None:
                raise TypeError("a range has no step")
            mask = np.ones(len(table), dtype=bool)
            if condition.start is not None:
                mask &= (column >= condition.start).to_numpy(dtype=bool)
            if condition.stop is not None:
                mask &= (column <= condition.stop).to_numpy(dtype=bool)
            return mask
        if isinstance(condition, list | tuple | set | np.ndarray):
            return column.isin(list(condition)).to_numpy(dtype=bool)
        return (column == condition).to_numpy(dtype=bool)
    except TypeError as error:
        raise ParameterError(
            f"where: {condition!r} cannot be compared with {name!r} ({error}); give a value, a "
            "list of values or slice(low, high)"
        ) from error


def _range_of(column: pd.Series) -> str:
    if column.dtype.kind in "iuf":
        return f"{column.name}: {column.min():g} to {column.max():g}"
    values = sorted(map(str, column.unique()))
    return f"{column.name}: {', '.join(values[:12])}{', …' if len(values) > 12 else ''}"


def _shown(where: Where) -> str:
    return getattr(where, "__name__", "function") if callable(where) else repr(dict(where))
