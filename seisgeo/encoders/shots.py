"""Encoder of gathers shot by shot: any number of sources and receivers, in any order."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seisgeo.encoders.configs import EncoderConfig
from seisgeo.encoders.residual import ResidualNetwork
from seisgeo.encoders.seismic import balance
from seisgeo.encoders.thinning import decimate

__all__ = ["ShotEncoder"]

#: Samples that a trace is thinned to, at least: 16 for each period of OpenFWI's wavelet.
SAMPLES = 250
#: Length of what a shot becomes.
TOKEN = 128
#: Metres of a kilometre: positions enter the network in km.
KM = 1000.0


class ShotEncoder(nn.Module):
    """One network reads each shot, with its offsets; attention over the sources joins them.

    A shot's image has six channels: balanced amplitudes with their sign and without, thinned in
    time without aliases; offset, its absolute value, receiver position and time. Receivers are put
    in the order of their positions, and attention knows sources by position alone: the order of
    neither matters, and there may be any number of both.

    Parameters
    ----------
    n_sources, nt, n_receivers : int
        The survey of the training gathers; the others may have more or fewer sources and receivers.
    config : EncoderConfig
        Width and depth of the network.
    out_features : int
        Length of the embedding.
    stem : (int, int), optional
        Samples and receivers that the network's first layers are made for; by default those of the
        survey.
    """

    source: Tensor
    receiver: Tensor

    def __init__(
        self,
        n_sources: int,
        nt: int,
        n_receivers: int,
        config: EncoderConfig,
        out_features: int,
        stem: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("source", torch.zeros(n_sources, 2))
        self.register_buffer("receiver", torch.zeros(n_sources, n_receivers, 2))
        self.factor = max(1, nt // SAMPLES)
        samples, receivers = (nt, n_receivers) if stem is None else stem
        thinned = -(-samples // max(1, samples // SAMPLES))
        self.network = ResidualNetwork(6, (thinned, receivers), config, TOKEN)
        self.position = nn.Sequential(nn.Linear(2, 64), nn.GELU(), nn.Linear(64, TOKEN))
        self.attention = nn.TransformerEncoderLayer(
            TOKEN, 4, 2 * TOKEN, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Linear(TOKEN, out_features)

    def place(self, source: Tensor, receiver: Tensor) -> None:
        """Take the positions that hold where :meth:`forward` is given none.

        Parameters
        ----------
        source : torch.Tensor
            x and depth (m) of each source, (source, 2).
        receiver : torch.Tensor
            x and depth (m) of its receivers, (source, receiver, 2).
        """
        self.source.copy_(source)
        self.receiver.copy_(receiver)

    def forward(
        self, gathers: Tensor, source: Tensor | None = None, receiver: Tensor | None = None
    ) -> Tensor:
        """Map gathers (batch, source, time, receiver) to unit vectors (batch, feature)."""
        return functional.normalize(self.features(gathers, source, receiver), dim=1)

    def features(
        self, gathers: Tensor, source: Tensor | None = None, receiver: Tensor | None = None
    ) -> Tensor:
        """Map gathers (batch, source, time, receiver) to vectors (batch, feature) of any length."""
        source = self.source if source is None else source
        receiver = self.receiver if receiver is None else receiver
        batch, shots, nt, _ = gathers.shape
        order = receiver[..., 0].argsort(dim=1, stable=True)  # (source, receiver)
        receiver = receiver.gather(1, order[..., None].expand(-1, -1, 2))
        gathers = gathers.gather(3, order[None, :, None].expand(batch, -1, nt, -1))
        amplitude = balance(gathers).flatten(0, 1).unsqueeze(1)  # (batch source, 1, time, receiver)
        images = decimate(torch.cat([amplitude, amplitude.abs()], dim=1), self.factor)
        offset = (receiver[..., 0] - source[:, :1]) / KM  # (source, receiver)
        time = torch.linspace(-1, 1, images.shape[2], device=images.device)
        maps = torch.stack([offset, offset.abs(), receiver[..., 0] / KM], dim=1)
        maps = torch.cat(
            [
                maps[:, :, None].expand(-1, -1, len(time), -1),
                time[None, None, :, None].expand(shots, 1, -1, maps.shape[2]),
            ],
            dim=1,
        )  # (source, 4, time, receiver)
        images = torch.cat([images, maps.repeat(batch, 1, 1, 1).to(images)], dim=1)
        tokens = self.network(images).unflatten(0, (batch, shots))  # (batch, source, token)
        tokens = self.attention(tokens + self.position(source / KM))
        return self.head(tokens.mean(dim=1))
