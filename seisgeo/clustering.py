"""Embeddings to clusters: how far they are to be trusted, and few labels to all."""

from __future__ import annotations

import numpy as np

from seisgeo.errors import ParameterError

__all__ = ["cluster_stability", "most_stable", "spread_labels"]

#: Numbers of clusters that are tried.
_MOST_CLUSTERS = 10
#: Differences of stability below it say nothing.
_EQUAL = 0.02
#: Divisions into halves, and starts of each k-means.
_DIVISIONS, _STARTS = 4, 3
#: Rounds of self-training.
_ROUNDS = 3


def cluster_stability(embedding: np.ndarray, n_clusters: int, *, seed: int = 0) -> float:
    """How alike the k-means clusters of all records are, found in one half of them and the other.

    Parameters
    ----------
    embedding : numpy.ndarray
        Shape (record, feature).
    n_clusters : int
        Clusters of k-means, at least 2.
    seed : int, default 0
        Of the divisions and the starts.

    Returns
    -------
    float
        Adjusted Rand index, the mean of several divisions: 1 where both halves make the same
        clusters, 0 where they agree as by chance.

    Raises
    ------
    ParameterError
        If a half holds fewer records than clusters.

    References
    ----------
    Lange et al. (2004), Stability-based validation of clustering solutions, Neural Computation 16.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(90, 2)) + np.arange(90)[:, None] % 3 * 20
    >>> cluster_stability(points, 3)
    1.0
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    if not 2 <= n_clusters <= len(embedding) // 2:
        raise ParameterError(
            f"n_clusters: expected 2 to {len(embedding) // 2} (half of the records), found "
            f"{n_clusters}"
        )
    random = np.random.default_rng(seed)
    found = []
    for _ in range(_DIVISIONS):
        order = random.permutation(len(embedding))
        labels = []
        for half in np.array_split(order, 2):
            state = int(random.integers(2**31))
            means = KMeans(n_clusters, n_init=_STARTS, random_state=state).fit(embedding[half])
            labels.append(means.predict(embedding))
        found.append(adjusted_rand_score(*labels))
    return float(np.mean(found))


def most_stable(embedding: np.ndarray, *, seed: int = 0) -> int:
    """Number of k-means clusters, of 2 to 10, that halves of the records agree on most.

    Parameters
    ----------
    embedding : numpy.ndarray
        Shape (record, feature), at least 4 records.
    seed : int, default 0
        As of :func:`cluster_stability`, which says how much they agree.

    Returns
    -------
    int
        The most stable number, of several equally stable ones the largest; there need not be one
        that is stable.

    Raises
    ------
    ParameterError
        If there are fewer than 4 records.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(90, 2)) + np.arange(90)[:, None] % 3 * 20
    >>> most_stable(points)
    3
    """
    if len(embedding) < 4:
        raise ParameterError(
            f"{len(embedding)} records do not show how many clusters there are: expected at least "
            "4, or n_clusters"
        )
    tried = range(2, max(2, min(_MOST_CLUSTERS, len(embedding) // 4)) + 1)
    found = {k: cluster_stability(embedding, k, seed=seed) for k in tried}
    # Clusters that lie near each other, taken together, are as stable as alone.
    return max(k for k, stability in found.items() if stability >= max(found.values()) - _EQUAL)


def spread_labels(embedding: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Carry a few labels over to all records by self-training of a linear discriminant.

    Parameters
    ----------
    embedding : numpy.ndarray
        Shape (record, feature).
    labels : numpy.ndarray of int
        0, 1, ... for the kinds, each of which is there; -1 where nothing is known.

    Returns
    -------
    numpy.ndarray
        Probability of each kind, shape (record, kind); 1 for labels that were given.

    Examples
    --------
    >>> spread_labels(np.array([[0.0], [0.1], [0.2], [5.0], [5.1]]), np.array([0, -1, -1, -1, 1]))[
    ...     :, 1].round(2).tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0]
    """
    from scipy.special import softmax
    from sklearn.covariance import ledoit_wolf

    given = np.flatnonzero(labels >= 0)
    sure = np.eye(labels.max() + 1)[labels[given]]
    means = np.stack([embedding[labels == kind].mean(axis=0) for kind in range(sure.shape[1])])
    found = (embedding @ means.T - 0.5 * (means**2).sum(axis=1)).argmax(axis=1)  # the nearest
    for _ in range(_ROUNDS):
        found[given] = labels[given]
        means = np.stack([embedding[found == kind].mean(axis=0) for kind in range(len(means))])
        share = np.bincount(found) / len(found)
        covariance, _ = ledoit_wolf(embedding - means[found], assume_centered=True)
        directions = np.linalg.pinv(covariance, hermitian=True) @ means.T  # (feature, kind)
        offset = np.log(share) - 0.5 * (means * directions.T).sum(axis=1)
        odds = softmax(embedding @ directions + offset, axis=1)
        found = odds.argmax(axis=1)
    odds[given] = sure
    return odds
