"""The encoders of a SeisBind: built, standardised, and what training does to their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.descriptors import powers_of_velocity
from seisgeo.errors import ParameterError

if TYPE_CHECKING:
    import torch

    from seisgeo.augment import FieldLike
    from seisgeo.contrast import Readout, Uncertain
    from seisgeo.estimators.seisbind import SeisBind

__all__ = [
    "augmentations",
    "build_encoders",
    "field_like",
    "near_copies_of",
    "near_misses",
    "readout_of",
    "standardise",
    "stems_for",
    "take_weights",
    "uncertain_physics",
    "whole_pairs",
]

#: What a shot encoder knows of the survey: no weights.
_POSITIONS = {"source", "receiver"}
#: Principal components of the velocity models that a read-out tells.
COMPONENTS = 64


def build_encoders(
    encoder: str,
    embedding_dim: int,
    shapes: Mapping[str, tuple[int, ...]],
    stems: Mapping[str, tuple[int, int]],
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
    stems : mapping of str to (int, int)
        Cells that the first layers are made for, of :func:`stems_for`.
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
            if config.shots:
                encoders["seismic"] = ShotEncoder(
                    sources, -(-nt // thinning), receivers, config, out, stems["seismic"]
                )
            else:
                encoders["seismic"] = SeismicEncoder(sources, *stems["seismic"], config, out)
            encoders["velocity"] = VelocityEncoder(stems["velocity"], config, out)
        encoders["physics"] = PhysicsEncoder(shapes["physics"][0], out)
    return encoders


def stems_for(
    shapes: Mapping[str, tuple[int, ...]],
    thinning: int,
    there: Mapping[str, tuple[int, int]] | None = None,
) -> dict[str, tuple[int, int]]:
    """Cells that the first layers of the convolutional encoders are made for.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of a row of each modality.
    thinning : int
        Samples of the gathers that one sample stands for when encoders see them.
    there : mapping of str to (int, int), optional
        Of a trained model. Its layers are kept as they are where they serve these shapes: what
        comes behind them then finds things as large, in cells, as it has learned them.
    """
    from seisgeo.encoders.residual import serves

    if "seismic" not in shapes:
        return {}
    _, nt, receivers = shapes["seismic"]
    depth, x = shapes["velocity"]
    stems = {"seismic": (-(-nt // thinning), receivers), "velocity": (depth, x)}
    for name, stem in (there or {}).items():
        if name in stems and serves(stem, stems[name]):
            stems[name] = stem
    return stems


def take_weights(
    encoders: torch.nn.ModuleDict, trained: torch.nn.ModuleDict
) -> dict[str, list[str]]:
    """Let encoders begin with the weights of trained ones, as far as they fit.

    Parameters
    ----------
    encoders : torch.nn.ModuleDict
        New ones, perhaps for data of other shapes.
    trained : torch.nn.ModuleDict
        To learn from; left as they are.

    Returns
    -------
    dict of str to list of str
        By encoder, what could not be taken, a line each, and begins anew.
    """
    anew: dict[str, list[str]] = {name: [] for name in encoders}
    for name, encoder in encoders.items():
        if name not in trained:
            anew[name] = [f"{name}: the whole encoder"]
            continue
        here, there = encoder.state_dict(), trained[name].state_dict()
        first = "network.stem.0.weight"
        if name == "seismic" and first in here.keys() & there.keys():
            there[first] = _of_sources(there[first], here[first].shape[1])
        fits = {k: v for k, v in there.items() if k in here and v.shape == here[k].shape}
        encoder.load_state_dict(fits, strict=False)
        for key in sorted(here.keys() - fits.keys() - _POSITIONS):
            found = tuple(there[key].shape) if key in there else "nothing"
            anew[name].append(f"{name}: {key} {tuple(here[key].shape)}, there {found}")
    return anew


def _of_sources(weights: torch.Tensor, count: int) -> torch.Tensor:
    """First layer of an encoder of gathers, (channel, source, ...), for another number of sources.

    Each has the weights of the one that stands at about the same place in line.
    """
    there = weights.shape[1]
    if there == count:
        return weights
    places = np.linspace(0, there - 1, count).round() if count > 1 else [there // 2]
    return weights[:, np.asarray(places, dtype=int)] * (there / count)


def standardise(encoder: Any, values: np.ndarray) -> None:
    """Let the physics encoder take mean and spread of descriptors (sample, descriptor)."""
    import torch

    with torch.no_grad():
        encoder.learn(torch.from_numpy(values))


def augmentations(model: SeisBind, pairs: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """What training does to the rows of each modality."""
    from seisgeo.augment import half, jitter

    if ("physics", "physics") in pairs:
        return {"physics": jitter(model.encoders_["physics"])}
    change = field_like(model, least_snr=-2.0, most_dead=0.4)  # beyond what records are like
    return {} if change is None else {"seismic": half(change)}


def whole_pairs(model: SeisBind, *, even: bool) -> Callable[..., dict[str, torch.Tensor]] | None:
    """What training does to pairs as a whole: a function of a batch and a generator.

    Parameters
    ----------
    model : SeisBind
        Its descriptors are known.
    even : bool
        Whether the survey is its own mirror image.

    Raises
    ------
    ParameterError
        If pairs are to be stretched and a descriptor is not seisgeo's own.
    """
    from seisgeo.augment import Stretch, mirror

    changes: list[Callable[..., dict[str, torch.Tensor]]] = []
    if model.augment and even:
        changes.append(mirror)
    if model.stretch and "velocity" in model.encoders_:
        powers = powers_of_velocity(model.descriptors_)
        if powers is None:
            raise ParameterError(
                f"stretch={model.stretch:g} needs descriptors of seisgeo.descriptors, which it can "
                f"stretch, too; the training set has {', '.join(model.descriptors_)}"
            )
        changes.append(Stretch(model.stretch, powers))

    def change(batch: dict[str, torch.Tensor], generator: torch.Generator) -> Any:
        for one in changes:
            batch = one(batch, generator)
        return batch

    return change if changes else None


def field_like(model: SeisBind, **limits: float) -> FieldLike | None:
    """What makes gathers look recorded, where the model is trained so."""
    from seisgeo.augment import FieldLike

    if not model.augment:
        return None
    dt = model.survey_.dt if model.survey_ else model.axes_["time"]["step"]
    # Not the mean, of which records with an offset are full: it is no frequency to make noise at.
    peak = (1 + model.spectrum_[1:].argmax()) / (len(model.spectrum_) - 1) * 0.5 / dt
    return FieldLike(dt * model.thinning_, float(peak), **limits)


def readout_of(model: SeisBind, velocity: np.ndarray, seed: int) -> Readout | None:
    """What the features of gathers must tell by themselves.

    That is principal components of the velocity, and the descriptors.

    Parameters
    ----------
    model : SeisBind
        Its encoders are there.
    velocity : numpy.ndarray
        Models to find the components of, (sample, depth, x).
    seed : int
        Of the decomposition, which is a randomised one.
    """
    import torch
    from sklearn.decomposition import PCA

    from seisgeo.contrast import Readout

    count = min(COMPONENTS, len(velocity) - 1)
    if not model.readout_weight or count < 1 or not velocity.std(axis=0).any():
        return None
    flat = velocity.reshape(len(velocity), -1)
    found = PCA(count, svd_solver="randomized", random_state=seed).fit(flat)
    # Halfway between the model's own spread, where the first components are all that counts, and
    # whitened components, where the last do.
    spread = np.sqrt(found.explained_variance_).clip(min=1e-3)
    weights = found.components_ / np.sqrt(spread[0] * spread)[:, None]
    mean, matrix = (torch.from_numpy(a.astype(np.float32)) for a in (found.mean_, weights.T))
    physics: Any = model.encoders_["physics"]

    def target(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        rows = batch["velocity"].flatten(1)
        components = (rows - mean.to(rows)) @ matrix.to(rows)
        return torch.cat([components, physics.standardised(batch["physics"])], dim=1)

    size = count + len(model.descriptors_)
    return Readout("seismic", target, size, model.embedding_dim, model.readout_weight)


def near_misses(model: SeisBind) -> dict[str, Any]:
    """For modalities that have them, a function that makes hard negatives, where training has any.

    What a gather is to be told from is a velocity model, and no gather has to be simulated for it.
    """
    from seisgeo.augment import near_twins

    return {"velocity": near_twins} if model.hard_negatives else {}


def uncertain_physics(model: SeisBind) -> Uncertain | None:
    """What the physics encoder learns from uncertain descriptors, where the model is trained so."""
    from seisgeo.augment import uncertain
    from seisgeo.contrast import Uncertain

    weight = model.physics_weight
    if not (model.augment and weight):
        return None
    # Gathers, too, although their encoder does not bind to physics: it costs nothing, and finds
    # records by what is known of the earth.
    weights = {"velocity": weight, "seismic": weight / 2}
    return Uncertain("physics", uncertain(model.encoders_["physics"]), weights)


def near_copies_of(encoders: Any) -> dict[str, Any]:
    """For modalities that can be compared, a function that tells which rows are one and the same.

    A gather cannot tell models that differ by 10 m/s; its mirror image has the same descriptors.
    """
    from seisgeo.augment import TOLERANCE
    from seisgeo.losses import near_copies

    physics = encoders["physics"]
    found: dict[str, Any] = {
        "physics": lambda values: near_copies(physics.standardised(values), 0.01)
    }
    if "velocity" in encoders:
        found["velocity"] = lambda values: near_copies(values, TOLERANCE)
    return found
