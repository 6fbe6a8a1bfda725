"""RSA against scipy, the bootstrap against really drawn objects."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from alignet_hf.demo import objects92
from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.rsa import rsa
from alignet_hf.evaluation.statistics import bootstrap_counts

PEOPLE = -objects92.people().mean(0)[:20, :20]


def test_estimate_and_interval_match_scipy_on_drawn_objects():
    embeddings = np.random.default_rng(0).normal(size=(20, 5))
    model = np.corrcoef(embeddings)
    upper = np.triu_indices(20, 1)
    result = rsa(embeddings, PEOPLE, n_bootstrap=20, seed=1)
    np.testing.assert_allclose(result.estimate, spearmanr(model[upper], PEOPLE[upper]).statistic, atol=1e-12)
    for count, sample in zip(bootstrap_counts(20, 20, 1), result.samples, strict=True):
        drawn = np.repeat(np.arange(20), count.astype(int))
        pairs = np.array([(a, b) for n, a in enumerate(drawn) for b in drawn[n + 1 :] if a != b])
        expected = spearmanr(model[tuple(pairs.T)], PEOPLE[tuple(pairs.T)]).statistic
        np.testing.assert_allclose(sample, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("embeddings", "people", "message"),
    [
        (np.eye(3), np.eye(3), "at least four objects, got 3"),
        (np.eye(5), np.eye(4), r"shape \(5, 5\)"),
        (np.eye(5), np.full((5, 5), np.nan), "row 0, column 0 holds nan"),
        (np.ones((5, 3)), np.eye(5), "constant"),
    ],
)
def test_what_cannot_be_compared_is_named(embeddings, people, message):
    with pytest.raises(InputError, match=message):
        rsa(embeddings, people)
