"""Seismograms: waveform files, labelled data sets, catalogues, as waveforms cubes and back.

``xarray.open_dataset`` opens miniSEED, SAC, GSE2 and whatever else obspy reads, and the data sets
of STEAD, SeisBench and PhaseNet. Here is the rest: several files as one cube, obspy streams and
catalogues, and the way back to miniSEED.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["from_stream", "join_catalog", "open_waveforms", "to_stream", "write_mseed"]

# Each part loads when it is first asked for (PEP 562).
_HOMES = {
    "from_stream": "streams",
    "join_catalog": "catalog",
    "open_waveforms": "opening",
    "to_stream": "export",
    "write_mseed": "export",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
