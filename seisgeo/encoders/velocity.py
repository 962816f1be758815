"""Encoder of velocity models."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import EncoderConfig
from seisgeo.encoders.residual import ResidualNetwork

__all__ = ["VelocityEncoder"]


class VelocityEncoder(nn.Module):
    """ResNet with one input channel over velocity models.

    Parameters
    ----------
    shape : (int, int)
        Cells of the models: (depth, x).
    config : EncoderConfig
        Width and depth; ``ENCODERS["paper"]`` is ResNet-18.
    out_features : int
        Length of the embedding.

    References
    ----------
    SeisBind, arXiv:2601.14607.
    """

    def __init__(self, shape: tuple[int, int], config: EncoderConfig, out_features: int) -> None:
        super().__init__()
        self.network = ResidualNetwork(1, shape, config, out_features)

    def forward(self, velocity: Tensor) -> Tensor:
        """Map velocities in m/s (batch, depth, x) to unit vectors (batch, feature)."""
        # OpenFWI's range, 1500 to 4500 m/s, becomes [-1, 1].
        images = (velocity.unsqueeze(1) - 3000) / 1500
        return functional.normalize(self.network(images), dim=1)
