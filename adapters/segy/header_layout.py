"""The layout stanza: where a file itself says that the fields of its trace headers stand.

Revision 2.1 describes trace headers by XML in an extended text header (appendix D-8)::

    ((SEG: Layout ver 1.0))
    <segy-layout>
      <entry name="iline" byte="189" type="int4"/>
      <extension name="SEG00001">
        <entry name="sht_x" byte="97" type="ieee64" if-non-zero="1"/>
      </extension>
    </segy-layout>

Bytes count from 1 within each header. ``if-non-zero`` makes an entry of an additional header take
the place of the standard one where it is filled. Types of the standard that are named after a
quantity (``coor4``) are integers under the scalar of that quantity; the others carry no scalar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import (
    EXTENSION,
    IBM,
    SCALARS,
    TRACE_FIELDS,
    TRACE_HEADER_BYTES,
    Field,
)
from seisgeo.adapters.segy.stanzas import Stanza

__all__ = ["STANDARD_HEADER", "StatedLayout", "stated_layout"]

#: Name of the standard trace header; additional ones have others.
STANDARD_HEADER = "SEG00000"

# Names of the layout stanza, in the order of the standard trace header: those of TRACE_FIELDS.
_STANDARD_NAMES = """
linetrc reeltrc ffid chan espnum cdp cdptrc trctype vstack fold rectype offset relev selev sdepth
rdatum sdatum wdepthso wdepthrc ed_scal co_scal sht_x sht_y rec_x rec_y coorunit wvel subwvel
shuphole rcuphole shstat rcstat stapply lagtimea lagtimeb delay mutestrt muteend nsamps dt gaintype
ingconst initgain corrflag sweepsrt sweepend sweeplng sweeptyp sweepstp sweepetp tapertyp aliasfil
aliaslop notchfil notchslp lowcut highcut lowcslop hicslop year day hour minute second timebase
trweight rstaswp1 rstatrc1 rstatrcn gapsize overtrvl cdp_x cdp_y iline xline sp sp_scal samp_unit
"""
_NAMES: dict[str, str] = {
    **dict(zip(_STANDARD_NAMES.split(), (f.name for f in TRACE_FIELDS), strict=False)),
    "trans_const": "transduction_constant_mantissa",
    "trans_unit": "transduction_unit",
    "dev_id": "trace_identifier",
    "tm_scal": "scalar_trace_header",
    "src_type": "source_type",
    "src_dir1": "source_energy_direction_vert",
    "src_dir2": "source_energy_direction_xline",
    "src_dir3": "source_energy_direction_iline",
    "smeasure": "source_measurement_mantissa",
    "sm_unit": "source_measurement_unit",
    "rdepth": "receiver_depth",
    "nanosecs": "nanosecond_of_second",
    "cable_num": "cable_number",
    "last_trc": "last_trace_flag",
}
# A mantissa is followed by the power of ten that goes with it.
_POWERS = {
    "transduction_constant_mantissa": "transduction_constant_power",
    "source_measurement_mantissa": "source_measurement_exponent",
}
_TYPES = {
    **{f"int{n}": f"i{n}" for n in (1, 2, 4, 8)},
    **{f"uint{n}": f"u{n}" for n in (1, 2, 4, 8)},
    "ibmfp": IBM,
    "ieee32": "f4",
    "ieee64": "f8",
    "scale6": "i4",
    "linetrc": "i4",
    "reeltrc": "i4",
    "linetrc8": "u8",
    "reeltrc8": "u8",
    "coor4": "i4",
    "elev4": "i4",
    "spnum4": "i4",
    "time2": "i2",
}
# Types under a scalar of the standard trace header.
_SCALED = {
    "coor4": "source_group_scalar",
    "elev4": "elevation_scalar",
    "spnum4": "shot_point_scalar",
    "time2": "scalar_trace_header",
}


class StatedLayout(NamedTuple):
    """What a layout stanza says.

    Attributes
    ----------
    fields : dict
        Name -> field; bytes count through all headers of a trace. A field ``ext_NAME`` goes before
        the standard field NAME where it is not zero.
    scalars : dict
        Name -> field that holds its scalar, or None for those that have none.
    findings : list of Finding
        What of it cannot be used.
    """

    fields: dict[str, Field]
    scalars: dict[str, str | None]
    findings: list[Finding]


def stated_layout(
    stanzas: Sequence[Stanza], headers: Mapping[str, int], known: Mapping[str, Field]
) -> StatedLayout:
    """Read the layout stanza of a file.

    Parameters
    ----------
    stanzas : sequence of Stanza
        All stanzas of the file; those of other kinds are passed over.
    headers : mapping
        Name of each trace header -> its first byte, from 1 through all headers of a trace.
    known : mapping
        Fields that the file has without the stanza, by name.

    Returns
    -------
    StatedLayout
        Empty where there is no such stanza. An entry that cannot be is left out and reported; the
        rest holds.
    """
    layout = StatedLayout({}, {}, [])
    for stanza in stanzas:
        if stanza.named("Layout"):
            _read(stanza, headers, known, layout)
    return layout


def _read(
    stanza: Stanza, headers: Mapping[str, int], known: Mapping[str, Field], layout: StatedLayout
) -> None:
    xml = stanza.text.strip().strip("\0")
    try:
        if "<!" in xml.replace("<!--", ""):  # entities can grow without bound
            raise ValueError("it holds a document type definition")
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError) as error:
        _report(layout, "none of it read", f"its XML cannot be read: {error}")
        return
    if root.tag != "segy-layout":
        _report(layout, "none of it read", f"it holds <{root.tag}> instead of <segy-layout>")
        return
    for header in (root, *root.findall("extension")):
        name = header.get("name", "") if header is not root else STANDARD_HEADER
        entries = header.findall("entry")
        if name not in headers:
            why = f"no trace header has this name; there are {', '.join(headers)}"
            _report(layout, f"{len(entries)} entries of header {name!r} left out", why)
            continue
        for entry in entries:
            problem = _read_entry(entry, headers[name], header is root, known, layout)
            if problem:
                label = entry.get("name") or "without a name"
                _report(layout, f"entry {label!r} of header {name} left out", problem)


def _read_entry(
    entry: ElementTree.Element,
    first: int,
    standard: bool,
    known: Mapping[str, Field],
    layout: StatedLayout,
) -> str:
    """Add the field of one entry; what is wrong with it, or ""."""
    stated, kind = entry.get("name", ""), entry.get("type", "")
    if not stated:
        return "it states no name"
    if kind not in _TYPES:
        return f"its type is {kind!r}; expected one of {', '.join(_TYPES)}"
    try:
        byte = int(entry.get("byte", ""))
    except ValueError:
        return f"its byte is {entry.get('byte')!r}; expected a number from 1 to 240"
    name = _NAMES.get(stated, stated)
    if not standard and name in known and entry.get("if-non-zero", "0").strip() not in ("0", ""):
        name = EXTENSION + name if not name.startswith(EXTENSION) else name
    field = Field(name, first + byte - 1, _TYPES[kind])
    length = 6 if kind == "scale6" else field.stored.itemsize
    if byte < 1 or byte + length - 1 > TRACE_HEADER_BYTES:
        return f"bytes {byte}-{byte + length - 1} lie outside the header (1-{TRACE_HEADER_BYTES})"
    layout.fields[name] = field
    if name in SCALARS or kind in _SCALED:
        layout.scalars[name] = _SCALED.get(kind)
    if kind == "scale6":
        power = _POWERS.get(name, f"{name}_power")
        layout.fields[power] = Field(power, field.byte + 4, "i2")
    return ""


def _report(layout: StatedLayout, used: str, why: str) -> None:
    layout.findings.append(Finding("layout of trace headers", {"stanza": "SEG: Layout"}, used, why))
