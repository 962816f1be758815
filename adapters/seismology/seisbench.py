"""Data sets in SeisBench's format: metadata in CSV, waveforms in HDF5, also in chunks and blocks.

The format is described at https://seisbench.readthedocs.io/en/stable/pages/data_format.html; this
reader is made from that description.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.seismology.hdf5 import Hdf5Records, Place, open_hdf5
from seisgeo.adapters.seismology.labels import coords_of_table, read_table
from seisgeo.adapters.seismology.records import cube_of, listed, order_components, pick_rate, say
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["open_seisbench"]

_PIECE = re.compile(r"-?\d+|-?\d*:-?\d*")


def open_seisbench(
    path: Path, sampling_rate: float | None, split: str | None, *, stacklevel: int = 2
) -> xr.Dataset:
    """Open a data set in SeisBench's format as a lazy cube.

    Parameters
    ----------
    path : pathlib.Path
        The folder, or one of its files: then its chunk alone.
    sampling_rate : float or None
        Rate to open (Hz), where there are several.
    split : str or None
        Split to open; by default all.
    stacklevel : int, default 2
        Of the warnings, counted from the caller.

    Returns
    -------
    xarray.Dataset
        The cube.

    Raises
    ------
    MissingFileError
        If one file of a pair, or a chunk that the file ``chunks`` names, is not there.
    FormatError
        If the group ``data_format`` does not say what it must, or chunks contradict each other.
    """
    import pandas as pd

    remarks: list[str] = []
    files, tables, formats, places, lengths, types = [], [], [], [], [], set()
    for number, (waveforms, metadata) in enumerate(_pairs(path)):
        frame = read_table(metadata, "trace_name")
        if split is not None:
            if "split" not in frame or not (frame["split"] == split).any():
                known = sorted(set(frame.get("split", pd.Series(dtype=str)).dropna()))
                raise FormatError(
                    f"{metadata}: no record of split {split!r}; "
                    f"splits: {', '.join(known) or 'none'}"
                )
            frame = frame[frame["split"] == split].reset_index(drop=True)
        with open_hdf5(waveforms) as file:
            formats.append(_format(file, waveforms))
            if formats[-1] != formats[0]:
                raise FormatError(
                    f"{waveforms}: its data format {formats[-1]} is not that of the other chunks, "
                    f"{formats[0]}"
                )
            found, sizes, keep, kinds = _places(file, number, frame, formats[0], metadata, remarks)
        files.append(waveforms)
        tables.append(frame[keep])
        places += found
        lengths += sizes
        types |= kinds
    if not places:
        raise FormatError(f"{path}: holds no records")
    table = pd.concat(tables, ignore_index=True)
    facts = formats[0]
    rates = _rates(table, facts, path)
    sizes_ = np.array(lengths)
    rate, same = pick_rate(path, rates, sizes_, sampling_rate)
    if not same.all() and sampling_rate is None:
        others = sorted({f"{r:g}" for r in rates[~same]})
        remarks.append(
            f"{int((~same).sum())} records are sampled at {', '.join(others)} Hz, not {rate:g} Hz, "
            f"and left out; sampling_rate={others[0]} opens them"
        )
    table, sizes_ = table[same].reset_index(drop=True), sizes_[same]
    places = [p for p, fits in zip(places, same, strict=True) if fits]

    orders = _column(table, "trace_component_order", facts["component_order"])
    components = order_components({letter for order in orders for letter in order})
    indices = {o: tuple(o.find(c) for c in components) for o in set(orders)}
    transposed = facts["dimension_order"] == "WC"
    source = Hdf5Records(files, places, [indices[o] for o in orders], transposed, sizes_)
    coords = coords_of_table(
        table, components, np.full(len(table), rate), sizes_, remarks, names="trace_name"
    )
    coords["live"] = (("event", "component"), np.array([indices[o] for o in orders]) >= 0)
    attrs = conventions.provenance(
        source=str(path),
        source_format="SeisBench (HDF5)",
        split=split,
        **{k: facts[k] for k in ("measurement", "unit", "instrument_response") if k in facts},
    )
    ds = cube_of(source, components, sizes_, rate, np.result_type(*types), coords, attrs)
    if remarks:
        ds.attrs["contradictions"] = "\n".join(remarks)
    say(path, remarks, stacklevel=stacklevel + 1)
    return ds


def _pairs(path: Path) -> list[tuple[Path, Path]]:
    """Waveforms and metadata of each chunk."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir():
        chunks = [re.sub(r"^(waveforms|metadata)", "", path.stem)]
    elif (listing := folder / "chunks").exists():
        chunks = [line.strip() for line in listing.read_text("utf-8").splitlines() if line.strip()]
    else:
        chunks = sorted(p.stem.removeprefix("waveforms") for p in folder.glob("waveforms*.hdf5"))
    pairs = [(folder / f"waveforms{c}.hdf5", folder / f"metadata{c}.csv") for c in chunks]
    for file in (file for pair in pairs for file in pair):
        if not file.exists():
            raise MissingFileError(
                f"{file}: no such file; a data set in SeisBench's format has pairs of "
                "waveforms*.hdf5 and metadata*.csv"
            )
    return pairs


def _format(file: Any, path: Path) -> dict[str, Any]:
    """What the group data_format says."""
    facts: dict[str, Any] = {}
    if "data_format" not in file or "data" not in file:
        raise FormatError(f"{path}: expected the groups data and data_format; found {list(file)}")
    for name, item in file["data_format"].items():
        value = item[()]
        if isinstance(value, np.ndarray):  # a list of letters
            value = b"".join(np.asarray(value, "S").ravel().tolist())
        facts[name] = value.decode() if isinstance(value, bytes) else value
    for name in ("dimension_order", "component_order"):
        if name not in facts:
            raise FormatError(f"{path}: data_format/{name} is missing; expected it as text")
    order = str(facts["dimension_order"]).removeprefix("N")
    if order not in ("CW", "WC"):
        raise FormatError(f"{path}: dimension_order {order!r}: expected CW or WC")
    return {**facts, "dimension_order": order, "component_order": str(facts["component_order"])}


def _places(
    file: Any, number: int, frame: Any, facts: dict[str, Any], metadata: Path, remarks: list[str]
) -> tuple[list[Place], list[int], np.ndarray, set[np.dtype]]:
    """Where the records of a chunk are, how long they are, and which rows have one."""
    data = file["data"]
    axis = -1 if facts["dimension_order"] == "CW" else -2
    blocks: dict[str, tuple[tuple[int, ...], np.dtype] | None] = {}
    counts = _column(frame, "trace_npts", "")
    places: list[Place] = []
    lengths, absent = [], []
    keep = np.ones(len(frame), bool)
    for row, name in enumerate(_column(frame, "trace_name", "")):
        block, _, piece = name.partition("$")
        if block not in blocks:
            there = block in data and hasattr(data[block], "shape")
            blocks[block] = (data[block].shape, data[block].dtype) if there else None
        known = blocks[block]
        if known is None:
            absent.append(name)
            keep[row] = False
            continue
        shape, _ = known
        place = _slices(piece, name, metadata) if piece else None
        length = shape[axis]
        last = place[axis] if place is not None and len(place) == len(shape) else None
        if isinstance(last, slice):
            length = len(range(*last.indices(length)))
        if counts[row].split(".")[0].isdigit():
            length = min(length, int(counts[row].split(".")[0]))
        places.append((number, f"data/{block}", place))
        lengths.append(length)
    if absent:
        remarks.append(
            f"{metadata.name} has labels for {len(absent)} records that are not in the file, left "
            f"out: {listed(absent)}"
        )
    return places, lengths, keep, {known[1] for known in blocks.values() if known}


def _slices(text: str, name: str, metadata: Path) -> tuple[int | slice, ...]:
    """``0,:3,:6000`` as an index."""
    out: list[int | slice] = []
    for part in (p.strip() for p in text.split(",")):
        if not _PIECE.fullmatch(part):
            raise FormatError(
                f"{metadata}: trace {name!r}: expected numbers and slices after the $, such as "
                f"0,:3,:6000; found {part!r}"
            )
        ends = [int(end) if end else None for end in part.split(":")]
        out.append(slice(*ends) if ":" in part else int(part))
    return tuple(out)


def _rates(table: Any, facts: dict[str, Any], path: Path) -> np.ndarray:
    import pandas as pd

    rates = np.full(len(table), np.nan)
    if "trace_dt_s" in table:
        rates = 1 / pd.to_numeric(table["trace_dt_s"], errors="coerce").to_numpy(float)
    if "trace_sampling_rate_hz" in table:
        own = pd.to_numeric(table["trace_sampling_rate_hz"], errors="coerce").to_numpy(float)
        rates = np.where(np.isfinite(own), own, rates)
    rates = np.where(np.isfinite(rates), rates, float(facts.get("sampling_rate", np.nan)))
    if not np.isfinite(rates).any():
        raise FormatError(
            f"{path}: nothing says the sampling rate; expected data_format/sampling_rate, or a "
            "column trace_sampling_rate_hz or trace_dt_s"
        )
    return rates


def _column(table: Any, name: str, default: str) -> list[str]:
    if name not in table:
        return [default] * len(table)
    return table[name].fillna(default).astype(str).str.strip().tolist()
