"""Calibration of a read-out: of the images it classifies with 70 %, are 70 % right?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.linear_readout import LinearReadout

_ROWS = 4096


@dataclass(frozen=True)
class ReadoutCalibration(Calibration):
    """A read-out's probability of the class it chooses against how often that is right; and two proper scores.

    Attributes:
        error: the expected calibration error, over the most probable class alone; it has no chance.
        edges, predicted, observed, counts: the reliability diagram, `observed` the share that is right.
        brier: the mean over images of the sum over classes of (probability - label)^2, from 0 to 2; chance is that of
            C equal probabilities, 1 - 1 / C.
        log_loss: the mean of minus the log of the own class's probability; chance, likewise, is log C.
        temperature: that the logits were divided by.
    """

    brier: Result
    log_loss: Result
    temperature: float

    x_label: ClassVar[str] = "probability of the chosen class"
    y_label: ClassVar[str] = "share that is right"

    @property
    def results(self) -> dict[str, Result]:
        """The three scores, by name."""
        return {result.name: result for result in (self.error, self.brier, self.log_loss)}


def readout_calibration(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    temperature: float = 1.0,
    n_bins: int = 15,
    n_bootstrap: int = 1000,
    seed: int = 0,
    variant: str = "",
) -> ReadoutCalibration:
    """Compare a read-out's probabilities of test images with their classes. Of all three scores, less is better.

    The expected calibration error (Guo et al. 2017, https://arxiv.org/abs/1706.04599) is

    sum over bins of (images in the bin / all images) * |share that is right - mean probability|

    of the most probable class. Few images a bin make it too large, in a draw more so than in the data.

    Args:
        logits: (N, C) float.
        labels: (N,) int.
        temperature: to divide the logits by; `temperature.best_temperature` fits one to other images.
        n_bins: equally wide; a probability on an edge belongs to the bin above it.
        n_bootstrap, seed: of the draws of images.
        variant: what follows the scores' names, as "/scaled".

    Raises:
        InputError: shapes that do not fit, no image, no bin, a temperature that is not above 0.
    """
    if np.ndim(logits) != 2 or len(logits) != len(labels) or not len(labels):
        raise InputError(f"logits: shape {np.shape(logits)} for {len(labels)} labels; give a row for each, and one")
    if n_bins < 1:
        raise InputError(f"n_bins is {n_bins}; at least one is needed")
    if not temperature > 0:
        raise InputError(f"temperature is {temperature}; it must be above 0")
    confidence, right, brier, losses = _per_image(logits, labels, temperature)
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = right - confidence

    def error_of(rows) -> float:
        return np.abs(np.bincount(bins[rows], gaps[rows], n_bins)).sum() / len(labels)

    n, n_classes = np.shape(logits)
    error = Result.from_samples(
        f"calibration_error{variant}",
        error_of(slice(None)),
        _bootstrapped(error_of, n, n_bootstrap, seed),
        None,  # an answer that knows nothing can be calibrated perfectly
        n,
        unit="images",
        over=("images",),
    )
    drawn = {"n_bootstrap": n_bootstrap, "seed": seed}
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        predicted, observed = (np.bincount(bins, values, n_bins) / counts for values in (confidence, right))
    return ReadoutCalibration(
        error,
        np.linspace(0, 1, n_bins + 1),
        predicted,
        observed,
        counts,
        mean_over_images(f"brier_score{variant}", brier, chance=1 - 1 / n_classes, **drawn),
        mean_over_images(f"log_loss{variant}", losses, chance=float(np.log(n_classes)), **drawn),
        temperature,
    )


def calibration_of_readout(
    readout: "LinearReadout", test: LabelledEmbeddings, **options
) -> dict[str, ReadoutCalibration]:
    """A read-out's calibration on test images, as the regression gave it and at the read-out's temperature.

    As the regression gave it, the error tells of the regularization more than of the representation: a strong one,
    chosen since more images are then classified rightly, makes probabilities small. The temperature was fitted to
    training images held out.

    Args:
        readout: as `LinearReadout.fit` gives it.
        test: with the read-out's classes.
        options: of `readout_calibration`: n_bins, n_bootstrap, seed.

    Returns:
        "unscaled" and, where images were held out, "scaled"; their scores' names end with /unscaled and /scaled.

    Raises:
        InputError: other classes than the read-out's.
    """
    if tuple(test.classes) != tuple(readout.classes):
        raise InputError("the test images have other classes than the read-out; give them in its order")
    logits = readout.logits(test.embeddings)
    temperatures = {"unscaled": 1 / readout.temperature}  # undoes what the read-out's logits were divided by
    if len(readout.held_out):
        temperatures["scaled"] = 1.0
    return {
        name: readout_calibration(logits, test.labels, temperature=temperature, variant=f"/{name}", **options)
        for name, temperature in temperatures.items()
    }


def _per_image(logits: np.ndarray, labels: np.ndarray, temperature: float) -> tuple[np.ndarray, ...]:
    """Of each image, float64: the largest probability, whether its class is right, Brier score and log-loss."""
    values = np.empty((4, len(labels)))
    for start in range(0, len(labels), _ROWS):
        rows = slice(start, start + _ROWS)
        scaled, own = np.asarray(logits[rows], np.float64) / temperature, labels[rows]
        images = np.arange(len(own))
        scaled -= scaled.max(1, keepdims=True)
        exponentials = np.exp(scaled)
        totals = exponentials.sum(1)
        own_probability = exponentials[images, own] / totals
        squares = np.einsum("nc,nc->n", exponentials, exponentials) / totals**2
        values[:, rows] = (
            1 / totals,
            scaled.argmax(1) == own,
            squares - 2 * own_probability + 1,
            np.log(totals) - scaled[images, own],
        )
    return tuple(values)


def _bootstrapped(score: Callable[[np.ndarray], float], n: int, n_bootstrap: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)  # the draws of `mean_over_images`
    return np.array([score(rng.integers(n, size=n, dtype=np.uint32)) for _ in range(n_bootstrap)])
