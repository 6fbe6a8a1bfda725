"""Means under bootstrap draws, where a row belongs to objects, to a person, or to both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import draw_counts

ROWS, DRAWS = 2048, 64  # a block that stays in a core's cache


@dataclass(frozen=True)
class Resampled:
    """What is drawn with replacement, and which of it each row has.

    Attributes:
        members: (n,) or (n, k) int: a row's person, or its k objects; its weight is the product of their counts.
        size: how many there are.
    """

    members: np.ndarray
    size: int

    @classmethod
    def of(cls, labels: np.ndarray) -> "Resampled":
        """Resample the distinct values among (n,) or (n, k) labels."""
        labels = np.asarray(labels)
        if np.issubdtype(labels.dtype, np.integer) and labels.size and 0 <= labels.min() <= labels.max() < 2**24:
            used = np.zeros(labels.max() + 1, bool)  # without sorting millions of labels
            used[labels] = True
            return cls((np.cumsum(used) - 1)[labels], int(used.sum()))
        distinct, members = np.unique(labels, return_inverse=True)
        return cls(members.reshape(labels.shape), len(distinct))


def resampled_means(values: np.ndarray, units: Sequence[Resampled], n_bootstrap: int, seed: int) -> np.ndarray:
    """The weighted mean of rows under every draw.

    Args:
        values: (n,) or (n, k) float or bool, one row a triplet or response.
        units: what is drawn, independently of each other: a row weighs the product of all its counts.
        n_bootstrap: draws.
        seed: of the draws; those of the first unit are `statistics.bootstrap_counts(size, n_bootstrap, seed)`.

    Returns:
        (n_bootstrap,) or (n_bootstrap, k) float64; nan where a draw leaves no row.
    """
    columns = np.asarray(values, np.float64).reshape(len(values), -1)
    generators = [np.random.default_rng(seed if number == 0 else (seed, number)) for number in range(len(units))]
    n_draws = max(1, min(DRAWS, 2**24 // max(unit.size for unit in units)))
    sums, totals = np.zeros((columns.shape[1], n_bootstrap)), np.zeros(n_bootstrap)
    starts = range(0, n_bootstrap, n_draws)
    for start in tqdm(starts, desc="bootstrap", disable=None if len(values) * n_bootstrap > 2**30 else True):
        stop = min(start + n_draws, n_bootstrap)
        tables = [
            np.ascontiguousarray(draw_counts(generator, unit.size, stop - start).T)  # (size, draws)
            for generator, unit in zip(generators, units, strict=True)
        ]
        for row in range(0, len(columns), ROWS):
            weights = 1
            for table, unit in zip(tables, units, strict=True):
                members = unit.members[row : row + ROWS]
                for column in members.T.reshape(-1, len(members)):
                    weights = weights * table[column]
            sums[:, start:stop] += columns[row : row + ROWS].T @ weights
            totals[start:stop] += weights.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / totals
    return means[0] if np.ndim(values) == 1 else means.T


def validate_over(over: str | Iterable[str], allowed: tuple[str, ...], no_people: str = "") -> tuple[str, ...]:
    """Check what an interval is asked over -> a tuple of units.

    Args:
        over: a unit or several.
        allowed: the units that can be drawn here; "people" beside one kind of stimuli at most.
        no_people: why people cannot be drawn, if they cannot.
    """
    units = (over,) if isinstance(over, str) else tuple(over)
    bad = [unit for unit in units if unit not in allowed]
    if bad or not units or len(set(units)) < len(units) or len(set(units) - {"people"}) > 1:
        raise InputError(
            f"over is {','.join(units)!r}; give one of {', '.join(allowed)}, or people and one kind of stimuli together"
        )
    if "people" in units and no_people:
        raise InputError(f"over people: {no_people}")
    return units


def over_if_drawn(over: str | Iterable[str] | None, allowed: tuple[str, ...], default):
    """What one of several scores is drawn over: as is asked of all, where it can be, and else its own default."""
    units = () if over is None else (over,) if isinstance(over, str) else tuple(over)
    return units if units and set(units) <= set(allowed) else default
