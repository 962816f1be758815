"""Training of networks over event records, with whatever loss, on Lightning's Trainer."""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from seisgeo.errors import TrainingError
from seisgeo.estimators.views import Views

__all__ = ["Loss", "Schedule", "blocks_of", "fit_network", "split_rows"]

#: Steps in which the learning rate rises, as a share of training.
WARM_UP = 0.05

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
    module = _Module(network, loss, schedule)
    loader = _loader(views, _Epoch(training, schedule))
    loaders = None
    callbacks: list[Any] = [_Keeper()]
    if len(validation):
        loaders = _loader(views, blocks_of(validation, schedule.batch_size))
        callbacks.append(L.pytorch.callbacks.EarlyStopping("val_loss", patience=schedule.patience))
    if schedule.progress:
        callbacks.append(_Bar())
    kind, _, index = schedule.device.partition(":")
    with _quiet():
        trainer = L.Trainer(
            accelerator="gpu" if kind == "cuda" else kind,
            devices=[int(index)] if index else 1,
            precision="bf16-mixed" if kind == "cuda" else "32-true",
            max_epochs=schedule.max_epochs,
            callbacks=callbacks,
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, loader, loaders)
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

    def __init__(self, network: nn.Module, loss: Loss, schedule: Schedule) -> None:
        super().__init__()
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
        share = self.global_step / max(1, self.trainer.estimated_stepping_batches)
        if self.schedule.max_time is not None:
            share = max(share, (time.monotonic() - self._started) / self.schedule.max_time)
        return share

    def on_train_batch_start(self, batch: Any, index: int) -> None:
        done = self.done
        rate = min(1.0, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.schedule.learning_rate * rate
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
        # Decay belongs on matrices and kernels only, not on norms, biases and the temperature.
        learning = [p for p in self.network.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in learning if p.ndim > 1],
                "weight_decay": self.schedule.weight_decay,
            },
            {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
        ]
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


class _Bar(L.Callback):
    """One bar for the whole training, in per cent of its epochs or its time."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        self.bar = tqdm(total=1.0, desc="train", bar_format=layout)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, _Module)
        self.bar.update(min(pl_module.done, 1.0) - self.bar.n)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, _Module)
        row = pl_module.history[-1]
        shown = {"epoch": int(row["epoch"]) + 1, "loss": f"{row['train_loss']:.3f}"}
        if "val_loss" in row:
            shown["val"] = f"{row['val_loss']:.3f}"
        self.bar.set_postfix(shown)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.bar is not None:
            self.bar.close()


class _Epoch:
    """Shuffled batches of one size: the rows left over are passed over in this epoch."""

    def __init__(self, rows: np.ndarray, schedule: Schedule) -> None:
        self.rows = rows
        self.batch = min(schedule.batch_size, len(rows))
        self.generator = torch.Generator().manual_seed(schedule.seed)

    def __iter__(self) -> Iterator[list[int]]:
        order = self.rows[torch.randperm(len(self.rows), generator=self.generator).numpy()]
        return (order[i * self.batch : (i + 1) * self.batch].tolist() for i in range(len(self)))

    def __len__(self) -> int:
        return len(self.rows) // self.batch


def blocks_of(rows: np.ndarray, batch: int) -> list[list[int]]:
    """Rows in order; a last one alone would have nothing to be contrasted with and joins others.

    Examples
    --------
    >>> blocks_of(np.arange(7), 3)
    [[0, 1, 2], [3, 4, 5, 6]]
    """
    edges = list(range(0, len(rows), batch))
    if len(edges) > 1 and len(rows) - edges[-1] == 1:
        edges.pop()
    return [rows[a:b].tolist() for a, b in zip(edges, [*edges[1:], len(rows)], strict=True)]


def _loader(views: Views, batches: Any) -> DataLoader:
    # Each "sample" of the loader is a whole batch, so that lazy data are read in one go.
    return DataLoader(
        views,  # type: ignore[arg-type]
        sampler=batches,
        batch_size=None,
        collate_fn=_to_tensors,  # type: ignore[arg-type]
        generator=torch.Generator().manual_seed(0),  # else it would draw from the global one
    )


def _to_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's start-up notes, meant for its own users, from ours."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        warnings.filterwarnings("ignore", message=r".*does not have many workers.*")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
