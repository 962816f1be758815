"""The encoders of a SeisBind: built, standardised, and what training does to their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from seisgeo.augment import FieldLike
    from seisgeo.estimators.seisbind import SeisBind

__all__ = [
    "augmentations",
    "build_encoders",
    "field_like",
    "near_copies_of",
    "standardise",
    "take_weights",
]

#: What a shot encoder knows of the survey: no weights.
_POSITIONS = {"source", "receiver"}


def build_encoders(
    encoder: str, embedding_dim: int, shapes: Mapping[str, tuple[int, ...]], seed: int
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
            encoders["seismic"] = kind(sources, nt, receivers, config, out)
            depth, x = shapes["velocity"]
            encoders["velocity"] = VelocityEncoder((depth, x), config, out)
        encoders["physics"] = PhysicsEncoder(shapes["physics"][0], out)
    return encoders


def take_weights(encoders: torch.nn.ModuleDict, trained: torch.nn.ModuleDict) -> list[str]:
    """Let encoders begin with the weights of trained ones, as far as they fit.

    Parameters
    ----------
    encoders : torch.nn.ModuleDict
        New ones, perhaps for data of other shapes.
    trained : torch.nn.ModuleDict
        To learn from; left as they are.

    Returns
    -------
    list of str
        What could not be taken, a line each, and begins anew.
    """
    anew = []
    for name, encoder in encoders.items():
        if name not in trained:
            anew.append(f"{name}: the whole encoder")
            continue
        here, there = encoder.state_dict(), trained[name].state_dict()
        fits = {k: v for k, v in there.items() if k in here and v.shape == here[k].shape}
        encoder.load_state_dict(fits, strict=False)
        for key in here.keys() - fits.keys() - _POSITIONS:
            found = tuple(there[key].shape) if key in there else "nothing"
            anew.append(f"{name}: {key} {tuple(here[key].shape)}, there {found}")
    return sorted(anew)


def standardise(encoder: Any, values: np.ndarray) -> None:
    """Let the physics encoder take mean and spread of descriptors (sample, descriptor)."""
    import torch

    with torch.no_grad():
        encoder.standardise_on(torch.from_numpy(values))


def augmentations(model: SeisBind, pairs: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """What training does to the rows of each modality."""
    from seisgeo.augment import jitter

    if ("physics", "physics") in pairs:
        return {"physics": jitter(model.encoders_["physics"])}
    change = field_like(model)
    return {} if change is None else {"seismic": change}


def field_like(model: SeisBind) -> FieldLike | None:
    """What makes gathers look recorded, where the model is trained so."""
    from seisgeo.augment import FieldLike

    if not model.augment:
        return None
    survey = model.survey_
    dt = survey.dt if survey else model.axes_["time"]["step"]
    return FieldLike(dt, survey.peak_frequency if survey else None)


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
