"""Distances between representations, and what a bootstrap draw makes of a matrix of pairs.

A draw is a count for each object, and a pair weighs the product of its two counts; a pair of an object with itself, or
of two copies of it, is no pair. For all draws at once the sum over pairs is a product of matrices.
"""

from collections.abc import Sequence

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.similarity import comparable_rows
from alignet_hf.triplets import validate_embeddings

DISTANCES = ("euclidean", "cosine")
DRAWS = 256  # a block of them


class Distances:
    """The distances between rows, in blocks: of 50,000 the whole matrix would not fit into memory.

    Args:
        rows: (N, D) float.
        distance: "euclidean", or "cosine": 1 less the cosine.
        name: of the rows, for messages.

    Raises:
        InputError: another distance, an entry that is not finite, a row of zeros that has no cosine.
    """

    def __init__(self, rows, distance: str = "euclidean", name: str = "embeddings"):
        if distance not in DISTANCES:
            raise InputError(f"distance is {distance!r}; it must be one of {', '.join(DISTANCES)}")
        self.distance = distance
        if distance == "cosine":
            self.rows = comparable_rows(rows, "cosine", name)
        else:
            rows = validate_embeddings(rows, name).astype(np.float64)
            self.rows = rows - rows.mean(0)  # a large mean would take digits from the differences
        self._squares = (self.rows**2).sum(1)

    def __len__(self) -> int:
        return len(self.rows)

    def block(self, start: int, stop: int) -> np.ndarray:
        """The distances of some rows to all -> (stop - start, N) float64; that of a row to itself is exactly 0."""
        products = self.rows[start:stop] @ self.rows.T
        if self.distance == "cosine":
            distances = np.maximum(1 - products, 0, out=products)
        else:
            products *= -2
            products += self._squares[start:stop, None]
            products += self._squares
            distances = np.sqrt(np.maximum(products, 0, out=products), out=products)
        distances[np.arange(stop - start), np.arange(start, min(stop, len(self)))] = 0
        return distances

    def matrix(self) -> np.ndarray:
        """(N, N) float64."""
        return self.block(0, len(self))

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The distance of each pair of rows -> (n,) float64."""
        if self.distance == "cosine":
            return np.maximum(1 - (self.rows[first] * self.rows[second]).sum(1), 0)
        return np.linalg.norm(self.rows[first] - self.rows[second], axis=1)


def pair_sums(matrix: np.ndarray, counts: np.ndarray, groups: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """The sum over pairs of a symmetric matrix under each draw; its diagonal does not count.

    Args:
        matrix: (U, U).
        counts: (m, U) how often each draw holds each object.
        groups: rows of each group; pairs within a group alone are summed. None for all pairs.

    Returns:
        (m,) float64.
    """
    sums = np.zeros(len(counts))
    for rows in [np.arange(len(matrix))] if groups is None else groups:
        if len(rows) < 2:
            continue
        block = matrix[np.ix_(rows, rows)].astype(np.float64)  # a copy, whose diagonal may be changed
        np.fill_diagonal(block, 0)
        for start in range(0, len(counts), DRAWS):
            weights = counts[start : start + DRAWS, rows]
            sums[start : start + DRAWS] += np.einsum("ij,ij->i", weights @ block, weights) / 2
    return sums


def pearson_draws(first: np.ndarray, second: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Pearson's correlation of two symmetric matrices, over pairs, under each draw.

    Args:
        first, second: (U, U).
        counts: (m, U).

    Returns:
        (m,) float64; nan where either is constant over a draw.
    """
    pairs = np.triu_indices(len(first), 1)
    # With mean 0 and deviation 1 over all pairs, the sums of a draw lose no digits.
    x, y = ((matrix - matrix[pairs].mean()) / (matrix[pairs].std() or 1) for matrix in (first, second))
    total = pair_sums(np.ones_like(x), counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = pair_sums(x, counts) / total, pair_sums(y, counts) / total
        covariance = pair_sums(x * y, counts) / total - mean_x * mean_y
        variances = [pair_sums(one**2, counts) / total - mean**2 for one, mean in ((x, mean_x), (y, mean_y))]
        product = np.where((variances[0] > 1e-12) & (variances[1] > 1e-12), variances[0] * variances[1], np.nan)
        return covariance / np.sqrt(product)


def spearman_draws(first: np.ndarray, second: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Spearman's correlation of two symmetric matrices, over pairs, under each draw.

    The pairs are sorted once, by the first matrix; a draw changes their weights alone. The second has few values, as
    distances in a tree do: a draw ranks these, not the pairs. (`human.rsa_draws` takes any matrices, and 20 times as
    long.)

    Args:
        first, second: (U, U).
        counts: (m, U).

    Returns:
        (m,) float64; nan where either is constant over a draw.
    """
    rows, columns = np.triu_indices(len(first), 1)
    entries = first[rows, columns]
    order = np.argsort(entries, kind="stable")
    rows, columns, entries = rows[order], columns[order], entries[order]
    starts = np.flatnonzero(np.append(True, entries[1:] != entries[:-1]))  # of runs of ties
    tied = len(starts) < len(entries)
    run = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(entries))))
    values, level = np.unique(second[rows, columns], return_inverse=True)
    correlations = np.full(len(counts), np.nan)
    for draw, objects in enumerate(counts):
        weights = objects[rows] * objects[columns]
        ranks = _double_midranks(np.add.reduceat(weights, starts))[run] if tied else _double_midranks(weights)
        of_level = np.bincount(level, weights, len(values))
        level_ranks = _double_midranks(of_level)
        weighted = weights * ranks
        norm = np.sqrt((weighted @ ranks) * (of_level @ level_ranks**2))
        if norm > 0:
            correlations[draw] = np.bincount(level, weighted, len(values)) @ level_ranks / norm
    return correlations


def _double_midranks(weights: np.ndarray) -> np.ndarray:
    """Twice the midrank of each value in order, less its mean: the weight of all smaller, less that of all larger."""
    up_to = np.cumsum(weights)
    return 2 * up_to - weights - up_to[-1]
