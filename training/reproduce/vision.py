"""Models before and after alignment as vision models: what Figs. 4, 12 and 13 are made of."""

import argparse
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from common import (
    Scores,
    arguments,
    check_sources,
    evaluated,
    findings_sweep,
    models_of,
    paper_says,
    print_tables,
    read_models,
    report_of,
    rows_as_scores,
    says_what_is_not_here,
    settings_table,
)

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.hub.artifacts import make_folder
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe import EMBEDDED, Recipe
from alignet_hf.sweep.grid import Point
from alignet_hf.sweep.report import OF_FEW_SHOT


def vision_table(
    description: str,
    place: str,
    wanted: str,
    not_here: str,
    *,
    shots: Sequence[int] = (0,),
    embedded: Sequence[str] = (),
) -> None:
    """A table of vision scores, models by settings.

    Args:
        description: of the command.
        place: of the figure in the paper.
        wanted: a regular expression that the names of its scores begin with.
        not_here: what of the figure the data that are here cannot show.
        shots: of the few-shot accuracies of the sweep's student.
        embedded: options of `evaluate`, for what the 92 photographs show beside them.
    """
    given = arguments(description, labelled=True).parse_args()
    check_sources(given)
    if given.photographs and (embedded or given.evaluate):
        raise InputError(
            "--photographs: each is of another class, of which no read-out can be tested; give --embedded, or --models "
            "with --evaluate"
        )
    sweep = findings_sweep(given, ["settings"], shots)
    if sweep is None:
        scores = _of_models(given)
    else:
        report = report_of(sweep, given)
        scores = {"student": rows_as_scores(report)["student"]}
        if embedded or given.evaluate:
            scores = _of_first_fold(sweep.points[0], given, [*embedded, *shlex.split(given.evaluate or "")])
    names = {name: name for of in scores.values() for found in of.values() for name in found if re.match(wanted, name)}
    if not names:
        raise InputError(f"{place}: none of its scores was measured; --evaluate is to name its data sets")
    there = {setting for of in scores.values() for setting in of}
    settings = [setting for setting in ("original", "unalignet", "alignet") if setting in there]
    table = settings_table(place, scores, names, settings=settings)
    if sweep is not None and sweep.shots and not given.evaluate:
        table.caption = OF_FEW_SHOT
    print_tables(table)
    if sweep is not None:
        says_what_is_not_here(not_here)
    paper_says(place)


def _of_models(given: argparse.Namespace) -> Scores:
    if not given.evaluate:
        raise InputError("give --evaluate '--training IMAGES --test IMAGES ...', as alignet-hf evaluate takes it")
    return evaluated(read_models(given.models), ["--suite", "vision", *shlex.split(given.evaluate)], given.out)


def _of_first_fold(point: Point, given: argparse.Namespace, options: Sequence[str]) -> Scores:
    """What `evaluate` says of the 92 photographs and their six categories: classifiers learn from those that the
    student was trained on, and are tested on those held out."""
    training, test = _class_folders(point.recipe, given.out / "photographs")
    data = ["--training", str(training), "--test", str(test), "--shots", "1,5"]
    return evaluated({"student": models_of(point, given.out)}, ["--suite", "vision", *data, *options], given.out)


def _class_folders(recipe: Recipe, folder: Path) -> tuple[Path, Path]:
    """The embedded photographs in folders of their categories, those held out apart."""
    images = open_images(EMBEDDED)
    categories = Categories.of_objects92(images.names)
    basic, _ = categories.codes(images.names)
    held_out = set(read_judgments(recipe, images.names).held_out_rows.tolist())
    for row, name in enumerate(images.names):
        category = categories.basic[basic[row]].replace(" ", "-")
        to = make_folder(folder / ("test" if row in held_out else "training") / category)
        shutil.copyfile(images.path(row), to / Path(name).name)
    return folder / "training", folder / "test"
