"""The noise ceiling against a loop over held-out responses, and against what chance must score."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.noise_ceiling import noise_ceiling, noise_ceiling_of_most
from alignet_hf.evaluation.statistics import bootstrap_counts

CHOICES = np.random.default_rng(0).choice([-1, 0, 1, 2], p=[0.2, 0.4, 0.3, 0.1], size=(40, 5))


def agreement(responses):
    """One triplet's mean over held-out responses, nan where there are fewer than two."""
    responses = [response for response in responses if response >= 0]
    scores = []
    for held_out in range(len(responses)):
        votes = Counter(responses[:held_out] + responses[held_out + 1 :])
        winners = [item for item, n in votes.items() if n == max(votes.values())]
        scores.append((responses[held_out] in winners) / len(winners) if winners else np.nan)
    return np.mean(scores) if len(scores) > 1 else np.nan


def test_a_ceiling_of_few_triplets_is_none():
    alone, several, nobody = [0, -1, -1], [0, 1, -1], [-1] * 3
    most = np.array([several, several, alone, nobody, nobody])
    assert noise_ceiling_of_most(most, n_bootstrap=0) == noise_ceiling(most, n_bootstrap=0)
    assert noise_ceiling_of_most(np.array([several, several, alone, alone])) is None  # half of them
    assert noise_ceiling_of_most(np.array([nobody, nobody])) is None


def test_ceiling_and_interval_match_a_loop():
    choices = np.concatenate([CHOICES, [[1, -1, -1, -1, -1], [-1] * 5]])
    expected = np.array([agreement(row.tolist()) for row in choices])
    expected = expected[np.isfinite(expected)]
    result = noise_ceiling(choices, n_bootstrap=30, seed=1)
    np.testing.assert_allclose(result.estimate, expected.mean())
    assert result.n_objects == len(expected) < len(choices)
    for count, sample in zip(bootstrap_counts(len(expected), 30, 1), result.samples, strict=True):
        np.testing.assert_allclose(sample, np.repeat(expected, count.astype(int)).mean())
    assert f"{result.n_objects} triplets with {result.n_responses} responses (chance 0.333)" in str(result)


@pytest.mark.parametrize("people", [2, 3, 4, 5])
def test_people_who_guess_score_chance(people):
    """The mean over everything that they can answer is what they score; with ties wrong, or right, it is not 1/3."""
    result = noise_ceiling(list(product(range(3), repeat=people)), n_bootstrap=2)
    np.testing.assert_allclose(result.estimate, 1 / 3)


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ([2, 2, 2, 2, 2], 1),
        ([2, 2, 2, 2, 0], 4 / 5),
        ([0, 0, 0, 1, 1], 3 * 0.5 / 5),  # the others of a 0 tie, those of a 1 do not
        ([0, 0, 1, 1], 0),  # whoever is held out stands against a majority
        ([0, 1], 0),
        ([0, 1, 2], 0),
        ([0, 0, 1, 2], 2 / 3 / 4),  # a 0 is one of three that tie; a 1 or 2 stands against two 0s
    ],
)
def test_small_cases_by_hand(responses, expected):
    np.testing.assert_allclose(noise_ceiling([responses], n_bootstrap=1).estimate, expected)


def test_people_have_no_order_and_items_no_name():
    result = noise_ceiling(CHOICES)
    shuffled = np.random.default_rng(1).permuted(CHOICES, axis=1)
    renamed = np.array([2, 0, 1, -1])[CHOICES]
    padded = np.pad(CHOICES, ((0, 0), (2, 1)), constant_values=-1)
    for same in (shuffled, renamed, padded):
        assert noise_ceiling(same).samples.tobytes() == result.samples.tobytes()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ([0, 1, 2], r"\(triplets, people\), got \(3,\)"),
        (np.empty((0, 5), int), r"got \(0, 5\)"),
        ([[0.0, 1.0]], "must be integers, got float64"),
        ([[0, 1], [2, 3]], "row 1, person 1 holds 3"),
        ([[0, -2]], "row 0, person 1 holds -2"),
        ([[0, -1], [-1, 2]], "no triplet has two responses"),
    ],
)
def test_what_cannot_be_compared_is_named(choices, message):
    with pytest.raises(InputError, match=message):
        noise_ceiling(choices)


@pytest.mark.parametrize("over", ["people", ("triplets", "people")])
def test_intervals_over_people_weigh_the_responses_held_out(over):
    """Against a loop over responses; who the people are is told by ids, in any column."""
    ids = np.random.default_rng(2).permuted(np.tile(np.arange(5), (40, 1)), axis=1) + 10
    result = noise_ceiling(CHOICES, over=over, people=ids, n_bootstrap=12, seed=4)
    kept = [row for row in range(40) if (CHOICES[row] >= 0).sum() >= 2]
    people = bootstrap_counts(5, 12, 4 if over == "people" else (4, 1))
    triplets = np.ones((12, len(kept))) if over == "people" else bootstrap_counts(len(kept), 12, 4)
    for person_counts, triplet_counts, sample in zip(people, triplets, result.samples, strict=True):
        total = weight = 0
        for count, row in zip(triplet_counts, kept, strict=True):
            responses = [(c, ids[row, p]) for p, c in enumerate(CHOICES[row].tolist()) if c >= 0]
            for place, (choice, who) in enumerate(responses):
                votes = Counter(c for other, (c, _) in enumerate(responses) if other != place)
                winners = [item for item, n in votes.items() if n == max(votes.values())]
                share = count * person_counts[who - 10] / len(responses)
                total, weight = total + share * (choice in winners) / len(winners), weight + share
        np.testing.assert_allclose(sample, total / weight)
    assert result.over == ((over,) if over == "people" else over)
    with pytest.raises(InputError, match=r"an id for each response, shape \(40, 5\)"):
        noise_ceiling(CHOICES, over="people", people=ids[:3])
