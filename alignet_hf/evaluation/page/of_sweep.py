"""The page of a sweep: its findings in sentences, every condition's scores, the paired differences, figures."""

import json
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.evaluation.page.content import Page, Score, ScoreTable
from alignet_hf.evaluation.page.figure_files import figure_files
from alignet_hf.evaluation.page.photographs import Photographs
from alignet_hf.evaluation.page.versions import package_versions
from alignet_hf.evaluation.report import SCORES
from alignet_hf.hub.from_run import shareable
from alignet_hf.sweep.grid import FEW_SHOT
from alignet_hf.sweep.report import OF_FEW_SHOT, SPREAD, SWEEP
from alignet_hf.sweep.scores import in_words

FIGURES = "figures"


def page_of_sweep(folder: Path, *, photographs: bool = True) -> Page:
    """The page of a sweep's folder.

    Args:
        photographs: as for the other pages; a sweep's figures are diagrams and show none.

    Raises:
        InputError: sweep.json is not what a sweep writes.
    """
    try:
        content = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
        tables = [_conditions(content["rows"]), *_differences(content["differences"])]
        findings = [one["sentence"] for one in content["findings"]]
        failed = [f"{one['name']}: {one['failure']}" for one in content["points"] if one["failure"]]
        name, n_points = content["name"], len(content["points"])
        recipe = shareable(content["recipe"]) if "recipe" in content else None  # of which earlier sweeps kept nothing
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / SWEEP}: not what a sweep writes, or damaged; run the sweep again") from error
    diagrams = _diagrams(folder / FIGURES, content["points"])
    figures, left_out = figure_files(folder / FIGURES, diagrams, photographs=photographs)
    limits = [
        "A condition's score is the mean of its points (splits of the objects, seeds); intervals are drawn over "
        "objects, and tell nothing of other kinds of photographs or other people."
    ]
    if any(name.startswith(FEW_SHOT) for name in _score_names(content["rows"])):
        limits.append(OF_FEW_SHOT)
    return Page(
        title=f"{name}: a sweep",
        subtitle=f"{n_points} points, {len(content['rows'])} conditions and settings",
        headline=[],
        summary=findings or ["The sweep names no finding to test; the tables have every number."],
        limits=limits + [f"Not in these numbers, as they failed: {'; '.join(failed)}."] * bool(failed),
        tables=tables,
        photographs=Photographs([], [], []),
        figures=figures,
        left_out=[f"{FIGURES}/{file}" for file in left_out],
        commands=[
            *([] if recipe is None else [("The whole sweep again, from the recipe below", content["command"])]),
            ("This page again, in the sweep's folder", "alignet-hf report ."),
        ],
        facts=package_versions(),
        recipe=recipe,
    )


def _diagrams(folder: Path, points: list[dict]) -> dict[str, tuple[str, str]]:
    """Of every figure that a sweep left: name of the file -> title, what is seen."""
    grids = {grid for point in points for grid in point.get("grids", ())}
    diagrams = {}
    for path in folder.rglob("*.png"):
        words = path.stem.replace("_", " ").replace("-", " ")
        says = f"Scores of the conditions of {words}, with 95 % intervals; the tables above hold the numbers."
        diagrams[path.stem] = words, says if path.stem in grids else f"Diagram {words}."
    return diagrams


def _conditions(rows: list[dict]) -> ScoreTable:
    differing, names = _differing([row["condition"] for row in rows]), _score_names(rows)
    return ScoreTable(
        "Conditions",
        "Scores on held-out human judgments and, where the sweep asks for them, few-shot accuracies on the same "
        "images, with their spread (standard deviation) from draw to draw of the shots; mean over the points of a "
        "condition; 95 % intervals.",
        "who, setting, condition",
        list(map(in_words, names)),
        {
            f"{row['who']}, {row['setting']}{_condition(row, differing)}": [
                _score(row["scores"][name]) if name in row["scores"] else None for name in names
            ]
            for row in rows
        },
    )


def _score(one: dict) -> Score:
    return Score.of(one, **({"spread": f"{one[SPREAD]:.3g}"} if SPREAD in one else {}))


def _differences(differences: list[dict]) -> list[ScoreTable]:
    """A table for each kind of difference."""
    differing = _differing([one[side]["condition"] for one in differences for side in ("first", "second")])
    kinds: dict[str, dict[str, list[Score | None]]] = {}
    names = _score_names(differences)
    for one in differences:
        sides = (f"{one[side]['setting']}{_condition(one[side], differing)}" for side in ("first", "second"))
        kinds.setdefault(one["kind"], {})[" less ".join(sides)] = [
            Score.of(found, p=f"{found['p_bootstrap']:.3g}") if (found := one["scores"].get(name)) else None
            for name in names
        ]
    caption = "One less the other, in common draws; 95 % intervals; p of the bootstrap, two-sided, not corrected."
    titles = {"condition": "Differences from the baseline", "setting": "Differences of settings"}
    return [
        ScoreTable(titles.get(kind, f"Differences: {kind}"), caption, "difference", list(map(in_words, names)), rows)
        for kind, rows in kinds.items()
    ]


def _score_names(found: list[dict]) -> list[str]:
    """The scores of a sweep's rows or differences: those on people's judgments, then few-shot ones."""
    return list(dict.fromkeys([*SCORES, *(name for one in found for name in one["scores"])]))


def _differing(conditions: list[dict]) -> list[str]:
    """The keys that are not the same in all conditions."""
    keys = dict.fromkeys(key for condition in conditions for key in condition)
    return [key for key in keys if len({json.dumps(condition.get(key)) for condition in conditions}) > 1]


def _condition(row: dict, keys: list[str]) -> str:
    return "".join(f", {key}={row['condition'].get(key)}" for key in keys)
