"""Encoder of records for SimCLR: a residual network over waveforms or spectrograms."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import ENCODERS
from seisgeo.encoders.residual import ResidualNetwork
from seisgeo.encoders.spectrum import log_spectrogram, spectrogram_window, unit_rms

__all__ = ["RecordEncoder"]


class RecordEncoder(nn.Module):
    """Residual network over records of one length, with the projection that SimCLR trains through.

    Records are divided by their RMS over all components, so that gain drops out and the ratios of
    components stay.

    Parameters
    ----------
    n_components, nt : int
        Components of a record, and its samples.
    view : {"spectrum", "waveform"}
        What the network sees: log spectrograms (Hann windows of about a sixteenth of the record
        that overlap by three quarters), or the samples themselves.
    out_features : int
        Length of the features.
    """

    def __init__(self, n_components: int, nt: int, view: str, out_features: int) -> None:
        super().__init__()
        self.view = view
        shape = (nt, 1)
        if view == "spectrum":
            window = spectrogram_window(nt)
            shape = (window // 2, 1 + nt // (window // 4))
        self.network = ResidualNetwork(n_components, shape, ENCODERS["small"], out_features)
        self.projection = nn.Sequential(
            nn.Linear(out_features, out_features), nn.ReLU(), nn.Linear(out_features, 64)
        )

    def features(self, waveforms: Tensor) -> Tensor:
        """Map waveforms (batch, component, time) to unit vectors (batch, out_features)."""
        records = unit_rms(waveforms)
        images = log_spectrogram(records) if self.view == "spectrum" else records[..., None]
        return functional.normalize(self.network(images), dim=1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map waveforms to the unit vectors that are contrasted (batch, 64)."""
        return functional.normalize(self.projection(self.features(waveforms)), dim=1)
