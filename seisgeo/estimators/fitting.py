"""How a SeisBind is fitted: what it learns from, the training, and what is calibrated after it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from seisgeo import descriptors
from seisgeo.devices import default_device
from seisgeo.encoders.thinning import thinning_factor
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators import calibration
from seisgeo.estimators.matching import axes_of, is_even, positions_of, reads_any_positions
from seisgeo.estimators.networks import (
    augmentations,
    build_encoders,
    coarse_readout,
    near_copies_of,
    standardise,
)
from seisgeo.estimators.rows import Rows, hold_out
from seisgeo.estimators.seisbind import SeisBind
from seisgeo.estimators.views import MODALITIES, Views, require_views, views_of
from seisgeo.field import mean_spectrum
from seisgeo.synth.survey import Survey

__all__ = ["fit"]


@dataclass(frozen=True)
class _Lesson:
    """What a model learns from.

    Rows, which modalities are bound, the rows' files and families, and whether the mirror image of
    a pair is a pair.
    """

    views: Views
    pairs: dict[tuple[str, str], float]
    files: np.ndarray | None = None
    families: np.ndarray | None = None
    even: bool = False


def fit(model: SeisBind, X: Any, checkpoint: str | os.PathLike[str] | None) -> None:
    """Train a model in place; see :meth:`seisgeo.SeisBind.fit`."""
    from seisgeo.training import train

    _require_parameters(model)
    folder = None if checkpoint is None else Path(checkpoint)
    seed = _seed(model, folder)
    lesson = _lesson_of_pairs(model, X) if isinstance(X, xr.Dataset) else _lesson_of(model, X)
    views, families = lesson.views, lesson.families
    if len(views) < 2 or model.batch_size < 2:
        raise ParameterError(
            "samples are learned by contrast with each other: at least 2 are needed in a "
            f"batch, found {len(views)} samples and batch_size={model.batch_size}"
        )
    random = np.random.RandomState(seed)
    held, kept = hold_out(len(views), model.validation_fraction, lesson.files, random)
    model.encoders_ = build_encoders(
        model.encoder, model.embedding_dim, model.shapes_, model.thinning_, seed
    )
    sample = views[kept[:20_000].tolist()]["physics"]
    standardise(model.encoders_["physics"], sample)
    if reads_any_positions(model):
        encoder: Any = model.encoders_["seismic"]
        encoder.place(*positions_of(X))
    model.history_ = train(
        model.encoders_,
        Rows(views, kept),
        Rows(views, held) if len(held) else None,
        _plan(model, lesson, seed),
        families=None if families is None else families[kept],
        folder=folder,
        settings=_settings(model, views, seed) if folder is not None else None,
    )
    model.confidence_, model.head_ = None, None
    if isinstance(X, xr.Dataset) and min(len(held), len(kept)) >= calibration.LEAST:
        calibration.calibrate(model, Rows(views, kept), Rows(views, held), seed)


def _require_parameters(model: SeisBind) -> None:
    from seisgeo.encoders import ENCODERS
    from seisgeo.losses import LOSSES

    for name, known in (("encoder", ENCODERS), ("loss", LOSSES)):
        if getattr(model, name) not in known:
            raise ParameterError(
                f"{name} must be one of {', '.join(known)}; found {getattr(model, name)!r}"
            )
    for name in ("chunk_size", "families_per_batch"):
        if (value := getattr(model, name)) is not None and value < 1:
            raise ParameterError(f"{name} must be None or at least 1; found {value}")
    if model.ema_decay is not None and not 0 < model.ema_decay < 1:
        raise ParameterError(f"ema_decay must be None or between 0 and 1; found {model.ema_decay}")


def _seed(model: SeisBind, folder: Path | None) -> int:
    """Of everything that is drawn: a run that goes on without a seed keeps the one it drew."""
    from seisgeo.training import stopped_run

    seed = int(check_random_state(model.random_state).randint(2**31 - 1))
    if folder is not None and model.random_state is None:
        stopped = stopped_run(folder, {})
        seed = seed if stopped is None else stopped["settings"]["seed"]
    return seed


def _lesson_of_pairs(model: SeisBind, ds: xr.Dataset) -> _Lesson:
    """Pairs of gathers and velocity models; the model takes their survey, axes and spectrum."""
    ds = require_views(ds, list(MODALITIES))
    model.survey_ = Survey.from_attrs(ds) if "survey" in ds.attrs else None
    if model.survey_ is not None:
        model.survey_.require_coords(ds, "the training set")
    model.axes_ = axes_of(ds)
    named = ds["descriptor"].values if "descriptor" in ds.coords else descriptors.DESCRIPTORS
    model.descriptors_ = [str(name) for name in named]
    model.spectrum_ = mean_spectrum(ds["amplitude"])
    model.thinning_ = thinning_factor(model.spectrum_)
    views = views_of(ds, list(MODALITIES), model.thinning_, progress=model.verbose)
    model.shapes_ = views.shapes | {
        "seismic": tuple(ds.sizes[d] for d in ("source", "time", "receiver"))
    }
    families = ds["family"].values if "family" in ds.coords else None
    if families is None and model.families_per_batch is not None:
        raise ConventionError(
            "families_per_batch needs the coordinate 'family' (sample); this dataset has "
            f"{sorted(map(str, ds.coords))}"
        )
    files = ds["file"].values if "file" in ds.coords else None
    return _Lesson(views, _pairs(model), files, families, is_even(ds))


def _pairs(model: SeisBind) -> dict[tuple[str, str], float]:
    """Weight of the loss between two modalities."""
    pairs = {
        ("seismic", "velocity"): model.seismic_weight,
        ("velocity", "physics"): model.physics_weight,
    }
    if model.direct_weight:
        pairs["seismic", "physics"] = model.direct_weight
    return pairs


def _lesson_of(model: SeisBind, X: Any) -> _Lesson:
    """A bare array: one view, bound to jittered copies of itself."""
    array = validate_data(model, X, dtype=np.float32, ensure_min_samples=2)
    model.survey_, model.axes_, model.spectrum_ = None, {}, np.zeros(0)
    model.descriptors_, model.thinning_ = [], 1
    model.shapes_ = {"physics": (array.shape[1],)}
    return _Lesson(Views({"physics": array}), {("physics", "physics"): 1.0})


def _plan(model: SeisBind, lesson: _Lesson, seed: int) -> Any:
    from seisgeo.augment import mirror
    from seisgeo.training import TrainingPlan

    return TrainingPlan(
        pairs=lesson.pairs,
        max_epochs=model.max_epochs,
        batch_size=model.batch_size,
        max_time=model.max_time,
        learning_rate=model.learning_rate,
        weight_decay=model.weight_decay,
        temperature=model.temperature,
        patience=model.patience,
        device=default_device(model.device),
        seed=seed,
        progress=model.verbose,
        loss=model.loss,
        chunk_size=model.chunk_size,
        ema_decay=model.ema_decay,
        families_per_batch=model.families_per_batch,
        augment=augmentations(model, lesson.pairs),
        turn=mirror if model.augment and lesson.even else None,
        copies=near_copies_of(model.encoders_),
        readout=coarse_readout(model),
    )


def _settings(model: SeisBind, views: Views, seed: int) -> dict[str, Any]:
    """What decides the course of a training: parameters, seed and data."""
    without = {"device", "verbose", "random_state", "chunk_size"}
    given = {k: getattr(v, "item", lambda v=v: v)() for k, v in model.get_params().items()}
    digest = hashlib.sha256()
    for row in (0, len(views) // 2, len(views) - 1):
        for array in views[[row]].values():
            digest.update(array.tobytes())
    return {
        **{name: value for name, value in given.items() if name not in without},
        "seed": seed,
        "samples": len(views),
        "shapes": {name: list(shape) for name, shape in model.shapes_.items()},
        "data": digest.hexdigest(),
    }
