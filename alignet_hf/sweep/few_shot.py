"""Few-shot accuracy of a sweep's students, from the embeddings that its points keep: nothing is trained or embedded.

The paper's ablations (Figs. 14-17) are in 1-shot accuracy. Here classifiers learn from a few judged images of each
class that are not held out, and are tested on those held out, which odd-one-out accuracy is of too. Draws of shots are
the same for all points of a split, and so is the regularization, big_vision's 2^10: were it chosen for each student, on
a few hundred images, its luck would be part of their differences. UD, which the paper's figures do not have, is not
measured: it is no student of its own, and would be fitted again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignet_hf.data.images import image_names
from alignet_hf.data.images.classes import class_labels
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.few_shot import FIXED, FewShotResult, few_shot
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.shots import validate_shots
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe import Recipe
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.sweep.grid import Sweep, as_key

N_DRAWS = 100  # of the shots
_WORDNET_ID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class FewShotTask:
    """What the classifiers of one split tell apart.

    Attributes:
        class_of: name of a judged image -> its class; images without one have no part.
        held_out: names of the images that no student has met a judgment of: the test images, where they have a class.
        seed: of the draws of shots.
    """

    class_of: Mapping[str, str]
    held_out: frozenset[str]
    seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        """In alphabetic order."""
        return tuple(sorted(set(self.class_of.values())))

    def check(self, shots: Sequence[int]) -> None:
        """Raise InputError unless every class has images enough."""
        names = list(self.class_of)
        training, test = self.parts(np.zeros((len(names), 1)), names)
        for n_shots in shots:
            validate_shots(training, test, n_shots)

    def score(self, embeddings: Embeddings, shots: Sequence[int], n_bootstrap: int) -> dict[str, FewShotResult]:
        """Few-shot accuracies of one student.

        Args:
            embeddings: of the judged images.
            shots: numbers of images of each class.
            n_bootstrap: draws for the intervals.
        """
        parts = self.parts(np.asarray(embeddings), embeddings.names)
        options = {"strengths": [FIXED["ridge"]], "n_draws": N_DRAWS, "n_bootstrap": n_bootstrap, "seed": self.seed}
        return few_shot(*parts, shots=shots, **options)

    def parts(self, embeddings: np.ndarray, names: Sequence[str]) -> tuple[LabelledEmbeddings, LabelledEmbeddings]:
        """(N, D) embeddings of images of these names -> those that shots are drawn from, and those to test on."""
        places = {name: place for place, name in enumerate(self.classes)}
        labels = np.array([places.get(self.class_of.get(name), -1) for name in names])
        is_held_out = np.array([name in self.held_out for name in names])

        def part(rows: np.ndarray) -> LabelledEmbeddings:
            return LabelledEmbeddings(embeddings[rows], labels[rows], self.classes, [names[row] for row in rows])

        return tuple(part(np.flatnonzero((labels >= 0) & of)) for of in (~is_held_out, is_held_out))


def few_shot_tasks(sweep: Sweep, say: Callable[[str], None]) -> dict[str, FewShotTask]:
    """The task of each point, by its name; the same of all that hold out the same images.

    Raises:
        InputError: images whose names tell no class, a class with too few of them, or WordNet is needed and not there.
    """
    tasks: dict[str, FewShotTask] = {}
    found: dict[str, FewShotTask] = {}
    try:
        for point in sweep.points:
            recipe = point.recipe
            held_out = as_key([recipe.images.source, recipe.human.model_dump(), recipe.split.model_dump()])
            if held_out not in found:
                found[held_out] = _task_of(recipe)
                found[held_out].check(sweep.shots)
            tasks[point.name] = found[held_out]
    except InputError as error:
        raise InputError(f"few-shot accuracy of {sweep.name}: {error}; or do without: --shots 0") from error
    first, n_images = tasks[sweep.points[0].name], len(open_images(sweep.points[0].recipe.images.source))
    left_out = n_images - len(first.class_of)
    without = f"; {left_out:,} images of none have no part" if left_out else ""
    say(f"few-shot accuracy: {len(first.class_of):,} of {n_images:,} images in {len(first.classes)} classes{without}")
    return tasks


def few_shot_results(
    sweep: Sweep, folders: Mapping[str, Path], tasks: Mapping[str, FewShotTask]
) -> dict[str, dict[tuple[str, str], dict[str, FewShotResult]]]:
    """Few-shot accuracies of the students of finished points.

    Args:
        folders: name of a point -> its folder.
        tasks: what `few_shot_tasks` gives.

    Returns:
        As `read_results`, of each point.
    """
    return {
        point.name: {
            ("student", setting): tasks[point.name].score(
                Embeddings.from_pretrained(folders[point.name] / "embeddings" / setting),
                sweep.shots,
                point.recipe.evaluate.n_bootstrap,
            )
            for setting in point.recipe.settings
            if setting != "ud"
        }
        for point in sweep.points
        if point.name in folders
    }


def classes_by_name(names: Sequence[str]) -> dict[str, str]:
    """The classes of images, as their names tell them; images without one are left out.

    Where names hold WordNet ids, of seldom more than one image each, the classes are superordinate categories.

    Raises:
        InputError: a name that tells no class, or WordNet is needed and not there.
    """
    ids = [_WORDNET_ID.search(name) for name in names]
    if not names or None in ids:
        return dict(zip(names, class_labels(names).tolist(), strict=True))
    ids = [one[0] for one in ids]
    if 2 * len(set(ids)) <= len(ids):
        return dict(zip(names, ids, strict=True))
    from alignet_hf.evaluation.representation.categories import Categories
    from alignet_hf.evaluation.representation.wordnet import Hierarchy

    categories = Categories.of_wordnet(Hierarchy.open(None), ids)
    _, superordinate = categories.codes(ids)
    return {name: categories.superordinates[row] for name, row in zip(names, superordinate, strict=True) if row >= 0}


def _task_of(recipe: Recipe) -> FewShotTask:
    names, split = list(image_names(open_images(recipe.images.source))), recipe.split
    rows = read_judgments(recipe, names, with_training=False).held_out_rows
    seed = split.seed * split.folds + split.fold  # no two folds, whose means are taken, have common draws
    return FewShotTask(classes_by_name(names), frozenset(names[row] for row in rows), seed)
