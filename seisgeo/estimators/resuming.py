"""What tells a training run from others, so that the same call goes on with it after a stop."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from seisgeo.estimators.views import Views

__all__ = ["fingerprint", "seed_of", "settings_of"]

#: Parameters that change nothing of what is learned.
_WITHOUT = {"device", "verbose", "random_state", "chunk_size"}


def seed_of(random_state: Any, folder: Path | None) -> int:
    """Of everything that is drawn: a run that goes on without a seed keeps the one it drew.

    Parameters
    ----------
    random_state : int, RandomState or None
        Of the estimator.
    folder : pathlib.Path or None
        Of the run.
    """
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    if folder is not None and random_state is None:
        from seisgeo.learner import stopped_run

        stopped = stopped_run(folder, {})
        seed = seed if stopped is None else stopped["settings"]["seed"]
    return seed


def settings_of(model: BaseEstimator, seed: int, **more: Any) -> dict[str, Any]:
    """What decides the course of a training: parameters, seed, and what more is named.

    Parameters
    ----------
    model : estimator
        Its parameters count, but for those that change nothing of what is learned; an estimator
        among them by its weights, where it has any.
    seed : int
        Of :func:`seed_of`.
    **more
        Of the data.
    """
    given = model.get_params(deep=False)
    kept = {name: _plain(value) for name, value in given.items() if name not in _WITHOUT}
    return {**kept, "seed": seed, **more}


def fingerprint(views: Views, rows: Sequence[int] | None = None) -> dict[str, Any]:
    """What tells these rows from others: their number, and three of them.

    Parameters
    ----------
    views : Views
        The data.
    rows : sequence of int, optional
        Which of them are learned from; by default all.
    """
    rows = range(len(views)) if rows is None else rows
    digest = hashlib.sha256()
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        for array in views[[int(row)]].values():
            digest.update(array.tobytes())
    return {"samples": len(rows), "data": digest.hexdigest()}


def _plain(value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, BaseEstimator):
        if hasattr(value, "model_id_"):
            return value.model_id_
        return {name: _plain(v) for name, v in value.get_params(deep=False).items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {k: _plain(v) for k, v in dataclasses.asdict(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value
