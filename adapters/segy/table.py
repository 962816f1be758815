"""Trace headers as a table: a lazy variable for each field, along the traces of the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray.backends.common import BackendArray
from xarray.core import indexing

from seisgeo import conventions
from seisgeo.adapters.segy.contradictions import warn
from seisgeo.adapters.segy.fields import CUBE_NAMES, EXTENSION
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.header_units import HeaderUnit, header_units
from seisgeo.adapters.segy.headers import header_name, physical, stored
from seisgeo.adapters.segy.mapping import Headers, did_you_mean
from seisgeo.errors import ParameterError

__all__ = ["FieldRange", "header_ranges", "read_headers"]

_NAME = "trace_header_name"


class HeaderArray(BackendArray):
    """One header field of all traces, stored numbers or (with a unit) SI; read when asked for."""

    def __init__(self, file: SegyFile, name: str, unit: HeaderUnit | None) -> None:
        self.file = file
        self.name = name
        self.unit = unit
        self.shape = (file.n_traces,)
        self.dtype = self._values(slice(0, 1)).dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._outer
        )

    def _outer(self, key: tuple[Any, ...]) -> Any:
        values = self._values(key[0])
        return values[0] if isinstance(key[0], int | np.integer) else values

    def _values(self, traces: Any) -> np.ndarray:
        return field_values(self.file, self.name, traces, self.unit)


def field_values(file: SegyFile, name: str, traces: Any, unit: HeaderUnit | None) -> np.ndarray:
    """One field of some traces: as stored, or with scalars applied and in SI units (`unit`)."""
    if unit is None:
        return stored(file, name, traces)
    values = physical(file, name, traces)
    if name == _NAME:
        return np.array([header_name(v.tobytes()) for v in values], "U8")
    if unit.factor == unit.divisor == 1:
        return values
    return values * unit.factor / unit.divisor


def read_headers(
    path: str | os.PathLike[str],
    names: str | Iterable[str] | None = None,
    *,
    headers: Headers | None = None,
    raw: bool = False,
    sample_format: int | None = None,
    sample_interval: float | None = None,
) -> xr.Dataset:
    """Trace headers of a SEG-Y or SU file as a table, in the order of the file.

    Parameters
    ----------
    path : path-like
        The file.
    names : str or iterable of str, optional
        Fields to read: names of the standard (segyio's, in snake_case), of cubes (``inline``,
        ``receiver_x``, …) or of `headers`. By default all fields, those of trace header
        extension 1 under the name of the standard field whose place they take.
    headers : mapping or path-like, optional
        Where fields stand, if not where the file has them: name -> byte or (byte, type), or a YAML
        file of this.
    raw : bool, default False
        Give the numbers that the standard trace header stores, without scalars, units and
        extension.
    sample_format, sample_interval : optional
        Sample format code, and interval (s), instead of the file's, where they are wrong.

    Returns
    -------
    xarray.Dataset
        A variable (trace,) for each field, read from the file when it is asked for;
        ``.to_dataframe()`` makes a pandas table. Scalars are applied and times are in seconds,
        lengths in metres, velocities in m/s (also where the file is in feet); coordinates that the
        headers call angles keep their unit. ``attrs`` of each variable: ``units``, ``long_name``,
        ``byte`` and ``dtype`` of the field. Positions are what the headers state: what a cube makes
        of headers that contradict themselves is not done here.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is no SEG-Y or SU file, or `headers` does not fit it.
    ParameterError
        If there is no field of that name.

    Warns
    -----
    HeaderWarning
        If headers contradict each other: which one was used, and why.

    Notes
    -----
    The interval field of depth models counts millimetres; headers do not say so, and it is given
    in seconds as if it counted microseconds.

    Examples
    --------
    >>> from seisgeo.adapters import read_headers
    >>> table = read_headers("line.sgy", ["field_record", "source_x"])  # doctest: +SKIP
    >>> table.to_dataframe().groupby("field_record").mean()             # doctest: +SKIP
    """
    file = SegyFile(
        path, headers=headers, sample_format=sample_format, sample_interval=sample_interval
    )
    units, findings = ({}, []) if raw else header_units(file)
    warn(file.path, [*file.findings, *findings])
    attrs = conventions.provenance(
        source=str(file.path), source_format=file.form, revision="{}.{}".format(*file.revision)
    )
    return xr.Dataset(
        {
            asked: xr.Variable(
                ("trace",),
                indexing.LazilyIndexedArray(HeaderArray(file, name, units.get(name))),
                _attrs(file, name, units.get(name)),
            )
            for asked, name in find_fields(file, names).items()
        },
        attrs=attrs,
    )


def find_fields(file: SegyFile, names: str | Iterable[str] | None) -> dict[str, str]:
    """Name that was asked for -> name of the field."""
    known = file.header_map.fields
    if names is None:
        return {name: name for name in file.header_map.listed}
    found = {}
    for asked in [names] if isinstance(names, str) else names:
        name = CUBE_NAMES.get(asked, asked)
        if name not in known:
            hint = did_you_mean(str(asked), [*known, *CUBE_NAMES])
            raise ParameterError(
                f"{file.path}: no header field is called {asked!r}; {hint}For a field of your own "
                "say where it stands: headers={'my_field': (233, 'int32')}"
            )
        found[asked] = name
    return found


def _attrs(file: SegyFile, name: str, unit: HeaderUnit | None) -> dict[str, Any]:
    field = file.header_map.fields[name]
    words = name.removeprefix(EXTENSION).replace("_", " ")
    return {
        "units": unit.name if unit else "1",
        "long_name": words.replace("cdp", "CDP"),
        "byte": field.byte,
        "dtype": field.dtype,
    }


class FieldRange(NamedTuple):
    """What one field holds: its ends over all traces, and its values in the first ones.

    `low` and `high` are None where no trace has a finite value.
    """

    name: str
    byte: int
    low: Any
    high: Any
    first: list[Any]
    units: str


def header_ranges(
    file: SegyFile, names: Sequence[str] | None = None, *, raw: bool = False, n_first: int = 3
) -> list[FieldRange]:
    """Lowest, highest and first values of header fields, after one scan of the file.

    Parameters
    ----------
    file : SegyFile
        The file.
    names : sequence of str, optional
        Fields, as of :func:`read_headers`; by default all.
    raw : bool, default False
        As of :func:`read_headers`.
    n_first : int, default 3
        How many traces' values to give.

    Returns
    -------
    list of FieldRange
        In the order of `names`.
    """
    units = {} if raw else header_units(file)[0]
    ranges = []
    for asked, name in find_fields(file, names).items():
        values = field_values(file, name, slice(None), units.get(name))
        attrs = _attrs(file, name, units.get(name))
        low, high = _ends(values) or (None, None)
        first = values[:n_first].tolist()
        ranges.append(FieldRange(asked, attrs["byte"], low, high, first, attrs["units"]))
    return ranges


def _ends(values: np.ndarray) -> list[Any]:
    """Lowest and highest; nothing where no value is finite."""
    if values.dtype.kind in "SU":
        values = np.sort(values)[[0, -1]]
        return values.tolist()
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return [values.min().item(), values.max().item()] if values.size else []
