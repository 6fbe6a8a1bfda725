"""What the parts of a run's page are made of, read from the run's folder once."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.data.images import image_names
from alignet_hf.data.images.classes import class_labels
from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import Comparison, adjust_comparisons, compare_results
from alignet_hf.evaluation.human.agreement import Agreement, accuracy_by_agreement
from alignet_hf.evaluation.page.explorer import Explorer, explore, sample
from alignet_hf.evaluation.page.neighbours import Neighbours, find_neighbours
from alignet_hf.evaluation.page.photographs import Photographs
from alignet_hf.evaluation.report import SCORES
from alignet_hf.pipeline_work import TEACHER

if TYPE_CHECKING:
    from alignet_hf.pipeline import Pipeline

MOST_MAPPED = 150  # photographs of the map
Key = tuple[str, str]  # who ("teacher", "student") and the setting

BEFORE, AFTER, UNALIGNED, UD, DIRECT = (
    ("student", name) for name in ("original", "alignet", "unalignet", "ud", "human")
)
TEACHER_BEFORE, TEACHER_AFTER = ("teacher", "original"), ("teacher", "ud")
NAMES = {
    BEFORE: "student before",
    AFTER: "student after",
    UNALIGNED: "UnAligNet",
    UD: "student, UD",
    DIRECT: "student of people's choices",
    TEACHER_BEFORE: "teacher",
    TEACHER_AFTER: "aligned teacher",
}
# What is compared: first with second.
COMPARED = ((AFTER, BEFORE), (AFTER, UNALIGNED), (AFTER, UD), (AFTER, DIRECT), (TEACHER_AFTER, TEACHER_BEFORE))


class RunParts:
    """A run's representations, and what they make of the held-out judgments.

    Args:
        pipeline: of a run that is done but for its report.
        metrics: as metrics.json holds them, with the seconds of every stage.
        shown: False to show names in place of photographs.
    """

    def __init__(self, pipeline: "Pipeline", metrics: dict, shown: bool = True):
        self.pipeline, self.metrics, self.shown = pipeline, metrics, shown
        self.recipe, self.judgments = pipeline.recipe, pipeline.judgments
        self.held_out: np.ndarray = self.judgments.held_out_rows

    @cached_property
    def representations(self) -> dict[Key, np.ndarray]:
        """Embeddings of the run's images, or a view of them."""
        teacher = {("teacher", name): self.pipeline.teacher_view(TEACHER[name]) for name in self.metrics["teacher"]}
        student = {("student", name): self.pipeline.student_embeddings(name) for name in self.metrics["student"]}
        return teacher | student

    def named(self, *keys: Key) -> dict[str, np.ndarray]:
        """Those of the representations that there are, by the names that the page gives them."""
        return {NAMES[key]: self.representations[key] for key in keys if key in self.representations}

    @cached_property
    def before_and_after(self) -> dict[str, np.ndarray]:
        """(h, D) embeddings of the held-out images: the student's, or where there is none the teacher's."""
        shown = self.named(BEFORE, AFTER) or self.named(TEACHER_BEFORE, TEACHER_AFTER)
        return {name: np.asarray(embeddings[self.held_out]) for name, embeddings in shown.items()}

    @cached_property
    def classes(self) -> Sequence[str] | None:
        """The class of every judged image, as its name tells it; None where it does not."""
        try:
            labels = class_labels(image_names(self.pipeline.judged_images))
        except InputError:
            return None
        return [label.replace("_", " ") for label in labels.tolist()]

    @cached_property
    def explorer(self) -> Explorer:
        judgments = self.judgments
        rows = sample(judgments.held_out, self.recipe.seed)
        return explore(
            judgments.held_out[rows],
            self.named(BEFORE, AFTER, TEACHER_BEFORE, TEACHER_AFTER),
            shares=None if judgments.held_out_shares is None else judgments.held_out_shares[rows],
            classes=self.classes,
            n_all=len(judgments.held_out),
        )

    @cached_property
    def by_agreement(self) -> dict[str, Agreement]:
        """The student before and after (without one, the teacher) by how sure people are; empty where nobody says."""
        judgments = self.judgments
        shown = self.named(BEFORE, AFTER) or self.named(TEACHER_BEFORE, TEACHER_AFTER)
        if judgments.held_out_shares is None or not shown:
            return {}
        draws = {"n_bootstrap": self.recipe.evaluate.n_bootstrap, "seed": self.recipe.seed}
        return accuracy_by_agreement(shown, judgments.held_out, judgments.held_out_shares, **draws)

    @cached_property
    def neighbours(self) -> Neighbours:
        classes = None if self.classes is None else [self.classes[row] for row in self.held_out.tolist()]
        if classes is not None and not 1 < len(set(classes)) <= len(classes) / 2:  # of concepts, each has its own
            classes = None
        options = {"n_bootstrap": self.recipe.evaluate.n_bootstrap, "seed": self.recipe.seed}
        people = self.judgments.similarities
        return find_neighbours(self.held_out, self.before_and_after, people=people, classes=classes, **options)

    @cached_property
    def mapped(self) -> np.ndarray:
        """Places among the held-out rows of the photographs of the map."""
        return np.sort(np.random.default_rng(self.recipe.seed).permutation(len(self.held_out))[:MOST_MAPPED])

    @cached_property
    def photographs(self) -> Photographs:
        images = self.pipeline.images
        rows = [self.neighbours.rows(), np.unique(self.explorer.triplets), self.held_out[self.mapped]]
        return Photographs(images, images.names, np.concatenate(rows), self.shown)

    @cached_property
    def comparisons(self) -> dict[tuple[Key, Key, str], Comparison]:
        """(first, second, measure) -> the comparison under common draws, corrected for their number."""
        results = self.pipeline.results
        found = {
            (first, second, measure): compare_results(results[first][measure], results[second][measure])
            for first, second in COMPARED
            if {first, second} <= set(results)
            for measure in SCORES
        }
        return adjust_comparisons(found) if found else {}
