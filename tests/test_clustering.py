import numpy as np
import pytest
from sklearn.datasets import make_blobs

from seisgeo.clustering import cluster_stability, most_stable, spread_labels
from seisgeo.errors import ParameterError


def test_separate_clusters_are_stable_and_a_cloud_is_not():
    points, _ = make_blobs(200, 5, centers=4, cluster_std=0.1, random_state=0)
    assert cluster_stability(points, 4) == pytest.approx(1.0)
    assert cluster_stability(points, 5) < 0.95
    # Halves agree on which two of four to take together, too.
    assert cluster_stability(points, 3) > 0.9
    assert most_stable(points) == 4
    cloud = np.random.default_rng(0).normal(size=(200, 5))
    assert cluster_stability(cloud, 4) < 0.5
    assert cluster_stability(cloud, 4, seed=1) != cluster_stability(cloud, 4)
    assert cluster_stability(cloud, 4) == cluster_stability(cloud, 4)


def test_too_few_records_are_refused():
    with pytest.raises(ParameterError, match=r"expected 2 to 3 \(half of the records\), found 4"):
        cluster_stability(np.zeros((6, 2)), 4)
    with pytest.raises(ParameterError, match="3 records do not show how many clusters there are"):
        most_stable(np.zeros((3, 2)))


def test_labels_follow_the_scatter_of_all_records():
    """Two long parallel clouds: by distance alone one label in each says little of their ends."""
    random = np.random.default_rng(0)
    kind = np.arange(300) % 2
    points = np.stack([random.normal(0, 10, 300), random.normal(6.0 * kind, 0.5)], axis=1)
    labels = np.full(300, -1)
    for k in (0, 1):
        labels[np.flatnonzero(kind == k)[:4]] = k
    odds = spread_labels(points, labels)
    np.testing.assert_allclose(odds.sum(axis=1), 1)
    assert (odds.argmax(axis=1) == kind).mean() > 0.98
    assert (odds[np.arange(8), kind[:8]] == 1).all()


def test_one_label_a_kind_and_dead_features_are_enough():
    points, kind = make_blobs(60, 3, centers=3, cluster_std=0.2, random_state=1)
    points = np.column_stack([points, np.zeros(60)])
    labels = np.full(60, -1)
    for k in range(3):
        labels[np.flatnonzero(kind == k)[0]] = k
    assert (spread_labels(points, labels).argmax(axis=1) == kind).all()
