"""Field-like noise and acquisition faults on shot gathers.

Every function takes ``gathers``, a floating-point torch tensor of shape ``(..., time, receiver)``:
one gather in its last two dimensions (OpenFWI's ``(sample, source, time, receiver)`` is a stack of
them). It works on the tensor's own device and returns a new tensor of the same shape, type and
device: the input is never changed. What is random comes from ``generator``, an explicit
``torch.Generator`` on the same device. Strengths may be one number or a tensor of shape
``gathers.shape[:-2]``, one for each gather. A shape, type, device or number that does not fit
raises :class:`~seisgeo.errors.SimulationError`, which says what was expected.
"""

from __future__ import annotations

from seisgeo.synth.noise.ambient import add_noise, add_swell
from seisgeo.synth.noise.ground_roll import add_ground_roll
from seisgeo.synth.noise.signature import gain_in_time, vary_wavelet
from seisgeo.synth.noise.timing import delay_traces, shift_traces
from seisgeo.synth.noise.traces import (
    add_spikes,
    clip_traces,
    kill_shots,
    kill_traces,
    reverse_traces,
    scale_traces,
)

__all__ = [
    "add_ground_roll",
    "add_noise",
    "add_spikes",
    "add_swell",
    "clip_traces",
    "delay_traces",
    "gain_in_time",
    "kill_shots",
    "kill_traces",
    "reverse_traces",
    "scale_traces",
    "shift_traces",
    "vary_wavelet",
]
