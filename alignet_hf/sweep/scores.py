"""A sweep's scores: each condition's mean over folds and seeds, and its paired difference from the baseline.

Points that hold out the same objects have common bootstrap draws, so that their differences are paired over objects,
and seeds of one fold are averaged under each draw. So are folds of one split, which hold out different objects; where a
triplet has an object of another fold, the draws of both know it (see `PointPipeline.score`). Splits of other seeds hold
out the same objects in other company: of a mean over them the interval is the widest that there can be, the mean of
theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from alignet_hf.evaluation.comparison import Comparison, compare_results, two_sided
from alignet_hf.evaluation.report import SCORES
from alignet_hf.evaluation.statistics import Result
from alignet_hf.sweep.grid import FEW_SHOT, Finding, Point, Sweep, as_key

Replicate = tuple[int, int, int]  # the split's seed, the fold, the run's seed


@dataclass(frozen=True)
class Row:
    """What one condition scores in one setting.

    Attributes:
        condition: value by key that is not averaged over.
        who: "teacher" or "student".
        setting: of the recipe's.
        by_replicate: score -> {replicate: Result}, one of each point.
        means: score -> its mean over them.
    """

    condition: dict[str, Any]
    who: str
    setting: str
    by_replicate: dict[str, dict[Replicate, Result]] = field(repr=False)
    means: dict[str, Result] = field(repr=False)

    def spread(self, score: str) -> float | None:
        """The standard deviation of a few-shot accuracy from draw to draw of the shots, within a replicate: the root of
        the replicates' mean variance, as large for many as for one; None of another score."""
        spreads = [getattr(result, "spread", None) for result in self.by_replicate[score].values()]
        return None if None in spreads else float(np.sqrt(np.mean(np.square(spreads))))


def in_words(score: str) -> str:
    """A score as tables and sentences call it: "RSA (Spearman)", "1-shot accuracy"."""
    return SCORES.get(score) or f"{score.removeprefix(FEW_SHOT)} accuracy"


def scores_of(rows: Sequence[Row]) -> list[str]:
    """The scores that any of the rows has: those on people's judgments, then few-shot ones."""
    return list(dict.fromkeys([*SCORES, *(name for row in rows for name in row.means)]))


def rows_of(points: Sequence[Point], results: Mapping[str, dict]) -> list[Row]:
    """A row for each condition and setting, in the order of the points.

    Args:
        points: of the sweep.
        results: name of a point -> what `read_results` gives; points that failed are not in it.
    """
    gathered: dict[tuple[str, str, str], dict[str, dict[Replicate, Result]]] = {}
    conditions = {}
    for point in points:
        split = point.recipe.split
        for (who, setting), scores in results.get(point.name, {}).items():
            identity = as_key(point.condition), who, setting
            conditions[identity[0]] = point.condition
            of_row = gathered.setdefault(identity, {})
            for name, result in scores.items():
                of_row.setdefault(name, {})[split.seed, split.fold, point.recipe.seed] = result
    return [
        Row(
            conditions[condition],
            who,
            setting,
            of_row,
            {name: mean_over_replicates(found) for name, found in of_row.items()},
        )
        for (condition, who, setting), of_row in gathered.items()
    ]


def mean_over_replicates(results: Mapping[Replicate, Result]) -> Result:
    """The mean over seeds, then folds, then splits, with its interval."""
    splits: dict[int, dict[int, list[Result]]] = {}
    for (split, fold, _), result in results.items():
        splits.setdefault(split, {}).setdefault(fold, []).append(result)
    of_splits = []
    for folds in splits.values():
        of_folds = [_mean(seeds, seeds[0].n_objects) for seeds in folds.values()]
        of_splits.append(_mean(of_folds, sum(one.n_objects for one in of_folds)))
    if len(of_splits) == 1:
        return of_splits[0]
    # Draws put in order: what is low of one split is averaged with what is low of the others.
    in_order = [replace(one, samples=np.sort(one.samples)) for one in of_splits]
    return _mean(in_order, max(one.n_objects for one in in_order))


def difference(first: Row, second: Row, score: str) -> Comparison | None:
    """First less second, paired over the objects of the folds and splits that both have; None where they share none.

    A seed of one is compared with the same seed of the other, where both have it; else each with the mean of seeds.
    """
    ours, theirs = first.by_replicate[score], second.by_replicate[score]
    if shared := [replicate for replicate in ours if replicate in theirs]:
        pairs = {replicate: (ours[replicate], theirs[replicate]) for replicate in shared}
    else:
        by_fold = [_mean_of_seeds(of_row) for of_row in (ours, theirs)]
        pairs = {fold: (by_fold[0][fold], by_fold[1][fold]) for fold in by_fold[0] if fold in by_fold[1]}
    if not pairs:
        return None
    found = mean_over_replicates({key: compare_results(*pair).difference for key, pair in pairs.items()})
    return Comparison(found, two_sided(found.samples[~np.isnan(found.samples)]))


@dataclass(frozen=True)
class Difference:
    """Between two rows.

    Attributes:
        kind: "condition" of the same setting against the baseline, or "setting" of the same condition.
        first, second: the rows.
        scores: score -> first less second.
    """

    kind: str
    first: Row
    second: Row
    scores: dict[str, Comparison]


def differences(sweep: Sweep, rows: Sequence[Row]) -> list[Difference]:
    """Each condition's student against the baseline's of the same setting; and AligNet against each other setting."""
    students = [row for row in rows if row.who == "student"]
    base = {row.setting: row for row in students if as_key(row.condition) == as_key(sweep.baseline)}
    found = []
    for row in students:
        if (against := base.get(row.setting)) is not None and against is not row:
            found.append(_difference("condition", row, against))
    aligned = {as_key(row.condition): row for row in students if row.setting == "alignet"}
    for row in students:
        first = aligned.get(as_key(row.condition))
        if first is not None and row is not first:
            found.append(_difference("setting", first, row))
    return [one for one in found if one.scores]


@dataclass(frozen=True)
class Found:
    """What a finding came to.

    Attributes:
        finding: as the sweep states it.
        better, than: the means of its two sides; None where a side has no finished point.
        comparison: their paired difference.
    """

    finding: Finding
    better: Result | None
    than: Result | None
    comparison: Comparison | None

    @property
    def verdict(self) -> str:
        """In the words of the table."""
        if self.comparison is None:
            return "not measured"
        low, high = self.comparison.difference.low, self.comparison.difference.high
        if self.finding.expect == "same":
            return "no difference found" if low <= 0 <= high else "contradicted"
        return "shown" if low > 0 else "contradicted" if high < 0 else "not decided"

    def __str__(self) -> str:
        paper = f" (the paper's {self.finding.paper})" if self.finding.paper else ""
        if self.comparison is None:
            return f"{self.finding.claim}{paper}: not measured; a point of it failed."
        found = self.comparison.difference
        score = in_words(self.finding.score)
        numbers = (
            f"{score} {self.better.estimate:.3f} against {self.than.estimate:.3f}, a difference of "
            f"{found.estimate:+.3f} [{found.low:+.3f}, {found.high:+.3f}] over {found.n_objects} held-out {found.unit}"
        )
        source = "the paper" if self.finding.paper else "the claim"
        ends = {
            "shown": f"shown here, as {source} says",
            "no difference found": "no difference is found here; the interval allows "
            f"{found.low:+.3f} to {found.high:+.3f}",
            "contradicted": f"this CONTRADICTS {source}",
            "not decided": "not decided here, as the interval holds zero",
        }
        return f"{self.finding.claim}{paper}: {numbers}: {ends[self.verdict]}."


def findings(sweep: Sweep, rows: Sequence[Row]) -> list[Found]:
    """Each of the sweep's findings, measured."""
    by_identity = {(as_key(row.condition), row.setting): row for row in rows if row.who == "student"}

    def side(given: dict[str, Any]) -> Row | None:
        condition = {key: given.get(key, value) for key, value in sweep.baseline.items()}
        return by_identity.get((as_key(condition), given.get("setting", "alignet")))

    found = []
    for finding in sweep.findings:
        better, than = side(finding.better), side(finding.than)
        measured = all(row is not None and finding.score in row.means for row in (better, than))
        comparison = difference(better, than, finding.score) if measured else None
        means = [None if row is None else row.means.get(finding.score) for row in (better, than)]
        found.append(Found(finding, *means, comparison))
    return found


def _difference(kind: str, first: Row, second: Row) -> Difference:
    scores = {name: difference(first, second, name) for name in first.means if name in second.means}
    return Difference(kind, first, second, {name: one for name, one in scores.items() if one is not None})


def _mean_of_seeds(results: Mapping[Replicate, Result]) -> dict[Replicate, Result]:
    """One Result for each fold of each split."""
    folds: dict[tuple[int, int], list[Result]] = {}
    for (split, fold, _), result in results.items():
        folds.setdefault((split, fold), []).append(result)
    return {(split, fold, 0): _mean(seeds, seeds[0].n_objects) for (split, fold), seeds in folds.items()}


def _mean(results: Sequence[Result], n_objects: int) -> Result:
    """Under each draw, and of the estimates."""
    if len(results) == 1:
        return results[0]
    first = results[0]
    samples = np.mean([one.samples for one in results], 0)
    estimate = float(np.mean([one.estimate for one in results]))
    return Result.from_samples(first.name, estimate, samples, first.chance, n_objects, unit=first.unit, over=first.over)
