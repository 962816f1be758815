"""Columns brought to mean 0 and standard deviation 1, as a training set has them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Standardise", "spread_of"]

#: A column that differs by less than this share of its mean does so by rounding.
_ROUNDING = 1e-6


def spread_of(values: Tensor) -> Tensor:
    """Standard deviation of each column, one where nothing varies.

    Parameters
    ----------
    values : torch.Tensor
        Shape (row, column).

    Examples
    --------
    >>> spread_of(torch.tensor([[1.0, 3000.0], [3.0, 3000.0]])).tolist()
    [1.0, 1.0]
    """
    spread = values.std(dim=0, correction=0)
    varies = spread > _ROUNDING * values.mean(dim=0).abs()
    return torch.where(varies, spread, torch.ones_like(spread))


class Standardise(nn.Module):
    """Shift and scale columns to mean 0 and standard deviation 1 on a training set.

    Parameters
    ----------
    width : int or tuple of int
        Number of columns, or a shape of as many numbers that goes along with that of the samples:
        (channels, 1, 1) of images. They pass unchanged before :meth:`learn`.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int | tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def learn(self, values: Any) -> None:
        """Take mean and scale from training rows, a tensor or an array (row, column)."""
        rows = torch.as_tensor(values)
        self.mean.copy_(rows.mean(dim=0).reshape(self.mean.shape))
        self.scale.copy_(spread_of(rows).reshape(self.scale.shape))

    def forward(self, values: Tensor) -> Tensor:
        """Standardise rows (batch, column), or samples along with which the shape goes."""
        return (values - self.mean) / self.scale
