"""Numbers brought to mean 0 and standard deviation 1."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Standardise"]

#: Standard deviations below this are rounding: what is missing everywhere says nothing.
_LEAST = 1e-6


class Standardise(nn.Module):
    """Shift and scale numbers to mean 0 and standard deviation 1 on a training set.

    What does not vary there is only shifted.

    Parameters
    ----------
    width : int
        How many; they pass unchanged before :meth:`learn`.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def learn(self, features: np.ndarray) -> None:
        """Take mean and scale from a training set (sample, width)."""
        spread = features.std(axis=0)
        self.mean.copy_(torch.from_numpy(features.mean(axis=0)))
        self.scale.copy_(torch.from_numpy(np.where(spread > _LEAST, spread, 1)))

    def forward(self, features: Tensor) -> Tensor:
        """Standardise rows (batch, width)."""
        return (features - self.mean) / self.scale
