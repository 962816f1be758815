"""Training of networks over event records, with whatever loss, on Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seisgeo.batches import Batches, in_order, loader
from seisgeo.estimators.views import Views
from seisgeo.learner import History, Learner, Remaining, Schedule, learn
from seisgeo.lightning_run import parameter_groups

__all__ = ["Loss", "Schedule", "fit_network", "split_rows"]

#: Loss of a batch of arrays, as a scalar; the generator is for augmentation.
Loss = Callable[[dict[str, Tensor], torch.Generator], Tensor]


def fit_network(
    network: nn.Module,
    loss: Loss,
    views: Views,
    training: np.ndarray,
    validation: np.ndarray,
    schedule: Schedule,
    *,
    least_steps: int = 1,
    part_decay: Mapping[str, float] | None = None,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> History:
    """Train the parameters of `network` in place, and leave them at the lowest validation loss.

    Parameters
    ----------
    network : torch.nn.Module
        Holds everything that learns; parameters that need no gradient stay as they are.
    loss : callable
        What to minimise, see :data:`Loss`.
    views : Views
        The data; lazy ones are read batch by batch.
    training, validation : numpy.ndarray
        Rows to learn from, and rows to stop by (none: train to the end).
    schedule : Schedule
        The settings.
    least_steps : int, default 1
        Steps of an epoch, where a pass over the data takes fewer.
    part_decay : mapping of str to float, optional
        Weight decay of parts of the network, by their names, where it is another one.
    folder, settings : optional
        Of the run, see :func:`seisgeo.learner.learn`.

    Returns
    -------
    History
        A row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ``learning_rate``,
        ``seconds``.

    Raises
    ------
    TrainingError
        If the loss is not finite.
    OutputExistsError
        If the folder holds a run of other settings.
    """
    batches = Batches(len(training), schedule.batch_size, schedule.seed, least=least_steps)
    module = _Fit(network, loss, schedule, len(batches), part_decay)
    loaders = [loader(views, Remaining(module, batches, training))]
    if len(validation):
        rows = in_order(len(validation), schedule.batch_size)
        loaders.append(loader(views, [validation[part] for part in rows]))
    history = learn(module, loaders, folder=folder, settings=settings)
    network.to("cpu").eval()
    return history


def split_rows(
    groups: np.ndarray, fraction: float, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Rows held out for validation, and rows kept for training; groups stay whole.

    Parameters
    ----------
    groups : numpy.ndarray
        What each row belongs to: records of one earthquake are related.
    fraction : float
        Share of the groups held out. None is, where either part would have fewer than 2 rows.
    random : numpy.random.RandomState
        Draws them.
    """
    labels = np.unique(groups, return_inverse=True)[1]
    order = random.permutation(labels.max() + 1)
    held = np.isin(labels, order[: round(fraction * len(order))])
    if held.sum() < 2 or (~held).sum() < 2:
        held[:] = False
    return np.flatnonzero(held), np.flatnonzero(~held)


class _Fit(Learner):
    """A network that learns by any loss."""

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        plan: Schedule,
        steps: int,
        part_decay: Mapping[str, float] | None,
    ) -> None:
        super().__init__(plan, steps)
        self.network, self.loss, self.part_decay = network, loss, part_decay

    @property
    def kept(self) -> nn.Module:
        return self.network

    def configure_optimizers(self) -> torch.optim.Optimizer:
        groups = parameter_groups(self.network, self.plan.weight_decay, self.part_decay)
        return torch.optim.AdamW(groups, lr=self.plan.learning_rate)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        return self.noted(self.loss(batch, self.draws()))

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        # The same draws in every epoch, so that epochs can be compared.
        self.collect("val_loss", self.loss(batch, torch.Generator(self.device).manual_seed(index)))
