"""Where the fields of a file's trace headers stand, and what they say.

Each word goes before those that follow: the user's mapping, the layout stanza of the file
(:mod:`.header_layout`), trace header extension 1 where it is filled, the standard trace header.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.adapters.segy import samples
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import (
    CUBE_NAMES,
    EXTENSION,
    EXTENSION_FIELDS,
    IBM,
    OVERLAID,
    REVISION_2_FIELDS,
    SCALARS,
    TRACE_HEADER_BYTES,
    Field,
    scaled,
    unscaled,
)
from seisgeo.adapters.segy.header_layout import STANDARD_HEADER, stated_layout
from seisgeo.adapters.segy.mapping import with_mapping
from seisgeo.adapters.segy.stanzas import Stanza

if TYPE_CHECKING:
    from seisgeo.adapters.segy.file import SegyFile

__all__ = [
    "HeaderMap",
    "column",
    "disagreements",
    "find_header_map",
    "header_name",
    "physical",
    "stored",
]

_EXTENSION_1 = "SEG00001"
# Traces that are compared with their extension.
_COMPARED = 16
# Traces whose headers are read one by one rather than all at once.
_FEW = 256
# Scalars that revision 0 does not have.
_SINCE_REVISION_1 = ("shot_point_scalar", "scalar_trace_header")
_IBM_FLOAT = samples.FORMATS[1]


@dataclasses.dataclass(frozen=True)
class HeaderMap:
    """Where the fields of trace headers stand.

    Attributes
    ----------
    fields : dict
        Name -> field; bytes count from 1 through all headers of a trace.
    scalars : dict
        Name -> field that holds its scalar; fields without one are not there.
    rescaled : frozenset of str
        Standard fields that the layout stanza puts under another scalar, or none.
    supersedes : dict
        Name -> field that goes first where it is not zero.
    headers : tuple of str
        Names of the headers of a trace: "SEG00000", "SEG00001", …; "" for one without.
    findings : list of Finding
        What contradicts itself.
    """

    fields: dict[str, Field]
    scalars: dict[str, str]
    rescaled: frozenset[str]
    supersedes: dict[str, str]
    headers: tuple[str, ...]
    findings: list[Finding]

    @property
    def listed(self) -> list[str]:
        """Names for a person: each value once, under the name that gives the best of it."""
        hidden = set(self.supersedes.values())
        if REVISION_2_FIELDS[-1].name in self.fields:
            hidden |= OVERLAID
        return [name for name in self.fields if name not in hidden]


def header_name(raw: bytes) -> str:
    """Name of a trace header (its last 8 bytes), ASCII or EBCDIC; "" where it has none."""
    for code in ("ascii", "cp037"):
        try:
            name = raw.decode(code).strip("\0 ")
        except UnicodeDecodeError:
            continue
        if name.isprintable():
            return name if name.isascii() else ""
    return ""


def find_header_map(
    first: bytes,
    standard: tuple[Field, ...],
    *,
    revision: tuple[int, int] = (0, 0),
    stanzas: Sequence[Stanza] = (),
    mapping: Mapping[str, Any] | None = None,
) -> HeaderMap:
    """Decide where the fields of trace headers stand.

    Parameters
    ----------
    first : bytes
        All headers of the first trace.
    standard : tuple of Field
        The fields of the standard trace header.
    revision : tuple of int
        Revision of the file.
    stanzas : sequence of Stanza
        Stanzas of its extended text headers.
    mapping : mapping, optional
        The user's word.

    Returns
    -------
    HeaderMap
        The decision.

    Raises
    ------
    FormatError
        If the user's mapping does not fit.
    """
    starts = range(0, len(first), TRACE_HEADER_BYTES)
    names = [header_name(first[a + 232 : a + 240]) if a else STANDARD_HEADER for a in starts]
    fields = {f.name: f for f in standard}
    if revision >= (2, 0):
        fields.update({f.name: f for f in REVISION_2_FIELDS})
    if _EXTENSION_1 in names:
        start = starts[names.index(_EXTENSION_1)]
        fields.update({f.name: f._replace(byte=f.byte + start) for f in EXTENSION_FIELDS})
    places = {name: a + 1 for name, a in reversed([*zip(names, starts, strict=True)]) if name}
    stated = stated_layout(stanzas, dict(sorted(places.items(), key=lambda p: p[1])), fields)
    fields.update(stated.fields)
    asked = {CUBE_NAMES.get(name, name) for name in mapping or {}}
    findings = [*stated.findings, *_overruled(mapping or {}, stated.fields)]
    placed = with_mapping(mapping, size=len(first), standard=(*fields.values(),))
    fields = {f.name: f for f in placed}
    own = {n: s for n, s in stated.scalars.items() if n not in asked}
    scalars = {**SCALARS, **own}
    undefined = _SINCE_REVISION_1 if revision < (1, 0) else ()
    return HeaderMap(
        fields,
        {n: s for n, s in scalars.items() if s and n in fields and s not in undefined},
        frozenset(n for n, scalar in own.items() if scalar != SCALARS.get(n)),
        {n: EXTENSION + n for n in fields if EXTENSION + n in fields and n not in asked},
        tuple(names),
        findings,
    )


def _overruled(mapping: Mapping[str, Any], stated: Mapping[str, Field]) -> list[Finding]:
    """Fields for which the user and the layout stanza name different places."""
    findings = []
    for name, field in stated.items():
        for key in mapping:
            if CUBE_NAMES.get(key, key) != name:
                continue
            (asked,) = with_mapping({key: mapping[key]}, size=1 << 20, standard=(field,))
            if asked != field:
                values = {"layout stanza": _place(field), "mapping given": _place(asked)}
                why = "what is asked for goes first"
                findings.append(Finding(f"place of {name}", values, f"{_place(asked)} used", why))
    return findings


def _place(field: Field) -> str:
    return f"byte {field.byte} ({field.dtype})"


def column(file: SegyFile, name: str, traces: Any = slice(None)) -> np.ndarray:
    """One field of some traces on the scale that its header has: before the scalar.

    Parameters
    ----------
    file : SegyFile
        The file.
    name : str
        Name of the field.
    traces : slice or numpy.ndarray of int, default all
        Which traces.

    Returns
    -------
    numpy.ndarray
        Shape (trace,), in native byte order. Where an extension goes first, int64 or float64, and
        its values are brought to the scale of the standard field, so that ``scaled`` gives them
        back; so are values that the layout stanza gives without a scalar.
    """
    known = file.header_map
    if name not in known.supersedes and name not in known.rescaled:
        return stored(file, name, traces)
    values = physical(file, name, traces)
    scalar = SCALARS.get(name)
    return values if scalar is None else unscaled(values, stored(file, scalar, traces))


def physical(file: SegyFile, name: str, traces: Any = slice(None)) -> np.ndarray:
    """One field of some traces with its scalar applied, from its extension where that is filled.

    Parameters
    ----------
    file : SegyFile
        The file.
    name : str
        Name of the field.
    traces : slice or numpy.ndarray of int, default all
        Which traces.

    Returns
    -------
    numpy.ndarray
        Shape (trace,); float64 for fields under a scalar, in the unit of the standard.
    """
    known = file.header_map
    values = stored(file, name, traces)
    if name in known.scalars:
        values = scaled(values, stored(file, known.scalars[name], traces))
    if name not in known.supersedes:
        return values
    better = physical(file, known.supersedes[name], traces)
    kind = np.int64 if {values.dtype.kind, better.dtype.kind} <= {"i", "u"} else np.float64
    return np.where(_filled(better), better.astype(kind), values.astype(kind))


def _filled(values: np.ndarray) -> np.ndarray:
    return (values != 0) & np.isfinite(values)


def stored(file: SegyFile, name: str, traces: Any) -> np.ndarray:
    """What a field holds in some traces, as numbers in native byte order, shape (trace,)."""
    if isinstance(traces, slice) and traces == slice(None):
        values = file.headers[name]
    else:
        numbers = np.atleast_1d(np.arange(file.n_traces)[traces])
        if len(numbers) <= _FEW:
            values = file.header_rows(numbers)[name]
        else:
            values = file.headers[name][numbers]
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if file.header_map.fields[name].dtype != IBM:
        return values
    out = np.empty((len(values), 1), np.float32)
    samples.decode(values[:, None], _IBM_FLOAT, file.order, out)
    return out[:, 0]


def disagreements(file: SegyFile) -> list[Finding]:
    """Standard fields that say something else than the extension that goes first.

    Parameters
    ----------
    file : SegyFile
        The file; some traces are looked at.

    Returns
    -------
    list of Finding
        One for each field whose two values are both filled and differ by more than the standard
        one resolves. Numbers that do not fit into the standard field are no contradiction.
    """
    known = file.header_map
    traces = np.unique(np.linspace(0, file.n_traces - 1, _COMPARED).astype(int))
    findings = []
    for name, better in known.supersedes.items():
        plain, precise = stored(file, name, traces), physical(file, better, traces)
        if plain.dtype.kind not in "iu" or not (plain.any() and _filled(precise).any()):
            continue
        scalar = np.zeros(len(traces))
        if name in known.scalars:
            scalar = stored(file, known.scalars[name], traces)
        limits = np.iinfo(plain.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            there = unscaled(precise, scalar)
            fits = (there > limits.min) & (there < limits.max)
            differ = _filled(precise) & (plain != 0) & fits & (np.abs(there - plain) >= 1)
        if differ.any():
            at = int(np.argmax(differ))
            stated = {
                f"trace {traces[at] + 1}, header": f"{scaled(plain, scalar)[at]:.10g}",
                "extension": f"{precise[at]:.10g}",
            }
            why = "revision 2 puts it first where it is filled"
            findings.append(Finding(name.replace("_", " "), stated, "extension used", why))
    return findings
