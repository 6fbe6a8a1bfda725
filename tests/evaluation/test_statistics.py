"""Weighted ranks and correlations against scipy on data that are really repeated."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata, spearmanr

from alignet_hf.evaluation.statistics import Result, bootstrap_counts, weighted_midranks, weighted_spearman

values = arrays(np.float64, 12, elements=st.integers(0, 6))  # ties are common
weights = arrays(np.int64, 12, elements=st.integers(0, 3))


@given(values, weights)
def test_midranks_are_those_of_repeated_values(values, weights):
    expected = rankdata(np.repeat(values, weights))
    ranks = weighted_midranks(values, weights[None].astype(float))[0]
    np.testing.assert_allclose(np.repeat(ranks, weights), expected)


@given(values, values, weights)
def test_spearman_is_that_of_repeated_values(x, y, weights):
    repeated = np.repeat(x, weights), np.repeat(y, weights)
    ours = weighted_spearman(x, y, weights[None].astype(float))[0]
    if weights.sum() < 2 or any(np.ptp(series) == 0 for series in repeated):
        assert np.isnan(ours)
    else:
        np.testing.assert_allclose(ours, spearmanr(*repeated).statistic, atol=1e-12)


def test_counts_are_draws_with_replacement():
    counts = bootstrap_counts(7, 4000, seed=0)
    assert (counts.sum(1) == 7).all()
    np.testing.assert_allclose(counts.mean(0), 1, atol=0.07)
    np.testing.assert_allclose(counts.var(0), 6 / 7, atol=0.1)  # of a binomial(7, 1/7)
    np.testing.assert_array_equal(counts, bootstrap_counts(7, 4000, seed=0))


def test_result_leaves_out_draws_without_a_score():
    result = Result.from_samples("score", 0.5, np.array([np.nan, *np.linspace(0, 1, 101)]), 1 / 3, 10)
    assert (result.low, result.high) == (0.025, 0.975)
    assert str(result) == "score 0.500, 95 % interval 0.025 to 0.975 over 10 objects (chance 0.333)"
