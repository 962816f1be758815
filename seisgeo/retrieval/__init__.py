"""Retrieval: the gallery of known samples and the search in it."""

from __future__ import annotations

from seisgeo.retrieval.gallery import Gallery
from seisgeo.retrieval.indexes import Index, index_class
from seisgeo.retrieval.selection import Selection, label_table, select_rows

__all__ = ["Gallery", "Index", "Selection", "index_class", "label_table", "select_rows"]
