"""A dendrogram of representations, and how purely its subtrees hold the categories.

Dendrogram purity (Heller & Ghahramani 2005, https://doi.org/10.1145/1102351.1102389): draw two leaves of the same
category; in the smallest subtree that holds both, which share of the leaves is of that category? It is the mean over
all such pairs, computed exactly: a merge joins as many pairs of a category as the product of its leaves on both sides.
"""

import numpy as np
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform


def average_linkage(distances: np.ndarray) -> np.ndarray:
    """(N, N) distances -> scipy's (N - 1, 4) linkage matrix, by average linkage (UPGMA)."""
    return linkage(squareform(distances, checks=False), "average")


def cophenetic_distances(merges: np.ndarray) -> np.ndarray:
    """The height at which a dendrogram joins each pair of leaves -> (N, N) float64."""
    return squareform(cophenet(merges))


def dendrogram_purity(merges: np.ndarray, labels: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """Dendrogram purity under each draw of leaves.

    The copies of a leaf lie beside one another in the dendrogram, and are no pair.

    Args:
        merges: (N - 1, 4), a linkage matrix.
        labels: (N,) int, the category of each leaf.
        counts: (m, N) how often each draw holds each leaf; once each by default.

    Returns:
        (m,) float64; nan where a draw has no two leaves of a category.
    """
    n = len(labels)
    counts = np.ones((1, n)) if counts is None else counts
    in_order = np.ascontiguousarray(counts.T, dtype=np.float64)
    # Of each subtree: the weight of its leaves, and of those of each category. The smaller of two goes into the larger,
    # so that a leaf is moved at most log2(N) times.
    trees = {leaf: (in_order[leaf], {int(labels[leaf]): in_order[leaf]}) for leaf in range(n)}
    pairs, pure = np.zeros(len(counts)), np.zeros(len(counts))
    for row, (left, right) in enumerate(merges[:, :2].astype(int)):
        (size_a, larger), (size_b, smaller) = trees.pop(left), trees.pop(right)
        if len(larger) < len(smaller):
            larger, smaller = smaller, larger
        size = size_a + size_b
        share = np.divide(1, size, where=size > 0, out=np.zeros(len(size)))
        for label, weight in smaller.items():
            if label in larger:
                joined = larger[label] * weight
                together = larger[label] + weight
                pairs += joined
                pure += joined * together * share
                larger[label] = together
            else:
                larger[label] = weight
        trees[n + row] = (size, larger)
    with np.errstate(invalid="ignore"):
        return pure / pairs


def chance_purity(merges: np.ndarray, labels: np.ndarray) -> float:
    """What dendrogram purity is on average where the labels are exchanged among the leaves at random, exactly.

    A pair that a merge of m leaves joins is of category c; each of the m - 2 others is so with a chance of
    (n_c - 2) / (N - 2).
    """
    n = len(labels)
    sizes = np.append(np.ones(n), merges[:, 3])
    left, right = sizes[merges[:, 0].astype(int)], sizes[merges[:, 1].astype(int)]
    joined, size = left * right, merges[:, 3]
    of_category = np.bincount(labels).astype(np.float64)
    n_pairs = of_category * (of_category - 1)
    others = (n_pairs @ np.maximum(of_category - 2, 0)) / n_pairs.sum() / max(n - 2, 1)
    return float(joined @ ((2 + (size - 2) * others) / size) / joined.sum())
