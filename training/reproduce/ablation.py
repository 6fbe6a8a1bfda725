"""The figures that are ablations: a sweep on the data that are here, or over a recipe of the paper."""

import argparse
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from common import (
    Models,
    arguments,
    evaluated,
    findings_sweep,
    models_of,
    paper_says,
    print_tables,
    report_of,
    says_what_is_not_here,
    settings_table,
)

from alignet_hf.errors import InputError
from alignet_hf.sweep.grid import Sweep, load_sweep
from alignet_hf.sweep.report import SweepReport


def ablation(
    description: str,
    place: str,
    only: Sequence[str],
    paper_grids: Mapping[str, dict],
    not_here: str,
    of_models: Callable[[argparse.Namespace], None] | None = None,
) -> None:
    """A figure that is a sweep: on the data that are there, or over a recipe of the paper.

    Args:
        description: of the command.
        place: of the figure in the paper.
        only: the grids of the sweeps beside it.
        paper_grids: of `--recipe`, as a sweep's file has them.
        not_here: what of the figure the data that are there cannot show.
        of_models: what shows it of `--models`, where that can be.
    """
    parser = arguments(description, models=of_models is not None, labelled=True)
    parser.add_argument("--recipe", type=Path, help="a recipe of the paper, training/recipes/vit-b.yaml: days of GPUs")
    given = parser.parse_args()
    sweep = findings_sweep(given, only)
    if of_models is not None and given.models:
        of_models(given)
    elif sweep is not None:
        _run_ablation(sweep, given)
        says_what_is_not_here(not_here)
    elif given.recipe is not None:
        section = {"grids": dict(paper_grids)}
        _run_ablation(load_sweep(given.recipe, overrides=given.set, section=section, shots=given.shots), given)
    else:
        further = "" if of_models is None else ", --models models.yaml"
        raise InputError(f"give --embedded, --photographs DATA{further}, or --recipe training/recipes/vit-b.yaml")
    paper_says(place)


def _run_ablation(sweep: Sweep, given: argparse.Namespace) -> None:
    report = report_of(sweep, given)
    if given.evaluate:
        few_shot_of_points(report, given)


def few_shot_of_points(report: SweepReport, given: argparse.Namespace) -> None:
    """The 1-shot accuracy of every point's students, which is what the paper's figures show."""
    models: Models = {}
    for point in report.sweep.points:
        if point.name in report.failures:
            continue
        models[point.name] = models_of(point, given.out)
    options = ["--suite", "vision", "--shots", "1", *shlex.split(given.evaluate)]
    scores = evaluated(models, options, given.out)
    wanted = {name: name for of in scores.values() for found in of.values() for name in found if "1-shot" in name}
    settings = [
        name for name in ("original", "unalignet", "alignet", "human") if any(name in of for of in scores.values())
    ]
    print_tables(settings_table("1-shot accuracy", scores, wanted, settings=settings))
