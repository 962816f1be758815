"""SeisBind: seismic, velocity and physics in one embedding space."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from seisgeo import conventions, descriptors, metrics
from seisgeo.devices import default_device
from seisgeo.errors import ConventionError, ParameterError, SurveyMismatchError
from seisgeo.estimators import calibration
from seisgeo.estimators.views import MODALITIES, Views, modality_of, views_of
from seisgeo.field import match_to_survey, mean_spectrum
from seisgeo.retrieval.gallery import Gallery
from seisgeo.retrieval.selection import Where
from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    import torch

    from seisgeo.augment import FieldLike
    from seisgeo.estimators.descriptor_head import DescriptorHead
    from seisgeo.retrieval.confidence import Confidence

__all__ = ["SeisBind"]

_SEISMIC_COORDS = ("time", "source_x", "source_depth", "receiver_x", "receiver_depth", "offset")
_VELOCITY_COORDS = ("depth", "x")


class SeisBind(TransformerMixin, BaseEstimator):
    """Bind gathers, velocity models and physical descriptors in one embedding space.

    Three encoders are trained so that the gathers, the velocity model and the descriptors of one
    sample fall on one point of a sphere, and other samples elsewhere. Nothing is labelled: the
    modalities supervise each other. The loss is ``seismic_weight * L(S, V) + physics_weight *
    L(V, P) + direct_weight * L(S, P)``; in the paper, without the last, velocity binds seismic and
    physics. Velocity models of a batch that differ by less than 10 m/s (RMS), and descriptors by
    less than a hundredth of their spread, are not contrasted with each other.

    Parameters
    ----------
    encoder : {"small", "shots", "paper"}, default "small"
        Key of :data:`seisgeo.encoders.ENCODERS`: "paper" is ResNet-18, "small" a quarter of its
        width and half of its depth. "shots" is as small, but reads each shot by itself, with its
        offsets, and embeds gathers of any sources and receivers.
    embedding_dim : int, default 256
        Length of the embeddings.
    seismic_weight, physics_weight : float, default 1.0 and 0.1
        The paper's lambda1 and lambda2.
    direct_weight : float, default 0.0
        Of the loss between seismic and physics, which the paper does not have.
    loss : {"info_nce", "sigmoid"}, default "info_nce"
        :func:`seisgeo.losses.info_nce` (the paper's) or :func:`seisgeo.losses.sigmoid`.
    temperature : float, default 0.07
        First temperature of the loss; it is learned, within [0.01, 1].
    augment : bool, default True
        Train on gathers with field-like noise, dead traces, gain errors, and changes of phase and
        delay of the wavelet, so that field records are no strangers.
    batch_size : int, default 128
        Samples contrasted with each other; under ``torchrun``, on all processes together.
    chunk_size : int or None, default None
        Samples that an encoder sees at once. A large batch then fits into a small memory, for half
        again the time; the gradient is the same.
    families_per_batch : int or None, default None
        Fill each batch from this many families (coordinate ``family``) only, so that samples are
        contrasted with what is hard to tell from them. None mixes all families.
    ema_decay : float or None, default None
        Keep the exponential moving average of the weights, with this decay a step, instead of the
        last ones.
    max_epochs : int, default 40
        Passes over the training set at most.
    max_time : float or None, default None
        Seconds of training at most. The result then depends on the speed of the machine.
    learning_rate, weight_decay : float, default 1e-3 and 1e-4
        AdamW's; the rate warms up and follows a cosine.
    validation_fraction : float, default 0.1
        Share of the samples held out for early stopping; 0 trains to the end.
    patience : int, default 8
        Epochs without progress on them after which training stops.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, split, batches and augmentation.
    verbose : bool, default True
        Show a progress bar.

    Attributes
    ----------
    encoders_ : torch.nn.ModuleDict
        The trained encoders, by modality.
    survey_ : Survey or None
        Survey of the training gathers; field gathers are matched to it.
    descriptors_ : list of str
        Names of the descriptors, in the physics encoder's order.
    spectrum_ : numpy.ndarray
        Mean amplitude spectrum of the training gathers, from zero to their Nyquist frequency;
        field gathers are shaped to it.
    history_ : list of dict
        One row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ``val_recall_1``, ...
    confidence_ : Confidence or None
        What scores are worth, see :meth:`calibrate`; None where too few samples were held out.
    head_ : DescriptorHead or None
        Reads descriptors off embeddings of gathers.
    n_features_in_ : int
        Columns, when fitted on a bare array.

    Notes
    -----
    `fit` also takes a bare 2-D array, as other estimators of scikit-learn do: its rows are then one
    view, a table of attributes, and the embedding is learned from pairs of jittered copies.

    References
    ----------
    SeisBind, arXiv:2601.14607. Layer sizes, temperature and optimiser are not published.

    Examples
    --------
    >>> import seisgeo as sg
    >>> pairs = sg.synth.generate("curvefault-b", 16, workers=1, device="cpu", progress=False)
    >>> model = sg.SeisBind(max_epochs=1, random_state=0, verbose=False).fit(pairs)
    >>> model.transform(pairs).embedding.shape
    (16, 256)
    >>> hits = model.retrieve(pairs.isel(sample=[0]), gallery=pairs, k=3)
    >>> hits.velocity.dims
    ('query', 'rank', 'depth', 'x')
    """

    def __init__(
        self,
        encoder: str = "small",
        *,
        embedding_dim: int = 256,
        seismic_weight: float = 1.0,
        physics_weight: float = 0.1,
        direct_weight: float = 0.0,
        loss: str = "info_nce",
        temperature: float = 0.07,
        augment: bool = True,
        batch_size: int = 128,
        chunk_size: int | None = None,
        families_per_batch: int | None = None,
        ema_decay: float | None = None,
        max_epochs: int = 40,
        max_time: float | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.1,
        patience: int = 8,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.encoder = encoder
        self.embedding_dim = embedding_dim
        self.seismic_weight = seismic_weight
        self.physics_weight = physics_weight
        self.direct_weight = direct_weight
        self.loss = loss
        self.temperature = temperature
        self.augment = augment
        self.batch_size = batch_size
        self.chunk_size = chunk_size
        self.families_per_batch = families_per_batch
        self.ema_decay = ema_decay
        self.max_epochs = max_epochs
        self.max_time = max_time
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: xr.Dataset | Any,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> SeisBind:
        """Train the encoders.

        Parameters
        ----------
        X : xarray.Dataset or array-like
            Pairs: ``amplitude (sample, source, time, receiver)`` and ``velocity (sample, depth,
            x)``, and ``descriptor_value (sample, descriptor)`` or what :mod:`seisgeo.descriptors`
            computes from the velocity. Or a bare 2-D array (see Notes).
        y : None
            Ignored; scikit-learn passes it.
        checkpoint : path-like, optional
            Folder that keeps the state of the training, once a minute, and its curves
            (``history.csv``, and TensorBoard's files where that is installed). The same call goes
            on from there after a kill, to the very weights that it would have reached without.

        Returns
        -------
        SeisBind
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If a modality is missing, or values are not finite or not in m/s.
        OutputExistsError
            If `checkpoint` holds a training with other settings or data.
        ModelFileError
            If its state was cut short or altered.
        """
        from seisgeo.encoders import ENCODERS
        from seisgeo.losses import LOSSES
        from seisgeo.training import TrainingPlan, stopped_run, train

        for name, known in (("encoder", ENCODERS), ("loss", LOSSES)):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"{name} must be one of {', '.join(known)}; found {getattr(self, name)!r}"
                )
        for name in ("chunk_size", "families_per_batch"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ParameterError(f"{name} must be None or at least 1; found {value}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ParameterError(
                f"ema_decay must be None or between 0 and 1; found {self.ema_decay}"
            )
        folder = None if checkpoint is None else Path(checkpoint)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if folder is not None and self.random_state is None:
            stopped = stopped_run(folder, {})
            seed = seed if stopped is None else stopped["settings"]["seed"]
        groups = families = None
        if isinstance(X, xr.Dataset):
            views = views_of(X, list(MODALITIES))
            self.survey_ = Survey.from_attrs(X) if "survey" in X.attrs else None
            if self.survey_ is not None:
                self.survey_.require_coords(X, "the training set")
            self.axes_ = _axes(X)
            named = X["descriptor"].values if "descriptor" in X.coords else descriptors.DESCRIPTORS
            self.descriptors_ = [str(name) for name in named]
            self.spectrum_ = mean_spectrum(X["amplitude"])
            groups = X["file"].values if "file" in X.coords else None
            families = X["family"].values if "family" in X.coords else None
            if families is None and self.families_per_batch is not None:
                raise ConventionError(
                    "families_per_batch needs the coordinate 'family' (sample); this dataset has "
                    f"{sorted(map(str, X.coords))}"
                )
            pairs = {
                ("seismic", "velocity"): self.seismic_weight,
                ("velocity", "physics"): self.physics_weight,
            }
            if self.direct_weight:
                pairs["seismic", "physics"] = self.direct_weight
        else:
            array = validate_data(self, X, dtype=np.float32, ensure_min_samples=2)
            views = Views({"physics": array})
            self.survey_, self.axes_, self.spectrum_ = None, {}, np.zeros(0)
            self.descriptors_ = []
            pairs = {("physics", "physics"): 1.0}
        if len(views) < 2 or self.batch_size < 2:
            raise ParameterError(
                "samples are learned by contrast with each other: at least 2 are needed in a "
                f"batch, found {len(views)} samples and batch_size={self.batch_size}"
            )
        held, kept = _split(
            len(views), self.validation_fraction, groups, np.random.RandomState(seed)
        )
        self.encoders_ = self._build(views.shapes, seed)
        sample = views[kept[:20_000].tolist()]["physics"]
        _standardise(self.encoders_["physics"], sample)
        if ENCODERS[self.encoder].shots and isinstance(X, xr.Dataset):
            encoder: Any = self.encoders_["seismic"]
            encoder.place(*_positions(X))
        self.history_ = train(
            self.encoders_,
            _Rows(views, kept),
            _Rows(views, held) if len(held) else None,
            TrainingPlan(
                pairs=pairs,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                max_time=self.max_time,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                temperature=self.temperature,
                patience=self.patience,
                device=default_device(self.device),
                seed=seed,
                progress=self.verbose,
                loss=self.loss,
                chunk_size=self.chunk_size,
                ema_decay=self.ema_decay,
                families_per_batch=self.families_per_batch,
                augment=self._augmentations(pairs),
                copies=_copies(self.encoders_),
            ),
            families=None if families is None else families[kept],
            folder=folder,
            settings=self._settings(views, seed) if folder is not None else None,
        )
        self.confidence_: Confidence | None = None
        self.head_: DescriptorHead | None = None
        if isinstance(X, xr.Dataset) and min(len(held), len(kept)) >= calibration.LEAST:
            calibration.calibrate(self, _Rows(views, kept), _Rows(views, held), seed)
        return self

    def calibrate(self, X: xr.Dataset) -> SeisBind:
        """Fit the probabilities of hits, and the head that infers descriptors, on other pairs.

        `fit` does it on its validation split; do it again where the model is to answer for other
        earths than it was trained on, or was trained without such a split.

        Parameters
        ----------
        X : xarray.Dataset
            Pairs that were not trained on, as for :meth:`fit`. Every other one trains the head;
            probabilities and intervals are calibrated on the rest.

        Returns
        -------
        SeisBind
            The estimator itself.

        Raises
        ------
        ParameterError
            If there are fewer than 40 pairs.
        """
        check_is_fitted(self, "encoders_")
        for name in ("seismic", "velocity"):
            X = self._prepare(X, name)
        views = views_of(self._name_descriptors(X), list(MODALITIES))
        rows = np.arange(len(views))
        calibration.calibrate(self, _Rows(views, rows[::2]), _Rows(views, rows[1::2]), seed=0)
        return self

    def _settings(self, views: Views, seed: int) -> dict[str, Any]:
        """What decides the course of a training: parameters, seed and data."""
        without = {"device", "verbose", "random_state", "chunk_size"}
        given = {k: getattr(v, "item", lambda v=v: v)() for k, v in self.get_params().items()}
        digest = hashlib.sha256()
        for row in (0, len(views) // 2, len(views) - 1):
            for array in views[[row]].values():
                digest.update(array.tobytes())
        return {
            **{name: value for name, value in given.items() if name not in without},
            "seed": seed,
            "samples": len(views),
            "shapes": {name: list(shape) for name, shape in self.shapes_.items()},
            "data": digest.hexdigest(),
        }

    def _build(self, shapes: dict[str, tuple[int, ...]], seed: int) -> torch.nn.ModuleDict:
        """Encoders for rows of these shapes, with weights drawn from `seed`."""
        import torch

        from seisgeo.encoders import (
            ENCODERS,
            PhysicsEncoder,
            SeismicEncoder,
            ShotEncoder,
            VelocityEncoder,
        )

        config, out = ENCODERS[self.encoder], self.embedding_dim
        self.shapes_ = {name: tuple(int(n) for n in shape) for name, shape in shapes.items()}
        encoders = torch.nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if "seismic" in shapes:
                sources, nt, receivers = self.shapes_["seismic"]
                kind = ShotEncoder if config.shots else SeismicEncoder
                encoders["seismic"] = kind(sources, nt, receivers, config, out)
                depth, x = self.shapes_["velocity"]
                encoders["velocity"] = VelocityEncoder((depth, x), config, out)
            encoders["physics"] = PhysicsEncoder(self.shapes_["physics"][0], out)
        return encoders

    def _augmentations(self, pairs: dict[tuple[str, str], float]) -> dict[str, Any]:
        from seisgeo.augment import jitter

        if ("physics", "physics") in pairs:
            return {"physics": jitter(self.encoders_["physics"])}
        change = self._field_like()
        return {} if change is None else {"seismic": change}

    def _field_like(self) -> FieldLike | None:
        """What makes gathers look recorded, where the model was trained so."""
        from seisgeo.augment import FieldLike

        if not self.augment:
            return None
        survey = self.survey_
        dt = survey.dt if survey else self.axes_["time"]["step"]
        return FieldLike(dt, survey.peak_frequency if survey else None)

    def transform(self, X: xr.Dataset | Any, modality: str | None = None) -> Any:
        """Embed samples.

        Parameters
        ----------
        X : xarray.Dataset or array-like
            Gathers, velocity models, descriptors, or field gathers ``(shot, receiver, time)``,
            which :func:`seisgeo.match_to_survey` first brings to the training survey.
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
            If values are not finite or shapes differ from the training set's.
        sklearn.exceptions.NotFittedError
            Before :meth:`fit`.
        """
        check_is_fitted(self, "encoders_")
        if not isinstance(X, xr.Dataset):
            array = validate_data(self, X, dtype=np.float32, reset=False)
            return self._embed("physics", Views({"physics": array}))
        ds = self._prepare(X, modality)
        name = modality or modality_of(ds)
        if name == "physics":
            ds = self._name_descriptors(ds)
        positions: tuple[Any, ...] = ()
        if name == "seismic" and self._any_positions:
            positions = _positions(ds)
        embedding = self._embed(name, views_of(ds, [name]), positions)
        kept = {k: v for k, v in ds.coords.items() if v.dims == ("sample",)}
        result = xr.Dataset(
            {"embedding": (("sample", "feature"), embedding)},
            coords=kept,
            attrs={
                **conventions.provenance(source=ds.attrs.get("source"), model=self.model_id_),
                "modality": name,
            },
        )
        return conventions.describe(result.assign_coords(modality=name))

    def _prepare(self, ds: xr.Dataset, modality: str | None) -> xr.Dataset:
        """Bring field gathers to the training survey, and refuse what does not fit it."""
        name = modality
        if name is None:
            name = "seismic" if "amplitude" in ds else modality_of(ds)
        if name not in self.encoders_:
            raise ConventionError(
                f"this model embeds {', '.join(self.encoders_)}, not {name}: it was fitted on "
                "other data"
            )
        if name == "seismic" and "amplitude" in ds and "shot" in ds["amplitude"].dims:
            if self.survey_ is None:
                raise SurveyMismatchError(
                    "the training set carried no survey, so field gathers cannot be matched to it: "
                    "train on data of seisgeo.synth.generate, or call seisgeo.match_to_survey"
                )
            return match_to_survey(ds, self.survey_, spectrum=self.spectrum_)
        what = {"seismic": "these gathers", "velocity": "these velocity models"}.get(name)
        if what is None:
            return ds
        if self.survey_ is not None:
            if name == "seismic" and "survey" in ds.attrs:
                survey = Survey.from_attrs(ds)
                self.survey_.require_same(survey, what, positions=not self._any_positions)
            relevant: tuple[str, ...] = _VELOCITY_COORDS
            if name == "seismic":
                relevant = ("time",) if self._any_positions else _SEISMIC_COORDS
            self.survey_.require_coords(ds[[c for c in ds.coords if c in relevant]], what)
        else:
            axes = self.axes_
            if name == "seismic" and self._any_positions:
                axes = {k: v for k, v in axes.items() if k == "time"}
            _require_axes(axes, _axes(ds), what)
        return ds

    @property
    def _any_positions(self) -> bool:
        """Whether gathers of any sources and receivers can be embedded."""
        from seisgeo.encoders import ShotEncoder

        return "seismic" in self.encoders_ and isinstance(self.encoders_["seismic"], ShotEncoder)

    def _name_descriptors(self, ds: xr.Dataset) -> xr.Dataset:
        """Descriptors in the order of the training set."""
        if "descriptor_value" not in ds:
            ds = ds.merge(descriptors.compute(ds))
        names = [str(n) for n in ds["descriptor"].values] if "descriptor" in ds.coords else []
        missing = [n for n in self.descriptors_ if n not in names]
        if missing:
            raise ConventionError(
                f"the model was trained with descriptors that are not here: {', '.join(missing)}"
            )
        return ds.isel(descriptor=[names.index(n) for n in self.descriptors_])

    def _embed(
        self, name: str, views: Views, positions: tuple[Any, ...] = (), batch: int = 256
    ) -> np.ndarray:
        import torch

        expected, found = self.shapes_[name], views.shapes[name]
        same = found[1] == expected[1] if positions else found == expected
        if not same:
            raise ConventionError(
                f"the model embeds {name} samples of shape {expected}, found {found}"
            )
        device = default_device(self.device)
        positions = tuple(values.to(device) for values in positions)
        encoder = self.encoders_[name].to(device).eval()
        out = np.empty((len(views), self.embedding_dim), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(views), batch):
                rows = range(start, min(start + batch, len(views)))
                values = views[rows][name]
                conventions.check_finite(values, MODALITIES[name][0])
                out[start : start + len(rows)] = (
                    encoder(torch.from_numpy(values).to(device), *positions).float().cpu()
                )
        encoder.to("cpu")
        return out

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
        index : {"exact", "faiss", "qdrant"}, default "exact"
            What searches: exactly, for up to about 100 000 samples; faiss among millions; a Qdrant
            database, distributed.
        **options
            Of the index: ``compress`` of
            :meth:`~seisgeo.retrieval.faiss_index.FaissIndex.build`, ``location`` and
            ``collection`` of :meth:`~seisgeo.retrieval.qdrant_index.QdrantIndex.build`.

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
        if gallery.model_id != self.model_id_:
            raise ParameterError(
                f"this gallery was embedded by another model ({gallery.model_id[:12]}, this one is "
                f"{self.model_id_[:12]}): make it again with model.make_gallery(...)"
            )
        query = self._prepare(X, modality)
        embedded = self.transform(query, modality)
        seismic = embedded.attrs["modality"] == "seismic" and gallery.modality == "velocity"
        confidence = self.confidence_ if seismic else None
        hits = gallery.hits(embedded["embedding"].values, k, where, confidence)
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
        hits.attrs = {**X.attrs, **conventions.provenance(model=self.model_id_, k=k)}
        return hits

    def infer_descriptors(
        self, X: xr.Dataset, gallery: xr.Dataset | Gallery | None = None, *, k: int = 5
    ) -> xr.Dataset:
        """Infer physical descriptors, from neighbours or straight from the embedding.

        Parameters
        ----------
        X : xarray.Dataset
            Gathers, as for :meth:`retrieve`; with a gallery, any modality.
        gallery : xarray.Dataset or Gallery, optional
            The descriptors are then means of those of the `k` nearest models in it. Without one,
            a small network reads them off the embedding.
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
            return self._read_descriptors(X)
        hits = self.retrieve(X, gallery, k=k)
        names = ["descriptor_mean", "descriptor_std"]
        found = hits[names].rename(query="sample", descriptor_mean="descriptor_value")
        unused = [c for c in found.coords if not set(found[c].dims) <= {"sample", "descriptor"}]
        found = found.drop_vars([*unused, "rank"], errors="ignore")
        found["descriptor_value"].attrs = conventions.ATTRS["descriptor_value"]
        return found

    def _read_descriptors(self, X: xr.Dataset) -> xr.Dataset:
        check_is_fitted(self, "encoders_")
        if self.head_ is None:
            raise ParameterError(
                "this model infers descriptors from neighbours only: give a gallery=, or "
                "calibrate(...) it on pairs it has not seen"
            )
        embedded = self.transform(X, "seismic")
        low, middle, high = self.head_.predict(embedded["embedding"].values)
        dims = ("sample", "descriptor")
        known = descriptors.DESCRIPTORS
        units = [known[n].units if n in known else "" for n in self.descriptors_]
        return conventions.describe(
            xr.Dataset(
                {
                    "descriptor_value": (dims, middle),
                    "descriptor_low": (dims, low, {"long_name": "low end of the interval"}),
                    "descriptor_high": (dims, high, {"long_name": "high end of the interval"}),
                },
                coords={
                    **{n: c for n, c in embedded.coords.items() if c.dims == ("sample",)},
                    "descriptor": self.descriptors_,
                    "units": ("descriptor", units),
                },
                attrs=embedded.attrs,
            )
        )

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

    @property
    def model_id_(self) -> str:
        """Checksum of the weights: it names the embedding space."""
        from seisgeo.estimators.persistence import checksum

        check_is_fitted(self, "encoders_")
        return checksum(self.encoders_.state_dict())

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save the fitted model as one file of safetensors.

        Parameters
        ----------
        path : path-like
            File to write, for instance ``line.seisbind``; :func:`seisgeo.load` reads it.
        overwrite : bool, default False
            Replace what stands there.
        """
        from seisgeo.estimators.persistence import save

        save(self, path, overwrite=overwrite)


class _Rows(Views):
    """Some rows of other views."""

    def __init__(self, views: Views, rows: np.ndarray) -> None:
        super().__init__(views.arrays)
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        return super().__getitem__(self.rows[np.asarray(rows)])


def _standardise(encoder: Any, values: np.ndarray) -> None:
    import torch

    with torch.no_grad():
        encoder.standardise_on(torch.from_numpy(values))


def _positions(ds: xr.Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions, x and depth, of sources (source, 2) and of their receivers (source, receiver, 2).

    Raises
    ------
    ConventionError
        If a coordinate is missing.
    """
    import torch

    names = [f"{of}_{axis}" for of in ("source", "receiver") for axis in ("x", "depth")]
    missing = [name for name in names if name not in ds.coords]
    if missing:
        raise ConventionError(
            f"an encoder of shots needs the coordinates {', '.join(names)}; this dataset lacks "
            f"{', '.join(missing)}"
        )
    both = xr.DataArray(
        np.zeros((ds.sizes["source"], ds.sizes["receiver"])), dims=("source", "receiver")
    )
    spread = [(ds[name] + both).transpose(*both.dims).values for name in names]
    source, receiver = (
        torch.from_numpy(np.stack(axes, axis=-1).astype(np.float32))
        for axes in (spread[:2], spread[2:])
    )
    return source[:, 0], receiver


def _copies(encoders: Any) -> dict[str, Any]:
    """For modalities that can be compared, a function that tells which rows are one and the same.

    A gather cannot tell models that differ by 10 m/s; its mirror image has the same descriptors.
    """
    from seisgeo.losses import near_copies

    physics = encoders["physics"]
    found: dict[str, Any] = {
        "physics": lambda values: near_copies((values - physics.mean) / physics.scale, 0.01)
    }
    if "velocity" in encoders:
        found["velocity"] = lambda values: near_copies(values, 10.0)
    return found


def _split(
    n: int, fraction: float, groups: np.ndarray | None, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Rows held out for validation, and rows kept for training.

    Samples of one file are related, so files are held out whole where there are several.
    """
    labels = (
        np.arange(n)
        if groups is None or len(set(groups)) < 2
        else np.unique(groups, return_inverse=True)[1]
    )
    order = random.permutation(labels.max() + 1)
    count = round(fraction * len(order))
    if fraction > 0 and labels.max() + 1 < n:
        count = max(1, count)
    held = np.isin(labels, order[:count])
    if held.sum() < 2 or n - held.sum() < 2:
        held[:] = False
    return random.permutation(np.flatnonzero(held)), random.permutation(np.flatnonzero(~held))


def _axes(ds: xr.Dataset) -> dict[str, dict[str, float]]:
    """Start, end and step of the coordinates that encoders rely on."""
    found = {}
    for name in (*_SEISMIC_COORDS, *_VELOCITY_COORDS):
        if name in ds.coords:
            values = np.ravel(ds[name].values).astype(float)
            step = float(values[1] - values[0]) if values.size > 1 else 0.0
            found[name] = {"first": float(values[0]), "last": float(values[-1]), "step": step}
    return found


def _require_axes(
    expected: dict[str, dict[str, float]], found: dict[str, dict[str, float]], what: str
) -> None:
    lines = [
        f"{name}: {mine['first']:g} to {mine['last']:g} in steps of {mine['step']:g}, the model's: "
        f"{axis['first']:g} to {axis['last']:g} in steps of {axis['step']:g}"
        for name, axis in expected.items()
        if (mine := found.get(name)) is not None
        and not np.allclose(list(mine.values()), list(axis.values()), rtol=1e-6, atol=1e-6)
    ]
    if lines:
        raise SurveyMismatchError(
            f"the coordinates of {what} are not those that the model was trained with:\n  "
            + "\n  ".join(lines)
        )
