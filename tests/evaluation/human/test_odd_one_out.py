"""Odd-one-out accuracy and its bootstrap against a loop over really drawn objects."""

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.odd_one_out import odd_one_out_accuracy
from alignet_hf.evaluation.statistics import bootstrap_counts
from alignet_hf.triplets import all_triplets


def test_accuracy_and_interval_match_a_loop():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(9, 3))
    triplets = rng.permuted(all_triplets(8) + 1, axis=1)  # item 0 is in no triplet
    gram = embeddings @ embeddings.T
    correct = [gram[i, j] > max(gram[i, k], gram[j, k]) for i, j, k in triplets]
    result = odd_one_out_accuracy(embeddings, triplets, n_bootstrap=50, seed=3)
    assert result.estimate == np.mean(correct)
    assert result.n_objects == 8
    for count, sample in zip(bootstrap_counts(8, 50, 3), result.samples, strict=True):
        weights = [np.prod([count[item - 1] for item in triplet]) for triplet in triplets]
        if sum(weights):
            np.testing.assert_allclose(sample, np.average(correct, weights=weights))
        else:
            assert np.isnan(sample)


def test_equal_embeddings_score_nothing():
    assert odd_one_out_accuracy(np.ones((5, 2)), all_triplets(5)).estimate == 0


def test_no_triplets_is_an_error():
    with pytest.raises(InputError, match="none to score"):
        odd_one_out_accuracy(np.ones((5, 2)), np.empty((0, 3), int))
