"""Is one model better than another on the same triplets? Is one of many?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest, false_discovery_control

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means, validate_over
from alignet_hf.evaluation.human.odd_one_out import CHANCE, NO_PEOPLE, UNITS, triplet_units
from alignet_hf.evaluation.statistics import Result
from alignet_hf.triplets import is_correct, validate_similarities, validate_triplets

if TYPE_CHECKING:
    import pandas
    from huggingface_hub import EvalResult
    from matplotlib.axes import Axes

CORRECTIONS = ("holm", "benjamini-hochberg")


@dataclass(frozen=True)
class Comparison:
    """Two models' scores on the same judgments.

    Attributes:
        difference: first less second, with its interval under common draws.
        p_bootstrap: two-sided, from the draws in which the difference changes its sign; it takes account of what was
            drawn over. nan without draws.
        p_mcnemar: two-sided and exact, given the triplets on which one model alone is right; it takes triplets as
            independent, and is too small where they share objects. None where the score is not an accuracy.
        n_first_only, n_second_only: triplets that the first, the second alone gets right; None likewise.
        second: the second model's own score; None where it was not kept.
        p_adjusted: p_bootstrap corrected for the number of comparisons; None before `adjust_comparisons`.
        set_apart: why a correction does not count this comparison (see `adjust_family`); None of one that it counts.
        models: what the first and the second are called; None where that is not known.
    """

    difference: Result
    p_bootstrap: float
    p_mcnemar: float | None = None
    n_first_only: int | None = None
    n_second_only: int | None = None
    second: Result | None = None
    p_adjusted: float | None = None
    set_apart: str | None = None
    models: tuple[str, str] | None = None

    @property
    def facts(self) -> dict[str, float]:
        """The p-values, and the triplets that one model alone gets right; without what is not known."""
        known = {
            "p_bootstrap": self.p_bootstrap,
            "p_adjusted": self.p_adjusted,
            "p_mcnemar": self.p_mcnemar,
            "n_first_only": self.n_first_only,
            "n_second_only": self.n_second_only,
        }
        return {name: value for name, value in known.items() if value is not None and not np.isnan(value)}

    def to_dict(self) -> dict:
        """The difference's (see `Result.to_dict`) and the facts, as JSON."""
        apart = {} if self.set_apart is None else {"set_apart": self.set_apart}
        return {**self.difference.to_dict(), **self.facts, **apart}

    def to_frame(self) -> "pandas.DataFrame":
        """One row; `comparisons_frame` stacks several."""
        from alignet_hf.evaluation.result_table import comparisons_frame

        return comparisons_frame([self])

    def to_eval_result(self, **where) -> "EvalResult":
        """An entry of a model card's model-index; the arguments are those of `result_table.eval_result`."""
        from alignet_hf.evaluation.result_table import eval_result

        return eval_result(self.difference, further=self.facts, **where)

    def draw(self, axis: "Axes | None" = None) -> "Axes":
        """Draw the difference with its interval; `draw_comparisons` puts several side by side."""
        from alignet_hf.evaluation.result_drawing import draw_comparisons

        return draw_comparisons([self], axis)

    def __str__(self) -> str:
        parts = [str(self.difference)]
        if self.n_first_only is not None:
            first, second = self.models or ("first", "second")
            parts.append(f"{first} alone right on {self.n_first_only}, {second} alone on {self.n_second_only}")
        values = [
            (self.p_bootstrap, "bootstrap"),
            (self.p_adjusted, "corrected"),
            (self.p_mcnemar, "McNemar, triplets taken as independent"),
        ]
        said = [f"{value:.3g} ({name})" for value, name in values if value is not None and not np.isnan(value)]
        parts += [f"p = {', '.join(said)}"] if said else []
        return "; ".join(parts if self.set_apart is None else [*parts, self.set_apart])


def compare_models(
    first,
    second,
    triplets,
    *,
    over: str | Sequence[str] = "objects",
    people=None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two models' similarities of the same triplets (`model_similarities` gives them for embeddings).

    Args:
        first, second: (n, 3) float, [s_ij, s_ik, s_jk] of each triplet.
        triplets: (n, 3) int, the objects of each; the last is the odd one that people chose.
        over, people, n_bootstrap, seed: as in `odd_one_out_accuracy`; every draw is the same for both models.

    Raises:
        InputError: shapes that do not fit, a triplet with an object twice, an entry that is not finite.
    """
    first, second = validate_similarities(first, "first"), validate_similarities(second, "second")
    triplets = validate_triplets(triplets)
    if not len(first) == len(second) == len(triplets):
        raise InputError(
            f"there are {len(triplets)} triplets, {len(first)} rows of the first model's similarities and "
            f"{len(second)} of the second's"
        )
    over = validate_over(over, UNITS, "" if people is not None else NO_PEOPLE)
    correct = np.stack([is_correct(first), is_correct(second)], 1)
    objects = Resampled.of(triplets)
    of_both = resampled_means(correct, triplet_units(objects, over, people), n_bootstrap, seed)
    samples = of_both[:, 0] - of_both[:, 1]
    difference = Result.from_samples(
        "difference in odd-one-out accuracy",
        correct[:, 0].mean() - correct[:, 1].mean(),
        samples,
        0.0,
        objects.size,
        over=over,
    )
    second = Result.from_samples(
        "odd-one-out accuracy", correct[:, 1].mean(), of_both[:, 1], CHANCE, objects.size, over=over
    )
    n_first_only = int((correct[:, 0] & ~correct[:, 1]).sum())
    n_second_only = int((correct[:, 1] & ~correct[:, 0]).sum())
    return Comparison(
        difference,
        two_sided(samples[~np.isnan(samples)]),
        mcnemar(n_first_only, n_second_only),
        n_first_only,
        n_second_only,
        second=second,
    )


def compare_results(first: Result, second: Result) -> Comparison:
    """Compare two models' Results of one measure, on the same judgments and under the same draws: two RSA scores, say.

    That both were made with the same seed and similarity, a Result does not tell: it is for the caller to see to.

    Raises:
        InputError: Results of another name, number of stimuli, unit or draw, with another ceiling (and so of other
            judgments), or with another number of draws.
    """
    for what in ("name", "n_objects", "unit", "over", "ceiling", "upper_ceiling"):
        theirs = getattr(first, what), getattr(second, what)
        if theirs[0] != theirs[1]:
            raise InputError(
                f"the two results have another {what}: {theirs[0]} and {theirs[1]}; compare like with like"
            )
    if len(first.samples) != len(second.samples):
        raise InputError(f"{len(first.samples)} draws are compared with {len(second.samples)}; use one n_bootstrap")
    samples = first.samples - second.samples
    difference = Result.from_samples(
        f"difference in {first.name}",
        first.estimate - second.estimate,
        samples,
        0.0,
        first.n_objects,
        unit=first.unit,
        over=first.over,
    )
    return Comparison(difference, two_sided(samples[~np.isnan(samples)]), second=second)


def adjust_comparisons(comparisons: Mapping[str, Comparison], method: str = "holm") -> dict[str, Comparison]:
    """Comparisons with `p_adjusted`, corrected for their number (see `adjust_p_values`)."""
    adjusted = adjust_p_values([one.p_bootstrap for one in comparisons.values()], method)
    return {
        name: replace(one, p_adjusted=float(p)) for (name, one), p in zip(comparisons.items(), adjusted, strict=True)
    }


def mcnemar(n_first_only: int, n_second_only: int) -> float:
    """McNemar's exact test (https://doi.org/10.1007/BF02295996): two-sided p-value of the discordant triplets.

    Args:
        n_first_only, n_second_only: how many triplets one model gets right and the other does not.
    """
    discordant = n_first_only + n_second_only
    return float(binomtest(n_first_only, discordant).pvalue) if discordant else 1.0


def adjust_p_values(p_values, method: str = "holm") -> np.ndarray:
    """Correct p-values for their number: reject where the adjusted value is at most the level.

    Args:
        p_values: (m,), one a comparison.
        method: "holm" keeps the chance of a single false rejection at the level (Holm 1979,
            https://www.jstor.org/stable/4615733); "benjamini-hochberg" keeps the expected share of false ones among the
            rejections (Benjamini & Hochberg 1995, https://www.jstor.org/stable/2346101).

    Returns:
        (m,) float64, in the order given.

    Raises:
        InputError: another method, a value outside 0 to 1.
    """
    p_values = np.asarray(p_values, np.float64)
    if p_values.ndim != 1 or not len(p_values):
        raise InputError(f"p-values: expected a list of them, got an array of shape {p_values.shape}")
    bad = np.flatnonzero(~((p_values >= 0) & (p_values <= 1)))
    if bad.size:
        raise InputError(f"p-values: number {bad[0]} is {p_values[bad[0]]}; it must lie between 0 and 1")
    if method == "benjamini-hochberg":
        return false_discovery_control(p_values, method="bh")
    if method != "holm":
        raise InputError(f"method is {method!r}; it must be one of {', '.join(CORRECTIONS)}")
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def two_sided(samples: np.ndarray) -> float:
    """p-value of (draws,) bootstrap differences: how rarely their sign changes; nan without draws."""
    if not len(samples):
        return np.nan
    tails = (samples <= 0).sum(), (samples >= 0).sum()
    return float(min(1, 2 * (1 + min(tails)) / (1 + len(samples))))
