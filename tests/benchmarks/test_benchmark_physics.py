"""Rows of the SeisBind benchmark that are asked by descriptors."""

import numpy as np
import pytest


def test_queries_are_as_wrong_and_as_unknown_as_their_names_say():
    from seisbind_physics import queries

    true = np.random.default_rng(0).normal(2000, 300, size=(500, 15)).astype(np.float32)
    asked = {name: (values, std) for name, values, std in queries(true)}
    assert set(asked) == {
        "all known",
        "errors of 0.1",
        "errors of 0.3",
        "10 of 15 known",
        "5 of 15 known",
        "3 of 15 known",
    }
    np.testing.assert_array_equal(asked["all known"][0], true)
    values, std = asked["errors of 0.3"]
    assert ((values - true) / std).std() == pytest.approx(1, abs=0.03)
    values, _ = asked["5 of 15 known"]
    assert (np.isfinite(values).sum(axis=1) == 5).all()
    assert np.isfinite(values).any(axis=0).all()  # not always the same five


def test_ranks_by_descriptors_are_those_of_the_likelihood():
    from scipy.stats import norm
    from seisbind_physics import descriptor_ranks

    random = np.random.default_rng(1)
    told = random.normal(size=(30, 4))
    doubt = random.uniform(0.1, 0.5, size=told.shape)
    true = told + doubt * random.normal(size=told.shape)
    true[:, 3] = np.nan
    std = np.full(told.shape, 0.2)
    ranks = descriptor_ranks(true, std, told, doubt)
    for i, rank in enumerate(ranks):
        width = np.hypot(np.hypot(doubt, 0.2), 1e-3 * told.std(axis=0))
        fit = norm(told, width).logpdf(true[i])[:, :3].sum(axis=1)
        assert rank == (fit >= fit[i]).sum()
    exact = descriptor_ranks(told, np.zeros_like(told), told, np.zeros_like(told))
    assert exact.tolist() == [1] * 30
