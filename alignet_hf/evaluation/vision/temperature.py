"""Log-losses of logits, and the temperature at which they are least."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

LOWEST, HIGHEST = 1e-3, 1e3


def log_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Minus the log of each image's probability of its own class: (N, C) float, (N,) int -> (N,) float64."""
    logits = np.asarray(logits, np.float64)
    return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T of softmax(logits / T) with the least mean log-loss (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    Where every image is classified rightly there is no least: it is then the lowest that is looked at, 0.001.

    Args:
        logits: (N, C) float, of images that the read-out was not trained on.
        labels: (N,) int.
    """
    own = np.asarray(logits, np.float32) - np.asarray(logits)[np.arange(len(labels)), labels][:, None]

    def loss(log_temperature: float) -> float:
        scaled = own / np.float32(np.exp(log_temperature))
        largest = scaled.max(1, keepdims=True)
        np.exp(np.subtract(scaled, largest, out=scaled), out=scaled)
        return float((np.log(scaled.sum(1, dtype=np.float64)) + largest[:, 0]).mean())

    bounds = np.log(LOWEST), np.log(HIGHEST)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x))
