"""Focal mechanisms of events from their waveforms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.estimators.event_head import EventHead, document, levels_of, mean_and_scale
from seisgeo.estimators.event_labels import along_event, numbers_by_name
from seisgeo.estimators.first_motions import COMPONENTS, first_motions
from seisgeo.estimators.records import RecordForm, Records, numbers_of
from seisgeo.mechanism import kagan_angle, moment_tensor, nodal_planes

if TYPE_CHECKING:
    import torch

    from seisgeo.estimators.event_network import EventNetwork

__all__ = ["MechanismRegressor"]

_PICKS = ("p_arrival", "s_arrival")
#: What a record votes: six components of a tensor, and weights of its first motions in them.
_FREE, _WEIGHTS = 6, 10


@document
class MechanismRegressor(EventHead):
    """Find strike, dip and rake of events from their waveforms.

    The network gives a moment tensor, which knows neither where angles wrap around nor which of
    the two nodal planes was meant. Labels are by default the coordinates ``strike``, ``dip`` and
    ``rake`` (degrees).

    Spectra hold no polarity. Where the training set holds ``back_azimuth`` (degrees) and picks
    (``p_arrival``, ``s_arrival``; NaN where there is none), and records have the components Z, N
    and E of ground velocity, the head reads first motions: P up or down, S away and across. Each
    record then votes for a tensor, first motions weighted by what the network makes of its
    features, which is turned by the record's azimuth; the mean of the votes is the answer, with
    what is usual in the training set. Several stations (``event_id``) are needed to tell a
    mechanism from its opposite.

    References
    ----------
    SeisCLIP, arXiv:2309.02320. The authors find the three angles themselves.
    """

    _targets = ("strike", "dip", "rake")
    _votes = _FREE + _WEIGHTS
    # First motions err, and a large network learns the errors of few events by heart.
    _held = (400.0, 4000.0)

    def _coordinates(self, X: xr.Dataset, form: RecordForm) -> list[str]:
        if "back_azimuth" not in X.variables:
            return []
        picks = [name for name in _PICKS if name in X.variables]
        return ["back_azimuth", *(picks if set(COMPONENTS) <= set(form.components) else [])]

    def _read(
        self, X: xr.Dataset, records: Records, form: RecordForm, *, learn: bool = False
    ) -> dict[str, np.ndarray]:
        n = len(records)
        azimuth = self._required(X, "back_azimuth") if self.beside_ else np.full(n, 180.0)
        motions = np.zeros((n, 3))
        if len(self.beside_) > 1:
            p, s = (self._pick(X, name) for name in _PICKS)
            motions = first_motions(records, form, p, s, azimuth)
        levels = levels_of(records)
        if learn:
            self.level_mean_, self.level_scale_ = mean_and_scale(levels)
            size = np.sqrt((motions**2).mean(axis=0))
            self.motion_scale_ = np.where(size > 0, size, 1.0).tolist()
        motions = motions / self.motion_scale_
        levels = (levels - self.level_mean_) / self.level_scale_
        angle = np.radians(azimuth) + np.pi
        turned = np.column_stack([motions, np.cos(angle), np.sin(angle)])
        # Their sizes alone: the opposite motions are the opposite mechanism.
        beside = np.column_stack([levels, np.abs(motions)])
        return {"beside": beside.astype(np.float32), "motions": turned.astype(np.float32)}

    def _pick(self, X: xr.Dataset, name: str) -> np.ndarray:
        """Seconds from the first sample."""
        if name not in self.beside_:
            return np.full(X.sizes["event"], np.nan)
        values = numbers_of(X, name)
        if values is None:
            raise ConventionError(
                f"coordinate {name!r}: the model was trained with it, and here it is missing; "
                "NaN says that there is no pick"
            )
        return values - float(X["time"].values[0])

    def _outcome(self, network: EventNetwork, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        from seisgeo.estimators.event_network import mean_of_records

        usual, votes = network(batch)
        assert votes is not None
        up, away, across, cosine, sine = batch["motions"].unbind(dim=1)
        weight = votes[:, _FREE:].unbind(dim=1)
        even = [weight[i] * up + weight[i + 4] * away for i in range(4)]
        odd = [weight[i + 8] * across for i in range(2)]
        # What mirrors the record at the ray's plane mirrors S across, and turns these two around.
        parts = torch.stack([even[0], odd[0], even[1], even[2], odd[1], even[3]], dim=1)
        tensor = _tensor_of(parts + votes[:, :_FREE])
        zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
        rows = (cosine, -sine, zero, sine, cosine, zero, zero, zero, one)
        turn = torch.stack(rows, dim=1).reshape(-1, 3, 3)  # from away, across, down to N, E, down
        voted = turn @ tensor @ turn.transpose(1, 2)
        return usual + mean_of_records(_six_of(voted), batch["records"])

    def _learn_targets(self, X: xr.Dataset, y: Any) -> np.ndarray:
        import torch

        angles = numbers_by_name(X, y, self._targets)
        unknown = ~np.isfinite(angles).all(axis=1)
        if unknown.any():
            raise ConventionError(
                f"labels are missing for {unknown.sum()} of {len(angles)} records, the first is "
                f"event {int(np.argmax(unknown))}: fit on those that have strike, dip and rake"
            )
        return _six_of(torch.from_numpy(moment_tensor(*angles.T))).float().numpy()

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
        first, _ = nodal_planes(self._tensors(X))
        return along_event(X, self._targets, first)

    def _tensors(self, X: xr.Dataset) -> np.ndarray:
        """Moment tensor of each record's event, (event, 3, 3)."""
        import torch

        return _tensor_of(torch.from_numpy(self._answer(X)).double()).numpy()

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
        return -float(kagan_angle(true, self._tensors(X)).mean())

    def _labels(self) -> list[list[float]]:
        return [self.level_mean_, self.level_scale_, self.motion_scale_]

    def _set_labels(self, labels: Any) -> None:
        self.level_mean_, self.level_scale_, self.motion_scale_ = labels


def _six_of(tensor: torch.Tensor) -> torch.Tensor:
    """Independent components, weighted so that their dot product is that of the tensors."""
    i, j = np.triu_indices(3)
    return tensor[..., i, j] * tensor.new_tensor(np.where(i == j, 1.0, 2**0.5))


def _tensor_of(six: torch.Tensor) -> torch.Tensor:
    """The way back of :func:`_six_of`."""
    i, j = np.triu_indices(3)
    values = six / six.new_tensor(np.where(i == j, 1.0, 2**0.5))
    return values[..., [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(*six.shape[:-1], 3, 3)
