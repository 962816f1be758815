"""What a trained SeisBind answers: embeddings, galleries, hits, descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from seisgeo import conventions, metrics
from seisgeo.errors import ParameterError
from seisgeo.estimators.base import SavedEstimator
from seisgeo.estimators.embedding import (
    batches_of,
    coherence_of,
    embed,
    embed_samples,
    embedding_cube,
)
from seisgeo.estimators.inference import of_neighbours, read_off
from seisgeo.estimators.matching import prepare
from seisgeo.estimators.views import Views, modality_of
from seisgeo.retrieval.gallery import Gallery
from seisgeo.retrieval.selection import Where

if TYPE_CHECKING:
    import torch

    from seisgeo.estimators.descriptor_head import DescriptorHead
    from seisgeo.retrieval.confidence import Confidence
    from seisgeo.synth.survey import Survey

__all__ = ["Binding"]


class Binding(TransformerMixin, SavedEstimator):
    """The half of :class:`seisgeo.SeisBind` that asks nothing of how it was trained."""

    _networks = "encoders_"
    augment: bool
    device: str | None
    embedding_dim: int
    encoders_: torch.nn.ModuleDict
    shapes_: dict[str, tuple[int, ...]]
    stems_: dict[str, tuple[int, int]]
    survey_: Survey | None
    axes_: dict[str, dict[str, float]]
    descriptors_: list[str]
    spectrum_: np.ndarray
    thinning_: int
    history_: list[dict[str, float]]
    confidence_: Confidence | None
    head_: DescriptorHead | None

    def transform(self, X: xr.Dataset | Any, modality: str | None = None) -> Any:
        """Embed samples.

        Parameters
        ----------
        X : xarray.Dataset or array-like
            Gathers, velocity models, descriptors, or field gathers ``(shot, receiver, time)``,
            which :func:`seisgeo.match_to_survey` first brings to the training survey. Descriptors
            may be unknown (NaN, or not there) or uncertain (``descriptor_std (sample,
            descriptor)``); :func:`seisgeo.descriptors.given` makes a cube of what is known.
        modality : {"seismic", "velocity", "physics"}, optional
            What to embed; by default the first that `X` holds, in this order.

        Returns
        -------
        xarray.Dataset or numpy.ndarray
            ``embedding (sample, feature)``, unit length; an array for an array.

        Raises
        ------
        SurveyMismatchError
            If the gathers' survey is not the model's; the message says how they differ.
        ConventionError
            If values are not finite, shapes differ from the training set's, or nothing is known of
            a sample.
        sklearn.exceptions.NotFittedError
            Before :meth:`fit`.

        Warns
        -----
        DataWarning
            If descriptors are uncertain, and the model has learned from certain ones alone.
        """
        check_is_fitted(self, "encoders_")
        if not isinstance(X, xr.Dataset):
            array = validate_data(self, X, dtype=np.float32, reset=False)
            rows = batches_of(Views({"physics": array}), "physics")
            return embed(self.encoders_["physics"], rows, self.device)
        ds = prepare(self, X, modality)
        name = modality or modality_of(ds)
        return embedding_cube(ds, embed_samples(self, ds, name), name, self.model_id_, "sample")

    def make_gallery(
        self,
        samples: xr.Dataset,
        modality: str = "velocity",
        *,
        index: str = "exact",
        **options: Any,
    ) -> Gallery:
        """Embed known samples once, for many retrievals.

        Parameters
        ----------
        samples : xarray.Dataset
            Velocity models (and descriptors) to find; stays lazy.
        modality : {"velocity", "seismic", "physics"}, default "velocity"
            By what they are found.
        index : {"exact", "faiss", "pgvector"}, default "exact"
            What searches: exactly, for up to about 100 000 samples; faiss among millions; a
            PostgreSQL database with pgvector, which a laboratory shares.
        **options
            Of the index: ``compress`` of
            :meth:`~seisgeo.retrieval.faiss_index.FaissIndex.build`, ``location`` and
            ``table`` of :meth:`~seisgeo.retrieval.pgvector_index.PgvectorIndex.build`.

        Returns
        -------
        Gallery
            It can be saved, and opened by :meth:`Gallery.load`.

        Raises
        ------
        ParameterError
            If there is no such index, or what it needs is not installed.
        """
        embedding = self.transform(samples, modality)["embedding"].values
        return Gallery.build(embedding, samples, self.model_id_, modality, index, **options)

    def retrieve(
        self,
        X: xr.Dataset,
        gallery: xr.Dataset | Gallery,
        *,
        k: int = 5,
        modality: str | None = None,
        where: Where | None = None,
    ) -> xr.Dataset:
        """Find the velocity models that explain each sample best.

        Parameters
        ----------
        X : xarray.Dataset
            Queries, as for :meth:`transform`; field gathers are matched to the survey.
        gallery : xarray.Dataset or Gallery
            Known velocity models, or what :meth:`make_gallery` made of them.
        k : int, default 5
            Hits for each query.
        modality : str, optional
            Modality of the queries; by default the first that `X` holds.
        where : dict or callable, optional
            Which samples of the gallery may be found: ``{"family": ["salt", "folded"],
            "interface_depth": slice(200, 600)}``, any coordinate or descriptor with a value, a list
            or a range; or a function of the table of them that gives booleans.

        Returns
        -------
        xarray.Dataset
            As :meth:`Gallery.hits` says, for gathers with ``probability (query, rank)`` that a hit
            is the query's own model and ``stranger (query)``, which flags what is no gather of the
            survey (noise, traces out of order); for gathers also ``amplitude (query, source, time,
            receiver)``, the query as the encoder saw it.

        Raises
        ------
        SurveyMismatchError
            If the gathers' survey is not the model's.
        ParameterError
            If `k` exceeds the gallery, the gallery belongs to another model, or no sample passes
            the filter.

        Warns
        -----
        DataWarning
            If the filter leaves fewer samples than `k`.
        """
        check_is_fitted(self, "encoders_")
        if isinstance(gallery, xr.Dataset):
            gallery = self.make_gallery(gallery)
        model_id = self.model_id_  # a checksum of all weights
        if gallery.model_id != model_id:
            raise ParameterError(
                f"this gallery was embedded by another model ({gallery.model_id[:12]}, this one is "
                f"{model_id[:12]}): make it again with model.make_gallery(...)"
            )
        query = prepare(self, X, modality)
        embedded = self.transform(query, modality)
        seismic = embedded.attrs["modality"] == "seismic" and gallery.modality == "velocity"
        confidence = self.confidence_ if seismic else None
        embedding = embedded["embedding"].values
        hits = gallery.hits(embedding, k, where, confidence)
        if confidence is not None:
            stranger = confidence.is_stranger(embedding, coherence_of(self, query))
            named = {"long_name": "unlike any gather of the survey"}
            hits["stranger"] = ("query", stranger, named)
        kept = {
            (f"query_{n}" if n in hits.coords else str(n)): ("query", v.values)
            for n, v in embedded.coords.items()
            if v.dims == ("sample",)
        }
        hits = hits.assign_coords(kept)
        if "amplitude" in query and embedded.attrs["modality"] == "seismic":
            shown = query[["amplitude"]].rename(sample="query")
            per_query = [n for n, v in shown.coords.items() if v.dims == ("query",)]
            hits = hits.merge(shown.drop_vars(per_query))
        hits.attrs = {**X.attrs, **conventions.provenance(model=model_id, k=k)}
        return hits

    def infer_descriptors(
        self, X: xr.Dataset, gallery: xr.Dataset | Gallery | None = None, *, k: int = 5
    ) -> xr.Dataset:
        """Infer physical descriptors, from neighbours or straight from the gathers.

        Parameters
        ----------
        X : xarray.Dataset
            Gathers, as for :meth:`retrieve`; with a gallery, any modality.
        gallery : xarray.Dataset or Gallery, optional
            The descriptors are then means of those of the `k` nearest models in it. Without one,
            a small network reads them off what the encoder finds in the gathers.
        k : int, default 5
            Neighbours.

        Returns
        -------
        xarray.Dataset
            Physics cube: ``descriptor_value (sample, descriptor)``, and its spread among the
            neighbours, ``descriptor_std``; or the ends of an interval in which nine in ten true
            values lie, ``descriptor_low`` and ``descriptor_high``.

        Raises
        ------
        ParameterError
            If there is no gallery and no network: too few samples were held out in :meth:`fit`.

        References
        ----------
        SeisBind, arXiv:2601.14607 (neighbours, k = 5).
        """
        if gallery is None:
            check_is_fitted(self, "encoders_")
            return read_off(self, prepare(self, X, "seismic"))
        return of_neighbours(self.retrieve(X, gallery, k=k))

    def score(self, X: xr.Dataset | Any, y: Any = None) -> float:
        """Recall at 1 of velocity by seismic, with the other samples as the gallery.

        Parameters
        ----------
        X : xarray.Dataset or array-like
            Pairs of gathers and velocity models. For a bare array: the share of rows that find
            their own jittered copy.
        y : None
            Ignored.
        """
        check_is_fitted(self, "encoders_")
        if isinstance(X, xr.Dataset):
            a, b = (self.transform(X, m)["embedding"].values for m in ("seismic", "velocity"))
        else:
            import torch

            from seisgeo.augment import jitter

            array = validate_data(self, X, dtype=np.float32, reset=False)
            generator = torch.Generator().manual_seed(0)
            copy = jitter(self.encoders_["physics"])(torch.from_numpy(array), generator)
            a, b = self.transform(array), self.transform(copy.numpy())
        return metrics.recall_at_k(metrics.pair_ranks(a, b), 1)
