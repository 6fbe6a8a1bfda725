"""Similarities of a model's representations: dot product, cosine, Pearson correlation."""

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.measures import validate_similarity
from alignet_hf.triplets import validate_embeddings

# Cosines and correlations of float64 rows err by less than this: what lies closer is a tie. A dot product has no scale
# that tells rounding from difference, and stays as computed.
TIE = {"dot": 0.0, "cosine": 1e-12, "pearson": 1e-12}


def comparable_rows(embeddings, similarity: str, name: str = "embeddings") -> np.ndarray:
    """Rows whose dot products are the similarities: (N, D) -> (N, D) float64.

    Raises:
        InputError: an entry that is not finite; a row of zeros (cosine) or a constant row (pearson), which has no
            direction.
    """
    validate_similarity(similarity)
    rows = validate_embeddings(embeddings, name).astype(np.float64)
    if similarity == "dot":
        return rows
    if similarity == "pearson":
        constant = np.flatnonzero(np.ptp(rows, axis=1) == 0)
        if constant.size:
            raise InputError(f"{name}: row {constant[0]} is constant; its correlation with others is undefined")
        rows -= rows.mean(1, keepdims=True)
    zero = np.flatnonzero(~rows.any(1))
    if zero.size:
        raise InputError(f"{name}: row {zero[0]} is zero; its cosine with others is undefined")
    rows /= np.abs(rows).max(1, keepdims=True)  # squares of very large or small entries stay in range
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def similarity_matrix(embeddings, similarity: str, name: str = "embeddings") -> np.ndarray:
    """(N, D) -> (N, N) float64. Equal rows have equal similarities to the last bit: a collapsed encoder ties."""
    distinct, place = np.unique(comparable_rows(embeddings, similarity, name), axis=0, return_inverse=True)
    return (distinct @ distinct.T)[np.ix_(place.ravel(), place.ravel())]
