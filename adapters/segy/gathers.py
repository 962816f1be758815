"""Gathers: traces grouped by shot, by receiver, or by CDP."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.clues import Clues, sort_order
from seisgeo.adapters.segy.geometry import Geometry, lay_out
from seisgeo.adapters.segy.grids import DENSE
from seisgeo.adapters.segy.lines import MOST_DUPLICATES
from seisgeo.adapters.segy.numbers import Numbers, numbered_by_appearance

__all__ = [
    "Gathers",
    "find_cdps",
    "find_receivers",
    "find_shots",
    "gathers_by",
    "make_cdps",
    "make_receivers",
    "make_shots",
]

Keys = tuple[tuple[str, ...], ...]

# Header fields that tell one shot from the next, the most telling first.
_SHOT_KEYS: Keys = (
    ("field_record",),
    ("field_record", "energy_source_point"),
    ("energy_source_point",),
    ("shot_point",),
    ("source_x", "source_y"),
)
_RECEIVER_KEYS: Keys = (("group_x", "group_y"),)
_CDP_KEYS: Keys = (("inline_3d", "crossline_3d"), ("cdp",), ("cdp_x", "cdp_y"))
# Gathers for each trace above which most have a single one.
_MOST_SINGLE = 0.75
# Numbers that run on through a whole survey would leave a table nearly empty: columns allowed for
# each trace of the longest gather.
_WIDEST = 4


class Gathers(NamedTuple):
    """Traces grouped by header fields.

    Attributes
    ----------
    key : tuple of str
        The fields; empty where none groups the traces.
    numbers : Numbers
        The group of each trace.
    channels_differ : bool
        Whether channel numbers tell the traces of each group apart, but for a few.
    one_source : bool
        Whether each group has one source position.
    """

    key: tuple[str, ...]
    numbers: Numbers
    channels_differ: bool = False
    one_source: bool = True

    @property
    def name(self) -> str:
        """The fields in words."""
        return " and ".join(_WORDS.get(k, k.replace("_", " ")) for k in self.key)

    @property
    def n(self) -> int:
        """Number of gathers."""
        return len(self.numbers.values)

    @property
    def sorts(self) -> bool:
        """Whether traces of a gather stand together in the file, and many gathers have several."""
        return self.numbers.sorts and self.n <= max(_MOST_SINGLE * len(self.numbers.place), 1)

    def same_as(self, other: Gathers) -> bool:
        """Whether another grouping gives the same gathers, of those that sort the file."""
        if self.n != other.n:
            return False
        a, b = self.numbers.place, other.numbers.place
        return bool(np.array_equal(a[1:] != a[:-1], b[1:] != b[:-1]))


_WORDS = {
    "cdp": "CDP",
    "inline_3d": "inline",
    "crossline_3d": "crossline",
    "group_x": "receiver x",
    "group_y": "receiver y",
    "cdp_x": "CDP x",
    "cdp_y": "CDP y",
}


def gathers_by(clues: Clues, key: tuple[str, ...]) -> Gathers:
    """Traces grouped by these fields."""
    numbers = clues.numbers(*key)
    told = clues.distinct(numbers, clues.numbers("trace_number"))
    one_source = True
    if clues.filled("source_x", "source_y") and not {"source_x", "source_y"} & set(key):
        at = clues.numbers("source_x", "source_y")
        one_source = clues.distinct(numbers, at) == len(numbers.values)
    return Gathers(key, numbers, told >= (1 - MOST_DUPLICATES) * clues.n, one_source)


def find_shots(clues: Clues) -> Gathers | None:
    """Shots: by the first fields whose channels differ and whose sources stand still.

    None where no field groups the traces.
    """
    best, score = None, (False, False, False)
    for key in _SHOT_KEYS:
        if not _groups(clues, key, every=key[0] == "field_record"):
            continue
        found = gathers_by(clues, key)
        exact = clues.distinct(found.numbers, clues.numbers("trace_number")) == clues.n
        this = (exact, found.one_source, found.n > 1)
        if best is None or this[:2] > score[:2] or (this > score and not exact):
            best, score = found, this
    return best


def find_receivers(clues: Clues) -> Gathers | None:
    """Receivers by position; None where receivers are not filled or differ in every trace."""
    for key in _RECEIVER_KEYS:
        if _groups(clues, key, every=False):
            return gathers_by(clues, key)
    return None


def find_cdps(clues: Clues) -> Gathers | None:
    """CDPs: by the fields that group the traces as they stand in the file, else by the first."""
    found = [gathers_by(clues, key) for key in _CDP_KEYS if _groups(clues, key, every=False)]
    return next((g for g in found if g.sorts), found[0] if found else None)


def _groups(clues: Clues, key: tuple[str, ...], *, every: bool) -> bool:
    filled = [clues.numbers(name).filled for name in key]
    if not (all(filled) if every else any(filled)):
        return False
    return clues.n == 1 or len(clues.numbers(*key).values) < clues.n


def make_shots(clues: Clues, records: Gathers | None) -> Geometry:
    """Cells of shot gathers."""
    if records is None:
        nothing = np.broadcast_to(np.int64(0), clues.n)
        records = Gathers((), Numbers(np.zeros(1, np.int64), nothing))
        reason, confidence = "no header field groups the traces: one gather in file order", "low"
    else:
        reason, confidence = f"{_count(records.n)} by {records.name}", "high"
    shot = _by_appearance(records.numbers)
    sizes = np.bincount(shot.place, minlength=records.n)
    receiver, how, sure = _receivers(clues, records, sizes)
    if not sure and confidence == "high":
        confidence = "medium"
    if not records.one_source and records.key:
        confidence = "medium" if confidence == "high" else confidence
        reason += ", within which source positions differ"
    reason += _ragged(sizes)
    return _gathers(
        clues,
        "shots",
        {"shot": shot, "receiver": receiver},
        {"receiver": receiver.values},
        f"{reason}; receivers {how}",
        confidence,
        "channel",
    )


def _receivers(clues: Clues, records: Gathers, sizes: np.ndarray) -> tuple[Numbers, str, bool]:
    """Column of each trace in its gather, how it was found, and whether for sure."""
    channel, longest = clues.numbers("trace_number"), int(sizes.max())
    exact = clues.distinct(records.numbers, channel) == clues.n
    narrow = len(channel.values) <= _WIDEST * longest
    if exact and narrow:
        return channel, "by channel", True
    position = clues.numbers("group_x", "group_y")
    if (
        len(position.values) <= 1.2 * longest
        and clues.distinct(records.numbers, position) == clues.n
    ):
        labels = np.arange(1, len(position.values) + 1)
        how = "by position (channels do not tell them apart)"
        return Numbers(labels, position.place), how, True
    if records.channels_differ and narrow and len(channel.values) > 1:
        return channel, "by channel, a few of which are repeated", False
    why = "channels run on through the file" if exact else "channels do not tell them apart"
    return _ranked(records.numbers, sizes), f"in file order ({why})", exact


def make_receivers(clues: Clues, receivers: Gathers) -> Geometry:
    """Cells of receiver gathers: the same shots at each receiver, or as they come."""
    receiver = _by_appearance(receivers.numbers)
    sizes = np.bincount(receiver.place, minlength=receivers.n)
    reason = f"{_count(receivers.n)} by {receivers.name}{_ragged(sizes)}"
    for key in _SHOT_KEYS:
        shot = clues.numbers(*key)
        if (
            clues.filled(*key)
            and len(shot.values) <= _WIDEST * sizes.max()
            and clues.distinct(receiver, shot) == clues.n
        ):
            by = Gathers(key, shot).name
            return _gathers(
                clues,
                "receivers",
                {"receiver": receiver, "shot": _by_appearance(shot)},
                {},
                f"{reason}; shots by {by}",
                "high",
                by,
            )
    trace = _ranked(receiver, sizes)
    return _gathers(
        clues,
        "receivers",
        {"receiver": receiver, "trace": trace},
        {"trace": trace.values},
        f"{reason}; traces in file order (shots do not tell them apart)",
        "medium",
        "trace",
    )


def make_cdps(clues: Clues, cdps: Gathers) -> Geometry:
    """Cells of CDP gathers: the same offsets at each, or traces as they are numbered or come."""
    cdp = cdps.numbers
    sizes = np.bincount(cdp.place, minlength=cdps.n)
    labels = cdp.values if len(cdps.key) == 1 else _cdp_labels(clues, cdps)
    reason = f"{_count(cdps.n)} by {cdps.name}{_ragged(sizes)}"
    offset, within = clues.numbers("offset"), clues.numbers("cdp_trace")
    offsets_repeat = offset.varies and clues.n >= DENSE * cdps.n * len(offset.values)
    if offsets_repeat and clues.distinct(cdp, offset) == clues.n:
        trace, how, sure, name = offset, "the same offsets in each", True, "offset"
    elif (
        within.filled
        and len(within.values) <= _WIDEST * sizes.max()
        and clues.distinct(cdp, within) == clues.n
    ):
        trace, how, sure, name = within, "traces by their number within the CDP", True, "trace"
    else:
        trace = _ranked(cdp, sizes)
        how, sure, name = "traces in file order", offset.varies, "trace"
    return _gathers(
        clues,
        "cdp",
        {"cdp": cdp, name: trace},
        {"cdp": labels, name: trace.values},
        f"{reason}; {how}",
        "high" if sure else "medium",
        name,
    )


def _cdp_labels(clues: Clues, cdps: Gathers) -> np.ndarray:
    """CDP numbers of gathers that other fields name, where each has its own; else counted."""
    number = clues.numbers("cdp")
    if clues.distinct(cdps.numbers, number) == cdps.n == len(number.values):
        labels = np.empty(cdps.n, number.values.dtype)
        labels[cdps.numbers.place] = number.values[number.place]
        return labels
    return np.arange(1, cdps.n + 1)


def _gathers(
    clues: Clues,
    layout: str,
    numbers: dict[str, Numbers],
    axes: dict[str, np.ndarray],
    reason: str,
    confidence: str,
    what: str,
) -> Geometry:
    dims = tuple(numbers)
    shape = tuple(len(axis.values) for axis in numbers.values())
    places = [axis.place for axis in numbers.values()]
    lookup, findings = lay_out(clues.file.path, shape, places, clues.kept, f"{dims[0]} and {what}")
    order = sort_order(dims, tuple(numbers.values()))
    return Geometry(layout, dims, reason, confidence, lookup, axes, order, findings)


def _by_appearance(groups: Numbers) -> Numbers:
    """The same groups, numbered as they appear in the file."""
    n = len(groups.values)
    return Numbers(np.arange(1, n + 1), numbered_by_appearance(groups.place, n))


def _ranked(groups: Numbers, sizes: np.ndarray) -> Numbers:
    """Place of each trace within its group, in the order of the file."""
    order = np.argsort(groups.place, kind="stable")
    sizes = np.bincount(groups.place, minlength=len(groups.values))
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return Numbers(np.arange(1, int(sizes.max()) + 1), rank)


def _count(n: int) -> str:
    return "1 gather" if n == 1 else f"{n} gathers"


def _ragged(sizes: np.ndarray) -> str:
    low, high = sizes.min(), sizes.max()
    return "" if low == high else f", of {low} to {high} traces"
