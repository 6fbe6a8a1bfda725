"""The vocabulary of odd-one-out triplets: order, similarities, probabilities, choices and their validation.

A triplet holds three item indices (i, j, k). Where it carries a choice, k, the last, is the odd one out and (i, j) the
most similar pair. The three similarities of a triplet are always ordered [s_ij, s_ik, s_jk]; so is everything made of
them. Functions take numpy arrays or torch tensors and answer in kind.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import torch

from alignet_hf.errors import InputError

# The positions in a triplet of its three pairs, in the order of its similarities.
PAIRS = ((0, 1), (0, 2), (1, 2))


def all_triplets(n_items: int) -> np.ndarray:
    """Every triplet i < j < k of `n_items` items -> (n(n-1)(n-2)/6, 3) int32, in lexicographic order."""
    flat = np.fromiter(
        (item for triplet in combinations(range(n_items), 3) for item in triplet), np.int32, 3 * comb(n_items, 3)
    )
    return flat.reshape(-1, 3)


def triplet_similarities(embeddings, triplets):
    """Dot products of the three pairs of every triplet.

    Args:
        embeddings: (N, D) float array or tensor.
        triplets: (n, 3) int array or tensor of rows of `embeddings`.

    Returns:
        (n, 3): [s_ij, s_ik, s_jk], s = x . y.
    """
    i, j, k = (embeddings[triplets[:, position]] for position in range(3))
    stack = torch.stack if isinstance(embeddings, torch.Tensor) else np.stack
    return stack([(i * j).sum(-1), (i * k).sum(-1), (j * k).sum(-1)], -1)


def pair_values(matrix, triplets):
    """Look up a symmetric matrix at the three pairs of every triplet.

    Args:
        matrix: (..., N, N) similarities or dissimilarities.
        triplets: (n, 3) int.

    Returns:
        (..., n, 3): [m_ij, m_ik, m_jk].
    """
    stack = torch.stack if isinstance(matrix, torch.Tensor) else np.stack
    return stack([matrix[..., triplets[:, a], triplets[:, b]] for a, b in PAIRS], -1)


def triplet_probabilities(similarities, temperature: float = 1.0):
    """The probability of each pair being the most similar: softmax([s_ij, s_ik, s_jk] / temperature) -> (..., 3)."""
    if isinstance(similarities, torch.Tensor):
        return torch.softmax(similarities / temperature, -1)
    logits = np.asarray(similarities, np.float64) / temperature
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def odd_one_out(similarities):
    """Position (0, 1 or 2) in its triplet of the odd one out, which the most similar pair leaves out -> (...,)."""
    return 2 - similarities.argmax(-1)


def is_correct(similarities, chosen_pair=0):
    """Whether the most similar pair is the pair people chose; a tie counts as wrong.

    A collapsed encoder gives three equal similarities: it must score 0, not 1/3 or 1.

    Args:
        similarities: (..., 3) in the order [s_ij, s_ik, s_jk].
        chosen_pair: index into that order, a scalar or (...,); 0 where the odd one is last.

    Returns:
        (...,) bool.
    """
    similarities = np.asarray(similarities)
    chosen_pair = np.broadcast_to(chosen_pair, similarities.shape[:-1])[..., None]
    chosen = np.take_along_axis(similarities, chosen_pair, -1)
    return ((chosen > similarities) | (np.arange(3) == chosen_pair)).all(-1)


def odd_one_last(triplets: np.ndarray, similarities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reorder each triplet so that its odd one is last, and its similarities with it.

    Args:
        triplets: (n, 3) int.
        similarities: (n, 3) or (n, 3)-shaped probabilities, in the triplets' present order.

    Returns:
        The two reordered arrays. The pair's own order is kept (i before j), and the first of equal maxima wins.
    """
    odd = odd_one_out(similarities)
    # For the odd one at position 0, 1, 2: the order of the items, and of the pairs [ij, ik, jk] that follows from it.
    items = np.array([[1, 2, 0], [0, 2, 1], [0, 1, 2]])[odd]
    pairs = np.array([[2, 0, 1], [1, 0, 2], [0, 1, 2]])[odd]
    return np.take_along_axis(triplets, items, 1), np.take_along_axis(similarities, pairs, 1)


def validate_triplets(triplets, n_items: int | None = None, name: str = "triplets", first_row: int = 0) -> np.ndarray:
    """Check that triplets name three different items that exist.

    Args:
        triplets: (n, 3) integers.
        n_items: how many items there are; None where that is not known.
        name: what the message calls them, a file's name say.
        first_row: what the message counts from, for a block of a longer list.

    Returns:
        The triplets as an int array.

    Raises:
        InputError: naming the first bad row, counted from 0.
    """
    triplets = np.asarray(triplets)
    if triplets.ndim != 2 or triplets.shape[1] != 3:
        raise InputError(f"{name}: expected rows of three item indices, got an array of shape {triplets.shape}")
    if not np.issubdtype(triplets.dtype, np.integer):
        raise InputError(f"{name}: item indices must be integers, got {triplets.dtype}")
    i, j, k = triplets.T
    repeated = np.flatnonzero((i == j) | (i == k) | (j == k))
    if repeated.size:
        row = repeated[0]
        raise InputError(f"{name}: row {first_row + row} names an item twice: {triplets[row].tolist()}; drop the row")
    outside = triplets < 0 if n_items is None else (triplets < 0) | (triplets >= n_items)
    if outside.any():
        row = np.flatnonzero(outside.any(1))[0]
        limit = "indices start at 0" if n_items is None else f"there are {n_items} items, 0 to {n_items - 1}"
        raise InputError(f"{name}: row {first_row + row} is out of range: {triplets[row].tolist()}; {limit}")
    return triplets


def validate_probabilities(probabilities, n_triplets: int, name: str = "probabilities") -> np.ndarray:
    """Check that there is a distribution over the three pairs for every triplet.

    Args:
        probabilities: (n_triplets, 3), rows that sum to 1 (to 1e-3).

    Raises:
        InputError: naming the first bad row, counted from 0.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.shape != (n_triplets, 3):
        raise InputError(f"{name}: expected shape ({n_triplets}, 3), one row a triplet, got {probabilities.shape}")
    bad = np.flatnonzero(~((probabilities >= 0).all(1) & (np.abs(probabilities.sum(1) - 1) <= 1e-3)))
    if bad.size:
        row = bad[0]
        values = probabilities[row]
        raise InputError(
            f"{name}: row {row} is not a distribution: {values.tolist()} sums to {values.sum():g}; "
            "three probabilities of at least 0 that sum to 1 are needed"
        )
    return probabilities


def validate_embeddings(embeddings, name: str = "embeddings", gaps: Sequence[int] = ()) -> np.ndarray:
    """Check that embeddings are a finite (N, D) float array, but for the rows `gaps`.

    Raises:
        InputError: naming the first bad row, counted from 0.
    """
    undecodable = getattr(embeddings, "undecodable", {})
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise InputError(f"{name}: expected an array of shape (items, dimensions), got {embeddings.shape}")
    if not np.issubdtype(embeddings.dtype, np.floating):
        raise InputError(f"{name}: expected floating point numbers, got {embeddings.dtype}")
    for start in range(0, len(embeddings), 65536):  # in blocks: a memory-mapped array is never held whole
        bad = ~np.isfinite(embeddings[start : start + 65536]).all(1)
        if len(gaps) and bad.any():
            bad &= ~np.isin(np.arange(start, start + len(bad)), gaps)
        if bad.any():
            row = start + int(np.flatnonzero(bad)[0])
            value = embeddings[row][~np.isfinite(embeddings[row])][0]
            if row in undecodable:
                raise InputError(
                    f"{name}: row {row} is empty: {undecodable[row]}; `embeddings.decodable()` are those of the other "
                    "images, and their rows"
                )
            raise InputError(f"{name}: row {row} holds {value}; every entry must be finite")
    return embeddings


def validate_similarities(similarities, name: str = "similarities") -> np.ndarray:
    """Check that there are three finite similarities [s_ij, s_ik, s_jk] for every triplet -> (n, 3) float64.

    Raises:
        InputError: another shape; an entry that is not finite, naming its row, counted from 0.
    """
    similarities = np.asarray(similarities, np.float64)
    if similarities.ndim != 2 or similarities.shape[1] != 3 or not len(similarities):
        raise InputError(
            f"{name}: expected rows of three similarities [s_ij, s_ik, s_jk], got an array of shape "
            f"{similarities.shape}"
        )
    return validate_embeddings(similarities, name)
