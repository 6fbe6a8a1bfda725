"""Triplets that people judged, for a reader to look through: a sample of each set of judgments, with every choice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from alignet_hf.data.images.classes import class_labels
from alignet_hf.errors import InputError
from alignet_hf.evaluation.on_people import People
from alignet_hf.evaluation.page.explorer import Explorer, explore, sample
from alignet_hf.evaluation.scoring import Scoring
from alignet_hf.triplets import odd_one_last


@dataclass(frozen=True)
class Judged:
    """The triplets of a set of judgments on which an encoder's choices are scored.

    Attributes:
        triplets: (n, 3) rows of the images, people's odd one last.
        shares: (n, 3) of people who found each pair [ij, ik, jk] the most similar; None where the data do not tell.
        levels: (n,) of Levels; None of other judgments.
    """

    triplets: np.ndarray
    shares: np.ndarray | None = None
    levels: np.ndarray | None = None


def judged_triplets(people: People) -> dict[str, Judged]:
    """The triplets of every set of judgments; of a matrix those that it implies, of Levels those with a majority."""
    found = {
        name: Judged(triplets)
        for name, triplets in (("choices", people.choices), ("things", people.things))
        if triplets is not None
    }
    for name, (matrices, rows) in people.matrices.items():
        triplets, shares = matrices.choices()
        found[name] = Judged(rows[triplets], shares if len(matrices.matrices) > 1 else None)
    if people.levels is not None:
        levels, start = people.levels
        _, decided = levels.majority_triplets()
        triplets, shares = odd_one_last(levels.indices[decided], levels.shares[decided])
        found["levels"] = Judged(triplets + start, shares, np.array(levels.levels)[decided])
    return {name: judged for name, judged in found.items() if len(judged.triplets)}


def explore_people(
    people: People, encoders: Mapping[str, np.ndarray], scoring: Scoring, name_of: Callable[[int], str]
) -> Explorer | None:
    """A sample of every set's triplets, each set with as much room as the others; None where there is no triplet.

    Args:
        encoders: name -> (len(people.rows), D) embeddings.
        scoring: whose similarity decides what an encoder chooses, and whose seed draws the sample.
        name_of: the name of the image at a row; where names tell classes, and a set has triplets of several levels,
            its levels are those of the classes. Levels brings its own.
    """
    sets = judged_triplets(people)
    if not sets:
        return None
    parts = [_explored(judged, people, encoders, scoring, name_of, len(sets)) for judged in sets.values()]
    sizes = [len(part.triplets) for part in parts]
    shares = [
        np.full((n, 3), np.nan) if part.shares is None else part.shares for part, n in zip(parts, sizes, strict=True)
    ]
    levels = [np.full(n, "") if part.levels is None else part.levels for part, n in zip(parts, sizes, strict=True)]
    return Explorer(
        np.concatenate([part.triplets for part in parts]),
        np.concatenate([part.odd for part in parts]),
        None if all(part.shares is None for part in parts) else np.concatenate(shares),
        None if all(part.levels is None for part in parts) else np.concatenate(levels),
        {name: np.concatenate([part.choices[name] for part in parts]) for name in encoders},
        sum(part.n_all for part in parts),
        np.repeat(list(sets), sizes) if len(sets) > 1 else None,
    )


def _explored(
    judged: Judged,
    people: People,
    encoders: Mapping[str, np.ndarray],
    scoring: Scoring,
    name_of: Callable[[int], str],
    n_sets: int,
) -> Explorer:
    rows = sample(judged.triplets, scoring.seed, n_sets)
    triplets = judged.triplets[rows]
    explored = explore(
        people.local(triplets),
        encoders,
        shares=None if judged.shares is None else judged.shares[rows],
        classes=_classes(triplets, people, name_of) if judged.levels is None else None,
        n_all=len(judged.triplets),
        similarity=scoring.similarity,
    )
    levels = judged.levels[rows] if judged.levels is not None else explored.levels
    if len(explored.level_names) == 1:  # all photographs of one folder, or each of a class of its own: nothing is told
        levels = None
    return replace(explored, triplets=people.rows[explored.triplets], levels=levels)


def _classes(triplets: np.ndarray, people: People, name_of: Callable[[int], str]) -> np.ndarray | None:
    """(len(people.rows),) the classes of the images of some triplets, "" of others; None where names tell none."""
    shown = np.unique(triplets)
    try:
        labels = class_labels([name_of(row) for row in shown.tolist()])
    except InputError:
        return None
    classes = np.full(len(people.rows), "", labels.dtype)
    classes[people.local(shown)] = labels
    return classes
