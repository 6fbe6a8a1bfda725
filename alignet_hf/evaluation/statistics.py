"""A score with its interval: the Result, and the bootstrap draws that give it.

Objects, not triplets or pairs, are what was sampled from the world: triplets that share an object are not independent,
and an interval over them would be far too narrow. A bootstrap draw is a count for each object (how often it was drawn
with replacement); a triplet or pair weighs the product of its objects' counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.evaluation.permutation import permutation_p_value

if TYPE_CHECKING:
    import pandas
    from huggingface_hub import EvalResult
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Result:
    """A measured score.

    Attributes:
        name: what was measured.
        estimate: the score on the data as it is.
        low, high: its 95 % bootstrap interval; nan without draws.
        chance: the score of an answer that knows nothing; None where no answer is right or wrong, of a rank say.
        n_objects: how many objects (or what `unit` says) the score is measured on.
        samples: (n_bootstrap,) the bootstrap scores, for comparisons and means over independent Results.
        p_value: one-sided, of scores this high where the model's answers have nothing to do with people's; None where
            it was not asked for.
        ceiling: what people themselves score, a held-out person predicted from the others; None where the data do not
            tell. Who is compared with the mean of many people can score above it.
        unit: what `n_objects` counts.
        over: what the interval was drawn over.
        upper_ceiling: the most that any model could score, where `ceiling` is a bound below which a model of all that
            people share does not lie; None where the data do not tell.
        permuted: (m,) scores under the permutations that `p_value` counts, for means over independent Results; None
            where there are none.
    """

    name: str
    estimate: float
    low: float
    high: float
    chance: float | None
    n_objects: int
    samples: np.ndarray = field(repr=False, compare=False)
    p_value: float | None = None
    ceiling: float | None = None
    unit: str = "objects"
    over: tuple[str, ...] = ("objects",)
    upper_ceiling: float | None = None
    permuted: np.ndarray | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_samples(
        cls, name: str, estimate: float, samples: np.ndarray, chance: float | None, n_objects: int, **further
    ) -> "Result":
        """Make a Result of an estimate and its bootstrap scores; draws that allow no score (nan) are left out."""
        scored = samples[~np.isnan(samples)]
        low, high = np.percentile(scored, [2.5, 97.5]) if len(scored) else (np.nan, np.nan)
        return cls(name, float(estimate), float(low), float(high), chance, n_objects, samples, **further)

    @property
    def normalised(self) -> float | None:
        """(estimate - chance) / (ceiling - chance): 0 is chance, 1 a person; None without a ceiling above chance."""
        if self.ceiling is None or self.chance is None or not self.ceiling > self.chance:
            return None
        return (self.estimate - self.chance) / (self.ceiling - self.chance)

    def to_dict(self) -> dict:
        """The Result as JSON: no draws; low and high are None without any, what is not known is left out."""
        optional = {
            "ceiling": self.ceiling,
            "upper_ceiling": self.upper_ceiling,
            "normalised": self.normalised,
            "p_value": self.p_value,
            "chance": self.chance,
        }
        return {
            "estimate": self.estimate,
            "low": _unless_nan(self.low),
            "high": _unless_nan(self.high),
            **{key: value for key, value in optional.items() if value is not None},
            "n_objects": self.n_objects,
            "unit": self.unit,
            "over": list(self.over),
        }

    def to_frame(self) -> "pandas.DataFrame":
        """One row; `results_frame` stacks several."""
        from alignet_hf.evaluation.result_table import results_frame

        return results_frame([self])

    def to_eval_result(self, **where) -> "EvalResult":
        """An entry of a model card's model-index; the arguments are those of `result_table.eval_result`."""
        from alignet_hf.evaluation.result_table import eval_result

        return eval_result(self, **where)

    def draw(self, axis: "Axes | None" = None) -> "Axes":
        """Draw the estimate with its interval, chance and ceiling; `draw_results` puts several side by side."""
        from alignet_hf.evaluation.result_drawing import draw_results

        return draw_results([self], axis)

    def __str__(self) -> str:
        interval = "" if np.isnan(self.low) else f", 95 % interval {self.low:.3f} to {self.high:.3f}"
        # "Over 10 objects" says both how many there are and what was drawn, where the two are the same.
        drawn = f" over {' and '.join(self.over)}, on" if interval and self.over != (self.unit,) else " over"
        said = f"{self.name} {self.estimate:.3f}{interval}{drawn} {self._counted()}"
        remarks = "; ".join(self._remarks())
        return f"{said} ({remarks})" if remarks else said

    @property
    def remarks(self) -> list[str]:
        """What a measure has to say beside the numbers that all have."""
        return []

    def _counted(self) -> str:
        return f"{self.n_objects} {self.unit}"

    def _remarks(self) -> list[str]:
        remarks = [] if self.chance is None else [f"chance {self.chance:.3f}"]
        if self.upper_ceiling is not None:
            remarks.append(f"noise ceiling {self.ceiling:.3f} to {self.upper_ceiling:.3f}")
        elif self.ceiling is not None:
            remarks.append(f"ceiling {self.ceiling:.3f}")
        if self.normalised is not None:
            remarks.append(f"normalised {self.normalised:.3f}")
        if self.p_value is not None:
            remarks.append(f"p = {self.p_value:.3g}")
        return [*remarks, *self.remarks]


def mean_result(name: str, results: Sequence[Result]) -> Result:
    """The mean of scores on different stimuli, of the same measure; its draws are the means of theirs.

    Args:
        name: of the mean.
        results: with as many draws each, and as many permutations, drawn independently (a seed of their own).
    """

    def mean_of(values: list[float | None]) -> float | None:
        return None if None in values else float(np.mean(values))

    first = results[0]
    estimate = float(np.mean([result.estimate for result in results]))
    permuted = None
    if all(result.permuted is not None for result in results):
        permuted = np.mean([result.permuted for result in results], 0)
    return Result.from_samples(
        name,
        estimate,
        np.mean([result.samples for result in results], 0),
        first.chance,
        sum(result.n_objects for result in results),
        ceiling=mean_of([result.ceiling for result in results]),
        upper_ceiling=mean_of([result.upper_ceiling for result in results]),
        unit=first.unit,
        over=first.over,
        p_value=None if permuted is None else permutation_p_value(estimate, permuted),
        permuted=permuted,
    )


def _unless_nan(value: float) -> float | None:
    return None if np.isnan(value) else value


def bootstrap_counts(n_objects: int, n_bootstrap: int, seed) -> np.ndarray:
    """How often each bootstrap sample draws each object -> (n_bootstrap, n_objects) float64, rows sum to n_objects."""
    return draw_counts(np.random.default_rng(seed), n_objects, n_bootstrap)


def draw_counts(rng: np.random.Generator, n_objects: int, n_draws: int) -> np.ndarray:
    """The next draws of a generator; taken in blocks they are those of one `bootstrap_counts`."""
    return rng.multinomial(n_objects, np.full(n_objects, 1 / n_objects), size=n_draws).astype(np.float64)
