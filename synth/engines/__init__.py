"""Engines that turn velocity models into gathers."""

from __future__ import annotations

from seisgeo.synth.engines.dispatch import ENGINES, engine_module, simulate

__all__ = ["ENGINES", "engine_module", "simulate"]
