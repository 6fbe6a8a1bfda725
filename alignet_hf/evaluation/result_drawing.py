"""Results as a picture: estimates with their intervals, chance, and what people allow."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alignet_hf.evaluation.statistics import Result

if TYPE_CHECKING:
    from alignet_hf.evaluation.comparison import Comparison

ESTIMATE, CEILING = "#0072B2", "#E69F00"  # colour-blind safe (Okabe & Ito)
LABEL_WIDTH = 18  # characters; at two results or fewer, a line fits between two ticks
SLANTED_FROM = 3
CAPTION = "bars: 95 % intervals\ndotted: chance; line or band: people"


def draw_results(results: Mapping[str, Result] | Iterable[Result], axis: Axes | None = None) -> Axes:
    """Draw Results side by side: a dot with its 95 % interval, a dotted line at chance, a bar at the ceiling.

    Where people's matrices give a noise ceiling, it is a band from its lower to its upper bound.

    Args:
        results: the keys of a mapping name them; of a sequence, their own names do.
        axis: to draw on; a new figure's without one. `axis.figure.savefig(path)` writes it.
    """
    named = results.items() if isinstance(results, Mapping) else [(result.name, result) for result in results]
    names, results = zip(*named, strict=True)
    slanted = len(results) >= SLANTED_FROM
    if axis is None:
        axis = Figure(figsize=(_width(len(results)), 5.2 if slanted else 4), layout="constrained").subplots()
    for place, result in enumerate(results):
        below, above = result.estimate - result.low, result.high - result.estimate
        width = [place - 0.4, place + 0.4]
        if result.chance is not None:
            axis.plot(width, [result.chance] * 2, color="grey", linestyle=":")
        if result.ceiling is not None:
            axis.plot(width, [result.ceiling] * 2, color=CEILING, linewidth=2)
        if result.upper_ceiling is not None:
            axis.fill_between(width, result.ceiling, result.upper_ceiling, color=CEILING, alpha=0.3, linewidth=0)
            axis.plot(width, [result.upper_ceiling] * 2, color=CEILING, linewidth=2)
        # An interval of percentiles need not hold the estimate: a bar's length is never negative.
        axis.errorbar(place, result.estimate, [[max(below, 0)], [max(above, 0)]], fmt="o", color=ESTIMATE, capsize=4)
    labels = [_wrapped(name) for name in names]
    if slanted:
        axis.set_xticks(range(len(results)), labels, rotation=50, ha="right", rotation_mode="anchor", fontsize=9)
    else:
        axis.set_xticks(range(len(results)), labels)
    axis.set_xlim(-0.6, len(results) - 0.4)
    shared = {result.name for result in results}
    axis.set_ylabel(textwrap.fill(shared.pop(), 45) if len(shared) == 1 else "score")
    axis.set_title(CAPTION, fontsize=8, color="grey")
    return axis


def draw_comparisons(comparisons: "Mapping[str, Comparison] | Iterable[Comparison]", axis: Axes | None = None) -> Axes:
    """Draw differences side by side, each with its 95 % interval: above the dotted line the first model's is higher.

    All of them have one axis; `score_panels.draw_differences` gives scores of unlike kinds axes of their own.

    Args:
        comparisons: the keys of a mapping name them; of a sequence, their own names do.
        axis: as for `draw_results`.
    """
    if isinstance(comparisons, Mapping):
        differences = {name: one.difference for name, one in comparisons.items()}
    else:
        differences = [one.difference for one in comparisons]
    axis = draw_results(differences, axis)
    if axis.get_ylabel() == "score":
        axis.set_ylabel("difference")
    axis.set_title("above the dotted line: the first model's score is higher", fontsize=8, color="grey")
    return axis


def _width(n_results: int) -> float:
    """Inches for so many results: slanted labels take less."""
    return max(3.2, 1.4 + (0.8 if n_results >= SLANTED_FROM else 1.7) * n_results)


def _wrapped(name: str) -> str:
    """A name in lines: its words, and its parts between slashes, are where it can be broken."""
    parts = name.replace("_", " ").split("/")
    return "\n".join(line for part in parts for line in textwrap.wrap(part, LABEL_WIDTH) or [""])
