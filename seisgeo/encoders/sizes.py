"""Named sizes of the encoders."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "EncoderSize"]


@dataclass(frozen=True)
class EncoderSize:
    """Width and depth of the convolutional encoders.

    Parameters
    ----------
    width : int
        Channels of the first stage; each further stage doubles them.
    blocks : tuple of int
        Residual blocks of each stage.
    """

    width: int
    blocks: tuple[int, ...]


#: ``"paper"`` is ResNet-18 (SeisBind, arXiv:2601.14607, names it for the velocity encoder);
#: ``"small"`` trains in minutes on two cores.
SIZES: dict[str, EncoderSize] = {
    "small": EncoderSize(width=16, blocks=(1, 1, 1, 1)),
    "paper": EncoderSize(width=64, blocks=(2, 2, 2, 2)),
}
