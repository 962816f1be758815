"""Options of the commands that read SEG-Y."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

__all__ = ["AS_THE_FILE_SAYS", "Segy", "SegyOptions", "as_headers"]

SEGY = cyclopts.Group("SEG-Y, where the headers mislead", sort_key=10)


@dataclasses.dataclass(frozen=True)
class SegyOptions:
    """How to read a SEG-Y file whose headers mislead."""

    layout: Literal["shots", "receivers", "cdp", "stack", "offset", "line"] | None = None
    """What the traces make: gathers of shots, receivers or CDPs, a 3-D stack, 3-D gathers by
    offset, a 2-D line."""
    keys: list[str] | None = None
    """Header fields that name the gathers, or inline and crossline: --keys source_point."""
    coordinate_scale: float | None = None
    """Metres for each unit of the coordinates in the headers, instead of their own scalar."""
    sample_interval: float | None = None
    """Sample interval in seconds (metres for depth) instead of the file's."""
    sample_format: int | None = None
    """Sample format code instead of the file's: 1 IBM float, 5 IEEE float, ..."""
    quantity: Literal["amplitude", "velocity"] | None = None
    """What the samples are."""
    vertical: Literal["time", "depth"] | None = None
    """What the sample axis is."""
    byte: dict[str, int] | None = None
    """Where header fields stand, where not as the standard says: --byte.inline 9."""
    mapping: Path | None = None
    """YAML file that says where header fields stand: lines as `inline: 9`, `gun: [233, int32]`."""

    def given(self) -> dict[str, Any]:
        """Those that are set, as arguments of the reader."""
        given = {k: v for k, v in dataclasses.asdict(self).items() if v is not None}
        headers = as_headers(given.pop("mapping", None), given.pop("byte", None))
        return {**given, **headers}


def as_headers(mapping: Path | None, byte: dict[str, int] | None) -> dict[str, Any]:
    """The two ways to place header fields as one argument of the reader."""
    if mapping is None:
        return {"headers": byte} if byte else {}
    from seisgeo.adapters.segy.mapping import read_mapping

    return {"headers": {**read_mapping(mapping), **(byte or {})}}


Segy = Annotated[SegyOptions, Parameter(name="*", group=SEGY)]

#: No options: headers are believed.
AS_THE_FILE_SAYS = SegyOptions()
