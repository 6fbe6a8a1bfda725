"""Representational similarity analysis: do the pairs that people find similar lie close in the representation?"""

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result, bootstrap_counts, weighted_spearman
from alignet_hf.triplets import validate_embeddings

CHANCE = 0.0


def rsa(embeddings, human_similarities, *, n_bootstrap: int = 1000, seed: int = 0) -> Result:
    """Spearman correlation of a model's and people's similarity matrices (Sec. 4.2 of the paper).

    The model's matrix is the Pearson correlation of representations; the upper triangles are compared.

    Args:
        embeddings: (N, D) float, one row an object.
        human_similarities: (N, N) symmetric, higher is more alike (a dissimilarity matrix enters with a minus sign).
        n_bootstrap: draws over objects for the interval; a pair of an object with itself is left out of a draw.
        seed: of the draws.

    Raises:
        InputError: fewer than four objects, a matrix of another size, entries that are not finite.
    """
    embeddings = validate_embeddings(embeddings).astype(np.float64)
    human = np.asarray(human_similarities, np.float64)
    n_objects = len(embeddings)
    if human.shape != (n_objects, n_objects):
        raise InputError(f"human similarities: expected shape ({n_objects}, {n_objects}), got {human.shape}")
    if n_objects < 4:
        raise InputError(f"RSA needs at least four objects, got {n_objects}")
    if not np.isfinite(human).all():
        row, column = np.argwhere(~np.isfinite(human))[0]
        raise InputError(
            f"human similarities: row {row}, column {column} holds {human[row, column]}; it must be finite"
        )
    first, second = np.triu_indices(n_objects, 1)
    people = human[first, second]
    with np.errstate(invalid="ignore", divide="ignore"):  # an object with a constant representation has no correlation
        model = np.corrcoef(embeddings)[first, second]
    if not np.isfinite(model).all():
        row = first[~np.isfinite(model)][0]
        raise InputError(f"embeddings: row {row} or one it is compared with is constant; its correlation is undefined")
    estimate = weighted_spearman(model, people, np.ones((1, len(model))))[0]
    counts = bootstrap_counts(n_objects, n_bootstrap, seed)
    samples = np.concatenate(
        [
            weighted_spearman(model, people, block[:, first] * block[:, second])
            for block in np.array_split(counts, max(1, n_bootstrap * len(model) // 2**22))
        ]
    )
    return Result.from_samples("RSA (Spearman)", estimate, samples, CHANCE, n_objects)
