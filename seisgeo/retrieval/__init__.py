"""Retrieval: the gallery of known samples and the search in it."""

from __future__ import annotations

from seisgeo.retrieval.gallery import Gallery

__all__ = ["Gallery"]
