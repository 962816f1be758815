"""Scores of a fitted model on pairs that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import descriptors, metrics
from seisgeo.errors import ParameterError
from seisgeo.retrieval.confidence import DEPTH, Confidence
from seisgeo.retrieval.exact import nearest

if TYPE_CHECKING:
    from seisgeo.estimators.seisbind import SeisBind

__all__ = ["best_hits", "evaluate", "evaluate_events", "nearest_by_value", "nearest_others"]

#: What the ``score`` of a model of seismograms measures, and in which sign it is told.
_MEASURES = {
    "EventClassifier": ("accuracy", 1),
    "EventLocator": ("coefficient of determination", 1),
    "MechanismRegressor": ("mean Kagan angle (degrees)", -1),
    "SeisSimCLR": ("records nearest to their changed copy", 1),
}


def evaluate(model: SeisBind, pairs: xr.Dataset, *, k: int = 5) -> dict[str, Any]:
    """Retrieval between modalities, and errors of the inferred descriptors.

    Parameters
    ----------
    model : SeisBind
        A fitted model.
    pairs : xarray.Dataset
        Gathers and velocity models (and descriptors) of samples that were not trained on; they are
        their own gallery.
    k : int, default 5
        Neighbours averaged to infer descriptors. The true model is taken out of the gallery first:
        a new record's true model is never in it.

    Raises
    ------
    ParameterError
        If there are fewer than two pairs, or no neighbour.

    Returns
    -------
    dict
        ``retrieval``: for each direction what :func:`metrics.retrieval_scores` gives;
        ``descriptors``: for each what :func:`metrics.descriptor_errors` gives, with ``floor``, the
        same for the `k` models of the gallery whose descriptors are nearest to the true ones, and
        ``head`` where the model reads descriptors off gathers, with ``coverage`` (share of true
        values in its intervals); ``confidence`` where the model is calibrated:
        ``calibration_error`` and ``probability`` (mean) of the best hit, each query asked with and
        without its own model in the gallery, and ``flagged`` (share taken for strangers); ``k``.
    """
    if pairs.sizes["sample"] < 2 or k < 1:
        raise ParameterError(
            f"an evaluation needs at least 2 pairs and 1 neighbour, found {pairs.sizes['sample']} "
            f"and k={k}"
        )
    z = {m: model.transform(pairs, m)["embedding"] for m in ("seismic", "velocity", "physics")}
    retrieval = {
        f"{a} -> {b}": metrics.retrieval_scores(z[a].values, z[b].values)
        for a, b in (
            ("seismic", "velocity"),
            ("velocity", "seismic"),
            ("velocity", "physics"),
            ("seismic", "physics"),
        )
    }
    physics = pairs if "descriptor_value" in pairs else descriptors.compute(pairs)
    true = physics["descriptor_value"].transpose("sample", "descriptor").load()
    true = true.sel(descriptor=model.descriptors_)
    k = min(k, len(true) - 1)
    seismic, velocity = z["seismic"].values, z["velocity"].values
    errors = _errors(true, nearest_others(seismic, velocity, k))
    floor = _errors(true, nearest_by_value(true.values, true.values, k))
    for name, error in errors.items():
        error["floor"] = {m: floor[name][m] for m in ("relative", "over_iqr")}
    result = {"retrieval": retrieval, "descriptors": errors, "k": k}
    if model.head_ is not None:
        for name, error in _head_errors(model, pairs, true).items():
            errors[name]["head"] = error
    if model.confidence_ is not None:
        result["confidence"] = _confidence(model, pairs, seismic, velocity)
    return result


def nearest_others(query: np.ndarray, gallery: np.ndarray, k: int) -> np.ndarray:
    """The nearest rows of a gallery, each query's own row left out.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Embeddings, shape (query, feature) and (sample, feature); the first rows of the gallery are
        the queries' own.
    k : int
        How many, less than the gallery has rows.

    Returns
    -------
    numpy.ndarray
        Rows of the gallery, nearest first, shape (query, k).
    """
    _, index = nearest(query, gallery, k + 1)
    own = index == np.arange(len(index))[:, None]
    # Drop the pair itself where it was found, else the last hit.
    own[~own.any(axis=1), -1] = True
    return index[~own].reshape(len(index), k)


def _errors(true: xr.DataArray, neighbours: np.ndarray) -> dict[str, dict[str, Any]]:
    inferred = true.copy(data=true.values[neighbours].mean(axis=1))
    return metrics.descriptor_errors(inferred, true)


def nearest_by_value(query: np.ndarray, gallery: np.ndarray, k: int) -> np.ndarray:
    """As :func:`nearest_others`, by values of descriptors over their spread in the gallery.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Values, shape (query, descriptor) and (sample, descriptor).
    k : int
        How many.
    """
    spread = gallery.std(axis=0)
    scale = np.where(spread > 0, spread, 1)
    q, g = ((values - gallery.mean(axis=0)) / scale for values in (query, gallery))
    # |a - b|^2 is least where a.b - |b|^2 / 2 is largest.
    q = np.column_stack([q, np.ones(len(q))])
    return nearest_others(q, np.column_stack([g, -(g**2).sum(axis=1) / 2]), k)


def _head_errors(
    model: SeisBind, pairs: xr.Dataset, true: xr.DataArray
) -> dict[str, dict[str, Any]]:
    read = model.infer_descriptors(pairs)
    errors = metrics.descriptor_errors(read["descriptor_value"], true)
    inside = (read["descriptor_low"].values <= true.values) & (
        true.values <= read["descriptor_high"].values
    )
    for error, share in zip(errors.values(), inside.mean(axis=0), strict=True):
        error["coverage"] = float(share)
    return errors


def _confidence(
    model: SeisBind, pairs: xr.Dataset, seismic: np.ndarray, velocity: np.ndarray
) -> dict[str, float]:
    from seisgeo.estimators.embedding import coherence_of

    confidence = model.confidence_
    assert confidence is not None
    probability, right = best_hits(confidence, seismic, velocity)
    flagged = confidence.is_stranger(seismic, coherence_of(model, pairs))
    return {
        "calibration_error": metrics.expected_calibration_error(probability, right),
        "probability": float(probability.mean()),
        "right": float(right.mean()),
        "flagged": float(flagged.mean()),
    }


def best_hits(
    confidence: Confidence, seismic: np.ndarray, velocity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each query's best hit, and whether it is right: what calibration is seen by.

    Parameters
    ----------
    confidence : Confidence
        Of the model.
    seismic, velocity : numpy.ndarray
        Embeddings of pairs, rows in step, shape (sample, feature).

    Returns
    -------
    probability, right : numpy.ndarray
        Shape (2 sample,): every query with its own model in the gallery, then without.
    """
    n = len(seismic)
    depth = min(n, DEPTH + 1)
    score, index = nearest(seismic, velocity, depth)
    own = index == np.arange(n)[:, None]
    without = np.where(own, -np.inf, score)
    right = own[:, 0]
    probability = [confidence.probabilities(s).max(axis=1) for s in (score, without)]
    return np.concatenate(probability), np.concatenate([right, np.zeros(n, bool)])


def evaluate_events(model: Any, records: xr.Dataset) -> dict[str, Any]:
    """Scores of a model of seismograms on records that it has not seen.

    Parameters
    ----------
    model : SeisCLIP, SeisSimCLR, EventClassifier, EventLocator or MechanismRegressor
        A fitted model.
    records : xarray.Dataset
        Waveforms with their labels.

    Returns
    -------
    dict
        Of SeisCLIP ``retrieval``, for both directions what :func:`metrics.retrieval_scores` gives;
        of the others ``measure`` (its name), ``score`` and ``events`` (how many records).
    """
    name = type(model).__name__
    if name in _MEASURES:
        measure, sign = _MEASURES[name]
        score = sign * model.score(records)
        return {"measure": measure, "score": score, "events": records.sizes["event"]}
    a, b = (model.transform(records, m)["embedding"].values for m in ("waveforms", "information"))
    return {
        "retrieval": {
            "waveforms -> information": metrics.retrieval_scores(a, b),
            "information -> waveforms": metrics.retrieval_scores(b, a),
        }
    }
