"""Encoder of physical descriptors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.standardise import Standardise

__all__ = ["PhysicsEncoder"]


class PhysicsEncoder(Standardise):
    """MLP over standardised descriptors, each of which may be uncertain or unknown.

    A descriptor with a standard deviation of s (over the training set's) enters as value / (1 +
    s^2), what is to be expected of it where descriptors are normally distributed, and s / (1 + s)
    beside it: 0 for a descriptor that is known exactly and 1 for one that is unknown.

    Parameters
    ----------
    n_features : int
        Descriptors of a sample.
    out_features : int
        Length of the embedding.

    References
    ----------
    SeisBind, arXiv:2601.14607, whose descriptors are certain.
    """

    def __init__(self, n_features: int, out_features: int) -> None:
        super().__init__(n_features)
        self.network = nn.Sequential(
            nn.Linear(n_features, 128),
            nn.LayerNorm(128),
            nn.GELU(),
            nn.Linear(128, 256),
            nn.LayerNorm(256),
            nn.GELU(),
            nn.Linear(256, out_features),
        )
        # Zero until it is learned: what is certain is embedded as without it.
        self.doubt = nn.Linear(n_features, 128, bias=False)
        nn.init.zeros_(self.doubt.weight)

    @property
    def knows_doubt(self) -> bool:
        """Whether it has learned from uncertain descriptors."""
        return bool(self.doubt.weight.any())

    def standardised(self, values: Tensor) -> Tensor:
        """Descriptors in their units as they enter, without their uncertainty (batch, descriptor).

        One far outside the training set must not swamp the others: it ends at six deviations.
        """
        return super().forward(values).clamp(-6, 6)

    def forward(self, values: Tensor) -> Tensor:
        """Map descriptors in their units to unit vectors (batch, feature).

        Parameters
        ----------
        values : torch.Tensor
            Shape (batch, descriptor); or (batch, 2 descriptor), where their standard deviations
            follow: infinite where a descriptor, which must still be finite, is unknown.
        """
        n = len(self.mean)
        standard = self.standardised(values[:, :n])
        certain = values.shape[1] == n
        ratio = torch.zeros_like(standard) if certain else values[:, n:] / self.scale
        expected = standard / (1 + ratio.square())
        doubt = 1 - 1 / (1 + ratio)  # s / (1 + s), also of an infinite one
        hidden = self.network[0](expected) + self.doubt(doubt)
        return functional.normalize(self.network[1:](hidden), dim=1)
