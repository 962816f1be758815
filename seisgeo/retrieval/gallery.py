"""A gallery: embeddings of known samples beside the samples themselves."""

from __future__ import annotations

import numpy as np
import xarray as xr

from seisgeo import descriptors
from seisgeo.errors import ParameterError

__all__ = ["Gallery"]


class Gallery:
    """Known samples and their embeddings, ready for nearest-neighbour search.

    Parameters
    ----------
    embedding : xarray.DataArray
        Unit embeddings, dimensions (sample, feature).
    samples : xarray.Dataset
        What the rows stand for (``velocity``, ``descriptor_value``, ``family``); stays lazy, only
        hits are loaded.
    model_id : str
        Checksum of the estimator that made the embeddings; another one's would be meaningless.
    """

    def __init__(self, embedding: xr.DataArray, samples: xr.Dataset, model_id: str) -> None:
        self.embedding = embedding
        self.samples = samples
        self.model_id = model_id

    def __len__(self) -> int:
        return self.embedding.sizes["sample"]

    def search(self, query: np.ndarray, k: int, block: int = 1024) -> tuple[np.ndarray, np.ndarray]:
        """Exact nearest neighbours by cosine similarity.

        Parameters
        ----------
        query : numpy.ndarray
            Unit embeddings, shape (query, feature).
        k : int
            Neighbours of each.
        block : int, default 1024
            Queries compared at once, which bounds the memory.

        Returns
        -------
        score, index : numpy.ndarray
            Shape (query, k), best first; equal scores in the gallery's order.

        Raises
        ------
        ParameterError
            If `k` is less than 1 or more than the gallery holds.
        """
        if not 1 <= k <= len(self):
            raise ParameterError(f"k must be 1 to {len(self)} (the gallery's size), found {k}")
        gallery = self.embedding.transpose("sample", "feature").values
        index = np.empty((len(query), k), dtype=np.int64)
        score = np.empty((len(query), k), dtype=np.float32)
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

    def hits(self, query: np.ndarray, k: int) -> xr.Dataset:
        """Nearest samples of each query, with their models and attributes.

        Parameters
        ----------
        query : numpy.ndarray
            Unit embeddings, shape (query, feature).
        k : int
            Hits for each.

        Returns
        -------
        xarray.Dataset
            ``score (query, rank)`` cosine similarity, ``gallery_index (query, rank)``, ``velocity
            (query, rank, depth, x)`` and ``descriptor_value (query, rank, descriptor)`` where the
            gallery has them, and ``descriptor_mean``, ``descriptor_std (query, descriptor)``, the
            inferred attributes and their spread.
        """
        score, index = self.search(query, k)
        found, inverse = np.unique(index, return_inverse=True)
        names = [n for n in ("velocity", "descriptor_value") if n in self.samples]
        rows = self.samples[names].isel(sample=found).load()
        if "velocity" in rows and "descriptor_value" not in rows:
            rows = rows.merge(descriptors.compute(rows))
        spread = xr.DataArray(inverse.reshape(index.shape), dims=("query", "rank"))
        hits = rows.isel(sample=spread)
        hits = hits.drop_vars(
            [k for k in hits.coords if "sample" in rows[k].dims and k != "family"]
        )
        hits = hits.assign(
            score=(("query", "rank"), score, {"units": "1", "long_name": "cosine similarity"}),
            gallery_index=(("query", "rank"), index, {"long_name": "sample of the gallery"}),
        ).assign_coords(rank=np.arange(1, k + 1))
        if "descriptor_value" in hits:
            values = hits["descriptor_value"]
            hits["descriptor_mean"] = values.mean("rank").assign_attrs(
                long_name="mean descriptor of the hits"
            )
            hits["descriptor_std"] = values.std("rank").assign_attrs(
                long_name="standard deviation of the hits' descriptors"
            )
        return hits
