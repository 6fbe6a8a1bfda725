"""Closed-form ridge classifiers of a few labelled embeddings, for many strengths of regularization at once."""

from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csr_array

_LEAST_DEVIATION = 1e-5
_BIAS_FEATURE = 100.0


class RidgeClassifiers:
    """Least-squares regression of -1 and 1 for each class, as big_vision's few-shot evaluation has it.

    (https://github.com/google-research/big_vision, evaluators/fewshot_lsr.py.) Features are standardised over the
    shots, with 1e-5 added to their standard deviations; a constant feature of 100 stands for the bias, so large that
    it is hardly regularised; with X of these, Y of the targets,

    W = (X' X + l2 I)^-1 X' Y

    One eigendecomposition, of the smaller of X' X and X X', serves every l2. As standardised features sum to 0, the
    bias decouples from the other weights, and X' Y is twice the sum of each class's features.

    Args:
        features: (N, D) float, of the shots.
        labels: (N,) int.
        n_classes: C.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, n_classes: int):
        features = np.asarray(features, np.float64)
        self.mean = features.mean(0)
        self.deviation = features.std(0) + _LEAST_DEVIATION
        features = (features - self.mean) / self.deviation
        self.sizes = np.bincount(labels, minlength=n_classes)
        shots = np.arange(len(labels))
        targets = csr_array((np.full(len(labels), 2.0), (shots, labels)), (len(labels), n_classes))  # -1 adds nothing
        # W = outer (gram + l2 I)^-1 inner
        if len(features) >= features.shape[1]:
            self.gram, self.outer, self.inner = features.T @ features, None, (targets.T @ features).T
        else:
            self.gram, self.outer, self.inner = features @ features.T, features.T, targets.toarray()

    @cached_property
    def _decomposed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The gram matrix's eigenvalues, and what stands to the left and the right of them."""
        values, vectors = np.linalg.eigh(self.gram)
        left = vectors if self.outer is None else self.outer @ vectors
        return np.maximum(values, 0), left, vectors.T @ self.inner

    def weights(self, l2: float) -> tuple[np.ndarray, np.ndarray]:
        """Of features as they were given -> (D, C) and (C,) float32; the class is that of the largest output."""
        values, left, right = self._decomposed
        return self._of_raw_features((left / (values + l2)) @ right, l2)

    def weights_of_one(self, l2: float) -> tuple[np.ndarray, np.ndarray]:
        """The same, for a single strength: a Cholesky factor takes far less time than the eigendecomposition."""
        regularised = self.gram.copy()
        regularised.flat[:: len(regularised) + 1] += l2
        try:
            solved = cho_solve(cho_factor(regularised, overwrite_a=True), self.inner)
        except LinAlgError:  # a strength below the rounding of the gram matrix
            return self.weights(l2)
        return self._of_raw_features(solved if self.outer is None else self.outer @ solved, l2)

    def _of_raw_features(self, weights: np.ndarray, l2: float) -> tuple[np.ndarray, np.ndarray]:
        weights = (weights / self.deviation[:, None]).astype(np.float32)
        n = self.sizes.sum()
        bias = (2 * self.sizes - n) * _BIAS_FEATURE**2 / (_BIAS_FEATURE**2 * n + l2)
        return weights, (bias - self.mean @ weights).astype(np.float32)  # of the weights as they are rounded
