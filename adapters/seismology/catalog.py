"""Picks and origins of a catalogue (QuakeML) as labels of waveforms."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.seismology.records import listed, say, texts_of
from seisgeo.adapters.seismology.segments import utc
from seisgeo.errors import ConventionError, FormatError, MissingFileError

if TYPE_CHECKING:
    from obspy.core.event import Catalog, Event

__all__ = ["join_catalog"]

#: Names of direct and refracted phases, as IASPEI's list has them, with or without what a picker
#: writes before (impulsive, emergent); core phases arrive first at great distances.
_PHASES = re.compile(r"[ieIE]?([PSps])([gnb*]|dif|diff|KP|KIKP|KPdf|KPbc|KS|KSac)?")


class _Pick(NamedTuple):
    network: str
    station: str
    location: str
    time: int  # ns after 1970
    phase: str  # "p" or "s"
    event: int

    @property
    def name(self) -> str:
        return f"{self.phase.upper()} at {self.network}.{self.station} {utc(self.time)}"


def join_catalog(ds: xr.Dataset, catalog: str | os.PathLike[str] | Catalog) -> xr.Dataset:
    """Label waveforms with the picks and origins of a catalogue.

    A pick belongs to the record of its station within which it lies; the first P and the first S
    are taken, and the origin and the magnitude that the event prefers. An event without a pick in
    a record labels it where its origin time lies within and no other event does.

    Parameters
    ----------
    ds : xarray.Dataset
        ``amplitude (event, component, time)`` with ``station`` and ``starttime``.
    catalog : path-like or obspy.core.event.Catalog
        QuakeML, or any other event file that obspy reads.

    Returns
    -------
    xarray.Dataset
        The same waveforms with ``p_arrival`` and ``s_arrival`` (s after the first sample),
        ``event_id``, ``origin_time``, ``source_latitude``, ``source_longitude``, ``source_depth``,
        ``magnitude``, ``magnitude_type``, ``source_type``, ``p_travel_time``, ``s_travel_time``;
        with the station's place also ``epicentral_distance`` and ``back_azimuth``. Labels that a
        record has already stay where the catalogue has none.

    Raises
    ------
    ConventionError
        If it is no waveforms cube, or lacks stations or times.
    MissingFileError
        If there is no such file.
    FormatError
        If obspy cannot read the catalogue, or no event of it is in the records.

    Warns
    -----
    DataWarning
        If events or picks are in no record, or a record has picks of several events (those of the
        event that comes first are taken).

    Examples
    --------
    >>> import obspy
    >>> from obspy.core.event import Catalog, Event, Pick, WaveformStreamID
    >>> from seisgeo.adapters.seismology import from_stream
    >>> ds = from_stream(obspy.read())
    >>> pick = Pick(time=obspy.UTCDateTime("2009-08-24T00:20:07.7"), phase_hint="P",
    ...             waveform_id=WaveformStreamID("BW", "RJOB"))
    >>> join_catalog(ds, Catalog([Event(picks=[pick])]))["p_arrival"].values
    array([4.7])
    """
    conventions.validate(ds, "waveforms")
    if missing := [n for n in ("station", "starttime") if n not in ds.coords]:
        raise ConventionError(
            f"a catalogue is joined by station and time; this cube has no coordinate {missing[0]!r}"
        )
    name, events = _events(catalog)
    start = ds["starttime"].values.astype("M8[ns]").astype(np.int64)
    # Records may be shorter than the cube.
    counts = ds["sample_count"].values if "sample_count" in ds.coords else ds.sizes["time"]
    time = ds["time"].values
    interval = (time[-1] - time[0]) / max(1, len(time) - 1)
    end = start + np.round(counts * interval * 1e9).astype(np.int64)
    remarks: list[str] = []

    picks = [pick for i, event in enumerate(events) for pick in _picks(event, i)]
    holders = _holders(ds, picks, start, end)
    outside = [p.name for p, rows in zip(picks, holders, strict=True) if not rows]
    if outside:
        remarks.append(f"picks that are in no record of their station: {listed(outside)}")
    rows: dict[int, list[_Pick]] = {}
    for pick, found in zip(picks, holders, strict=True):
        for row in found:
            rows.setdefault(row, []).append(pick)
    chosen = _choose(rows, remarks)
    _add_origins(events, chosen, start, end)
    unused = [_label(e) for i, e in enumerate(events) if i not in set(chosen.values())]
    if len(unused) == len(events):
        raise FormatError(
            f"{name}: none of its {len(events)} events is in these records, which begin between "
            f"{utc(start.min())} and {utc(start.max())} at {listed(_stations(ds))}"
        )
    if unused:
        remarks.append(f"events that are in no record: {listed(unused)}")
    say(name, remarks, stacklevel=2)
    return conventions.describe(_labelled(ds, events, chosen, rows, start))


def _events(catalog: Any) -> tuple[object, list[Event]]:
    from obspy import read_events
    from obspy.core.event import Catalog

    if isinstance(catalog, Catalog):
        return "catalogue", list(catalog)
    if not os.path.exists(catalog):
        raise MissingFileError(f"{catalog}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return catalog, list(read_events(str(catalog)))
    except Exception as error:  # obspy passes on whatever its parsers run into
        why = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(f"{catalog}: no catalogue that obspy reads: {why}") from error


def _picks(event: Event, number: int) -> Iterator[_Pick]:
    """P and S picks of an event; what the arrivals of its origin call them counts before hints."""
    origin = event.preferred_origin() or next(iter(event.origins), None)
    phases = {str(a.pick_id): a.phase for a in (origin.arrivals if origin else [])}
    for pick in event.picks:
        hint = phases.get(str(pick.resource_id)) or pick.phase_hint or ""
        found = _PHASES.fullmatch(hint.strip())
        if found is None or pick.waveform_id is None or pick.evaluation_status == "rejected":
            continue
        where = pick.waveform_id
        yield _Pick(
            where.network_code or "",
            where.station_code or "",
            where.location_code or "",
            pick.time.ns,
            found[1].lower(),
            number,
        )


def _holders(
    ds: xr.Dataset, picks: list[_Pick], start: np.ndarray, end: np.ndarray
) -> list[list[int]]:
    """Records of each pick's station within which it lies. Codes left open fit any."""
    by_station: dict[str, list[int]] = {}
    for row, station in enumerate(texts_of(ds, "station")):
        by_station.setdefault(station, []).append(row)
    codes = {name: texts_of(ds, name) for name in ("network", "location")}
    found = []
    for pick in picks:
        rows = []
        for row in by_station.get(pick.station, []):
            fits = all(
                not said or not codes[name][row] or said == codes[name][row]
                for name, said in (("network", pick.network), ("location", pick.location))
            )
            if fits and start[row] <= pick.time < end[row]:
                rows.append(row)
        found.append(rows)
    return found


def _choose(rows: dict[int, list[_Pick]], remarks: list[str]) -> dict[int, int]:
    """The event of each record that has picks: that of the first pick."""
    chosen, several = {}, []
    for row, picks in sorted(rows.items()):
        chosen[row] = min(picks, key=lambda p: p.time).event
        if len({p.event for p in picks}) > 1:
            several.append(f"record {row} ({picks[0].station})")
    if several:
        remarks.append(f"picks of several events, those of the first taken: {listed(several)}")
    return chosen


def _add_origins(
    events: list[Event], chosen: dict[int, int], start: np.ndarray, end: np.ndarray
) -> None:
    """Records without a pick in which one event alone has its origin time."""
    origins = [(i, o.time.ns) for i, e in enumerate(events) if (o := _origin(e)) and o.time]
    numbers = np.array([i for i, _ in origins])
    times = np.array([t for _, t in origins], np.int64)
    for row in range(len(start)):
        if row not in chosen:
            inside = numbers[(times >= start[row]) & (times < end[row])]
            if len(inside) == 1:
                chosen[row] = int(inside[0])


def _origin(event: Event) -> Any:
    return event.preferred_origin() or next(iter(event.origins), None)


def _label(event: Event) -> str:
    origin = _origin(event)
    name = _id(event)
    return f"{name} ({utc(origin.time.ns)})" if origin and origin.time else name


def _id(event: Event) -> str:
    return str(event.resource_id.id).rsplit("/", 1)[-1]


def _stations(ds: xr.Dataset) -> list[str]:
    return sorted(set(texts_of(ds, "station")))


def _labelled(
    ds: xr.Dataset,
    events: list[Event],
    chosen: dict[int, int],
    rows: dict[int, list[_Pick]],
    start: np.ndarray,
) -> xr.Dataset:
    values: dict[str, dict[int, Any]] = {}
    for row, number in chosen.items():
        event = events[number]
        facts = _facts(event)
        if {"station_latitude", "station_longitude"} <= set(ds.coords):
            facts |= _path(ds, row, facts)
        own = [p for p in rows.get(row, []) if p.event == number]
        for phase in ("p", "s"):
            times = [p.time for p in own if p.phase == phase]
            if times:
                facts[f"{phase}_arrival"] = (min(times) - int(start[row])) / 1e9
                if "origin_time" in facts:
                    since = min(times) - int(facts["origin_time"].astype(np.int64))
                    facts[f"{phase}_travel_time"] = since / 1e9
        for name, value in facts.items():
            values.setdefault(name, {})[row] = value
    coords = {}
    for name, known in values.items():
        sample = next(iter(known.values()))
        empty: Any = "" if isinstance(sample, str) else np.datetime64("NaT", "ns")
        empty = empty if isinstance(sample, str | np.datetime64) else np.nan
        before = ds[name].values if name in ds.coords else np.full(ds.sizes["event"], empty)
        column = before.astype(object) if isinstance(sample, str) else before.copy()
        for row, value in known.items():
            column[row] = value
        coords[name] = ("event", column.astype(str) if isinstance(sample, str) else column)
    return ds.assign_coords(coords)


def _facts(event: Event) -> dict[str, Any]:
    """What an event says of itself, in the units of the conventions."""
    facts: dict[str, Any] = {"event_id": _id(event)}
    if event.event_type:
        facts["source_type"] = str(event.event_type)
    if (origin := _origin(event)) is not None:
        if origin.time is not None:
            facts["origin_time"] = np.datetime64(origin.time.ns, "ns")
        for name, value in (
            ("source_latitude", origin.latitude),
            ("source_longitude", origin.longitude),
            ("source_depth", origin.depth),  # QuakeML has metres
        ):
            if value is not None:
                facts[name] = float(value)
    magnitude = event.preferred_magnitude() or next(iter(event.magnitudes), None)
    if magnitude is not None and magnitude.mag is not None:
        facts["magnitude"] = float(magnitude.mag)
        if magnitude.magnitude_type:
            facts["magnitude_type"] = str(magnitude.magnitude_type)
    return facts


def _path(ds: xr.Dataset, row: int, facts: dict[str, Any]) -> dict[str, float]:
    """Distance and back azimuth, where both ends are known."""
    from obspy.geodetics import gps2dist_azimuth

    if not {"source_latitude", "source_longitude"} <= facts.keys():
        return {}
    latitude = float(ds["station_latitude"].values[row])
    longitude = float(ds["station_longitude"].values[row])
    if not np.isfinite([latitude, longitude]).all():
        return {}
    distance, _, back = gps2dist_azimuth(
        facts["source_latitude"], facts["source_longitude"], latitude, longitude
    )
    return {"epicentral_distance": float(distance), "back_azimuth": float(back)}
