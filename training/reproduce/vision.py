"""Models before and after alignment as vision models: what Figs. 4, 12 and 13 are made of."""

import argparse
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from common import (
    Models,
    arguments,
    evaluated,
    findings_sweep,
    models_of,
    paper_says,
    print_tables,
    read_models,
    report_of,
    settings_table,
)

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.hub.artifacts import make_folder
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe import EMBEDDED, Recipe


def vision_table(description: str, place: str, wanted: str, embedded: Sequence[str] = ()) -> None:
    """A table of vision scores, models by settings.

    Args:
        description: of the command.
        place: of the figure in the paper.
        wanted: a regular expression that the names of its scores begin with.
        embedded: options of `evaluate` that the 92 photographs can be given too.
    """
    given = arguments(description, labelled=True).parse_args()
    models, options = _what_is_here(given, embedded) if given.embedded or given.photographs else _what_is_given(given)
    scores = evaluated(models, ["--suite", "vision", *options], given.out)
    names = {name: name for of in scores.values() for found in of.values() for name in found if re.match(wanted, name)}
    if not names:
        raise InputError(f"{place}: none of its scores was measured; --evaluate is to name its data sets")
    there = {setting for of in scores.values() for setting in of}
    settings = [setting for setting in ("original", "unalignet", "alignet") if setting in there]
    print_tables(settings_table(place, scores, names, settings=settings))
    paper_says(place)


def _what_is_given(given: argparse.Namespace) -> tuple[Models, list[str]]:
    if not given.evaluate:
        raise InputError("give --evaluate '--training IMAGES --test IMAGES ...', as alignet-hf evaluate takes it")
    return read_models(given.models), shlex.split(given.evaluate)


def _what_is_here(given: argparse.Namespace, options: Sequence[str]) -> tuple[Models, list[str]]:
    """The 92 photographs and their six categories: classifiers learn from those that the student was trained on, and
    are tested on those held out."""
    if given.photographs:
        raise InputError("--photographs: they are one of each class, of which no classifier can be tested; --embedded")
    sweep = findings_sweep(given, ["settings"])
    report_of(sweep, given)
    point = sweep.points[0]
    training, test = _class_folders(point.recipe, given.out / "photographs")
    models = {"student": models_of(point, given.out)}
    return models, [
        "--training",
        str(training),
        "--test",
        str(test),
        "--shots",
        "1,5",
        *options,
        *shlex.split(given.evaluate or ""),
    ]


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
