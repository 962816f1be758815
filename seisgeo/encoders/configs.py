"""The encoders by name."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ENCODERS", "EncoderConfig"]


@dataclass(frozen=True)
class EncoderConfig:
    """What the encoders of a model are made of.

    Parameters
    ----------
    width : int
        Channels of the first stage of the convolutional encoders; each further stage doubles them.
    blocks : tuple of int
        Residual blocks of each stage.
    shots : bool, default False
        Read gathers shot by shot, whatever their number, instead of as channels of one image.
    maps : bool, default True
        Let the velocity encoder see gradients, and means over coarse cells beside the network.
    """

    width: int
    blocks: tuple[int, ...]
    shots: bool = False
    maps: bool = True


#: ``"paper"`` is ResNet-18 (SeisBind, arXiv:2601.14607, names it for the velocity encoder);
#: ``"small"`` trains in minutes on two cores; ``"shots"`` is as small and reads shot by shot.
ENCODERS: dict[str, EncoderConfig] = {
    "small": EncoderConfig(width=16, blocks=(1, 1, 1, 1)),
    "shots": EncoderConfig(width=16, blocks=(1, 1, 1, 1), shots=True),
    "paper": EncoderConfig(width=64, blocks=(2, 2, 2, 2), maps=False),
}
