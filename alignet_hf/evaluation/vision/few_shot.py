"""Few-shot accuracy: a linear classifier of a few labelled images of each class (B.2.1), over many draws of them."""

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.options import METHODS
from alignet_hf.evaluation.vision.ridge import RidgeClassifiers
from alignet_hf.evaluation.vision.shots import held_out_draws, shot_draws, validate_shots

STRENGTHS = {  # of the regularization
    "ridge": tuple(2.0**power for power in range(0, 21, 2)),
    "logistic": tuple(10.0**power for power in range(-4, 3)),
}
FIXED = {"ridge": 2.0**10, "logistic": 1.0}  # big_vision's and scikit-learn's, where no image is left to choose by
TUNING_DRAWS = 3
HELD_OUT = 5000
_ROWS = 4096
_DRAWS_AT_ONCE = 64


@dataclass(frozen=True)
class FewShotResult(Result):
    """A few-shot accuracy: the mean over draws of the shots, with an interval over draws and test images.

    Attributes:
        per_draw: (n_draws,) the accuracy of the classifier of each draw.
        l2: the strength of the regularization, one for all the draws.
    """

    per_draw: np.ndarray = field(default=None, repr=False, compare=False)
    l2: float = np.nan

    @property
    def spread(self) -> float:
        """The standard deviation of the accuracy from draw to draw; nan with one draw."""
        return float(np.std(self.per_draw, ddof=1)) if len(self.per_draw) > 1 else np.nan

    def to_dict(self) -> dict:
        spread = {} if np.isnan(self.spread) else {"spread_over_draws": self.spread}
        return {**super().to_dict(), "per_draw": [float(value) for value in self.per_draw], **spread, "l2": self.l2}

    @property
    def remarks(self) -> list[str]:
        """The spread over the draws of shots, and the strength of the regularization."""
        n_draws = len(self.per_draw)
        spread = [f"spread over {n_draws} draws {self.spread:.3f}"] if n_draws > 1 else []
        return [*spread, f"l2 {self.l2:.3g}"]


def few_shot(
    training: LabelledEmbeddings,
    test: LabelledEmbeddings,
    *,
    shots: Sequence[int] = (1, 10),
    method: str = "ridge",
    n_draws: int = 20,
    strengths: Sequence[float] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, FewShotResult]:
    """Accuracy on the test images of classifiers that each saw a few training images of each class.

    The strength of the regularization is chosen once for each number of shots, and no test image is seen: on draws
    of their own, the strengths are compared by their accuracy on up to 5,000 training images that are no shots. A
    single shot of each class leaves nothing to cross-validate, and a strength chosen draw by draw would add noise to
    their spread; big_vision's is fixed for all, at 2^10, which is taken where every class has one image alone.

    Args:
        training, test: of one encoder, with the same classes.
        shots: numbers of training images of each class.
        method: "ridge", the closed form of `ridge.RidgeClassifiers`; "logistic", scikit-learn's LogisticRegression on
            features standardised likewise, with C = 1 / l2: slow for many classes.
        n_draws: of the shots.
        strengths: to choose from; by default `STRENGTHS[method]`. A single one is taken as it is.
        n_bootstrap: draws of test images, and of draws of shots, for the interval.
        seed: of all draws; two encoders of the same images are given the same shots.

    Returns:
        `few_shot_accuracy/1-shot`, ...; for "logistic" `few_shot_accuracy/1-shot-logistic`.

    Raises:
        InputError: another method, no draw, a strength that is not above 0, a class with too few training images, or
            scikit-learn is not there.
    """
    require_method(method)
    if n_draws < 1:
        raise InputError(f"n_draws is {n_draws}; at least 1 is needed")
    strengths = STRENGTHS[method] if strengths is None else tuple(strengths)
    if not strengths or not all(l2 > 0 for l2 in strengths):
        raise InputError(f"strengths: {strengths}; give some, each above 0")
    suffix = "" if method == "ridge" else f"-{method}"
    results = {}
    for n_shots in shots:
        validate_shots(training, test, n_shots)
        l2 = _chosen_strength(training, n_shots, method, strengths, seed)
        right = np.empty((n_draws, len(test)), np.float32)
        for draw, rows in enumerate(shot_draws(training.labels, n_shots, n_draws, seed)):
            ((weights, bias),) = _classifiers(training, rows, method, [l2])
            right[draw] = _predicted(test.embeddings, weights, bias) == test.labels
        name = f"few_shot_accuracy/{n_shots}-shot{suffix}"
        results[name] = FewShotResult.from_samples(
            name,
            right.mean(dtype=np.float64),
            _resampled(right, n_bootstrap, seed),
            1 / len(np.unique(training.labels)),
            len(test),
            unit="images",
            over=("draws", "images"),
            per_draw=right.mean(1, dtype=np.float64),
            l2=l2,
        )
    return results


def require_method(method: str) -> None:
    """Raise InputError unless there is such a method, and what it is computed by."""
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if method == "logistic" and importlib.util.find_spec("sklearn") is None:
        raise InputError(
            "the logistic method needs scikit-learn: pip install 'alignet-hf[vision]', or use method=\"ridge\""
        )


def _chosen_strength(
    training: LabelledEmbeddings, n_shots: int, method: str, strengths: Sequence[float], seed: int
) -> float:
    """The strength with the most held-out training images right; of equals the strongest."""
    if len(strengths) == 1:
        return strengths[0]
    right = np.zeros(len(strengths))
    for rows, others in held_out_draws(training.labels, n_shots, TUNING_DRAWS, HELD_OUT, seed):
        if not len(others):
            return FIXED[method]
        embeddings, labels = np.asarray(training.embeddings[others], np.float32), training.labels[others]
        for place, (weights, bias) in enumerate(_classifiers(training, rows, method, strengths)):
            right[place] += (_predicted(embeddings, weights, bias) == labels).sum()
    return max(l2 for l2, count in zip(strengths, right, strict=True) if count == right.max())


def _classifiers(
    training: LabelledEmbeddings, rows: np.ndarray, method: str, strengths: Sequence[float]
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Weights (D, C) and bias (C,), of raw features, of the classifier of these shots at each strength."""
    features, labels = np.asarray(training.embeddings[rows], np.float64), training.labels[rows]
    if method == "ridge":
        classifiers = RidgeClassifiers(features, labels, len(training.classes))
        yield from map(classifiers.weights_of_one if len(strengths) == 1 else classifiers.weights, strengths)
        return
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(0), features.std(0)
    deviation[deviation == 0] = 1
    standard = (features - mean) / deviation
    for l2 in strengths:
        fitted = LogisticRegression(C=1 / l2, max_iter=1000).fit(standard, labels)
        weights = np.zeros((features.shape[1], len(training.classes)))
        bias = np.full(len(training.classes), -np.inf)  # of a class without training images
        # Of two classes scikit-learn has one row, for the second.
        weights[:, fitted.classes_[-len(fitted.coef_) :]] = fitted.coef_.T
        bias[fitted.classes_] = 0
        bias[fitted.classes_[-len(fitted.coef_) :]] = fitted.intercept_
        weights /= deviation[:, None]
        yield weights.astype(np.float32), (bias - mean @ weights).astype(np.float32)


def _predicted(embeddings, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """(N, D) -> (N,) int64, the class of the largest output."""
    predicted = np.empty(len(embeddings), np.int64)
    for start in range(0, len(predicted), _ROWS):
        rows = slice(start, start + _ROWS)
        predicted[rows] = (np.asarray(embeddings[rows], np.float32) @ weights + bias).argmax(1)
    return predicted


def _resampled(right: np.ndarray, n_bootstrap: int, seed: int) -> np.ndarray:
    """The mean of (n_draws, N) where both its rows and its columns are drawn with replacement -> (n_bootstrap,)."""
    n_draws, n = right.shape
    rng = np.random.default_rng(seed)
    samples = np.empty(n_bootstrap)
    for start in range(0, n_bootstrap, _DRAWS_AT_ONCE):
        stop = min(start + _DRAWS_AT_ONCE, n_bootstrap)
        images = np.empty((stop - start, n), np.float32)
        for row in images:
            row[:] = np.bincount(rng.integers(n, size=n, dtype=np.uint32), minlength=n)
        draws = rng.multinomial(n_draws, np.full(n_draws, 1 / n_draws), size=stop - start)
        samples[start:stop] = ((images @ right.T) * draws).sum(1) / (n_draws * n)
    return samples
