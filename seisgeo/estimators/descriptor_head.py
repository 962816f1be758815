"""A small network that reads physical descriptors off an embedding, with intervals."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["COVERAGE", "DescriptorHead", "fit_head"]

#: Share of true values that lie in the intervals.
COVERAGE = 0.9

_STEPS, _BATCH = 600, 256


class DescriptorHead(nn.Module):
    """Median and interval of each descriptor from a unit embedding.

    Parameters
    ----------
    features : int
        Length of an embedding.
    n_descriptors : int
        Values of a sample.
    """

    mean: Tensor
    scale: Tensor
    margin: Tensor

    def __init__(self, features: int, n_descriptors: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_descriptors))
        self.register_buffer("scale", torch.ones(n_descriptors))
        self.register_buffer("margin", torch.zeros(n_descriptors))
        self.network = nn.Sequential(
            nn.Linear(features, 256),
            nn.LayerNorm(256),
            nn.GELU(),
            nn.Linear(256, 3 * n_descriptors),
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """Map (batch, feature) to (batch, 3, descriptor): low, median, high, standardised."""
        # Components of a unit vector are small; of order one, they train faster.
        out = self.network(embedding * embedding.shape[1] ** 0.5).unflatten(1, (3, -1))
        middle = out[:, 1]
        spread = nn.functional.softplus(out[:, ::2])  # the ends cannot cross the median
        return torch.stack([middle - spread[:, 0], middle, middle + spread[:, 1]], dim=1)

    def predict(self, embedding: np.ndarray) -> np.ndarray:
        """Low end, median and high end in the descriptors' units.

        Parameters
        ----------
        embedding : numpy.ndarray
            Shape (sample, feature).

        Returns
        -------
        numpy.ndarray
            Shape (3, sample, descriptor).
        """
        with torch.inference_mode():
            out = self(torch.from_numpy(np.ascontiguousarray(embedding, dtype=np.float32)))
            out[:, 0] -= self.margin
            out[:, 2] += self.margin
            # A negative margin may not turn an interval over.
            out[:, 0] = torch.minimum(out[:, 0], out[:, 1])
            out[:, 2] = torch.maximum(out[:, 2], out[:, 1])
            return (out * self.scale + self.mean).transpose(0, 1).numpy()


def fit_head(
    embedding: np.ndarray,
    values: np.ndarray,
    held_embedding: np.ndarray,
    held_values: np.ndarray,
    seed: int,
) -> DescriptorHead:
    """Train by quantile regression, then widen the intervals until they hold on held-out samples.

    Parameters
    ----------
    embedding, values : numpy.ndarray
        Training samples: shape (sample, feature) and (sample, descriptor).
    held_embedding, held_values : numpy.ndarray
        Samples that neither the encoders nor the head were trained on.
    seed : int
        Of weights and batches.

    Returns
    -------
    DescriptorHead
        Its intervals hold for :data:`COVERAGE` of samples like the held-out ones.

    References
    ----------
    Romano, Patterson and Candès (2019), Conformalized quantile regression, arXiv:1905.03222.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = DescriptorHead(embedding.shape[1], values.shape[1])
    x, y = torch.from_numpy(embedding), torch.from_numpy(np.asarray(values, dtype=np.float32))
    head.mean.copy_(y.mean(dim=0))
    scale = y.std(dim=0, correction=0)
    head.scale.copy_(torch.where(scale > 0, scale, torch.ones_like(scale)))
    y = (y - head.mean) / head.scale
    quantile = torch.tensor([(1 - COVERAGE) / 2, 0.5, (1 + COVERAGE) / 2])[:, None]
    optimiser = torch.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for _ in range(_STEPS):
        rows = torch.randint(len(x), (min(_BATCH, len(x)),), generator=generator)
        error = y[rows, None] - head(x[rows])  # (batch, 3, descriptor)
        loss = torch.maximum(quantile * error, (quantile - 1) * error).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.inference_mode():
        held = torch.from_numpy(np.asarray(held_values, dtype=np.float32))
        held = (held - head.mean) / head.scale
        low, _, high = head(torch.from_numpy(held_embedding)).unbind(1)
        excess = torch.maximum(low - held, held - high)
        n = len(held)
        level = min(1.0, np.ceil((n + 1) * COVERAGE) / n)
        head.margin.copy_(torch.quantile(excess, level, dim=0, interpolation="higher"))
    return head.eval()
