"""PhaseNet's training records: ``.npz`` files, with or without their CSV file.

The format is that of https://github.com/AI4EPS/PhaseNet: ``data`` (samples, components E, N, Z) at
100 Hz, ``itp`` and ``its`` the samples of P and S, ``channels`` such as ``HHE_HHN_HHZ``.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.seismology.labels import coords_of_table, read_table
from seisgeo.adapters.seismology.records import cube_of, listed, order_components, say
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["open_phasenet"]

_RATE, _ORDER = 100.0, "ENZ"
_COLUMNS = {
    "itp": "p_arrival_sample",
    "its": "s_arrival_sample",
    "p_idx": "p_arrival_sample",
    "s_idx": "s_arrival_sample",
    "t0": "trace_start_time",
    "sta_id": "station_code",
}


class _NpzRecords:
    """Reads records from ``.npz`` files, one each."""

    def __init__(self, files: Sequence[Path], orders: Sequence[tuple[int, ...]], n: int) -> None:
        self.files = [str(path) for path in files]
        self.orders = list(orders)
        self.n = n

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        """Samples of a record, (component, time)."""
        values = _data(Path(self.files[row]))
        order = self.orders[row]
        if len(values) != self.n or values.shape[1] <= max(order):
            raise FormatError(
                f"{self.files[row]}: data has shape {values.shape}; expected {self.n} samples of "
                f"{max(order) + 1} components or more, as the others have"
            )
        out = np.full((len(order), stop - start), np.nan, np.result_type(values.dtype, np.float32))
        for at, index in enumerate(order):
            if index >= 0:
                out[at] = values[start:stop, index]
        return out


def open_phasenet(
    path: Path, table: Path | None, sampling_rate: float | None, *, stacklevel: int = 2
) -> xr.Dataset:
    """Open PhaseNet's records as a lazy cube.

    Parameters
    ----------
    path : pathlib.Path
        A folder of ``.npz`` files, one of them, or their CSV file.
    table : pathlib.Path or None
        The CSV file; by default the only one in the folder. Its labels go before those in the
        files. Records that it does not name are left out.
    sampling_rate : float or None
        Of the records (Hz); 100 by default, as in PhaseNet.
    stacklevel : int, default 2
        Of the warnings, counted from the caller.

    Returns
    -------
    xarray.Dataset
        The cube; a file that names one channel has the others NaN.

    Raises
    ------
    FormatError
        If a file is broken, or there is none of the table's.
    """
    remarks: list[str] = []
    rate = float(sampling_rate or _RATE)
    files, frame = _files(path, table, remarks)
    first = _data(files[0])
    lengths = np.full(len(files), len(first))
    channels = frame["channels"].tolist()
    named = [c.split("_") for c in channels]
    letters = [[n[-1:] for n in names] for names in named]
    components = order_components(
        {"Z", "N", "E"} if any(len(n) < 2 for n in letters) else set().union(*letters)
    )
    orders = [_order(names, components) for names in letters]
    frame = frame.rename(columns=_COLUMNS)
    frame["trace_channel"] = [names[0][:-1] for names in named]
    stems = [file.stem for file in files]
    for column, at in (("station_network_code", 0), ("station_code", 1)):
        if column not in frame:
            frame[column] = [s.split("_")[at] if s.count("_") >= 2 else "" for s in stems]
    rates = np.full(len(files), rate)
    coords = coords_of_table(
        frame.drop(columns="channels"), components, rates, lengths, remarks, names="trace_name"
    )
    coords["live"] = (("event", "component"), np.array(orders) >= 0)
    attrs = conventions.provenance(source=str(path), source_format="PhaseNet (npz)")
    source = _NpzRecords(files, orders, len(first))
    ds = cube_of(source, components, lengths, rate, first.dtype, coords, attrs)
    if remarks:
        ds.attrs["contradictions"] = "\n".join(remarks)
    say(path, remarks, stacklevel=stacklevel + 1)
    return ds


def _order(letters: list[str], components: list[str]) -> tuple[int, ...]:
    """Column of each component. A file that names fewer than three keeps PhaseNet's columns."""
    if len(letters) >= 3:
        return tuple(letters.index(c) if c in letters else -1 for c in components)
    return tuple(_ORDER.index(c) if c in letters and c in _ORDER else -1 for c in components)


def _files(path: Path, table: Path | None, remarks: list[str]) -> tuple[list[Path], Any]:
    """Files that are there, and a row of labels for each."""
    import pandas as pd
    from tqdm.auto import tqdm

    if path.suffix.lower() == ".npz":
        files, labels = [path], table
    elif path.is_dir():
        files, beside = sorted(path.glob("*.npz")), sorted(path.glob("*.csv"))
        labels = table or (beside[0] if len(beside) == 1 else None)
    else:
        labels = path
        folders = (path.with_suffix(""), path.parent)
        files = next((f for d in folders if (f := sorted(d.glob("*.npz")))), [])
        if not files:
            raise MissingFileError(f"{path}: no .npz files beside it, nor in {folders[0]}")
    if labels is None:
        rows = [_labels(f) for f in tqdm(files, desc="reading labels", unit="file", delay=2)]
        return files, pd.DataFrame(rows)
    frame = read_table(labels, "fname")
    frame["fname"] = frame["fname"].fillna("").str.strip()
    there = {file.name: file for file in files}
    found = frame["fname"].isin(there)
    if not found.any():
        raise FormatError(f"{labels}: none of its {len(frame)} records is in {files[0].parent}")
    if absent := frame["fname"][~found].tolist():
        remarks.append(
            f"{labels.name} has labels for {len(absent)} records that are not there, left out: "
            f"{listed(absent)}"
        )
    if rest := sorted(set(there) - set(frame["fname"])):
        remarks.append(f"records without labels in {labels.name}, left out: {listed(rest)}")
    frame = frame[found].drop_duplicates("fname").reset_index(drop=True)
    frame.insert(0, "trace_name", frame.pop("fname").str.removesuffix(".npz"))
    files = [there[f"{name}.npz"] for name in frame["trace_name"]]
    if "channels" not in frame:
        frame["channels"] = [_labels(file)["channels"] for file in files]
    frame["channels"] = frame["channels"].fillna("_".join(_ORDER))
    return files, frame


def _labels(path: Path) -> dict[str, Any]:
    """Whatever a file holds beside the samples."""
    row: dict[str, Any] = {"trace_name": path.stem, "channels": "_".join(_ORDER)}
    with _open(path) as archive:
        for name in archive.files:
            if name != "data":
                value = np.ravel(archive[name])
                row[name] = value[0] if value.size else np.nan
    row["channels"] = str(row["channels"])
    return row


def _data(path: Path) -> np.ndarray:
    with _open(path) as archive:
        if "data" not in archive.files:
            raise FormatError(f"{path}: holds {listed(archive.files)}; expected data")
        values = archive["data"]
    if values.ndim == 3 and values.shape[1] == 1:  # (samples, 1, components)
        values = values[:, 0]
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise FormatError(
            f"{path}: data is {values.dtype} {values.shape}; expected numbers (samples, components)"
        )
    return values


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    """``numpy.load`` without pickles, with errors that name the file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except FormatError:
        raise
    except FileNotFoundError:
        raise MissingFileError(f"{path}: has gone since it was opened") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(
            f"{path}: this .npz file is broken or cut short ({error}); copy or download it again"
        ) from error
