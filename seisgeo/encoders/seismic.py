"""Encoder of multi-shot gathers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import EncoderConfig
from seisgeo.encoders.residual import ResidualNetwork

__all__ = ["SeismicEncoder", "balance"]


def balance(gathers: Tensor) -> Tensor:
    """Balance traces and compress amplitudes, so that source strength and spreading drop out.

    Each trace is divided by its RMS (plus 5 % of the gather's, so that a quiet trace is not blown
    up to pure noise), and what is left goes through sign(x) log(1 + 3 abs(x)): late reflections
    count beside the direct wave.

    Parameters
    ----------
    gathers : torch.Tensor
        Shape (batch, source, time, receiver); dead traces are zero and stay zero.

    Returns
    -------
    torch.Tensor
        The same shape; it does not change when a gather is multiplied by a positive number.
    """
    trace = gathers.square().mean(dim=2, keepdim=True).sqrt()  # (batch, source, 1, receiver)
    gather = gathers.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    tiny = torch.finfo(gathers.dtype).tiny
    balanced = 3 * gathers / (trace + 0.05 * gather + tiny)
    return torch.copysign(torch.log1p(balanced.abs()), balanced)


class SeismicEncoder(nn.Module):
    """CNN over gathers, one channel for each source; the mirror image of the velocity encoder.

    Parameters
    ----------
    n_sources, nt, n_receivers : int
        The survey that it is made for; it reads other numbers of samples and receivers, too.
    config : EncoderConfig
        Width and depth.
    out_features : int
        Length of the embedding.

    References
    ----------
    SeisBind, arXiv:2601.14607 (a symmetric CNN over multi-shot gathers; its layers are not
    published, so they are those of the velocity encoder).
    """

    def __init__(
        self, n_sources: int, nt: int, n_receivers: int, config: EncoderConfig, out_features: int
    ) -> None:
        super().__init__()
        self.network = ResidualNetwork(n_sources, (nt, n_receivers), config, out_features)

    def features(self, gathers: Tensor) -> Tensor:
        """Map (batch, source, time, receiver) to vectors (batch, feature) of any length."""
        return self.network(balance(gathers))

    def forward(self, gathers: Tensor) -> Tensor:
        """Map (batch, source, time, receiver) to unit vectors (batch, feature)."""
        return functional.normalize(self.features(gathers), dim=1)
