"""A linear read-out of a frozen representation: trained once on training images, it reads any others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.shots import places_within, shuffled_by_class
from alignet_hf.evaluation.vision.temperature import best_temperature, smoothed_log_loss
from alignet_hf.hub.artifacts import Artifact

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.softmax_regression import Parameters, SoftmaxRegression

# Divided by the number of classes, from strong to weak: the more classes, the less the loss curves.
STRENGTHS = (10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
# Of the loss summed over the images held out, in nats, by which a weaker penalty is taken for better: less tells
# nothing, and where all images are classified rightly the loss goes on falling by less down to the weakest.
LEAST_FALL = 0.5
EPOCHS = 3  # at each; fewer are too far from what they tend to, and a weak penalty then looks better than it is
_ROWS = 4096


@dataclass(frozen=True, eq=False)
class LinearReadout(Artifact):
    """logits = embeddings @ weights + bias: multinomial logistic regression on the embeddings of training images.

    Attributes:
        weights: (D, C) float32.
        bias: (C,) float32.
        classes: the C names.
        l2: the strength of the regularization, as `softmax_regression` has it.
        temperature: what the regression's logits were divided by, for the least loss on images held out; weights and
            bias are after that. 1 where none were.
        held_out: (h,) int64, the rows of the training images that it was not fitted to, which chose `l2`.
        losses: the loss on those of each strength looked at, at its best temperature: `smoothed_log_loss`.
    """

    weights: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    l2: float
    temperature: float
    held_out: np.ndarray = field(repr=False)
    losses: dict[float, float] = field(repr=False)

    kind = "readout"
    command = "evaluate"
    summary = "A linear classifier of frozen representations (multinomial logistic regression)."

    @classmethod
    def fit(
        cls,
        data: LabelledEmbeddings,
        *,
        l2: float | None = None,
        validation_share: float = 0.1,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> Self:
        """Multinomial logistic regression on standardised features, of many images by mini-batches.

        The strength of the regularization is the one with the least log-loss on a share of the training images, held
        out of the fit; no test image is seen. Strengths are tried from strong to weak, each from the one before, until
        that loss, summed over those images, no longer falls by half a nat. It is the loss at the best temperature: a
        strong penalty makes logits small, which does not matter to what is chosen and would count against it. It is
        smoothed, as `smoothed_log_loss` says: a few images held out may all be classified rightly, and would ask for
        answers that are sure without end.

        Args:
            data: training images, two classes at least.
            l2: the strength; chosen where it is None, from `STRENGTHS`, and all images are fitted where it is given.
            validation_share: of each class, rounded; of a class of two images or more one at least is held out, and
                one fitted.
            batch_size: images a step; of as many as are fitted, or more, all are taken at once, and the read-out is the
                least of its loss, as scikit-learn's. By default that is so up to `softmax_regression.AT_ONCE`: with
                768 dimensions, of 10 classes or fewer up to 39,000 images, of 100 up to 3,900. Beyond, a step has 1,024
                images, and the read-out comes near the least: that of ImageNet's 1,000 classes is not scikit-learn's
                to 1e-6.
            seed: of the images held out and of the order.

        Raises:
            InputError: fewer than two classes have images, or none has two to hold one out; a strength or share that
                is none.
        """
        from alignet_hf.evaluation.vision.softmax_regression import SoftmaxRegression

        if len(np.unique(data.labels)) < 2:
            raise InputError("a read-out needs training images of two classes at least")
        if l2 is not None and not l2 > 0:
            raise InputError(f"l2 is {l2}; it must be above 0, or None to choose it")
        if not 0 < validation_share < 1:
            raise InputError(f"validation_share is {validation_share}; it must be between 0 and 1")
        held_out = held_out_rows(data.labels, validation_share, seed) if l2 is None else np.zeros(0, np.int64)
        if l2 is None and not len(held_out):
            raise InputError(
                "every class has one training image alone, and none can be held out to choose the regularization by: "
                "give l2"
            )
        fitted = np.setdiff1d(np.arange(len(data)), held_out)
        regression = SoftmaxRegression(
            data.embeddings[fitted], data.labels[fitted], len(data.classes), batch_size=batch_size, seed=seed
        )
        if l2 is None:
            l2, parameters, temperature, losses = _chosen(regression, data.of_rows(held_out))
        else:
            parameters = regression.improved(regression.start(), l2, 3 * EPOCHS)
            temperature, losses = 1.0, {}
        weights, bias = regression.of_raw_features(parameters, temperature)
        return cls(weights, bias, tuple(data.classes), l2, temperature, held_out, losses)

    def logits(self, embeddings, classes: Sequence[str] | None = None) -> np.ndarray:
        """(N, D) float, memory-mapped perhaps -> (N, C) float32, of these classes alone and in their order if given.

        Raises:
            InputError: embeddings of another size, or a class that the read-out does not know.
        """
        if np.ndim(embeddings) != 2 or np.shape(embeddings)[1] != len(self.weights):
            raise InputError(f"embeddings: shape {np.shape(embeddings)}; the read-out takes (N, {len(self.weights)})")
        weights, bias = self.weights, self.bias
        if classes is not None:
            place = {name: column for column, name in enumerate(self.classes)}
            unknown = [name for name in classes if name not in place]
            if unknown:
                raise InputError(f"class {unknown[0]}: the read-out was not trained on it")
            columns = [place[name] for name in classes]
            weights, bias = np.ascontiguousarray(weights[:, columns]), bias[columns]
        logits = np.empty((len(embeddings), weights.shape[1]), np.float32)
        for start in range(0, len(logits), _ROWS):
            rows = slice(start, start + _ROWS)
            np.matmul(np.asarray(embeddings[rows], np.float32), weights, out=logits[rows])
            logits[rows] += bias
        return logits

    def tensors(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "bias": self.bias, "held_out": self.held_out}

    def facts(self) -> dict:
        return {
            "classes": list(self.classes),
            "l2": self.l2,
            "temperature": self.temperature,
            "losses": [list(pair) for pair in self.losses.items()],
        }

    @classmethod
    def from_parts(cls, tensors: dict[str, np.ndarray], facts: dict) -> Self:
        facts = {**facts, "classes": tuple(facts["classes"]), "losses": dict(facts["losses"])}
        return cls(**tensors, **facts)


def held_out_rows(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Rows to hold out: this share of each class, rounded, one image at least and never all.

    (N,) int -> (h,) int64, ascending.
    """
    order = shuffled_by_class(labels, np.random.default_rng(seed))
    sizes = np.bincount(labels)[labels[order]]
    taken = np.minimum(np.maximum(np.round(share * sizes), 1), sizes - 1)
    return np.sort(order[places_within(labels[order]) < taken])


def _chosen(
    regression: "SoftmaxRegression", validation: LabelledEmbeddings
) -> tuple[float, "Parameters", float, dict[float, float]]:
    """-> the strength, the parameters and the temperature of the least loss, and the loss of each strength."""

    def tempered(parameters: "Parameters") -> tuple[float, float]:
        weights, bias = regression.of_raw_features(parameters)
        logits = validation.embeddings @ weights + bias
        temperature = best_temperature(logits, validation.labels)
        return smoothed_log_loss(logits / temperature, validation.labels), temperature

    losses, best, parameters = {}, None, regression.start()
    for strength in STRENGTHS:
        l2 = strength / regression.n_classes
        parameters = regression.improved(parameters, l2, EPOCHS)
        losses[l2], temperature = tempered(parameters)
        if best is not None and losses[l2] > losses[best[0]] - LEAST_FALL / len(validation):
            break
        best = l2, parameters, temperature
    l2, parameters, temperature = best
    longer = regression.improved(parameters, l2, EPOCHS)
    loss, longer_temperature = tempered(longer)
    if loss < losses[l2]:
        losses[l2], parameters, temperature = loss, longer, longer_temperature
    return l2, parameters, temperature, losses
