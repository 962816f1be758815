"""How well one modality finds the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

__all__ = [
    "NEAR_ZERO",
    "bootstrap_interval",
    "descriptor_errors",
    "expected_calibration_error",
    "pair_ranks",
    "recall_at_k",
    "reliability",
    "retrieval_scores",
    "sample_errors",
    "smallest_values",
]

#: Share of a descriptor's interquartile range below which a value counts as zero, and nothing is
#: told in relation to it: no relative error is then more than 1 / NEAR_ZERO times that over the
#: interquartile range, and the mean of many is not made by a few values that are next to nothing.
NEAR_ZERO = 0.1


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
        true value is no less than :func:`smallest_values`), ``left_out`` (samples where it is) and
        ``over_iqr`` (mean abs(error) over the interquartile range of the true values).
    """
    errors = sample_errors(inferred, true)
    result = {}
    for name in true["descriptor"].values:
        one = errors.sel(descriptor=name)
        known = ~np.isnan(one["relative"].values)
        spread = float(one["over_iqr"].mean())
        result[str(name)] = {
            "relative": float(one["relative"].values[known].mean()) if known.any() else None,
            "left_out": int((~known).sum()),
            "over_iqr": None if np.isnan(spread) else spread,
        }
    return result


def sample_errors(
    inferred: xr.DataArray, true: xr.DataArray, *, near_zero: float = NEAR_ZERO
) -> xr.Dataset:
    """Errors of inferred descriptors, sample by sample.

    Parameters
    ----------
    inferred, true : xarray.DataArray
        Values with dimensions (sample, descriptor), in the same units and order.
    near_zero : float, default NEAR_ZERO
        As for :func:`smallest_values`.

    Returns
    -------
    xarray.Dataset
        ``relative`` and ``over_iqr (sample, descriptor)``, as :func:`descriptor_errors` averages
        them: NaN where a true value is near zero, or all are equal.

    Examples
    --------
    >>> true = xr.DataArray([[0.5], [10.0], [20.0]], dims=("sample", "descriptor"))
    >>> sample_errors(true + 1, true).relative.values.ravel()
    array([ nan, 0.1 , 0.05])
    """
    t = true.transpose("sample", "descriptor").astype(float)
    error = np.abs(inferred.transpose("sample", "descriptor").values - t.values)
    size = np.abs(t.values)
    known = (size >= smallest_values(t.values, near_zero)) & (size > 0)
    spread = np.subtract(*np.percentile(t.values, [75, 25], axis=0))
    relative = np.divide(error, size, out=np.full_like(error, np.nan), where=known)
    scaled = np.divide(error, spread, out=np.full_like(error, np.nan), where=spread > 0)
    return xr.Dataset({"relative": t.copy(data=relative), "over_iqr": t.copy(data=scaled)})


def smallest_values(values: np.ndarray, near_zero: float = NEAR_ZERO) -> np.ndarray:
    """Size below which a descriptor counts as zero: a tenth of its interquartile range.

    The lateral gradient of a flat model is zero, and so, as nearly as matters, is one that is a
    small part of what other models' gradients differ by: an error relative to it says nothing.

    Parameters
    ----------
    values : numpy.ndarray
        Descriptors of many models, shape (sample, descriptor).
    near_zero : float, default NEAR_ZERO
        Share of the interquartile range.

    Returns
    -------
    numpy.ndarray
        Shape (descriptor,).

    Examples
    --------
    >>> smallest_values(np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]))
    array([0.2])
    """
    return near_zero * np.subtract(*np.percentile(values, [75, 25], axis=0))


def reliability(probability: np.ndarray, right: np.ndarray, bins: int = 10) -> xr.Dataset:
    """How often answers of each probability are right.

    Parameters
    ----------
    probability : numpy.ndarray
        Stated probabilities, any shape.
    right : numpy.ndarray
        Whether the answers were right, the same shape.
    bins : int, default 10
        Bins of equal width between 0 and 1.

    Returns
    -------
    xarray.Dataset
        For each bin along ``bin``: ``stated`` (mean probability), ``found`` (share that was right)
        and ``count``; empty bins are NaN.

    Examples
    --------
    >>> table = reliability(np.array([0.05, 0.95, 0.95]), np.array([False, True, False]))
    >>> table.found.values[[0, 1, 9]]
    array([0. , nan, 0.5])
    """
    p, r = np.ravel(probability).astype(float), np.ravel(right).astype(float)
    place = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        stated = np.bincount(place, p, minlength=bins) / count
        found = np.bincount(place, r, minlength=bins) / count
    return xr.Dataset(
        {"stated": ("bin", stated), "found": ("bin", found), "count": ("bin", count)},
        coords={"bin": (np.arange(bins) + 0.5) / bins},
    )


def expected_calibration_error(probability: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Mean distance of stated probabilities from the shares that were right, over answers.

    Parameters
    ----------
    probability, right, bins
        As for :func:`reliability`.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599.
    """
    table = reliability(probability, right, bins)
    gap = abs(table["stated"] - table["found"]) * table["count"]
    return float(gap.sum() / table["count"].sum())


def bootstrap_interval(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], float] = np.mean,
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of a mean, or of another statistic, by resampling the samples it was taken over.

    Parameters
    ----------
    values : numpy.ndarray
        One for each sample, for instance whether its pair was found first; or a row for each.
    statistic : callable, default numpy.mean
        Number from such values.
    level : float, default 0.95
        Share of the resampled numbers inside.
    draws : int, default 1000
        Times resampled.
    seed : int, default 0
        Of the resampling.

    Returns
    -------
    (float, float)
        Low and high end.

    References
    ----------
    Efron (1979), Bootstrap methods, Annals of Statistics 7, 1-26 (percentile interval).

    Examples
    --------
    >>> bootstrap_interval(np.ones(50))
    (1.0, 1.0)
    """
    random = np.random.default_rng(seed)
    values = np.asarray(values, dtype=float)
    n = len(values)
    found = [statistic(values[random.integers(n, size=n)]) for _ in range(draws)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
