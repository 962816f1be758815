"""Encoder of physical descriptors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PhysicsEncoder"]


class PhysicsEncoder(nn.Module):
    """MLP over standardised descriptors.

    Parameters
    ----------
    n_features : int
        Descriptors of a sample.
    out_features : int
        Length of the embedding.

    References
    ----------
    SeisBind, arXiv:2601.14607.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int, out_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.network = nn.Sequential(
            nn.Linear(n_features, 128),
            nn.LayerNorm(128),
            nn.GELU(),
            nn.Linear(128, 256),
            nn.LayerNorm(256),
            nn.GELU(),
            nn.Linear(256, out_features),
        )

    def standardise_on(self, values: Tensor) -> None:
        """Take mean and standard deviation of training descriptors (sample, descriptor)."""
        self.mean.copy_(values.mean(dim=0))
        scale = values.std(dim=0, correction=0)
        self.scale.copy_(torch.where(scale > 0, scale, torch.ones_like(scale)))

    def forward(self, values: Tensor) -> Tensor:
        """Map descriptors in their units (batch, descriptor) to unit vectors (batch, feature)."""
        standard = (values - self.mean) / self.scale
        # A descriptor far outside the training set must not swamp the others.
        return functional.normalize(self.network(standard.clamp(-6, 6)), dim=1)
