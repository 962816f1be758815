"""Records beside another station's record of the same event."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.estimators.records import Records, group_of
from seisgeo.estimators.views import Views
from seisgeo.station_spectra import station_of

__all__ = ["Partners"]


class Partners(Views):
    """Rows of a waveforms cube, each with a record of the same event at another station.

    Parameters
    ----------
    ds : xarray.Dataset
        Waveforms with ``event_id`` along ``event`` ("" or NaN: no partner is known), and
        ``station``, without which all records of an event count as of different stations.
    seed : int
        Draws one of several partners: another one where a row is read among others.

    Raises
    ------
    ConventionError
        If no event has records of two stations, or a live component holds NaN.

    Notes
    -----
    Rows have ``waveforms``, ``partner`` (where there is none the record itself) and ``group``, the
    number of the event.
    """

    def __init__(self, ds: xr.Dataset, seed: int) -> None:
        self.records = Records(ds)
        super().__init__(self.records.arrays)
        self.group = group_of(ds)
        self.others = _others(ds, self.group)
        self.seed = seed

    def __getitem__(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        index = np.sort(np.asarray(rows, dtype=np.int64))
        # The batch decides, not how many were read before: a run can go on after a stop.
        random = np.random.default_rng([self.seed, zlib.crc32(index.tobytes())])
        drawn = [
            self.others[row][random.integers(len(self.others[row]))]
            if len(self.others[row])
            else row
            for row in index.tolist()
        ]
        read, place = np.unique(np.concatenate([index, drawn]), return_inverse=True)
        waveforms = self.records[read.tolist()]["waveforms"]
        return {
            "waveforms": waveforms[place[: len(index)]],
            "partner": waveforms[place[len(index) :]],
            "group": self.group[index],
        }


def _others(ds: xr.Dataset, group: np.ndarray) -> list[np.ndarray]:
    """Of each record, the records of its event at other stations."""
    if "event_id" not in ds.coords:
        raise ConventionError(
            "copies='event' needs the coordinate 'event_id' along event, the same in records of "
            "one event; seisgeo.detection.associate finds it from the times of triggers"
        )
    n = len(group)
    station = np.arange(n)
    if "station" in ds.coords:
        station = station_of(ds)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    found = [members[g][station[members[g]] != s] for g, s in zip(group, station, strict=True)]
    if not any(len(others) for others in found):
        several = sum(len(rows) > 1 for rows in members)
        raise ConventionError(
            "copies='event': no event has records of two stations; of the "
            f"{len(members)} events that event_id names, {several} have several records"
            f"{', of one station each' if several else ''}: seisgeo.detection.associate finds "
            "which triggers belong together"
        )
    return found
