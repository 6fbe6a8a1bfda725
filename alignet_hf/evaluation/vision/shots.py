"""Which training images are the shots of a few-shot test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
    from alignet_hf.evaluation.vision.labelled_images import LabelledImages

    Labelled = LabelledEmbeddings | LabelledImages


def shot_draws(labels: np.ndarray, n_shots: int, n_draws: int, seed: int) -> Iterator[np.ndarray]:
    """Rows of `n_shots` images of each class, drawn without replacement, time and again.

    The shots of a smaller number, drawn with the same seed, are among those of a larger. They depend on the labels
    alone: two encoders of the same images are given the same ones.

    Args:
        labels: (N,) int.
        n_shots: images of each class; of a class that has fewer, all.
        n_draws: draws.
        seed: of the draws.
    """
    for draw in range(n_draws):
        shuffled = shuffled_by_class(labels, np.random.default_rng((seed, draw)))
        yield np.sort(shuffled[places_within(labels[shuffled]) < n_shots])


def held_out_draws(
    labels: np.ndarray, n_shots: int, n_draws: int, n_held_out: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shots, and images of the same classes that are none, to choose a setting by.

    Of a class with no more than `n_shots` images one is held out and the others are shots; the only image of a class
    is a shot.

    Args:
        n_held_out: how many there are at most, of all the classes.
    """
    for draw in range(n_draws):
        rng = np.random.default_rng((seed, 1, draw))  # draws other than `shot_draws` gives
        shuffled = shuffled_by_class(labels, rng)
        sizes = np.bincount(labels)[labels[shuffled]]
        is_shot = places_within(labels[shuffled]) < np.minimum(n_shots, np.maximum(sizes - 1, 1))
        others = rng.permutation(shuffled[~is_shot])[:n_held_out]
        yield np.sort(shuffled[is_shot]), np.sort(others)


def shuffled_by_class(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All rows, class after class, shuffled within each: (N,) int -> (N,) int64."""
    order = rng.permutation(len(labels))
    return order[np.argsort(labels[order], kind="stable")]


def places_within(ordered: np.ndarray) -> np.ndarray:
    """The place of each entry among its equals: (N,) int, ascending -> (N,) int64."""
    sizes = np.unique(ordered, return_counts=True)[1]
    return np.arange(len(ordered)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def validate_shots(training: "Labelled", test: "Labelled", n_shots: int) -> None:
    """Raise InputError unless every class of a test image has that many training images."""
    if training.classes != test.classes:
        raise InputError("the training and the test images have other classes; give both in one order")
    if n_shots < 1:
        raise InputError(f"shots: {n_shots}; at least 1 is needed")
    if not len(test):
        raise InputError("there are no test images")
    sizes = np.bincount(training.labels, minlength=len(training.classes))
    tested = np.bincount(test.labels, minlength=len(test.classes)) > 0
    short = np.flatnonzero((sizes < n_shots) & (tested | (sizes > 0)))
    if len(short):
        name, size, n_classes = training.classes[short[0]], sizes[short[0]], (tested | (sizes > 0)).sum()
        raise InputError(
            f"class {name} has {size} training images, where {n_shots} shots are asked (so it is with {len(short)} of "
            f"the {n_classes} classes); ask for fewer, or leave it out"
        )
    if (sizes > 0).sum() < 2:
        raise InputError("there are training images of one class alone; a classifier needs two at least")
