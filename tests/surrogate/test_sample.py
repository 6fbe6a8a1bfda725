import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from alignet_hf.errors import InputError
from alignet_hf.surrogate.sample import STRATEGIES, sample_triplets
from alignet_hf.triplets import all_triplets

NUMBER_OF_LABELS = {"cluster-boundary": 2, "class-boundary": 2, "within-class": 1, "between-class": 3}


def eligible(labels, strategy):
    """Every unordered triplet that a strategy allows, by enumeration."""
    return [
        tuple(int(item) for item in triplet)
        for triplet in all_triplets(len(labels))
        if strategy == "random" or len({labels[item] for item in triplet}) == NUMBER_OF_LABELS[strategy]
    ]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("labels", [[7, 3, 7, 7, 3, 9, 7, 9], [0, 0, 0, 0, 0, 0, 1, 2]])
def test_uniform_over_all_that_are_eligible(strategy, labels):
    allowed = eligible(labels, strategy)
    drawn = np.sort(sample_triplets(labels, 200 * len(allowed), strategy, seed=0), axis=1)
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    assert {tuple(triplet.tolist()) for triplet in found} == set(allowed)
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("strategy", ["random", "within-class", "between-class"])
def test_the_order_says_nothing(strategy):
    labels = np.arange(60) // 20
    drawn = sample_triplets(labels, 60_000, strategy, seed=1)
    order = (drawn.argsort(1) @ [9, 3, 1]).astype(int)
    assert chisquare(np.unique(order, return_counts=True)[1]).pvalue > 1e-3
    assert (np.unique(drawn[:, 0], return_counts=True)[1] > 800).all()  # of 1000 expected


def test_the_last_of_a_boundary_triplet_is_apart():
    labels = np.array(list("aabbbcccca"))
    i, j, k = labels[sample_triplets(labels, 1000, "class-boundary", seed=2)].T
    assert (i == j).all()
    assert (i != k).all()


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.integers(-2, 5), min_size=3, max_size=12), strategy=st.sampled_from(STRATEGIES))
def test_only_eligible_triplets_or_an_error(labels, strategy):
    allowed = set(eligible(labels, strategy))
    if not allowed:
        with pytest.raises(InputError, match="labels"):
            sample_triplets(labels, 50, strategy, seed=0)
        return
    drawn = sample_triplets(labels, 50, strategy, seed=0)
    assert drawn.shape == (50, 3)
    assert {tuple(sorted(triplet)) for triplet in drawn.tolist()} <= allowed


def test_the_seed_decides():
    labels = np.arange(100) % 7
    for strategy in STRATEGIES:
        first, same, other = (sample_triplets(labels, 500, strategy, seed=seed) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, same)
        assert (first != other).any()


def test_a_number_of_items_does_for_random():
    np.testing.assert_array_equal(
        sample_triplets(9, 40, "random", seed=0), sample_triplets([0] * 9, 40, "random", seed=0)
    )
    assert sample_triplets(9, 0, "random", seed=0).shape == (0, 3)


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"0 of 4 labels have two members or more"):
        sample_triplets([0, 1, 2, 3], 5, "cluster-boundary", seed=0)
    with pytest.raises(InputError, match=r"1 of 1 labels have two members"):
        sample_triplets([0, 0, 0], 5, "cluster-boundary", seed=0)
    with pytest.raises(InputError, match=r"'within-class' needs one"):
        sample_triplets([0, 0, 1, 1], 5, "within-class", seed=0)
    with pytest.raises(InputError, match=r"2 different labels"):
        sample_triplets([0, 0, 1, 1], 5, "between-class", seed=0)
    with pytest.raises(InputError, match=r"2 items; a triplet needs 3"):
        sample_triplets(2, 5, "random", seed=0)
    with pytest.raises(InputError, match=r"'border' is not one of cluster-boundary"):
        sample_triplets([0, 0, 1], 5, "border", seed=0)
    for labels in (9, [0.5, 1.5, 2.0]):
        with pytest.raises(InputError, match="expected one integer or string an item"):
            sample_triplets(labels, 5, "cluster-boundary", seed=0)
