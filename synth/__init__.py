"""Synthetic data: velocity models, surveys and their gathers; events and their records."""

from __future__ import annotations

# The functions are bound here, once: `generate` is also the name of the module that holds it.
from seisgeo.synth.engines import simulate
from seisgeo.synth.events import draw_events, generate_events, simulate_events
from seisgeo.synth.generate import generate
from seisgeo.synth.geology import FAMILIES, crop_velocity, draw_velocity
from seisgeo.synth.rock import density_from_velocity, vs_from_velocity
from seisgeo.synth.survey import Survey
from seisgeo.synth.variants import flip_pairs, perturb_pairs

__all__ = [
    "FAMILIES",
    "Survey",
    "crop_velocity",
    "density_from_velocity",
    "draw_events",
    "draw_velocity",
    "flip_pairs",
    "generate",
    "generate_events",
    "perturb_pairs",
    "simulate",
    "simulate_events",
    "vs_from_velocity",
]
