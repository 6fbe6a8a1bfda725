"""Log-losses of logits, and the temperature at which they are least, of few images too."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

LOWEST, HIGHEST = 1e-3, 1e3


def log_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Minus the log of each image's probability of its own class: (N, C) float, (N,) int -> (N,) float64."""
    logits = np.asarray(logits, np.float64)
    return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


def smoothed_log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean log-loss, with one image more whose class is not known.

    Of N images, each has its own class with N / (N + 1) and every class alike with the rest, 1 / (N + 1): labels
    smoothed (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567) by the weight of one example of a uniform prior,
    as Platt's are (1999, "Probabilistic outputs for support vector machines"). Of few images, all of them classified
    rightly, the log-loss itself is the less the surer the answers are, without end; of many this is the log-loss.

    Args:
        logits: (N, C) float.
        labels: (N,) int.
    """
    logits = np.asarray(logits, np.float64)
    n = len(labels)
    own = logits[np.arange(n), labels]
    return float((logsumexp(logits, axis=1) - (n * own + logits.mean(1)) / (n + 1)).mean())


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T of softmax(logits / T) with the least `smoothed_log_loss`.

    Temperature scaling is Guo et al.'s (2017, https://arxiv.org/abs/1706.04599), who take the log-loss of thousands of
    images. T is looked for from 0.001 to 1000; the highest is that of logits that are worse than none.

    Args:
        logits: (N, C) float, of images that the read-out was not trained on.
        labels: (N,) int.
    """
    own = np.asarray(logits, np.float32) - np.asarray(logits)[np.arange(len(labels)), labels][:, None]
    expected = own.mean(dtype=np.float64) / (len(labels) + 1)  # by the labels: of the own class it is 0

    def slope(log_temperature: float) -> float:
        """The loss's derivative by 1 / T, with which it grows: what logits are by their odds, less by the labels."""
        scaled = own * np.float32(np.exp(-log_temperature))
        scaled -= scaled.max(1, keepdims=True)
        np.exp(scaled, out=scaled)
        return float((np.einsum("nc,nc->n", scaled, own) / scaled.sum(1)).mean(dtype=np.float64)) - expected

    if slope(np.log(HIGHEST)) >= 0:
        return HIGHEST
    if slope(np.log(LOWEST)) <= 0:
        return LOWEST
    return float(np.exp(brentq(slope, np.log(LOWEST), np.log(HIGHEST), xtol=1e-8)))
