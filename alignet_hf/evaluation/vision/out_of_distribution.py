"""Out-of-distribution detection: do images of no training class lie further out than test images of those classes?"""

from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.neighbours import nearest_neighbours
from alignet_hf.evaluation.vision.outlier_scores import (
    Mahalanobis,
    energies,
    neighbour_distances,
    one_less_most_probable,
)

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.linear_readout import LinearReadout

ACCEPTED = 0.95  # of the in-distribution images, where the false positive rate is read


def out_of_distribution(
    training: LabelledEmbeddings,
    inside: LabelledEmbeddings,
    outside,
    *,
    readout: "LinearReadout | None" = None,
    k: int = 10,
    inside_neighbours: tuple[np.ndarray, np.ndarray] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Result]:
    """How well an image's outlier score tells whether it is of a training class.

    Four scores, each higher further out: `knn`, the cosine distance of the k-th nearest training image; `mahalanobis`,
    the distance of the nearest class mean under a covariance that classes share; and of a read-out `softmax`, one less
    the largest probability, and `energy`, minus the log of the sum of exponentials of its logits. These two are of the
    logits as the regression gave them, as in the literature, without the read-out's temperature: it makes
    probabilities right, which is another thing than an order of images, and a few images held out tell it roughly.

    Args:
        training: images of the classes.
        inside: test images of the same classes.
        outside: (M, D) float, the same encoder's embeddings of images of other classes.
        readout: fitted to the training images; without one the scores of the read-out are left out.
        k: of the neighbours; where there are fewer training images, all of them.
        inside_neighbours: what `nearest_neighbours(inside.embeddings, training.embeddings, ...)` gave, of k or more;
            searched for where it is None.
        n_bootstrap, seed: of the draws of images, those inside and those outside each with replacement.

    Returns:
        `ood_auroc/knn`, ... with chance 0.5, and `ood_fpr95/knn`, ..., where less is better: the share of images
        outside that pass for in-distribution at the threshold that 95 % of those inside pass.

    Raises:
        InputError: shapes that do not fit, no image inside or outside.
    """
    if np.ndim(outside) != 2 or np.shape(outside)[1] != np.shape(training.embeddings)[1]:
        raise InputError(f"outside: shape {np.shape(outside)}; give (M, {np.shape(training.embeddings)[1]})")
    k = min(k, len(training))
    if inside_neighbours is None:
        inside_neighbours = nearest_neighbours(inside.embeddings, training.embeddings, k)
    outside_neighbours = nearest_neighbours(outside, training.embeddings, k)
    mahalanobis = Mahalanobis(training)
    scores = {
        "knn": tuple(neighbour_distances(found, k) for found in (inside_neighbours, outside_neighbours)),
        "mahalanobis": (mahalanobis(inside.embeddings), mahalanobis(outside)),
    }
    if readout is not None:
        logits = tuple(readout.logits(rows) * readout.temperature for rows in (inside.embeddings, outside))
        scores["softmax"] = tuple(map(one_less_most_probable, logits))
        scores["energy"] = tuple(map(energies, logits))
    results = {}
    for name, pair in scores.items():
        for result in detection(name, *pair, n_bootstrap=n_bootstrap, seed=seed):
            results[result.name] = result
    return dict(sorted(results.items(), key=lambda entry: entry[0].startswith("ood_fpr95")))


def detection(
    name: str, inside: np.ndarray, outside: np.ndarray, *, n_bootstrap: int = 1000, seed: int = 0
) -> tuple[Result, Result]:
    """The area under the ROC curve of outlier scores, and the false positive rate at 95 % accepted.

    The area is the probability that an image outside scores higher than one inside, of equals one half
    (scikit-learn's `roc_auc_score`).

    Args:
        name: of the score.
        inside, outside: (N,) and (M,) float, higher further out.
        n_bootstrap, seed: of the draws; two encoders' on the same images are paired.

    Returns:
        `ood_auroc/NAME` and `ood_fpr95/NAME`.

    Raises:
        InputError: no score, or one that is not a number.
    """
    inside, outside = (np.asarray(scores, np.float64) for scores in (inside, outside))
    for what, scores in (("inside", inside), ("outside", outside)):
        if scores.ndim != 1 or not len(scores) or np.isnan(scores).any():
            raise InputError(f"{name}: the images {what} need a score each, and one of them at least")
    n, m = len(inside), len(outside)
    values, places = np.unique(np.concatenate([inside, outside]), return_inverse=True)
    places_inside, places_outside = places[:n], places[n:]

    def rates(drawn_inside: np.ndarray, drawn_outside: np.ndarray) -> tuple[float, float]:
        counts = np.bincount(drawn_inside, minlength=len(values))
        up_to = np.cumsum(counts)
        area = (up_to - 0.5 * counts)[drawn_outside].sum() / (n * m)
        threshold = np.searchsorted(up_to, np.ceil(ACCEPTED * n))  # the lowest that so many inside do not exceed
        return area, (drawn_outside <= threshold).mean()

    rng = np.random.default_rng(seed)
    samples = np.array(
        [
            rates(
                places_inside[rng.integers(n, size=n, dtype=np.uint32)],
                places_outside[rng.integers(m, size=m, dtype=np.uint32)],
            )
            for _ in range(n_bootstrap)
        ]
    ).reshape(-1, 2)
    estimates = rates(places_inside, places_outside)
    return tuple(
        Result.from_samples(f"{measure}/{name}", estimate, column, chance, n + m, unit="images", over=("images",))
        for measure, estimate, column, chance in zip(
            ("ood_auroc", "ood_fpr95"), estimates, samples.T, (0.5, ACCEPTED), strict=True
        )
    )
