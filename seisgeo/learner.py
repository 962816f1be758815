"""What every training has: a schedule, a history, the best weights, and a state to go on from."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from seisgeo import lightning_run
from seisgeo.checkpoint import read_state, write_state
from seisgeo.devices import processes
from seisgeo.errors import OutputExistsError, TrainingError
from seisgeo.files import differences, whole_output
from seisgeo.lightning_run import parameter_groups, rate_at

__all__ = ["CHECKPOINT", "History", "Learner", "Remaining", "Schedule", "learn", "stopped_run"]

#: One row for each epoch: epoch, train_loss, val_loss, learning_rate, seconds, ...
History = list[dict[str, float]]
#: The state of a run, in its folder.
CHECKPOINT = "checkpoint.safetensors"
#: Seconds between two checkpoints: what a kill can cost.
INTERVAL = 60.0


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Parameters
    ----------
    max_epochs, batch_size : int
        Passes over the data, and rows of a step, on all processes together.
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


class Learner(L.LightningModule):
    """A training: optimiser, learning rate, history, best weights, and the state to go on from.

    Subclasses have ``training_step`` and ``validation_step``, which end in :meth:`noted` and
    :meth:`collect`, and draw from :meth:`draws`, so that nothing but seed, epoch and step decides
    what a step does.

    Parameters
    ----------
    plan : Schedule
        The settings.
    steps_per_epoch : int
        Batches of an epoch.
    """

    def __init__(self, plan: Schedule, steps_per_epoch: int) -> None:
        super().__init__()
        self.plan: Any = plan
        self.steps_per_epoch = steps_per_epoch
        self.history: History = []
        self.epoch = self.step_in_epoch = 0
        self.best: dict[str, Any] = {"loss": math.inf, "epoch": -1, "weights": None}
        self.finished = False
        #: What `done` was when the step began, on the first of all processes.
        self.begun = 0.0
        self._sums: dict[str, list[float]] = {}
        self._started = time.monotonic()
        self._optimizer_state: dict[str, Any] | None = None

    @property
    def kept(self) -> nn.Module:
        """What training is for."""
        raise NotImplementedError

    def draws(self) -> torch.Generator:
        """Random numbers of this step and process: the same after a stop as without one."""
        entropy = [self.plan.seed, self.epoch, self.step_in_epoch, self.global_rank]
        seed = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
        return torch.Generator(self.device).manual_seed(int(seed >> 1))

    def noted(self, loss: Tensor) -> Tensor:
        """The loss of a training step, noted; an error where it is not finite."""
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {float(loss)} in epoch {self.epoch}, step {self.step_in_epoch}: "
                "lower learning_rate, or look for extreme values in the training set"
            )
        self.collect("train_loss", loss)
        return loss

    def collect(self, name: str, value: Tensor) -> None:
        """Note a number of which the history keeps the epoch's mean."""
        self._sums.setdefault(name, []).append(float(value.detach()))

    @property
    def seconds(self) -> float:
        """Time of training so far, that before a stop included."""
        return time.monotonic() - self._started

    @property
    def done(self) -> float:
        """Share of the training that is over, by steps or by time."""
        step = self.epoch * self.steps_per_epoch + self.step_in_epoch
        share = step / max(1, self.plan.max_epochs * self.steps_per_epoch)
        if self.plan.max_time is not None:
            share = max(share, self.seconds / self.plan.max_time)
        return share

    # ---- Lightning's hooks

    def on_train_start(self) -> None:
        """Put the optimiser where the run was stopped.

        Raises
        ------
        TrainingError
            If another process goes on from another step.
        """
        here = [self.epoch, self.step_in_epoch]
        first = self.trainer.strategy.broadcast(here)
        if first != here:
            raise TrainingError(
                f"process {self.global_rank} goes on from epoch {here[0]}, step {here[1]}, process "
                f"0 from epoch {first[0]}, step {first[1]}: checkpoint must be a folder that all "
                "nodes share"
            )
        if self._optimizer_state is not None:
            self.trainer.optimizers[0].load_state_dict(self._optimizer_state)
            self._optimizer_state = None

    def on_train_batch_start(self, batch: Any, index: int) -> None:
        """Set the learning rate: a warm-up, then half a cosine."""
        done = self.done
        if self.plan.max_time is not None:  # clocks differ, and processes must stop together
            done = self.trainer.strategy.broadcast(done)
        self.begun = done
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.plan.learning_rate * rate_at(done)
        if done >= 1:
            self.trainer.should_stop = True

    def on_validation_epoch_end(self) -> None:
        """Keep the best weights, and stop where nothing gets better."""
        loss = float(np.mean(self._sums["val_loss"]))
        if loss < self.best["loss"]:
            weights = {k: v.detach().clone() for k, v in self.kept.state_dict().items()}
            self.best = {"loss": loss, "epoch": self.epoch, "weights": weights}
        elif self._no_longer_helps(self.epoch):
            self.trainer.should_stop = True

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over everything that is learned."""
        groups = parameter_groups(self, self.plan.weight_decay)
        return torch.optim.AdamW(groups, lr=self.plan.learning_rate)

    # ---- counting

    def close_step(self) -> None:
        """Count a step."""
        self.step_in_epoch += 1

    def close_epoch(self) -> None:
        """Turn what the epoch's steps collected into a row of the history."""
        self.history.append(
            {
                "epoch": float(self.epoch),
                **{name: float(np.mean(values)) for name, values in self._sums.items()},
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
                **self.numbers(),
                "seconds": self.seconds,
            }
        )
        self._sums = {}
        self.epoch, self.step_in_epoch = self.epoch + 1, 0

    def numbers(self) -> dict[str, float]:
        """More of what an epoch's row of the history holds."""
        return {}

    # ---- what is kept

    def leave(self) -> None:
        """Leave the weights of the lowest validation loss, or the last ones, on the CPU."""
        if self.best["weights"] is not None:
            self.kept.load_state_dict(self.best["weights"])

    def state(self) -> dict[str, Any]:
        """Everything that a run needs to go on exactly, between two steps."""
        return {
            "weights": dict(self.state_dict()),
            "optimizer": self.trainer.optimizers[0].state_dict(),
            "history": self.history,
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "sums": self._sums,
            "best": self.best,
            "seconds": self.seconds,
            "finished": self.finished,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state` was taken, before training starts."""
        self.load_state_dict(state["weights"])
        self._optimizer_state = state["optimizer"]
        self.history = state["history"]
        self.epoch, self.step_in_epoch = state["epoch"], state["step_in_epoch"]
        self._sums, self.best = state["sums"], state["best"]
        self._started = time.monotonic() - state["seconds"]
        # A kill between the last epoch and the end of the run leaves no note of the end.
        judged = self.step_in_epoch == 0 and self.best["weights"] is not None
        self.finished = state["finished"] or (judged and self._no_longer_helps(self.epoch - 1))

    def _no_longer_helps(self, epoch: int) -> bool:
        return epoch - self.best["epoch"] >= self.plan.patience


def learn(
    module: Learner,
    loaders: list[Any],
    *,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> History:
    """Train, and leave the module at the epoch of lowest validation loss.

    Parameters
    ----------
    module : Learner
        What learns, and how long.
    loaders : list
        Of training batches, which begin where the module stands, and of validation batches, if
        there are any.
    folder : pathlib.Path, optional
        Where checkpoints and logs go. A run that was stopped goes on from there.
    settings : mapping, optional
        What names the run: one with other settings is not gone on with.

    Returns
    -------
    History
        What happened in each epoch.

    Raises
    ------
    OutputExistsError
        If the folder holds a run of other settings.
    ModelFileError
        If its checkpoint was cut short or altered.
    TrainingError
        If the loss is not finite.
    """
    rank, local, world = processes()
    callbacks: list[Any] = [_Count()]
    if folder is not None:
        state = stopped_run(folder, settings or {})
        if state is not None:
            module.restore(state)
        if rank == 0:
            callbacks.append(_Diary(folder, settings or {}))
    if module.plan.progress and rank == 0:
        callbacks.append(lightning_run.ProgressBar())
    if not module.finished:
        with lightning_run.quiet(), lightning_run.interruptible():
            trainer = L.Trainer(
                **lightning_run.trainer_settings(module.plan.device, local),
                num_nodes=world // local,
                strategy="ddp" if world > 1 else "auto",
                use_distributed_sampler=False,
                max_epochs=module.plan.max_epochs - module.epoch,
                callbacks=callbacks,
            )
            trainer.fit(module, *loaders)
    module.leave()
    return module.history


class Remaining:
    """Batches of the epoch that a module is in, without those that it has seen.

    Parameters
    ----------
    module : Learner
        It counts.
    batches : Batches or Replay
        Has a method ``epoch`` of the epoch's number and of how many to leave out.
    rows : numpy.ndarray, optional
        What the numbers in the batches stand for, where they stand for other numbers.
    """

    def __init__(self, module: Learner, batches: Any, rows: np.ndarray | None = None) -> None:
        self.module, self.batches, self.rows = module, batches, rows

    def __iter__(self) -> Iterator[Any]:
        for part in self.batches.epoch(self.module.epoch, self.module.step_in_epoch):
            yield part if self.rows is None else self.rows[part]


def stopped_run(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """State that a run left in a folder; None where there is none.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    settings : mapping
        Those that the run must have had; empty: any.

    Raises
    ------
    OutputExistsError
        If it had others; the message names them.
    ModelFileError
        If the checkpoint was cut short or altered.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    state = read_state(path)
    lines = differences(settings, state["settings"]) if settings else []
    if lines:
        raise OutputExistsError(
            f"{folder} holds a training run with other settings; choose another folder, or remove "
            "it to begin anew:\n  " + "\n  ".join(lines)
        )
    return state


class _Count(L.Callback):
    """The module's own counting, before any other callback looks at it."""

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *args: Any) -> None:
        pl_module.close_step()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        pl_module.close_epoch()


class _Diary(L.Callback):
    """Checkpoints of a run and its curves, history.csv."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder, self.settings = folder, settings
        self.last = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def checkpoint(self, module: Learner) -> None:
        write_state(self.folder / CHECKPOINT, {**module.state(), "settings": dict(self.settings)})
        self.last = time.monotonic()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *args: Any) -> None:
        # Not after the last step of an epoch: its validation is still to come.
        if 0 < pl_module.step_in_epoch < pl_module.steps_per_epoch:
            self._checkpoint_when_due(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        names = list(dict.fromkeys(name for row in pl_module.history for name in row))
        with (
            whole_output(self.folder / "history.csv", overwrite=True) as part,
            part.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(pl_module.history)
        self._checkpoint_when_due(pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        pl_module.finished = True
        self.checkpoint(pl_module)

    def _checkpoint_when_due(self, module: Learner) -> None:
        if time.monotonic() - self.last >= INTERVAL:
            self.checkpoint(module)
