"""Continuous records to search, of files, a stream, or a cube, all read the same way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.devices import worker_count
from seisgeo.errors import ConventionError, FormatError, SeisgeoError

if TYPE_CHECKING:
    from seisgeo.adapters.seismology.file_headers import FileHeaders
    from seisgeo.adapters.seismology.streams import Scan

__all__ = ["CODES", "Continuous", "continuous", "count_broken", "index_of"]

#: Codes that name the instrument of a record.
CODES = ("network", "station", "location", "instrument")
#: What the files of the last call hold, or why they cannot be read, as of their time and size:
#: windows are mostly cut from what was just searched.
_known: dict[str, tuple[tuple[int, int], FileHeaders | str]] = {}


class Continuous(NamedTuple):
    """Continuous records of one sampling rate: of files, a stream, or a cube."""

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


def continuous(
    source: Any, *, workers: int | None = None, progress: bool = True
) -> tuple[list[Continuous], dict[str, str]]:
    """Find the records of a source.

    Files of one channel that follow each other make one record.

    Parameters
    ----------
    source : path-like, iterable of path-like, obspy.Stream or xarray.Dataset
        Waveform files or folders of them, a stream, or a waveforms cube.
    workers : int, optional
        Processes that read headers of files; by default one for each core.
    progress : bool, default True
        Show a bar for them.

    Returns
    -------
    records : list of Continuous
        Of each sampling rate.
    broken : dict
        Why files could not be read, by their names.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If none of the files can be read, or none holds samples.
    """
    if isinstance(source, xr.Dataset):
        return [_of_cube(source)], {}
    from seisgeo.adapters.seismology.opening import waveform_files
    from seisgeo.adapters.seismology.streams import found_in_files, found_in_stream

    if hasattr(source, "traces"):
        return [_of_scan(scan) for scan in found_in_stream(source).scans()], {}
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not given:
        raise FormatError("no file given; expected at least one")
    files = waveform_files(map(Path, given))
    heads: dict[str, FileHeaders] = {}
    broken: dict[str, str] = {}
    for name, head in _headers(files, min(worker_count(workers), len(files)), progress).items():
        if isinstance(head, str):
            broken[name] = head
        else:
            heads[name] = head
    if not heads:
        first, *more = broken
        rest = f" (and {len(more)} more files that could not be read)" if more else ""
        raise FormatError(f"{first}: {broken[first]}{rest}")
    name = (
        next(iter(heads)) if len(heads) == 1 else f"{next(iter(heads))} and {len(heads) - 1} more"
    )
    return [_of_scan(scan) for scan in found_in_files(heads, name).scans()], broken


def count_broken(broken: dict[str, str]) -> None:
    """Remember why files could not be read, found out when their samples were."""
    for name, why in broken.items():
        if name in _known:
            _known[name] = (_known[name][0], why)


def _headers(files: list[Path], workers: int, progress: bool) -> dict[str, FileHeaders | str]:
    """What each file holds, or why it cannot be read."""
    from tqdm.auto import tqdm

    stamps = {str(file): _stamp(file) for file in files}
    before = {name: _known[name] for name in stamps if name in _known}
    found = {name: head for name, (stamp, head) in before.items() if stamp == stamps[name]}
    new = [name for name in stamps if name not in found]
    with tqdm(
        total=len(new), desc="reading headers", unit="file", disable=not progress, delay=1
    ) as bar:
        if workers == 1 or len(new) < 2:
            looked = map(_look, new)
        else:
            from joblib import Parallel, delayed

            jobs = (delayed(_look)(name) for name in new)
            looked = Parallel(n_jobs=workers, return_as="generator")(jobs)
        for name, head in zip(new, looked, strict=True):
            found[name] = head
            bar.update()
    _known.clear()
    _known.update({name: (stamp, found[name]) for name, stamp in stamps.items()})
    return {name: found[name] for name in stamps}


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _look(name: str) -> FileHeaders | str:
    from seisgeo.adapters.seismology.file_headers import file_headers

    try:
        return file_headers(Path(name))
    except (SeisgeoError, OSError) as error:
        return str(error).removeprefix(f"{name}: ")


def _of_scan(scan: Scan) -> Continuous:
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
        self.broken: dict[str, str] = {}

    def only(self, row: int, component: str) -> _Cube:
        """The same, of one component of one record."""
        place = index_of(tuple(map(str, self.amplitude["component"].values)), component)
        return _Cube(self.amplitude[[row], [place]])

    def file_at(self, row: int, time: int) -> str:
        """There are no files."""
        return ""

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
