"""What the file of a SeisBind holds, and the model that comes of it."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import DataWarning
from seisgeo.estimators.networks import build_encoders, stems_for

if TYPE_CHECKING:
    from seisgeo.estimators.seisbind import SeisBind

__all__ = ["contents", "restore"]


def contents(model: SeisBind) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors by name, and what else was learned, as JSON."""
    fitted_after, confidence = _calibrated(model)
    learned = {
        "shapes": model.shapes_,
        "stems": model.stems_,
        "survey": model.survey_.to_json() if model.survey_ else None,
        "axes": model.axes_,
        "descriptors": model.descriptors_,
        "spectrum": model.spectrum_.tolist(),
        "thinning": model.thinning_,
        "history": model.history_,
        "confidence": confidence,
        "n_features_in": getattr(model, "n_features_in_", None),
    }
    return {**model.encoders_.state_dict(), **fitted_after}, learned


def restore(model: SeisBind, weights: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
    """Give a model what :func:`contents` took of it."""
    from seisgeo.synth.survey import Survey

    after = {k: v for k, v in weights.items() if k.startswith(("head.", "confidence."))}
    model.shapes_ = {name: tuple(shape) for name, shape in learned["shapes"].items()}
    model.thinning_ = learned["thinning"]
    stems = learned.get("stems")  # none in files of seisgeo before warm starts kept them
    model.stems_ = stems_for(model.shapes_, model.thinning_)
    if stems is not None:
        model.stems_ = {name: (stem[0], stem[1]) for name, stem in stems.items()}
    model.encoders_ = build_encoders(
        model.encoder,
        model.embedding_dim,
        model.shapes_,
        model.stems_,
        model.thinning_,
        seed=0,
    )
    doubt = "physics.doubt.weight"  # files of earlier versions lack it: nothing was uncertain
    given = {doubt: model.encoders_.state_dict()[doubt]}
    model.encoders_.load_state_dict(given | {k: v for k, v in weights.items() if k not in after})
    model.encoders_.eval()
    model.survey_ = Survey.from_json(learned["survey"]) if learned["survey"] else None
    model.axes_ = learned["axes"]
    model.descriptors_ = learned["descriptors"]
    model.spectrum_ = np.array(learned["spectrum"])
    model.history_ = learned["history"]
    _restore_calibration(model, after, learned.get("confidence"))
    if learned["n_features_in"] is not None:
        model.n_features_in_ = learned["n_features_in"]


def _calibrated(model: SeisBind) -> tuple[dict[str, Any], dict[str, float] | None]:
    """Tensors and numbers of what :meth:`SeisBind.calibrate` fits."""
    import torch

    head, confidence = model.head_, model.confidence_
    tensors = {f"head.{k}": v for k, v in head.state_dict().items()} if head else {}
    if confidence is None:
        return tensors, None
    parts = {f.name: getattr(confidence, f.name) for f in dataclasses.fields(confidence)}
    arrays = {k: v for k, v in parts.items() if isinstance(v, np.ndarray)}
    tensors |= {f"confidence.{k}": torch.from_numpy(v).contiguous() for k, v in arrays.items()}
    return tensors, {k: v for k, v in parts.items() if k not in arrays}


def _restore_calibration(
    model: SeisBind, tensors: Mapping[str, Any], numbers: Mapping[str, Any] | None
) -> None:
    from seisgeo.estimators.descriptor_head import DescriptorHead
    from seisgeo.retrieval.confidence import Confidence

    parts: dict[str, dict[str, Any]] = {"head": {}, "confidence": {}}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        parts[kind][rest] = tensor
    model.confidence_, model.head_ = None, None
    if numbers is not None:
        arrays = {k: v.numpy() for k, v in parts["confidence"].items()}
        model.confidence_ = Confidence(**numbers, **arrays)
    if not parts["head"]:
        return
    head = DescriptorHead(model.embedding_dim, len(model.descriptors_))
    if parts["head"].keys() != head.state_dict().keys():
        warnings.warn(
            "the network that reads descriptors off gathers is of an earlier version of seisgeo, "
            "and left out: calibrate(...) the model on pairs it has not seen for a new one",
            DataWarning,
            stacklevel=5,
        )
        return
    head.load_state_dict(parts["head"])
    model.head_ = head.eval()
