"""The network of the event heads: features and more, pooled over the records of an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seisgeo.encoders.spectrum_transformer import SpectrumEncoder
from seisgeo.encoders.standardise import Standardise
from seisgeo.estimators.views import Views

__all__ = ["EventNetwork", "EventViews", "mean_of_records"]

#: Width of the hidden layers, the authors'.
_HIDDEN = 100


class EventNetwork(nn.Module):
    """What each record says, averaged over the records of an event, and what follows from it.

    Two layers see a record: its features with what stands beside them, for instance where the
    station is; only then do a distance and a place make a circle. Another layer sees their mean.

    Parameters
    ----------
    encoder : SpectrumEncoder
        Of waveforms.
    width : int
        Length of its features.
    beside : int
        Numbers beside the features of a record.
    outputs : int
        Numbers of an event.
    votes : int, default 0
        Numbers that each record gives by itself.
    """

    def __init__(
        self, encoder: SpectrumEncoder, width: int, beside: int, outputs: int, votes: int = 0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.standard = Standardise(width)
        self.features = nn.Linear(width, _HIDDEN)
        # A layer of its own: two numbers among hundreds of features would go under.
        self.beside = nn.Linear(beside, _HIDDEN) if beside else None
        self.record = nn.Linear(_HIDDEN, _HIDDEN)
        self.event = nn.Linear(_HIDDEN, _HIDDEN)
        self.output = nn.Linear(_HIDDEN, outputs)
        self.votes = nn.Linear(_HIDDEN, votes) if votes else None

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Numbers of each event (event, output), and of each record (record, vote).

        `batch` holds ``waveforms``, their ``spectra`` or ``features``, ``beside``, and
        ``records``: the number of the event that each record is of.
        """
        if "features" in batch:
            features = batch["features"]
        elif "spectra" in batch:
            features = self.encoder.encode_spectrum(batch["spectra"])
        else:
            features = self.encoder(batch["waveforms"])
        # So that all features together weigh as much as one number beside them.
        hidden = self.features(self.standard(features) * features.shape[1] ** -0.5)
        if self.beside is not None:
            hidden = hidden + self.beside(batch["beside"])
        hidden = torch.relu(self.record(torch.relu(hidden)))
        pooled = torch.relu(self.event(mean_of_records(hidden, batch["records"])))
        votes = None if self.votes is None else self.votes(hidden).float()
        return self.output(pooled).float(), votes


def mean_of_records(values: Tensor, event: Tensor) -> Tensor:
    """Mean for each event (event, ...) of the records that `event` numbers (record, ...)."""
    count = int(event.max()) + 1
    total = values.new_zeros(count, *values.shape[1:]).index_add(0, event, values)
    records = torch.bincount(event, minlength=count).clamp(min=1)
    return total / records.reshape(-1, *[1] * (values.ndim - 1))


class EventViews(Views):
    """Views whose rows are events: all records of each, their labels, and whose they are."""

    def __init__(self, records: Views, groups: np.ndarray, targets: np.ndarray) -> None:
        super().__init__({"target": targets})
        self.records = records
        self.groups = groups
        self.targets = targets

    def __getitem__(self, rows: Sequence[int]) -> dict[str, Any]:
        chosen = np.sort(np.asarray(rows))
        index = np.flatnonzero(np.isin(self.groups, chosen))
        found = self.records[index.tolist()]
        return {
            **found,
            "records": np.searchsorted(chosen, self.groups[index]),
            "target": self.targets[chosen],
        }
