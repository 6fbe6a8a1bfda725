"""Outlier scores: how far an image lies from the training images, each higher further out."""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings

_ROWS = 2048
_FLOOR = 1e-6


def neighbour_distances(neighbours: tuple[np.ndarray, np.ndarray], k: int) -> np.ndarray:
    """One less the cosine of the k-th nearest training image (Sun et al. 2022, https://arxiv.org/abs/2204.06507).

    Args:
        neighbours: of `nearest_neighbours`, k of them at least.

    Raises:
        InputError: fewer neighbours.
    """
    similarities = neighbours[1]
    if similarities.shape[1] < k:
        raise InputError(f"neighbours: {similarities.shape[1]} an image, where {k} are needed")
    return 1 - similarities[:, k - 1]


class Mahalanobis:
    """Squared distance of the nearest class mean, by the covariance within classes (Lee et al. 2018).

    https://arxiv.org/abs/1807.03888. A millionth of the features' mean variance is added on the covariance's diagonal:
    fewer images than dimensions, or a constant feature, leave directions without variance.

    Args:
        training: images of the classes.
    """

    def __init__(self, training: LabelledEmbeddings):
        embeddings = np.asarray(training.embeddings, np.float64)
        used, labels = np.unique(training.labels, return_inverse=True)
        sums = np.zeros((len(used), embeddings.shape[1]))
        np.add.at(sums, labels, embeddings)
        means = sums / np.bincount(labels)[:, None]
        within = embeddings - means[labels]
        covariance = within.T @ within / len(within)
        covariance.flat[:: len(covariance) + 1] += _FLOOR * embeddings.var(0).mean()
        values, vectors = np.linalg.eigh(covariance)
        self.centre = means.mean(0)
        self.whitening = vectors / np.sqrt(values)
        self.means = (means - self.centre) @ self.whitening

    def __call__(self, embeddings) -> np.ndarray:
        """(N, D) float, memory-mapped perhaps -> (N,) float64."""
        own = (self.means**2).sum(1)

        def of_block(block: np.ndarray) -> np.ndarray:
            white = (block - self.centre) @ self.whitening
            return (white**2).sum(1) + (own - 2 * white @ self.means.T).min(1)

        return _by_blocks(of_block, embeddings)


def one_less_most_probable(logits: np.ndarray) -> np.ndarray:
    """One less the largest softmax probability (Hendrycks & Gimpel 2017, https://arxiv.org/abs/1610.02136).

    (N, C) float -> (N,) float64.
    """

    def of_block(block: np.ndarray) -> np.ndarray:
        images, chosen = np.arange(len(block)), block.argmax(1)
        odds = np.exp(block - block[images, chosen][:, None])
        odds[images, chosen] = 0
        others = odds.sum(1)  # not 1 - p, which is 0 of many a certain image
        return others / (1 + others)

    return _by_blocks(of_block, logits)


def energies(logits: np.ndarray) -> np.ndarray:
    """Minus the log of the sum of the logits' exponentials (Liu et al. 2020, https://arxiv.org/abs/2010.03759).

    (N, C) float -> (N,) float64.
    """
    return _by_blocks(lambda block: -logsumexp(block, axis=1), logits)


def _by_blocks(score: Callable[[np.ndarray], np.ndarray], rows) -> np.ndarray:
    """(n, C) float64 -> (n,), of some rows at a time."""
    starts = range(0, len(rows), _ROWS)
    return np.concatenate([score(np.asarray(rows[start : start + _ROWS], np.float64)) for start in starts])
