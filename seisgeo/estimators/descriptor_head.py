"""A small network that reads physical descriptors off a gather's features, with intervals."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from seisgeo.encoders.standardise import spread_of

__all__ = ["COVERAGE", "DescriptorHead", "fit_head"]

#: Share of true values that lie in the intervals.
COVERAGE = 0.9

#: Width of the network, and share of it that is put out of action in a training step.
_WIDTH, _DROPOUT = 512, 0.05
#: Training: few passes, so that intervals do not shrink to what is known by heart.
_PASSES, _STEPS, _BATCH = 15, 150, 128
_RATE, _DECAY = 3e-3, 0.05


class DescriptorHead(nn.Module):
    """Median and interval of each descriptor from what the encoder of gathers finds in one.

    Parameters
    ----------
    features : int
        Length of the features: those of the encoder's method ``features``, the embedding before
        its length is made one.
    n_descriptors : int
        Values of a sample.
    """

    centre: Tensor
    spread: Tensor
    mean: Tensor
    scale: Tensor
    least: Tensor
    most: Tensor
    margin: Tensor

    def __init__(self, features: int, n_descriptors: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        for name in ("mean", "least", "margin"):
            self.register_buffer(name, torch.zeros(n_descriptors))
        for name in ("scale", "most"):
            self.register_buffer(name, torch.ones(n_descriptors))
        before, layers = features, []
        for _ in range(2):
            layers += [
                nn.Linear(before, _WIDTH),
                nn.LayerNorm(_WIDTH),
                nn.GELU(),
                nn.Dropout(_DROPOUT),
            ]
            before = _WIDTH
        self.network = nn.Sequential(*layers, nn.Linear(before, 3 * n_descriptors))

    def standardise_on(self, features: Tensor, values: Tensor) -> None:
        """Take means, spreads and ranges of training features and of their descriptors."""
        self.centre.copy_(features.mean(dim=0))
        self.spread.copy_(spread_of(features))
        self.mean.copy_(values.mean(dim=0))
        self.scale.copy_(spread_of(values))
        self.least.copy_(values.amin(dim=0))
        self.most.copy_(values.amax(dim=0))

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, feature) to (batch, 3, descriptor): low, median, high, standardised."""
        out = self.network((features - self.centre) / self.spread).unflatten(1, (3, -1))
        middle = out[:, 1]
        spread = nn.functional.softplus(out[:, ::2])  # the ends cannot cross the median
        return torch.stack([middle - spread[:, 0], middle, middle + spread[:, 1]], dim=1)

    def read(self, features: np.ndarray) -> Tensor:
        """Mean over what is read off the copies of gathers, as :meth:`forward` gives it."""
        rows = _tensor(features)
        return self(rows.flatten(0, 1)).unflatten(0, rows.shape[:2]).mean(dim=1)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Low end, median and high end in the descriptors' units.

        Nothing is told that lies outside of what training models had.

        Parameters
        ----------
        features : numpy.ndarray
            Shape (sample, copy, feature): copies of the gathers that have the same descriptors.

        Returns
        -------
        numpy.ndarray
            Shape (3, sample, descriptor).
        """
        with torch.inference_mode():
            out = self.read(features)
            out[:, 0] -= self.margin
            out[:, 2] += self.margin
            # A negative margin may not turn an interval over.
            out[:, 0] = torch.minimum(out[:, 0], out[:, 1])
            out[:, 2] = torch.maximum(out[:, 2], out[:, 1])
            values = out * self.scale + self.mean
            return values.clamp(self.least, self.most).transpose(0, 1).numpy()

    def widen(self, features: np.ndarray, values: np.ndarray) -> None:
        """Move the intervals' ends until they hold for :data:`COVERAGE` of samples.

        Parameters
        ----------
        features : numpy.ndarray
            Of samples that neither the encoders nor the head were trained on, as for
            :meth:`predict`.
        values : numpy.ndarray
            Their descriptors, (sample, descriptor).

        References
        ----------
        Romano, Patterson and Candès (2019), Conformalized quantile regression, arXiv:1905.03222.
        """
        with torch.inference_mode():
            true = (_tensor(values) - self.mean) / self.scale
            low, _, high = self.read(features).unbind(1)
            excess = torch.maximum(low - true, true - high)
            n = len(true)
            level = min(1.0, np.ceil((n + 1) * COVERAGE) / n)
            self.margin.copy_(torch.quantile(excess, level, dim=0, interpolation="higher"))


def fit_head(features: np.ndarray, values: np.ndarray, seed: int) -> DescriptorHead:
    """Train by quantile regression; :meth:`DescriptorHead.widen` then makes the intervals hold.

    Parameters
    ----------
    features : numpy.ndarray
        Of training gathers, shape (sample, copy, feature): copies were changed in ways that leave
        the descriptors as they are, and each step takes one or another.
    values : numpy.ndarray
        Their descriptors, (sample, descriptor).
    seed : int
        Of weights and batches; the caller's random numbers stay as they are.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46, 33-50.
    """
    from seisgeo.lightning_run import parameter_groups, rate_at

    x, y = _tensor(features), _tensor(values)
    batch = min(len(y), _BATCH)
    steps = max(_STEPS, _PASSES * len(y) // batch)
    quantile = torch.tensor([(1 - COVERAGE) / 2, 0.5, (1 + COVERAGE) / 2])[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = DescriptorHead(x.shape[2], y.shape[1])
        head.standardise_on(x.flatten(0, 1), y)
        y = (y - head.mean) / head.scale
        optimiser = torch.optim.AdamW(parameter_groups(head, _DECAY), lr=_RATE)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = _RATE * rate_at(step / steps)
            rows = torch.randint(len(y), (batch,))
            error = y[rows, None] - head(x[rows, torch.randint(x.shape[1], (batch,))])
            loss = torch.maximum(quantile * error, (quantile - 1) * error).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return head.eval()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
