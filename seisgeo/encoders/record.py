"""Encoder of records for SimCLR: convolutions over waveforms or spectrograms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.spectrum import log_spectrogram, unit_rms

__all__ = ["RecordEncoder"]

#: Channels of the layers.
WIDTHS = (16, 32, 64)
#: Bands of frequency that are kept apart to the end.
BANDS = 4
#: Length of what is contrasted.
PROJECTED = 64


class RecordEncoder(nn.Module):
    """Convolutional network over records, with the projection that SimCLR trains through.

    Records are divided by their RMS over all components, so that gain drops out and the ratios of
    components stay. What the layers find is averaged over time, and its largest value taken beside:
    when an event comes in its window says nothing of what it is. A network that can tell the time
    recognises copies by accidents of the noise, and each training by others.

    Parameters
    ----------
    n_components : int
        Components of a record.
    view : {"spectrum", "waveform"}
        What the network sees: log spectrograms (Hann windows of about a sixteenth of the record
        that overlap by three quarters), or the samples themselves.
    out_features : int
        Length of the features.
    """

    def __init__(self, n_components: int, view: str, out_features: int) -> None:
        super().__init__()
        self.view = view
        spectral = view == "spectrum"
        self.bands = BANDS if spectral else 1
        layers: list[nn.Module] = []
        before = n_components
        for number, width in enumerate(WIDTHS):
            size = 5 if number == 0 else 3
            # Of waveforms only the second axis, time, is more than one cell.
            kernel, stride = ((size, size), 2) if spectral else ((1, 4 * size), (1, 4))
            padding = (kernel[0] // 2, kernel[1] // 2)
            layers += [
                nn.Conv2d(before, width, kernel, stride, padding, bias=False),
                # Not BatchNorm: a record's embedding must not depend on the batch.
                nn.GroupNorm(width // 8, width),
                nn.ReLU(inplace=True),
            ]
            before = width
        self.layers = nn.Sequential(*layers)
        # 1.6 times as fast on a CPU; torch's stubs do not know this keyword.
        self.layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = nn.Linear(2 * self.bands * before, out_features)
        self.projection = nn.Sequential(
            nn.Linear(out_features, out_features), nn.ReLU(), nn.Linear(out_features, PROJECTED)
        )

    def features(self, waveforms: Tensor) -> Tensor:
        """Map waveforms (batch, component, time) to unit vectors (batch, out_features)."""
        records = unit_rms(waveforms)
        images = log_spectrogram(records) if self.view == "spectrum" else records[:, :, None]
        found = self.layers(images.contiguous(memory_format=torch.channels_last))
        found = functional.adaptive_avg_pool2d(found, (self.bands, found.shape[3]))
        pooled = torch.cat([found.mean(dim=3), found.amax(dim=3)], dim=2)
        return functional.normalize(self.head(pooled.flatten(1)), dim=1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map waveforms to the unit vectors that are contrasted (batch, 64)."""
        return functional.normalize(self.projection(self.features(waveforms)), dim=1)
