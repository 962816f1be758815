"""Approximate search among millions, by faiss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import ParameterError
from seisgeo.retrieval.exact import nearest
from seisgeo.retrieval.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FaissIndex"]

#: Share of the ten nearest in all cells that a search must find; the number of cells looked into is
#: the smallest power of two that does, measured on samples of the gallery. Gathers lie farther from
#: the cells and find less: .987 with .99, .998 with this (benchmarks/retrieval.py).
RECALL = 0.995

#: Selections up to this size are compared one by one: faster than walking through cells for them.
EXACT_ROWS = 20_000

#: Samples of each cell that its place is learned from. faiss asks for 39 at least; of 140 000
#: embedded models, 48 and 96 gave the same recall within .002, and the time grows with them.
TRAINED_ON, LEAST_TRAINED_ON = 64, 39

_FILE = "index.faiss"


class FaissIndex:
    """Inverted lists: a query is compared with the samples of the nearest cells only.

    For more than about 100 000 samples. The embeddings live in the index and nowhere else.

    Parameters
    ----------
    index : faiss.IndexIVF
        A trained and filled index of inner products, with a direct map.

    References
    ----------
    Douze et al. (2024), The Faiss library, arXiv:2401.08281.
    """

    def __init__(self, index: Any) -> None:
        self.index = index

    @classmethod
    def build(
        cls, embedding: np.ndarray, labels: pd.DataFrame, *, compress: bool = False
    ) -> FaissIndex:
        """Train and fill an index.

        Parameters
        ----------
        embedding : numpy.ndarray
            Unit embeddings, shape (sample, feature).
        labels : pandas.DataFrame
            Not needed: selections are given to faiss by row.
        compress : bool, default False
            Keep each number in 8 bits instead of 32: a quarter of the memory for about a hundredth
            of the recall.

        Raises
        ------
        ParameterError
            If faiss is not installed.
        """
        faiss = _faiss()
        embedding = np.ascontiguousarray(embedding, dtype=np.float32)
        n, features = embedding.shape
        cells = max(1, min(int(4 * math.sqrt(n)), n // LEAST_TRAINED_ON))
        kind = "SQ8" if compress else "Flat"
        index = faiss.index_factory(features, f"IVF{cells},{kind}", faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1  # or a gallery of one small cell makes faiss print
        random = np.random.default_rng(0)
        sample = random.choice(n, min(n, TRAINED_ON * cells), replace=False)
        index.train(embedding[np.sort(sample)])
        index.add(embedding)
        index.make_direct_map()
        made = cls(index)
        made._choose_probes(embedding, random)
        return made

    def _choose_probes(self, embedding: np.ndarray, random: np.random.Generator) -> None:
        query = embedding[random.choice(len(embedding), min(len(embedding), 200), replace=False)]
        k = min(10, len(embedding))
        # What 8 bits have lost no number of cells brings back.
        self.index.nprobe = self.index.nlist
        _, reachable = self.index.search(query, k)
        self.index.nprobe = 1
        while self.index.nprobe < self.index.nlist:
            _, found = self.index.search(query, k)
            shared = [len(np.intersect1d(a, b)) for a, b in zip(found, reachable, strict=True)]
            if np.mean(shared) >= RECALL * k:
                break
            self.index.nprobe = min(2 * self.index.nprobe, self.index.nlist)

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(
        self, query: np.ndarray, k: int, only: Selection | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest samples of each query, best first; `only` among a selection.

        Parameters
        ----------
        query : numpy.ndarray
            Unit embeddings, shape (query, feature).
        k : int
            Neighbours of each; not more than there are.
        only : Selection, optional
            Rows that may be found.

        Returns
        -------
        score, index : numpy.ndarray
            Shape (query, k).
        """
        faiss = _faiss()
        query = np.ascontiguousarray(query, dtype=np.float32)
        index, settings = self.index, {"nprobe": self.index.nprobe}
        if only is not None:
            if len(only.rows) <= EXACT_ROWS:
                score, found = nearest(query, index.reconstruct_batch(only.rows), k)
                return score, only.rows[found]
            mask = np.zeros(len(self), dtype=bool)
            mask[only.rows] = True
            settings["sel"] = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
            # Cells hold fewer of them, so more cells are needed for as many.
            probes = math.ceil(index.nprobe * len(self) / len(only.rows))
            settings["nprobe"] = min(probes, index.nlist)
        score, found = index.search(query, k, params=faiss.SearchParametersIVF(**settings))
        short = (found < 0).any(axis=1)  # the cells looked into held fewer than k
        if short.any():
            everywhere = faiss.SearchParametersIVF(**settings | {"nprobe": index.nlist})
            score[short], found[short] = index.search(query[short], k, params=everywhere)
        return score, found

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the index into a folder; returns what :meth:`load` needs besides."""
        _faiss().write_index(self.index, str(folder / _FILE))
        return {}

    @classmethod
    def load(cls, folder: Path, settings: dict[str, Any]) -> FaissIndex:
        """Read what :meth:`save` wrote."""
        return cls(_faiss().read_index(str(folder / _FILE)))


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise ParameterError(
            "index='faiss' needs the package faiss: pip install 'seisgeo[index]' (or, with conda, "
            "faiss-cpu from conda-forge)"
        ) from error
    return faiss
