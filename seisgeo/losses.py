"""Contrastive losses."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LogitScale", "info_nce", "nt_xent"]


def info_nce(a: Tensor, b: Tensor, scale: Tensor | float) -> Tensor:
    """Symmetric InfoNCE: row i of `a` belongs with row i of `b` and with no other.

    Parameters
    ----------
    a, b : torch.Tensor
        Embeddings of unit length, shape (batch, feature).
    scale : torch.Tensor or float
        Inverse temperature that multiplies the cosine similarities.

    Returns
    -------
    torch.Tensor
        Mean of the cross-entropies of a against all b and of b against all a; ln(batch) when the
        embeddings say nothing.

    References
    ----------
    van den Oord et al. (2018), arXiv:1807.03748; the symmetric form is CLIP's, Radford et al.
    (2021), arXiv:2103.00020.

    Examples
    --------
    >>> import torch
    >>> float(info_nce(torch.eye(4), torch.eye(4), scale=100.0)) < 1e-6
    True
    """
    # Half precision would round the logits, which reach 100, by more than they differ.
    with torch.autocast(a.device.type, enabled=False):
        logits = scale * a.float() @ b.float().T  # (batch, batch)
    target = torch.arange(len(a), device=a.device)
    return (
        functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
    ) / 2


class LogitScale(nn.Module):
    """Learnable inverse temperature, kept within [1, 100] as CLIP does.

    Parameters
    ----------
    temperature : float, default 0.07
        Where it starts.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    def forward(self) -> Tensor:
        """Inverse temperature as a scalar tensor."""
        return self.log_scale.clamp(0.0, math.log(100.0)).exp()


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """NT-Xent: each of two copies finds the other among all copies of the batch but itself.

    Parameters
    ----------
    a, b : torch.Tensor
        Embeddings of unit length, shape (batch, feature): row i of both is one sample, changed
        twice.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    torch.Tensor
        Mean over the 2 batch copies of the cross-entropy; ln(2 batch - 1) when the embeddings say
        nothing.

    References
    ----------
    SimCLR, Chen et al. (2020), arXiv:2002.05709.

    Examples
    --------
    >>> import torch
    >>> float(nt_xent(torch.eye(4), torch.eye(4), temperature=0.01)) < 1e-6
    True
    """
    n = len(a)
    with torch.autocast(a.device.type, enabled=False):
        both = torch.cat([a, b]).float()
        logits = both @ both.T / temperature  # (2 batch, 2 batch)
    logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=a.device), -torch.inf)
    target = torch.arange(2 * n, device=a.device).roll(n)
    return functional.cross_entropy(logits, target)
