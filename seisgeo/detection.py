"""Events in continuous records: triggers as a catalogue, and windows around them as a cube.

>>> import obspy
>>> table = detect(obspy.read(), lta=5.0)
>>> [str(table[c].iloc[0]) for c in ("station", "channel", "time")]
['RJOB', 'EHZ', '2009-08-24 00:20:07.700000']
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError, FormatError, ParameterError
from seisgeo.files import whole_output
from seisgeo.sta_lta import StaLta, channel_triggers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["detect", "windows", "write_catalogue"]

_CODES = ("network", "station", "location", "instrument")
_COLUMNS = (
    *("event_id", "time", "duration", "network", "station", "location", "channel"),
    *("sta_lta", "amplitude", "file"),
)


class _Continuous(NamedTuple):
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

    Examples
    --------
    >>> import obspy
    >>> table = detect(obspy.read(), sta=0.5, lta=5.0)
    >>> len(table), round(table["sta_lta"].iloc[0], 1)
    (1, 9.9)
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


def windows(
    source: Any, catalogue: pd.DataFrame, *, before: float = 1.0, after: float = 5.0
) -> xr.Dataset:
    """Cut windows around the triggers of a catalogue, as a waveforms cube.

    Parameters
    ----------
    source : path-like, iterable of path-like, obspy.Stream or xarray.Dataset
        What was searched: all components of the station that triggered are cut.
    catalogue : pandas.DataFrame
        Of :func:`detect`, or any table with ``time`` (UTC), ``network``, ``station``, ``location``
        and ``channel``.
    before, after : float, default 1 and 5
        Seconds before and after the onset.

    Returns
    -------
    xarray.Dataset
        ``amplitude (event, component, time)``, lazy, as recorded, in the order of the catalogue;
        ``onset`` is the trigger (s after the first sample), ``sta_lta`` its largest ratio.

    Raises
    ------
    FormatError
        If there is no whole window.
    ParameterError
        If the window has no length.

    Warns
    -----
    DataWarning
        If windows reach beyond their records, or triggers are in no record: they are left out.

    Examples
    --------
    >>> import obspy
    >>> stream = obspy.read()
    >>> cube = windows(stream, detect(stream, lta=5.0), before=2.0, after=6.0)
    >>> dict(cube.sizes), cube["onset"].values
    ({'event': 1, 'component': 3, 'time': 800}, array([2.]))
    """
    from seisgeo.adapters.seismology.records import (
        cube_of,
        listed,
        order_components,
        pick_rate,
        say,
    )

    if not before + after > 0:
        raise ParameterError(f"before={before:g} s, after={after:g} s: the window has no length")
    files = catalogue["file"].tolist() if "file" in catalogue else [""] * len(catalogue)
    records = [item for _, item in _opened(source, wanted=set(files) - {""})]
    places, absent, cut = [], [], []
    for number, row in enumerate(catalogue.itertuples(index=False)):
        place = _find(records, row)
        if place is None:
            absent.append(f"{row.station} {row.time}")
            continue
        item, record, sample = place
        rate = records[item].rate
        first, n = sample - round(before * rate), round((before + after) * rate)
        if first < 0 or first + n > records[item].lengths[record]:
            cut.append(f"{row.station} {row.time}")
            continue
        places.append((item, record, first, n, number))
    remarks = [
        f"{len(names)} triggers {what}, left out: {listed(names)}"
        for names, what in (
            (absent, "are in no record"),
            (cut, f"with windows of {before:g} s before and {after:g} s after reach beyond"),
        )
        if names
    ]
    if not places:
        raise FormatError(
            "no window around the triggers lies in the records: "
            + ("; ".join(remarks) or "the catalogue is empty")
        )
    rates = np.array([records[item].rate for item, *_ in places])
    rate, same = pick_rate("windows", rates, np.array([n for *_, n, _ in places]), None)
    if not same.all():
        remarks.append(f"{int((~same).sum())} windows are not sampled at {rate:g} Hz, left out")
    places = [place for place, fits in zip(places, same, strict=True) if fits]
    used = sorted({item for item, *_ in places})
    components = order_components({c for item in used for c in records[item].components})
    n = round((before + after) * rate)
    cutter = _Windows(
        {item: records[item].source for item in used},
        {item: [_index(records[item].components, c) for c in components] for item in used},
        [(item, record, first) for item, record, first, *_ in places],
    )
    chosen = catalogue.iloc[[number for *_, number in places]]
    live = np.array(
        [
            [i >= 0 and bool(records[item].live[record, i]) for i in cutter.orders[item]]
            for item, record, *_ in places
        ]
    )
    starts = [
        int(records[item].starts[record]) + round(first * 1e9 / rate)
        for item, record, first, *_ in places
    ]
    coords: dict[str, Any] = {
        name: ("event", np.array([records[i].codes[name][r] for i, r, *_ in places], str))
        for name in _CODES
    }
    coords["starttime"] = ("event", np.array(starts, "M8[ns]"))
    coords["onset"] = ("event", np.full(len(places), round(before * rate) / rate))
    coords["live"] = (("event", "component"), live)
    for name in ("event_id", "sta_lta"):
        if name in chosen:
            kind = str if name == "event_id" else float
            coords[name] = ("event", np.array(chosen[name].tolist(), kind))
    attrs = conventions.provenance(
        source=listed([*dict.fromkeys(f for f in chosen.get("file", []) if f)]) or None,
        source_format="STA/LTA windows",
        **{f"detection_{k}": v for k, v in _plain(catalogue.attrs).items()},
    )
    dtype = np.result_type(*(records[item].dtype for item in used))
    ds = cube_of(cutter, components, np.full(len(places), n), rate, dtype, coords, attrs)
    say("windows", remarks, stacklevel=2)
    return ds


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
    >>> table = detect(obspy.read(), lta=5.0)
    >>> path = write_catalogue(table, Path(tempfile.mkdtemp()) / "triggers.csv")
    >>> print(path.read_text().splitlines()[1][:40])
    00000000,2009-08-24T00:20:07.700000000Z,
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

    files = _files(source)
    if files is None:
        yield _search(next(_opened(source))[1], "", how, component)
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
    return _search(_of_file(file), str(file), how, component)


def _search(
    item: _Continuous, file: str, how: StaLta, component: str
) -> tuple[list[dict[str, Any]], list[str]]:
    rows = []
    remarks = [f"{file}: {remark}".removeprefix(": ") for remark in item.remarks]
    for record, start in enumerate(item.starts.tolist()):
        there = [c for c, live in zip(item.components, item.live[record], strict=True) if live]
        chosen = component if component in there or not there else there[0]
        place = _index(item.components, chosen)
        codes = {name: item.codes[name][record] for name in _CODES}
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


# ------------------------------------------------------------------------- what is searched


def _files(source: Any) -> list[Path] | None:
    """Files of a source; None of a stream or a cube."""
    from seisgeo.adapters.seismology.opening import waveform_files

    if isinstance(source, xr.Dataset) or hasattr(source, "traces"):
        return None
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not given:
        raise FormatError("no file given; expected at least one")
    return waveform_files(map(Path, given))


def _opened(source: Any, wanted: Iterable[str] = ()) -> Iterator[tuple[str, _Continuous]]:
    """Each file of a source (those that are wanted, if any is named), or the one cube."""
    files = _files(source)
    if files is not None:
        keep = set(wanted)
        for file in files:
            if not keep or str(file) in keep:
                yield str(file), _of_file(file)
        return
    if isinstance(source, xr.Dataset):
        yield "", _of_cube(source)
        return
    from seisgeo.adapters.seismology import from_stream

    yield "", _of_cube(from_stream(source))


def _of_file(file: Path) -> _Continuous:
    from seisgeo.adapters.seismology.streams import scan_streams

    scan = scan_streams([file], name=file)
    records = scan.source.records
    return _Continuous(
        scan.source,
        scan.source.components,
        scan.coords["live"][1],
        scan.source.rate,
        np.array([r.start for r in records], np.int64),
        scan.lengths,
        {name: [getattr(r, name) for r in records] for name in _CODES},
        np.result_type(*scan.types, np.float32),
        [*map(str, scan.findings), *(r for r in scan.remarks if "missing comp" not in r)],
    )


class _Cube:
    """Reads records of a cube that is there already."""

    def __init__(self, amplitude: xr.DataArray) -> None:
        self.amplitude = amplitude.transpose("event", "component", "time")

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        return self.amplitude[row, :, start:stop].values


def _of_cube(ds: xr.Dataset) -> _Continuous:
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
    return _Continuous(
        _Cube(ds["amplitude"]),
        components,
        live,
        round((len(time) - 1) / float(time[-1] - time[0]), 9),
        ds["starttime"].values.astype("M8[ns]").astype(np.int64),
        lengths,
        {name: texts_of(ds, name) for name in _CODES},
        ds["amplitude"].dtype,
        [],
    )


# ------------------------------------------------------------------------------------ windows


class _Windows:
    """Reads windows of records."""

    def __init__(
        self,
        sources: dict[int, Any],
        orders: dict[int, list[int]],
        places: list[tuple[int, int, int]],
    ) -> None:
        self.sources = sources
        self.orders = orders
        self.places = places

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        """Samples of a window, (component, time)."""
        item, record, first = self.places[row]
        values = self.sources[item].read(record, first + start, first + stop)
        out = np.full((len(self.orders[item]), stop - start), np.nan, values.dtype)
        for at, index in enumerate(self.orders[item]):
            if index >= 0:
                out[at] = values[index]
        return out


def _find(records: list[_Continuous], row: Any) -> tuple[int, int, int] | None:
    """Which record holds a trigger, and at which of its samples."""
    import pandas as pd

    at = pd.Timestamp(row.time).as_unit("ns").value
    wanted = (row.network, row.station, row.location, row.channel[:-1])
    for number, item in enumerate(records):
        ends = item.starts + np.round(item.lengths * 1e9 / item.rate).astype(np.int64)
        for record in np.flatnonzero((item.starts <= at) & (at < ends)).tolist():
            if tuple(item.codes[name][record] for name in _CODES) == wanted:
                return number, record, round((at - int(item.starts[record])) * item.rate / 1e9)
    return None


def _index(components: tuple[str, ...], component: str) -> int:
    return components.index(component) if component in components else -1


def _plain(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Settings in the types that every format of cubes can hold."""
    return {
        str(k): str(v) if isinstance(v, list | tuple) else v
        for k, v in attrs.items()
        if v is not None
    }


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
