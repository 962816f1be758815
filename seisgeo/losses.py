"""Losses: contrastive ones, and that of the worst group."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "LOSSES",
    "InfoNCE",
    "LogitScale",
    "SigmoidLoss",
    "WorstGroup",
    "info_nce",
    "near_copies",
    "nt_xent",
    "sigmoid",
]


def info_nce(
    a: Tensor,
    b: Tensor,
    scale: Tensor | float,
    same: Tensor | None = None,
    others: Tensor | None = None,
    worth: Tensor | None = None,
) -> Tensor:
    """Symmetric InfoNCE: row i of `a` belongs with row i of `b` and with no other.

    Parameters
    ----------
    a, b : torch.Tensor
        Embeddings of unit length, shape (batch, feature).
    scale : torch.Tensor or float
        Inverse temperature that multiplies the cosine similarities.
    same : torch.Tensor of bool, optional
        Shape (batch, batch). Where True, row i and row j are the same thing twice and are not
        contrasted; the diagonal does not matter.
    others : torch.Tensor, optional
        More embeddings, (n, feature), with which no row of `a` belongs: hard negatives.
    worth : torch.Tensor, optional
        For each row of `a`, (batch,), how much one of `others` counts beside a row of `b`: 0 for
        not at all; by default 1, as much.

    Returns
    -------
    torch.Tensor
        Mean of the cross-entropies of a against all b and `others`, and of b against all a;
        ln(batch) when the embeddings say nothing and there are no others.

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
    logits = _similarities(a, b, scale)  # (batch, batch)
    if same is not None:
        logits = logits.masked_fill(_off_diagonal(same), -torch.inf)
    target = torch.arange(len(a), device=a.device)
    wide = logits
    if others is not None:
        more = _similarities(a, others, scale)
        if worth is not None:  # as if so many of each were there
            more = more + worth.log()[:, None]
        wide = torch.cat([logits, more], dim=1)
    return (functional.cross_entropy(wide, target) + functional.cross_entropy(logits.T, target)) / 2


def sigmoid(
    a: Tensor,
    b: Tensor,
    scale: Tensor | float,
    bias: Tensor | float,
    same: Tensor | None = None,
    others: Tensor | None = None,
    worth: Tensor | None = None,
) -> Tensor:
    """Sigmoid loss: each of the batch's pairs is judged alone, as matching or not.

    Parameters
    ----------
    a, b, scale, same, others, worth
        As for :func:`info_nce`.
    bias : torch.Tensor or float
        Added to the logits; about minus the logarithm of the batch, as most pairs do not match.

    Returns
    -------
    torch.Tensor
        Sum over all pairs of -log sigmoid(+-(scale cos + bias)), over the batch.

    References
    ----------
    SigLIP, Zhai et al. (2023), arXiv:2303.15343.

    Examples
    --------
    >>> import torch
    >>> round(float(sigmoid(torch.eye(4), torch.eye(4), scale=10.0, bias=0.0)), 4)  # 3 ln 2
    2.0795
    """
    logits = _similarities(a, b, scale) + bias
    sign = 2 * torch.eye(len(a), dtype=logits.dtype, device=a.device) - 1
    losses = -functional.logsigmoid(sign * logits)
    if same is not None:
        losses = losses.masked_fill(_off_diagonal(same), 0.0)
    total = losses.sum()
    if others is not None:
        more = -functional.logsigmoid(-_similarities(a, others, scale) - bias)
        total = total + (more if worth is None else more * worth[:, None]).sum()
    return total / len(a)


def near_copies(values: Tensor, tolerance: float) -> Tensor:
    """Pairs of rows that are nearly equal.

    Parameters
    ----------
    values : torch.Tensor
        Shape (batch, ...).
    tolerance : float
        Root mean square of the difference of two rows below which they count as one.

    Returns
    -------
    torch.Tensor of bool
        Shape (batch, batch), symmetric, True on the diagonal.

    Examples
    --------
    >>> import torch
    >>> near_copies(torch.tensor([[1500.0], [1501.0], [2000.0]]), 5.0)[0].tolist()
    [True, True, False]
    """
    rows = values.flatten(1).float()
    # Distances by products lose digits to a large common offset: velocities are centred first.
    rows = rows - rows.mean(dim=0)
    with torch.autocast(values.device.type, enabled=False):
        square = rows.square().sum(dim=1)
        distance = square[:, None] + square[None, :] - 2 * rows @ rows.T  # (batch, batch)
    return distance <= tolerance**2 * rows.shape[1]


def _similarities(a: Tensor, b: Tensor, scale: Tensor | float) -> Tensor:
    # Half precision would round the logits, which reach 100, by more than they differ.
    with torch.autocast(a.device.type, enabled=False):
        dtype = torch.promote_types(a.dtype, torch.float32)
        return scale * a.to(dtype) @ b.to(dtype).T


def _off_diagonal(same: Tensor) -> Tensor:
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


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


def nt_xent(a: Tensor, b: Tensor, temperature: float, same: Tensor | None = None) -> Tensor:
    """NT-Xent: each of two copies finds the other among all copies of the batch but itself.

    Parameters
    ----------
    a, b : torch.Tensor
        Embeddings of unit length, shape (batch, feature): row i of both is one sample, changed
        twice.
    temperature : float
        Divides the cosine similarities.
    same : torch.Tensor of bool, optional
        Shape (batch, batch), symmetric. Where True, copies of row i and of row j belong together
        and are not contrasted; the diagonal does not matter.

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
    if same is not None:
        logits = logits.masked_fill(_off_diagonal(same).repeat(2, 2), -torch.inf)
    target = torch.arange(2 * n, device=a.device).roll(n)
    return functional.cross_entropy(logits, target)


class InfoNCE(nn.Module):
    """:func:`info_nce` with a learnable temperature.

    Parameters
    ----------
    temperature : float, default 0.07
        Where it starts.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.scale = LogitScale(temperature)

    def forward(
        self,
        a: Tensor,
        b: Tensor,
        same: Tensor | None = None,
        others: Tensor | None = None,
        worth: Tensor | None = None,
    ) -> Tensor:
        """Loss of two embeddings (batch, feature)."""
        return info_nce(a, b, self.scale(), same, others, worth)


class SigmoidLoss(nn.Module):
    """:func:`sigmoid` with a learnable temperature and bias; the bias starts at -10.

    Parameters
    ----------
    temperature : float, default 0.07
        Where it starts.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.scale = LogitScale(temperature)
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def forward(
        self,
        a: Tensor,
        b: Tensor,
        same: Tensor | None = None,
        others: Tensor | None = None,
        worth: Tensor | None = None,
    ) -> Tensor:
        """Loss of two embeddings (batch, feature)."""
        return sigmoid(a, b, self.scale(), self.bias, same, others, worth)


#: The losses by name.
LOSSES: dict[str, type[InfoNCE] | type[SigmoidLoss]] = {
    "info_nce": InfoNCE,
    "sigmoid": SigmoidLoss,
}


class WorstGroup(nn.Module):
    """Group DRO: mean losses of groups, the more weight the longer a group's has been high.

    Out of training it is the mean loss of the worst group.

    Parameters
    ----------
    groups : int
        How many there are.
    step : float
        How fast weights follow losses.

    References
    ----------
    Sagawa et al. (2020), arXiv:1911.08731, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> each, group = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0, 0, 1])
    >>> float(WorstGroup(2, 0.01).eval()(each, group))
    5.0
    """

    log_weight: Tensor

    def __init__(self, groups: int, step: float) -> None:
        super().__init__()
        self.step = step
        self.register_buffer("log_weight", torch.zeros(groups))

    def forward(self, each: Tensor, group: Tensor) -> Tensor:
        """Loss of a batch: losses (sample,), and the number of each sample's group."""
        none = torch.zeros_like(self.log_weight)
        count = none.index_add(0, group, torch.ones_like(each, dtype=none.dtype))
        mean = none.index_add(0, group, each.to(none.dtype)) / count.clamp(min=1)
        if not self.training:
            return mean.max()
        self.log_weight += self.step * mean.detach()
        return (self.log_weight.softmax(0) * mean).sum()
