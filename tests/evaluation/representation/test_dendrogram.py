from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import to_tree
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.rsa_draws import score_draws
from alignet_hf.evaluation.representation.dendrogram import (
    average_linkage,
    chance_purity,
    cophenetic_distances,
    dendrogram_purity,
)
from alignet_hf.evaluation.representation.distances import Distances, pair_sums, pearson_draws, spearman_draws
from alignet_hf.evaluation.statistics import bootstrap_counts


def naive_purity(merges, labels, counts):
    """Over all pairs of leaves of a category, in a tree of which each leaf is there as often as it was drawn."""
    _, nodes = to_tree(merges, rd=True)
    subtrees = [np.array(node.pre_order()) for node in nodes]
    total = weights = 0
    for i, j in combinations(range(len(labels)), 2):
        if labels[i] == labels[j] and counts[i] * counts[j]:
            smallest = min((tree for tree in subtrees if i in tree and j in tree), key=len)
            share = counts[smallest][labels[smallest] == labels[i]].sum() / counts[smallest].sum()
            total += counts[i] * counts[j] * share
            weights += counts[i] * counts[j]
    return total / weights if weights else np.nan


@settings(max_examples=30, deadline=None)
@given(st.integers(4, 18), st.integers(1, 5), st.integers(0, 10**6))
def test_purity_is_that_of_all_pairs(n, n_labels, seed):
    rng = np.random.default_rng(seed)
    merges = average_linkage(squareform(pdist(rng.normal(size=(n, 2)))))
    labels = rng.integers(n_labels, size=n)
    counts = np.concatenate([np.ones((1, n)), bootstrap_counts(n, 3, seed)])
    expected = [naive_purity(merges, labels, one) for one in counts]
    np.testing.assert_allclose(dendrogram_purity(merges, labels, counts), expected, atol=1e-12)
    np.testing.assert_allclose(dendrogram_purity(merges, labels), expected[:1], atol=1e-12)


def test_purity_of_categories_that_are_subtrees_is_one():
    rng = np.random.default_rng(0)
    rows = np.repeat([[0.0, 0], [10, 0], [0, 10]], 6, axis=0) + rng.normal(size=(18, 2))
    merges = average_linkage(Distances(rows).matrix())
    assert dendrogram_purity(merges, np.repeat([0, 1, 2], 6))[0] == pytest.approx(1, abs=1e-12)


def test_chance_is_the_mean_over_exchanged_labels():
    rng = np.random.default_rng(0)
    merges = average_linkage(squareform(pdist(rng.normal(size=(12, 3)))))
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3])
    exchanged = [dendrogram_purity(merges, rng.permutation(labels))[0] for _ in range(4_000)]
    error = np.std(exchanged) / np.sqrt(len(exchanged))
    assert abs(chance_purity(merges, labels) - np.mean(exchanged)) < 4 * error
    assert chance_purity(merges, np.zeros(12, int)) == pytest.approx(1)


def test_cophenetic_distances_are_the_heights_of_merges():
    distances = squareform(pdist(np.array([[0.0], [1], [5], [7]])))
    heights = cophenetic_distances(average_linkage(distances))
    assert heights.tolist() == [[0, 1, 5.5, 5.5], [1, 0, 5.5, 5.5], [5.5, 5.5, 0, 2], [5.5, 5.5, 2, 0]]


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_distances_are_those_of_scipy(distance):
    rows = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32) + 10
    some = Distances(rows, distance)
    expected = squareform(pdist(rows.astype(np.float64), distance))
    np.testing.assert_allclose(some.matrix(), expected, atol=1e-8)
    np.testing.assert_allclose(some.block(7, 19), expected[7:19], atol=1e-8)
    np.testing.assert_allclose(
        some.of_pairs(np.arange(10), np.arange(20, 30)), expected[:10, 20:].diagonal(), atol=1e-8
    )
    assert (some.matrix().diagonal() == 0).all()


def test_bad_distances_are_refused():
    with pytest.raises(InputError, match="distance is 'manhattan'; it must be one of euclidean, cosine"):
        Distances(np.eye(3), "manhattan")
    with pytest.raises(InputError, match="after: row 1 is zero"):
        Distances(np.diag([1.0, 0, 1]), "cosine", "after")
    with pytest.raises(InputError, match="after"):
        Distances(np.diag([1.0, np.nan, 1]), name="after")


def drawn_pairs(counts):
    """The pairs of a draw, one after another, as often as it has them."""
    objects = np.repeat(np.arange(len(counts)), counts.astype(int))
    first, second = objects[np.array(list(combinations(range(len(objects)), 2))).T]
    return first[first != second], second[first != second]


def test_sums_and_correlations_are_those_of_the_pairs_drawn():
    rng = np.random.default_rng(0)
    x = squareform(pdist(rng.normal(size=(9, 3))))
    tied = np.round(x, 0)
    y = squareform(rng.integers(1, 5, size=36)).astype(float)
    counts = bootstrap_counts(9, 8, 0)
    groups = [np.arange(4), np.arange(4, 9)]
    for row, one in enumerate(counts):
        first, second = drawn_pairs(one)
        same = (first < 4) == (second < 4)
        assert pair_sums(x, counts)[row] == pytest.approx(x[first, second].sum())
        assert pair_sums(x, counts, groups)[row] == pytest.approx(x[first, second][same].sum())
        for matrix in (x, tied):
            a, b = matrix[first, second], y[first, second]
            assert pearson_draws(matrix, y, counts)[row] == pytest.approx(pearsonr(a, b).statistic, abs=1e-9)
            assert spearman_draws(matrix, y, counts)[row] == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)


def test_correlations_are_those_of_rsa():
    rng = np.random.default_rng(1)
    x = squareform(pdist(rng.normal(size=(40, 3))))
    y = np.round(squareform(pdist(rng.normal(size=(40, 2)))) * 3)
    counts = bootstrap_counts(40, 20, 0)
    for ours, theirs in ((pearson_draws, "pearson"), (spearman_draws, "spearman")):
        expected = score_draws(x, y[None], counts, correlation=theirs).scores
        np.testing.assert_allclose(ours(x, y, counts), expected, atol=1e-9)


def test_a_draw_in_which_all_is_equal_has_no_correlation():
    x, y = squareform(np.array([1.0, 2, 3, 4, 5, 6])), squareform(np.array([1.0, 1, 1, 1, 2, 2]))
    counts = np.array([[2.0, 2, 0, 0], [1, 1, 1, 1]])  # copies of one pair; all pairs
    for correlation in (pearson_draws, spearman_draws):
        assert np.isnan(correlation(x, y, counts)).tolist() == [True, False]
