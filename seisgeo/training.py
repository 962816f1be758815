"""Contrastive training of encoders, on Lightning's Trainer."""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler
from tqdm.auto import tqdm

from seisgeo.errors import TrainingError
from seisgeo.estimators.views import Views
from seisgeo.losses import LogitScale, info_nce
from seisgeo.metrics import pair_ranks, recall_at_k

__all__ = ["History", "TrainingPlan", "train"]

#: Steps in which the learning rate rises, as a share of training.
WARM_UP = 0.05


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of a training run.

    Parameters
    ----------
    pairs : mapping of (str, str) to float
        Weight of the loss between two modalities. A modality paired with itself contrasts two
        augmented copies.
    max_epochs, batch_size : int
        Passes over the data, and rows of a step.
    max_time : float or None
        Seconds after which training ends; the learning rate is then scheduled by whichever of
        epochs and time runs out first.
    learning_rate, weight_decay, temperature : float
        AdamW's, and the first temperature of the loss.
    patience : int
        Epochs without a lower validation loss after which training stops.
    augment : mapping of str to callable, optional
        For a modality, a function of a batch (tensor) and a generator, applied in training.
    device : str
        ``"cpu"`` or ``"cuda"``, ``"cuda:1"``, ...
    seed : int
        Of batches and augmentation.
    progress : bool
        Whether to show a progress bar.
    """

    pairs: Mapping[tuple[str, str], float]
    max_epochs: int
    batch_size: int
    max_time: float | None
    learning_rate: float
    weight_decay: float
    temperature: float
    patience: int
    device: str
    seed: int
    progress: bool
    augment: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = field(default_factory=dict)


#: One row for each epoch: epoch, train_loss, val_loss, val_recall_1, learning_rate, ...
History = list[dict[str, float]]


def train(
    encoders: nn.ModuleDict, training: Views, validation: Views | None, plan: TrainingPlan
) -> History:
    """Train encoders in place and leave them at the epoch of lowest validation loss.

    Parameters
    ----------
    encoders : torch.nn.ModuleDict
        One encoder for each modality.
    training, validation : Views
        Rows to learn from, and rows to stop by (None: train to the end).
    plan : TrainingPlan
        The settings.

    Returns
    -------
    History
        What happened in each epoch.
    """
    module = _Contrast(encoders, plan)
    generator = torch.Generator().manual_seed(plan.seed)
    batch = min(plan.batch_size, len(training))
    loader = _loader(training, _Batches(len(training), batch, generator))
    callbacks: list[Any] = [_Record()]
    loaders = []
    if validation is not None:
        loaders = [_loader(validation, _InOrder(len(validation), batch))]
        stopping = L.pytorch.callbacks.EarlyStopping("val_loss", patience=plan.patience)
        callbacks.append(stopping)
    if plan.progress:
        callbacks.append(_Bar())
    kind, _, index = plan.device.partition(":")
    with _quiet():
        trainer = L.Trainer(
            accelerator="gpu" if kind == "cuda" else kind,
            devices=[int(index)] if index else 1,
            precision="bf16-mixed" if kind == "cuda" else "32-true",
            max_epochs=plan.max_epochs,
            callbacks=callbacks,
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, loader, loaders or None)
    callbacks[0].restore(module)
    encoders.to("cpu").eval()
    return module.history


class _Contrast(L.LightningModule):
    """The loop's view of the encoders: steps, optimiser, schedule, history."""

    def __init__(self, encoders: nn.ModuleDict, plan: TrainingPlan) -> None:
        super().__init__()
        self.encoders = encoders
        self.plan = plan
        self.scale = LogitScale(plan.temperature)
        self.history: History = []
        self._sums: dict[str, list[float]] = {}
        self._embedded: list[tuple[Tensor, Tensor]] = []
        self._started = 0.0
        self._generator: torch.Generator | None = None

    def on_fit_start(self) -> None:
        self._started = time.monotonic()
        self._generator = torch.Generator(self.device).manual_seed(self.plan.seed)

    def embed(self, batch: Mapping[str, Tensor], *, augmented: bool) -> dict[str, Tensor]:
        embedded = {}
        for name, values in batch.items():
            change = self.plan.augment.get(name) if augmented else None
            if change is not None:
                assert self._generator is not None
                values = change(values, self._generator)
            embedded[name] = self.encoders[name](values).float()
        return embedded

    def loss(
        self, batch: Mapping[str, Tensor], *, augmented: bool
    ) -> tuple[Tensor, dict[str, Any]]:
        first = self.embed(batch, augmented=augmented)
        total = torch.zeros((), device=self.device)
        for (a, b), weight in self.plan.pairs.items():
            other = first[b] if a != b else self.embed({b: batch[b]}, augmented=True)[b]
            total = total + weight * info_nce(first[a], other, self.scale())
        return total, first

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        loss, _ = self.loss(batch, augmented=True)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {float(loss)} in epoch {self.current_epoch}, step {index}: lower "
                "learning_rate, or look for extreme values in the training set"
            )
        self._collect("train_loss", loss)
        return loss

    @property
    def done(self) -> float:
        """Share of the training that is over, by steps or by time."""
        share = self.global_step / max(1, self.trainer.estimated_stepping_batches)
        if self.plan.max_time is not None:
            share = max(share, (time.monotonic() - self._started) / self.plan.max_time)
        return share

    def on_train_batch_start(self, batch: Any, index: int) -> None:
        done = self.done
        rate = min(1.0, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.plan.learning_rate * rate
        if done >= 1:
            self.trainer.should_stop = True

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        loss, embedded = self.loss(batch, augmented=False)
        self._collect("val_loss", loss)
        (a, b), _ = next(iter(self.plan.pairs.items()))
        if a != b:
            self._embedded.append((embedded[a], embedded[b]))

    def on_validation_epoch_end(self) -> None:
        self.log("val_loss", float(np.mean(self._sums["val_loss"])))
        if self._embedded:
            query, gallery = (
                torch.cat(part).cpu().numpy() for part in zip(*self._embedded, strict=True)
            )
            self._sums["val_recall_1"] = [recall_at_k(pair_ranks(query, gallery), 1)]
            self._embedded = []

    def close_epoch(self) -> None:
        """Turn what the epoch's steps collected into a row of the history."""
        row = {name: float(np.mean(values)) for name, values in self._sums.items()}
        self.history.append(
            {
                "epoch": float(self.current_epoch),
                **row,
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
                "logit_scale": float(self.scale().detach()),
                "seconds": time.monotonic() - self._started,
            }
        )
        self._sums = {}

    def _collect(self, name: str, value: Tensor) -> None:
        self._sums.setdefault(name, []).append(float(value.detach()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        # Decay belongs on matrices and kernels only, not on norms, biases and the temperature.
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in self.parameters() if p.ndim > 1],
                "weight_decay": self.plan.weight_decay,
            },
            {"params": [p for p in self.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.plan.learning_rate)


class _Record(L.Callback):
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
        assert isinstance(pl_module, _Contrast)
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
        assert isinstance(pl_module, _Contrast)
        self.bar.update(min(pl_module.done, 1.0) - self.bar.n)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, _Contrast)
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


class _Batches(Sampler[list[int]]):
    """Shuffled batches of one size: the rows left over are passed over in this epoch."""

    def __init__(self, rows: int, batch: int, generator: torch.Generator) -> None:
        self.rows, self.batch, self.generator = rows, batch, generator

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.randperm(self.rows, generator=self.generator).tolist()
        return (order[i * self.batch : (i + 1) * self.batch] for i in range(len(self)))

    def __len__(self) -> int:
        return self.rows // self.batch


class _InOrder(Sampler[list[int]]):
    """Batches in order, the last one joined to its neighbour where it would be a single row."""

    def __init__(self, rows: int, batch: int) -> None:
        edges = list(range(0, rows, batch))
        if len(edges) > 1 and rows - edges[-1] == 1:
            edges.pop()
        self.parts = [list(range(a, b)) for a, b in zip(edges, [*edges[1:], rows], strict=True)]

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


def _loader(views: Views, batches: Sequence[list[int]] | Sampler[list[int]]) -> DataLoader:
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
