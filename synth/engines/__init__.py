"""Engines that turn velocity models into gathers."""

from __future__ import annotations

from seisgeo.synth.engines.deepwave import simulate

__all__ = ["simulate"]
