"""Steps whose triplets share images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.distill.shared_images import SharedImagesOrder
from alignet_hf.surrogate.sample import sample_triplets


def images_a_triplet(triplets, order, rows_a_step):
    """Counted by hand: distinct images of each whole step."""
    steps = order[: len(order) - len(order) % rows_a_step].reshape(-1, rows_a_step)
    return np.mean([len({image for row in step for image in triplets[row].tolist()}) for step in steps]) / rows_a_step


@given(
    n_images=st.integers(3, 300), n_rows=st.integers(0, 300), rows_a_step=st.integers(1, 40), seed=st.integers(0, 2**32)
)
def test_every_row_comes_once_whatever_the_triplets(n_images, n_rows, rows_a_step, seed):
    triplets = sample_triplets(n_images, n_rows, "random", seed=0) * 3 + 5  # of images that do not all occur
    order = SharedImagesOrder(triplets, rows_a_step)(seed)
    assert np.array_equal(np.sort(order), np.arange(n_rows))


@pytest.mark.parametrize("strategy", ["random", "cluster-boundary"])
@pytest.mark.parametrize(
    ("n_images", "n_rows", "rows_a_step", "at_most"),
    [
        (92, 20_000, 16, 1.05),  # 2.4 in random order
        (92, 20_000, 512, 0.12),  # 0.18
        (4_000, 100_000, 64, 2.02),  # 2.93: an image is in 75
        (10_000, 80_000, 64, 2.05),  # 2.99: in 24, as with ten million on ImageNet
    ],
)
def test_steps_meet_fewer_images_than_in_random_order(n_images, n_rows, rows_a_step, at_most, strategy):
    labels = np.random.default_rng(0).integers(0, 8, n_images)
    triplets = sample_triplets(labels, n_rows, strategy, seed=1)
    order = SharedImagesOrder(triplets, rows_a_step)(0)
    assert images_a_triplet(triplets, order, rows_a_step) < at_most
    # Halves of a step, the parts of two processes, share images as well.
    halves = images_a_triplet(triplets, order, rows_a_step // 2)
    assert halves < images_a_triplet(triplets, np.random.default_rng(0).permutation(n_rows), rows_a_step // 2) * 0.75


def test_epochs_put_other_triplets_together_and_a_seed_gives_the_same_order():
    triplets = sample_triplets(2000, 16_000, "random", seed=0)
    order = SharedImagesOrder(triplets, 64)
    first, second = order(5), order(6)
    assert np.array_equal(first, order(5))
    step_of = np.empty((2, 16_000), int)
    step_of[0, first] = step_of[1, second] = np.arange(16_000) // 64
    together = np.unique(step_of[0].astype(np.int64) * 250 + step_of[1], return_counts=True)[1]
    assert (together * (together - 1)).sum() / (16_000 * 63) < 0.05  # pairs of the first epoch's steps, met again


def test_neighbouring_steps_have_no_more_in_common_than_others():
    triplets = sample_triplets(92, 20_000, "random", seed=0)
    steps = SharedImagesOrder(triplets, 16)(0).reshape(-1, 16)
    images = [set(triplets[step].reshape(-1).tolist()) for step in steps]

    def in_common(lag):
        return np.mean([len(one & other) for one, other in zip(images, images[lag:], strict=False)])

    assert abs(in_common(1) - in_common(400)) < 0.5


def test_everyone_is_left_out_alike_where_the_last_step_is_dropped():
    order = SharedImagesOrder(sample_triplets(30, 67, "random", seed=0), 16)
    counts = np.bincount(np.concatenate([order(seed)[64:] for seed in range(2000)]), minlength=67)
    expected = 2000 * 3 / 67
    assert abs(counts - expected).max() < 5 * np.sqrt(expected)
