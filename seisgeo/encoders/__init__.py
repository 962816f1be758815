"""Encoders: torch modules that turn one modality into one space."""

from __future__ import annotations

from seisgeo.encoders.configs import ENCODERS, EncoderConfig
from seisgeo.encoders.information import INFORMATION, InformationEncoder
from seisgeo.encoders.physics import PhysicsEncoder
from seisgeo.encoders.seismic import SeismicEncoder
from seisgeo.encoders.shots import ShotEncoder
from seisgeo.encoders.spectrum_transformer import (
    TRANSFORMER_SIZES,
    SpectrumEncoder,
    TransformerSize,
)
from seisgeo.encoders.velocity import VelocityEncoder

__all__ = [
    "ENCODERS",
    "INFORMATION",
    "TRANSFORMER_SIZES",
    "EncoderConfig",
    "InformationEncoder",
    "PhysicsEncoder",
    "SeismicEncoder",
    "ShotEncoder",
    "SpectrumEncoder",
    "TransformerSize",
    "VelocityEncoder",
]
