"""Log-losses of logits, and the temperature at which they are least."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

LOWEST, HIGHEST = 1e-3, 1e3


def log_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Minus the log of each image's probability of its own class: (N, C) float, (N,) int -> (N,) float64."""
    logits = np.asarray(logits, np.float64)
    return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T of softmax(logits / T) with the least mean log-loss (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    It is looked for from 0.001 to 1000. Where every image is classified rightly there is no least, and it is 0.001.

    Args:
        logits: (N, C) float, of images that the read-out was not trained on.
        labels: (N,) int.
    """
    own = np.asarray(logits, np.float32) - np.asarray(logits)[np.arange(len(labels)), labels][:, None]

    def slope(log_temperature: float) -> float:
        """The loss's derivative by 1 / T, with which it grows: what these logits are on average, by their odds."""
        scaled = own * np.float32(np.exp(-log_temperature))
        scaled -= scaled.max(1, keepdims=True)
        np.exp(scaled, out=scaled)
        return float((np.einsum("nc,nc->n", scaled, own) / scaled.sum(1)).mean(dtype=np.float64))

    if slope(np.log(LOWEST)) <= 0:
        return LOWEST
    if slope(np.log(HIGHEST)) >= 0:
        return HIGHEST
    return float(np.exp(brentq(slope, np.log(LOWEST), np.log(HIGHEST), xtol=1e-8)))
