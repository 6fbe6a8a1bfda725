"""Steps of k images of each of m clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.distill.cluster_order import ClusterOrder
from alignet_hf.errors import InputError


def shares(labels, step):
    """How many images of each of its clusters a step has."""
    return np.unique(labels[step], return_counts=True)[1]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    clusters_a_step=st.integers(1, 6),
    images_a_hand=st.integers(2, 5),
    seed=st.integers(0, 2**32),
)
def test_every_row_comes_once_whatever_the_clusters(sizes, clusters_a_step, images_a_hand, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)) * 7 - 3, sizes))
    order = ClusterOrder(labels, clusters_a_step * images_a_hand, clusters_a_step)(seed)
    assert np.array_equal(np.sort(order), np.arange(len(labels)))


def test_clusters_that_divide_evenly_give_exactly_k_of_each_of_m_in_every_step():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(30), 40))
    steps = ClusterOrder(labels, 24, 6)(0).reshape(-1, 24)
    assert all(shares(labels, step).tolist() == [4] * 6 for step in steps)
    for step in steps:  # clusters come whole, so that two processes have three each
        assert len(np.unique(labels[step[:12]])) == 3


def test_a_cluster_larger_than_its_part_is_in_every_step_and_more_than_once():
    labels = np.repeat([0, 1, 2, 3, 4], [80, 20, 20, 20, 20])  # half of all, four clusters a step
    counts = np.array(
        [np.bincount(labels[step], minlength=5) for step in ClusterOrder(labels, 16, 4)(3).reshape(-1, 16)]
    )
    assert (counts[:, 0] == 8).all()
    assert (counts[:, 1:].max(1) == 4).all()


def test_what_is_left_over_fills_steps_cluster_by_cluster():
    """26 clusters of 7: three hands of 2 and one image left of each."""
    labels = np.repeat(np.arange(26), 7)
    steps = ClusterOrder(labels, 14, 7)(0).reshape(-1, 14)
    even = [shares(labels, step).tolist() == [2] * 7 for step in steps]
    assert sum(even) == 26 * 3 // 7
    assert not all(even)


def test_epochs_differ_and_a_seed_gives_the_same_order():
    order = ClusterOrder(np.repeat(np.arange(8), 20), 16, 4)
    assert np.array_equal(order(5), order(5))
    assert not np.array_equal(order(5), order(6))


def test_every_cluster_meets_every_other_in_a_few_epochs():
    labels = np.repeat(np.arange(12), 30)
    order = ClusterOrder(labels, 12, 4)
    steps = np.concatenate([order(epoch).reshape(-1, 12) for epoch in range(5)])
    together = np.array([np.isin(np.arange(12), labels[step]) for step in steps]).astype(int)
    assert (together.T @ together > 0).all()


def test_everyone_is_left_out_alike_where_the_last_step_is_dropped():
    """Small clusters, which never fill a hand, too: 3 of 43 rows a time."""
    labels = np.repeat(np.arange(14), [20, 8, *[1] * 5, *[1] * 5, 3, 2])
    order = ClusterOrder(labels, 8, 2)
    left_out = np.concatenate([order(seed)[40:] for seed in range(2000)])
    counts = np.bincount(left_out, minlength=43)
    expected = 2000 * 3 / 43
    assert abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("clusters_a_step", [5, 16])
def test_steps_that_cannot_be_are_refused(clusters_a_step):
    with pytest.raises(InputError, match=f"clusters_a_step is {clusters_a_step}, but a step has 16 images"):
        ClusterOrder(np.zeros(32, int), 16, clusters_a_step)
