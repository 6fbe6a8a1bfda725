"""Which of many comparisons a correction for their number counts: not those that say the same twice, or nothing.

Some scores are others by another name: the precision of the first image retrieved is its recall, and the accuracy of
one neighbour. A correction that counted each would punish every comparison for them. And of a difference that is the
same in every draw, as where both encoders get all images right, draws tell nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from alignet_hf.evaluation.comparison import Comparison, adjust_comparisons

CONSTANT = "the same in every draw"
ROUNDING = 1e-9  # of the largest difference
SURE = 0.05  # of a p-value that is corrected for the number of comparisons


@dataclass(frozen=True)
class SmallestP:
    """The smallest p-values that so many comparisons and so few draws can have: those of a sign that no draw changes.

    Attributes:
        n_comparisons: that the correction counts.
        n_draws: of the bootstrap.
    """

    n_comparisons: int
    n_draws: int

    @classmethod
    def of(cls, comparisons: Mapping[str, Comparison]) -> "SmallestP | None":
        """Of comparisons that `adjust_family` corrected; None where it counts none."""
        counted = [one for one in comparisons.values() if one.set_apart is None and len(one.difference.samples)]
        return cls(len(counted), max(len(one.difference.samples) for one in counted)) if counted else None

    @property
    def bootstrap(self) -> float:
        """Of one comparison, see `comparison.two_sided`."""
        return min(1.0, 2 / (1 + self.n_draws))

    @property
    def adjusted(self) -> float:
        """Corrected by Holm."""
        return min(1.0, self.n_comparisons * 2 / (1 + self.n_draws))

    @property
    def n_draws_needed(self) -> int:
        """With which a corrected p-value can be `SURE`."""
        return math.ceil(2 * self.n_comparisons / SURE)

    def to_dict(self) -> dict:
        return {"n_comparisons": self.n_comparisons, "n_draws": self.n_draws}


def adjust_family(comparisons: Mapping[str, Comparison], method: str = "holm") -> dict[str, Comparison]:
    """Comparisons with `p_adjusted`, corrected for the number of those that are tests of their own.

    A comparison whose difference is, in the data and in every draw, a multiple of an earlier one's is the same test: it
    has the corrected p-value of that one. One whose difference is the same in every draw, or has no draw, has none, and
    no `p_bootstrap`. Of both, `set_apart` says so.

    Args:
        comparisons: in the order in which the first of several that are the same stands for them.
        method: as for `adjust_p_values`.
    """
    same_as = repeated(comparisons)
    constant = [name for name, one in comparisons.items() if _is_constant(one)]
    own = {name: one for name, one in comparisons.items() if name not in same_as and name not in constant}
    adjusted = adjust_comparisons(own, method) if own else {}
    found = {}
    for name, one in comparisons.items():
        if name in adjusted:
            found[name] = adjusted[name]
        elif name in same_as:
            first = same_as[name]
            found[name] = replace(one, p_adjusted=adjusted[first].p_adjusted, set_apart=f"the same as {first}")
        else:
            found[name] = replace(one, p_bootstrap=np.nan, set_apart=CONSTANT)
    return found


def repeated(comparisons: Mapping[str, Comparison]) -> dict[str, str]:
    """Comparisons whose differences are a multiple of an earlier one's -> the first such one."""
    firsts: list[tuple[str, np.ndarray]] = []
    same_as = {}
    for name, one in comparisons.items():
        if _is_constant(one):
            continue
        row = _direction(one)
        same = next((first for first, other in firsts if _is_same(row, other)), None)
        if same is None:
            firsts.append((name, row))
        else:
            same_as[name] = same
    return same_as


def _is_constant(one: Comparison) -> bool:
    drawn = one.difference.samples[~np.isnan(one.difference.samples)]
    return not len(drawn) or np.ptp(drawn) <= ROUNDING * np.abs(drawn).max()


def _direction(one: Comparison) -> np.ndarray:
    """The difference and its draws, divided by the largest of them: multiples of one another have the same."""
    row = np.append(one.difference.estimate, one.difference.samples)
    return row / row[np.nanargmax(np.abs(row))]


def _is_same(row: np.ndarray, other: np.ndarray) -> bool:
    return len(row) == len(other) and np.allclose(row, other, rtol=0, atol=ROUNDING, equal_nan=True)
