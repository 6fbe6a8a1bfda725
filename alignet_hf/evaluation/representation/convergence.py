"""Do models become more alike by alignment? All models against all, before and after (Fig. 3A and B of the paper)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.similarity import (
    cka_chance,
    cka_name,
    pairwise_cka,
    pairwise_rsm_correlation,
    rsm_name,
)
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images

MEASURES = ("cka", "rsm")


@dataclass(frozen=True)
class PairwiseSimilarities:
    """How alike every two of some models are.

    Attributes:
        measure: what was measured.
        models: M names, in order.
        pairs: (name, name) -> Result, each unordered pair once.
        mean: the mean over pairs; of the same number of models on the same images, before and after alignment,
            `compare_results` gives the difference under common draws.
    """

    measure: str
    models: tuple[str, ...]
    pairs: dict[tuple[str, str], Result]
    mean: Result

    @property
    def matrix(self) -> np.ndarray:
        """(M, M) float64, symmetric, 1 on the diagonal."""
        matrix = np.eye(len(self.models))
        for names, result in self.pairs.items():
            row, column = (self.models.index(name) for name in names)
            matrix[row, column] = matrix[column, row] = result.estimate
        return matrix


def pairwise_similarities(
    models: Mapping[str, np.ndarray], measure: str = "cka", *, n_bootstrap: int = 1000, seed: int = 0, **options
) -> PairwiseSimilarities:
    """Compare every two models.

    Args:
        models: name -> (N, D) embeddings of the same images; D may differ.
        measure: "cka" or "rsm".
        n_bootstrap: draws of images, common to all pairs.
        seed: of the draws, and with "rsm" of the images chosen.
        options: of the measure: `estimator` of `cka`; `correlation`, `similarity`, `max_images` of `rsm_correlation`.

    Raises:
        InputError: fewer than two models, or as for `cka`.
    """
    if measure not in MEASURES:
        raise InputError(f"measure is {measure!r}; it must be one of {', '.join(MEASURES)}")
    if len(models) < 2:
        raise InputError(f"{len(models)} models; at least two are needed to compare them")
    if measure == "cka":
        estimator = options.get("estimator", "unbiased")
        name, chance, values = cka_name(estimator), cka_chance(estimator), pairwise_cka(models, **options)
    else:
        name, chance = rsm_name(options.get("correlation", "spearman")), 0.0
        values = pairwise_rsm_correlation(models, seed=seed, **options)

    def result(name: str, values: np.ndarray) -> Result:
        return mean_over_images(name, values, chance=chance, n_bootstrap=n_bootstrap, seed=seed)

    pairs = {pair: result(name, of_pair) for pair, of_pair in values.items()}
    mean = result(f"{name}, mean of {len(pairs)} pairs of models", np.mean(list(values.values()), 0))
    return PairwiseSimilarities(name, tuple(models), pairs, mean)


def draw_pairwise_similarities(similarities: Mapping[str, PairwiseSimilarities]) -> Figure:
    """Matrices of models side by side, before and after; one colour scale.

    Args:
        similarities: title, "before" say -> the similarities of the same number of models.
    """
    n_models = max(len(one.models) for one in similarities.values())
    side = max(2.6, 0.75 * n_models)
    figure = Figure(figsize=((side + 0.9) * len(similarities) + 1.2, side + 1.7), layout="constrained")
    axes = figure.subplots(1, len(similarities), squeeze=False)[0]
    lowest = min(0.0, *(one.matrix.min() for one in similarities.values()))
    for axis, (title, one) in zip(axes, similarities.items(), strict=True):
        matrix = one.matrix
        picture = axis.imshow(matrix, cmap="viridis", vmin=lowest, vmax=1)
        axis.set_title(f"{title}: mean {one.mean.estimate:.2f} [{one.mean.low:.2f}, {one.mean.high:.2f}]", fontsize=10)
        axis.set_xticks(range(len(matrix)), one.models, rotation=40, ha="right", rotation_mode="anchor")
        if axis is axes[0] or one.models != next(iter(similarities.values())).models:
            axis.set_yticks(range(len(matrix)), one.models)
        else:
            axis.set_yticks([])
        for row, column in np.argwhere(~np.eye(len(matrix), dtype=bool)):
            value = matrix[row, column]
            light = (value - lowest) / (1 - lowest) > 0.6
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color="black" if light else "white")
    figure.colorbar(picture, ax=axes, shrink=0.8, label=next(iter(similarities.values())).measure)
    return figure
