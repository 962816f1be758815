"""Hypocentres and magnitudes of events from their waveforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.metrics import r2_score

from seisgeo.errors import ConventionError
from seisgeo.estimators.event_head import EventHead, document, levels_of, mean_and_scale
from seisgeo.estimators.event_labels import along_event, numbers_by_name
from seisgeo.estimators.records import RecordForm, Records, group_of
from seisgeo.sphere import east_north, place_at

if TYPE_CHECKING:
    import torch

__all__ = ["EventLocator"]

_STATION = ("station_latitude", "station_longitude")
#: Share of the events that are turned in training; the others say what is usual where they are.
_TURNED = 0.5


@document
class EventLocator(EventHead):
    """Find latitude, longitude, depth and magnitude of events from their waveforms.

    Labels are by default the coordinates ``source_latitude``, ``source_longitude`` (degrees),
    ``source_depth`` (m) and ``magnitude``; NaN where one is not known.

    Where the training set says where the stations are (``station_latitude``,
    ``station_longitude``), the epicentre is told by how far east and north of the middle of its
    stations it lies: one model then serves networks of stations anywhere. Where it knows the time
    of every record's first sample (``starttime``), which station was reached first counts, too. In
    training, half of the events with several stations are turned about that middle, and mirrored:
    what places and times have to do with each other does not depend on directions.

    The head also reads how strong each component is, without which magnitudes could be guessed from
    the corner of the spectra alone: records of a model must have one unit.

    References
    ----------
    SeisCLIP, arXiv:2309.02320. The authors join the stations of an event by a graph network; here
    they are pooled by their mean.
    """

    _targets = ("source_latitude", "source_longitude", "source_depth", "magnitude")

    def _coordinates(self, X: xr.Dataset, form: RecordForm) -> list[str]:
        stations = list(_STATION)
        if any(name not in X.variables for name in stations):
            return []
        timed = "starttime" in X.variables and not np.isnat(X["starttime"].values).any()
        return [*stations, "starttime"] if timed else stations

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        values = numbers_by_name(X, y, self._targets)
        known = np.isfinite(values)
        for name, column in zip(self._targets, known.T, strict=True):
            if column.sum() < 2:
                raise ConventionError(
                    f"label {name!r}: expected values of at least 2 events, found {column.sum()}"
                )
        if self.beside_:
            values[:, 1], values[:, 0] = east_north(*self._middle(X), values[:, 0], values[:, 1])
        spread = np.nanstd(values, axis=0)
        self.mean_ = np.nanmean(values, axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        if self.beside_:
            # About the middle of the stations and alike in all directions: they are turned.
            self.mean_[:2] = 0.0
            self.scale_[:2] = max(float(np.sqrt(np.nanmean(values[:, :2] ** 2))), 1.0)
        return ((values - self.mean_) / self.scale_).astype(np.float32)

    def _middle(self, X: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude of the middle of each record's event's stations."""
        latitude, longitude = (self._required(X, name) for name in _STATION)
        groups = group_of(X)
        # From one of the event's own stations, so that no longitude is in the way.
        first = np.unique(groups, return_index=True)[1][groups]
        east, north = east_north(latitude[first], longitude[first], latitude, longitude)
        shift = _mean_of_events(np.stack([east, north], axis=1), groups)
        return place_at(latitude[first], longitude[first], shift[:, 0], shift[:, 1])

    def _read(
        self, X: xr.Dataset, records: Records, form: RecordForm, *, learn: bool = False
    ) -> dict[str, np.ndarray]:
        columns = levels_of(records)
        if "starttime" in self.beside_:
            columns = np.column_stack([columns, self._start(X)])
        if learn:
            self.read_mean_, self.read_scale_ = mean_and_scale(columns)
        columns = (columns - self.read_mean_) / self.read_scale_
        if self.beside_:
            latitude, longitude = (self._required(X, name) for name in _STATION)
            east, north = east_north(*self._middle(X), latitude, longitude)
            if learn:
                reach = float(np.sqrt(np.mean(east**2 + north**2) / 2))
                self.reach_ = reach if reach > 0 else 1.0
            turned = np.zeros(len(columns))
            columns = np.column_stack([north / self.reach_, east / self.reach_, turned, columns])
        return {"beside": columns.astype(np.float32)}

    def _start(self, X: xr.Dataset) -> np.ndarray:
        """When each record begins, over the mean of its event's (s)."""
        if "starttime" not in X.variables or np.isnat(X["starttime"].values).any():
            raise ConventionError(
                "coordinate 'starttime': the model was trained with it, and here it is missing "
                "for some records"
            )
        groups = group_of(X)
        start = X["starttime"].values.astype("M8[ns]")
        first = np.unique(groups, return_index=True)[1][groups]
        seconds = (start - start[first]) / np.timedelta64(1, "s")
        return seconds - _mean_of_events(seconds[:, None], groups)[:, 0]

    def _augmented(
        self, batch: dict[str, torch.Tensor], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        import torch

        if not self.beside_:
            return batch
        event, beside, target = batch["records"], batch["beside"].clone(), batch["target"].clone()

        def draw() -> torch.Tensor:
            return torch.rand(len(target), generator=generator, device=generator.device)

        angle, mirrored, chosen = 2 * torch.pi * draw(), draw() < 0.5, draw() < _TURNED
        chosen &= torch.bincount(event, minlength=len(target)) > 1
        cosine, sine = torch.cos(angle), torch.sin(angle)
        turn = torch.stack([cosine, -sine, sine, cosine], dim=1).reshape(-1, 2, 2)
        turn[mirrored, :, 1] *= -1
        turn[~chosen] = torch.eye(2, device=turn.device)
        beside[:, :2] = (turn[event] @ beside[:, :2, None])[..., 0]
        beside[:, 2] = chosen[event].float()
        target[:, :2] = (turn @ target[:, :2, None])[..., 0]
        return {**batch, "beside": beside, "target": target}

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
        found = answer.astype(float) * self.scale_ + self.mean_
        if self.beside_:
            found[:, 0], found[:, 1] = place_at(*self._middle(X), found[:, 1], found[:, 0])
        return along_event(X, self._targets, found)

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
        scaling = [self.mean_.tolist(), self.scale_.tolist()]
        reach = self.reach_ if self.beside_ else None
        return [*scaling, self.read_mean_, self.read_scale_, reach]

    def _set_labels(self, labels: Any) -> None:
        self.mean_, self.scale_ = (np.array(part) for part in labels[:2])
        self.read_mean_, self.read_scale_, self.reach_ = labels[2:]


def _mean_of_events(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean over each record's event, shape of `values` (record, number)."""
    import torch

    from seisgeo.estimators.event_network import mean_of_records

    return mean_of_records(*map(torch.from_numpy, (values, groups))).numpy()[groups]
