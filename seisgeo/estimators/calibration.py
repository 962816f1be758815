"""What is fitted after the encoders: trust in hits, and descriptors read off gathers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo import conventions
from seisgeo.errors import ParameterError
from seisgeo.estimators.embedding import embed, features_of, side_by_side
from seisgeo.estimators.matching import reads_any_positions
from seisgeo.estimators.networks import field_like
from seisgeo.estimators.views import MODALITIES, Views
from seisgeo.retrieval.confidence import coherence, fit_confidence, strangers_of

if TYPE_CHECKING:
    from torch import Tensor

    from seisgeo.estimators.descriptor_head import DescriptorHead
    from seisgeo.estimators.seisbind import SeisBind

__all__ = ["LEAST", "LOUDEST", "calibrate"]

#: Fewer samples than these, known or held out, say nothing about the rest.
LEAST = 20

#: Signal-to-noise ratio (dB) of the noisiest records that should not be taken for strangers. With
#: louder noise, or more dead traces, records of few traces and strangers could not be told apart.
LOUDEST = 0.0
#: Samples that the head learns from, at most, and that trust is told from, known and unseen.
_LEARNED, _FAMILIAR, _HELD = 20_000, 4000, 2000
_BATCH = 64


def calibrate(
    model: SeisBind, known: Views, held: Views, seed: int, given: tuple[Tensor, ...] = ()
) -> None:
    """Fit a model's ``confidence_``, and its ``head_``, of which one that is there is kept.

    Parameters
    ----------
    model : SeisBind
        Its encoders are trained.
    known : Views
        Samples the encoders may have seen: a new head learns from them.
    held : Views
        Samples they have not seen: probabilities and intervals are calibrated on them.
    seed : int
        Of noise and of the head.
    given : tuple of torch.Tensor, optional
        Positions of sources and receivers, where its encoder reads any and they are not those that
        it was trained with.

    Raises
    ------
    ParameterError
        If there are too few samples.
    """
    if min(len(known), len(held)) < LEAST:
        raise ParameterError(
            f"calibration needs at least {LEAST} samples of each part, found {len(known)} and "
            f"{len(held)}: give more pairs"
        )
    random = np.random.default_rng(seed)
    if model.head_ is None:
        model.head_ = _new_head(model, known, random, seed, given)
    receiver = None
    if reads_any_positions(model):
        seismic: Any = model.encoders_["seismic"]
        receiver = given[1] if given else seismic.receiver

    def embedded(modality: str, rows: np.ndarray) -> np.ndarray:
        more = given if modality == "seismic" else ()
        encoder = model.encoders_[modality]
        return embed(encoder, [np.ascontiguousarray(rows)], model.device, given=more)

    familiar = [
        embedded("seismic", gathers) for _, gathers in _mixed(model, known, _FAMILIAR, random)
    ]
    parts: dict[str, list[np.ndarray]] = {}
    for values, gathers in _mixed(model, held, _HELD, random):
        strange = strangers_of(values["seismic"], random)
        for name, part in {
            "features": features_of(model, [gathers], given),
            "values": values["physics"],
            "seismic": embedded("seismic", gathers),
            "velocity": embedded("velocity", values["velocity"]),
            "strange": embedded("seismic", strange),
            "coherent": coherence(side_by_side(gathers, receiver)),
            "coherent strange": coherence(side_by_side(strange, receiver)),
        }.items():
            parts.setdefault(name, []).append(part)
    found = {name: np.concatenate(part) for name, part in parts.items()}
    model.confidence_ = fit_confidence(
        found["seismic"],
        found["velocity"],
        found["strange"],
        np.concatenate(familiar),
        (found["coherent"], found["coherent strange"]),
    )
    model.head_.widen(found["features"], found["values"])


def _new_head(
    model: SeisBind,
    known: Views,
    random: np.random.Generator,
    seed: int,
    given: tuple[Tensor, ...],
) -> DescriptorHead:
    """A head that has learned from gathers as they are and as they might be recorded."""
    from seisgeo.estimators.descriptor_head import fit_head

    features, values = [], []
    for rows, noisy in _samples(model, known, _LEARNED, random):
        copies = [features_of(model, [gathers], given) for gathers in (rows["seismic"], noisy)]
        features.append(np.concatenate(copies, axis=1))
        values.append(rows["physics"])
    return fit_head(np.concatenate(features), np.concatenate(values), seed)


def _mixed(
    model: SeisBind, views: Views, limit: int, random: np.random.Generator
) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Samples, and their gathers, half of them noisy: trust has to hold for field records, too."""
    for rows, noisy in _samples(model, views, limit, random, least_snr=LOUDEST):
        chosen = random.random(len(noisy)) < 0.5
        yield rows, np.where(chosen[:, None, None, None], noisy, rows["seismic"])


def _samples(
    model: SeisBind, views: Views, limit: int, random: np.random.Generator, **limits: float
) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Some samples, batch by batch, and their gathers with field-like noise."""
    import torch

    rows = random.permutation(len(views))[:limit]
    change = field_like(model, **limits)
    for start in range(0, len(rows), _BATCH):
        values = views[rows[start : start + _BATCH].tolist()]
        for modality in ("seismic", "velocity"):
            conventions.check_finite(values[modality], MODALITIES[modality][0])
        noisy = values["seismic"]
        if change is not None:
            generator = torch.Generator().manual_seed(int(random.integers(2**31)))
            noisy = change(torch.from_numpy(noisy), generator).numpy()
        yield values, noisy
