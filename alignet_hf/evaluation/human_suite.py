"""The suite `human` of `alignet-hf evaluate`: an encoder beside what people say, from files to scores."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.evaluation.asked_of_people import AskedOfPeople
from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.explored_people import explore_people
from alignet_hf.evaluation.judged_images import Images
from alignet_hf.evaluation.on_people import People, compare, score
from alignet_hf.evaluation.page.explorer import Explorer
from alignet_hf.evaluation.page.photographs import label_of
from alignet_hf.evaluation.people_files import read_people
from alignet_hf.evaluation.score_files import save_score_figures
from alignet_hf.evaluation.triplet_files import save_triplets

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.store import EmbeddingStore


@dataclass
class HumanSuite:
    """An encoder beside what people say.

    Attributes:
        asked: which judgments, and how to compare.
        people: what is scored on, once it is read.
        explored: triplets for a reader to look through, where two encoders were compared.
    """

    asked: AskedOfPeople
    people: People | None = field(default=None, init=False)
    explored: Explorer | None = field(default=None, init=False)

    def read(self, note: Callable[[str], None]) -> None:
        """Open the images and read what people said of them.

        Raises:
            InputError: naming the file and what is wrong with it.
        """
        asked = self.asked
        self.sources = Images(asked.paths)
        given = {name: asked.given[name] for name in asked.wanted}
        self.people = read_people(given, self.sources, asked.reading, note)
        if asked.scoring.over is not None:
            self.people.check_over(asked.scoring.over)

    def scores(
        self, store: "EmbeddingStore", against: "EmbeddingStore | None", note: Callable[[str], None]
    ) -> tuple[dict, dict[str, Comparison]]:
        """Every score of an encoder, and its comparison with another's, not yet corrected for their number.

        Judgments of images that cannot be decoded, where they are skipped, are left out of both, and noted.
        """
        rows = self.people.rows
        ours = self.sources.embed(store, rows)
        undecodable = rows[np.isnan(ours[:, 0])]
        if len(undecodable):
            self.people, n_out = self.people.without(undecodable.tolist())
            ours = ours[np.searchsorted(rows, self.people.rows)]
            note(
                f"{n_out} judgments (triplets, and objects of matrices) name images that were skipped, and are left out"
            )
        found = score(ours, self.people, self.asked.scoring, note)
        if against is None:
            return found, {}
        theirs = self.sources.embed(against, self.people.rows)
        encoders = {"before": theirs, "after": ours}
        self.explored = explore_people(self.people, encoders, self.asked.scoring, self.sources.name)
        return found, compare(ours, theirs, self.people, self.asked.scoring)

    def save_figures(self, folder: Path, scores: dict, comparisons: dict[str, Comparison]) -> None:
        """Draw the scores, the calibrations and the comparisons; with another encoder, keep triplets for the page."""
        if self.explored is not None:
            names = {row: label_of(self.sources.name(row)) for row in np.unique(self.explored.triplets).tolist()}
            save_triplets(self.explored, self.sources, names, folder)
        save_score_figures(scores, folder, comparisons)

    @property
    def exclusions(self):
        """Of Levels: which participants and responses were left out; None without Levels, or where nobody says."""
        return None if self.people is None or self.people.levels is None else self.people.levels[0].exclusions
