"""Closed-form ridge classifiers of a few labelled embeddings, for many strengths of regularization at once."""

import numpy as np

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
        if len(features) >= features.shape[1]:
            sums = np.zeros((n_classes, features.shape[1]))
            np.add.at(sums, labels, features)
            self.values, vectors = np.linalg.eigh(features.T @ features)
            self.left, self.right = vectors, 2 * vectors.T @ sums.T
        else:
            self.values, vectors = np.linalg.eigh(features @ features.T)
            targets = np.zeros((len(features), n_classes))
            targets[np.arange(len(labels)), labels] = 2  # less 1, which adds nothing
            self.left, self.right = features.T @ vectors, vectors.T @ targets
        self.values = np.maximum(self.values, 0)

    def weights(self, l2: float) -> tuple[np.ndarray, np.ndarray]:
        """Of features as they were given -> (D, C) and (C,) float32; the class is that of the largest output."""
        weights = (self.left / (self.values + l2)) @ self.right / self.deviation[:, None]
        n = self.sizes.sum()
        bias = (2 * self.sizes - n) * _BIAS_FEATURE**2 / (_BIAS_FEATURE**2 * n + l2)
        return weights.astype(np.float32), (bias - self.mean @ weights).astype(np.float32)
