"""All scores by abstraction level are the single scores of that level."""

import numpy as np

from alignet_hf.data.judgments import Judgments
from alignet_hf.evaluation.human.calibration import calibration
from alignet_hf.evaluation.human.odd_one_out import model_similarities, odd_one_out_accuracy
from alignet_hf.evaluation.human.responses import choice_shares, response_accuracy
from alignet_hf.evaluation.human.rsa import rsa
from alignet_hf.evaluation.human.scores import score_on_judgments, score_on_levels
from alignet_hf.evaluation.human.uncertainty import uncertainty_rt_correlation
from alignet_hf.surrogate.views import EmbeddingsView
from alignet_hf.triplets import triplet_probabilities

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(60, 4))
TRIPLETS = np.arange(60).reshape(20, 3)
LEVELS = ["coarse-grained", "fine-grained"] * 10
CHOICES = RNG.integers(0, 3, (20, 5))
CHOICES[0] = -1
TIMES = RNG.uniform(500, 12_000, (20, 5))


def test_judgments_are_scored_on_the_rows_that_were_judged():
    held_out_rows = np.array([3, 8, 20, 21, 40, 59])
    held_out = np.array([[20, 3, 40], [59, 8, 21], [3, 59, 20], [40, 21, 50], [8, 0, 3]])  # 0, 50: of THINGS' kind
    people = RNG.normal(size=(6, 6))
    people += people.T
    judgments = Judgments(held_out[:0], np.empty((0, 3)), held_out, held_out_rows, people, {})
    computed = []

    def same(rows):
        computed.append(len(rows))
        return rows

    options = {"n_bootstrap": 50, "seed": 1}
    view = EmbeddingsView(EMBEDDINGS, function=same, n_dimensions=4)
    for embeddings in (EMBEDDINGS, view):
        scores = score_on_judgments(embeddings, judgments, **options)
        assert scores["odd_one_out_accuracy"] == odd_one_out_accuracy(EMBEDDINGS, held_out, **options)
        assert scores["rsa_spearman"] == rsa(EMBEDDINGS[held_out_rows], people, **options)
    assert computed == [8]


def test_scores_by_level_are_those_of_the_level_alone():
    lists = [[int(choice) for choice in row if choice >= 0] for row in CHOICES]
    options = {"n_bootstrap": 9, "n_permutations": 19, "seed": 2}
    scores = score_on_levels(EMBEDDINGS, TRIPLETS, LEVELS, lists, TIMES.tolist(), temperature=2.0, **options)
    for start, level in enumerate(["coarse-grained", "fine-grained"]):
        rows = np.arange(start, 20, 2)
        similarities = model_similarities(EMBEDDINGS, TRIPLETS[rows])
        assert scores["agreement_with_responses"][level] == response_accuracy(similarities, CHOICES[rows], **options)
        expected = uncertainty_rt_correlation(similarities, TIMES[rows], temperature=2.0, **options)
        assert scores["uncertainty_rt_correlation"][level] == expected
        answered = (CHOICES[rows] >= 0).any(1)
        expected = calibration(
            triplet_probabilities(similarities, 2.0)[answered],
            choice_shares(CHOICES[rows])[answered],
            n_bootstrap=9,
            seed=2,
        )
        assert scores["calibration"][level].error == expected.error
    assert "uncertainty_rt_correlation" not in score_on_levels(EMBEDDINGS, TRIPLETS, LEVELS, lists, n_bootstrap=2)
