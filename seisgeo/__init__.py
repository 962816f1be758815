"""seisgeo: from field SEG-Y to the earth models that explain it.

Read seismic files into labelled xarray cubes (:mod:`seisgeo.adapters`), simulate training data for
the same survey with Deepwave (:mod:`seisgeo.synth`), learn one embedding space for seismic,
velocity and physics (:class:`seisgeo.SeisBind`), and retrieve velocity models and physical
attributes for field records.

>>> import seisgeo as sg
>>> sg.synth.Survey.openfwi().n_receivers
70
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import seisgeo.accessor as _accessor  # noqa: F401 - registers ds.seis
from seisgeo._version import __version__
from seisgeo.errors import SeisgeoError
from seisgeo.estimators import HOMES as _ESTIMATORS

if TYPE_CHECKING:
    from seisgeo import (
        adapters,
        clustering,
        conventions,
        descriptors,
        detection,
        evaluation,
        mechanism,
        metrics,
        plotting,
        pretrained,
        retrieval,
        samples,
        synth,
        waveform_augment,
    )
    from seisgeo.estimators.domain_classifier import DomainClassifier
    from seisgeo.estimators.event_classifier import EventClassifier
    from seisgeo.estimators.event_locator import EventLocator
    from seisgeo.estimators.lacim import LaCIMClassifier
    from seisgeo.estimators.mechanism_regressor import MechanismRegressor
    from seisgeo.estimators.persistence import load
    from seisgeo.estimators.seisbind import SeisBind
    from seisgeo.estimators.seisclip import SeisCLIP
    from seisgeo.estimators.seissimclr import SeisSimCLR
    from seisgeo.example_line import write_example_line
    from seisgeo.field import match_to_survey
    from seisgeo.station_spectra import equalise_stations

__all__ = [
    "DomainClassifier",
    "EventClassifier",
    "EventLocator",
    "LaCIMClassifier",
    "MechanismRegressor",
    "SeisBind",
    "SeisCLIP",
    "SeisSimCLR",
    "SeisgeoError",
    "__version__",
    "adapters",
    "clustering",
    "conventions",
    "descriptors",
    "detection",
    "equalise_stations",
    "evaluation",
    "load",
    "match_to_survey",
    "mechanism",
    "metrics",
    "plotting",
    "pretrained",
    "retrieval",
    "samples",
    "synth",
    "waveform_augment",
    "write_example_line",
]

# Heavy parts (torch, deepwave, obspy, matplotlib) load when they are first asked for (PEP 562).
_HOMES = {
    **_ESTIMATORS,
    "equalise_stations": "seisgeo.station_spectra",
    "load": "seisgeo.estimators.persistence",
    "match_to_survey": "seisgeo.field",
    "write_example_line": "seisgeo.example_line",
}
_MODULES = {
    "adapters",
    "clustering",
    "conventions",
    "descriptors",
    "detection",
    "evaluation",
    "mechanism",
    "metrics",
    "plotting",
    "pretrained",
    "retrieval",
    "samples",
    "synth",
    "waveform_augment",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"seisgeo.{name}")
    raise AttributeError(f"module 'seisgeo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
