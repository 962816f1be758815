"""The encoders of a SeisBind: built, standardised, and what training does to their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from seisgeo.augment import FieldLike
    from seisgeo.contrast import Readout
    from seisgeo.estimators.seisbind import SeisBind

__all__ = [
    "augmentations",
    "build_encoders",
    "coarse_readout",
    "field_like",
    "near_copies_of",
    "standardise",
]

#: Coarse cells along an axis of a velocity model.
COARSE = 14


def build_encoders(
    encoder: str,
    embedding_dim: int,
    shapes: Mapping[str, tuple[int, ...]],
    thinning: int,
    seed: int,
) -> torch.nn.ModuleDict:
    """Encoders for rows of these shapes, with weights drawn from `seed`.

    Parameters
    ----------
    encoder : str
        Key of :data:`seisgeo.encoders.ENCODERS`.
    embedding_dim : int
        Length of the embeddings.
    shapes : mapping of str to tuple of int
        Shape of a row of each modality.
    thinning : int
        Samples of the gathers that one sample stands for when encoders see them.
    seed : int
        Of the weights; the caller's random numbers stay as they are.
    """
    import torch

    from seisgeo.encoders import (
        ENCODERS,
        PhysicsEncoder,
        SeismicEncoder,
        ShotEncoder,
        VelocityEncoder,
    )

    config, out = ENCODERS[encoder], embedding_dim
    encoders = torch.nn.ModuleDict()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if "seismic" in shapes:
            sources, nt, receivers = shapes["seismic"]
            kind = ShotEncoder if config.shots else SeismicEncoder
            encoders["seismic"] = kind(sources, -(-nt // thinning), receivers, config, out)
            depth, x = shapes["velocity"]
            encoders["velocity"] = VelocityEncoder((depth, x), config, out)
        encoders["physics"] = PhysicsEncoder(shapes["physics"][0], out)
    return encoders


def standardise(encoder: Any, values: np.ndarray) -> None:
    """Let the physics encoder take mean and spread of descriptors (sample, descriptor)."""
    import torch

    with torch.no_grad():
        encoder.standardise_on(torch.from_numpy(values))


def augmentations(model: SeisBind, pairs: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """What training does to the rows of each modality."""
    from seisgeo.augment import half, jitter

    if ("physics", "physics") in pairs:
        return {"physics": jitter(model.encoders_["physics"])}
    change = field_like(model)
    return {} if change is None else {"seismic": half(change)}


def field_like(model: SeisBind) -> FieldLike | None:
    """What makes gathers look recorded, where the model is trained so."""
    from seisgeo.augment import FieldLike

    if not model.augment:
        return None
    dt = model.survey_.dt if model.survey_ else model.axes_["time"]["step"]
    peak = model.spectrum_.argmax() / (len(model.spectrum_) - 1) * 0.5 / dt
    return FieldLike(dt * model.thinning_, float(peak))


def coarse_readout(model: SeisBind) -> Readout | None:
    """What the embedding of gathers must tell by itself: velocities in coarse cells."""
    from torch.nn import functional

    from seisgeo.contrast import Readout

    if "velocity" not in model.encoders_ or not model.readout_weight:
        return None

    def target(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        pooled = functional.adaptive_avg_pool2d((batch["velocity"] - 3000) / 1500, COARSE)
        return pooled.flatten(1)

    return Readout("seismic", target, COARSE**2, model.embedding_dim, model.readout_weight)


def near_copies_of(encoders: Any) -> dict[str, Any]:
    """For modalities that can be compared, a function that tells which rows are one and the same.

    A gather cannot tell models that differ by 10 m/s; its mirror image has the same descriptors.
    """
    from seisgeo.losses import near_copies

    physics = encoders["physics"]
    found: dict[str, Any] = {
        "physics": lambda values: near_copies((values - physics.mean) / physics.scale, 0.01)
    }
    if "velocity" in encoders:
        found["velocity"] = lambda values: near_copies(values, 10.0)
    return found
