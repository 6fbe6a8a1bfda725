"""The page of what `evaluate --out` wrote: every score by its family, differences from another encoder, figures."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from alignet_hf.evaluation.comparison_family import SURE, SmallestP
from alignet_hf.evaluation.model_names import before_and_after
from alignet_hf.evaluation.page.content import Drawn, Page, Score
from alignet_hf.evaluation.page.explorer import Explorer
from alignet_hf.evaluation.page.figure_files import figure_files
from alignet_hf.evaluation.page.neighbours import Neighbours, kept_neighbours
from alignet_hf.evaluation.page.photographs import Photographs
from alignet_hf.evaluation.page.score_tables import (
    BETTER,
    HIGHER,
    LOWER,
    WORSE,
    about_tables,
    is_sure,
    names_by_way,
    smallest_p,
    tables_by_kind,
)
from alignet_hf.evaluation.page.sentences import with_interval
from alignet_hf.evaluation.page.versions import package_versions
from alignet_hf.evaluation.photograph_files import open_photographs
from alignet_hf.evaluation.representation.neighbour_files import NEIGHBOURS_FILE, read_neighbours
from alignet_hf.evaluation.representation.neighbour_files import PHOTOGRAPHS as NEIGHBOURS
from alignet_hf.evaluation.score_json import SCORES_FILE
from alignet_hf.evaluation.score_names import score_name, set_name
from alignet_hf.evaluation.triplet_files import PHOTOGRAPHS as TRIPLETS
from alignet_hf.evaluation.triplet_files import TRIPLETS_FILE, read_triplets
from alignet_hf.evaluation.written_files import reading_written

REPRESENTATION = "representation"  # the folder of that suite
# Of a page below 5 MB: photographs of neighbours and triplets, and these and figures together.
PHOTOGRAPHS_ROOM, ROOM = 2_000_000, 4_400_000
N_NAMED = 3  # differences of either way that the summary names


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
    near, explored, shown = _pictured(folder, content, photographs)
    drawn = ("scores", "comparisons") + (("neighbours",) if near is not None else ())
    compared = tuple(before_and_after(against, model).values()) if "against" in about else None
    figures, left_out = _figures(folder, scores, photographs, drawn, ROOM - shown.n_bytes, compared)
    return Page(
        title=f"{model}: scores",
        subtitle=f"{len(scores)} scores" + (f", compared with {against} on {len(comparisons)}" if comparisons else ""),
        headline=[],
        summary=_summary(content, model, against),
        limits=[
            "An interval is drawn over what its row says: it tells how far other objects, images or people like these "
            "could move a score, and nothing of other data sets, or of models trained with another seed."
        ]
        + ([f"Noted when they were made: {about['notes']}."] if "notes" in about else []),
        tables=tables_by_kind(content, model, against),
        about_tables=about_tables(content, model, against),
        photographs=shown,
        neighbours=near,
        explorer=explored,
        before_and_after=f"Before is {against}, after is {model}." if near or explored else "",
        figures=figures,
        left_out=left_out,
        commands=[("This page again, in its folder", "alignet-hf report .")]
        + ([("The scores again", about["command"])] if "command" in about else []),
        facts={key: str(value) for key, value in about.items() if key not in ("command", "notes")} | package_versions(),
    )


def _read(path: Path) -> dict:
    with reading_written(path, "the scores"):
        content = json.loads(path.read_text(encoding="utf-8"))
        measured = [content["scores"], content["comparisons"], content.setdefault("against", {})]
        if not all(isinstance(part, dict) for part in (*measured, content["about"])):
            raise TypeError
        for part in measured:
            for one in part.values():
                float(one["estimate"])
        smallest_p(content)
    return content


def _summary(content: dict, model: str, against: str) -> list[str]:
    comparisons = content["comparisons"]
    if not comparisons:
        return [f"What {model} scores, with 95 % intervals where they were drawn; the tables have every number."]
    n_all = len(comparisons)
    comparisons = {name: one for name, one in comparisons.items() if not one.get("set_apart")}
    better, worse, other = (names_by_way(comparisons, ways) for ways in ((BETTER,), (WORSE,), (HIGHER, LOWER)))
    untold = len(comparisons) - len(better) - len(worse) - len(other)
    apart = n_all - len(comparisons)
    more = f" {apart} more are the same as another of them, or the same in every draw." if apart else ""
    told = f"better on {len(better)} and worse on {len(worse)}"
    if other:
        told += f", and higher or lower on {len(other)} of which neither side is better"
    rest = f"; on the other {untold} the data do not tell" if untold else ""
    return [
        f"Of {len(comparisons)} scores on which {model} is compared with {against}, it is {told}, with a 95 % interval "
        f"of the difference that does not hold 0{rest}.{more}",
        _corrected(comparisons, smallest_p(content)),
        *_named("Most clearly better", better, comparisons),
        *_named("Most clearly worse", worse, comparisons),
        *_named("Of those of which neither side is better, most clearly other", other, comparisons),
        "Most clearly: by the distance from 0 in widths of the interval. An interval says nothing of the other "
        "comparisons: of twenty, one is expected to miss its difference. The p-values are corrected for their number, "
        "by Holm.",
    ]


def _corrected(comparisons: dict, smallest: SmallestP | None) -> str:
    """How many of the differences are none of chance after the correction, too."""
    sure = {name: one for name, one in comparisons.items() if is_sure(one)}
    better, worse, other = (len(names_by_way(sure, ways)) for ways in ((BETTER,), (WORSE,), (HIGHER, LOWER)))
    left = f"better on {better} and worse on {worse}" + (f", higher or lower on {other}" if other else "")
    none = "" if smallest is None or smallest.adjusted <= SURE else ": with so few draws none can (see the tables)"
    return f"Corrected for the number of comparisons, with a p-value of {SURE} at most, it is {left}{none}."


def _named(what: str, names: list[str], comparisons: dict) -> list[str]:
    """The differences of some that lie farthest from 0, in a sentence; none where there is none."""
    differences = {name: Score.of(comparisons[name]) for name in names}
    farthest = sorted(differences, key=lambda name: -_widths_from_0(differences[name]))[:N_NAMED]
    said = (f"{score_name(name).title}, by {with_interval(differences[name], _number)}" for name in farthest)
    return [f"{what}: {'; '.join(said)}."] if names else []


def _widths_from_0(difference: Score) -> float:
    """How far a difference lies from 0 in widths of its interval: scores have no common scale."""
    width = difference.high - difference.low
    return abs(difference.estimate) / width if width else math.inf


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _pictured(folder: Path, content: dict, photographs: bool) -> tuple[Neighbours | None, Explorer | None, Photographs]:
    """Nearest neighbours and triplets before and after, where two encoders were compared, and their photographs."""
    near = explored = None
    images, files = {}, {}  # a label is a file's name without its ending
    within = folder / REPRESENTATION
    if "neighbours_kept" in content["scores"] and (within / NEIGHBOURS_FILE).is_file():
        kept, names = read_neighbours(within)
        near = kept_neighbours(kept, names)
        files |= {row: f"{name}.webp" for row, name in names.items()}
        images |= open_photographs(within / NEIGHBOURS, names) if photographs else {}
    if any(map(_is_of_triplets, content["comparisons"])) and (folder / TRIPLETS_FILE).is_file():
        explored, names = read_triplets(folder)
        first = 1 + max(files, default=-1)  # rows of other images than the neighbours'
        explored = replace(explored, triplets=explored.triplets + first, sets=_named_sets(explored.sets))
        files |= {first + row: f"{name}.webp" for row, name in names.items()}
        opened = open_photographs(folder / TRIPLETS, names) if photographs else {}
        images |= {first + row: image for row, image in opened.items()}
    return near, explored, Photographs(images, files, files, photographs, PHOTOGRAPHS_ROOM)


def _is_of_triplets(score: str) -> bool:
    return score.partition("/")[0].endswith("_odd_one_out_accuracy")


def _named_sets(sets: np.ndarray | None) -> np.ndarray | None:
    """Sets of judgments as the tables call them: "Peterson, fruits"."""
    return None if sets is None else np.array([set_name(one) for one in sets.tolist()])


def _figures(
    folder: Path,
    scores: dict,
    photographs: bool,
    drawn: tuple[str, ...],
    room: int,
    compared: tuple[str, str] | None,
) -> tuple[list[Drawn], list[str]]:
    diagrams = {}
    for name, one in scores.items():
        title = score_name(name).title
        says = "How often answers are right over how sure they are: the closer to the diagonal, the better calibrated."
        diagrams[name.replace("/", "-")] = title, f"{says} {title}: {one['estimate']:.3f}."
    return figure_files(folder, diagrams, photographs=photographs, without=drawn, room=room, compared=compared)
