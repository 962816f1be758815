"""Windows around triggers, cut out of continuous records as they are read."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.seismology.spans import Spans
from seisgeo.continuous import CODES, Continuous, continuous, index_of
from seisgeo.errors import FormatError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["windows"]

#: Values of a stretch that is read at once, and stretches that are kept: 64 MB in all. Opening a
#: file costs more than decoding so much of it, and the next trigger is seldom far.
_STRETCH, _MOST_STRETCHES = 2**17, 64


def windows(
    source: Any,
    catalogue: pd.DataFrame,
    *,
    before: float = 1.0,
    after: float = 5.0,
    workers: int | None = None,
    progress: bool = True,
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
    workers : int, optional
        Processes that read headers of files, where :func:`detect` has not just read them; by
        default one for each core.
    progress : bool, default True
        Show a bar for them.

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
    >>> from seisgeo.detection import detect
    >>> stream = obspy.read()
    >>> table = detect(stream, sta=0.3, lta=3.0, band=(1, 20))
    >>> cube = windows(stream, table, before=2.0, after=6.0)
    >>> dict(cube.sizes), cube["onset"].values
    ({'event': 2, 'component': 3, 'time': 800}, array([2., 2.]))
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
    records, broken = continuous(source, workers=workers, progress=progress)
    index = _Index(records)
    places, absent, cut = [], [], []
    for number, row in enumerate(catalogue.itertuples(index=False)):
        place = index.find(row)
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
    if broken:
        remarks.append(f"{len(broken)} files that cannot be read, left out: {listed([*broken])}")
    if not places:
        raise FormatError(
            "no window around the triggers lies in the records: "
            + ("; ".join(remarks) or "the catalogue is empty")
        )
    rates = np.array([records[item].rate for item, *_ in places])
    rate, same = pick_rate("windows", rates, np.array([n for *_, n, _ in places]), None)
    if not same.all():
        others = sorted({f"{r:g}" for r in rates[~same]})
        remarks.append(
            f"{int((~same).sum())} windows are sampled at {', '.join(others)} Hz, not {rate:g} Hz, "
            "left out: a cube has one time axis; cut them by a catalogue of their channels alone"
        )
    places = [place for place, fits in zip(places, same, strict=True) if fits]
    used = sorted({item for item, *_ in places})
    components = order_components({c for item in used for c in records[item].components})
    n = round((before + after) * rate)
    cutter = _Windows(
        {item: records[item] for item in used},
        {item: [index_of(records[item].components, c) for c in components] for item in used},
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
        for name in CODES
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


class _Windows:
    """Reads windows of records, out of stretches that it keeps for the windows that follow."""

    def __init__(
        self,
        records: dict[int, Continuous],
        orders: dict[int, list[int]],
        places: list[tuple[int, int, int]],
    ) -> None:
        self.records = records
        self.orders = orders
        self.places = places
        self._kept: OrderedDict[tuple[int, int, int], np.ndarray] = OrderedDict()
        self._lock = Lock()

    def __getstate__(self) -> tuple[Any, Any, Any]:
        return self.records, self.orders, self.places

    def __setstate__(self, state: tuple[Any, Any, Any]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        """Samples of a window, (component, time)."""
        item, record, first = self.places[row]
        values = self._samples(item, record, first + start, first + stop)
        out = np.full((len(self.orders[item]), stop - start), np.nan, values.dtype)
        for at, index in enumerate(self.orders[item]):
            if index >= 0:
                out[at] = values[index]
        return out

    def _samples(self, item: int, record: int, start: int, stop: int) -> np.ndarray:
        size = max(1, _STRETCH // len(self.records[item].components))
        parts = []
        for number in range(start // size, -(-stop // size)):
            first = number * size
            stretch = self._stretch((item, record, number), first, first + size)
            parts.append(stretch[:, max(start - first, 0) : stop - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _stretch(self, key: tuple[int, int, int], start: int, stop: int) -> np.ndarray:
        item, record, _ = key
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        continuous = self.records[item]
        stop = min(stop, int(continuous.lengths[record]))
        values = continuous.source.read(record, start, stop)
        with self._lock:
            self._kept[key] = values
            while len(self._kept) > _MOST_STRETCHES:
                self._kept.popitem(last=False)
        return values


class _Index:
    """Finds which record holds a trigger, and at which of its samples."""

    def __init__(self, records: list[Continuous]) -> None:
        self.records = records
        self._members: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        ends = []
        for number, item in enumerate(records):
            ends.append(item.starts + np.round(item.lengths * 1e9 / item.rate).astype(np.int64))
            for record in range(len(item.starts)):
                codes = tuple(item.codes[name][record] for name in CODES)
                self._members.setdefault(codes, []).append((number, record))
        self._spans = {
            codes: Spans(
                [records[number].starts[record] for number, record in members],
                [ends[number][record] for number, record in members],
            )
            for codes, members in self._members.items()
        }

    def find(self, row: Any) -> tuple[int, int, int] | None:
        """Number of the source, record and sample of a row of a catalogue."""
        import pandas as pd

        codes = (row.network, row.station, row.location, row.channel[:-1])
        at = pd.Timestamp(row.time).as_unit("ns").value
        held = self._spans[codes].holding(at, at) if codes in self._spans else []
        found = [self._members[codes][i] for i in sorted(held)]
        if not found:
            return None
        # An instrument that is recorded at two rates at once: the file tells which.
        file = getattr(row, "file", "")
        for number, record in found if len(found) > 1 and file else []:
            if self.records[number].source.file_at(record, at) == file:
                found = [(number, record)]
                break
        number, record = found[0]
        item = self.records[number]
        return number, record, round((at - int(item.starts[record])) * item.rate / 1e9)


def _plain(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Settings in the types that every format of cubes can hold."""
    return {
        str(k): str(v) if isinstance(v, list | tuple) else v
        for k, v in attrs.items()
        if v is not None and not isinstance(v, dict)
    }
