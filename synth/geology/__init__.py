"""Velocity models drawn from geology.

:func:`draw_velocity` draws models of a family: of the ten of OpenFWI, or of those that field data
need (:mod:`seisgeo.synth.geology.families` lists them). Families are data classes: those for field
data (:class:`EarthFamily`) are composed of ingredients, and yours can be too.
:func:`crop_velocity` takes them from a model that is given.
"""

from __future__ import annotations

from seisgeo.synth.geology.bodies import Channels, Plume
from seisgeo.synth.geology.crops import crop_velocity
from seisgeo.synth.geology.draw import draw_velocity
from seisgeo.synth.geology.earth import EarthFamily
from seisgeo.synth.geology.families import (
    FAMILIES,
    OPENFWI_FAMILIES,
    canonical_family,
    family_label,
)
from seisgeo.synth.geology.fractal import fractal_noise
from seisgeo.synth.geology.layered import LayeredFamily
from seisgeo.synth.geology.salt import SALT_VELOCITY, Salt
from seisgeo.synth.geology.strata import Heterogeneity, Strata
from seisgeo.synth.geology.structure import Faults, Folds, ListricFaults, Unconformity
from seisgeo.synth.geology.style import StyleFamily
from seisgeo.synth.geology.surface import WATER_VELOCITY, Water, Weathering

__all__ = [
    "FAMILIES",
    "OPENFWI_FAMILIES",
    "SALT_VELOCITY",
    "WATER_VELOCITY",
    "Channels",
    "EarthFamily",
    "Faults",
    "Folds",
    "Heterogeneity",
    "LayeredFamily",
    "ListricFaults",
    "Plume",
    "Salt",
    "Strata",
    "StyleFamily",
    "Unconformity",
    "Water",
    "Weathering",
    "canonical_family",
    "crop_velocity",
    "draw_velocity",
    "family_label",
    "fractal_noise",
]
