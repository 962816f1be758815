"""Events in continuous records: triggers as a catalogue, and windows around them as a cube.

>>> import obspy
>>> table = detect(obspy.read(), sta=0.3, lta=3.0, band=(1, 20))
>>> [str(table[c].iloc[0]) for c in ("station", "channel", "time")]
['RJOB', 'EHZ', '2009-08-24 00:20:07.770000']
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.association import associate
from seisgeo.continuous import CODES, Continuous, files_of, index_of, of_file, opened
from seisgeo.errors import ParameterError
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
    a day takes no more memory than a minute. Files are searched side by side, each by itself: what
    lies in the first `lta` seconds of a file or after a gap is not found.

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
        Processes for several files; by default one for each core.
    progress : bool, default True
        Show a bar for several files.

    Returns
    -------
    pandas.DataFrame
        A row for each trigger in order of time: ``event_id``, ``time`` (onset, UTC), ``duration``
        (s), ``network``, ``station``, ``location``, ``channel``, ``sta_lta`` (largest ratio),
        ``amplitude`` (largest magnitude after the filter), ``file``. The settings stand in
        ``attrs``.

    Raises
    ------
    ParameterError
        If windows, ratios or band make no trigger.
    MissingFileError, FormatError
        If a file is not there, or cannot be read.

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
    rows: list[dict[str, Any]] = []
    remarks: list[str] = []
    for found, said in _searched(source, how, component, workers, progress):
        rows += found
        remarks += said
    table = pd.DataFrame(rows, columns=[c for c in _COLUMNS if c != "event_id"])
    table = table.sort_values(["time", "station", "channel"], kind="stable", ignore_index=True)
    table["time"] = table["time"].astype("datetime64[ns]")
    table.insert(0, "event_id", _events_of(table, stations, delay))
    if stations > 1:
        table = table[table["event_id"] != ""].reset_index(drop=True)
    table.attrs = {**how._asdict(), "component": component, "stations": stations, "delay": delay}
    say("detect", remarks, stacklevel=2)
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


def _searched(
    source: Any, how: StaLta, component: str, workers: int | None, progress: bool
) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
    """Triggers and remarks of each file, or of the stream or cube."""
    from tqdm.auto import tqdm

    files = files_of(source)
    if files is None:
        yield _search(next(opened(source))[1], "", how, component)
        return
    workers = min(workers or os.cpu_count() or 1, len(files))
    with tqdm(
        total=len(files), desc="detecting", unit="file", disable=not progress, delay=1
    ) as bar:
        if workers == 1:
            for file in files:
                yield _search_file(file, how, component)
                bar.update()
            return
        from joblib import Parallel, delayed

        jobs = (delayed(_search_file)(file, how, component) for file in files)
        # In the order of the files, so that remarks are.
        for found in Parallel(n_jobs=workers, return_as="generator")(jobs):
            yield found
            bar.update()


def _search_file(file: Path, how: StaLta, component: str) -> tuple[list[dict[str, Any]], list[str]]:
    return _search(of_file(file), str(file), how, component)


def _search(
    item: Continuous, file: str, how: StaLta, component: str
) -> tuple[list[dict[str, Any]], list[str]]:
    rows = []
    remarks = [f"{file}: {remark}".removeprefix(": ") for remark in item.remarks]
    for record, start in enumerate(item.starts.tolist()):
        there = [c for c, live in zip(item.components, item.live[record], strict=True) if live]
        chosen = component if component in there or not there else there[0]
        place = index_of(item.components, chosen)
        codes = {name: item.codes[name][record] for name in CODES}
        channel = codes.pop("instrument") + chosen
        name = f"{'.'.join(codes.values())}.{channel}"

        def read(first: int, stop: int, row: int = record, at: int = place) -> np.ndarray:
            return item.source.read(row, first, stop)[at]

        found, said = channel_triggers(read, int(item.lengths[record]), item.rate, how)
        remarks += [f"{name}: {remark}" for remark in said]
        for trigger in found:
            rows.append(
                {
                    "time": np.datetime64(start + round(trigger.first * 1e9 / item.rate), "ns"),
                    "duration": (trigger.last - trigger.first) / item.rate,
                    **codes,
                    "channel": channel,
                    "sta_lta": trigger.ratio,
                    "amplitude": trigger.amplitude,
                    "file": file,
                }
            )
    return rows, remarks


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
