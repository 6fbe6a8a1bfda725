"""The suite `human` of `alignet-hf evaluate`: an encoder beside what people say, from files to scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation import inputs
from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.judged_images import Images, image_paths
from alignet_hf.evaluation.on_people import People, Scoring, compare, score
from alignet_hf.evaluation.score_files import save_score_figures

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.store import EmbeddingStore


@dataclass
class HumanSuite:
    """People's judgments, where their images are, and how representations are compared with them.

    Args:
        images: of every data set that has none of its own.
        images_of: "levels=PATH" each.
        on: the data sets to score on, commas between; None for all that are given.
        given: data set -> its file, folder or Hub id.
        reading: how the files are read.
        scoring: how representations are compared.

    Attributes:
        people: what is scored on, once it is read.

    Raises:
        InputError: an option that nothing here uses, or a data set that is not given.
    """

    images: str | None
    images_of: Sequence[str]
    on: str | None
    given: Mapping[str, Path | str]
    reading: inputs.Reading
    scoring: Scoring
    people: People | None = field(default=None, init=False)

    def __post_init__(self):
        self.wanted = inputs.wanted_sets(self.on, self.given)
        inputs.check_reading(self.reading, self.wanted)
        _check_scoring(self.scoring, self.wanted)
        self.paths = image_paths(self.images, self.images_of, self.wanted)

    def read(self, note: Callable[[str], None]) -> None:
        """Open the images and read what people said of them.

        Raises:
            InputError: naming the file and what is wrong with it.
        """
        self.sources = Images(self.paths)
        self.people = inputs.read_people(
            {name: self.given[name] for name in self.wanted}, self.sources, self.reading, note
        )
        if self.scoring.over is not None:
            self.people.check_over(self.scoring.over)

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
        found = score(ours, self.people, self.scoring, note)
        if against is None:
            return found, {}
        theirs = self.sources.embed(against, self.people.rows)
        return found, compare(ours, theirs, self.people, self.scoring)

    def save_figures(self, folder: Path, scores: dict, comparisons: dict[str, Comparison]) -> None:
        """Draw the scores, the calibrations and the comparisons."""
        save_score_figures(scores, folder, comparisons)

    @property
    def exclusions(self):
        """Of Levels: which participants and responses were left out; None without Levels, or where nobody says."""
        return None if self.people is None or self.people.levels is None else self.people.levels[0].exclusions


def _check_scoring(scoring: Scoring, wanted: Sequence[str]) -> None:
    """Refuse options that nothing here would use."""
    default = Scoring()
    if not set(wanted) & set(inputs.RSA):
        for option, changed in (
            ("--correlation", scoring.correlation != default.correlation),
            ("--rsa-similarity", scoring.rsa_similarity != default.rsa_similarity),
        ):
            if changed:
                raise InputError(f"{option} is for similarity matrices (RSA), which none of {', '.join(wanted)} is")
    if scoring.temperature != default.temperature and "levels" not in wanted:
        raise InputError("--temperature is for calibration and uncertainty, which are scored on --levels")
    if scoring.over is not None and not scoring.n_bootstrap:
        raise InputError("--over: --n-bootstrap 0 leaves nothing to draw")
