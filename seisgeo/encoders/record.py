"""Encoder of records for SimCLR: a residual network over waveforms or spectrograms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import ENCODERS
from seisgeo.encoders.residual import ResidualNetwork

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
        self.window = max(16, 2 ** round(torch.log2(torch.tensor(nt / 16.0)).item()))
        shape = (nt, 1)
        if view == "spectrum":
            shape = (self.window // 2, 1 + nt // (self.window // 4))
        self.network = ResidualNetwork(n_components, shape, ENCODERS["small"], out_features)
        self.projection = nn.Sequential(
            nn.Linear(out_features, out_features), nn.ReLU(), nn.Linear(out_features, 64)
        )

    def features(self, waveforms: Tensor) -> Tensor:
        """Map waveforms (batch, component, time) to unit vectors (batch, out_features)."""
        centred = waveforms - waveforms.mean(dim=2, keepdim=True)
        rms = centred.square().mean(dim=(1, 2), keepdim=True).sqrt()
        records = centred / rms.clamp(min=torch.finfo(centred.dtype).tiny)
        images = self._spectrum(records) if self.view == "spectrum" else records[..., None]
        return functional.normalize(self.network(images), dim=1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map waveforms to the unit vectors that are contrasted (batch, 64)."""
        return functional.normalize(self.projection(self.features(waveforms)), dim=1)

    def _spectrum(self, records: Tensor) -> Tensor:
        """Log magnitudes (batch, component, frequency, frame), the zero frequency left out."""
        transform = torch.stft(
            records.flatten(0, 1),
            self.window,
            self.window // 4,
            window=torch.hann_window(self.window, device=records.device),
            pad_mode="constant",
            return_complex=True,
        )
        magnitude = transform[:, 1:].abs() / self.window**0.5
        return torch.log(magnitude + 1e-2).unflatten(0, records.shape[:2])
