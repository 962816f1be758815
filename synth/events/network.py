"""The same events at several stations of their region."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from seisgeo.errors import ParameterError
from seisgeo.sphere import east_north, place_at
from seisgeo.synth.events.layered import first_arrival
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import Region, choose_regions, stations_of

__all__ = ["at_stations", "source_of"]

#: Between the origin times of two events: an hour.
_APART = np.timedelta64(3600, "s")
_FIRST = np.datetime64("2000-01-01", "ns")


def at_stations(
    events: xr.Dataset,
    n: int,
    *,
    recorder: Recorder | None = None,
    regions: str | Region | Iterable[str | Region] | None = None,
) -> xr.Dataset:
    """Let several stations of its region record each event.

    Parameters
    ----------
    events : xarray.Dataset
        Parameters of events with a source in the ground, from :func:`draw_events`.
    n : int
        Stations of each event: those nearest to its epicentre.
    recorder : Recorder, optional
        What records them, the one that :func:`simulate_events` is given. When P arrives in each
        record, and its signal-to-noise ratio, are drawn anew for each station.
    regions : str, Region or iterable of them, optional
        Where the regions that `events` names are defined; ``synth.events.REGIONS`` by default.

    Returns
    -------
    xarray.Dataset
        A row for each record, those of an event together: the parameters, with ``event_id`` and
        ``starttime`` (UTC, of the record's first sample; records of an event have one origin time),
        for :func:`simulate_events`.

    Raises
    ------
    ParameterError
        If a region has fewer stations, an event has no source, or records are too short for S.

    Examples
    --------
    >>> from seisgeo import synth
    >>> drawn = synth.draw_events(2, kinds="earthquake", regions="craton")
    >>> records = synth.simulate_events(synth.at_stations(drawn, 3))
    >>> records.sizes["event"], list(records.event_id.values)
    (6, ['0', '0', '0', '1', '1', '1'])
    """
    recorder = recorder or Recorder()
    if not np.isfinite(events["epicentral_distance"].values).all():
        raise ParameterError(
            "events: some have no source in the ground (noise, spikes), which several stations "
            "could record; draw_events(kinds=...) without them"
        )
    known = {region.name: region for region in choose_regions(regions)}
    total = events.sizes["event"]
    table = events.isel(event=np.repeat(np.arange(total), n))
    columns = {
        name: table[name].values.copy()
        for name in ("station", "epicentral_distance", "azimuth", "p_arrival", "snr")
    }
    start = np.empty(total * n, "M8[ns]")
    for i, number in enumerate(events["event"].values):
        one = events.isel(event=i)
        region = known.get(str(one["region"].item()))
        if region is None or region.stations < n:
            found = "is not among regions" if region is None else f"has {region.stations} stations"
            raise ParameterError(f"region {one['region'].item()!r} {found}; {n} were asked for")
        stations = stations_of(region)
        here = int(np.flatnonzero(stations.code == one["station"].item())[0])
        latitude, longitude, _ = source_of(
            stations.latitude[here],
            stations.longitude[here],
            one["azimuth"].values,
            one["epicentral_distance"].values,
        )
        east, north = east_north(latitude, longitude, stations.latitude, stations.longitude)
        distance, azimuth = np.hypot(east, north), np.mod(np.degrees(np.arctan2(east, north)), 360)
        near = np.argsort(distance)[:n]
        depth = np.full(n, float(one["source_depth"]))
        p, s = (first_arrival(region.model, depth, distance[near], wave) for wave in "PS")
        random = np.random.default_rng([int(events.attrs.get("seed", 0)), int(number), 2])
        low, high = recorder.p_window
        high = np.minimum(high, 0.8 * recorder.duration - (s - p))
        if (high < low).any():
            raise ParameterError(
                f"records of {recorder.duration:g} s are too short: S comes {(s - p).max():.0f} s "
                f"after P at station {stations.code[near][-1]}; make n_time larger, or n smaller"
            )
        rows = slice(i * n, (i + 1) * n)
        columns["station"][rows] = stations.code[near]
        columns["epicentral_distance"][rows], columns["azimuth"][rows] = (
            distance[near],
            azimuth[near],
        )
        arrival = low + (high - low) * random.random(n)
        columns["p_arrival"][rows] = arrival
        if recorder.snr:
            columns["snr"][rows] = random.uniform(*recorder.snr, n)
        origin = _FIRST + int(number) * _APART
        start[rows] = origin + np.round(1e9 * (p - arrival)).astype("m8[ns]")
    table = table.assign(
        {name: (table[name].dims, v, table[name].attrs) for name, v in columns.items()}
    )
    # Each record has a stream of noise of its own, by its number.
    numbers = np.repeat(events["event"].values * n, n) + np.tile(np.arange(n), total)
    identity = np.repeat(events["event"].values, n).astype(str).astype(object)
    return table.assign_coords(
        event=("event", numbers, {"long_name": "number of the record"}),
        event_id=("event", identity),
        starttime=("event", start),
    )


def source_of(
    latitude: np.ndarray, longitude: np.ndarray, azimuth: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where an event is whose station is known, on a sphere.

    Parameters
    ----------
    latitude, longitude : ndarray
        Of the station (degrees).
    azimuth : ndarray
        From the event to the station (degrees from north).
    distance : ndarray
        Epicentral distance (m).

    Returns
    -------
    latitude, longitude, back_azimuth : ndarray
        Of the event, and from the station to it (degrees).
    """
    # The azimuth is known at the event: to first order the way back is opposite.
    angle = np.radians(azimuth)
    back = angle + np.pi
    for _ in range(8):
        found = place_at(latitude, longitude, distance * np.sin(back), distance * np.cos(back))
        ahead = np.arctan2(*east_north(*found, latitude, longitude))
        miss = angle - ahead
        back = back + np.arctan2(np.sin(miss), np.cos(miss))
    found = place_at(latitude, longitude, distance * np.sin(back), distance * np.cos(back))
    return *found, np.mod(np.degrees(back), 360)
