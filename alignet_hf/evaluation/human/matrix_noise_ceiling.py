"""The noise ceiling of similarity matrices: how well any model could agree with these people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import validate_over
from alignet_hf.evaluation.human.measures import validate_correlation
from alignet_hf.evaluation.human.rsa import CHANCE, NAMES, UNITS, draws_over, validate_matrices
from alignet_hf.evaluation.human.rsa_draws import score_draws
from alignet_hf.evaluation.statistics import Result


@dataclass(frozen=True)
class MatrixNoiseCeiling:
    """The two bounds between which a model of all that people share lies (Nili et al. 2014).

    Attributes:
        lower: each person against the mean of the others, which is what one person scores.
        upper: each person against the mean of all, which no matrix can beat.
    """

    lower: Result
    upper: Result

    def __str__(self) -> str:
        return f"{self.lower}\n{self.upper}"


def matrix_noise_ceiling(
    matrices,
    *,
    correlation: str = "spearman",
    over: str | Sequence[str] = "objects",
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> MatrixNoiseCeiling:
    """Correlate people's matrices with each other.

    The mean of people is the mean of their ranks (Spearman, Kendall) or of their standardised entries (Pearson): a
    person who uses a wider scale does not count for more.

    Args:
        matrices: (people, N, N) symmetric similarities, or dissimilarities; the ceiling is the same.
        correlation, over, n_bootstrap, seed: as in `rsa`.

    Raises:
        InputError: a single person; else as `rsa`.
    """
    validate_correlation(correlation)
    matrices = validate_matrices(matrices, name="matrices")
    n_people, n_objects, _ = matrices.shape
    if n_people < 2:
        raise InputError("matrices: there is one person; a noise ceiling compares at least two")
    over = validate_over(over, UNITS)
    model = matrices[0]  # its scores are not asked for
    estimate = score_draws(model, matrices, np.ones((1, n_objects)), correlation=correlation)
    draws = score_draws(
        model, matrices, *draws_over(over, n_objects, n_people, n_bootstrap, seed), correlation=correlation
    )

    def bound(which: str, value: np.ndarray, samples: np.ndarray) -> Result:
        name = f"noise ceiling, {which} bound ({NAMES[correlation]}, {n_people} people)"
        return Result.from_samples(name, value[0], samples, CHANCE, n_objects, over=over)

    return MatrixNoiseCeiling(bound("lower", estimate.lower, draws.lower), bound("upper", estimate.upper, draws.upper))
