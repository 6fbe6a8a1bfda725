"""Scores of `evaluate` as a picture: a panel for each kind of score, on an axis and in a unit of its own."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alignet_hf.evaluation.result_drawing import CEILING, ESTIMATE
from alignet_hf.evaluation.score_names import by_kind, kind_title, score_name
from alignet_hf.evaluation.statistics import Result

if TYPE_CHECKING:
    from alignet_hf.evaluation.comparison import Comparison

WIDTH, ROW, AROUND = 9.0, 0.36, 0.95  # inches: of the figure, of a score, of a panel's title and axis
LABEL_WIDTH = 44  # characters


def draw_scores(results: Mapping[str, Result]) -> Figure:
    """A row a score: a dot with its 95 % interval, a dotted line at chance, a line or band at what people score.

    Args:
        results: by the identifiers under which `evaluate` writes them.
    """
    figure = _panels(results)
    figure.suptitle("dots: estimates, with 95 % intervals; dotted: chance; orange: people", fontsize=8, color="grey")
    return figure


def draw_differences(comparisons: "Mapping[str, Comparison]") -> Figure:
    """A row a score: the first model's less the second's with its 95 % interval, beside a dotted line at 0.

    Args:
        comparisons: by the identifiers of their scores.
    """
    figure = _panels({name: one.difference for name, one in comparisons.items()}, "difference, ")
    first, second = next(iter(comparisons.values())).models or ("first model", "second model")
    said = f"{first} less {second}, with 95 % intervals\nright of the dotted line: {first} scores higher"
    figure.suptitle(said, fontsize=8, color="grey")
    return figure


def _panels(results: Mapping[str, Result], unit: str = "") -> Figure:
    kinds = {kind: {name: results[name] for name in names} for kind, names in by_kind(results).items()}
    heights = [AROUND + ROW * len(part) for part in kinds.values()]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.3), layout="constrained")
    axes = figure.subplots(len(kinds), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axis, (kind, part) in zip(axes, kinds.items(), strict=True):
        _draw_rows(axis, part)
        axis.set_title(kind_title(kind, part), loc="left", fontsize=10)
        axis.set_xlabel(f"{unit}{kind.unit}", fontsize=9)
    return figure


def _draw_rows(axis: Axes, results: Mapping[str, Result]) -> None:
    for row, result in enumerate(results.values()):
        ends = [row - 0.35, row + 0.35]
        if result.chance is not None:
            axis.plot([result.chance] * 2, ends, color="grey", linestyle=":")
        if result.upper_ceiling is not None:
            width = result.upper_ceiling - result.ceiling
            axis.barh(row, width, 0.7, left=result.ceiling, color=CEILING, alpha=0.3, linewidth=0)
        for bound in (result.ceiling, result.upper_ceiling):
            if bound is not None:
                axis.plot([bound] * 2, ends, color=CEILING, linewidth=2)
        # An interval of percentiles need not hold the estimate: a bar's length is never negative.
        sides = [[max(result.estimate - result.low, 0)], [max(result.high - result.estimate, 0)]]
        axis.errorbar(result.estimate, row, xerr=sides, fmt="o", color=ESTIMATE, capsize=3, markersize=5)
    labels = [textwrap.fill(score_name(name).title, LABEL_WIDTH) for name in results]
    axis.set_yticks(range(len(results)), labels, fontsize=8, linespacing=0.95)
    axis.set_ylim(len(results) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", alpha=0.3)
    axis.margins(x=0.06)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
