"""Are the entries of a grouped matrix blocks: others within a group than between groups?"""

import numpy as np

from alignet_hf.evaluation.permutation import permutation_p_value
from alignet_hf.evaluation.representation.distances import pair_sums
from alignet_hf.evaluation.statistics import Result, bootstrap_counts


def block_structure(
    name: str,
    matrix: np.ndarray,
    groups: np.ndarray,
    *,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    seed: int = 0,
) -> Result | None:
    """Mean entry between groups less that within a group, off the diagonal.

    Args:
        name: of the Result.
        matrix: (K, K) symmetric; rows without an entry off the diagonal, nan, are left out.
        groups: (K,) int, the group of each row; those of a group follow one another.

    Returns:
        Result over rows, or None where there are no pairs within a group, or none between.
    """
    known = np.isfinite(matrix).sum(1) - np.isfinite(matrix.diagonal()) > 0
    matrix, groups = np.nan_to_num(matrix[np.ix_(known, known)]), groups[known]
    n = len(groups)
    within = np.split(np.arange(n), np.flatnonzero(np.diff(groups)) + 1)

    def contrast(entries: np.ndarray, counts: np.ndarray) -> np.ndarray:
        ones = np.ones_like(entries)
        inner, all_pairs = pair_sums(entries, counts, within), pair_sums(entries, counts)
        n_inner, n_all = pair_sums(ones, counts, within), pair_sums(ones, counts)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (all_pairs - inner) / (n_all - n_inner) - inner / n_inner

    once = np.ones((1, n))
    estimate = contrast(matrix, once)[0] if n > 1 else np.nan
    if np.isnan(estimate):
        return None
    rng = np.random.default_rng((seed, 3))
    orders = [rng.permutation(n) for _ in range(n_permutations)]
    permuted = np.array([contrast(matrix[np.ix_(order, order)], once)[0] for order in orders])
    return Result.from_samples(
        name,
        estimate,
        contrast(matrix, bootstrap_counts(n, n_bootstrap, seed)),
        0.0,
        n,
        unit="basic categories",
        over=("basic categories",),
        p_value=permutation_p_value(estimate, permuted) if n_permutations else None,
        permuted=permuted if n_permutations else None,
    )
