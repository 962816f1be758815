"""Continuous records to search, of files, a stream, or a cube, all read the same way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError, FormatError

__all__ = ["CODES", "Continuous", "files_of", "index_of", "of_file", "opened"]

#: Codes that name the instrument of a record.
CODES = ("network", "station", "location", "instrument")


class Continuous(NamedTuple):
    """Continuous records: of a file, a stream, or a cube."""

    source: Any
    """Reads (row, start, stop) as (component, time)."""
    components: tuple[str, ...]
    live: np.ndarray
    rate: float
    starts: np.ndarray
    """ns after 1970"""
    lengths: np.ndarray
    codes: dict[str, list[str]]
    dtype: np.dtype
    remarks: list[str]


def files_of(source: Any) -> list[Path] | None:
    """Files of a source; None of a stream or a cube."""
    from seisgeo.adapters.seismology.opening import waveform_files

    if isinstance(source, xr.Dataset) or hasattr(source, "traces"):
        return None
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not given:
        raise FormatError("no file given; expected at least one")
    return waveform_files(map(Path, given))


def opened(source: Any, wanted: Iterable[str] = ()) -> Iterator[tuple[str, Continuous]]:
    """Each file of a source (those that are wanted, if any is named), or the one cube."""
    files = files_of(source)
    if files is not None:
        keep = set(wanted)
        for file in files:
            if not keep or str(file) in keep:
                yield str(file), of_file(file)
        return
    if isinstance(source, xr.Dataset):
        yield "", _of_cube(source)
        return
    from seisgeo.adapters.seismology import from_stream

    yield "", _of_cube(from_stream(source))


def of_file(file: Path) -> Continuous:
    """Find the records of a waveform file."""
    from seisgeo.adapters.seismology.streams import scan_streams

    scan = scan_streams([file], name=file)
    records = scan.source.records
    return Continuous(
        scan.source,
        scan.source.components,
        scan.coords["live"][1],
        scan.source.rate,
        np.array([r.start for r in records], np.int64),
        scan.lengths,
        {name: [getattr(r, name) for r in records] for name in CODES},
        np.result_type(*scan.types, np.float32),
        [*map(str, scan.findings), *(r for r in scan.remarks if "missing comp" not in r)],
    )


class _Cube:
    """Reads records of a cube that is there already."""

    def __init__(self, amplitude: xr.DataArray) -> None:
        self.amplitude = amplitude.transpose("event", "component", "time")

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        return self.amplitude[row, :, start:stop].values


def _of_cube(ds: xr.Dataset) -> Continuous:
    from seisgeo.adapters.seismology.records import texts_of

    conventions.validate(ds, "waveforms")
    if "starttime" not in ds.coords or ds["starttime"].isnull().any():
        raise ConventionError(
            "detection needs the time of each record; this cube has none in 'starttime'"
        )
    time = ds["time"].values
    if len(time) < 2:
        raise ConventionError("records of a single sample have no sampling rate")
    n, components = ds.sizes["event"], tuple(map(str, ds["component"].values.tolist()))
    lengths = ds["sample_count"].values if "sample_count" in ds.coords else np.full(n, len(time))
    live = np.ones((n, len(components)), bool)
    if "live" in ds.coords:
        live = ds["live"].transpose("event", "component").values.astype(bool)
    return Continuous(
        _Cube(ds["amplitude"]),
        components,
        live,
        round((len(time) - 1) / float(time[-1] - time[0]), 9),
        ds["starttime"].values.astype("M8[ns]").astype(np.int64),
        lengths,
        {name: texts_of(ds, name) for name in CODES},
        ds["amplitude"].dtype,
        [],
    )


def index_of(components: tuple[str, ...], component: str) -> int:
    """Place of a component; -1 where it is not there."""
    return components.index(component) if component in components else -1
