"""The vocabulary against naive loops and scipy."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from alignet_hf.errors import InputError
from alignet_hf.triplets import (
    all_triplets,
    is_correct,
    odd_one_last,
    odd_one_out,
    pair_values,
    triplet_probabilities,
    triplet_similarities,
    validate_embeddings,
    validate_probabilities,
    validate_triplets,
)

similarity_rows = arrays(np.float64, st.tuples(st.integers(1, 20), st.just(3)), elements=st.integers(-3, 3))


def test_all_triplets_are_the_combinations():
    assert all_triplets(6).tolist() == [list(triplet) for triplet in combinations(range(6), 3)]
    assert all_triplets(2).shape == (0, 3)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_similarities_are_dot_products_in_order(library):
    rng = np.random.default_rng(0)
    embeddings, triplets = rng.normal(size=(7, 4)), all_triplets(7)
    expected = [[embeddings[a] @ embeddings[b] for a, b in ((i, j), (i, k), (j, k))] for i, j, k in triplets]
    if library == "torch":
        embeddings, triplets = torch.from_numpy(embeddings), torch.from_numpy(triplets)
    np.testing.assert_allclose(triplet_similarities(embeddings, triplets), expected)
    np.testing.assert_allclose(pair_values(embeddings @ embeddings.T, triplets), expected)


@given(similarity_rows)
def test_probabilities_are_a_softmax(rows):
    np.testing.assert_allclose(triplet_probabilities(rows, 2.0), softmax(rows / 2, -1))
    np.testing.assert_allclose(triplet_probabilities(torch.from_numpy(rows), 2.0), softmax(rows / 2, -1))


def test_probabilities_of_huge_similarities_are_finite():
    np.testing.assert_array_equal(triplet_probabilities(np.array([[1e4, -1e4, 0.0]])), [[1, 0, 0]])


@given(similarity_rows)
def test_odd_one_is_in_no_most_similar_pair(rows):
    for row, odd in zip(rows, odd_one_out(rows), strict=True):
        pair = [(0, 1), (0, 2), (1, 2)][row.argmax()]
        assert odd not in pair


@given(similarity_rows, st.integers(0, 2))
def test_correct_is_a_strict_maximum(rows, chosen):
    expected = [all(row[chosen] > row[other] for other in range(3) if other != chosen) for row in rows]
    assert is_correct(rows, chosen).tolist() == expected


def test_a_collapsed_encoder_scores_nothing():
    assert not is_correct(np.ones((5, 3)), np.array([0, 1, 2, 0, 1])).any()


@given(similarity_rows)
def test_odd_one_last_keeps_each_pair_with_its_similarity(rows):
    triplets = np.arange(rows.size).reshape(-1, 3)
    ordered, similarities = odd_one_last(triplets, rows)
    assert (similarities[:, 0] == rows.max(1)).all()
    for before, after, row, new in zip(triplets, ordered, rows, similarities, strict=True):
        of_pair = {frozenset((before[a], before[b])): row[n] for n, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)])}
        for n, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
            assert of_pair[frozenset((after[a], after[b]))] == new[n]


@pytest.mark.parametrize(
    ("triplets", "message"),
    [
        ([[0, 1, 2], [0, 1, 5]], "row 1 is out of range.*5 items, 0 to 4"),
        ([[-1, 1, 2]], "row 0 is out of range"),
        ([[0, 1, 2], [3, 2, 3]], "row 1 names an item twice"),
        ([[0, 1]], "shape"),
        ([[0.0, 1.0, 2.0]], "integers"),
    ],
)
def test_bad_triplets_are_named(triplets, message):
    with pytest.raises(InputError, match=message):
        validate_triplets(np.array(triplets), 5)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.5, 0.5, 0], [0.5, 0.4, 0]], "row 1 is not a distribution.*sums to 0.9"),
        ([[1.5, -0.5, 0], [1, 0, 0]], "row 0"),
        ([[np.nan, 0, 1], [1, 0, 0]], "row 0"),
        ([[1, 0, 0]], "shape"),
    ],
)
def test_bad_probabilities_are_named(probabilities, message):
    with pytest.raises(InputError, match=message):
        validate_probabilities(probabilities, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_named(value):
    embeddings = np.zeros((70000, 2), np.float32)
    embeddings[66000, 1] = value
    with pytest.raises(InputError, match=f"row 66000 holds {value}"):
        validate_embeddings(embeddings)
