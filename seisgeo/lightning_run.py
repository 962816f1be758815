"""What every training run on Lightning's Trainer shares: its settings, rate, bar, and quiet."""

from __future__ import annotations

import contextlib
import logging
import math
import signal
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import lightning as L
from torch import nn
from tqdm.auto import tqdm

__all__ = [
    "ProgressBar",
    "interruptible",
    "parameter_groups",
    "quiet",
    "rate_at",
    "trainer_settings",
]

#: Share of training in which the learning rate rises.
WARM_UP = 0.05


def trainer_settings(device: str, devices: int = 1) -> dict[str, Any]:
    """Arguments of ``lightning.Trainer`` that all runs have.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    devices : int, default 1
        How many, where `device` does not number one.
    """
    kind, _, index = device.partition(":")
    return {
        "accelerator": "gpu" if kind == "cuda" else kind,
        "devices": [int(index)] if index else devices,
        "precision": "bf16-mixed" if kind == "cuda" else "32-true",
        "gradient_clip_val": 1.0,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }


def rate_at(done: float) -> float:
    """Share of the learning rate when a share of the training is over: warm-up, then a cosine.

    Examples
    --------
    >>> [round(rate_at(done), 2) for done in (0.0, 0.05, 0.5, 1.0)]
    [0.02, 0.99, 0.5, 0.0]
    """
    return min(1.0, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def parameter_groups(
    module: nn.Module, weight_decay: float, of_parts: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """What is learned, for AdamW: decay on matrices and kernels, not on norms and biases.

    `of_parts` gives submodules, by their names in `module`, a decay of their own.
    """
    of_parts = of_parts or {}
    matrices: dict[str, list[nn.Parameter]] = {name: [] for name in ("", *of_parts)}
    others: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        part = name.split(".")[0]
        if parameter.requires_grad:
            kept = matrices[part if part in of_parts else ""] if parameter.ndim > 1 else others
            kept.append(parameter)
    return [
        {"params": matrices[""], "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
        *({"params": matrices[name], "weight_decay": decay} for name, decay in of_parts.items()),
    ]


class ProgressBar(L.Callback):
    """One bar for the whole training, in per cent of its epochs or its time.

    The module says ``done``, the share of the training that is over, and keeps its ``history``.
    """

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Open the bar, at what a run that goes on has done."""
        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        done = min(pl_module.done, 1.0)
        self.bar = tqdm(total=1.0, initial=done, desc="train", bar_format=layout)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *args: Any) -> None:
        """Move the bar."""
        self.bar.update(min(pl_module.done, 1.0) - self.bar.n)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Show the epoch's row of the history."""
        row = pl_module.history[-1]
        shown = {"epoch": int(row["epoch"]) + 1, "loss": f"{row['train_loss']:.3f}"}
        if "val_loss" in row:
            shown["val"] = f"{row['val_loss']:.3f}"
        if "val_recall_1" in row:
            shown["R@1"] = f"{row['val_recall_1']:.3f}"
        self.bar.set_postfix(shown)

    def teardown(self, trainer: L.Trainer, pl_module: Any, stage: str) -> None:
        """Close the bar, also after an error."""
        if self.bar is not None:
            self.bar.close()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the training alone: Lightning ends Python, and is deaf to the next one."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        raise
