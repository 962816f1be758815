"""Contrastive training of encoders, on Lightning's Trainer."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import logging
import signal
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from torch import nn
from tqdm.auto import tqdm

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
            callbacks.append(_Diary(folder, settings or {}, module.epoch))
    if plan.progress and rank == 0:
        callbacks.append(_Bar())
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
        kind, _, index = plan.device.partition(":")
        with _quiet(), _interruptible():
            trainer = L.Trainer(
                accelerator="gpu" if kind == "cuda" else kind,
                devices=[int(index)] if index else local,
                num_nodes=world // local,
                strategy="ddp" if world > 1 else "auto",
                use_distributed_sampler=False,
                precision="bf16-mixed" if kind == "cuda" else "32-true",
                max_epochs=plan.max_epochs - module.epoch,
                callbacks=callbacks,
                gradient_clip_val=1.0,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
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
    """Checkpoints and logs of a run: history.csv, and TensorBoard's where it is installed."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], epoch: int) -> None:
        self.folder, self.settings = folder, settings
        self.last = time.monotonic()
        self.board: Any = None
        folder.mkdir(parents=True, exist_ok=True)
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(folder, purge_step=epoch)

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
        if self.board is not None:
            row = pl_module.history[-1]
            for name in row:
                self.board.add_scalar(name, row[name], int(row["epoch"]))
        self._checkpoint_when_due(pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Contrast)
        pl_module.finished = True
        self.checkpoint(pl_module)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.board is not None:
            self.board.close()

    def _checkpoint_when_due(self, module: Contrast) -> None:
        if time.monotonic() - self.last >= INTERVAL:
            self.checkpoint(module)


class _Bar(L.Callback):
    """One bar for the whole training, in per cent of its epochs or its time."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Contrast)
        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        done = min(pl_module.done, 1.0)
        self.bar = tqdm(total=1.0, initial=done, desc="train", bar_format=layout)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, Contrast)
        self.bar.update(min(pl_module.done, 1.0) - self.bar.n)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Contrast)
        row = pl_module.history[-1]
        shown = {"epoch": int(row["epoch"]) + 1, "loss": f"{row['train_loss']:.3f}"}
        if "val_loss" in row:
            shown["val"] = f"{row['val_loss']:.3f}"
        if "val_recall_1" in row:
            shown["R@1"] = f"{row['val_recall_1']:.3f}"
        self.bar.set_postfix(shown)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.bar is not None:
            self.bar.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's start-up notes, meant for its own users, from ours."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        warnings.filterwarnings("ignore", message=r".*does not have many workers.*")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the training alone: Lightning ends Python, and is deaf to the next one."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        raise
