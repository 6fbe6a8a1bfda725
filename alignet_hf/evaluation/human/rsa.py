"""Representational similarity analysis: do the pairs that people find similar lie close in the representation?"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import validate_over
from alignet_hf.evaluation.human.measures import validate_correlation, validate_similarity
from alignet_hf.evaluation.human.rsa_draws import score_draws, tau_a
from alignet_hf.evaluation.human.similarity import similarity_matrix
from alignet_hf.evaluation.permutation import permutation_p_value
from alignet_hf.evaluation.statistics import Result, bootstrap_counts
from alignet_hf.triplets import validate_embeddings

CHANCE = 0.0
UNITS = ("objects", "people")
NAMES = {"spearman": "Spearman", "pearson": "Pearson", "kendall": "Kendall tau-a"}


def rsa(
    embeddings,
    human_similarities,
    *,
    correlation: str = "spearman",
    similarity: str = "pearson",
    over: str | Sequence[str] = "objects",
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int = 0,
) -> Result:
    """Correlation of a model's and people's similarity matrices (Sec. 4.2 of the paper); the upper triangles count.

    Args:
        embeddings: (N, D) float, one row an object.
        human_similarities: symmetric, higher is more alike (dissimilarities enter with a minus sign). (N, N): the score
            is the correlation with this matrix. (people, N, N): it is the mean of the correlations with each person's,
            beside the noise ceiling of these people.
        correlation: "spearman", "pearson" or "kendall" (tau-a, which a model's ties make smaller).
        similarity: of the model's representations, "pearson", "cosine" or "dot".
        over: what the interval is drawn over, "objects", "people" or ("objects", "people"); a pair of an object with
            itself is left out of a draw.
        n_bootstrap: draws for the interval.
        n_permutations: random exchanges of the representations among the objects for the p-value; 0 for none.
        seed: of the draws and exchanges.

    Returns:
        Result; chance is 0. Where people's matrices are apart, `ceiling` and `upper_ceiling` are the bounds of the
        noise ceiling (see `matrix_noise_ceiling`).

    Raises:
        InputError: fewer than four objects; a matrix of another size, not symmetric, or with entries that are not
            finite; a model or person for whom all pairs are equal.
    """
    validate_correlation(correlation)
    embeddings = validate_embeddings(embeddings)
    people = validate_matrices(human_similarities, len(embeddings))
    over = validate_over(over, UNITS, "" if len(people) > 1 else "there is one matrix; give one a person")
    model = _model_matrix(embeddings, similarity)
    once = np.ones((1, len(model)))
    estimate = score_draws(model, people, once, correlation=correlation)
    samples = score_draws(
        model,
        people,
        *draws_over(over, len(model), len(people), n_bootstrap, seed),
        correlation=correlation,
        ceiling=False,
    )
    p_value = permuted = None
    if n_permutations:
        permuted = np.asarray(_exchanged_scores(model, people, correlation, n_permutations, seed))
        p_value = permutation_p_value(estimate.scores[0], permuted)
    apart = len(people) > 1
    return Result.from_samples(
        f"RSA ({NAMES[correlation]})",
        estimate.scores[0],
        samples.scores,
        CHANCE,
        len(model),
        p_value=p_value,
        ceiling=float(estimate.lower[0]) if apart else None,
        upper_ceiling=float(estimate.upper[0]) if apart else None,
        over=over,
        permuted=permuted,
    )


def draws_over(over: tuple[str, ...], n_objects: int, n_people: int, n_bootstrap: int, seed: int):
    """Counts of objects (n_bootstrap, n_objects) and of people (n_bootstrap, n_people); ones of what is not drawn."""
    objects = np.ones((n_bootstrap, n_objects))
    persons = np.ones((n_bootstrap, n_people))
    if "objects" in over:
        objects = bootstrap_counts(n_objects, n_bootstrap, seed)
    if "people" in over:
        persons = bootstrap_counts(n_people, n_bootstrap, (seed, 1))
    return objects, persons


def validate_matrices(matrices, n_objects: int | None = None, name: str = "human similarities") -> np.ndarray:
    """Check people's matrices, (N, N) or (people, N, N) -> (people, N, N) float64.

    Raises:
        InputError: naming the person, row and column.
    """
    matrices = np.asarray(matrices, np.float64)
    several = matrices.ndim == 3
    size = n_objects or (matrices.shape or (0,))[-1]
    if matrices.shape[-2:] != (size, size) or matrices.ndim not in (2, 3) or 0 in matrices.shape:
        shape = f"({size}, {size})" if matrices.ndim == 2 else f"({size}, {size}) or (people, {size}, {size})"
        raise InputError(f"{name}: expected shape {shape}, got {matrices.shape}")
    if size < 4:
        raise InputError(f"RSA needs at least four objects, got {size}")
    matrices = matrices if several else matrices[None]

    def place(bad) -> tuple[str, float]:
        person, row, column = np.argwhere(bad)[0]
        return f"{f'person {person}, ' if several else ''}row {row}, column {column}", matrices[person, row, column]

    if not np.isfinite(matrices).all():
        where, value = place(~np.isfinite(matrices))
        raise InputError(f"{name}: {where} holds {value}; it must be finite")
    mirrored = matrices.transpose(0, 2, 1)
    scale = np.abs(matrices).max()
    if (asymmetric := np.abs(matrices - mirrored) > 1e-6 * scale).any():
        where, value = place(asymmetric)
        other = mirrored[asymmetric][0]
        raise InputError(f"{name}: {where} holds {value:g}, its mirror image {other:g}; the matrix must be symmetric")
    pairs = matrices[:, *np.triu_indices(size, 1)]
    if (constant := np.ptp(pairs, axis=1) == 0).any():
        whose = f"person {np.flatnonzero(constant)[0]}: " if several else ""
        raise InputError(
            f"{name}: {whose}all pairs are {pairs[constant][0, 0]:g}; a correlation with them is undefined"
        )
    return matrices


def _model_matrix(embeddings: np.ndarray, similarity: str) -> np.ndarray:
    validate_similarity(similarity)
    model = similarity_matrix(embeddings, similarity)
    pairs = model[np.triu_indices(len(model), 1)]
    if np.ptp(pairs) <= 1e-12 * np.abs(pairs).max():
        raise InputError(
            f"embeddings: all pairs have the {similarity} similarity {pairs[0]:g}; the model has collapsed"
        )
    return model


def _exchanged_scores(model, people, correlation: str, n_permutations: int, seed: int) -> list[float]:
    """The model's score with its objects in random orders (Mantel's test)."""
    first, second = np.triu_indices(len(model), 1)
    rng = np.random.default_rng((seed, 2))
    exchanges = [rng.permutation(len(model)) for _ in range(n_permutations)]
    exchanges = tqdm(exchanges, desc="permutations", disable=None if correlation == "kendall" else True)
    targets = people[:, first, second]
    if correlation == "kendall":
        return [
            np.mean([tau_a(model[order[first], order[second]], person) for person in targets]) for order in exchanges
        ]
    entries = model[first, second]
    if correlation == "spearman":
        entries, targets = rankdata(entries), rankdata(targets, axis=1)
    # An exchange leaves the mean and norm of the model's entries as they are, so one product with the mean of people's
    # standardised entries is the mean of the correlations.
    target = _unit(targets).mean(0)
    matrix = np.zeros_like(model)
    matrix[first, second] = matrix[second, first] = _unit(entries)
    return [matrix[order[first], order[second]] @ target for order in exchanges]


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(-1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
