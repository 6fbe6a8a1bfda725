"""Odd-one-out accuracy: the share of triplets in which a representation and people leave out the same item."""

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result, bootstrap_counts
from alignet_hf.triplets import is_correct, triplet_similarities, validate_embeddings, validate_triplets

CHANCE = 1 / 3


def odd_one_out_accuracy(embeddings, triplets, *, n_bootstrap: int = 1000, seed: int = 0) -> Result:
    """Score a representation on people's choices (Sec. 2.2 of the paper), similarities by dot product.

    Args:
        embeddings: (N, D) float, one row an item.
        triplets: (n, 3) int rows of `embeddings`; the last of each is the odd one that people chose.
        n_bootstrap: draws over objects for the interval.
        seed: of the draws.

    Returns:
        Result; a tie for the most similar pair counts as wrong, chance is 1/3.

    Raises:
        InputError: a triplet out of range or with an item twice, an entry that is not finite, no triplet at all.
    """
    embeddings = validate_embeddings(embeddings)
    triplets = validate_triplets(triplets, len(embeddings))
    if not len(triplets):
        raise InputError("triplets: there are none to score")
    correct = np.concatenate(
        [
            is_correct(triplet_similarities(embeddings, triplets[start : start + 2**16]).astype(np.float64))
            for start in range(0, len(triplets), 2**16)
        ]
    )
    objects, local = np.unique(triplets, return_inverse=True)
    local = local.reshape(-1, 3)
    counts = bootstrap_counts(len(objects), n_bootstrap, seed)
    samples = np.full(n_bootstrap, np.nan)
    for draw, count in enumerate(counts):
        weights = count[local[:, 0]] * count[local[:, 1]] * count[local[:, 2]]
        if total := weights.sum():
            samples[draw] = weights @ correct / total
    return Result.from_samples("odd-one-out accuracy", correct.mean(), samples, CHANCE, len(objects))
