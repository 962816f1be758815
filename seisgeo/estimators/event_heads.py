"""What waveform features are for: kinds of events, where they were, how faults slipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.metrics import accuracy_score, r2_score

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.estimators.event_head import EventHead, document, labels_of, numbers_by_name
from seisgeo.estimators.records import numbers_of
from seisgeo.mechanism import kagan_angle, moment_tensor, nodal_planes

if TYPE_CHECKING:
    import torch

__all__ = ["EventClassifier", "EventLocator", "MechanismRegressor"]


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


@document
class EventLocator(EventHead):
    """Find latitude, longitude, depth and magnitude of events from their waveforms.

    Labels are by default the coordinates ``source_latitude``, ``source_longitude`` (degrees),
    ``source_depth`` (m) and ``magnitude``; NaN where one is not known. Where the training set says
    where the stations are (``station_latitude``, ``station_longitude``), the head reads it: one
    model then serves a network of stations. It also reads how strong each component is, without
    which magnitudes could be guessed from the corner of the spectra alone: records of a model must
    have one unit.

    References
    ----------
    SeisCLIP, arXiv:2309.02320. The authors join the stations of an event by a graph network; here
    they are pooled by their mean.
    """

    _beside = ("station_latitude", "station_longitude")
    _reads_levels = True
    _targets = ("source_latitude", "source_longitude", "source_depth", "magnitude")

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        values = numbers_by_name(X, y, self._targets)
        known = np.isfinite(values)
        for name, column in zip(self._targets, known.T, strict=True):
            if column.sum() < 2:
                raise ConventionError(
                    f"label {name!r}: expected values of at least 2 events, found {column.sum()}"
                )
        spread = np.nanstd(values, axis=0)
        self.mean_ = np.nanmean(values, axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        return ((values - self.mean_) / self.scale_).astype(np.float32)

    def _outputs(self) -> int:
        return len(self._targets)

    def _loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        known = target.isfinite()
        return functional.smooth_l1_loss(output[known], target[known])

    def predict(self, X: xr.Dataset) -> xr.Dataset:
        """Hypocentre and magnitude of each record's event.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms, with the stations' positions where the model was trained with them.

        Returns
        -------
        xarray.Dataset
            ``source_latitude``, ``source_longitude`` (degrees), ``source_depth`` (m) and
            ``magnitude`` along ``event``.
        """
        answer = self._answer(X)
        found = answer * self.scale_ + self.mean_
        return _along_event(X, self._targets, found)

    def score(self, X: xr.Dataset, y: Any = None) -> float:
        """Coefficient of determination, the mean of the four (1 is perfect, 0 their mean).

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        y : array-like or None, default None
            True values, shape (event, 4); by default the coordinates.
        """
        true, found = numbers_by_name(X, y, self._targets), self.predict(X)
        scores = []
        for name, column in zip(self._targets, true.T, strict=True):
            known = np.isfinite(column)
            scores.append(r2_score(column[known], found[name].values[known]))
        return float(np.mean(scores))

    def _labels(self) -> list[list[float]]:
        return [self.mean_.tolist(), self.scale_.tolist()]

    def _set_labels(self, labels: Any) -> None:
        self.mean_, self.scale_ = (np.array(part) for part in labels)


@document
class MechanismRegressor(EventHead):
    """Find strike, dip and rake of events from their waveforms.

    The network gives a moment tensor, which knows neither where angles wrap around nor which of
    the two nodal planes was meant. Labels are by default the coordinates ``strike``, ``dip`` and
    ``rake`` (degrees). Where the training set holds ``back_azimuth`` (degrees), the head reads it.
    So it does the strengths of the components. Spectra hold no polarity: what tells a mechanism
    from its opposite is left to the ratios of phases at several stations.

    References
    ----------
    SeisCLIP, arXiv:2309.02320. The authors find the three angles themselves.
    """

    _beside = ("back_azimuth",)
    _reads_levels = True
    _targets = ("strike", "dip", "rake")

    def _scaled_beside(self, X: xr.Dataset, *, learn: bool = False) -> np.ndarray:
        if learn:
            self.beside_mean_, self.beside_scale_ = [], []
        if not self.beside_:
            return np.zeros((X.sizes["event"], 0), dtype=np.float32)
        azimuth = numbers_of(X, "back_azimuth")
        if azimuth is None or not np.isfinite(azimuth).all():
            raise ConventionError(
                "coordinate 'back_azimuth': the model was trained with it, and here it is missing "
                "for some records"
            )
        angle = np.radians(azimuth)
        # A mechanism radiates alike in opposite directions, up to the take-off.
        turns = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)]
        return np.stack(turns, axis=1).astype(np.float32)

    def _beside_width(self) -> int:
        return 4 if self.beside_ else 0

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        angles = numbers_by_name(X, y, self._targets)
        unknown = ~np.isfinite(angles).all(axis=1)
        if unknown.any():
            raise ConventionError(
                f"labels are missing for {unknown.sum()} of {len(angles)} records, the first is "
                f"event {int(np.argmax(unknown))}: fit on those that have strike, dip and rake"
            )
        return _six(moment_tensor(*angles.T)).astype(np.float32)

    def _outputs(self) -> int:
        return 6

    def _loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        return functional.mse_loss(output, target)

    def predict(self, X: xr.Dataset) -> xr.Dataset:
        """Strike, dip and rake of each record's event, one of the two nodal planes.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.

        Returns
        -------
        xarray.Dataset
            ``strike`` (0 to 360), ``dip`` (0 to 90), ``rake`` (-180 to 180), degrees, along
            ``event``; :func:`seisgeo.mechanism.nodal_planes` gives the other plane.
        """
        first, _ = nodal_planes(_tensor(self._answer(X)))
        return _along_event(X, self._targets, first)

    def score(self, X: xr.Dataset, y: Any = None) -> float:
        """Mean Kagan angle to the true mechanisms (degrees), negative so that more is better.

        Parameters
        ----------
        X : xarray.Dataset
            Waveforms.
        y : array-like or None, default None
            True angles, shape (event, 3); by default the coordinates. Guesses at random reach -75.
        """
        true = moment_tensor(*numbers_by_name(X, y, self._targets).T)
        return -float(kagan_angle(true, _tensor(self._answer(X))).mean())


def _along_event(X: xr.Dataset, names: Sequence[str], values: np.ndarray) -> xr.Dataset:
    # As plain variables: a DataArray would bring the true values of `names` along.
    kept = {k: v.variable for k, v in X.coords.items() if v.dims == ("event",) and k not in names}
    columns = {name: ("event", values[:, i]) for i, name in enumerate(names)}
    return conventions.describe(xr.Dataset(columns, coords=kept))


def _six(tensor: np.ndarray) -> np.ndarray:
    """Independent components, weighted so that their dot product is that of the tensors."""
    i, j = np.triu_indices(3)
    return tensor[..., i, j] * np.where(i == j, 1.0, 2**0.5)


def _tensor(six: np.ndarray) -> np.ndarray:
    i, j = np.triu_indices(3)
    tensor = np.zeros((*six.shape[:-1], 3, 3))
    tensor[..., i, j] = tensor[..., j, i] = six / np.where(i == j, 1.0, 2**0.5)
    return tensor
