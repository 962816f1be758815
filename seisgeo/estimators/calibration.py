"""What is fitted after the encoders: trust in hits, and descriptors read off an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seisgeo import conventions
from seisgeo.errors import ParameterError
from seisgeo.estimators.embedding import embed
from seisgeo.estimators.networks import field_like
from seisgeo.estimators.views import MODALITIES, Views
from seisgeo.retrieval.confidence import coherence, fit_confidence, strangers_of

if TYPE_CHECKING:
    from seisgeo.estimators.seisbind import SeisBind

__all__ = ["LEAST", "calibrate"]

#: Fewer samples than these, known or held out, say nothing about the rest.
LEAST = 20

#: Samples looked at, at most.
_KNOWN, _HELD, _BATCH = 4000, 2000, 64


def calibrate(model: SeisBind, known: Views, held: Views, seed: int) -> None:
    """Fit a model's ``confidence_`` and ``head_``.

    Parameters
    ----------
    model : SeisBind
        Its encoders are trained.
    known : Views
        Samples the encoders may have seen: the head learns from them.
    held : Views
        Samples they have not seen: probabilities and intervals are calibrated on them.
    seed : int
        Of noise and of the head.

    Raises
    ------
    ParameterError
        If there are too few samples.
    """
    from seisgeo.estimators.descriptor_head import fit_head

    if min(len(known), len(held)) < LEAST:
        raise ParameterError(
            f"calibration needs at least {LEAST} samples of each part, found {len(known)} and "
            f"{len(held)}: give more pairs"
        )
    random = np.random.default_rng(seed)
    learned = _embed(model, known, _KNOWN, random, strange=False)
    unseen = _embed(model, held, _HELD, random, strange=True)
    model.confidence_ = fit_confidence(
        unseen["seismic"],
        unseen["velocity"],
        unseen["strange"],
        learned["seismic"],
        (unseen["coherent seismic"], unseen["coherent strange"]),
    )
    model.head_ = fit_head(
        learned["seismic"], learned["values"], unseen["seismic"], unseen["values"], seed
    )


def _embed(
    model: SeisBind, views: Views, limit: int, random: np.random.Generator, *, strange: bool
) -> dict[str, np.ndarray]:
    """Embeddings, and descriptors, of some samples, a second time with field-like noise."""
    import torch

    rows = random.permutation(len(views))[:limit]
    change = field_like(model)

    def embedded(modality: str, array: np.ndarray) -> np.ndarray:
        conventions.check_finite(array, MODALITIES[modality][0])
        rows = np.ascontiguousarray(array, dtype=np.float32)
        return embed(model.encoders_[modality], [rows], model.device)

    parts: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(rows), _BATCH):
        values = views[rows[start : start + _BATCH].tolist()]
        gathers = {"seismic": values["seismic"]}
        if change is not None:
            generator = torch.Generator().manual_seed(int(random.integers(2**31)))
            gathers["noisy"] = change(torch.from_numpy(values["seismic"]), generator).numpy()
        if strange:
            gathers["strange"] = strangers_of(values["seismic"], random)
        for name, array in gathers.items():
            parts.setdefault(name, []).append(embedded("seismic", array))
            parts.setdefault(f"coherent {name}", []).append(coherence(array))
        parts.setdefault("velocity", []).append(embedded("velocity", values["velocity"]))
        parts.setdefault("values", []).append(values["physics"])
    found = {name: np.concatenate(part) for name, part in parts.items()}
    if "noisy" in found:
        # Half of the gathers with noise: trust has to hold for field records, too.
        noisy = random.random(len(rows)) < 0.5
        found["seismic"] = np.where(noisy[:, None], found.pop("noisy"), found["seismic"])
        clean = found["coherent seismic"]
        found["coherent seismic"] = np.where(noisy, found.pop("coherent noisy"), clean)
    return found
