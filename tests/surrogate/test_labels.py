import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.noise_ceiling import noise_ceiling
from alignet_hf.surrogate.labels import label, tally
from alignet_hf.surrogate.vice import Vice

# Four people on {3, 5, 7}: three find 5 odd, one 3; in any order of the pair. One person on {1, 2, 3}.
CHOICES = np.array([[3, 7, 5], [7, 3, 5], [5, 7, 3], [3, 7, 5], [1, 3, 2]])


def test_choices_are_counted_by_the_objects_they_name():
    counted = tally(CHOICES)
    assert counted.triplets.tolist() == [[1, 3, 2], [3, 7, 5]]
    assert counted.counts.tolist() == [[1, 0, 0], [3, 0, 1]]  # [ij, ik, jk]; (7, 5) is what who finds 3 odd chose
    np.testing.assert_allclose(counted.shares, [[1, 0, 0], [0.75, 0, 0.25]])
    assert counted.ceiling() is None  # of two triplets one was judged once


def test_the_ceiling_holds_a_person_out():
    """Three of four against one: each of the three agrees with the others' majority, the one does not."""
    assert tally(CHOICES[:4]).ceiling(n_bootstrap=0).estimate == pytest.approx(3 / 4)
    # One answer of three is each pair's: the others tie, and none of them is the held-out one.
    assert tally([[0, 1, 2], [0, 2, 1], [1, 2, 0]]).ceiling(n_bootstrap=0).estimate == 0
    assert tally([[0, 1, 2], [1, 0, 2], [2, 0, 1]]).ceiling(n_bootstrap=0).estimate == pytest.approx((0.5 + 0.5) / 3)


def test_the_ceiling_against_answers_listed_person_by_person():
    rng = np.random.default_rng(3)
    positions = rng.integers(0, 3, (40, 7))
    positions[rng.random((40, 7)) < 0.3] = -1
    positions[:, :2] = np.abs(positions[:, :2])
    triplets = 3 * np.arange(40)[:, None] + np.arange(3)
    rows, people = np.nonzero(positions >= 0)
    order = np.array([[1, 2, 0], [0, 2, 1], [0, 1, 2]])[positions[rows, people]]
    ceiling = tally(np.take_along_axis(triplets[rows], order, 1)).ceiling(n_bootstrap=10, seed=1)
    assert ceiling.estimate == pytest.approx(noise_ceiling(positions, n_bootstrap=0).estimate)
    assert (ceiling.n_objects, ceiling.n_responses) == (40, len(rows))
    assert ceiling.low < ceiling.estimate < ceiling.high


def test_single_answers_have_no_ceiling():
    assert tally(CHOICES[3:]).ceiling() is None


def test_large_indices_are_told_apart():
    choices = np.array([[1_999_999, 3, 1_999_998], [3, 1_999_998, 1_999_999], [0, 1, 2]], np.int32)
    counted = tally(choices)
    assert sorted(counted.triplets[1]) == [3, 1_999_998, 1_999_999]
    assert counted.counts.sum(1).tolist() == [1, 2]


def test_the_share_of_each_triplet_s_answers_predicted():
    counted = tally(CHOICES)
    np.testing.assert_allclose(counted.predicted(np.array([[3.0, 1, 2], [3, 1, 2]])), [1, 0.75])
    np.testing.assert_allclose(counted.predicted(np.array([[1.0, 2, 3], [1, 2, 3]])), [0, 0.25])
    np.testing.assert_array_equal(counted.predicted(np.array([[2.0, 2, 1], [1, 1, 1]])), 0)  # ties are wrong


def test_hard_labels_are_most_people_s():
    triplets, probabilities = label(CHOICES, "hard", seed=0)
    assert triplets.tolist() == [[1, 3, 2], [3, 7, 5]]
    assert probabilities is None


def test_people_s_shares():
    _, probabilities = label(CHOICES, "people", seed=0)
    np.testing.assert_allclose(probabilities, [[1, 0, 0], [0.75, 0, 0.25]])
    with pytest.raises(InputError, match="each was judged once"):
        label(CHOICES[3:], "people", seed=0)


def test_vice_s_labels_are_those_of_the_objects_named():
    rng = np.random.default_rng(0)
    choices = 10 * rng.permuted(np.tile(np.arange(9), (400, 1)), axis=1)[:, :3]  # objects 0, 10, ... 80
    options = {"init_dim": 5, "max_epochs": 20, "cool_down": 5, "k": 1}
    triplets, probabilities = label(choices, "vice", seed=2, vice=options, progress=False)
    by_hand = Vice.fit(choices // 10, 9, seed=2, progress=False, **options)
    np.testing.assert_array_equal(probabilities, by_hand.triplet_probabilities(triplets // 10, seed=2))
    np.testing.assert_array_equal(triplets, tally(choices).triplets)


def test_given_labels_are_the_rows_themselves():
    given = np.random.default_rng(0).dirichlet([1, 1, 1], len(CHOICES))
    triplets, probabilities = label(CHOICES, "given", seed=0, probabilities=given)
    np.testing.assert_array_equal(triplets, CHOICES)
    np.testing.assert_array_equal(probabilities, given)
    with pytest.raises(InputError, match='labels: "given" are probabilities of yours, but there are none'):
        label(CHOICES, "given", seed=0)
    with pytest.raises(InputError, match=r"expected shape \(5, 3\)"):
        label(CHOICES, "given", seed=0, probabilities=given[:4])


def test_bad_input_is_named():
    with pytest.raises(InputError, match="labels: 'soft' is not hard, people, vice or given"):
        label(CHOICES, "soft", seed=0)
    with pytest.raises(InputError, match="triplets: row 1 names an item twice"):
        tally([[0, 1, 2], [0, 2, 2]])
    with pytest.raises(InputError, match="choices: there are none"):
        label(np.empty((0, 3), int), "hard", seed=0)


def test_two_who_disagree_have_made_no_hard_choice():
    triplets, probabilities = label([[0, 1, 2], [1, 2, 0], [4, 5, 3], [3, 4, 5], [4, 3, 5]], "hard", seed=0)
    assert probabilities is None
    assert triplets.tolist() == [[3, 4, 5]]
    with pytest.raises(InputError, match="needs a triplet on which most people agree"):
        label([[0, 1, 2], [1, 2, 0]], "hard", seed=0)
