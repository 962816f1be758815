"""Kinds of events from their waveforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.metrics import accuracy_score

from seisgeo.errors import ConventionError
from seisgeo.estimators.event_head import EventHead, document
from seisgeo.estimators.event_labels import labels_of

if TYPE_CHECKING:
    import torch

__all__ = ["EventClassifier"]


@document
class EventClassifier(EventHead):
    """Tell kinds of events (earthquake, explosion, surface event, ...) from their waveforms.

    Labels are by default the coordinate ``source_type``.

    Attributes
    ----------
    classes_ : numpy.ndarray
        The labels, sorted.

    References
    ----------
    SeisCLIP, arXiv:2309.02320: a hidden layer of 100 over the features.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> import seisgeo as sg
    >>> random = np.random.default_rng(0)
    >>> records = xr.Dataset(
    ...     {"amplitude": (("event", "component", "time"), random.normal(size=(8, 3, 1000)))},
    ...     coords={"component": list("ZNE"), "time": np.arange(1000) * 0.01,
    ...             "source_type": ("event", ["earthquake", "explosion"] * 4)})
    >>> records = sg.conventions.describe(records)
    >>> head = sg.EventClassifier(sg.SeisCLIP(), max_epochs=1, device="cpu", verbose=False)
    >>> head.fit(records).predict_proba(records).shape
    (8, 2)
    """

    # Kinds are not in the features as places are: they gain from tuning with few events, too.
    _enough = 1

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        labels = labels_of(X, y, "source_type")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ConventionError(
                f"expected at least 2 classes, found {len(self.classes_)}: {self.classes_.tolist()}"
            )
        return codes.astype(np.int64)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        return functional.cross_entropy(output, target)

    def predict_proba(self, X: xr.Dataset) -> np.ndarray:
        """Probability of each class, shape (event, class), in the order of ``classes_``.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        """
        output = self._answer(X).astype(float)
        odds = np.exp(output - output.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: xr.Dataset) -> np.ndarray:
        """Most probable class of each record.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: xr.Dataset, y: Any = None) -> float:
        """Share of the records whose class is found.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        y : array-like or None, default None
            True classes; by default the coordinate ``source_type``.
        """
        return float(accuracy_score(labels_of(X, y, "source_type"), self.predict(X)))

    def _labels(self) -> list[Any]:
        return self.classes_.tolist()

    def _set_labels(self, labels: Any) -> None:
        self.classes_ = np.array(labels)
