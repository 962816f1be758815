"""Classifiers of samples from several domains: the ordinary one, and group DRO."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from seisgeo.devices import default_device
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.base import SavedEstimator, unchanged_unless_whole
from seisgeo.estimators.domain_rows import SampleForm, codes_of, labelled, require_diverse
from seisgeo.estimators.resuming import fingerprint, seed_of, settings_of
from seisgeo.estimators.views import Views

if TYPE_CHECKING:
    import torch

    from seisgeo.event_training import Loss

__all__ = ["DomainClassifier", "DomainEstimator", "document"]

#: Coordinates of waveforms that hold the labels and the domains.
LABEL, DOMAIN = "source_type", "region"
#: Step of the weights of the domains in group DRO, the authors'.
DRO_STEP = 0.01
_BATCH = 256


class DomainEstimator(ClassifierMixin, SavedEstimator):
    """What both classifiers share: data, training, saving."""

    batch_size: int
    max_epochs: int
    learning_rate: float
    weight_decay: float
    validation_fraction: float
    patience: int
    device: str | None
    random_state: int | np.random.RandomState | None
    verbose: bool

    @unchanged_unless_whole
    def fit(
        self,
        X: Any,
        y: Any = None,
        domain: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from labelled samples of several domains.

        Parameters
        ----------
        X : array-like or xarray.Dataset
            A table (sample, feature), images (sample, row, column) or (sample, channel, row,
            column), or a waveforms cube, ``amplitude (event, component, time)``.
        y : array-like or None, default None
            A label for each sample; of waveforms by default the coordinate ``source_type``.
        domain : array-like or None, default None
            The domain of each sample (region, network, year, ...); of waveforms by default the
            coordinate ``region``.
        checkpoint : path-like, optional
            Folder that keeps the state of the training, once a minute, and its curves. The same
            call goes on from there after a kill, to the very weights that it would have reached
            without.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ConventionError
            If labels or domains are missing or do not fit the samples, there is one domain only,
            or a domain gives the label away; if records hold NaN.
        ParameterError
            If a parameter has a value that it cannot have.
        OutputExistsError
            If `checkpoint` holds a training with other settings or data.
        """
        import torch

        from seisgeo.event_training import Schedule, fit_network, split_rows

        self._check_parameters()
        if not isinstance(X, xr.Dataset):
            X, y = validate_data(self, X, y, allow_nd=True, dtype=np.float64, ensure_min_samples=2)
            check_classification_targets(y)
        labels = labelled(X, y, LABEL, "y")
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ConventionError(f"y: expected at least 2 classes, found 1 class: {labels[0]!r}")
        number = self._learn_domains(X, target, domain)
        self.form_ = SampleForm.of(X)
        rows = self.form_.rows(X)
        folder = None if checkpoint is None else Path(checkpoint)
        self.seed_ = seed_of(self.random_state, folder)
        random = np.random.RandomState(self.seed_)
        network = self._build(self.seed_)
        held, kept = split_rows(np.arange(len(rows)), self.validation_fraction, random)
        network.learn_scale(torch.from_numpy(rows[kept]))
        loss, learned = self._loss(network)

        def of_batch(batch: dict[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
            target, domain = batch["target"].long(), batch["domain"].long()
            return loss(batch["rows"], target, domain, generator)

        typed: Loss = of_batch
        views = Views({"rows": rows, "target": target, "domain": number})
        self.history_ = fit_network(
            learned,
            typed,
            views,
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
                seed=self.seed_,
                progress=self.verbose,
            ),
            folder=folder,
            settings=settings_of(self, self.seed_, **fingerprint(views)) if folder else None,
        )
        self.network_ = network
        return self

    def _check_parameters(self) -> None:
        """Raise ParameterError for values that a parameter cannot have."""

    def _learn_domains(self, X: Any, target: np.ndarray, domain: Any) -> np.ndarray:
        domains = labelled(X, domain, DOMAIN, "domain")
        self.domains_, number = np.unique(domains, return_inverse=True)
        require_diverse(target, number, self.classes_, self.domains_)
        return number

    def _build(self, seed: int) -> Any:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._network()

    def _network(self) -> Any:
        raise NotImplementedError

    def _loss(self, network: Any) -> tuple[Callable[..., torch.Tensor], Any]:
        """Loss of rows, labels, domains and random numbers, and all that changes with it."""
        raise NotImplementedError

    def _logits(self, rows: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class; the domain of the samples is not asked for.

        Parameters
        ----------
        X : array-like or xarray.Dataset
            Samples of the form of the training set.

        Returns
        -------
        numpy.ndarray
            Shape (sample, class), in the order of ``classes_``.

        Raises
        ------
        ConventionError
            If the samples are of another form.
        """
        import torch

        check_is_fitted(self, "network_")
        if not isinstance(X, xr.Dataset) and len(self.form_.shape) == 1:
            X = validate_data(self, X, dtype=np.float64, reset=False)
        elif not isinstance(X, xr.Dataset):
            X = check_array(X, dtype=np.float64, allow_nd=True)
        rows = torch.from_numpy(self.form_.rows(X))
        place = default_device(self.device)
        self.network_.to(place).eval()
        parts = [self._logits(part.to(place)).double().cpu() for part in rows.split(_BATCH)]
        self.network_.to("cpu")
        return torch.cat(parts).softmax(1).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each sample.

        Parameters
        ----------
        X : array-like or xarray.Dataset
            Samples of the form of the training set, from whatever domain.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of the samples whose class is found.

        Parameters
        ----------
        X : array-like or xarray.Dataset
            Samples.
        y : array-like or None, default None
            True classes; of waveforms by default the coordinate ``source_type``.
        sample_weight : array-like or None, default None
            What each sample counts.

        Raises
        ------
        ConventionError
            If a class is not among ``classes_``.
        """
        check_is_fitted(self, "network_")
        labels = labelled(X if isinstance(X, xr.Dataset) else np.asarray(X), y, LABEL, "y")
        codes_of(labels, self.classes_, "y")
        return float(accuracy_score(labels, self.predict(X), sample_weight=sample_weight))

    def _contents(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        learned = {
            "form": self.form_.to_dict(),
            "classes": self.classes_.tolist(),
            "domains": self.domains_.tolist(),
            "seed": self.seed_,
            "history": self.history_,
            "n_features_in": getattr(self, "n_features_in_", None),
        }
        return self.network_.state_dict(), learned

    def _restore(self, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
        self.form_ = SampleForm.from_dict(learned["form"])
        self.classes_ = np.array(learned["classes"])
        self.domains_ = np.array(learned["domains"])
        self.seed_ = learned["seed"]
        network = self._build(self.seed_)
        network.load_state_dict(weights)
        self.network_, self.history_ = network.eval(), learned["history"]
        if learned["n_features_in"] is not None:
            self.n_features_in_ = learned["n_features_in"]


_PARAMETERS = """
    batch_size : int, default 128
        Samples of a step.
    max_epochs : int, default 60
        Passes over the training set at most.
    learning_rate, weight_decay : float, default 1e-3 and 1e-4
        AdamW's; the rate warms up and follows a cosine.
    validation_fraction : float, default 0.1
        Share of the training samples, of all domains, held out to choose the epoch; with 0 it is
        the last one.
    patience : int, default 20
        Epochs without progress on them after which training stops.
    device : str or None, default None
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    random_state : int, RandomState or None, default None
        Seed of weights, split, batches and latents.
    verbose : bool, default True
        Show a progress bar.

    Attributes
    ----------
    classes_, domains_ : numpy.ndarray
        Labels and domains of the training set, sorted.
    history_ : list of dict
        One row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ...
"""


def document(estimator: type) -> type:
    """Put the text that both classifiers share into a class's docstring."""
    text = estimator.__doc__ or ""
    at = text.find("\n    References\n")
    estimator.__doc__ = text[:at].rstrip() + _PARAMETERS + text[at:]
    return estimator


@document
class DomainClassifier(DomainEstimator):
    """Tell classes apart in samples of several domains, as a network is usually trained, or by DRO.

    The rows of the comparison with :class:`seisgeo.LaCIMClassifier`: the same trunk and training.

    Parameters
    ----------
    method : {"erm", "group_dro"}, default "erm"
        The mean loss over all samples (empirical risk minimisation), which needs no `domain`; or
        the worst domain's: weights of the domains grow with their loss.

    References
    ----------
    Group DRO: Sagawa et al. (2020), arXiv:1911.08731.

    Examples
    --------
    >>> import numpy as np
    >>> import seisgeo as sg
    >>> random = np.random.default_rng(0)
    >>> X, domain = random.normal(size=(60, 4)), np.repeat(["north", "south"], 30)
    >>> y = np.where(X[:, 0] > 0, "explosion", "earthquake")
    >>> model = sg.DomainClassifier("group_dro", max_epochs=20, device="cpu", random_state=0,
    ...                             verbose=False)
    >>> model.fit(X, y, domain).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        method: str = "erm",
        *,
        batch_size: int = 128,
        max_epochs: int = 60,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.1,
        patience: int = 20,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.method = method
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        if self.method not in ("erm", "group_dro"):
            raise ParameterError(f"method must be 'erm' or 'group_dro', found {self.method!r}")

    def _learn_domains(self, X: Any, target: np.ndarray, domain: Any) -> np.ndarray:
        if self.method == "group_dro":
            return super()._learn_domains(X, target, domain)
        self.domains_ = np.array([])
        return np.zeros(len(target), dtype=int)

    def _network(self) -> Any:
        from seisgeo.encoders.latent_causal import DomainNetwork

        return DomainNetwork(self.form_.shape, len(self.classes_))

    def _loss(self, network: Any) -> tuple[Callable[..., torch.Tensor], Any]:
        import torch
        from torch.nn import functional

        from seisgeo.losses import WorstGroup

        if self.method == "erm":
            return lambda rows, target, *_: functional.cross_entropy(network(rows), target), network
        criterion = WorstGroup(len(self.domains_), DRO_STEP)

        def worst(
            rows: torch.Tensor, target: torch.Tensor, domain: torch.Tensor, _: Any
        ) -> torch.Tensor:
            each = functional.cross_entropy(network(rows), target, reduction="none")
            return criterion(each, domain)

        return worst, torch.nn.ModuleList([network, criterion])

    def _logits(self, rows: torch.Tensor) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            return self.network_(rows)
