"""Scores of a model, against sums made by hand."""

import numpy as np
import pytest

from seisgeo.console import evaluation_text
from seisgeo.evaluation import best_hits, evaluate, nearest_by_value
from seisgeo.retrieval.confidence import Confidence


def test_the_floor_is_that_of_the_nearest_descriptors():
    values = np.random.default_rng(0).normal(size=(60, 4)) * [1, 10, 100, 0.1] + 5
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    distance = np.linalg.norm(z[:, None] - z, axis=2)
    np.fill_diagonal(distance, np.inf)
    np.testing.assert_array_equal(
        nearest_by_value(values, values, 3), distance.argsort(axis=1)[:, :3]
    )


def test_best_hits_are_asked_with_and_without_the_own_model():
    eye = np.eye(3)
    confidence = Confidence(0.1, 0.5, eye[0], eye, np.zeros(2), 1.0, 1.0)
    probability, right = best_hits(confidence, eye, eye)
    assert right.tolist() == [True] * 3 + [False] * 3
    with_own = np.exp([10, 0, 0, 5])
    without = np.exp([0, 0, 5])
    np.testing.assert_allclose(probability[:3], (with_own / with_own.sum())[0])
    np.testing.assert_allclose(probability[3:], (without / without.sum())[0])


def test_everything_is_scored(small_model, small_pairs):
    result = evaluate(small_model, small_pairs.isel(sample=slice(600, 700)))
    error = result["descriptors"]["upper_velocity"]
    assert error["floor"]["over_iqr"] < error["over_iqr"]
    assert error["head"]["over_iqr"] < error["over_iqr"]
    assert 0.7 < error["head"]["coverage"] <= 1
    trust = result["confidence"]
    assert trust["right"] == pytest.approx(
        result["retrieval"]["seismic -> velocity"]["recall_1"] / 2, abs=0.02
    )
    assert trust["calibration_error"] < 0.2
    assert trust["flagged"] < 0.15
    text = evaluation_text(result)
    assert "coverage" in text
    assert "best hit: stated probability" in text
