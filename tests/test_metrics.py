import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo import metrics


def test_ranks_by_hand():
    gallery = np.eye(3)
    query = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.3, 0.4]])
    np.testing.assert_array_equal(metrics.pair_ranks(query, gallery), [1, 2, 2])
    assert metrics.recall_at_k(np.array([1, 2, 2]), 1) == pytest.approx(1 / 3)
    assert metrics.recall_at_k(np.array([1, 2, 2]), 2) == 1


def test_collapsed_embeddings_get_no_credit():
    same = np.ones((50, 4)) / 2
    assert (metrics.pair_ranks(same, same) == 50).all()


def test_embeddings_that_are_not_finite_get_no_credit():
    broken = np.full((5, 3), np.nan)
    assert (metrics.pair_ranks(broken, broken) == 5).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 99))
def test_blocks_do_not_change_ranks(n, block, seed):
    rng = np.random.default_rng(seed)
    q, g = rng.integers(-2, 3, size=(2, n, 5)).astype(float)  # exact sums, and many ties
    expected = [int((q[i] @ g.T >= q[i] @ g[i]).sum()) for i in range(n)]
    np.testing.assert_array_equal(metrics.pair_ranks(q, g, block=block), expected)


def test_scores_against_explicit_sums():
    rng = np.random.default_rng(0)
    q, g = rng.normal(size=(2, 12, 5))
    scores = metrics.retrieval_scores(q, g)
    cosine = q @ g.T
    off = cosine[~np.eye(12, dtype=bool)]
    assert scores["pair_similarity"] == pytest.approx(np.diag(cosine).mean())
    assert scores["other_similarity"] == pytest.approx(off.mean())
    assert scores["chance_1"] == pytest.approx(1 / 12)


def test_relative_error_leaves_out_what_is_near_zero():
    true = xr.DataArray(
        [[100.0, 0.0], [200.0, 0.1], [300.0, -2.0], [400.0, 4.0], [500.0, 6.0]],
        dims=("sample", "descriptor"), coords={"descriptor": ["v", "g"]},
    )  # fmt: skip
    errors = metrics.descriptor_errors(true * 1.1, true)
    assert errors["v"]["relative"] == pytest.approx(0.1)
    assert errors["v"]["left_out"] == 0
    # Of g, half lies between 0 and 4, and a tenth of that is .4.
    assert errors["g"] == {
        "relative": pytest.approx(0.1),
        "left_out": 2,
        "over_iqr": pytest.approx(0.1 * np.mean([0, 0.1, 2, 4, 6]) / 4),
    }
    np.testing.assert_allclose(metrics.smallest_values(true.values), [20, 0.4])


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 60), st.integers(0, 999))
def test_no_relative_error_is_ten_times_that_over_the_spread(n, seed):
    rng = np.random.default_rng(seed)
    true = xr.DataArray(rng.normal(size=(n, 2)) ** 3, dims=("sample", "descriptor"))
    errors = metrics.sample_errors(true + rng.normal(size=(n, 2)), true)
    relative, scaled = errors["relative"].values, errors["over_iqr"].values
    known = ~np.isnan(relative)
    assert (relative[known] <= 10 * scaled[known] * (1 + 1e-9)).all()
    assert known.any()
    # A smaller share leaves fewer out, and changes none of the others.
    less = metrics.sample_errors(true + (true - true), true, near_zero=0)["relative"].values
    assert not np.isnan(less).any()


def test_calibration_error_by_hand():
    stated = np.array([0.05, 0.05, 0.95, 0.95])
    right = np.array([False, True, True, True])
    table = metrics.reliability(stated, right)
    assert table["count"].values.tolist() == [2, *[0] * 8, 2]
    assert table["found"].values[[0, 9]].tolist() == [0.5, 1.0]
    # Half of the answers are off by .45, half by .05.
    assert metrics.expected_calibration_error(stated, right) == pytest.approx(0.25)
    assert metrics.expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_bootstrap_interval_of_a_known_mean():
    values = np.random.default_rng(0).random(2000) < 0.3
    low, high = metrics.bootstrap_interval(values)
    # The normal approximation: 1.96 sqrt(p (1 - p) / n) = 0.020
    assert values.mean() - low == pytest.approx(0.020, abs=0.003)
    assert high - values.mean() == pytest.approx(0.020, abs=0.003)
    assert metrics.bootstrap_interval(values) == (low, high)
