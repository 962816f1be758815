r"""How a file is written: revision, sample format and byte order, chosen or checked.

What the revisions hold (SEG-Y revisions 0 of 1975, 1 of 2002, 2.0 of 2017 and 2.1 of 2023):

====================  ======================  ======================  =========================
\                     0                       1                       2.0 and 2.1
====================  ======================  ======================  =========================
sample formats        1 to 4                  1 to 5, 8               1 to 12, 15, 16
byte order            big-endian              big-endian              any, told by a constant
samples a trace       16 bits                 16 bits                 32 bits
sample interval       whole us, 16 bits       whole us, 16 bits       any
start of the trace    whole ms                with a scalar           with a scalar
coordinates           32 bits, a scalar       32 bits, a scalar       float64
====================  ======================  ======================  =========================
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from seisgeo.adapters.segy.extents import ORDERS
from seisgeo.adapters.segy.fields import TRACE_HEADER_BYTES, Order
from seisgeo.adapters.segy.interval import LONGEST, SHORTEST
from seisgeo.adapters.segy.outgoing import INT16_MAX, UINT16_MAX, Outgoing
from seisgeo.adapters.segy.samples import FORMATS, SampleFormat
from seisgeo.errors import ConventionError, ParameterError

__all__ = [
    "BYTE_ORDERS",
    "Asked",
    "Revision",
    "Target",
    "choose_target",
    "least_revision",
    "revision_name",
]

#: Major and minor revision.
Revision = tuple[int, int]

#: Byte orders by name: NumPy's sign, and whether the bytes of each pair are swapped.
BYTE_ORDERS: dict[str, tuple[Order, bool]] = {
    "big-endian": (">", False),
    "little-endian": ("<", False),
    "pair-swapped": (">", True),
}

_REVISIONS: dict[str, Revision] = {"0": (0, 0), "1": (1, 0), "2": (2, 0), "2.1": (2, 1)}
_IBM, _IEEE = 1, 5
_FORMATS_OF: dict[int, tuple[int, ...]] = {0: (1, 2, 3, 4), 1: (1, 2, 3, 4, 5, 8)}
# Formats that a file's own is kept of where all its headers are written anew: they take any value.
_FLOATS = (1, 5, 6)


@dataclasses.dataclass(frozen=True)
class Target:
    """How a file is written.

    Attributes
    ----------
    revision : tuple of int
        Major and minor revision; (0, 0) for SU.
    format : SampleFormat
        How samples are stored.
    order : {">", "<"}
        Byte order.
    in_pairs : bool
        Whether the bytes of each pair are swapped after all.
    bare : bool
        Traces without file headers: Seismic Unix.
    extended : bool
        Whether each trace has a second header, trace header extension 1 of revision 2.
    """

    revision: Revision
    format: SampleFormat
    order: Order
    in_pairs: bool = False
    bare: bool = False
    extended: bool = False

    @property
    def header_bytes(self) -> int:
        """Bytes of each trace's headers."""
        return TRACE_HEADER_BYTES * (2 if self.extended else 1)

    @property
    def byte_order(self) -> str:
        """Byte order, for a person."""
        return "pair-swapped" if self.in_pairs else ORDERS[self.order]


class Asked(NamedTuple):
    """What a caller asks for; None where it is left to the cube."""

    revision: Revision | None = None
    format: SampleFormat | None = None
    order: tuple[Order, bool] | None = None

    @classmethod
    def of(
        cls, revision: str | float | None, sample_format: int | None, byte_order: str | None
    ) -> Asked:
        """Read the options of a writer.

        Raises
        ------
        ParameterError
            If one is unknown, with those that are known.

        Examples
        --------
        >>> Asked.of("2.1", None, "little-endian")
        Asked(revision=(2, 1), format=None, order=('<', False))
        """
        pair = _REVISIONS.get(str(revision).removesuffix(".0"))
        if revision is not None and pair is None:
            raise ParameterError(f"revision={revision!r} is unknown; expected 0, 1, 2.0 or 2.1")
        if sample_format is not None and sample_format not in FORMATS:
            known = ", ".join(f"{f.code} ({f.name})" for f in FORMATS.values())
            raise ParameterError(
                f"sample_format={sample_format!r} is unknown; expected one of {known}"
            )
        if byte_order is not None and byte_order not in BYTE_ORDERS:
            known = ", ".join(BYTE_ORDERS)
            raise ParameterError(f"byte_order={byte_order!r} is unknown; expected one of {known}")
        return cls(
            pair,
            None if sample_format is None else FORMATS[sample_format],
            None if byte_order is None else BYTE_ORDERS[byte_order],
        )


def choose_target(
    out: Outgoing, attrs: Mapping[Any, Any], asked: Asked, *, bare: bool = False
) -> Target:
    """Choose how a cube is written.

    Parameters
    ----------
    out : Outgoing
        The cube as traces.
    attrs : mapping
        Attributes of the cube: ``revision``, ``byte_order`` and ``sample_format`` of the file that
        it came from, taken where nothing is asked for and they take any value.
    asked : Asked
        What is asked for.
    bare : bool, default False
        Seismic Unix instead of SEG-Y.

    Returns
    -------
    Target
        Revision 1, unless the cube came from revision 2 or needs it: then 2.0, which more programs
        know than 2.1.

    Raises
    ------
    ConventionError
        If cube, format or byte order are not of the revision that is asked for: why, and which one
        is.
    ParameterError
        If something is asked for that Seismic Unix has not.
    """
    known = attrs if attrs.get("source_format") in ("SEG-Y", "SU") else {}
    if bare:
        return _bare_target(out, known, asked)
    revision, fmt, order = asked
    if fmt is None:
        code = _source_format(known)
        if revision is not None and code not in _FORMATS_OF.get(revision[0], tuple(FORMATS)):
            code = _IBM if revision == (0, 0) else _IEEE
        fmt = FORMATS[code]
    needs = _needs(out, fmt, order)
    if revision is None:
        # Revision 1 counts samples with a sign, although most readers take none.
        signed = (1, 0) if out.axis.n <= INT16_MAX else (2, 0)
        revision = max(signed, _source_revision(known), *(least for least, _ in needs))
    for least, what in needs:
        if least > revision:
            raise ConventionError(
                f"{what}: not in SEG-Y revision {revision_name(revision)}; "
                f"revision={revision_name(least)} has room for it, and is taken by itself where no "
                "revision is asked for"
            )
    if order is None:
        stated = BYTE_ORDERS.get(str(known.get("byte_order")), (">", False))
        order = stated if revision >= (2, 0) else (">", False)
    extended = out.lost.is_lost or (out.ragged and out.axis.n > UINT16_MAX)
    return Target(revision, fmt, *order, extended=extended and revision >= (2, 0))


def least_revision(fmt: SampleFormat | None, order: tuple[Order, bool] | None) -> Revision:
    """First revision that has a sample format and a byte order."""
    if order not in (None, (">", False)):
        return (2, 0)
    for major, codes in _FORMATS_OF.items():
        if fmt is None or fmt.code in codes:
            return (major, 0)
    return (2, 0)


def _source_revision(known: Mapping[Any, Any]) -> Revision:
    return _REVISIONS.get(str(known.get("revision")).removesuffix(".0"), (0, 0))


def _source_format(known: Mapping[Any, Any]) -> int:
    """Code of the format of the file that a cube came from, where it takes any value; else IEEE."""
    found = re.search(r"\(format (\d+)\)", str(known.get("sample_format", "")))
    return int(found[1]) if found and int(found[1]) in _FLOATS else _IEEE


def _needs(
    out: Outgoing, fmt: SampleFormat, order: tuple[Order, bool] | None
) -> list[tuple[Revision, str]]:
    """Least revisions that have room for parts of a cube, and for what."""
    axis = out.axis
    needs: list[tuple[Revision, str]] = []
    needs.append((least_revision(fmt, None), f"sample format {fmt.code} ({fmt.name})"))
    if order is not None:
        name = next(n for n, known in BYTE_ORDERS.items() if known == order)
        needs.append((least_revision(None, order), f"byte order {name}"))
    if axis.n > UINT16_MAX:
        needs.append(((2, 0), f"coordinate {axis.name!r}: {axis.n} samples a trace"))
    if not axis.is_whole(INT16_MAX):
        needs.append(((2, 0), _interval_message(out, INT16_MAX)))
    if axis.delay_scalar != 1:
        needs.append(((1, 0), _start_message(out)))
    if "shot_point" in out.fields:
        needs.append(((1, 0), "coordinate 'source_point': numbers with fractions"))
    needs += [((2, 0), problem) for problem in out.lost.too_large]
    if not SHORTEST <= axis.interval <= LONGEST:
        raise ConventionError(
            f"coordinate {axis.name!r}: an interval of {_step(out)} is none that SEG-Y is read with"
        )
    return needs


def _bare_target(out: Outgoing, known: Mapping[Any, Any], asked: Asked) -> Target:
    axis, (revision, fmt, order) = out.axis, asked
    if revision is not None:
        raise ParameterError("Seismic Unix (.su) has no revisions; leave revision= out")
    if fmt is not None and fmt.code != _IEEE:
        raise ParameterError(f"Seismic Unix (.su) holds IEEE float32 (format 5) only, not {fmt}")
    if order is None:
        stated = known.get("byte_order") if known.get("source_format") == "SU" else None
        order = BYTE_ORDERS.get(str(stated), ("<" if sys.byteorder == "little" else ">", False))
    if order[1]:
        raise ParameterError(
            "Seismic Unix (.su) is big-endian or little-endian, never pair-swapped"
        )
    problem = ""
    if axis.n > UINT16_MAX:
        problem = f"coordinate {axis.name!r}: {axis.n} samples a trace, and SU counts to 65535"
    elif not axis.is_whole(UINT16_MAX):
        problem = _interval_message(out, UINT16_MAX)
    elif axis.delay_scalar != 1:
        problem = _start_message(out)
    elif "shot_point" in out.fields:
        problem = "coordinate 'source_point': numbers with fractions"
    elif out.lost.too_large:
        problem = out.lost.too_large[0]
    if problem:
        raise ConventionError(f"{problem}: not in Seismic Unix; write SEG-Y (.sgy), or resample")
    return Target((0, 0), FORMATS[_IEEE], *order, bare=True)


def _interval_message(out: Outgoing, most: int) -> str:
    unit = "us" if out.axis.name == "time" else "mm"
    return (
        f"coordinate {out.axis.name!r}: an interval of {_step(out)}, which is no whole number of "
        f"{unit} from 1 to {most}"
    )


def _start_message(out: Outgoing) -> str:
    unit = "ms" if out.axis.name == "time" else "m"
    return f"coordinate {out.axis.name!r}: a start that is no whole number of {unit}"


def _step(out: Outgoing) -> str:
    time = out.axis.name == "time"
    return f"{out.axis.interval / (1e6 if time else 1e3):g} {'s' if time else 'm'}"


def revision_name(revision: Revision) -> str:
    """A revision as the standards are called: 0, 1, 2.0, 2.1."""
    return "{}.{}".format(*revision) if revision[0] == 2 else str(revision[0])
