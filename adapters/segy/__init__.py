"""SEG-Y: any revision and sample format to labelled, lazy cubes, and back.

The chain of a file that is opened, one module each: its bytes, mapped or remote (:mod:`.source`,
:mod:`.remote`), how they are cut into traces (:mod:`.layout`, :mod:`.lengths`), its headers
(:mod:`.scan`, kept by :mod:`.index`; :mod:`.headers` finds their :mod:`.fields`) and samples
(:mod:`.reading`, :mod:`.samples`), all of them behind one class (:mod:`.file`), the kind of cube
its traces make (:mod:`.recognise`, :mod:`.geometry`), what the samples are (:mod:`.content`), where
the traces lie (:mod:`.positions`), the labelled cube (:mod:`.cube`), and xarray's door to it
(:mod:`.backend`). Trace headers by themselves make a table (:mod:`.table`).
Whatever the headers contradict on the way is collected as :class:`.contradictions.Finding`.

The way back (:mod:`.write`): headers that a file had (:mod:`.original`, kept in a store by
:mod:`.original_zarr`) are taken again (:mod:`.rewrite`), in another revision or byte order where
that is asked for (:mod:`.recast`); others are made from the cube (:mod:`.outgoing`, :mod:`.fresh`).
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["SUFFIXES", "SegyFile", "describe_segy", "read_headers", "write_segy"]

_HOMES = {
    "SUFFIXES": "backend",
    "SegyFile": "file",
    "describe_segy": "describe",
    "read_headers": "table",
    "write_segy": "write",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"seisgeo.adapters.segy.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'seisgeo.adapters.segy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
