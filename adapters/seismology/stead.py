"""STEAD's HDF5 files, with or without the CSV file beside them.

The format is that of Mousavi et al. (2019, doi 10.1109/ACCESS.2019.2947848): a dataset
(samples, components E, N, Z) at 100 Hz for each record, its labels as attributes. Published chunks
hold all in one group and come with a CSV file of the same labels; others use groups below groups.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.seismology.hdf5 import Hdf5Records, open_hdf5
from seisgeo.adapters.seismology.labels import coords_of_table, read_table
from seisgeo.adapters.seismology.records import cube_of, listed, say
from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import h5py

__all__ = ["first_trace", "open_stead"]

#: Hz, and the order of the components in the file.
_RATE, _ORDER = 100.0, "ENZ"
_COMPONENTS = ["Z", "N", "E"]
#: One of these attributes makes a dataset one of STEAD's.
_SIGNS = ("trace_name", "trace_category", "p_arrival_sample", "receiver_code")


def first_trace(group: h5py.Group) -> str | None:
    """Name of the first dataset that has STEAD's attributes; None where none of the first has."""
    import h5py

    for name, item in group.items():
        if isinstance(item, h5py.Group):
            if (inner := first_trace(item)) is not None:
                return f"{name}/{inner}"
        elif isinstance(item, h5py.Dataset):
            fits = item.ndim == 2 and any(sign in item.attrs for sign in _SIGNS)
            return str(name) if fits else None
    return None


def open_stead(path: Path, table: Path | None, *, stacklevel: int = 2) -> xr.Dataset:
    """Open an HDF5 file in STEAD's format as a lazy cube.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    table : pathlib.Path or None
        CSV file of the labels; by default that which is called as `path` is, where there is one.
        With it only its records are opened, and the attributes are not read: a million records
        open in seconds. All of them then count as long as the first.
    stacklevel : int, default 2
        Of the warnings, counted from the caller.

    Returns
    -------
    xarray.Dataset
        The cube.

    Raises
    ------
    FormatError
        If the file is broken, or holds no record of the table.
    """
    import pandas as pd

    remarks: list[str] = []
    beside = path.with_suffix(".csv")
    labels = table or (beside if beside.exists() else None)
    with open_hdf5(path) as file:
        first = first_trace(file)
        if first is None:
            raise FormatError(f"{path}: holds no traces with the attributes of STEAD")
        dtype, shape = file[first].dtype, file[first].shape
        if labels is not None:
            frame = read_table(labels, "trace_name")
            names, frame = _there(file, first, frame, path, labels, remarks)
            lengths = np.full(len(names), shape[0])
        else:
            names, rows, sizes = _attributes(file)
            frame, lengths = pd.DataFrame(rows), np.array(sizes)
            _report_missing(rows, names, remarks)
            frame["trace_name"] = [name.rsplit("/", 1)[-1] for name in names]
    order = tuple(_ORDER.index(c) if _ORDER.index(c) < shape[1] else -1 for c in _COMPONENTS)
    source = Hdf5Records(
        [path], [(0, name, None) for name in names], [order] * len(names), True, lengths
    )
    rates = np.full(len(names), _RATE)
    coords = coords_of_table(
        frame, list(_ORDER), rates, lengths, remarks, names="trace_name", in_utc=True
    )
    if "snr" in coords:  # listed in the file's order
        coords["snr"] = (coords["snr"][0], coords["snr"][1][:, list(order)])
    coords["live"] = (("event", "component"), np.tile(np.array(order) >= 0, (len(names), 1)))
    attrs = conventions.provenance(source=str(path), source_format="STEAD (HDF5)")
    ds = cube_of(source, _COMPONENTS, lengths, _RATE, dtype, coords, attrs)
    if remarks:
        ds.attrs["contradictions"] = "\n".join(remarks)
    say(path, remarks, stacklevel=stacklevel + 1)
    return ds


def _there(
    file: h5py.File, first: str, frame: Any, path: Path, table: Path, remarks: list[str]
) -> tuple[list[str], Any]:
    """Places of the traces that the table names, and their rows."""
    group = first.rpartition("/")[0] or "/"
    inside = set(file[group])
    names = frame["trace_name"].fillna("").str.strip()
    found = names.isin(inside)
    if not found.any():
        raise FormatError(
            f"{table}: none of its {len(frame)} records is in {path}; the first is "
            f"{names.iloc[0] if len(names) else 'missing'!r}"
        )
    absent = names[~found].tolist()
    if absent:
        remarks.append(
            f"{table.name} has labels for {len(absent)} records that are not in the file, left "
            f"out: {listed(absent)}"
        )
    if (rest := len(inside) - names[found].nunique()) > 0:
        remarks.append(f"{rest} records have no labels in {table.name}: left out")
    kept = frame[found].reset_index(drop=True)
    return [f"{group}/{name}" for name in names[found]], kept


def _attributes(file: h5py.File) -> tuple[list[str], list[dict[str, Any]], list[int]]:
    """Name, attributes and number of samples of each trace."""
    import h5py
    from tqdm.auto import tqdm

    names, rows, sizes = [], [], []
    with tqdm(desc="reading labels", unit="record", delay=2) as bar:

        def look(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim == 2:
                names.append(name)
                rows.append(dict(item.attrs))
                sizes.append(item.shape[0])
                bar.update()

        file.visititems(look)
    return names, rows, sizes


def _report_missing(rows: list[dict[str, Any]], names: list[str], remarks: list[str]) -> None:
    """Say which attributes some records have and others lack."""
    for attribute in dict.fromkeys(key for row in rows for key in row):
        lacking = [n for n, row in zip(names, rows, strict=True) if attribute not in row]
        if lacking:
            remarks.append(f"attribute {attribute} is missing, no value: {listed(lacking)}")
