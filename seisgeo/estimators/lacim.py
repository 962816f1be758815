"""LaCIM: labels that are to hold in a domain never seen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import ParameterError
from seisgeo.estimators.domain_classifier import DomainEstimator, document

if TYPE_CHECKING:
    import torch

__all__ = ["LaCIMClassifier"]

#: Latents drawn from each domain's head, and the rate at which the best are improved: the authors'.
DRAWS, SEARCH_RATE = 10, 7e-3


@document
class LaCIMClassifier(DomainEstimator):
    """Tell classes apart by what causes the label, not by what goes along with it in a domain.

    A generative model: latents s and z, together, make the sample; s alone makes the label. How s
    and z are distributed differs from domain to domain, how they act does not. A sample of a new
    domain is explained by the latents that reconstruct it best, and labelled by their s.

    Before you rely on it, compare it with :class:`seisgeo.DomainClassifier` in a domain that you
    hold out: on synthetic earthquakes and explosions of a region left out it was worse. The page
    on labels that travel says where it helped, and where it did not.

    Parameters
    ----------
    causal_dim, spurious_dim : int, default 16 and 16
        Lengths of s and z.
    reconstruction_weight, kl_weight, label_weight : float, default 8, 1 and 1
        Of the three parts of the loss: mean squared error of a standardised feature, divergence of
        a latent from the prior of its domain, cross-entropy of the labels.
    search_steps : int, default 100
        Steps in which the latents of a new sample are improved.

    References
    ----------
    Sun et al. (2021), Recovering latent causal factor for generalization to distributional shifts,
    NeurIPS 2021, arXiv:2011.02203. Weights and lengths are those of its authors' programs.

    Examples
    --------
    >>> import numpy as np
    >>> import seisgeo as sg
    >>> random = np.random.default_rng(0)
    >>> X, domain = random.normal(size=(60, 4)), np.repeat(["north", "south"], 30)
    >>> y = np.where(X[:, 0] > 0, "explosion", "earthquake")
    >>> model = sg.LaCIMClassifier(max_epochs=2, device="cpu", random_state=0, verbose=False)
    >>> model.fit(X, y, domain).predict(random.normal(size=(5, 4))).shape
    (5,)
    """

    def __init__(
        self,
        causal_dim: int = 16,
        spurious_dim: int = 16,
        *,
        reconstruction_weight: float = 8.0,
        kl_weight: float = 1.0,
        label_weight: float = 1.0,
        search_steps: int = 100,
        batch_size: int = 128,
        max_epochs: int = 60,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        validation_fraction: float = 0.1,
        patience: int = 20,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = True,
    ) -> None:
        self.causal_dim = causal_dim
        self.spurious_dim = spurious_dim
        self.reconstruction_weight = reconstruction_weight
        self.kl_weight = kl_weight
        self.label_weight = label_weight
        self.search_steps = search_steps
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        for name in ("causal_dim", "spurious_dim"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in ("reconstruction_weight", "kl_weight", "label_weight", "search_steps"):
            if getattr(self, name) < 0:
                raise ParameterError(f"{name} must not be negative, found {getattr(self, name)}")

    def _network(self) -> Any:
        from seisgeo.encoders.latent_causal import LatentCausalModel

        return LatentCausalModel(
            self.form_.shape,
            len(self.classes_),
            len(self.domains_),
            self.causal_dim,
            self.spurious_dim,
        )

    def _loss(self, network: Any) -> tuple[Callable[..., torch.Tensor], Any]:
        import torch
        from torch.nn import functional

        def loss(
            rows: torch.Tensor,
            target: torch.Tensor,
            domain: torch.Tensor,
            generator: torch.Generator,
        ) -> torch.Tensor:
            rows = network.standardise(rows)
            means, log_variances = network.encode(rows)
            row = torch.arange(len(rows), device=rows.device)
            mean, log_variance = means[row, domain], log_variances[row, domain]
            noise = torch.randn(mean.shape, generator=generator, device=mean.device)
            latents = mean + noise * (0.5 * log_variance).exp()
            return (
                self.reconstruction_weight * functional.mse_loss(network.decode(latents), rows)
                + self.kl_weight * network.divergence(mean, log_variance, domain).mean()
                + self.label_weight * functional.cross_entropy(network.classify(latents), target)
            )

        return loss, network

    def _logits(self, rows: torch.Tensor) -> torch.Tensor:
        import torch

        # In double precision: how a sum is rounded depends on the rows beside, and the search
        # magnifies what rounding leaves.
        network, rows = copy.deepcopy(self.network_).double(), rows.double()
        with torch.no_grad():
            rows = network.standardise(rows)
            latents = self._drawn(network, rows)
        latents.requires_grad_()
        optimiser = torch.optim.Adam([latents], lr=SEARCH_RATE)
        for _ in range(self.search_steps):
            error = (network.decode(latents) - rows).square().sum()
            (latents.grad,) = torch.autograd.grad(error, latents)
            optimiser.step()
        with torch.no_grad():
            return network.classify(latents)

    def _drawn(self, network: Any, rows: torch.Tensor) -> torch.Tensor:
        """Of the latents drawn from every domain's head those that reconstruct each row best."""
        import torch

        means, log_variances = network.encode(rows)
        # The same draws for every row: its answer does not depend on the rows beside it.
        generator = torch.Generator().manual_seed(self.seed_)
        draws = torch.randn((DRAWS, *means.shape[1:]), generator=generator).to(rows)
        best = torch.zeros_like(means[:, 0])
        lowest = rows.new_full((len(rows),), torch.inf)
        for number in range(network.n_domains):
            mean, spread = means[:, number], (0.5 * log_variances[:, number]).exp()
            for draw in draws[:, number]:
                latents = mean + draw * spread
                error = (network.decode(latents) - rows).square().flatten(1).sum(1)
                better = error < lowest
                best[better], lowest[better] = latents[better], error[better]
        return best
