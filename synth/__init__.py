"""Synthetic data: velocity models, surveys, and the gathers that they give."""

from __future__ import annotations

# The functions are bound here, once: `generate` is also the name of the module that holds it.
from seisgeo.synth.engines import simulate
from seisgeo.synth.generate import generate
from seisgeo.synth.geology import FAMILIES, crop_velocity, draw_velocity
from seisgeo.synth.manifest import verify_manifest
from seisgeo.synth.named import named_survey
from seisgeo.synth.rock import density_from_velocity, vs_from_velocity
from seisgeo.synth.survey import Survey
from seisgeo.synth.variants import flip_pairs, perturb_pairs

__all__ = [
    "FAMILIES",
    "Survey",
    "crop_velocity",
    "density_from_velocity",
    "draw_velocity",
    "flip_pairs",
    "generate",
    "named_survey",
    "perturb_pairs",
    "simulate",
    "verify_manifest",
    "vs_from_velocity",
]
