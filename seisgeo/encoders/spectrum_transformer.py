"""Encoder of waveforms: a vision transformer over their spectra."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seisgeo.encoders.spectrum import N_FREQUENCIES, frames_of, waveform_spectrum

__all__ = [
    "TRANSFORMER_SIZES",
    "SpectrumEncoder",
    "TransformerSize",
    "shortest_record",
]

#: Side of a patch and distance between patches (cells of the spectrum): patches overlap.
PATCH, STRIDE = 16, 10
#: Standard deviation of the tokens' and positions' first values.
POSITION = 0.3


@dataclass(frozen=True)
class TransformerSize:
    """Width and depth of the event encoders.

    Parameters
    ----------
    width : int
        Length of the tokens, and of the features.
    depth : int
        Transformer blocks.
    heads : int
        Attention heads of a block.
    hidden : int
        Width of the information encoder's layers.
    octaves : int, default 0
        Of the sines and cosines by which it reads fields, see :class:`InformationEncoder`.
    logarithm : bool, default False
        Read the logarithm of the spectra: P waves and noise, of a hundredth of the strongest
        amplitude, then differ as much as S waves do.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    octaves: int = 0
    logarithm: bool = False


#: ``"paper"`` is SeisCLIP's (a small distilled DeiT, arXiv:2309.02320); ``"small"`` is made to
#: learn from nothing in minutes on two cores.
TRANSFORMER_SIZES: dict[str, TransformerSize] = {
    "small": TransformerSize(width=64, depth=2, heads=4, hidden=256, octaves=4, logarithm=True),
    "paper": TransformerSize(width=384, depth=12, heads=6, hidden=512),
}


class SpectrumEncoder(nn.Module):
    """Audio spectrogram transformer over the spectra of several components.

    A convolution of 3 frames by 5 frequencies makes one image of the components; overlapping
    patches of it become tokens, and the mean of a class and a distillation token is the feature.

    Parameters
    ----------
    n_components, nt : int
        Components of a record, and its samples.
    window : int
        Samples of a spectrum's windows, see :func:`waveform_spectrum`.
    size : TransformerSize
        Width and depth.

    Attributes
    ----------
    n_patches : int
        44 for 6000 samples and windows of 100, 236 for windows of 20.

    References
    ----------
    SeisCLIP, arXiv:2309.02320; AST, Gong et al. (2021), arXiv:2104.01778; DeiT, Touvron et al.
    (2021), arXiv:2012.12877.

    Examples
    --------
    >>> import torch
    >>> encoder = SpectrumEncoder(3, 6000, 100, TRANSFORMER_SIZES["paper"])
    >>> encoder(torch.randn(2, 3, 6000)).shape, encoder.n_patches
    (torch.Size([2, 384]), 44)
    """

    def __init__(self, n_components: int, nt: int, window: int, size: TransformerSize) -> None:
        super().__init__()
        self.window = window
        self.logarithm = size.logarithm
        self.n_patches = _patches(N_FREQUENCIES) * _patches(frames_of(nt, window))
        self.mix = nn.Conv2d(n_components, 1, (3, 5), padding=(1, 2), bias=False)
        self.patches = nn.Conv2d(1, size.width, PATCH, STRIDE)
        self.class_token = nn.Parameter(torch.empty(1, 1, size.width))
        self.distillation_token = nn.Parameter(torch.empty(1, 1, size.width))
        self.positions = nn.Parameter(torch.empty(1, self.n_patches + 2, size.width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                size.width,
                size.heads,
                4 * size.width,
                dropout=0.0,
                activation="gelu",
                layer_norm_eps=1e-6,
                batch_first=True,
                norm_first=True,
            )
            for _ in range(size.depth)
        )
        self.norm = nn.LayerNorm(size.width, eps=1e-6)
        # DeiT's 0.02 suits a width of 384: narrower networks would hardly pass on what they see at
        # first. Positions are as strong as patches, since it is times that are to be told.
        for name, parameter in self.named_parameters():
            if "norm" in name or name.startswith(("mix", "patches")):
                continue
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 3:
                nn.init.trunc_normal_(parameter, std=POSITION)
            else:
                nn.init.trunc_normal_(parameter, std=parameter.shape[1] ** -0.5)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map waveforms (batch, component, time) to features (batch, width), of any length."""
        return self.encode_spectrum(waveform_spectrum(waveforms, self.window))

    def encode_spectrum(self, spectrum: Tensor) -> Tensor:
        """Map spectra (batch, component, frame, frequency) to features (batch, width)."""
        if self.logarithm:
            spectrum = _compress(spectrum)
        image = self.mix(spectrum).transpose(2, 3)  # (batch, 1, frequency, frame)
        patches = self.patches(image).flatten(2).transpose(1, 2)  # (batch, patch, width)
        first = torch.cat([self.class_token, self.distillation_token], dim=1)
        tokens = torch.cat([first.expand(len(patches), -1, -1), patches], dim=1) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens[:, :2]).mean(dim=1)


def _compress(spectrum: Tensor) -> Tensor:
    """Logarithm of magnitudes of standardised records, of about mean 0 and standard deviation 1."""
    return (torch.log(spectrum + 3e-3) + 4.5) / 1.2


def _patches(cells: int) -> int:
    return max(0, (cells - PATCH) // STRIDE + 1)


def shortest_record(window: int) -> int:
    """Samples that a record must have for one patch."""
    return (PATCH - 1) * (window // 2) + 1
