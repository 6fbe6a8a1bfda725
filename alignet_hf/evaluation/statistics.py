"""A score with its interval: the Result, and the bootstrap over objects that gives it.

Objects, not triplets or pairs, are what was sampled from the world: triplets that share an object are not independent,
and an interval over them would be far too narrow. A bootstrap draw is a count for each object (how often it was drawn
with replacement); a triplet or pair weighs the product of its objects' counts.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Result:
    """A measured score.

    Attributes:
        name: what was measured.
        estimate: the score on the data as it is.
        low, high: its 95 % bootstrap interval over objects.
        chance: the score of an answer that knows nothing.
        n_objects: how many objects the score is measured on.
        samples: (n_bootstrap,) the bootstrap scores, for comparisons and means over independent Results.
    """

    name: str
    estimate: float
    low: float
    high: float
    chance: float
    n_objects: int
    samples: np.ndarray = field(repr=False, compare=False)

    @classmethod
    def from_samples(cls, name: str, estimate: float, samples: np.ndarray, chance: float, n_objects: int) -> "Result":
        """Make a Result of an estimate and its bootstrap scores; draws that allow no score (nan) are left out."""
        low, high = np.nanpercentile(samples, [2.5, 97.5])
        return cls(name, float(estimate), float(low), float(high), chance, n_objects, samples)

    def to_dict(self) -> dict[str, float]:
        """{estimate, low, high}, as metrics.json holds it."""
        return {"estimate": self.estimate, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return (
            f"{self.name} {self.estimate:.3f}, 95 % interval {self.low:.3f} to {self.high:.3f} "
            f"over {self.n_objects} objects (chance {self.chance:.3f})"
        )


def bootstrap_counts(n_objects: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """How often each bootstrap sample draws each object -> (n_bootstrap, n_objects) float64, rows sum to n_objects."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_objects, np.full(n_objects, 1 / n_objects), size=n_bootstrap).astype(np.float64)


def weighted_midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The ranks that values would have if each were repeated as often as its weight says; ties share their mean rank.

    Args:
        values: (n,).
        weights: (m, n) non-negative, one row a draw.

    Returns:
        (m, n) float64: for integer weights, `scipy.stats.rankdata(np.repeat(values, weights))` at each value.
    """
    _, group = np.unique(values, return_inverse=True)
    group_weights = np.zeros((len(weights), group.max() + 1))
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max() + 1))
    np.add.reduceat(weights[:, order], starts, axis=1, out=group_weights)
    midranks = np.cumsum(group_weights, axis=1) - (group_weights - 1) / 2
    return midranks[:, group]


def weighted_spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation of x and y under each row of weights.

    Args:
        x, y: (n,).
        weights: (m, n) non-negative.

    Returns:
        (m,) float64; nan where either is constant over the draw.
    """
    a, b = weighted_midranks(x, weights), weighted_midranks(y, weights)
    total = weights.sum(1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        a -= (weights * a).sum(1, keepdims=True) / total
        b -= (weights * b).sum(1, keepdims=True) / total
        return (weights * a * b).sum(1) / np.sqrt((weights * a * a).sum(1) * (weights * b * b).sum(1))
