"""What the estimators over SeisCLIP's features share: one network over an event's records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from seisgeo.devices import default_device
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.base import SavedEstimator
from seisgeo.estimators.embedding import batches_of, embed
from seisgeo.estimators.records import RecordForm, Records, group_of, numbers_of
from seisgeo.estimators.seisclip import SeisCLIP, make_spectrum_encoder
from seisgeo.estimators.views import Views

if TYPE_CHECKING:
    import torch

__all__ = ["EventHead", "document", "labels_of", "numbers_by_name"]

#: Width of the hidden layer, the authors'.
_HIDDEN = 100


class EventHead(SavedEstimator):
    """What the three estimators share: one network over the records of an event.

    Records with the same ``event_id`` are pooled and get one answer, the same in each of their
    rows. A saved head keeps its encoder; to be fitted anew after loading, it needs one again.
    """

    #: Coordinates that the head reads beside the waveforms, where the training set has them all.
    _beside: tuple[str, ...] = ()
    #: Whether it reads how strong each component is, too, which spectra of SeisCLIP leave out.
    _reads_levels = False

    def __init__(
        self,
        encoder: SeisCLIP | None = None,
        *,
        fine_tune: bool = False,
        batch_size: int = 32,
        max_epochs: int = 200,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.1,
        patience: int = 20,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.encoder = encoder
        self.fine_tune = fine_tune
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_clone__(self) -> EventHead:
        # A clone forgets what this head learned, but not what the encoder did before.
        return type(self)(**self.get_params(deep=False))

    def fit(self, X: xr.Dataset, y: Any = None) -> Any:
        """Train the head, and with `fine_tune` the encoder along with it.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms, ``amplitude (event, component, time)``.
        y : array-like or None, default None
            Labels, a row for each record; by default the coordinates of `X` that the class names.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If labels are missing, or the records are not of the encoder's form.
        ParameterError
            If `encoder` is neither a SeisCLIP nor None.
        """
        from seisgeo.event_training import Schedule, fit_network, split_rows

        form, trained = self._form_for(X)
        matched = form.match(X)
        groups = group_of(X)
        targets = self._learn_targets(X, y)[np.unique(groups, return_index=True)[1]]
        self.beside_ = [n for n in self._beside if n in X.variables]
        if len(self.beside_) < len(self._beside):
            self.beside_ = []
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        outputs = targets.shape[1] if targets.ndim > 1 else None
        network: Any = self._build(form, seed, outputs)
        if trained is not None:
            network["encoder"].load_state_dict(trained.state_dict())
        records = Records(matched)
        beside = self._all_beside(X, records, learn=True)
        records = Records(matched, beside=beside)
        views: Views = records
        if trained is not None:
            features = embed(network["encoder"], batches_of(records, "waveforms"), self.device)
            network["standard"].learn(features)
            if not self.fine_tune:
                network["encoder"].requires_grad_(False)
                views = Views({"features": features, "beside": beside})
        held, kept = split_rows(np.arange(len(targets)), self.validation_fraction, random)

        def loss(batch: dict[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
            return self._loss(_apply(network, batch, batch["records"]), batch["target"])

        self.history_ = fit_network(
            network,
            loss,
            _Events(views, groups, targets),
            kept,
            held,
            Schedule(
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                max_time=None,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                patience=self.patience,
                device=default_device(self.device),
                seed=seed,
                progress=self.verbose,
            ),
        )
        self.network_, self.form_ = network.requires_grad_(True), form
        self.pretrained_ = trained is not None
        return self

    def _form_for(self, X: xr.Dataset) -> tuple[RecordForm, Any]:
        """Form of the records, and the trained encoder if there is one."""
        encoder = self.encoder
        if encoder is None and getattr(self, "pretrained_", False):
            raise ParameterError(
                "encoder must be a SeisCLIP: a fitted one, or one that is not, whose network is "
                "then trained from scratch. This head was loaded from a file, which holds its "
                "network and not the SeisCLIP that it began from: set_params(encoder=...)"
            )
        encoder = SeisCLIP() if encoder is None else encoder
        if not isinstance(encoder, SeisCLIP):
            raise ParameterError(
                "encoder must be a SeisCLIP: a fitted one, or one that is not, whose network is "
                "then trained from scratch, as for None; found "
                f"{type(encoder).__name__}"
            )
        self.encoder_size_ = (encoder.encoder, int(encoder.window))
        if hasattr(encoder, "network_"):
            return encoder.form_, encoder.network_["waveforms"]
        return RecordForm.of(X), None

    def _build(self, form: RecordForm, seed: int, outputs: int | None) -> torch.nn.ModuleDict:
        import torch
        from torch import nn

        from seisgeo.encoders.standardise import Standardise

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder, size = make_spectrum_encoder(*self.encoder_size_, form)
            network = nn.ModuleDict(
                {
                    "encoder": encoder,
                    "standard": Standardise(size.width),
                    "hidden": nn.Linear(size.width, _HIDDEN),
                    "output": nn.Linear(_HIDDEN, outputs or self._outputs()),
                }
            )
            width = self._beside_width() + self._reads_levels * len(form.components)
            if width:
                # A layer of its own: two numbers among hundreds of features would go under.
                network["beside"] = nn.Linear(width, _HIDDEN)
            return network

    def _beside_width(self) -> int:
        return len(self.beside_)

    def _outputs(self) -> int:
        raise NotImplementedError

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        raise NotImplementedError

    def _loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _scaled_beside(self, X: xr.Dataset, *, learn: bool = False) -> np.ndarray:
        columns = [numbers_of(X, name) for name in self.beside_]
        for name, column in zip(self.beside_, columns, strict=True):
            if column is None or not np.isfinite(column).all():
                raise ConventionError(
                    f"coordinate {name!r}: the model was trained with it, and here it is missing "
                    "for some records"
                )
        values = np.stack([c for c in columns if c is not None] or [], axis=1) if columns else None
        if values is None:
            values = np.zeros((X.sizes["event"], 0))
        if learn:
            self.beside_mean_, self.beside_scale_ = _mean_and_scale(values)
        scaled = (values - self.beside_mean_) / self.beside_scale_
        return scaled.astype(np.float32).reshape(len(values), -1)

    def _all_beside(self, X: xr.Dataset, records: Records, *, learn: bool = False) -> np.ndarray:
        """All that stands beside the features, shape (event, number)."""
        beside = self._scaled_beside(X, learn=learn)
        if not self._reads_levels:
            return beside
        levels = _levels(records)
        if learn:
            self.level_mean_, self.level_scale_ = _mean_and_scale(levels)
        scaled = (levels - self.level_mean_) / self.level_scale_
        return np.concatenate([beside, scaled.astype(np.float32)], axis=1)

    def _answer(self, X: xr.Dataset) -> np.ndarray:
        """Output of the network for each record, shape (event, output)."""
        import torch

        check_is_fitted(self, "network_")
        records = Records(self.form_.match(X))
        beside = self._all_beside(X, records)
        features = embed(self.network_["encoder"], batches_of(records, "waveforms"), self.device)
        groups = group_of(X)
        with torch.inference_mode():
            rows = {"features": torch.from_numpy(features), "beside": torch.from_numpy(beside)}
            return _apply(self.network_, rows, torch.from_numpy(groups)).numpy()[groups]

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        learned = {
            "form": self.form_.to_dict(),
            "encoder_size": list(self.encoder_size_),
            "beside": [self.beside_, self.beside_mean_, self.beside_scale_],
            "levels": [self.level_mean_, self.level_scale_] if self._reads_levels else None,
            "outputs": self.network_["output"].out_features,
            "history": self.history_,
            "labels": self._labels(),
            "pretrained": self.pretrained_,
        }
        return self.network_.state_dict(), learned

    def _labels(self) -> Any:
        """What was learned of the labels, for JSON."""
        return None

    def _set_labels(self, labels: Any) -> None:
        """Restore what :meth:`_labels` gave."""

    def _restore(self, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
        self.form_ = RecordForm.from_dict(learned["form"])
        size, window = learned["encoder_size"]
        self.encoder_size_ = (str(size), int(window))
        self.beside_, self.beside_mean_, self.beside_scale_ = learned["beside"]
        if self._reads_levels:
            self.level_mean_, self.level_scale_ = learned["levels"]
        self._set_labels(learned["labels"])
        self.pretrained_ = bool(learned["pretrained"])
        network = self._build(self.form_, 0, learned["outputs"])
        network.load_state_dict(weights)
        self.network_, self.history_ = network.eval(), learned["history"]


class _Events(Views):
    """Views whose rows are events: all records of each, their labels, and whose they are."""

    def __init__(self, records: Views, groups: np.ndarray, targets: np.ndarray) -> None:
        super().__init__({"target": targets})
        self.records = records
        self.groups = groups
        self.targets = targets

    def __getitem__(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        chosen = np.sort(np.asarray(rows))
        index = np.flatnonzero(np.isin(self.groups, chosen))
        found = self.records[index.tolist()]
        return {
            **found,
            "records": np.searchsorted(chosen, self.groups[index]),
            "target": self.targets[chosen],
        }


def _mean_and_scale(values: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each column; the latter one where nothing varies."""
    spread = values.std(axis=0)
    return values.mean(axis=0).tolist(), np.where(spread > 0, spread, 1.0).tolist()


def _levels(records: Records) -> np.ndarray:
    """Logarithm (base 10) of each component's RMS, shape (event, component).

    A dead component is given the mean of the record's others.
    """
    rms = np.concatenate(
        [waveforms.std(axis=2, dtype=np.float64) for waveforms in batches_of(records, "waveforms")]
    )
    live = rms > 0
    levels = np.log10(np.where(live, rms, 1.0))
    mean = levels.sum(axis=1, keepdims=True) / np.maximum(live.sum(axis=1, keepdims=True), 1)
    return np.where(live, levels, mean)


def _apply(network: Any, batch: Mapping[str, torch.Tensor], event: torch.Tensor) -> torch.Tensor:
    """Output for each event (event, output) of the records that `event` numbers."""
    import torch

    features = batch["features"] if "features" in batch else network["encoder"](batch["waveforms"])
    hidden = network["hidden"](network["standard"](features))
    if "beside" in network:
        hidden = hidden + network["beside"](batch["beside"])
    hidden = torch.relu(hidden)
    count = int(event.max()) + 1
    total = hidden.new_zeros(count, hidden.shape[1]).index_add(0, event, hidden)
    records = torch.bincount(event, minlength=count).clamp(min=1)
    return network["output"](total / records[:, None]).float()


_PARAMETERS = """
    Records with the same ``event_id`` are pooled and get one answer.

    Parameters
    ----------
    encoder : SeisCLIP or None, default None
        A fitted one, whose features are used; or one that is not, whose network is then trained
        from scratch. None stands for `SeisCLIP()`, not fitted.
    fine_tune : bool, default False
        Train the encoder's network, too; the encoder that was given stays as it is. A learning rate
        of 1e-4 suits.
    batch_size, max_epochs : int, default 32 and 200
        Events of a step, and passes over them at most.
    learning_rate, weight_decay : float, default 1e-3 and 1e-4
        AdamW's; the rate warms up and follows a cosine.
    validation_fraction : float, default 0.1
        Share of the events held out for early stopping; 0 trains to the end.
    patience : int, default 20
        Epochs without progress on them after which training stops.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, split and batches.
    verbose : bool, default True
        Show a progress bar.
"""


def document(head: type) -> type:
    """Put the text of the parameters that all heads share into a class's docstring."""
    text = head.__doc__ or ""
    at = min(i for i in (text.find("    Attributes\n"), text.find("    References\n")) if i > 0)
    head.__doc__ = text[:at] + _PARAMETERS.lstrip("\n") + "\n" + text[at:]
    return head


def labels_of(X: xr.Dataset, y: Any, name: str) -> np.ndarray:
    """Labels of each record, none of them missing."""
    if y is None:
        if name not in X.variables:
            raise ConventionError(
                f"labels are missing: pass y, or give the records the coordinate {name!r}"
            )
        y = X[name].values
    labels = np.asarray(y)
    _require_rows(X, labels)
    missing = np.array([v is None or v != v or str(v) == "" for v in labels.tolist()])
    if missing.any():
        raise ConventionError(
            f"labels are missing for {missing.sum()} of {len(labels)} records, the first is event "
            f"{int(np.argmax(missing))}: fit on those that have one"
        )
    # As objects first: Zarr gives texts of a type that neither NumPy nor scikit-learn casts.
    return labels.astype(object).astype(str) if labels.dtype.kind in "OT" else labels


def numbers_by_name(X: xr.Dataset, y: Any, names: Sequence[str]) -> np.ndarray:
    """Labels as numbers, shape (event, name)."""
    if y is not None:
        values = np.asarray(y, dtype=float)
        _require_rows(X, values)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ConventionError(
                f"y: expected the columns {', '.join(names)}, found the shape {values.shape}"
            )
        return values
    columns = {name: numbers_of(X, name) for name in names}
    missing = [name for name, column in columns.items() if column is None]
    if missing:
        raise ConventionError(
            f"labels are missing: pass y, or give the records the coordinates {', '.join(missing)}"
        )
    return np.stack([c for c in columns.values() if c is not None], axis=1)


def _require_rows(X: xr.Dataset, labels: np.ndarray) -> None:
    if labels.ndim == 0 or len(labels) != X.sizes["event"]:
        raise ConventionError(
            f"y: expected a row for each of {X.sizes['event']} records, found the shape "
            f"{labels.shape}"
        )
