"""Contrastive training of encoders, on Lightning's Trainer."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from torch import nn

from seisgeo import lightning_run
from seisgeo.batches import Batches, in_order, loader
from seisgeo.checkpoint import read_state, write_state
from seisgeo.contrast import Contrast, History, TrainingPlan
from seisgeo.devices import processes
from seisgeo.errors import OutputExistsError
from seisgeo.estimators.views import Views
from seisgeo.files import differences, whole_output
from seisgeo.replay import Replay

__all__ = ["CHECKPOINT", "History", "TrainingPlan", "stopped_run", "train"]

#: The state of a run, in its folder.
CHECKPOINT = "checkpoint.safetensors"
#: Seconds between two checkpoints: what a kill can cost.
INTERVAL = 60.0


def train(
    encoders: nn.ModuleDict,
    training: Views | Replay,
    validation: Views | None,
    plan: TrainingPlan,
    *,
    families: np.ndarray | None = None,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> History:
    """Train encoders in place and leave them at the epoch of lowest validation loss.

    Parameters
    ----------
    encoders : torch.nn.ModuleDict
        One encoder for each modality.
    training : Views or Replay
        Rows to learn from.
    validation : Views or None
        Rows to stop by; None trains to the end.
    plan : TrainingPlan
        The settings.
    families : numpy.ndarray, optional
        Family of each training row, for ``plan.families_per_batch``.
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

    Notes
    -----
    Under ``torchrun`` all processes, on one node or several, share each batch: the loss and its
    gradient are those of one process with the whole batch.
    """
    rank, local, world = processes()
    batches: Batches | Replay
    if isinstance(training, Replay):
        batches = training
    else:
        size = min(plan.batch_size, len(training))
        batches = Batches(
            len(training), size - size % world, plan.seed, families, plan.families_per_batch
        )
    module = Contrast(encoders, plan, len(batches))
    callbacks: list[Any] = [_Count()]
    if folder is not None:
        state = stopped_run(folder, settings or {})
        if state is not None:
            module.restore(state)
        if rank == 0:
            callbacks.append(_Diary(folder, settings or {}))
    if plan.progress and rank == 0:
        callbacks.append(lightning_run.ProgressBar())
    if not module.finished:
        remaining = _Remaining(module, batches)
        loaders: list[Any] = [
            remaining if isinstance(training, Replay) else loader(training, remaining, rank, world)
        ]
        if validation is not None:
            loaders.append(
                loader(
                    validation, in_order(len(validation), batches.batch_size, world), rank, world
                )
            )
        with lightning_run.quiet(), lightning_run.interruptible():
            trainer = L.Trainer(
                **lightning_run.trainer_settings(plan.device, local),
                num_nodes=world // local,
                strategy="ddp" if world > 1 else "auto",
                use_distributed_sampler=False,
                max_epochs=plan.max_epochs - module.epoch,
                callbacks=callbacks,
            )
            try:
                trainer.fit(module, *loaders)
            finally:
                if isinstance(training, Replay):
                    training.close()
    module.leave()
    return module.history


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


class _Remaining:
    """Batches of the module's epoch that it has not seen."""

    def __init__(self, module: Contrast, batches: Batches | Replay) -> None:
        self.module, self.batches = module, batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches.epoch(self.module.epoch, self.module.step_in_epoch))


class _Count(L.Callback):
    """The module's own counting, before any other callback looks at it."""

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, Contrast)
        pl_module.close_step()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Contrast)
        pl_module.close_epoch()


class _Diary(L.Callback):
    """Checkpoints of a run and its curves, history.csv."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder, self.settings = folder, settings
        self.last = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def checkpoint(self, module: Contrast) -> None:
        write_state(self.folder / CHECKPOINT, {**module.state(), "settings": dict(self.settings)})
        self.last = time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, Contrast)
        # Not after the last step of an epoch: its validation is still to come.
        if 0 < pl_module.step_in_epoch < pl_module.steps_per_epoch:
            self._checkpoint_when_due(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Contrast)
        names = list(dict.fromkeys(name for row in pl_module.history for name in row))
        with (
            whole_output(self.folder / "history.csv", overwrite=True) as part,
            part.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(pl_module.history)
        self._checkpoint_when_due(pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Contrast)
        pl_module.finished = True
        self.checkpoint(pl_module)

    def _checkpoint_when_due(self, module: Contrast) -> None:
        if time.monotonic() - self.last >= INTERVAL:
            self.checkpoint(module)
