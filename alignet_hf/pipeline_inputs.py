"""What a run is about: its images, what people said of them, and which of them a student is distilled on."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np

from alignet_hf.data.images import CachedImages, ConcatImages, SomeImages, image_names, images_fingerprint
from alignet_hf.data.judgments import Judgments
from alignet_hf.errors import InputError
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe import Recipe
from alignet_hf.stages import fingerprint

UNDECODABLE = "undecodable.json"


class RunInputs:
    """What a recipe reads, opened when it is first asked for."""

    with_training = True  # whether it reads the judgments that the surrogate learns from

    def __init__(self, recipe: Recipe, out: Path):
        self.recipe, self.out = recipe, out

    @cached_property
    def sources(self) -> ConcatImages:
        """The recipe's photographs, then the extra ones, as they lie there."""
        extra = self.recipe.images.extra
        return ConcatImages([self.source, open_images(extra)] if extra else [self.source])

    @cached_property
    def source(self):
        """The recipe's photographs that people judged, among others perhaps, as they lie there."""
        return open_images(self.recipe.images.source)

    @property
    def undecodable(self) -> np.ndarray:
        """Rows of the sources that the stage `images` found undecodable."""
        found = json.loads((self.out / UNDECODABLE).read_text(encoding="utf-8")) if self.skips_images else {}
        return np.array(sorted(map(int, found)), np.int64)

    @cached_property
    def images(self) -> ConcatImages | SomeImages:
        """The sources' photographs without those that the stage `images` found undecodable: the run's rows."""
        kept = np.setdiff1d(np.arange(len(self.sources)), self.undecodable)
        return SomeImages(self.sources, kept) if len(kept) < len(self.sources) else self.sources

    @cached_property
    def judged_images(self):
        """The run's images of the source; the extra ones, which nobody judged, come after them."""
        kept = np.setdiff1d(np.arange(len(self.source)), self.undecodable)
        return SomeImages(self.source, kept) if len(kept) < len(self.source) else self.source

    @property
    def skips_images(self) -> bool:
        return self.recipe.images.on_bad == "skip"

    @cached_property
    def images_fingerprint(self) -> str:
        return fingerprint(images_fingerprint(self.sources), self.skips_images)

    @cached_property
    def judgments_of_all(self) -> Judgments:
        """Over the rows of the source, as if every photograph were whole."""
        return read_judgments(self.recipe, image_names(self.source), with_training=self.with_training)

    @cached_property
    def judgments(self) -> Judgments:
        """Over the run's rows: without those of photographs that cannot be decoded."""
        lost = self.undecodable[self.undecodable < len(self.source)]
        if not len(lost):
            return self.judgments_of_all
        options = {"with_training": self.with_training, "without": lost}
        return read_judgments(self.recipe, image_names(self.source), **options)

    @cached_property
    def distill_rows(self) -> np.ndarray:
        """The images to distil on: the extra ones alone if so asked; else all but the held-out ones, and where people
        judged concepts, all.

        In no way does the student meet a held-out judgment. Photographs that stand for concepts belong to a larger set
        that the surrogate may label like any other.
        """
        rows, options = np.arange(len(self.images)), self.recipe.images
        if options.distill_on == "extra":
            rows = rows[len(self.judged_images) :]
        elif not self.recipe.human.triplets:
            rows = np.setdiff1d(rows, self.judgments.held_out_rows)
        if options.n_distill is None:
            return rows
        if options.n_distill > len(rows):
            raise InputError(f"images.n_distill is {options.n_distill}, but there are {len(rows)} images; lower it")
        # The first of one order, so that of two numbers the smaller one's images are among the larger one's.
        return np.sort(np.random.default_rng(self.recipe.seed).permutation(rows)[: options.n_distill])

    @cached_property
    def student_images(self):
        """The images as the student's training reads them: from the cache, where there is one."""
        cache = self.recipe.images.cache
        return self.images if cache is None else CachedImages(cache)
