"""Pairwise ratings of similarity on a Likert scale, as in Peterson et al. 2016 and 2018 (Sec. A.2.2 of the paper)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.data.text import read_table
from alignet_hf.errors import InputError

COLUMNS = ("participant", "first", "second", "rating")
SCALE = (0.0, 10.0)  # "not similar at all" to "very similar"


@dataclass(frozen=True)
class Ratings:
    """How similar people rated pairs of N objects.

    Attributes:
        similarities: (people, N, N) float, symmetric: a person's mean rating of a pair, whichever came first; nan where
            the person did not rate it, and on the diagonal.
        names: the objects', sorted.
        participants: the people's.
        scale: its two ends.
    """

    similarities: np.ndarray
    names: tuple[str, ...]
    participants: tuple[str, ...]
    scale: tuple[float, float] = SCALE

    @property
    def counts(self) -> np.ndarray:
        """(N, N) int: how many people rated each pair."""
        return np.isfinite(self.similarities).sum(0)

    @property
    def complete(self) -> bool:
        """Whether everybody rated every pair, so that people can be kept apart."""
        return bool((np.isfinite(self.similarities) | np.eye(len(self.names), dtype=bool)).all())

    def mean(self) -> np.ndarray:
        """(N, N): the mean over the people who rated each pair; nan where nobody did, and on the diagonal."""
        total = np.nansum(self.similarities, 0)
        return np.divide(total, self.counts, out=np.full_like(total, np.nan), where=self.counts > 0)

    def dissimilarities(self, *, people_apart: bool = False) -> Dissimilarities:
        """Top of the scale - rating.

        Args:
            people_apart: a matrix a person, each of whom must have rated every pair; else one matrix, of the mean.

        Raises:
            InputError: naming a pair without a rating.
        """
        similarities = self.similarities if people_apart else self.mean()[None]
        unrated = ~np.isfinite(similarities) & ~np.eye(len(self.names), dtype=bool)
        if unrated.any():
            person, row, column = np.argwhere(unrated)[0]
            who = f"participant {self.participants[person]}" if people_apart else "nobody"
            verb = "did not rate" if people_apart else "rated"
            raise InputError(f"ratings: {who} {verb} {self.names[row]!r} and {self.names[column]!r}")
        return Dissimilarities.from_similarities(similarities, self.names, maximum=self.scale[1])


def read_ratings(
    path: str | Path,
    *,
    columns: tuple[str, str, str, str] = COLUMNS,
    scale: tuple[float, float] = SCALE,
    delimiter: str = ",",
) -> Ratings:
    """Read a table with a rating a row.

    Args:
        columns: what the table calls the participant, the two objects and the rating.
        scale: lowest and highest rating there is.

    Raises:
        InputError: naming the line whose rating is no number or off the scale.
    """
    ratings: dict[tuple[str, str, str], list[float]] = {}
    for line, row in read_table(path, columns, delimiter):
        participant, first, second, rating = (row[column] for column in columns)
        try:
            value = float(rating)
        except ValueError:
            value = np.nan
        if not scale[0] <= value <= scale[1]:
            raise InputError(f"{path}: line {line}: the rating {rating!r} is not one of {scale[0]:g} to {scale[1]:g}")
        if first != second:  # a rating of an object with itself is a check of attention
            ratings.setdefault((participant, *sorted((first, second))), []).append(value)
    if not ratings:
        raise InputError(f"{path}: holds no rating of two objects")
    participants = list(dict.fromkeys(participant for participant, _, _ in ratings))
    names = sorted({name for _, *pair in ratings for name in pair})
    person_of = {participant: person for person, participant in enumerate(participants)}
    row_of = {name: row for row, name in enumerate(names)}
    similarities = np.full((len(participants), len(names), len(names)), np.nan)
    for (participant, first, second), values in ratings.items():
        person, row, column = person_of[participant], row_of[first], row_of[second]
        similarities[person, row, column] = similarities[person, column, row] = np.mean(values)
    return Ratings(similarities, tuple(names), tuple(participants), scale)
