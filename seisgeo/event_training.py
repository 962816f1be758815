"""Training of networks over event records, with whatever loss, on Lightning's Trainer."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from seisgeo import lightning_run
from seisgeo.batches import in_order, loader
from seisgeo.errors import TrainingError
from seisgeo.estimators.views import Views
from seisgeo.lightning_run import parameter_groups, rate_at

__all__ = ["Loss", "Schedule", "fit_network", "split_rows"]

#: Loss of a batch of arrays, as a scalar; the generator is for augmentation.
Loss = Callable[[dict[str, Tensor], torch.Generator], Tensor]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Parameters
    ----------
    max_epochs, batch_size : int
        Passes over the data, and rows of a step.
    max_time : float or None
        Seconds after which training ends; the learning rate is then scheduled by whichever of
        epochs and time runs out first.
    learning_rate, weight_decay : float
        AdamW's; the rate warms up and follows a cosine.
    patience : int
        Epochs without a lower validation loss after which training stops.
    device : str
        ``"cpu"`` or ``"cuda"``, ``"cuda:1"``, ...
    seed : int
        Of batches and augmentation.
    progress : bool
        Whether to show a progress bar.
    least_steps : int, default 1
        Steps of an epoch, where a pass over the data takes fewer.
    part_decay : Mapping, default {}
        Weight decay of parts of the network, by their names, where it is another one.
    """

    max_epochs: int
    batch_size: int
    max_time: float | None
    learning_rate: float
    weight_decay: float
    patience: int
    device: str
    seed: int
    progress: bool
    least_steps: int = 1
    part_decay: Mapping[str, float] = field(default_factory=dict)


def fit_network(
    network: nn.Module,
    loss: Loss,
    views: Views,
    training: np.ndarray,
    validation: np.ndarray,
    schedule: Schedule,
) -> list[dict[str, float]]:
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

    Returns
    -------
    list of dict
        A row for each epoch: ``epoch``, ``train_loss``, ``val_loss``, ``learning_rate``,
        ``seconds``.

    Raises
    ------
    TrainingError
        If the loss is not finite.
    """
    epoch = _Epoch(training, schedule)
    module = _Module(network, loss, schedule, len(epoch))
    loaders = [loader(views, epoch)]
    callbacks: list[Any] = [_Keeper()]
    if len(validation):
        rows = in_order(len(validation), schedule.batch_size)
        loaders.append(loader(views, [validation[part] for part in rows]))
        callbacks.append(L.pytorch.callbacks.EarlyStopping("val_loss", patience=schedule.patience))
    if schedule.progress:
        callbacks.append(lightning_run.ProgressBar())
    with lightning_run.quiet(), lightning_run.interruptible():
        trainer = L.Trainer(
            **lightning_run.trainer_settings(schedule.device),
            max_epochs=schedule.max_epochs,
            callbacks=callbacks,
        )
        trainer.fit(module, *loaders)
    callbacks[0].restore(module)
    network.to("cpu").eval()
    return module.history


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


class _Module(L.LightningModule):
    """The loop's view of the network: steps, optimiser, rate, history."""

    def __init__(self, network: nn.Module, loss: Loss, schedule: Schedule, steps: int) -> None:
        super().__init__()
        self.steps_per_epoch = steps
        self.network = network
        self.loss = loss
        self.schedule = schedule
        self.history: list[dict[str, float]] = []
        self._sums: dict[str, list[float]] = {}
        self._started = time.monotonic()

    def _draws(self, seed: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(seed)

    def on_fit_start(self) -> None:
        self._started = time.monotonic()
        self._generator = self._draws(self.schedule.seed)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        loss = self.loss(batch, self._generator)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {float(loss)} in epoch {self.current_epoch}, step {index}: lower "
                "learning_rate, or look for extreme values in the training set"
            )
        self._sums.setdefault("train_loss", []).append(float(loss.detach()))
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        # The same draws in every epoch, so that epochs can be compared.
        loss = self.loss(batch, self._draws(index))
        self._sums.setdefault("val_loss", []).append(float(loss))

    def on_validation_epoch_end(self) -> None:
        self.log("val_loss", float(np.mean(self._sums["val_loss"])))

    @property
    def done(self) -> float:
        """Share of the training that is over, by steps or by time."""
        share = self.global_step / max(1, self.schedule.max_epochs * self.steps_per_epoch)
        if self.schedule.max_time is not None:
            share = max(share, (time.monotonic() - self._started) / self.schedule.max_time)
        return share

    def on_train_batch_start(self, batch: Any, index: int) -> None:
        done = self.done
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.schedule.learning_rate * rate_at(done)
        if done >= 1:
            self.trainer.should_stop = True

    def close_epoch(self) -> None:
        """Turn what the epoch's steps collected into a row of the history."""
        self.history.append(
            {
                "epoch": float(self.current_epoch),
                **{name: float(np.mean(values)) for name, values in self._sums.items()},
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
                "seconds": time.monotonic() - self._started,
            }
        )
        self._sums = {}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        plan = self.schedule
        groups = parameter_groups(self.network, plan.weight_decay, plan.part_decay)
        return torch.optim.AdamW(groups, lr=self.schedule.learning_rate)


class _Keeper(L.Callback):
    """Write the history, and remember the weights of the lowest validation loss."""

    def __init__(self) -> None:
        self.best = math.inf
        self.weights: dict[str, Tensor] | None = None

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        loss = float(trainer.callback_metrics["val_loss"])
        if loss < self.best:
            self.best = loss
            self.weights = copy.deepcopy(pl_module.state_dict())

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, _Module)
        pl_module.close_epoch()

    def restore(self, module: nn.Module) -> None:
        if self.weights is not None:
            module.load_state_dict(self.weights)


class _Epoch:
    """Shuffled batches of one size: the rows left over are passed over in this pass."""

    def __init__(self, rows: np.ndarray, schedule: Schedule) -> None:
        self.rows = rows
        self.batch = min(schedule.batch_size, len(rows))
        self.least = schedule.least_steps
        self.generator = torch.Generator().manual_seed(schedule.seed)

    def __iter__(self) -> Iterator[np.ndarray]:
        left = len(self)
        while left:
            order = self.rows[torch.randperm(len(self.rows), generator=self.generator).numpy()]
            passed = min(left, len(self.rows) // self.batch)
            yield from (order[i * self.batch : (i + 1) * self.batch] for i in range(passed))
            left -= passed

    def __len__(self) -> int:
        return max(self.least, len(self.rows) // self.batch)
