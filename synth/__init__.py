"""Synthetic data: velocity models, surveys, and the gathers that they give."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    from seisgeo.synth.engines import simulate
    from seisgeo.synth.generate import generate
    from seisgeo.synth.geology import FAMILIES, draw_velocity

__all__ = ["FAMILIES", "Survey", "draw_velocity", "generate", "simulate"]

_HOMES = {
    "FAMILIES": "geology",
    "draw_velocity": "geology",
    "generate": "generate",
    "simulate": "engines",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"seisgeo.synth.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'seisgeo.synth' has no attribute {name!r}")
