"""Text header of a cube that becomes SEG-Y: the one it was read with, or one that describes it."""

from __future__ import annotations

import re
from itertools import pairwise

import xarray as xr

from seisgeo._version import __version__
from seisgeo.adapters.segy.outgoing import Outgoing
from seisgeo.adapters.segy.target import Target
from seisgeo.adapters.segy.text import CARD, TEXT_BYTES, encode_text, revision_stamp

__all__ = ["restamp", "text_headers"]

_CARDS = TEXT_BYTES // CARD
_NUMBER = re.compile(r"C ?(\d{1,2})(?!\d)")
_OURS = "WRITTEN BY SEISGEO"
# What card 39 of revisions 1 and 2 says, at the end of its line.
_STAMP = re.compile(r"SEG[ -]?Y[ _]REV ?(\d)(?:\.(\d))?", re.IGNORECASE)
# Attributes that tell how a cube was made.
_HISTORY = ("source", "family", "engine", "scheme", "seed", "history")


def text_headers(out: Outgoing, target: Target, ds: xr.Dataset) -> list[bytes]:
    """Text headers that a file may begin with, the most faithful first.

    Parameters
    ----------
    out : Outgoing
        The cube as traces.
    target : Target
        Revision, sample format and byte order of the file.
    ds : xarray.Dataset
        The cube; ``attrs["text_header"]`` is the text that it was read with.

    Returns
    -------
    list of bytes
        3200 bytes each: the cube's own text, the same with a card that says what the samples are,
        and a text of ours. The first two are left out where there is no such text or it does not
        fit.
    """
    texts = []
    known = ds.attrs.get("text_header")
    if isinstance(known, str) and known.strip() and _OURS not in known.partition("\n")[0]:
        statement = f"SAMPLES: {_quantity(out)}, {_vertical(out)}"
        known = restamp(known, target.revision)
        texts = [text for s in ("", statement) if (text := _laid_out(known, s))]
    return [*texts, encode_text(_description(out, target, ds), target.revision)]


def restamp(text: str, revision: tuple[int, int]) -> str:
    """The text with the revision that it states, if it is another one, put right."""
    stamp = revision_stamp(revision)

    def right(found: re.Match[str]) -> str:
        stated = (int(found[1]), int(found[2] or 0))
        return found[0] if stated == revision else stamp.ljust(len(found[0]))

    return _STAMP.sub(right, text)


def _laid_out(text: str, statement: str) -> bytes | None:
    """The text on 40 cards, and a statement on the first empty one; None where it does not fit."""
    lines = [line.rstrip() for line in text.splitlines()]
    lines = [line[i : i + CARD] for line in lines for i in range(0, max(len(line), 1), CARD)]
    matches = [_NUMBER.match(line) for line in lines]
    numbers = [int(m[1]) for m in matches if m]
    cards = dict(enumerate(lines, start=1))
    label = ""
    if len(numbers) == len(lines) and all(a < b for a, b in pairwise([0, *numbers])):
        cards = dict(zip(numbers, lines, strict=True))  # empty cards stay where they were
        label = "C{:02d}" if any(line.startswith("C0") for line in lines) else "C{:>2}"
    if max(cards, default=0) > _CARDS:
        return None
    empty = [n for n in range(1, _CARDS + 1) if n not in cards]
    for n in empty:
        cards[n] = label.format(n)
    if statement:
        if not empty:
            return None
        cards[empty[0]] = f"{cards[empty[0]]} {statement}".strip()[:CARD]
    ordered = (cards[n].ljust(CARD) for n in range(1, _CARDS + 1))
    return "".join(ordered).encode("cp037", "replace")


def _description(out: Outgoing, target: Target, ds: xr.Dataset) -> list[str]:
    unit, fmt = {"time": "S", "depth": "M"}[out.axis.name], target.format
    dims = " x ".join(f"{out.data.sizes[d]} {str(d).upper()}" for d in out.data.dims[:-1])
    step = out.axis.interval / (1e6 if out.axis.name == "time" else 1e3)
    cards = [
        f"{_OURS} {__version__}",
        f"SAMPLES: {_quantity(out)}",
        f"{_vertical(out)} ({unit}), {out.axis.n} SAMPLES OF {step:g} {unit}",
        f"TRACES: {dims}",
        f"SAMPLE FORMAT: {fmt.name.upper()} (CODE {fmt.code}), {target.byte_order.upper()}",
        "COORDINATES AND ELEVATIONS IN METRES, SCALARS IN BYTES 69-72",
    ]
    if out.kind in ("shots", "receivers"):
        cards += [
            "FIELD RECORD 9-12, CHANNEL 13-16, SOURCE POINT 17-20, OFFSET 37-40",
            "RECEIVER ELEVATION 41-44, SOURCE ELEVATION 45-48, SOURCE DEPTH 49-52",
            "DATUM ELEVATIONS 53-60, WATER DEPTHS 61-68, CDP 21-24",
            "SOURCE X 73-76, Y 77-80; RECEIVER X 81-84, Y 85-88",
        ]
    else:
        cards += ["CDP 21-24, CDP X 181-184, Y 185-188, INLINE 189-192, CROSSLINE 193-196"]
    for name in _HISTORY:
        if (value := ds.attrs.get(name)) is not None:
            lines = str(value).splitlines() or [""]
            cards += [f"{name.upper().replace('_', ' ')}: {lines[0]}", *lines[1:]]
    return cards


def _quantity(out: Outgoing) -> str:
    name = str(out.data.name)
    return {"velocity": "P-WAVE VELOCITY (M/S)", "amplitude": "AMPLITUDE"}.get(name, name.upper())


def _vertical(out: Outgoing) -> str:
    return f"VERTICAL AXIS: {out.axis.name.upper()}"
