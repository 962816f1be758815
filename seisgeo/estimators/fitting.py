"""How a SeisBind is fitted: what it learns from, the training, and what is calibrated after it."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from sklearn.utils.validation import validate_data

from seisgeo import descriptors
from seisgeo.devices import default_device, processes
from seisgeo.encoders.thinning import thinning_factor
from seisgeo.errors import ConventionError, DataWarning, ParameterError
from seisgeo.estimators import calibration
from seisgeo.estimators.matching import axes_of, is_even, positions_of, reads_any_positions
from seisgeo.estimators.networks import (
    augmentations,
    build_encoders,
    near_copies_of,
    near_misses,
    readout_of,
    standardise,
    stems_for,
    take_weights,
    uncertain_physics,
    whole_pairs,
)
from seisgeo.estimators.resuming import fingerprint, seed_of, settings_of
from seisgeo.estimators.rows import Rows, hold_out
from seisgeo.estimators.seisbind import SeisBind
from seisgeo.estimators.views import MODALITIES, Views, require_views, views_of
from seisgeo.field import mean_spectrum
from seisgeo.replay import Replay
from seisgeo.synth.stream import PairStream
from seisgeo.synth.survey import Survey

__all__ = ["fit"]


#: Pairs of a stream that its statistics are taken from, at least.
STATISTICS = 200
#: What `fit` on a stream takes where nothing else is asked for.
PAIRS_PER_EPOCH, REUSE = 10_000, 8


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    """What a model learns from, and what the training is recognised by.

    `known` and `unseen` are rows to calibrate on, `named` what tells one training set from another.
    """

    pairs: dict[tuple[str, str], float]
    training: Views | Replay
    validation: Views | None
    known: Views
    unseen: Views | None
    named: dict[str, Any]
    families: np.ndarray | None = None
    even: bool = False


@dataclass(frozen=True)
class _Start:
    """The model that a warm start goes on from, before `fit` learns anything new."""

    encoders: Any
    stems: dict[str, tuple[int, int]]
    descriptors: list[str]
    model_id: str
    interval: float | None  # s, between the samples that its encoder of gathers sees

    @classmethod
    def of(cls, model: SeisBind) -> _Start | None:
        if not (model.warm_start and hasattr(model, "encoders_")):
            return None
        time = model.axes_.get("time")
        interval = None if time is None else model.thinning_ * time["step"]
        return cls(model.encoders_, model.stems_, model.descriptors_, model.model_id_, interval)

    def thinning(self, most: int, step: float) -> int:
        """Samples of `step` seconds that become one: as long as the encoder knows them, or less.

        A spectrum may allow more (`most`), but events would then be of another length.
        """
        if not self.interval:
            return most
        return min(most, max(1, round(self.interval / step)))

    def give(self, model: SeisBind) -> None:
        """Give a model's new encoders the weights that fit them, and say which do not.

        Where only the encoder of gathers is to learn, the others are held, if they are whole.
        """
        import torch

        # Descriptors are told apart by their place: of others, nothing is known.
        same = self.descriptors == model.descriptors_
        trained = {k: v for k, v in self.encoders.items() if same or k != "physics"}
        by_encoder = take_weights(model.encoders_, torch.nn.ModuleDict(trained))
        if model.warm_start == "seismic" and "seismic" in model.encoders_:
            for name, encoder in model.encoders_.items():
                encoder.requires_grad_(name == "seismic" or bool(by_encoder[name]))
        anew = [line for lines in by_encoder.values() for line in lines]
        if not anew:
            return
        shown = anew[:8] + ([f"and {len(anew) - 8} more"] if len(anew) > 8 else [])
        warnings.warn(
            "warm start: these weights do not fit the training set's shapes and begin anew:\n  "
            + "\n  ".join(shown),
            DataWarning,
            stacklevel=4,
        )


def fit(
    model: SeisBind,
    X: Any,
    checkpoint: str | os.PathLike[str] | None,
    pairs_per_epoch: int | None,
    reuse: int | None,
) -> None:
    """Train a model in place; see :meth:`seisgeo.SeisBind.fit`."""
    from seisgeo.training import train

    _require_parameters(model)
    folder = None if checkpoint is None else Path(checkpoint)
    seed = _seed(model, folder)
    start = _Start.of(model)
    cube = None
    if isinstance(X, PairStream):
        cube, lesson = _lesson_of_stream(model, X, pairs_per_epoch, reuse, seed, start)
    elif pairs_per_epoch is not None or reuse is not None:
        raise ParameterError(
            "pairs_per_epoch and reuse are for streams (seisgeo.synth.PairStream); of a training "
            "set, an epoch is every pair once"
        )
    elif isinstance(X, xr.Dataset):
        cube, lesson = X, _lesson_of_pairs(model, X, seed, start)
    else:
        lesson = _lesson_of_array(model, X, seed)
    model.stems_ = stems_for(model.shapes_, model.thinning_, start.stems if start else None)
    model.encoders_ = build_encoders(
        model.encoder,
        model.embedding_dim,
        model.shapes_,
        model.stems_,
        model.thinning_,
        seed,
    )
    if start is None or start.descriptors != model.descriptors_:
        standardise(model.encoders_["physics"], _some(lesson.known, "physics", 20_000))
    if start is not None:
        start.give(model)
    if cube is not None and reads_any_positions(model):
        encoder: Any = model.encoders_["seismic"]
        encoder.place(*positions_of(cube))
    model.history_ = train(
        model.encoders_,
        lesson.training,
        lesson.validation,
        _plan(model, lesson, seed),
        families=lesson.families,
        folder=folder,
        settings=_settings(model, lesson, start, seed) if folder is not None else None,
    )
    model.encoders_.requires_grad_(True)
    model.confidence_, model.head_ = None, None
    known, unseen = lesson.known, lesson.unseen
    if unseen is not None and min(len(known), len(unseen)) >= calibration.LEAST:
        calibration.calibrate(model, known, unseen, seed)


def _require_parameters(model: SeisBind) -> None:
    from seisgeo.encoders import ENCODERS
    from seisgeo.losses import LOSSES

    for name, known in (("encoder", ENCODERS), ("loss", LOSSES)):
        if getattr(model, name) not in known:
            raise ParameterError(
                f"{name} must be one of {', '.join(known)}; found {getattr(model, name)!r}"
            )
    if model.warm_start not in (False, True, "seismic"):
        raise ParameterError(
            f"warm_start must be False, True or 'seismic'; found {model.warm_start!r}"
        )
    if not model.hard_negatives >= 0:
        raise ParameterError(f"hard_negatives must be at least 0; found {model.hard_negatives}")
    if not 0 <= model.stretch <= 0.5:
        raise ParameterError(f"stretch must be between 0 and 0.5; found {model.stretch}")
    for name in ("chunk_size", "families_per_batch"):
        if (value := getattr(model, name)) is not None and value < 1:
            raise ParameterError(f"{name} must be None or at least 1; found {value}")
    if model.ema_decay is not None and not 0 < model.ema_decay < 1:
        raise ParameterError(f"ema_decay must be None or between 0 and 1; found {model.ema_decay}")


def _seed(model: SeisBind, folder: Path | None) -> int:
    if model.random_state is None and processes()[2] > 1:
        raise ParameterError(
            "several processes train one model: give it a random_state, so that all of them hold "
            "out the same samples and share the same batches; found None"
        )
    return seed_of(model.random_state, folder)


def _lesson_of_pairs(model: SeisBind, ds: xr.Dataset, seed: int, start: _Start | None) -> _Lesson:
    """Pairs of gathers and velocity models."""
    ds = require_views(ds, list(MODALITIES))
    _learn_axes(model, ds, start)
    views = views_of(ds, list(MODALITIES), model.thinning_, progress=model.verbose)
    families = ds["family"].values if "family" in ds.coords else None
    if families is None and model.families_per_batch is not None:
        raise ConventionError(
            "families_per_batch needs the coordinate 'family' (sample); this dataset has "
            f"{sorted(map(str, ds.coords))}"
        )
    files = ds["file"].values if "file" in ds.coords else None
    kept, held = _parts(model, views, files, seed)
    return _Lesson(
        pairs=_pairs(model),
        training=kept,
        validation=held,
        known=kept,
        unseen=held,
        named=fingerprint(views),
        families=None if families is None else families[kept.rows],
        even=is_even(ds),
    )


def _lesson_of_stream(
    model: SeisBind,
    stream: PairStream,
    pairs_per_epoch: int | None,
    reuse: int | None,
    seed: int,
    start: _Start | None,
) -> tuple[xr.Dataset, _Lesson]:
    """Pairs that are simulated while training runs, and others of the stream that are held out."""
    size = PAIRS_PER_EPOCH if pairs_per_epoch is None else pairs_per_epoch
    reuse = REUSE if reuse is None else reuse
    if model.batch_size < 2 or size < model.batch_size:
        raise ParameterError(
            "pairs_per_epoch must be at least batch_size, and that at least 2: samples are learned "
            f"by contrast with each other; found {size} and {model.batch_size}"
        )
    if reuse < 1:
        raise ParameterError(f"reuse must be at least 1; found {reuse}")
    if model.families_per_batch is not None:
        raise ParameterError(
            "families_per_batch is for training sets: a stream gives its families in turns"
        )
    held = stream.held_out(max(STATISTICS, round(model.validation_fraction * size)))
    _learn_axes(model, held, start)
    views = views_of(held, list(MODALITIES), model.thinning_)
    rows = np.arange(len(views))
    lesson = _Lesson(
        pairs=_pairs(model),
        training=Replay(stream, model.batch_size, size, reuse, seed, model.thinning_),
        validation=views if model.validation_fraction > 0 else None,
        known=Rows(views, rows[::2]),
        unseen=Rows(views, rows[1::2]),
        named={
            "pairs_per_epoch": size,
            "reuse": reuse,
            **{f"stream_{name}": value for name, value in stream.settings.items()},
        },
        even=is_even(held),
    )
    return held, lesson


def _lesson_of_array(model: SeisBind, X: Any, seed: int) -> _Lesson:
    """A bare array: one view, bound to jittered copies of itself."""
    array = validate_data(model, X, dtype=np.float32, ensure_min_samples=2)
    model.survey_, model.axes_, model.spectrum_ = None, {}, np.zeros(0)
    model.descriptors_, model.thinning_ = [], 1
    model.shapes_ = {"physics": (array.shape[1],)}
    views = Views({"physics": array})
    kept, held = _parts(model, views, None, seed)
    return _Lesson(
        pairs={("physics", "physics"): 1.0},
        training=kept,
        validation=held,
        known=kept,
        unseen=None,
        named=fingerprint(views),
    )


def _learn_axes(model: SeisBind, ds: xr.Dataset, start: _Start | None) -> None:
    """Take survey, axes, descriptors and spectrum of the training set."""
    model.survey_ = Survey.from_attrs(ds) if "survey" in ds.attrs else None
    if model.survey_ is not None:
        model.survey_.require_coords(ds, "the training set")
    model.axes_ = axes_of(ds)
    named = ds["descriptor"].values if "descriptor" in ds.coords else descriptors.DESCRIPTORS
    model.descriptors_ = [str(name) for name in named]
    model.spectrum_ = mean_spectrum(ds["amplitude"])
    model.thinning_ = thinning_factor(model.spectrum_)
    if start is not None and "time" in model.axes_:
        model.thinning_ = start.thinning(model.thinning_, model.axes_["time"]["step"])
    sizes = {**ds.sizes, "descriptor": len(model.descriptors_)}
    model.shapes_ = {
        name: tuple(int(sizes[d]) for d in dims[1:]) for name, (_, dims) in MODALITIES.items()
    }


def _parts(
    model: SeisBind, views: Views, files: np.ndarray | None, seed: int
) -> tuple[Rows, Rows | None]:
    """Rows to learn from, and rows held out."""
    if len(views) < 2 or model.batch_size < 2:
        raise ParameterError(
            "samples are learned by contrast with each other: at least 2 are needed in a "
            f"batch, found {len(views)} samples and batch_size={model.batch_size}"
        )
    random = np.random.RandomState(seed)
    held, kept = hold_out(len(views), model.validation_fraction, files, random)
    return Rows(views, kept), Rows(views, held) if len(held) else None


def _some(views: Views, name: str, n: int) -> np.ndarray:
    """The first rows of one modality, at most `n`."""
    return views.read(name, range(min(len(views), n)))


def _pairs(model: SeisBind) -> dict[tuple[str, str], float]:
    """Weight of the loss between two modalities."""
    pairs = {
        ("seismic", "velocity"): model.seismic_weight,
        ("velocity", "physics"): model.physics_weight,
    }
    if model.direct_weight:
        pairs["seismic", "physics"] = model.direct_weight
    return pairs


def _plan(model: SeisBind, lesson: _Lesson, seed: int) -> Any:
    from seisgeo.training import TrainingPlan

    readout = None
    if "velocity" in model.encoders_:
        readout = readout_of(model, _some(lesson.known, "velocity", 2000), seed)

    def learns(name: str) -> bool:
        return any(p.requires_grad for p in model.encoders_[name].parameters())

    vague = "velocity" in model.encoders_ and learns("physics")
    return TrainingPlan(
        pairs={pair: w for pair, w in lesson.pairs.items() if any(map(learns, pair))},
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
        turn=whole_pairs(model, even=lesson.even),
        copies=near_copies_of(model.encoders_),
        negatives=near_misses(model),
        negative_weight=float(model.hard_negatives),
        readout=readout,
        uncertain=uncertain_physics(model) if vague else None,
    )


def _settings(model: SeisBind, lesson: _Lesson, start: _Start | None, seed: int) -> dict[str, Any]:
    """What decides the course of a training: parameters, seed and data."""
    return settings_of(
        model,
        seed,
        start=None if start is None else start.model_id,
        shapes={name: list(shape) for name, shape in model.shapes_.items()},
        **lesson.named,
    )
