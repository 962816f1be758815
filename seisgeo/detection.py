"""Events in continuous records: triggers as a catalogue, and windows around them as a cube.

>>> import obspy
>>> table = detect(obspy.read(), sta=0.3, lta=3.0, band=(1, 20))
>>> [str(table[c].iloc[0]) for c in ("station", "channel", "time")]
['RJOB', 'EHZ', '2009-08-24 00:20:07.770000']
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seisgeo.association import associate
from seisgeo.continuous import CODES, Continuous, continuous, count_broken
from seisgeo.devices import worker_count
from seisgeo.errors import DataWarning, ParameterError
from seisgeo.files import whole_output
from seisgeo.sta_lta import StaLta, channel_triggers
from seisgeo.trigger_windows import windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["associate", "detect", "windows", "write_catalogue"]

_COLUMNS = (
    *("event_id", "time", "duration", "network", "station", "location", "channel"),
    *("sta_lta", "amplitude", "file"),
)


def detect(
    source: Any,
    *,
    sta: float = 0.5,
    lta: float = 10.0,
    on: float = 4.0,
    off: float = 1.5,
    band: tuple[float, float] | None = None,
    component: str = "Z",
    stations: int = 1,
    delay: float = 0.0,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Find events in continuous records by the ratio of short-term to long-term energy.

    obspy's ``classic_sta_lta`` and ``trigger_onset`` on each stretch between gaps, piece by piece:
    a day takes no more memory than a minute. Files of one channel that follow each other are one
    record, and every channel is searched at its own sampling rate. What lies in the first `lta`
    seconds of a record or after a gap is not found.

    Parameters
    ----------
    source : path-like, iterable of path-like, obspy.Stream or xarray.Dataset
        Waveform files or folders of them, a stream, or a waveforms cube.
    sta, lta : float, default 0.5 and 10
        Lengths of the short and of the long window (s). The short one is about as long as the
        onset of an event, the long one longer than any: 0.05 and 1 for icequakes at 1000 Hz.
    on, off : float, default 4 and 1.5
        Ratios at which a trigger begins and ends.
    band : tuple of float, optional
        Pass band (Hz), Butterworth of order 4, causal; with an infinite upper end a high-pass. By
        default only the mean is removed.
    component : str, default "Z"
        Component to search; an instrument without it is searched by its first.
    stations : int, default 1
        Keep triggers that overlap with those of other stations, so many in all. They share an
        ``event_id``.
    delay : float, default 0
        Triggers also count as overlapping where the next station's begins up to so long after the
        end of the others (s): the travel time between stations.
    workers : int, optional
        Processes, which read headers file by file and search channel by channel; by default one
        for each core.
    progress : bool, default True
        Show bars for both, in files and in seconds of record.

    Returns
    -------
    pandas.DataFrame
        A row for each trigger in order of time: ``event_id``, ``time`` (onset, UTC), ``duration``
        (s), ``network``, ``station``, ``location``, ``channel``, ``sta_lta`` (largest ratio),
        ``amplitude`` (largest magnitude after the filter), ``file`` (that of the onset). The
        settings stand in ``attrs``, and in ``attrs["not_searched"]`` why files were left out that
        cannot be read, by their names.

    Raises
    ------
    ParameterError
        If windows, ratios or band make no trigger.
    MissingFileError, FormatError
        If a file is not there, or none can be read: of several, the others are searched.

    Warns
    -----
    DataWarning
        If channels or parts of them are constant, clipped, shorter than `lta`, or have gaps.

    See Also
    --------
    associate : Events by what is nearest in time, at most one trigger of each station in each.

    Examples
    --------
    >>> import obspy
    >>> table = detect(obspy.read(), sta=0.3, lta=3.0, band=(1, 20))
    >>> len(table), round(float(table["sta_lta"].iloc[0]), 1)
    (2, 9.8)
    """
    import pandas as pd

    from seisgeo.adapters.seismology.records import say

    how = StaLta(sta, lta, on, off, None if band is None else (float(band[0]), float(band[1])))
    how.check()
    if stations < 1:
        raise ParameterError(f"stations={stations}: expected 1 or more")
    items, broken = continuous(source, workers=workers, progress=progress)
    rows: list[dict[str, Any]] = []
    remarks = [remark for item in items for remark in item.remarks]
    unread: dict[str, str] = {}
    for found, said, failed in _searched(items, how, component, workers, progress):
        rows += found
        remarks += said
        unread |= failed
    count_broken(unread)
    broken |= unread
    table = pd.DataFrame(rows, columns=[c for c in _COLUMNS if c != "event_id"])
    table = table.sort_values(["time", "station", "channel"], kind="stable", ignore_index=True)
    table["time"] = table["time"].astype("datetime64[ns]")
    table.insert(0, "event_id", _events_of(table, stations, delay))
    if stations > 1:
        table = table[table["event_id"] != ""].reset_index(drop=True)
    table.attrs = {**how._asdict(), "component": component, "stations": stations, "delay": delay}
    table.attrs["not_searched"] = broken
    say("detect", remarks, stacklevel=2)
    if broken:
        lines = "".join(f"\n  - {name}: {why}" for name, why in broken.items())
        warnings.warn(
            f"detect: files that cannot be read were not searched, {len(broken)} in all:{lines}",
            DataWarning,
            stacklevel=2,
        )
    return table


def write_catalogue(
    catalogue: pd.DataFrame, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a catalogue of triggers.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        Of :func:`detect`.
    path : path-like
        ``NAME.csv``: a line for each trigger, times as ISO 8601 in UTC. ``NAME.xml`` or
        ``NAME.qml``: QuakeML 1.2, an event for each ``event_id`` with an automatic pick for each
        trigger; there are no origins, as nothing was located.
    overwrite : bool, default False
        Replace what stands under `path`.

    Returns
    -------
    pathlib.Path
        `path`; it appears only when it is whole.

    Raises
    ------
    ParameterError
        If the suffix says neither.
    OutputExistsError
        If `path` exists and `overwrite` is False.

    Examples
    --------
    >>> import tempfile, obspy
    >>> table = detect(obspy.read(), sta=0.3, lta=3.0, band=(1, 20))
    >>> path = write_catalogue(table, Path(tempfile.mkdtemp()) / "triggers.csv")
    >>> print(path.read_text().splitlines()[1][:40])
    00000000,2009-08-24T00:20:07.770000000Z,
    """
    final = Path(path)
    suffix = final.suffix.lower()
    if suffix not in (".csv", ".xml", ".qml"):
        raise ParameterError(f"{final}: expected a name that ends in .csv, .xml or .qml (QuakeML)")
    with whole_output(final, overwrite=overwrite) as part:
        if suffix == ".csv":
            table = catalogue.copy()
            table["time"] = [f"{np.datetime_as_string(t, 'ns')}Z" for t in table["time"].to_numpy()]
            table.to_csv(part, index=False)
        else:
            _quakeml(catalogue).write(str(part), format="QUAKEML")
    return final


# ---------------------------------------------------------------------------------- searching


_Searched = tuple[list[dict[str, Any]], list[str], dict[str, str]]


def _searched(
    items: list[Continuous],
    how: StaLta,
    component: str,
    workers: int | None,
    progress: bool,
) -> Iterator[_Searched]:
    """Triggers, remarks and files that could not be read, of each channel."""
    from tqdm.auto import tqdm

    jobs = [_job(item, row, component) for item in items for row in range(len(item.starts))]
    lengths = [item.lengths[row] / item.rate for item in items for row in range(len(item.starts))]
    workers = min(worker_count(workers), max(len(jobs), 1))
    with tqdm(
        total=int(sum(lengths)) + 1,
        desc="detecting",
        unit="s",
        unit_scale=True,
        disable=not progress,
        delay=1,
    ) as bar:
        if workers == 1 or any(not job.in_files for job in jobs):
            for job, seconds in zip(jobs, lengths, strict=True):
                before = bar.n
                yield _search(job, how, bar.update)
                bar.update(before + seconds - bar.n)
        else:
            from joblib import Parallel, delayed

            calls = (delayed(_search)(job, how) for job in jobs)
            # In the order of the channels, so that remarks are.
            found = Parallel(n_jobs=workers, return_as="generator")(calls)
            for one, seconds in zip(found, lengths, strict=True):
                yield one
                bar.update(seconds)
        bar.update(bar.total - bar.n)


class _Job(NamedTuple):
    """A channel of one record."""

    source: Any
    """Reads (0, start, stop) as (1, time)."""
    codes: dict[str, str]
    channel: str
    rate: float
    start: int
    """ns after 1970"""
    n_samples: int

    @property
    def in_files(self) -> bool:
        """Whether workers can read it by themselves."""
        return bool(getattr(self.source, "files", ()))


def _job(item: Continuous, row: int, component: str) -> _Job:
    there = [c for c, live in zip(item.components, item.live[row], strict=True) if live]
    chosen = component if component in there else (there or item.components)[0]
    codes = {name: item.codes[name][row] for name in CODES}
    channel = codes.pop("instrument") + chosen
    start, n_samples = int(item.starts[row]), int(item.lengths[row])
    return _Job(item.source.only(row, chosen), codes, channel, item.rate, start, n_samples)


def _search(job: _Job, how: StaLta, advance: Callable[[float], Any] | None = None) -> _Searched:
    """Triggers of a channel; `advance` is told seconds that were read, each of them twice."""
    broken = job.source.broken = {}

    def read(first: int, stop: int) -> np.ndarray:
        if advance is not None:
            advance((stop - first) / job.rate / 2)
        return job.source.read(0, first, stop)[0]

    while True:
        before = len(broken)
        found, said = channel_triggers(read, job.n_samples, job.rate, how)
        if len(broken) == before:
            break  # else again, without any sample of those files
    name = f"{'.'.join(job.codes.values())}.{job.channel}"
    rows = []
    for trigger in found:
        time = job.start + round(trigger.first * 1e9 / job.rate)
        rows.append(
            {
                "time": np.datetime64(time, "ns"),
                "duration": (trigger.last - trigger.first) / job.rate,
                **job.codes,
                "channel": job.channel,
                "sta_lta": trigger.ratio,
                "amplitude": trigger.amplitude,
                "file": job.source.file_at(0, time),
            }
        )
    return rows, [f"{name}: {remark}" for remark in said], dict(broken)


def _events_of(table: pd.DataFrame, stations: int, delay: float) -> list[str]:
    """The event that each trigger, in order of time, belongs to; empty where too few saw it."""
    if stations == 1:
        return [f"{i:08d}" for i in range(len(table))]
    on = table["time"].to_numpy().astype(np.int64)
    off = on + np.round(table["duration"].to_numpy() * 1e9).astype(np.int64)
    names = (table["network"] + "." + table["station"]).tolist()
    ids, number, first = [""] * len(table), 0, 0
    while first < len(table):
        end, stop = off[first], first + 1
        while stop < len(table) and on[stop] <= end + round(delay * 1e9):
            end = max(end, off[stop])
            stop += 1
        if len(set(names[first:stop])) >= stations:
            ids[first:stop] = [f"{number:08d}"] * (stop - first)
            number += 1
        first = stop
    return ids


def _quakeml(catalogue: pd.DataFrame) -> Any:
    from obspy import UTCDateTime
    from obspy.core.event import (
        Catalog,
        Comment,
        Event,
        Pick,
        ResourceIdentifier,
        WaveformStreamID,
    )

    method = ResourceIdentifier("smi:seisgeo/detection/sta_lta")
    events = []
    for name, rows in catalogue.groupby("event_id", sort=True):
        picks = [
            Pick(
                time=UTCDateTime(ns=row.time.as_unit("ns").value),
                waveform_id=WaveformStreamID(
                    row.network, row.station, row.location or None, row.channel
                ),
                evaluation_mode="automatic",
                method_id=method,
                comments=[Comment(text=f"STA/LTA {row.sta_lta:.3f}, {row.duration:.3f} s")],
            )
            for row in rows.itertuples(index=False)
        ]
        events.append(Event(ResourceIdentifier(f"smi:seisgeo/event/{name}"), picks=picks))
    return Catalog(events)
