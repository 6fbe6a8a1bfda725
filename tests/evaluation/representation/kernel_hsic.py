"""HSIC from kernel matrices, as the papers write it."""

import numpy as np


def kernel_hsic(x, y, estimator):
    """From (N, N) kernel matrices, as the papers write it."""
    n, kernel, other = len(x), x @ x.T, y @ y.T
    if estimator == "biased":
        centring = np.eye(n) - 1 / n
        return np.trace(kernel @ centring @ other @ centring) / (n - 1) ** 2
    np.fill_diagonal(kernel, 0)
    np.fill_diagonal(other, 0)
    ones = np.ones(n)
    total = np.trace(kernel @ other)
    total += (ones @ kernel @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (ones @ kernel @ other @ ones)) / (n * (n - 3))
