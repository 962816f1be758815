"""Encoders: torch modules that turn one modality into one space."""

from __future__ import annotations

from seisgeo.encoders.physics import PhysicsEncoder
from seisgeo.encoders.seismic import SeismicEncoder
from seisgeo.encoders.sizes import SIZES, EncoderSize
from seisgeo.encoders.velocity import VelocityEncoder

__all__ = ["SIZES", "EncoderSize", "PhysicsEncoder", "SeismicEncoder", "VelocityEncoder"]
