"""Outlier scores: how far an image lies from the training images, each higher further out."""

import numpy as np
from scipy.special import logsumexp

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings

_ROWS = 4096
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
        distances = np.empty(len(embeddings))
        own = (self.means**2).sum(1)
        for start in range(0, len(distances), _ROWS):
            rows = slice(start, start + _ROWS)
            white = (np.asarray(embeddings[rows], np.float64) - self.centre) @ self.whitening
            distances[rows] = (white**2).sum(1) + (own - 2 * white @ self.means.T).min(1)
        return distances


def one_less_most_probable(logits: np.ndarray) -> np.ndarray:
    """One less the largest softmax probability (Hendrycks & Gimpel 2017, https://arxiv.org/abs/1610.02136).

    (N, C) float -> (N,) float64.
    """
    largest = logits.max(1, keepdims=True)
    # The others' share, not 1 - p: of certain images the differences remain.
    others = np.sort(np.exp(np.float64(logits - largest)), 1)[:, :-1].sum(1)
    return others / (1 + others)


def energies(logits: np.ndarray) -> np.ndarray:
    """Minus the log of the sum of the logits' exponentials (Liu et al. 2020, https://arxiv.org/abs/2010.03759).

    (N, C) float -> (N,) float64.
    """
    return -logsumexp(np.float64(logits), axis=1)
