"""SeisSimCLR: kinds of events without a label."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from seisgeo import metrics
from seisgeo.devices import default_device
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.base import SavedEstimator
from seisgeo.estimators.embedding import batches_of, embed, embedding_cube
from seisgeo.estimators.partners import Partners
from seisgeo.estimators.records import RecordForm, Records
from seisgeo.estimators.resuming import fingerprint, seed_of, settings_of

if TYPE_CHECKING:
    import torch

    from seisgeo.waveform_augment import WaveformAugmentation

__all__ = ["SeisSimCLR"]

#: Samples of the shortest record whose spectrogram is worth the name.
_SHORTEST = 64
#: Records that are contrasted at least, and steps of an epoch, where there are few records.
_LEAST_BATCH, _LEAST_STEPS = 8, 8


class SeisSimCLR(TransformerMixin, SavedEstimator):
    """Learn features of event records without labels, to cluster them or label a few by hand.

    Two copies of a record that differ in gain, band, noise, polarity and onset are to fall on one
    point, and other records elsewhere. Records that a filter or a louder source would make alike
    then lie together.

    Parameters
    ----------
    view : {"spectrum", "waveform"}, default "spectrum"
        What the network sees: log spectrograms, or the samples.
    embedding_dim : int, default 128
        Length of the embeddings.
    copies : {"record", "event"}, default "record"
        Whose copies are to fall on one point: those of a record; or, where several stations
        recorded an event (``event_id``), those of a record and of another station's. Records
        without such a partner are treated as by "record".
    augmentation : WaveformAugmentation or None, default None
        Changes and their ranges; by default :class:`seisgeo.waveform_augment.WaveformAugmentation`.
    temperature : float, default 0.1
        Of the NT-Xent loss.
    batch_size : int, default 64
        Records contrasted with each other; a quarter of the training set at most.
    max_epochs : int, default 20
        Passes over the training set; where it is small, an epoch is several of them (8 steps).
    max_time : float or None, default None
        Seconds of training at most. The result then depends on the speed of the machine.
    learning_rate, weight_decay : float, default 3e-3 and 1e-4
        AdamW's; the rate warms up and follows a cosine.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, batches, augmentation and clusters.
    verbose : bool, default True
        Show a progress bar.

    Attributes
    ----------
    network_ : RecordEncoder
        The trained encoder.
    form_ : RecordForm
        Components, samples and sampling interval of the records that it reads.
    history_ : list of dict
        One row for each epoch: ``epoch``, ``train_loss``, ``learning_rate``, ``seconds``.

    References
    ----------
    SimCLR, Chen et al. (2020), arXiv:2002.05709; for icequakes Kinzel et al. (2024),
    doi:10.1785/0220230078, whose network, rates and temperature are not published.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> import seisgeo as sg
    >>> random = np.random.default_rng(0)
    >>> records = xr.Dataset(
    ...     {"amplitude": (("event", "component", "time"), random.normal(size=(12, 1, 400)))},
    ...     coords={"component": ["Z"], "time": np.arange(400) * 0.001})
    >>> records = sg.conventions.describe(records)
    >>> model = sg.SeisSimCLR(max_epochs=1, random_state=0, device="cpu", verbose=False)
    >>> model.fit(records).cluster(records, n_clusters=3).cluster.sizes["event"]
    12
    """

    def __init__(
        self,
        view: str = "spectrum",
        *,
        embedding_dim: int = 128,
        copies: str = "record",
        augmentation: WaveformAugmentation | None = None,
        temperature: float = 0.1,
        batch_size: int = 64,
        max_epochs: int = 20,
        max_time: float | None = None,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-4,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.view = view
        self.embedding_dim = embedding_dim
        self.copies = copies
        self.augmentation = augmentation
        self.temperature = temperature
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.max_time = max_time
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: xr.Dataset,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> SeisSimCLR:
        """Train the encoder.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms, ``amplitude (event, component, time)``; for ``copies="event"`` with the
            coordinates ``event_id`` ("" or NaN where it is not known) and ``station``.
        y : None
            Ignored; scikit-learn passes it.
        checkpoint : path-like, optional
            Folder that keeps the state of the training, once a minute, and its curves. The same
            call goes on from there after a kill, to the very weights that it would have reached
            without.

        Returns
        -------
        SeisSimCLR
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If there are fewer than two records, they are too short, or hold NaN; for
            ``copies="event"`` also if no event has records of two stations.
        OutputExistsError
            If `checkpoint` holds a training with other settings or data.
        """
        from seisgeo.event_training import Schedule, fit_network
        from seisgeo.losses import nt_xent

        form = RecordForm.of(X)
        if X.sizes["event"] < 2:
            raise ConventionError(
                "a record is told from others: expected at least 2 events, found 1"
            )
        if form.nt < _SHORTEST:
            raise ConventionError(
                f"records of {form.nt} samples are too short: expected at least {_SHORTEST}"
            )
        if self.copies not in ("record", "event"):
            raise ParameterError(f"copies must be 'record' or 'event', found {self.copies!r}")
        folder = None if checkpoint is None else Path(checkpoint)
        seed = seed_of(self.random_state, folder)
        network = self._build(form, seed)
        records = Partners(X, seed) if self.copies == "event" else Records(X)
        change = self._augmentation()
        n = X.sizes["event"]

        def loss(batch: dict[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
            one = batch["waveforms"]
            a, b = (
                network(change(copy, form.dt, generator)).float()
                for copy in (one, batch.get("partner", one))
            )
            group = batch.get("group")
            same = None if group is None else group[:, None] == group
            return nt_xent(a, b, self.temperature, same)

        self.history_ = fit_network(
            network,
            loss,
            records,
            np.arange(n),
            np.arange(0),  # a loss on other records would say little of what clusters are worth
            Schedule(
                max_epochs=self.max_epochs,
                # Of few records, many small steps teach more than one that contrasts them all.
                batch_size=min(self.batch_size, max(n // 4, _LEAST_BATCH), n),
                max_time=self.max_time,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                patience=0,
                device=default_device(self.device),
                seed=seed,
                progress=self.verbose,
            ),
            least_steps=_LEAST_STEPS,
            folder=folder,
            settings=settings_of(self, seed, **fingerprint(records)) if folder else None,
        )
        self.network_, self.form_ = network, form
        return self

    def _augmentation(self) -> WaveformAugmentation:
        from seisgeo.waveform_augment import WaveformAugmentation

        return self.augmentation or WaveformAugmentation()

    def _build(self, form: RecordForm, seed: int) -> Any:
        import torch

        from seisgeo.encoders.record import RecordEncoder

        if self.view not in ("spectrum", "waveform"):
            raise ParameterError(f"view must be 'spectrum' or 'waveform', found {self.view!r}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return RecordEncoder(len(form.components), self.view, self.embedding_dim)

    def transform(self, X: xr.Dataset) -> xr.Dataset:
        """Embed records.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms in the form of the training set.

        Returns
        -------
        xarray.Dataset
            Embedding cube: ``embedding (sample, feature)``, unit vectors, with the coordinates of
            the events.

        Raises
        ------
        ConventionError
            If the records are of another form; the message says what brings them to it.
        sklearn.exceptions.NotFittedError
            Before :meth:`fit`.
        """
        check_is_fitted(self, "network_")
        found = self._embed(Records(self.form_.match(X)))
        return embedding_cube(X, found, "waveforms", self.model_id_)

    def _embed(self, records: Records) -> np.ndarray:
        rows = batches_of(records, "waveforms")
        return embed(self.network_, rows, self.device, call="features")

    def cluster(
        self,
        X: xr.Dataset,
        *,
        method: str = "kmeans",
        n_clusters: int | None = None,
        min_cluster_size: int = 10,
    ) -> xr.Dataset:
        """Group records by their embeddings.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        method : {"kmeans", "hdbscan"}, default "kmeans"
            k-means makes `n_clusters` of all records; HDBSCAN finds how many there are of at least
            `min_cluster_size` records, and leaves stragglers out.
        n_clusters : int or None, default None
            For k-means; by default as many, of 2 to 10, as halves of the records agree on most
            (:func:`seisgeo.clustering.most_stable`).
        min_cluster_size : int, default 10
            For HDBSCAN.

        Returns
        -------
        xarray.Dataset
            `X` with the coordinate ``cluster (event)``: 0 is the largest, -1 a straggler.
            :func:`seisgeo.clustering.cluster_stability` says how far to trust them, and
            :func:`seisgeo.plotting.plot_clusters` draws a card of each.
        """
        from sklearn.cluster import HDBSCAN, KMeans

        from seisgeo.clustering import most_stable

        embedding = self.transform(X)["embedding"].values.astype(float)
        if method == "kmeans":
            if n_clusters is None:
                n_clusters = most_stable(embedding, seed=self._seed() or 0)
            if not 1 <= n_clusters <= len(embedding):
                raise ParameterError(
                    f"n_clusters must be 1 to {len(embedding)} (the records), found {n_clusters}"
                )
            finder = KMeans(n_clusters, n_init=10, random_state=self._seed())
        elif method == "hdbscan":
            finder = HDBSCAN(min_cluster_size=min_cluster_size, copy=True)
        else:
            raise ParameterError(f"method must be 'kmeans' or 'hdbscan', found {method!r}")
        labels = finder.fit_predict(embedding)
        names, sizes = np.unique(labels[labels >= 0], return_counts=True)
        by_size = names[np.argsort(-sizes, kind="stable")]
        order = np.full(len(embedding) + 1, -1)
        order[by_size] = np.arange(len(by_size))
        renamed = np.where(labels >= 0, order[labels], -1)
        attrs = {"long_name": "cluster (0 is the largest, -1 none)"}
        return X.assign_coords(cluster=("event", renamed, attrs))

    def _seed(self) -> int | None:
        state = self.random_state
        return state if isinstance(state, int | np.integer | None) else 0

    def propagate_labels(self, X: xr.Dataset, labels: Any) -> xr.Dataset:
        """Carry a few labels over to all records: about ten of each kind are enough.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms, labelled and not.
        labels : array-like
            A label for each record; None, NaN or "" where there is none.

        Returns
        -------
        xarray.Dataset
            ``label`` and ``probability`` along ``event``. Records that are given a label keep it.

        Raises
        ------
        ConventionError
            If fewer than two different labels are given.

        Notes
        -----
        Each record takes the label of the nearest mean. From then on all records tell how the kinds
        scatter: a linear discriminant, its covariance shrunk after Ledoit and Wolf (2004), is
        fitted to the labels so far and gives the next ones, three times over (self-training).
        """
        from seisgeo.clustering import spread_labels

        embedding = self.transform(X)["embedding"].values.astype(float)
        given = np.asarray(labels, dtype=object)
        if given.shape != (len(embedding),):
            raise ConventionError(
                f"labels: expected one for each of {len(embedding)} records (None where there is "
                f"none), found the shape {given.shape}"
            )
        known = np.array([v is not None and v == v and str(v) != "" for v in given])
        names, codes = np.unique(given[known].astype(str), return_inverse=True)
        if len(names) < 2:
            raise ConventionError(
                f"labels: expected records of at least 2 kinds, found {names.tolist()}"
            )
        y = np.full(len(embedding), -1)
        y[known] = codes
        odds = spread_labels(embedding, y)
        found = {
            "label": ("event", names[odds.argmax(axis=1)]),
            "probability": ("event", odds.max(axis=1), {"units": "1"}),
        }
        kept = {k: v.variable for k, v in X.coords.items() if v.dims == ("event",)}
        return xr.Dataset(found, coords={k: v for k, v in kept.items() if k not in found})

    def score(self, X: xr.Dataset, y: Any = None) -> float:
        """Share of records whose changed copy lies nearer to them than any other's.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        y : None
            Ignored.
        """
        import torch

        check_is_fitted(self, "network_")
        X = self.form_.match(X)
        records, generator = Records(X), torch.Generator().manual_seed(0)
        change = self._augmentation()
        copies = []
        for start in range(0, len(records), 256):
            rows = list(range(start, min(start + 256, len(records))))
            part = torch.from_numpy(records[rows]["waveforms"])
            copies.append(change(part, self.form_.dt, generator).numpy())
        dims = ("event", "component", "time")
        changed = X[["amplitude"]].assign(amplitude=(dims, np.concatenate(copies)))
        return metrics.recall_at_k(
            metrics.pair_ranks(self._embed(records), self._embed(Records(changed))), 1
        )

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        learned = {
            "form": self.form_.to_dict(),
            "history": self.history_,
            "augmentation": asdict(self.augmentation) if self.augmentation else None,
        }
        return self.network_.state_dict(), learned

    def _restore(self, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
        from seisgeo.waveform_augment import WaveformAugmentation

        form = RecordForm.from_dict(learned["form"])
        network = self._build(form, seed=0)
        network.load_state_dict(weights)
        if learned["augmentation"] is not None:
            ranges: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v
                for k, v in learned["augmentation"].items()
            }
            self.augmentation = WaveformAugmentation(**ranges)
        self.network_, self.form_, self.history_ = network.eval(), form, learned["history"]
