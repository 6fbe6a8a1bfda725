"""Fig. 3: models become more alike by alignment (A, B), and distances follow the hierarchy of categories (D, E).

python training/reproduce/figure_3.py --embedded --out OUT
python training/reproduce/figure_3.py --photographs DATA --out OUT
python training/reproduce/figure_3.py --models models.yaml --images imagenet:VALIDATION --out OUT

How alike models are is measured by RSM correlation and by CKA. Changes of distances are the paper's, and beside them
those of distances in units of each encoder's mean, which an encoder's size does not touch.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from common import (
    arguments,
    embed,
    findings_sweep,
    main,
    paper_says,
    print_tables,
    read_models,
    report_of,
    says_what_is_not_here,
    written,
)
from matplotlib.figure import Figure
from rich.table import Table

from alignet_hf.data.images import SomeImages, image_names
from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.figures import DPI
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.convergence import draw_pairwise_similarities, pairwise_similarities
from alignet_hf.evaluation.representation.distance_changes import DistanceChanges, distance_changes
from alignet_hf.evaluation.representation.hierarchy_figures import category_matrix, level_densities
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.hub.artifacts import make_folder
from alignet_hf.inputs import open_images
from alignet_hf.pipeline_work import Pipeline
from alignet_hf.recipe import EMBEDDED
from alignet_hf.stages import Stages
from alignet_hf.sweep.grid import Point
from alignet_hf.sweep.processes import POINTS

MEASURES = {"rsm": "RSM correlation", "cka": "linear CKA"}
# Whether distances are divided by their encoder's mean first, without which an encoder that only grew seems aligned.
KINDS = {False: "as in the paper", True: "scaled by each encoder's mean"}
NOT_HERE = "ImageNet's photographs; the paper's models, in whose place two stand, one sweep's teacher and student"
_WNID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Embedded:
    """Models' embeddings of the same images, before and after alignment.

    Attributes:
        before, after: model -> (N, D).
        labels: (N,) the class of each image.
        categories: of the classes.
    """

    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    labels: Sequence[str]
    categories: Categories


def run() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--images", help="of ImageNet's classes, with --models: imagenet:FOLDER")
    parser.add_argument("--n-images", type=int, default=5000, help="of them so many, drawn at random")
    parser.add_argument(
        "--hierarchy", help="nltk, wn, a folder of WordNet's, or wordnet.is_a.txt; by default what is there"
    )
    given = parser.parse_args()
    if (sweep := findings_sweep(given, ["settings"], shots=[0])) is not None:
        report_of(sweep, given)
        found = _of_point(sweep.points[0], given)
    else:
        found = _of_models(given)
    figures = make_folder(given.out / "figures")
    for measure, called in MEASURES.items():
        _compare_models(found, measure, called).savefig(figures / f"models-{measure}.png", dpi=DPI)
    changes = {scaled: _changes(found, scaled) for scaled in KINDS}
    for scaled, called in KINDS.items():
        print_tables(_change_table(called, changes[scaled]))
    for model in found.after:
        of_model = {called: changes[scaled][model] for scaled, called in KINDS.items()}
        level_densities(of_model).savefig(figures / f"{model}-levels.png", dpi=DPI)
        for scaled, called in KINDS.items():
            name = f"{model}-{'scaled-' if scaled else ''}categories.png"
            category_matrix(of_model[called], f"{model}, {called}").savefig(figures / name, dpi=DPI)
    if sweep is not None:
        says_what_is_not_here(NOT_HERE)
    paper_says("Fig. 3")


def _compare_models(found: Embedded, measure: str, called: str) -> Figure:
    """Print how alike every two models are, before and after; -> their matrices."""
    measured = {"before": found.before, "after": found.after}
    alike = {when: pairwise_similarities(models, measure) for when, models in measured.items()}
    table = Table(title=f"Fig. 3A, B: how alike models are ({called})")
    for name in ("models", *measured):
        table.add_column(name)
    for pair in alike["before"].pairs:
        table.add_row(" and ".join(pair), *(written(of.pairs[pair]) for of in alike.values()))
    table.add_row("mean", *(written(of.mean) for of in alike.values()), style="bold")
    print_tables(table)
    change = compare_results(alike["after"].mean, alike["before"].mean).difference
    print(f"{called}, after less before: {written(change)}")
    return draw_pairwise_similarities(alike)


def _changes(found: Embedded, scaled: bool) -> dict[str, DistanceChanges]:
    """Of each model."""
    return {
        model: distance_changes(found.before[model], after, found.labels, found.categories, scaled=scaled)
        for model, after in found.after.items()
    }


def _change_table(called: str, changes: Mapping[str, DistanceChanges]) -> Table:
    table = Table(title=f"Fig. 3D, E: z-scored changes of the distances of pairs of images, {called}")
    table.add_column("pairs")
    for model in changes:
        table.add_column(model)
    for name in next(iter(changes.values())).results:
        table.add_row(name, *(written(one.results.get(name)) for one in changes.values()))
    return table


def _of_point(point: Point, given: argparse.Namespace) -> Embedded:
    """Teacher and student on the photographs that the first fold holds out; after: UD and AligNet."""
    folder = given.out / POINTS / point.name
    pipeline = Pipeline(point.recipe, folder, Stages(folder, print))
    rows = pipeline.judgments.held_out_rows
    names = [image_names(pipeline.source)[row] for row in rows]
    before = {"teacher": pipeline.teacher_embeddings("original"), "student": pipeline.student_embeddings("original")}
    after = {"teacher": pipeline.teacher_embeddings("alignet"), "student": pipeline.student_embeddings("alignet")}
    before, after = ({name: found[rows] for name, found in models.items()} for models in (before, after))
    if point.recipe.images.source == EMBEDDED:
        return Embedded(before, after, names, Categories.of_objects92(names))
    return Embedded(before, after, *_of_wordnet(names, given))


def _of_models(given: argparse.Namespace) -> Embedded:
    models = read_models(given.models)
    if given.images is None:
        raise InputError("give --images imagenet:FOLDER, of which models are compared")
    source = open_images(given.images)
    rows = np.sort(np.random.default_rng(0).permutation(len(source))[: given.n_images])
    images = SomeImages(source, rows)
    both = {name: of for name, of in models.items() if {"original", "alignet"} <= set(of)}
    before, after = (
        {name: embed(of[setting], images, given.out) for name, of in both.items()}
        for setting in ("original", "alignet")
    )
    return Embedded(before, after, *_of_wordnet(images.names, given))


def _of_wordnet(names: Sequence[str], given: argparse.Namespace) -> tuple[list[str], Categories]:
    """The classes of photographs that are named as ImageNet's, and their categories."""
    found = [_WNID.search(name) for name in names]
    if None in found:
        raise InputError(
            f"{names[found.index(None)]}: its name holds no WordNet id, as n01440764; --images imagenet:FOLDER"
        )
    labels = [one[0] for one in found]
    return labels, Categories.of_wordnet(Hierarchy.open(given.hierarchy), sorted(set(labels)))


if __name__ == "__main__":
    main(run)
