"""Nearest neighbours among embeddings, exactly, and the accuracy of a classifier that asks them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings

METRICS = ("cosine", "dot")
BANK_ROWS = 2**17  # held in float32 at a time: of a bank on disk, or in float16, never all
_VOTES_AT_ONCE = 2**22


def nearest_neighbours(
    queries, bank, k: int, *, metric: str = "cosine", exclude_self: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar rows of the bank to each query, by comparing each with all.

    Args:
        queries: (Q, D) float.
        bank: (N, D) float, memory-mapped perhaps.
        k: neighbours; the bank has as many.
        metric: "cosine" or "dot".
        exclude_self: the queries are the bank, row by row, and none is its own neighbour.

    Returns:
        (Q, k) int64, rows of the bank, the most similar first and of equals the first; (Q, k) float32, their
        similarities. Which of several equals come in at the k-th place is not said.

    Raises:
        InputError: another metric, shapes that do not fit, a value that is not finite, a row of zeros (cosine), which
            has no direction, or too few rows for k.
    """
    if metric not in METRICS:
        raise InputError(f"metric is {metric!r}; it must be one of {', '.join(METRICS)}")
    if np.ndim(queries) != 2 or np.ndim(bank) != 2 or np.shape(queries)[1] != np.shape(bank)[1]:
        raise InputError(f"neighbours of {np.shape(queries)} among {np.shape(bank)}: give (Q, D) and (N, D) of one D")
    if exclude_self and len(queries) != len(bank):
        raise InputError(f"exclude_self: there are {len(queries)} queries and {len(bank)} rows of the bank")
    if not 1 <= k <= len(bank) - exclude_self:
        raise InputError(f"k is {k}; with {len(bank)} rows it must be from 1 to {len(bank) - exclude_self}")
    return _search(comparable(queries, metric, "queries"), bank, k, metric, exclude_self)


def comparable(rows, metric: str, what: str, start: int = 0) -> np.ndarray:
    """Rows whose dot products are the similarities: (N, D) -> (N, D) float32."""
    rows = np.ascontiguousarray(rows, np.float32)
    bad = np.flatnonzero(~np.isfinite(rows).all(1))
    if len(bad):
        raise InputError(f"{what}: row {start + bad[0]} is not finite; leave it out")
    if metric == "dot":
        return rows
    largest = np.abs(rows).max(1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if len(zero):
        raise InputError(f"{what}: row {start + zero[0]} is zero; its cosine with others is undefined")
    rows = rows / largest  # squares of very large or small entries stay in range
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _search(queries: np.ndarray, bank, k: int, metric: str, exclude_self: bool) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    found = []
    for start in range(0, len(bank), BANK_ROWS):
        block = comparable(bank[start : start + BANK_ROWS], metric, "bank", start)
        n_nearest = min(k + exclude_self, len(block))
        similarities, indices = faiss.knn(queries, block, n_nearest, metric=faiss.METRIC_INNER_PRODUCT)
        found.append((indices + start, similarities))
    indices, similarities = (np.concatenate(blocks, 1) for blocks in zip(*found, strict=True))
    if exclude_self:
        similarities[indices == np.arange(len(queries))[:, None]] = -np.inf
    order = np.lexsort((indices, -similarities))[:, :k]
    return np.take_along_axis(indices, order, 1), np.take_along_axis(similarities, order, 1)


def knn_accuracy(
    training: "LabelledEmbeddings",
    test: "LabelledEmbeddings",
    *,
    ks: Sequence[int] = (20,),
    temperature: float = 0.07,
    neighbours: tuple[np.ndarray, np.ndarray] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Result]:
    """How often the classes of a test image's nearest training images, by cosine, are its own.

    Two votes are counted: weighted by exp(similarity / temperature), as DINO's evaluation has it (Caron et al. 2021,
    https://arxiv.org/abs/2104.14294), and the plain majority. Of classes with equal votes the first is taken, as
    scikit-learn does.

    Args:
        training, test: of one encoder, with the same classes.
        ks: numbers of neighbours; those above the number of training images are left out.
        temperature: of the weights.
        neighbours: what `nearest_neighbours(test.embeddings, training.embeddings, k)` gave, for a k of at least the
            largest of `ks`; searched for where it is None.
        n_bootstrap, seed: of the draws of test images.

    Returns:
        `knn_accuracy/20` (weighted) and `knn_accuracy/20-majority` for each of `ks`.

    Raises:
        InputError: classes that differ, or no k that the training images allow.
    """
    if training.classes != test.classes:
        raise InputError("the training and the test images have other classes; give both in one order")
    ks = [k for k in ks if 1 <= k <= len(training)]
    if not ks:
        raise InputError(f"ks: none is from 1 to {len(training)}, the number of training images")
    if neighbours is None:
        neighbours = nearest_neighbours(test.embeddings, training.embeddings, max(ks))
    indices, similarities = neighbours
    if indices.shape[0] != len(test) or indices.shape[1] < max(ks):
        raise InputError(f"neighbours: of shape {indices.shape}, where {len(test)} rows of {max(ks)} are needed")
    labels = training.labels[indices]
    # Less than the nearest's, so that a low temperature does not overflow: the vote is the same.
    weights = np.exp((similarities - similarities[:, :1]).astype(np.float64) / temperature)
    chance = 1 / len(np.unique(training.labels))
    results = {}
    for k in ks:
        for name, votes in ((f"knn_accuracy/{k}", weights), (f"knn_accuracy/{k}-majority", np.ones_like(weights))):
            right = _elected(labels[:, :k], votes[:, :k], len(training.classes)) == test.labels
            results[name] = mean_over_images(name, right, chance=chance, n_bootstrap=n_bootstrap, seed=seed)
    return results


def _elected(labels: np.ndarray, votes: np.ndarray, n_classes: int) -> np.ndarray:
    """(N, k) int and float -> (N,) int, the class with the most votes."""
    elected = np.empty(len(labels), np.int64)
    n_rows = max(1, _VOTES_AT_ONCE // n_classes)
    for start in range(0, len(labels), n_rows):
        block = slice(start, start + n_rows)
        places = labels[block] + n_classes * np.arange(len(labels[block]))[:, None]
        counted = np.bincount(places.ravel(), votes[block].ravel(), n_classes * len(places))
        elected[block] = counted.reshape(-1, n_classes).argmax(1)
    return elected
