"""A gallery: embeddings of known samples beside the samples themselves."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import descriptors
from seisgeo.errors import DataWarning, ModelFileError, ParameterError
from seisgeo.retrieval.confidence import DEPTH, Confidence
from seisgeo.retrieval.indexes import Index, index_class
from seisgeo.retrieval.selection import Selection, Where, label_table, select_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Gallery"]


class Gallery:
    """Known samples and an index of their embeddings, ready for nearest-neighbour search.

    Parameters
    ----------
    index : Index
        Searches among unit embeddings, one for each sample; :meth:`build` makes it.
    samples : xarray.Dataset
        What the rows stand for (``velocity``, ``descriptor_value``, coordinates); stays lazy, only
        hits are loaded.
    model_id : str
        Checksum of the estimator that made the embeddings; another one's would be meaningless.
    modality : {"velocity", "seismic", "physics"}, default "velocity"
        By what the samples are found.
    kind : str, default "exact"
        Name of the index.
    """

    def __init__(
        self,
        index: Index,
        samples: xr.Dataset,
        model_id: str,
        modality: str = "velocity",
        kind: str = "exact",
    ) -> None:
        self.index = index
        self.samples = samples
        self.model_id = model_id
        self.modality = modality
        self.kind = kind
        self._labels: pd.DataFrame | None = None

    @classmethod
    def build(
        cls,
        embedding: np.ndarray,
        samples: xr.Dataset,
        model_id: str,
        modality: str = "velocity",
        kind: str = "exact",
        **options: Any,
    ) -> Gallery:
        """Index the embeddings of samples.

        Parameters
        ----------
        embedding : numpy.ndarray
            Unit embeddings, shape (sample, feature).
        samples, model_id, modality
            As for the class.
        kind : {"exact", "faiss", "pgvector"} or another registered name, default "exact"
            The index, see :func:`seisgeo.retrieval.index_class`.
        **options
            The index's own, for instance ``compress=True`` of
            :meth:`~seisgeo.retrieval.faiss_index.FaissIndex.build`.

        Raises
        ------
        ParameterError
            If there is no such index, or what it needs is not installed.
        """
        found = index_class(kind)
        labels = label_table(samples)
        try:
            index = found.build(embedding, labels, **options)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            raise ParameterError(f"index {kind!r}: {error}") from error
        gallery = cls(index, samples, model_id, modality, kind)
        gallery._labels = labels
        return gallery

    def __len__(self) -> int:
        return int(self.samples.sizes["sample"])

    @property
    def labels(self) -> pd.DataFrame:
        """What ``where=`` can filter by: coordinates and descriptors, a row for each sample."""
        if self._labels is None:
            self._labels = label_table(self.samples)
        return self._labels

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest neighbours by cosine similarity.

        Parameters
        ----------
        query : numpy.ndarray
            Unit embeddings, shape (query, feature).
        k : int
            Neighbours of each.
        where : mapping or callable, optional
            Which samples may be found, see :func:`seisgeo.retrieval.select_rows`.

        Returns
        -------
        score, index : numpy.ndarray
            Shape (query, k), best first; fewer than `k` where a filter leaves fewer, with a
            :class:`~seisgeo.errors.DataWarning`.

        Raises
        ------
        ParameterError
            If `k` is less than 1 or more than the gallery holds, or no sample passes the filter.
        """
        k, only = self._allowed(k, where)
        return self.index.search(query, k, only)

    def _allowed(self, k: int, where: Where | None) -> tuple[int, Selection | None]:
        """How many hits there can be, and among which rows."""
        if not 1 <= k <= len(self):
            raise ParameterError(f"k must be 1 to {len(self)} (the gallery's size), found {k}")
        if where is None:
            return k, None
        only = select_rows(self.labels, where)
        if len(only.rows) < k:
            warnings.warn(
                f"only {len(only.rows)} of the gallery's {len(self)} samples pass the filter: "
                f"{len(only.rows)} hits for each query instead of {k}",
                DataWarning,
                stacklevel=3,
            )
        return min(k, len(only.rows)), only

    def hits(
        self,
        query: np.ndarray,
        k: int,
        where: Where | None = None,
        confidence: Confidence | None = None,
    ) -> xr.Dataset:
        """Nearest samples of each query, with their models and attributes.

        Parameters
        ----------
        query : numpy.ndarray
            Unit embeddings, shape (query, feature).
        k : int
            Hits for each.
        where : mapping or callable, optional
            As for :meth:`search`.
        confidence : Confidence, optional
            What scores are worth.

        Returns
        -------
        xarray.Dataset
            ``score (query, rank)`` cosine similarity, ``gallery_index (query, rank)``, ``velocity
            (query, rank, depth, x)`` and ``descriptor_value (query, rank, descriptor)`` where the
            gallery has them, and ``descriptor_mean``, ``descriptor_std (query, descriptor)``, the
            inferred attributes and their spread. With `confidence` also ``probability (query,
            rank)``.
        """
        k, only = self._allowed(k, where)
        if confidence is None:
            return self._describe(*self.index.search(query, k, only))
        available = len(self) if only is None else len(only.rows)
        score, index = self.index.search(query, max(k, min(available, DEPTH)), only)
        probability = confidence.probabilities(score)[:, :k]
        return self._describe(score[:, :k], index[:, :k]).assign(
            probability=(
                ("query", "rank"),
                probability.astype(np.float32),
                {"units": "1", "long_name": "probability that the hit is the query's own model"},
            ),
        )

    def _describe(self, score: np.ndarray, index: np.ndarray) -> xr.Dataset:
        """The samples that :meth:`search` found, as :meth:`hits` gives them."""
        found, inverse = np.unique(index, return_inverse=True)
        names = [n for n in ("velocity", "descriptor_value") if n in self.samples]
        try:
            rows = self.samples[names].isel(sample=found).load()
        except (OSError, ValueError, RuntimeError) as error:  # of a store's checksums and codecs
            if (source := self.samples.encoding.get("source")) is None:
                raise
            raise ModelFileError(
                f"{source}: models that are hits cannot be read ({error}); make the gallery again"
            ) from error
        if "velocity" in rows and "descriptor_value" not in rows:
            rows = rows.merge(descriptors.compute(rows), compat="override")
        spread = xr.DataArray(inverse.reshape(index.shape), dims=("query", "rank"))
        hits = rows.isel(sample=spread)
        hits = hits.drop_vars(
            [k for k in hits.coords if "sample" in rows[k].dims and k != "family"]
        )
        hits = hits.assign(
            score=(("query", "rank"), score, {"units": "1", "long_name": "cosine similarity"}),
            gallery_index=(("query", "rank"), index, {"long_name": "sample of the gallery"}),
        ).assign_coords(rank=np.arange(1, score.shape[1] + 1))
        if "descriptor_value" in hits:
            values = hits["descriptor_value"]
            hits["descriptor_mean"] = values.mean("rank").assign_attrs(
                long_name="mean descriptor of the hits"
            )
            hits["descriptor_std"] = values.std("rank").assign_attrs(
                long_name="standard deviation of the hits' descriptors"
            )
        return hits

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Keep the gallery as one folder: index, models, descriptors and coordinates.

        Parameters
        ----------
        path : path-like
            Folder to write, for instance ``line.gallery``; :meth:`load` reads it.
        overwrite : bool, default False
            Replace what stands there.
        """
        from seisgeo.retrieval.stored import save

        save(self, path, overwrite=overwrite)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Gallery:
        """Open a gallery that :meth:`save` wrote; models stay on disk until they are hits.

        Parameters
        ----------
        path : path-like
            The folder.

        Returns
        -------
        Gallery

        Raises
        ------
        ModelFileError
            If it is missing, cut short, altered, or its parts do not belong together.
        """
        from seisgeo.retrieval.stored import load

        return load(path)
