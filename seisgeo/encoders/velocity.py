"""Encoder of velocity models."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import EncoderConfig
from seisgeo.encoders.residual import ResidualNetwork

__all__ = ["VelocityEncoder"]

#: Coarse cells along an axis.
COARSE = 10
#: Gradients are this much smaller than velocities, cell by cell.
GRADIENT = 4.0


class VelocityEncoder(nn.Module):
    """ResNet over velocity models, and beside it a small network over their coarse cells.

    GroupNorm takes the level of a model from what the ResNet sees: how fast it is, and where, comes
    from the means of velocity and of the sizes of its gradients over 10 x 10 coarse cells.

    Parameters
    ----------
    shape : (int, int)
        Cells of the models, (depth, x), that it is made for; it reads others, too.
    config : EncoderConfig
        Width and depth; ``ENCODERS["paper"]`` is ResNet-18 alone, over velocity alone.
    out_features : int
        Length of the embedding.

    References
    ----------
    SeisBind, arXiv:2601.14607.
    """

    def __init__(self, shape: tuple[int, int], config: EncoderConfig, out_features: int) -> None:
        super().__init__()
        self.network = ResidualNetwork(3 if config.maps else 1, shape, config, out_features)
        self.coarse: nn.Module | None = None
        if config.maps:
            self.coarse = nn.Sequential(
                nn.Linear(3 * COARSE**2, 256),
                nn.LayerNorm(256),
                nn.GELU(),
                nn.Linear(256, out_features),
            )

    def forward(self, velocity: Tensor) -> Tensor:
        """Map velocities in m/s (batch, depth, x) to unit vectors (batch, feature)."""
        # OpenFWI's range, 1500 to 4500 m/s, becomes [-1, 1].
        images = (velocity.unsqueeze(1) - 3000) / 1500
        if self.coarse is None:
            return functional.normalize(self.network(images), dim=1)
        down = GRADIENT * functional.pad(images.diff(dim=2), (0, 0, 0, 1))
        across = GRADIENT * functional.pad(images.diff(dim=3), (0, 1))
        maps = torch.cat([images, down.abs(), across.abs()], dim=1)
        coarse = functional.adaptive_avg_pool2d(maps, COARSE).flatten(1)
        fine = self.network(torch.cat([images, down, across], dim=1))
        return functional.normalize(fine + self.coarse(coarse), dim=1)
