"""Networks over data of several domains: a classifier, and the latent causal model of LaCIM."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seisgeo.encoders.configs import EncoderConfig
from seisgeo.encoders.residual import ResidualNetwork
from seisgeo.encoders.standardise import Standardise

__all__ = ["DomainNetwork", "LatentCausalModel"]

#: Width of every layer but the last ones.
WIDTH = 128
#: Of the residual network that reads images: small, because domains seldom hold many samples.
CONVOLUTIONS = EncoderConfig(width=16, blocks=(1, 1, 1))


class _Network(Standardise):
    """What both networks share: the scale of the data, and the trunk that reads them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape if len(shape) == 1 else (shape[0], 1, 1))
        self.trunk: nn.Module
        if len(shape) == 1:
            self.trunk = nn.Sequential(_layer(shape[0], WIDTH), _layer(WIDTH, WIDTH))
        else:
            images = ResidualNetwork(shape[0], (shape[1], shape[2]), CONVOLUTIONS, WIDTH)
            self.trunk = nn.Sequential(images, nn.ReLU())

    def learn_scale(self, rows: Tensor) -> None:
        """Take mean and standard deviation of each feature, or of each channel of images."""
        self.learn(rows.movedim(1, -1).reshape(-1, rows.shape[1]))

    def standardise(self, rows: Tensor) -> Tensor:
        """Rows (batch, ...) with mean 0 and standard deviation 1 over the training set."""
        return super().forward(rows)


class DomainNetwork(_Network):
    """Classifier with the trunk and the label decoder of :class:`LatentCausalModel`.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample: (features,) or (channels, rows, columns).
    n_classes : int
        Classes.
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__(shape)
        self.label = nn.Sequential(_layer(WIDTH, WIDTH), nn.Linear(WIDTH, n_classes))

    def forward(self, rows: Tensor) -> Tensor:
        """Logits (batch, class) of rows (batch, *shape)."""
        return self.label(self.trunk(self.standardise(rows)))


class LatentCausalModel(_Network):
    """Latents s, which cause the label, and z, which only go along with it in a domain.

    A sample is decoded from both, its label from s alone. What differs from domain to domain is
    the prior of the latents, a normal distribution each.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample: (features,) or (channels, rows, columns).
    n_classes, n_domains : int
        Classes, and domains of the training set.
    causal_dim, spurious_dim : int
        Lengths of s and z.

    References
    ----------
    Sun et al. (2021), LaCIM, arXiv:2011.02203: here with normalisation within a sample instead of
    a batch, and squared errors.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        n_classes: int,
        n_domains: int,
        causal_dim: int,
        spurious_dim: int,
    ) -> None:
        super().__init__(shape)
        latent = causal_dim + spurious_dim
        self.causal_dim = causal_dim
        self.n_domains = n_domains
        # What the label hangs on is read in all domains by the same layer.
        self.causal_layer = _layer(WIDTH, WIDTH)
        self.causal_heads = nn.ModuleList(
            nn.Linear(WIDTH, 2 * causal_dim) for _ in range(n_domains)
        )
        self.spurious_heads = nn.ModuleList(
            nn.Sequential(_layer(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * spurious_dim))
            for _ in range(n_domains)
        )
        self.prior_mean = nn.Parameter(torch.zeros(n_domains, latent))
        self.prior_log_variance = nn.Parameter(torch.zeros(n_domains, latent))
        self.sample = nn.Sequential(
            _layer(latent, WIDTH), _layer(WIDTH, WIDTH), nn.Linear(WIDTH, math.prod(shape))
        )
        self.label = nn.Sequential(_layer(causal_dim, WIDTH), nn.Linear(WIDTH, n_classes))
        self.shape = shape

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior of the latents by every domain's head.

        Parameters
        ----------
        rows : torch.Tensor
            Standardised samples (batch, *shape).

        Returns
        -------
        mean, log_variance : torch.Tensor
            Shape (batch, domain, latent), s before z.
        """
        features = self.trunk(rows)
        causal = self.causal_layer(features)
        s = torch.stack([head(causal) for head in self.causal_heads], 1)  # (batch, domain, 2 s)
        z = torch.stack([head(features) for head in self.spurious_heads], 1)
        mean, log_variance = (
            torch.cat(halves, 2) for halves in zip(s.chunk(2, 2), z.chunk(2, 2), strict=True)
        )
        return mean, log_variance.clamp(-10, 5)  # a variance of e^-10 is none

    def divergence(self, mean: Tensor, log_variance: Tensor, domain: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the prior of each row's domain, (batch, latent)."""
        prior = self.prior_log_variance[domain]
        gap = (mean - self.prior_mean[domain]).square() + log_variance.exp()
        return 0.5 * (prior - log_variance + gap / prior.exp() - 1)

    def decode(self, latents: Tensor) -> Tensor:
        """Standardised samples (batch, *shape) of latents (batch, latent)."""
        return self.sample(latents).unflatten(1, self.shape)

    def classify(self, latents: Tensor) -> Tensor:
        """Logits (batch, class), from s alone."""
        return self.label(latents[:, : self.causal_dim])


def _layer(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, after), nn.LayerNorm(after), nn.ReLU())
