"""SEG-Y: any revision and sample format to labelled, lazy cubes, and back.

The chain of a file that is opened, one module each: its bytes, mapped or remote (:mod:`.source`,
:mod:`.remote`), how they are cut into traces (:mod:`.layout`, :mod:`.lengths`), its headers
(:mod:`.headers`, kept by :mod:`.index`) and samples (:mod:`.reading`, :mod:`.samples`), all of them
behind one class (:mod:`.file`), the kind of cube its traces make
(:mod:`.geometry`), what the samples are (:mod:`.content`), where the traces lie
(:mod:`.positions`), the labelled cube (:mod:`.cube`), and xarray's door to it (:mod:`.backend`).
Whatever the headers contradict on the way is collected as :class:`.contradictions.Finding`.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["SUFFIXES", "SegyFile", "describe_segy", "write_segy"]

_HOMES = {
    "SUFFIXES": "backend",
    "SegyFile": "file",
    "describe_segy": "describe",
    "write_segy": "write",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"seisgeo.adapters.segy.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'seisgeo.adapters.segy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
