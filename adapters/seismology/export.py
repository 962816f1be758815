"""Waveforms cubes as obspy streams, and as miniSEED files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.seismology.records import listed, texts_of
from seisgeo.adapters.seismology.segments import utc
from seisgeo.errors import ConventionError, DataWarning
from seisgeo.files import whole_output

if TYPE_CHECKING:
    import obspy

__all__ = ["to_stream", "write_mseed"]

_CODES = ("network", "station", "location")
_INSTRUMENT = (*_CODES, "instrument")


def to_stream(ds: xr.Dataset) -> obspy.Stream:
    """Make an obspy stream of a waveforms cube.

    Parameters
    ----------
    ds : xarray.Dataset
        ``amplitude (event, component, time)``. Records without ``starttime`` begin in 1970, as
        obspy's own do.

    Returns
    -------
    obspy.Stream
        A trace for each stretch of samples between gaps (NaN), event by event; components that are
        not there give none.

    Raises
    ------
    ConventionError
        If it is no waveforms cube, or has a single sample, so that nothing says its rate.

    Examples
    --------
    >>> import obspy
    >>> from seisgeo.adapters.seismology import from_stream
    >>> print(to_stream(from_stream(obspy.read()))[0])    # doctest: +ELLIPSIS
    BW.RJOB..EHZ | 2009-08-24T00:20:03.000000Z - ... | 100.0 Hz, 3000 samples
    """
    import obspy

    conventions.validate(ds, "waveforms")
    return obspy.Stream([trace for event in _streams(ds) for trace in event])


def write_mseed(ds: xr.Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a waveforms cube as miniSEED, record by record.

    Whole numbers within 32 bits are written as such (Steim 2), others as floats of the cube's
    precision: nothing is rounded. Labels are not part of the format.

    Parameters
    ----------
    ds : xarray.Dataset
        ``amplitude (event, component, time)`` with ``starttime``; it may be larger than memory.
    path : path-like
        File to write, usually ``*.mseed``.
    overwrite : bool, default False
        Replace what stands under `path`.

    Returns
    -------
    pathlib.Path
        `path`; it appears only when it is whole.

    Raises
    ------
    ConventionError
        If it is no waveforms cube, a record has no start time, or a code is longer than the format
        has room for.
    OutputExistsError
        If `path` exists and `overwrite` is False.

    Warns
    -----
    DataWarning
        If records of an instrument overlap in time: whoever reads the file cannot tell them apart.

    Examples
    --------
    >>> import tempfile, obspy, xarray as xr
    >>> from seisgeo.adapters.seismology import from_stream
    >>> ds = from_stream(obspy.read())
    >>> path = write_mseed(ds, Path(tempfile.mkdtemp()) / "event.mseed")
    >>> xr.open_dataset(path)["amplitude"].equals(ds["amplitude"])
    True
    """
    from tqdm.auto import tqdm

    final = Path(path)
    conventions.validate(ds, "waveforms")
    starts = ds["starttime"].values if "starttime" in ds.coords else np.array(["NaT"], "M8[ns]")
    if np.isnat(starts).any():
        first = int(np.isnat(starts).argmax())
        raise ConventionError(
            f"{final}: miniSEED needs the time of each record, and event {first} has none; give "
            "them with ds.assign_coords(starttime=('event', ...))"
        )
    _check_codes(ds, final)
    _warn_overlaps(ds, final)
    with whole_output(final, overwrite=overwrite) as part, part.open("wb") as file:
        for event in tqdm(
            _streams(ds), total=ds.sizes["event"], desc=f"writing {final.name}", delay=2
        ):
            for trace in event:
                kind = _encoding(trace)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of obspy, on what the format cannot hold
                    trace.write(file, format="MSEED", encoding=kind)
    return final


def _streams(ds: xr.Dataset) -> Iterator[list[obspy.Trace]]:
    """Traces of each event in turn."""
    from obspy import Trace, UTCDateTime

    rate = _rate(ds)
    amplitude = ds["amplitude"].transpose("event", "component", "time")
    # What stands before the first sample is part of the time of the first sample.
    begin = round(float(ds["time"].values[0]) * 1e9)
    components = [str(c) for c in ds["component"].values]
    codes = {name: texts_of(ds, name) for name in _INSTRUMENT}
    starts = np.zeros(ds.sizes["event"], "M8[ns]")
    if "starttime" in ds.coords:
        starts = np.where(ds["starttime"].isnull(), starts, ds["starttime"].values)
    for number, start in enumerate(starts.astype("M8[ns]").astype(np.int64).tolist()):
        header = {name: codes[name][number] for name in _CODES}
        instrument, at = codes["instrument"][number], start + begin
        traces = []
        for component, samples in zip(components, amplitude[number].values, strict=True):
            there = np.isfinite(samples)
            edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
            for first, stop in edges.reshape(-1, 2).tolist():
                trace = Trace(np.ascontiguousarray(samples[first:stop]))
                trace.stats.update({**header, "channel": instrument + component})
                trace.stats.sampling_rate = rate
                trace.stats.starttime = UTCDateTime(ns=at + round(first * 1e9 / rate))
                traces.append(trace)
        yield traces


def _rate(ds: xr.Dataset) -> float:
    time = ds["time"].values
    if len(time) < 2:
        raise ConventionError("a record of a single sample has no sampling rate")
    interval = (time[-1] - time[0]) / (len(time) - 1)
    return round(1 / interval, 9)


def _encoding(trace: obspy.Trace) -> str:
    """How miniSEED holds the samples exactly; whole numbers are made integers here."""
    samples = trace.data
    whole = np.abs(samples).max() < 2**31 and not np.mod(samples, 1).any()
    # Steim 2 stores differences of 30 bits at most.
    if whole and np.abs(np.diff(samples)).max(initial=0) < 2**29 and abs(samples[0]) < 2**31:
        trace.data = samples.astype(np.int32)
        return "STEIM2"
    if whole:
        trace.data = samples.astype(np.int32)
        return "INT32"
    return "FLOAT32" if samples.dtype == np.float32 else "FLOAT64"


def _warn_overlaps(ds: xr.Dataset, path: Path) -> None:
    starts = ds["starttime"].values.astype("M8[ns]").astype(np.int64)
    names = [".".join(codes) for codes in zip(*(texts_of(ds, n) for n in _INSTRUMENT), strict=True)]
    counts = ds["sample_count"].values if "sample_count" in ds.coords else ds.sizes["time"]
    ends = starts + np.round(counts / _rate(ds) * 1e9).astype(np.int64)
    order = sorted(range(len(names)), key=lambda i: (names[i], starts[i]))
    some = [
        f"{names[b]} {utc(starts[b])}"
        for a, b in pairwise(order)
        if names[a] == names[b] and starts[b] < ends[a]
    ]
    if some:
        warnings.warn(
            f"{path}: {len(some)} records begin before the one before ends, and miniSEED does not "
            f"keep them apart: {listed(some)}; Zarr and NetCDF do",
            DataWarning,
            stacklevel=3,
        )


def _check_codes(ds: xr.Dataset, path: Path) -> None:
    """Codes longer than in SEED would be cut by obspy."""
    channel = max(len(str(c)) for c in ds["component"].values)
    rooms = {"network": 2, "station": 5, "location": 2, "instrument": 3 - channel}
    for name, room in rooms.items():
        for value in dict.fromkeys(texts_of(ds, name)):
            if len(value) > room:
                raise ConventionError(
                    f"{path}: {name} {value!r} is longer than the {room} letters that miniSEED has "
                    f"for it; give a shorter one with ds.assign_coords({name}=('event', ...))"
                )
