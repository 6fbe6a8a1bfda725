"""The suite `vision` of `alignet-hf evaluate`: an encoder as a vision model, from files to scores."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.labelled_data import LabelledData
from alignet_hf.evaluation.score_files import save_score_figures
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.suite import compare_scores
from alignet_hf.evaluation.vision.data import VisionEmbeddings, VisionImages
from alignet_hf.evaluation.vision.image_keys import image_keys
from alignet_hf.evaluation.vision.images_needed import check_images
from alignet_hf.evaluation.vision.options import VisionOptions
from alignet_hf.evaluation.vision.scores import vision_scores
from alignet_hf.evaluation.vision.store import EmbeddingStore
from alignet_hf.evaluation.vision.superclass_tasks import BREEDS
from alignet_hf.evaluation.vision.wanted import Wanted

FOLDER = "vision"  # of the figures


@dataclass
class VisionSuite:
    """Few-shot classification, subpopulation shift, robustness, retrieval and the like, on labelled images.

    Args:
        data: training and test images.
        wanted: further data sets.
        options: how the tests are run.
        say: called with the name of a test before it runs.
    """

    data: LabelledData
    wanted: Wanted
    options: VisionOptions
    say: Callable[[str], None]

    def read(self, note: Callable[[str], None]) -> None:
        self.images = VisionImages.open(self.wanted, self.data)
        check_images(self.images, self.options)
        pairs = {f"few-shot, {name}: ": both for name, both in self.images.few_shot.items()}
        if self.images.training is not None:
            pairs = {"": (self.images.training, self.images.test)} | pairs
        for named, both in pairs.items():
            learnt, test = (image_keys(one.images) for one in both)
            if n_both := int(np.isin(test, learnt).sum()):
                note(
                    f"{named}{n_both} of the {len(test)} test images are training images too: what is learnt scores "
                    "too high"
                )

        seen = [
            (image_keys(one.images), what)
            for one, what in ((self.images.training, "training"), (self.images.test, "test"))
            if one is not None
        ]
        for name, outside in self.images.ood.items():
            keys = image_keys(outside.images)
            for others, what in seen:
                if n_both := int(np.isin(keys, others).sum()):
                    note(f"images of other classes, {name}: {n_both} of the {len(outside)} are {what} images too")
        if self.images.tasks and (missing := [name for name in BREEDS if name not in self.images.tasks]):
            note(
                f"--breeds {self.wanted.breeds}: {', '.join(self.images.tasks)} alone; {', '.join(missing)} are levels "
                "of the hierarchy of BREEDS' authors, which their class_hierarchy.txt holds"
            )

    def scores(
        self, store: EmbeddingStore, against: EmbeddingStore | None, note: Callable[[str], None]
    ) -> tuple[dict[str, Result], dict[str, Comparison]]:
        ours = vision_scores(VisionEmbeddings.of(self.images, store), self.options, store.naming(self.say))
        if against is None:
            return ours, {}
        theirs = vision_scores(VisionEmbeddings.of(self.images, against), self.options, against.naming(self.say))
        return ours, compare_scores(ours, theirs)

    def save_figures(self, folder: Path, scores: dict[str, Result], comparisons: dict[str, Comparison]) -> None:
        save_score_figures(scores, folder / FOLDER, comparisons)
