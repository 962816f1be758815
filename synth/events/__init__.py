"""Synthetic events with truth: earthquakes, explosions, icequakes, spikes and noise.

:func:`generate_events` makes records in bulk; :func:`draw_events` draws parameters and
:func:`simulate_events` makes records of them, in between of which they can be changed, or be
given several stations (:func:`at_stations`). A :class:`Region` is a domain: earth, sources,
stations and noise under a name.
"""

from __future__ import annotations

from seisgeo.synth.events.draw import PARAMETERS, draw_events
from seisgeo.synth.events.generate import generate_events
from seisgeo.synth.events.layered import LayeredModel, Rays, first_arrival, trace_rays
from seisgeo.synth.events.network import at_stations
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import KINDS, REGIONS, Region, Source, stations_of
from seisgeo.synth.events.waveforms import simulate_events

__all__ = [
    "KINDS",
    "PARAMETERS",
    "REGIONS",
    "LayeredModel",
    "Rays",
    "Recorder",
    "Region",
    "Source",
    "at_stations",
    "draw_events",
    "first_arrival",
    "generate_events",
    "simulate_events",
    "stations_of",
    "trace_rays",
]
