"""Encoders: torch modules that turn one modality into one space."""

from __future__ import annotations

from seisgeo.encoders.information import INFORMATION, InformationEncoder
from seisgeo.encoders.physics import PhysicsEncoder
from seisgeo.encoders.seismic import SeismicEncoder
from seisgeo.encoders.sizes import SIZES, EncoderSize
from seisgeo.encoders.spectrum_transformer import (
    TRANSFORMER_SIZES,
    SpectrumEncoder,
    TransformerSize,
)
from seisgeo.encoders.velocity import VelocityEncoder

__all__ = [
    "INFORMATION",
    "SIZES",
    "TRANSFORMER_SIZES",
    "EncoderSize",
    "InformationEncoder",
    "PhysicsEncoder",
    "SeismicEncoder",
    "SpectrumEncoder",
    "TransformerSize",
    "VelocityEncoder",
]
