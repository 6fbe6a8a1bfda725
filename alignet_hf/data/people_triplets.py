"""People's training judgments as a triplet data set, for a student that learns from them without a teacher (B.2.3)."""

import numpy as np
from datasets import Dataset

from alignet_hf.data.alignet import triplet_dataset
from alignet_hf.data.judgments import Judgments
from alignet_hf.errors import InputError
from alignet_hf.triplets import odd_one_last

_LEAST = 1e-6  # in place of no person at all, who has no logarithm


def people_triplets(judgments: Judgments, *, hard: bool) -> Dataset:
    """The triplets of training rows, with similarities whose softmax is what people say.

    Args:
        judgments: those of a run.
        hard: people's own choices, each as certain; else the training triplets with their probabilities.

    Returns:
        A data set with `indices` (odd one last) and `similarities`, the logarithms of the probabilities; of a hard
        choice 1, 0, 0, of which the loss "hard" takes the largest.

    Raises:
        InputError: people judged no triplet of training rows alone.
    """
    triplets = judgments.own_choices if hard else judgments.training
    if not len(triplets):
        raise InputError("setting human: people judged no triplet of training images alone; leave the setting out")
    if hard:
        return triplet_dataset(triplets, np.tile([1.0, 0.0, 0.0], (len(triplets), 1)))
    logarithms = np.log(np.maximum(judgments.probabilities, _LEAST))
    return triplet_dataset(*odd_one_last(triplets, logarithms))
