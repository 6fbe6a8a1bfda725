"""How alike two models' representations of the same images are (Sec. 2.3, Fig. 3A and B): RSM correlation, linear CKA.

Every score is brought into the form of a mean over images, the value of an image being its first-order share in the
score: what leaving the image out changes (CKA), or the derivative by its weight (RSM correlation). The mean of these
values is the score itself, and its bootstrap over images is that of the score to first order, at the cost of a mean. Of
two comparisons on the same images with the same seed the draws are the same images.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.similarity import similarity_matrix
from alignet_hf.evaluation.representation.hsic import ESTIMATORS, centred_rows, leave_one_out_hsic
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images

CORRELATIONS = {"spearman": "Spearman", "pearson": "Pearson"}
MIN_IMAGES = 5  # one more than unbiased HSIC needs: each image is left out once
MAX_IMAGES = 2000
ROUNDING = 1e-12  # relative; what is smaller is no difference


def cka(first, second, *, estimator: str = "unbiased", n_bootstrap: int = 1000, seed: int = 0) -> Result:
    """Linear centred kernel alignment: HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)).

    Kornblith et al. 2019 (https://arxiv.org/abs/1905.00414). It is blind to rotations, shifts and one common scale.
    With fewer images than dimensions the biased estimate nears 1 whatever the models, and has no chance; the unbiased
    one (Song et al. 2012, https://jmlr.org/papers/v13/song12a.html) of unrelated models is 0 on average, so it is the
    default. Both are computed from sums over features, never from an (N, N) matrix.

    Args:
        first: (N, D) float, one row an image.
        second: (N, D') float, the other model's rows of the same images.
        estimator: of HSIC, "unbiased" or "biased".
        n_bootstrap: draws of images for the interval; 0 for none.
        seed: of the draws.

    Raises:
        InputError: other numbers of images, fewer than five, an entry that is not finite, or a model that has
            collapsed to one point.
    """
    found = pairwise_cka({"first": first, "second": second}, estimator=estimator)
    options = {"chance": cka_chance(estimator), "n_bootstrap": n_bootstrap, "seed": seed}
    return mean_over_images(cka_name(estimator), found["first", "second"], **options)


def rsm_correlation(
    first,
    second,
    *,
    correlation: str = "spearman",
    similarity: str = "pearson",
    max_images: int = MAX_IMAGES,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Result:
    """Correlation of two models' representational similarity matrices, over their upper triangles (Sec. 4.2).

    Args:
        first, second: as for `cka`.
        correlation: "spearman" or "pearson", of the pairs of images.
        similarity: of two images, "pearson", "cosine" or "dot".
        max_images: of more images so many are drawn without replacement, and the score is that of their pairs; up to so
            many it is exact. `Result.n_objects` says how many were used.
        n_bootstrap: draws of images for the interval; 0 for none.
        seed: of the images chosen, and of the draws.

    Raises:
        InputError: as for `cka`.
    """
    found = pairwise_rsm_correlation(
        {"first": first, "second": second},
        correlation=correlation,
        similarity=similarity,
        max_images=max_images,
        seed=seed,
    )
    options = {"chance": 0.0, "n_bootstrap": n_bootstrap, "seed": seed}
    return mean_over_images(rsm_name(correlation), found["first", "second"], **options)


def cka_name(estimator: str) -> str:
    return f"linear CKA ({estimator})"


def cka_chance(estimator: str) -> float | None:
    """What unrelated models score on average; None where that depends on their dimensions."""
    return 0.0 if estimator == "unbiased" else None


def rsm_name(correlation: str) -> str:
    return f"RSM correlation ({CORRELATIONS[correlation]})"


def pairwise_cka(models: Mapping[str, np.ndarray], *, estimator: str = "unbiased") -> dict[tuple[str, str], np.ndarray]:
    """Linear CKA of every two models -> {(name, name): (N,) values of the images, whose mean is the CKA}.

    Args:
        models: name -> (N, D) embeddings of the same images.
        estimator: as for `cka`.
    """
    if estimator not in ESTIMATORS:
        raise InputError(f"estimator is {estimator!r}; it must be one of {', '.join(ESTIMATORS)}")
    validate_same_images(models)
    rows = {name: centred_rows(embeddings, name) for name, embeddings in models.items()}
    own = {name: leave_one_out_hsic(one, one, estimator) for name, one in rows.items()}
    for name, hsic in own.items():
        scale = (rows[name] ** 2).sum(1) @ (rows[name] ** 2).sum(1) / len(rows[name]) ** 2
        if not (hsic > ROUNDING * scale).all():
            raise InputError(f"{name}: all images, or all but one or two, have one embedding; CKA with it is undefined")
    found = {}
    for first, second in combinations(models, 2):
        # Entry 0 is on all images, entry 1 + i without image i.
        scores = leave_one_out_hsic(rows[first], rows[second], estimator) / np.sqrt(own[first] * own[second])
        deviations = (len(scores) - 2) * (scores[0] - scores[1:])
        found[first, second] = scores[0] + deviations - deviations.mean()
    return found


def pairwise_rsm_correlation(
    models: Mapping[str, np.ndarray],
    *,
    correlation: str = "spearman",
    similarity: str = "pearson",
    max_images: int = MAX_IMAGES,
    seed: int = 0,
) -> dict[tuple[str, str], np.ndarray]:
    """RSM correlation of every two models -> {(name, name): (n,) values of the images, whose mean it is}.

    Args:
        models: name -> (N, D) embeddings of the same images.
        correlation, similarity, max_images, seed: as for `rsm_correlation`.
    """
    if correlation not in CORRELATIONS:
        raise InputError(f"correlation is {correlation!r}; it must be one of {', '.join(CORRELATIONS)}")
    rows = sampled_rows(validate_same_images(models), max_images, seed)
    upper = np.triu_indices(len(rows), 1)
    pairs = {}
    for name, embeddings in models.items():
        matrix = similarity_matrix(np.asarray(embeddings[rows]), similarity, name)
        entries = matrix[upper]
        if np.ptp(entries) <= ROUNDING * np.abs(entries).max():
            raise InputError(f"{name}: all pairs have the {similarity} similarity {entries[0]:g}; it has collapsed")
        pairs[name] = _RankedPairs(entries) if correlation == "spearman" else (entries - entries.mean()) / entries.std()
    influence_of = _spearman_influence if correlation == "spearman" else _pearson_influence
    found = {}
    for first, second in combinations(models, 2):
        score, influence = influence_of(pairs[first], pairs[second])
        of_images = sum(np.bincount(ends, influence, len(rows)) for ends in upper) / (len(rows) - 1)
        found[first, second] = score + 2 * (of_images - of_images.mean())  # a pair has two images
    return found


def sampled_rows(n_images: int, max_images: int, seed: int) -> np.ndarray:
    """All rows, or `max_images` of them without replacement -> sorted int array."""
    if n_images <= max_images:
        return np.arange(n_images)
    return np.sort(np.random.default_rng((seed, 3)).choice(n_images, max_images, replace=False))


def validate_same_images(models: Mapping[str, np.ndarray], min_images: int = MIN_IMAGES) -> int:
    """Check that all models embed as many images, and enough -> that number."""
    sizes = {name: len(embeddings) for name, embeddings in models.items()}
    if len(set(sizes.values())) != 1:
        raise InputError(
            "the models' embeddings must be of the same images: "
            + ", ".join(f"{name} has {size} rows" for name, size in sizes.items())
        )
    size = next(iter(sizes.values()))
    if size < min_images:
        raise InputError(f"embeddings: at least {min_images} images are needed, got {size}")
    return size


def _pearson_influence(first: np.ndarray, second: np.ndarray) -> tuple[float, np.ndarray]:
    """The correlation of standardised (P,) pairs, and its derivative by the weight of each pair."""
    products = first * second
    score = products.mean()
    return score, products - score * (first**2 + second**2) / 2


class _RankedPairs:
    """The pairs of one matrix as shares of pairs below them, ties counted half."""

    def __init__(self, entries: np.ndarray):
        self.share = (rankdata(entries) - 0.5) / len(entries)  # mean 1/2
        self.order = np.argsort(entries, kind="stable")
        in_order = entries[self.order]
        self.below = np.searchsorted(in_order, entries, "left")
        self.up_to = np.searchsorted(in_order, entries, "right")
        self.variance, self.influence = self.moment_with(self)

    def mean_above(self, values: np.ndarray) -> np.ndarray:
        """Of each pair: the mean over all pairs of `values` where the other lies above, half where it ties."""
        sums = np.concatenate([[0.0], np.cumsum(values[self.order])])
        return (sums[-1] - (sums[self.below] + sums[self.up_to]) / 2) / len(values)

    def moment_with(self, other: "_RankedPairs") -> tuple[float, np.ndarray]:
        """The covariance of the shares, and its derivative by the weight of each pair: a pair also moves others up."""
        products = self.share * other.share
        moment = products.mean()
        moved = self.mean_above(other.share) + other.mean_above(self.share)
        return moment - 0.25, products + moved - 3 * moment


def _spearman_influence(first: _RankedPairs, second: _RankedPairs) -> tuple[float, np.ndarray]:
    covariance, influence = first.moment_with(second)
    scale = np.sqrt(first.variance * second.variance)
    score = covariance / scale
    of_scale = first.influence / first.variance + second.influence / second.variance
    return score, influence / scale - score * of_scale / 2
