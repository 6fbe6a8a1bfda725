"""The page of what `evaluate --out` wrote: every score by its family, differences from another encoder, figures."""

import json
import math
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.evaluation.direction import less_is_better
from alignet_hf.evaluation.page.content import Drawn, Page, Score, ScoreTable
from alignet_hf.evaluation.page.figure_files import figure_files
from alignet_hf.evaluation.page.neighbours import Neighbours, kept_neighbours
from alignet_hf.evaluation.page.photographs import Photographs
from alignet_hf.evaluation.page.sentences import with_interval
from alignet_hf.evaluation.page.versions import package_versions
from alignet_hf.evaluation.representation.neighbour_files import (
    NEIGHBOURS_FILE,
    open_photographs,
    read_neighbours,
)
from alignet_hf.evaluation.score_json import SCORES_FILE

REPRESENTATION = "representation"  # the folder of that suite
N_NAMED = 3  # differences on either side that the summary names


def page_of_scores(folder: Path, *, photographs: bool = True) -> Page:
    """The page of a folder of scores.

    Args:
        folder: that `evaluate --out` wrote.
        photographs: False to leave out figures that show photographs, or of which that is not known.

    Raises:
        InputError: scores.json is not there, or not what `evaluate` writes.
    """
    content = _read(folder / SCORES_FILE)
    about, scores, comparisons = content["about"], content["scores"], content["comparisons"]
    model = about.get("model", folder.resolve().name)
    against = about.get("against", "the other encoder")
    near, shown = _neighbours(folder, scores, photographs)
    drawn = ("scores", "comparisons") + (("neighbours",) if near is not None else ())
    figures, left_out = _figures(folder, scores, photographs, drawn)
    return Page(
        title=f"{model}: scores",
        subtitle=f"{len(scores)} scores" + (f", compared with {against} on {len(comparisons)}" if comparisons else ""),
        headline=[],
        summary=_summary(comparisons, model, against),
        limits=[
            "An interval is drawn over what its row says: it tells how far other objects, images or people like these "
            "could move a score, and nothing of other data sets, or of models trained with another seed."
        ],
        tables=[*_families(scores), *_differences(comparisons, model, against)],
        photographs=shown,
        neighbours=near,
        figures=figures,
        left_out=left_out,
        commands=[("This page again, in its folder", "alignet-hf report .")]
        + ([("The scores again", about["command"])] if "command" in about else []),
        facts={key: str(value) for key, value in about.items() if key != "command"} | package_versions(),
    )


def _read(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        parts = content["scores"], content["comparisons"], content["about"]
        if not all(isinstance(part, dict) for part in parts):
            raise TypeError
        for one in (*content["scores"].values(), *content["comparisons"].values()):
            float(one["estimate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not the scores that evaluate --out writes, or damaged; run evaluate again"
        ) from error
    return content


def _summary(comparisons: dict, model: str, against: str) -> list[str]:
    if not comparisons:
        return [f"What {model} scores, with 95 % intervals where they were drawn; the tables have every number."]
    told = {name: Score.of(one) for name, one in comparisons.items() if one.get("low") is not None}
    above = {name: one for name, one in told.items() if one.low > 0}
    below = {name: one for name, one in told.items() if one.high < 0}
    untold = len(comparisons) - len(above) - len(below)
    rest = f"; on the other {untold} the data do not tell" if untold else ""
    return [
        f"Of {len(comparisons)} scores on which {model} is compared with {against}, it lies above on {len(above)} and "
        f"below on {len(below)}, with a 95 % interval of the difference that does not hold 0{rest}.",
        *_named("above", above),
        *_named("below", below),
        "An interval says nothing of the other comparisons: of twenty, one is expected to miss its difference. The "
        "p-values are corrected for their number, by Holm.",
    ]


def _named(side: str, differences: dict[str, Score]) -> list[str]:
    """The differences that lie farthest to one side, in a sentence; none where there is none."""
    if not differences:
        return []
    farthest = sorted(differences, key=lambda name: -_widths_from_0(differences[name]))[:N_NAMED]
    said = (
        f"{name}, by {with_interval(differences[name], _number)}" + (", where less is better" * less_is_better(name))
        for name in farthest
    )
    return [f"Farthest {side}, counted in widths of the intervals: {'; '.join(said)}."]


def _widths_from_0(difference: Score) -> float:
    """How far a difference lies from 0 in widths of its interval: scores have no common scale."""
    width = difference.high - difference.low
    return abs(difference.estimate) / width if width else math.inf


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _families(scores: dict) -> list[ScoreTable]:
    """A table for each measure of several parts, one for all others on a scale of 1, one for each other."""
    families: dict[str, dict[str, dict]] = {}
    for name, one in scores.items():
        families.setdefault(name.partition("/")[0], {})[name] = one
    alone, tables = {}, []
    for family, members in families.items():
        if len(members) == 1 and all(abs(value) <= 1 for one in members.values() for value in Score.of(one).values):
            alone |= members
        else:
            parts = {name: name.partition("/")[2] or name for name in members}
            tables.append(_table(family.replace("_", " "), "part", members, parts))
    return ([_table("Scores", "score", alone, {})] if alone else []) + tables


def _table(title: str, head: str, members: dict[str, dict], shown_as: dict[str, str]) -> ScoreTable:
    rows = {
        shown_as.get(name, name): [Score.of(one, **_direction(name), **_further(one))] for name, one in members.items()
    }
    caption = "Estimates with their 95 % intervals; what people score and chance, where they are known."
    return ScoreTable(title, caption, head, ["score"], rows)


def _direction(name: str) -> dict[str, str]:
    return {"better": "less"} if less_is_better(name) else {}


def _further(one: dict) -> dict[str, str]:
    known = {
        "chance": one.get("chance"),
        "people": one.get("ceiling"),
        "normalised": one.get("normalised"),
        "p": one.get("p_value"),
    }
    said = {name: f"{value:.3g}" for name, value in known.items() if value is not None}
    if "n_objects" in one:
        said["measured on"] = f"{one['n_objects']:,} {one.get('unit', 'objects')}"
    if one.get("low") is not None and one.get("over"):
        said["drawn over"] = " and ".join(one["over"])
    return said


def _differences(comparisons: dict, model: str, against: str) -> list[ScoreTable]:
    if not comparisons:
        return []
    rows = {}
    for name, one in comparisons.items():
        p = one.get("p_adjusted", one.get("p_bootstrap"))
        said = _direction(name) | ({} if p is None else {"p": f"{p:.3g}"}) | _drawn(one)
        rows[name] = [Score.of(one | {"chance": 0.0}, **said)]
    caption = (
        f"{model} less {against}, on the same judgments and images and under the same draws. An interval that holds 0 "
        "does not tell the two apart. p: two-sided, from the bootstrap, corrected by Holm."
    )
    return [ScoreTable("Differences", caption, "score", ["difference"], rows)]


def _drawn(one: dict) -> dict[str, str]:
    return {"drawn over": " and ".join(one["over"])} if one.get("over") else {}


def _neighbours(folder: Path, scores: dict, photographs: bool) -> tuple[Neighbours | None, Photographs]:
    """Nearest neighbours before and after, where two encoders were compared, and the photographs that show them."""
    folder = folder / REPRESENTATION
    if "neighbours_kept" not in scores or not (folder / NEIGHBOURS_FILE).is_file():
        return None, Photographs([], [], [])
    content, names = read_neighbours(folder)
    images = open_photographs(folder, list(names)) if photographs else {}
    files = {row: f"{name}.webp" for row, name in names.items()}  # a label is a file's name without its ending
    return kept_neighbours(content), Photographs(images, files, files, photographs)


def _figures(folder: Path, scores: dict, photographs: bool, drawn: tuple[str, ...]) -> tuple[list[Drawn], list[str]]:
    diagrams = {}
    for name, one in scores.items():
        words = name.replace("_", " ")
        says = f"How often {words} is right, by how sure it is; the score is {one['estimate']:.3f}."
        diagrams[name.replace("/", "-")] = words, says
    return figure_files(folder, diagrams, photographs=photographs, without=drawn)
