"""The scores of `evaluate` on a terminal: a table for each kind of score; elsewhere plain columns, a line a score."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alignet_hf.evaluation.model_names import short_name, short_names
from alignet_hf.evaluation.score_names import ScoreName, by_kind, kind_title, score_name
from alignet_hf.evaluation.score_words import DISTANCE_CHANGE, LIKENESS, Kind
from alignet_hf.evaluation.statistics import Result

if TYPE_CHECKING:
    from alignet_hf.evaluation.comparison import Comparison

NOTHING = "-"
REMARKS = "remarks"
OF_BOTH = "of the two"  # encoders: scores of what is between them
WIDEST = 1000  # characters of a plain line, which is not broken


def print_scores(
    scores: Mapping[str, Result], comparisons: "Mapping[str, Comparison]", model: str, against: str | None
) -> None:
    """Print `score_tables`: on a terminal as wide as it is, else plain."""
    plain = not sys.stdout.isatty()
    console = Console(width=WIDEST if plain else None)
    for table in score_tables(scores, comparisons, model, against, plain=plain):
        console.print(table)


def score_tables(
    scores: Mapping[str, Result],
    comparisons: "Mapping[str, Comparison]",
    model: str,
    against: str | None = None,
    *,
    plain: bool = False,
) -> list[Table]:
    """Every score with its 95 % interval; of two encoders both, the difference, and its p-value.

    Args:
        scores: by the identifiers under which `evaluate` writes them; of a calibration, its error.
        comparisons: of the encoder with the other, by the same.
        model, against: what the two are called; None where there is one.
        plain: for a file or another program: no lines, and a column of identifiers.
    """
    return [_table(kind, names, scores, comparisons, model, against, plain) for kind, names in by_kind(scores).items()]


def _table(kind: Kind, names: list[str], scores, comparisons, model: str, against: str | None, plain: bool) -> Table:
    between = " " if plain else "\n"
    first, second = (short_name(model), "") if against is None else short_names(model, against)
    if kind in (LIKENESS, DISTANCE_CHANGE):
        first = OF_BOTH
    cells = {f"{first}{between}\\[95 %]": [_interval(scores[name], between) for name in names]}
    if not comparisons.keys().isdisjoint(names):
        compared = [comparisons.get(name) for name in names]
        cells |= {
            f"{second}{between}\\[95 %]": [one and _interval(one.second, between) for one in compared],
            f"difference{between}\\[95 %]": [one and _interval(one.difference, between, "+") for one in compared],
            f"p{between}(Holm)": [one and _p_value(one) for one in compared],
        }
    words = [score_name(name) for name in names]
    facts = [_facts(scores[name]) for name in names]
    better = [one.better for one in words]
    if plain:
        known = list(dict.fromkeys(fact for one in facts for fact in one))
        cells = {"score": list(map(escape, names)), "in words": [escape(one.title) for one in words]} | cells
        cells |= {"better": better} | {fact: [one.get(fact) for one in facts] for fact in known}
        table = Table(title=kind_title(kind, names), title_justify="left", box=None, pad_edge=False)
    else:
        cells = {"score": list(map(_described, names, words, facts))} | cells
        cells |= {"better": better} if len(set(better)) > 1 else {}
        table = Table(title=kind_title(kind, names), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in cells:
        is_text = head in ("score", "in words", "on", "interval over", REMARKS, "better")
        least = 16 if head == "score" else None
        table.add_column(head, justify="left" if is_text else "right", min_width=least, overflow="fold")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*(cell or NOTHING for cell in row))
    return table


def _facts(one: Result) -> dict[str, str]:
    """What else is known of a score: on what it was measured, what was drawn, chance, what people score."""
    facts = {"on": f"{one.n_objects:,} {one.unit}"}
    if one.over != (one.unit,) and not np.isnan(one.low):
        facts["interval over"] = " and ".join(one.over)
    if one.chance is not None:
        facts["chance"] = f"{one.chance:.3f}"
    if one.p_value is not None:
        facts["p against chance"] = f"{one.p_value:.3g}"
    if one.ceiling is not None:
        upper = "" if one.upper_ceiling is None else f" to {one.upper_ceiling:.3f}"
        facts["people"] = f"{one.ceiling:.3f}{upper}"
    if one.remarks:
        facts[REMARKS] = "; ".join(one.remarks)
    return facts


def _described(name: str, words: ScoreName, facts: dict[str, str]) -> str:
    """A score in words, and smaller its identifier and facts."""
    further = ", ".join(value if fact == REMARKS else f"{fact} {value}" for fact, value in facts.items())
    return f"{escape(words.title)}\n[dim]{escape(name)}, {further}[/dim]"


def _interval(one: Result | None, between: str, sign: str = "") -> str | None:
    if one is None:
        return None
    said = f"{one.estimate:{sign}.3f}"
    return said if np.isnan(one.low) else f"{said}{between}\\[{one.low:{sign}.3f}, {one.high:{sign}.3f}]"


def _p_value(one: "Comparison") -> str | None:
    p = one.p_bootstrap if one.p_adjusted is None else one.p_adjusted
    if np.isnan(p):
        return None
    return f"{p:.3g}" if one.set_apart is None else f"({p:.3g})"  # what a remark beneath the tables explains
