"""VICE from several seeds, and which of its dimensions come back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.surrogate.vice import Vice
from alignet_hf.surrogate.vice.held_out import hold_out
from alignet_hf.triplets import validate_triplets


def fit_seeds(
    triplets,
    n_objects: int,
    *,
    seeds: Sequence[int],
    validation=None,
    checkpoint: str | Path | None = None,
    **options,
) -> list[Vice]:
    """`Vice.fit` once a seed, all else alike.

    Args:
        triplets, n_objects, options: as in `Vice.fit`.
        seeds: of the fits, each once.
        validation: as in `Vice.fit`; a share is drawn once, with the first seed, so that every fit has the same choices
            held out and their accuracies can be compared.
        checkpoint: a folder, in which each fit has its own, `seed-0` say.

    Raises:
        InputError: no seed or one given twice, or what `Vice.fit` refuses.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds: {list(seeds)} {'names a seed twice' if seeds else 'is empty'}; give each once")
    training, held_out = hold_out(validate_triplets(triplets, n_objects), validation, n_objects, seeds[0])
    return [
        Vice.fit(
            training,
            n_objects,
            seed=seed,
            validation=held_out,
            checkpoint=None if checkpoint is None else Path(checkpoint) / f"seed-{seed}",
            **options,
        )
        for seed in seeds
    ]


def reproducibility(posteriors: Sequence[Vice], threshold: float = 0.8) -> np.ndarray:
    """The share of a run's dimensions that another run has as well.

    Args:
        posteriors: R of them, over the same objects.
        threshold: a dimension comes back if its highest Pearson correlation over objects with a dimension of the other
            run is above this.

    Returns:
        (R, R): of the dimensions of the row's run, the share found in the column's; NaN on the diagonal, and in the
        row of a run without dimensions. `np.nanmean` of it is the number that is usually reported.
    """
    if len(posteriors) < 2:
        raise InputError(f"posteriors: {len(posteriors)}; two runs or more are needed")
    if len({posterior.n_objects for posterior in posteriors}) > 1:
        raise InputError(f"posteriors: of {[posterior.n_objects for posterior in posteriors]} objects; of one number")
    columns = [_standardised(posterior.embedding) for posterior in posteriors]
    shares = np.full((len(columns), len(columns)), np.nan)
    for row, ours in enumerate(columns):
        for column, theirs in enumerate(columns):
            if row != column and ours.shape[1]:
                best = (ours.T @ theirs).max(1, initial=-1)
                shares[row, column] = (best > threshold).mean()
    return shares


def _standardised(embedding: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and length 1, whose dot products are their correlations."""
    centred = embedding.astype(np.float64) - embedding.mean(0, dtype=np.float64)
    return centred / np.linalg.norm(centred, axis=0)
