"""Contrastive training of encoders, on Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from seisgeo.batches import Batches, in_order, loader
from seisgeo.contrast import Contrast, TrainingPlan
from seisgeo.devices import processes
from seisgeo.errors import ParameterError
from seisgeo.estimators.views import Views
from seisgeo.learner import History, Remaining, learn
from seisgeo.replay import Replay

__all__ = ["TrainingPlan", "train"]


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
    folder, settings : optional
        Of the run, see :func:`seisgeo.learner.learn`, which says what is returned and raised.

    Returns
    -------
    History
        What happened in each epoch.

    Notes
    -----
    Under ``torchrun`` all processes, on one node or several, share each batch: the loss and its
    gradient are those of one process with the whole batch.
    """
    rank, _, world = processes()
    for what, count in (
        ("batch_size", plan.batch_size),
        ("training samples", len(training) if isinstance(training, Views) else world),
        ("held-out samples", world if validation is None else len(validation)),
    ):
        if count < world:
            raise ParameterError(
                f"{world} processes share each batch, and {what} are {count}: each needs one at "
                "least; start fewer processes"
            )
    batches: Batches | Replay
    if isinstance(training, Replay):
        batches = training
    else:
        size = min(plan.batch_size, len(training))
        batches = Batches(
            len(training), size - size % world, plan.seed, families, plan.families_per_batch
        )
    module = Contrast(encoders, plan, len(batches))
    remaining = Remaining(module, batches)
    loaders: list[Any] = [
        remaining if isinstance(training, Replay) else loader(training, remaining, rank, world)
    ]
    if validation is not None:
        rows = in_order(len(validation), batches.batch_size, world)
        loaders.append(loader(validation, rows, rank, world))
    try:
        return learn(module, loaders, folder=folder, settings=settings)
    finally:
        if isinstance(training, Replay):
            training.close()
