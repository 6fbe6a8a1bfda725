"""A linear read-out as scikit-learn fits it, its strength and temperature chosen as `LinearReadout` says it does."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from alignet_hf.evaluation.vision.linear_readout import LEAST_FALL, STRENGTHS, held_out_rows


class Chosen(NamedTuple):
    """The strength and the temperature, and the losses of all strengths looked at."""

    l2: float
    temperature: float
    losses: dict[float, float]


def decision_values(training, embeddings, l2):
    """(M, C) float64 of these embeddings, by a read-out of all training images at this strength."""
    features = np.float64(training.embeddings)
    mean, deviation = features.mean(0), features.std(0)
    fitted = LogisticRegression(C=1 / (l2 * len(training)), solver="newton-cholesky", tol=1e-12, max_iter=1000)
    fitted.fit((features - mean) / deviation, training.labels)
    return fitted.decision_function((np.float64(embeddings) - mean) / deviation)


def parted(training, seed=0, share=0.1):
    """Training images -> those that are fitted, and those held out."""
    held_out = held_out_rows(training.labels, share, seed)
    return training.of_rows(np.setdiff1d(np.arange(len(training)), held_out)), training.of_rows(held_out)


def smoothed_loss(logits, labels):
    """Cross-entropy with labels to which one image of every class alike is added (scikit-learn's takes no such)."""
    n, n_classes = logits.shape
    wanted = (n * np.eye(n_classes)[labels] + 1 / n_classes) / (n + 1)
    return float(-(wanted * log_softmax(np.float64(logits), 1)).sum(1).mean())


def chosen(training, seed=0):
    """From strong to weak, until the smoothed loss of the images held out no longer falls by half a nat in all."""
    fitted, held_out = parted(training, seed)
    losses, best = {}, None
    for strength in STRENGTHS:
        l2 = strength / len(training.classes)
        values = decision_values(fitted, held_out.embeddings, l2)

        def loss(log_temperature, values=values):
            return smoothed_loss(values / np.exp(log_temperature), held_out.labels)

        found = minimize_scalar(loss, bounds=(np.log(1e-3), np.log(1e3)), method="bounded", options={"xatol": 1e-9})
        losses[l2] = found.fun
        if best is not None and found.fun > losses[best.l2] - LEAST_FALL / len(held_out):
            break
        best = Chosen(l2, float(np.exp(found.x)), losses)
    return best
