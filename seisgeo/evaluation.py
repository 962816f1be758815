"""Scores of a fitted model on pairs that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import descriptors, metrics
from seisgeo.errors import ParameterError
from seisgeo.retrieval.exact import nearest

if TYPE_CHECKING:
    from seisgeo.estimators.seisbind import SeisBind

__all__ = ["evaluate"]


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
        ``descriptors``: for each what :func:`metrics.descriptor_errors` gives; ``k``.
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
    k = min(k, len(true) - 1)
    _, index = nearest(z["seismic"].values, z["velocity"].values, k + 1)
    own = index == np.arange(len(index))[:, None]
    # Drop the pair itself where it was found, else the last hit.
    own[~own.any(axis=1), -1] = True
    neighbours = index[~own].reshape(len(index), k)
    inferred = true.copy(data=true.values[neighbours].mean(axis=1))
    return {
        "retrieval": retrieval,
        "descriptors": metrics.descriptor_errors(inferred, true),
        "k": k,
    }
