"""SeisCLIP: waveforms and what a catalogue knows of them in one embedding space."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from seisgeo import conventions, metrics
from seisgeo.devices import default_device
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.base import SavedEstimator
from seisgeo.estimators.embedding import batches_of, embed, embedding_cube
from seisgeo.estimators.records import RecordForm, Records, group_of, information_of
from seisgeo.estimators.resuming import fingerprint, seed_of, settings_of
from seisgeo.estimators.spectrum_encoder import make_spectrum_encoder
from seisgeo.retrieval.gallery import Gallery

if TYPE_CHECKING:
    import torch

    from seisgeo.retrieval.selection import Where

__all__ = ["SeisCLIP"]

#: Fields of the authors' information encoder, in its order.
AUTHORS_FIELDS = (
    "p_arrival",
    "p_weight",
    "p_travel_time",
    "s_arrival",
    "s_weight",
    "epicentral_distance",
    "back_azimuth",
    "coda_end",
)
_MODALITIES = ("waveforms", "information")


class SeisCLIP(TransformerMixin, SavedEstimator):
    """Bind waveforms and event information in one embedding space.

    A transformer over the spectra of a three-component record and an MLP over what a catalogue
    knows of it (arrivals, distance, back azimuth) are trained so that both fall on one point of a
    sphere, and other records elsewhere. The waveform features then serve to classify, locate and
    explain events with few labels (:class:`EventClassifier`, :class:`EventLocator`,
    :class:`MechanismRegressor`).

    Parameters
    ----------
    encoder : {"small", "paper"}, default "small"
        Size of the encoders: "paper" is the authors' (width 384, 12 blocks). "small" (width 64, 2
        blocks) is made to learn from nothing: it reads the logarithm of the spectra, and fields
        with sines and cosines of theirs.
    window : int, default 100
        Samples of the windows of the spectra: the authors' 100 (120 frames of 6000 samples) or 20
        (600 frames, 5 times as slow).
    information : sequence of str or None, default None
        Coordinates that the information encoder reads, from
        :data:`seisgeo.encoders.INFORMATION`; by default the authors' eight. What is missing is 0.
    temperature : float, default 0.07
        First temperature of the loss; it is learned, within [0.01, 1]. The authors, whose
        transformer has seen photographs, begin with 0.01.
    readout_weight : float, default 5.0
        Weight of a linear readout of the information from the waveform features beside the
        contrast, for training alone: it says at once what the contrast takes long to find. 0 is the
        authors' loss.
    augment : bool, default True
        Shift records and their times in training, by up to a twelfth of their length, as far as
        what comes back at the other end is noise: before the first arrival, or after ``coda_end``.
    batch_size : int, default 192
        Records contrasted with each other.
    max_epochs : int, default 200
        Passes over the training set at most.
    max_time : float or None, default None
        Seconds of training at most. The result then depends on the speed of the machine.
    learning_rate, weight_decay : float, default 2e-3 and 1e-4
        AdamW's; the rate warms up and follows a cosine.
    validation_fraction : float, default 0.1
        Share of the events held out for early stopping; 0 trains to the end. Records with the same
        ``event_id`` stay together.
    patience : int, default 20
        Epochs without progress on them after which training stops.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, split and batches.
    verbose : bool, default True
        Show a progress bar.

    Attributes
    ----------
    network_ : torch.nn.ModuleDict
        The trained encoders, ``waveforms`` and ``information``.
    form_ : RecordForm
        Components, samples and sampling interval of the records that it reads.
    fields_ : tuple of str
        Coordinates that the information encoder reads.
    history_ : list of dict
        One row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ...

    References
    ----------
    SeisCLIP, Si et al. (2024), IEEE TGRS, doi:10.1109/TGRS.2024.3354456, arXiv:2309.02320. The
    authors start from a transformer trained on photographs, with Adam at 1e-4.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> import seisgeo as sg
    >>> random = np.random.default_rng(0)
    >>> records = xr.Dataset(
    ...     {"amplitude": (("event", "component", "time"), random.normal(size=(8, 3, 1000)))},
    ...     coords={"component": list("ZNE"), "time": np.arange(1000) * 0.01,
    ...             "p_arrival": ("event", random.uniform(1, 4, 8))})
    >>> records = sg.conventions.describe(records)
    >>> model = sg.SeisCLIP(max_epochs=1, random_state=0, device="cpu", verbose=False).fit(records)
    >>> model.transform(records).embedding.shape
    (8, 64)
    >>> model.retrieve(records.isel(event=[0]), gallery=records, k=3).p_arrival.dims
    ('query', 'rank')
    """

    def __init__(
        self,
        encoder: str = "small",
        *,
        window: int = 100,
        information: Sequence[str] | None = None,
        temperature: float = 0.07,
        readout_weight: float = 5.0,
        augment: bool = True,
        batch_size: int = 192,
        max_epochs: int = 200,
        max_time: float | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.1,
        patience: int = 20,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.encoder = encoder
        self.window = window
        self.information = information
        self.temperature = temperature
        self.readout_weight = readout_weight
        self.augment = augment
        self.batch_size = batch_size
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
        X: xr.Dataset,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> SeisCLIP:
        """Train the encoders on records and what is known of them.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms, ``amplitude (event, component, time)``, with coordinates along ``event``
            such as ``p_arrival`` (s), ``epicentral_distance`` (m), ``back_azimuth`` (degree).
        y : None
            Ignored; scikit-learn passes it.
        checkpoint : path-like, optional
            Folder that keeps the state of the training, once a minute, and its curves. The same
            call goes on from there after a kill, to the very weights that it would have reached
            without.

        Returns
        -------
        SeisCLIP
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If there are fewer than two records, they are too short, hold NaN, or nothing is known
            of one.
        OutputExistsError
            If `checkpoint` holds a training with other settings or data.
        """
        import torch
        from torch.nn import functional

        from seisgeo.encoders.standardise import Standardise
        from seisgeo.event_training import Schedule, fit_network, split_rows
        from seisgeo.information_augment import shift_with_times
        from seisgeo.losses import LogitScale, info_nce

        fields = self._fields()
        form = RecordForm.of(X)
        if X.sizes["event"] < 2:
            raise ConventionError(
                "a record is told from others: expected at least 2 events, found 1"
            )
        information = information_of(X, fields, form.duration)
        folder = None if checkpoint is None else Path(checkpoint)
        seed = seed_of(self.random_state, folder)
        random = np.random.RandomState(seed)
        network = self._build(form, fields, seed)
        records = Records(X, information=information)
        held, kept = split_rows(group_of(X), self.validation_fraction, random)
        reader: Any = network["information"]
        standard = Standardise(len(fields))
        for part in (reader, standard):
            part.learn(information[kept])
        scale = LogitScale(self.temperature)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            readout = torch.nn.Linear(reader.projection.out_features, len(fields))

        def loss(batch: dict[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
            waveforms, information = (batch[m] for m in _MODALITIES)
            if self.augment:
                waveforms, information = shift_with_times(waveforms, information, fields, generator)
            features = network["waveforms"](waveforms).float()
            a = functional.normalize(features, dim=1)
            b = functional.normalize(network["information"](information).float(), dim=1)
            total = 2 * info_nce(a, b, scale())  # the authors add rows and columns
            if self.readout_weight:
                found, true = readout(features), standard(information)
                there = information != 0
                error = functional.smooth_l1_loss(found[there], true[there], beta=0.1)
                total = total + self.readout_weight * error
            return total

        self.history_ = fit_network(
            torch.nn.ModuleList([network, scale, readout, standard]),
            loss,
            records,
            kept,
            held,
            Schedule(
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                max_time=self.max_time,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                patience=self.patience,
                device=default_device(self.device),
                seed=seed,
                progress=self.verbose,
            ),
            folder=folder,
            settings=settings_of(self, seed, **fingerprint(records)) if folder else None,
        )
        self.network_, self.form_, self.fields_ = network, form, fields
        return self

    def _fields(self) -> tuple[str, ...]:
        from seisgeo.encoders import INFORMATION

        fields = AUTHORS_FIELDS if self.information is None else tuple(self.information)
        unknown = [name for name in fields if name not in INFORMATION]
        if unknown or not fields:
            raise ParameterError(
                f"information must name some of {', '.join(INFORMATION)}; found "
                f"{', '.join(unknown) or 'nothing'}"
            )
        return fields

    def _build(self, form: RecordForm, fields: Sequence[str], seed: int) -> torch.nn.ModuleDict:
        """Encoders for such records, with weights drawn from `seed`."""
        import torch

        from seisgeo.encoders import InformationEncoder

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            waveforms, size = make_spectrum_encoder(self.encoder, self.window, form)
            return torch.nn.ModuleDict(
                {
                    "waveforms": waveforms,
                    "information": InformationEncoder(
                        len(fields), size.hidden, size.width, size.octaves
                    ),
                }
            )

    def transform(self, X: xr.Dataset, modality: str | None = None) -> xr.Dataset:
        """Embed records, or what is known of them.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms in the form of the training set, or coordinates along ``event``.
        modality : {"waveforms", "information"}, optional
            Which; by default waveforms where `X` holds any.

        Returns
        -------
        xarray.Dataset
            Embedding cube: ``embedding (sample, feature)``, unit vectors, with the coordinates of
            the events; ``modality`` says which encoder made it.

        Raises
        ------
        ConventionError
            If the records are of another form; the message says what brings them to it.
        sklearn.exceptions.NotFittedError
            Before :meth:`fit`.
        """
        check_is_fitted(self, "network_")
        name = modality or ("waveforms" if "amplitude" in X else "information")
        if name not in _MODALITIES:
            raise ParameterError(f"modality must be one of {_MODALITIES}, found {modality!r}")
        if name == "waveforms":
            X = self.form_.match(X)
            embedding = embed(
                self.network_["waveforms"], batches_of(Records(X), "waveforms"), self.device
            )
        else:
            embedding = self._embed_information(X)
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        return embedding_cube(X, embedding, name, self.model_id_)

    def _embed_information(self, ds: xr.Dataset) -> np.ndarray:
        import torch

        if "event" not in ds.dims:
            raise ConventionError(
                f"information needs the dimension event; this dataset has {tuple(ds.dims)}"
            )
        rows = torch.from_numpy(information_of(ds, self.fields_, self.form_.duration))
        with torch.inference_mode():
            return self.network_["information"](rows).numpy()

    def retrieve(
        self,
        X: xr.Dataset,
        gallery: xr.Dataset,
        *,
        k: int = 5,
        modality: str = "waveforms",
        where: Where | None = None,
    ) -> xr.Dataset:
        """Find the catalogue entries that fit each record best, or the records that fit an entry.

        Parameters
        ----------
        X : xarray.Dataset
            Queries.
        gallery : xarray.Dataset
            Events to find: by what is known of them for queries by waveform, by their waveforms
            for queries by information.
        k : int, default 5
            Hits for each.
        modality : {"waveforms", "information"}, default "waveforms"
            Modality of the queries.
        where : dict or callable, optional
            Which events of the gallery may be found, see :func:`seisgeo.retrieval.select_rows`.

        Returns
        -------
        xarray.Dataset
            ``score (query, rank)`` cosine similarity, ``gallery_index (query, rank)``, the
            gallery's coordinates along (query, rank) such as ``p_arrival``, and those of the
            queries as ``query_p_arrival``, ...

        Raises
        ------
        ParameterError
            If `k` exceeds the gallery, or no event passes the filter.
        """
        if modality not in _MODALITIES:
            raise ParameterError(f"modality must be one of {_MODALITIES}, found {modality!r}")
        other = _MODALITIES[1 - _MODALITIES.index(modality)]
        query, found = self.transform(X, modality), self.transform(gallery, other)
        space = Gallery.build(found["embedding"].values, found, self.model_id_)
        score, index = space.search(query["embedding"].values, k, where)

        def along_event(ds: xr.Dataset) -> dict[str, np.ndarray]:
            return {str(n): v.values for n, v in ds.coords.items() if v.dims == ("sample",)}

        return xr.Dataset(
            {
                "score": (
                    ("query", "rank"),
                    score,
                    {"units": "1", "long_name": "cosine similarity"},
                ),
                "gallery_index": (("query", "rank"), index, {"long_name": "event of the gallery"}),
            },
            coords={
                "rank": np.arange(1, score.shape[1] + 1),
                **{n: (("query", "rank"), v[index]) for n, v in along_event(found).items()},
                **{f"query_{n}": ("query", v) for n, v in along_event(query).items()},
            },
            attrs=conventions.provenance(model=self.model_id_, k=k, modality=modality),
        )

    def score(self, X: xr.Dataset, y: Any = None) -> float:
        """Top-1 plus top-5 accuracy (per cent, at most 200) of information by waveform in a batch.

        The figure that the authors name their checkpoints by. Batches are of `batch_size` records
        in the order of `X`; a last one that is smaller counts only where it is the only one.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms and what is known of them.
        y : None
            Ignored.
        """
        a, b = (self.transform(X, m)["embedding"].values for m in _MODALITIES)
        batch = min(self.batch_size, len(a))
        ranks = np.concatenate(
            [
                metrics.pair_ranks(a[i : i + batch], b[i : i + batch])
                for i in range(0, len(a) - batch + 1, batch)
            ]
        )
        return 100 * (metrics.recall_at_k(ranks, 1) + metrics.recall_at_k(ranks, 5))

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        learned = {
            "form": self.form_.to_dict(),
            "fields": list(self.fields_),
            "history": self.history_,
        }
        return self.network_.state_dict(), learned

    def _restore(self, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
        form, fields = RecordForm.from_dict(learned["form"]), tuple(learned["fields"])
        network = self._build(form, fields, seed=0)
        network.load_state_dict(weights)
        self.network_ = network.eval()
        self.form_, self.fields_, self.history_ = form, fields, learned["history"]

    @classmethod
    def from_checkpoint(
        cls, path: str | os.PathLike[str], *, device: str | None = None
    ) -> SeisCLIP:
        """Load weights that the authors of SeisCLIP published.

        Parameters
        ----------
        path : path-like
            A checkpoint of their repository, with 120 or 600 frames; it is read without pickle.
        device : str or None, default None
            As for the class.

        Returns
        -------
        SeisCLIP
            Fitted, for records of 6000 samples at 100 Hz with the components E, N, Z, as STEAD
            stores them.

        Raises
        ------
        ModelFileError
            If the file is none of theirs.

        References
        ----------
        https://github.com/sixu0/SeisCLIP
        """
        from seisgeo.estimators.seisclip_checkpoint import read_checkpoint

        weights, window = read_checkpoint(path)
        model = cls("paper", window=window, device=device)
        learned = {
            "form": RecordForm(("E", "N", "Z"), 6000, 0.01).to_dict(),
            "fields": AUTHORS_FIELDS,
            "history": [],
        }
        model._restore(weights, learned)
        return model
