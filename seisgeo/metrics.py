"""How well one modality finds the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

__all__ = ["descriptor_errors", "pair_ranks", "recall_at_k", "retrieval_scores"]


def pair_ranks(query: np.ndarray, gallery: np.ndarray, block: int = 1024) -> np.ndarray:
    """Rank at which each query finds its own pair.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Embeddings, shape (sample, feature); row i of the one belongs with row i of the other.
    block : int, default 1024
        Queries compared at once, which bounds the memory.

    Returns
    -------
    numpy.ndarray
        Ranks from 1 (nearest), shape (sample,). Where others are as near as the pair itself, the
        pair comes last: an encoder that maps everything to one point gets no credit.

    Examples
    --------
    >>> pair_ranks(np.eye(3), np.eye(3))
    array([1, 1, 1])
    """
    ranks = np.empty(len(query), dtype=np.int64)
    for start in range(0, len(query), block):
        similarity = query[start : start + block] @ gallery.T
        own = similarity[np.arange(len(similarity)), start + np.arange(len(similarity))]
        # Counted as those that are not farther, so that NaN comes last instead of first.
        ranks[start : start + block] = len(gallery) - (similarity < own[:, None]).sum(axis=1)
    return ranks


def recall_at_k(ranks: np.ndarray, k: int) -> float:
    """Share of queries that find their pair among the first `k`.

    Parameters
    ----------
    ranks : numpy.ndarray
        From :func:`pair_ranks`.
    k : int
        Hits looked at.
    """
    return float((np.asarray(ranks) <= k).mean())


def retrieval_scores(query: np.ndarray, gallery: np.ndarray) -> dict[str, float]:
    """Recall, ranks and similarities of paired embeddings.

    Parameters
    ----------
    query, gallery : numpy.ndarray
        Unit embeddings, shape (sample, feature), rows in step.

    Returns
    -------
    dict
        ``recall_1``, ``recall_5``, ``recall_10``, ``median_rank``, ``mean_reciprocal_rank``,
        ``pair_similarity``, ``other_similarity`` (means of cosines of pairs and of non-pairs),
        ``gallery`` (its size) and ``chance_1`` (recall at 1 of a blind guess).
    """
    ranks = pair_ranks(query, gallery)
    n = len(ranks)
    pairs = float((query * gallery).sum(axis=1).mean())
    everything = float(query.mean(axis=0) @ gallery.mean(axis=0))
    return {
        **{f"recall_{k}": recall_at_k(ranks, k) for k in (1, 5, 10)},
        "median_rank": float(np.median(ranks)),
        "mean_reciprocal_rank": float((1 / ranks).mean()),
        "pair_similarity": pairs,
        "other_similarity": (everything * n - pairs) / max(1, n - 1),
        "gallery": float(n),
        "chance_1": 1 / n,
    }


def descriptor_errors(inferred: xr.DataArray, true: xr.DataArray) -> dict[str, dict[str, Any]]:
    """Errors of inferred descriptors, one entry for each.

    Parameters
    ----------
    inferred, true : xarray.DataArray
        Values with dimensions (sample, descriptor), in the same units and order.

    Returns
    -------
    dict
        For each descriptor ``relative`` (mean of abs(error) / abs(true), over samples whose
        true value exceeds a thousandth of the largest), ``left_out`` (samples that do not) and
        ``over_iqr`` (mean abs(error) over the interquartile range of the true values).
    """
    result = {}
    for name in true["descriptor"].values:
        t = true.sel(descriptor=name).values.astype(float)
        error = np.abs(inferred.sel(descriptor=name).values - t)
        known = np.abs(t) > 1e-3 * np.abs(t).max(initial=0.0)
        spread = float(np.subtract(*np.percentile(t, [75, 25])))
        result[str(name)] = {
            "relative": float((error[known] / np.abs(t[known])).mean()) if known.any() else None,
            "left_out": int((~known).sum()),
            "over_iqr": float(error.mean() / spread) if spread > 0 else None,
        }
    return result
