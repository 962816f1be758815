"""The residual network behind the seismic and the velocity encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import EncoderConfig

__all__ = ["ResidualNetwork", "serves"]

#: The stem thins an axis until fewer than this many cells are left, so that a record of 1000
#: samples and 70 receivers reaches the first stage as nearly square as a velocity model does.
STEM_CELLS = 48
#: The last feature map is pooled to this grid, not to a point: where an event arrives matters.
POOL = 4


class ResidualNetwork(nn.Module):
    """ResNet with GroupNorm, from images to vectors.

    GroupNorm instead of BatchNorm, because a sample's embedding must not depend on the batch.
    Images may have other sizes than the one that its stem is made for, see :func:`serves`.

    Parameters
    ----------
    channels : int
        Channels of the input.
    shape : (int, int)
        Cells, along the two axes, of the images that the stem is made for.
    config : EncoderConfig
        Width and depth.
    out_features : int
        Length of the vectors.

    References
    ----------
    He et al. (2016), arXiv:1512.03385; Wu and He (2018), arXiv:1803.08494.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int], config: EncoderConfig, out_features: int
    ) -> None:
        super().__init__()
        self.stem = _stem(channels, shape, config.width)
        stages: list[nn.Module] = []
        before = config.width
        for number, blocks in enumerate(config.blocks):
            width = config.width * 2**number
            for block in range(blocks):
                stride = 2 if block == 0 and number > 0 else 1
                stages.append(_Block(before, width, stride))
                before = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(before * POOL**2, out_features)
        # 1.6 times as fast on a CPU; torch's stubs do not know this keyword.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, channels, cells, cells) to (batch, out_features)."""
        images = images.contiguous(memory_format=torch.channels_last)
        features = self.stages(self.stem(images))  # (batch, width, h, w)
        pooled = functional.adaptive_avg_pool2d(features, POOL)
        return self.head(pooled.flatten(1))


def serves(stem: tuple[int, int], shape: tuple[int, int]) -> bool:
    """Whether a stem made for images of one shape will do for another.

    What it leaves of an axis must be within a factor of two of what a stem made for the shape
    leaves at least and at most: less has lost its detail, more costs too much time.

    Parameters
    ----------
    stem, shape : (int, int)
        Cells along the two axes: what the stem is made for, and what it is to read.

    Examples
    --------
    >>> serves((70, 70), (71, 130)), serves((70, 70), (70, 400))
    (True, False)
    """
    left = []
    for made, cells in zip(zip(*_strides(stem), strict=True), shape, strict=True):
        for stride in made:
            cells = -(-cells // stride)
        left.append(cells)
    return _strides(stem) == _strides(shape) or all(
        STEM_CELLS // 4 <= n < 2 * STEM_CELLS for n in left
    )


def _stem(channels: int, shape: tuple[int, int], width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = channels
    for sy, sx in _strides(shape):
        # The kernel reaches over its neighbours' cells, so that nothing is aliased.
        ky, kx = 2 * sy + 1, 2 * sx + 1
        layers += [
            nn.Conv2d(before, width, (ky, kx), (sy, sx), (sy, sx)),
            _norm(width),
            nn.ReLU(inplace=True),
        ]
        before = width
    return nn.Sequential(*layers)


def _strides(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Strides of each layer of the stem."""
    found: list[tuple[int, int]] = []
    y, x = shape
    while not found or max(y, x) >= STEM_CELLS:
        found.append((_stride(y), _stride(x)))
        y, x = -(-y // found[-1][0]), -(-x // found[-1][1])
    return found


def _stride(cells: int) -> int:
    """At most 4 at once: finer first layers cost most of the time and add nothing."""
    return next((s for s in (1, 2) if cells < s * STEM_CELLS), 4)


class _Block(nn.Module):
    """Basic block: two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm1 = _norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = _norm(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), _norm(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, width // 8), width)
