"""Encoder of what a catalogue knows about a record."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.standardise import Standardise

__all__ = ["INFORMATION", "InformationEncoder"]

#: What SeisCLIP reads, in its order, and what each is divided by: a number in the field's unit
#: (here SI), or None for times since the record's start, which are divided by its duration.
INFORMATION: dict[str, float | None] = {
    "p_arrival": None,
    "p_weight": 1.0,
    "p_travel_time": 60.0,
    "s_arrival": None,
    "s_weight": 1.0,
    "epicentral_distance": 300e3,
    "back_azimuth": 360.0,
    "coda_end": None,
    # Known to catalogues, though not used by SeisCLIP.
    "magnitude": 10.0,
    "source_depth": 100e3,
}


class InformationEncoder(nn.Module):
    """MLP over scaled information: three layers with LayerNorm and QuickGELU, and a projection.

    Parameters
    ----------
    n_fields, hidden, out_features : int
        Fields of a record, width of the layers, length of the features.
    octaves : int, default 0
        With 0 the fields are read as they are, as published. Else each is standardised
        (:meth:`learn`) and joined by its sines and cosines at so many frequencies, an octave apart:
        an MLP hardly tells apart what differs by a thousandth of its range.

    References
    ----------
    SeisCLIP, arXiv:2309.02320.

    Examples
    --------
    >>> import torch
    >>> InformationEncoder(8, 512, 384)(torch.rand(2, 8)).shape
    torch.Size([2, 384])
    """

    def __init__(self, n_fields: int, hidden: int, out_features: int, octaves: int = 0) -> None:
        super().__init__()
        self.waves = _Waves(n_fields, octaves) if octaves else None
        n_inputs = n_fields * (1 + 2 * octaves)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(n, hidden), nn.LayerNorm(hidden), _QuickGELU())
                for n in (n_inputs, hidden, hidden)
            )
        )
        self.projection = nn.Linear(hidden, out_features, bias=False)

    def forward(self, information: Tensor) -> Tensor:
        """Map scaled fields (batch, field) to features (batch, out_features), of any length."""
        if self.waves is not None:
            information = self.waves(information)
        return self.projection(self.layers(information))

    def learn(self, information: np.ndarray) -> None:
        """Take what the fields are standardised by from a training set (sample, field)."""
        if self.waves is not None:
            self.waves.learn(information)


class _Waves(Standardise):
    """Standardised fields with their sines and cosines.

    A quarter of the first cycle is one standard deviation; each further octave has half of it.
    """

    def __init__(self, n_fields: int, octaves: int) -> None:
        super().__init__(n_fields)
        self.octaves = octaves

    def forward(self, information: Tensor) -> Tensor:
        x = super().forward(information)
        phases = [0.5 * math.pi * 2**octave * x for octave in range(self.octaves)]
        return torch.cat([x, *(wave(p) for p in phases for wave in (torch.sin, torch.cos))], dim=1)


class _QuickGELU(nn.Module):
    """OpenAI's approximation of GELU."""

    def forward(self, x: Tensor) -> Tensor:
        return x * functional.sigmoid(1.702 * x)
