"""Synthetic data: velocity models, surveys and their gathers; events and their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The functions are bound here, once: `generate` is also the name of the module that holds it.
from seisgeo.synth.engines import simulate
from seisgeo.synth.events import at_stations, draw_events, generate_events, simulate_events
from seisgeo.synth.generate import generate
from seisgeo.synth.geology import FAMILIES, crop_velocity, draw_velocity
from seisgeo.synth.manifest import verify_manifest
from seisgeo.synth.named import named_survey
from seisgeo.synth.reciprocity import reciprocal_shots
from seisgeo.synth.rock import density_from_velocity, q_from_velocity, vs_from_velocity
from seisgeo.synth.survey import Survey
from seisgeo.synth.variants import flip_pairs, perturb_pairs

if TYPE_CHECKING:
    from seisgeo.synth.stream import PairStream

__all__ = [
    "FAMILIES",
    "PairStream",
    "Survey",
    "at_stations",
    "crop_velocity",
    "density_from_velocity",
    "draw_events",
    "draw_velocity",
    "flip_pairs",
    "generate",
    "generate_events",
    "named_survey",
    "perturb_pairs",
    "q_from_velocity",
    "reciprocal_shots",
    "simulate",
    "simulate_events",
    "verify_manifest",
    "vs_from_velocity",
]


def __getattr__(name: str) -> Any:
    # A dataset of PyTorch's, which loads when it is first asked for (PEP 562).
    if name == "PairStream":
        from seisgeo.synth.stream import PairStream

        return PairStream
    raise AttributeError(f"module 'seisgeo.synth' has no attribute {name!r}")
