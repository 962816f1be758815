"""Triggers of several stations to events."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["associate"]


def associate(catalogue: pd.DataFrame, moveout: float) -> pd.DataFrame:
    """Find which triggers of different stations belong to one event, by their times alone.

    Two triggers are linked where each is the other's nearest at the two stations, and no more than
    `moveout` apart. Events grow along the links, the closest first: none takes two triggers of one
    station, and none lasts longer than `moveout`.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        Of :func:`seisgeo.detection.detect`, or any table with ``time`` (UTC) and ``station``
        (and ``network``, where there are several).
    moveout : float
        Longest difference of onsets between the stations (s): the travel time from the nearest
        station to the farthest, by the slowest wave that triggers.

    Returns
    -------
    pandas.DataFrame
        The catalogue with ``event_id`` anew, in the order of the first triggers: those of one event
        share it, a trigger that no other station confirms is an event of its own.

    Raises
    ------
    ParameterError
        If the table has no times or stations, or `moveout` is not positive.

    See Also
    --------
    seisgeo.detection.detect : With `stations`, keeps what several stations see at the same time.

    Notes
    -----
    Where triggers are many, some are near each other by chance. Shift the times of each station by
    another number of seconds, much more than `moveout`, and associate again: as many pairs as are
    found then are to be expected by chance.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.to_datetime(["2009-01-21T04:00:00.0", "2009-01-21T04:00:00.3",
    ...                         "2009-01-21T04:00:09.0"])
    >>> table = pd.DataFrame({"time": times, "station": ["A", "B", "B"]})
    >>> associate(table, 0.4)["event_id"].tolist()
    ['00000000', '00000000', '00000001']
    """
    import pandas as pd

    if missing := [name for name in ("time", "station") if name not in catalogue]:
        raise ParameterError(
            f"catalogue: no column {missing[0]!r}; expected a table with time (UTC) and station, "
            f"found {', '.join(map(str, catalogue.columns)) or 'no columns'}"
        )
    if not 0 < moveout < np.inf:
        raise ParameterError(f"moveout={moveout:g}: expected seconds above 0")
    times = pd.to_datetime(catalogue["time"], utc=True, errors="coerce").dt.tz_convert(None)
    if absent := int(times.isna().sum()):
        raise ParameterError(f"catalogue: {absent} of {len(catalogue)} triggers have no time")
    when = times.to_numpy("M8[ns]").astype(np.int64)
    longest = round(moveout * 1e9)
    names = catalogue["station"].astype(str)
    if "network" in catalogue:
        names = catalogue["network"].astype(str) + "." + names
    station = np.unique(names.to_numpy(), return_inverse=True)[1]
    event = np.arange(len(when))
    members = {i: [i] for i in range(len(when))}
    for i, j in _links(when, station, longest):
        joined = members[event[i]] + members[event[j]]
        if len(set(station[joined])) == len(joined) and np.ptp(when[joined]) <= longest:
            del members[event[j]]
            members[event[i]] = joined
            event[joined] = event[i]
    first = {name: when[rows].min() for name, rows in members.items()}
    number = {name: n for n, name in enumerate(sorted(members, key=lambda e: (first[e], e)))}
    found = catalogue.assign(event_id=[f"{number[name]:08d}" for name in event.tolist()])
    found = found[["event_id", *(c for c in found if c != "event_id")]]
    found.attrs = {**catalogue.attrs, "moveout": moveout}
    return found


def _links(when: np.ndarray, station: np.ndarray, longest: int) -> list[tuple[int, int]]:
    """Triggers of two stations that are each other's nearest, the closest first."""
    rows = [np.flatnonzero(station == s) for s in np.unique(station)]
    rows = [own[np.argsort(when[own], kind="stable")] for own in rows]
    found: list[tuple[int, int, int]] = []
    for a, b in combinations(rows, 2):
        to, back = _nearest(when[a], when[b]), _nearest(when[b], when[a])
        lag = np.abs(when[a] - when[b][to])
        both = (back[to] == np.arange(len(a))) & (lag <= longest)
        found += zip(lag[both].tolist(), a[both].tolist(), b[to[both]].tolist(), strict=True)
    return [(i, j) for _, i, j in sorted(found)]


def _nearest(times: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The nearest of the others, which are in order, of each time; of two as near the earlier."""
    after = np.searchsorted(others, times).clip(1, max(len(others) - 1, 1))
    if len(others) == 1:
        return np.zeros(len(times), int)
    return np.where(times - others[after - 1] <= others[after] - times, after - 1, after)
