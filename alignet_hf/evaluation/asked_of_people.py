"""What the command line asks of people's judgments: which, where their images are, and how to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.evaluation.inputs import RSA, Reading, check_reading, image_paths, wanted_sets
from alignet_hf.evaluation.scoring import Scoring


@dataclass(frozen=True)
class AskedOfPeople:
    """People's judgments, where their images are, and how representations are compared with them.

    Args:
        images: of every data set that has none of its own.
        images_of: "levels=PATH" each.
        on: the data sets to score on, commas between; None for all that are given.
        given: data set -> its file, folder or Hub id.
        reading: how the files are read.
        scoring: how representations are compared.

    Attributes:
        wanted: the data sets to score on.
        paths: where the images of each are.

    Raises:
        InputError: an option that nothing here uses, or a data set that is not given.
    """

    images: str | None
    images_of: Sequence[str]
    on: str | None
    given: Mapping[str, Path | str]
    reading: Reading
    scoring: Scoring

    def __post_init__(self):
        check_reading(self.reading, self.wanted)
        _check_scoring(self.scoring, self.wanted)
        _ = self.paths

    @cached_property
    def wanted(self) -> list[str]:
        return wanted_sets(self.on, self.given)

    @cached_property
    def paths(self) -> dict[str, str]:
        return image_paths(self.images, self.images_of, self.wanted)


def _check_scoring(scoring: Scoring, wanted: Sequence[str]) -> None:
    """Refuse options that nothing here would use."""
    default = Scoring()
    if not set(wanted) & set(RSA):
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
