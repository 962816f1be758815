"""Exact search: every query against every sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.retrieval.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExactIndex", "nearest"]

#: Similarities held at once (64 MB), which bounds the memory.
_BLOCK_VALUES = 16_000_000
_FILE = "embedding.npy"


def nearest(query: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact nearest rows by inner product, best first, equal scores in the gallery's order.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Shape (query, feature) and (sample, feature), with at least `k` samples.
    k : int
        Neighbours of each query.

    Returns
    -------
    score, index : numpy.ndarray
        Shape (query, k).

    Examples
    --------
    >>> nearest(np.eye(2), np.array([[0.6, 0.8], [1.0, 0.0]]), k=1)[1]
    array([[1],
           [0]])
    """
    index = np.empty((len(query), k), dtype=np.int64)
    score = np.empty((len(query), k), dtype=np.float32)
    block = max(1, _BLOCK_VALUES // len(gallery))
    for start in range(0, len(query), block):
        part = slice(start, start + block)
        similarity = query[part] @ gallery.T
        # A partial sort finds the best k; a stable one puts those in order.
        best = np.sort(np.argpartition(-similarity, k - 1, axis=1)[:, :k], axis=1)
        values = np.take_along_axis(similarity, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        index[part] = np.take_along_axis(best, order, axis=1)
        score[part] = np.take_along_axis(values, order, axis=1)
    return score, index


class ExactIndex:
    """Embeddings in memory, compared one by one; right for up to about 100 000 samples.

    Parameters
    ----------
    embedding : numpy.ndarray
        Unit embeddings, shape (sample, feature).
    """

    def __init__(self, embedding: np.ndarray) -> None:
        self.embedding = np.ascontiguousarray(embedding, dtype=np.float32)

    @classmethod
    def build(cls, embedding: np.ndarray, labels: pd.DataFrame) -> ExactIndex:
        """Index embeddings; `labels` are for indexes that filter by themselves."""
        return cls(embedding)

    def __len__(self) -> int:
        return len(self.embedding)

    def search(
        self, query: np.ndarray, k: int, only: Selection | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest samples of each query, see :func:`nearest`; `only` among a selection."""
        if only is None:
            return nearest(query, self.embedding, k)
        score, index = nearest(query, self.embedding[only.rows], k)
        return score, only.rows[index]

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the embeddings into a folder; returns what :meth:`load` needs besides."""
        np.save(folder / _FILE, self.embedding, allow_pickle=False)
        return {}

    @classmethod
    def load(cls, folder: Path, settings: dict[str, Any]) -> ExactIndex:
        """Read what :meth:`save` wrote."""
        return cls(np.load(folder / _FILE, allow_pickle=False))
