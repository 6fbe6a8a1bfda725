"""Multi-arrangement: from objects that people arranged in the plane, a few at a time, to dissimilarities.

Kriegeskorte & Mur 2012 (https://doi.org/10.3389/fpsyg.2012.00245): a trial's distances say how unlike its objects are,
up to a scale of the trial's own. The trials are brought to one scale and averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.distance import pdist, squareform

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.data.text import read_table
from alignet_hf.errors import InputError

COLUMNS = ("participant", "trial", "object", "x", "y")
# A distance on the screen is placed with an error that does not shrink with it: shorter ones weigh as this one.
SHORTEST = 0.2
_MAX_ROUNDS = 10_000


@dataclass(frozen=True)
class Arrangement:
    """One trial.

    Attributes:
        objects: (n,) int, which of the N objects were arranged, each once.
        positions: (n, 2) float, where they were put, in units in which the arena is about 1 wide.
    """

    objects: np.ndarray
    positions: np.ndarray


def combine_arrangements(
    trials: Sequence[Arrangement],
    n_objects: int,
    *,
    tolerance: float = 1e-8,
    what: str = "arrangements",
    names: Sequence[str] | None = None,
) -> np.ndarray:
    """One person's dissimilarities: the average of trials, weighted by evidence and scaled to match.

    A trial's distances are scaled so that their root mean square is that of the present average over the same pairs;
    the average weighs a distance by its square on the screen (the paper's "evidence weight"). The two steps repeat
    until the average stands still.

    Args:
        tolerance: how far the average may still move, as a sum of squares, its own being 1.
        what: named by errors.
        names: of the objects, for errors.

    Returns:
        (n_objects, n_objects) float64, symmetric, of root mean square 1.

    Raises:
        InputError: positions that are not finite, objects out of range or twice in a trial, a trial with all objects
            in one place, or a pair of objects that no trial has.
    """
    n_pairs = n_objects * (n_objects - 1) // 2
    distances = np.full((len(trials), n_pairs), np.nan)
    pair_of = squareform(np.arange(n_pairs)) if n_pairs else np.zeros((n_objects, n_objects), int)
    for number, trial in enumerate(trials):
        objects, positions = _checked(trial, n_objects, f"{what}: trial {number}")
        first, second = np.triu_indices(len(objects), 1)
        distances[number, pair_of[objects[first], objects[second]]] = pdist(positions)
    judged = ~np.isnan(distances)
    if not judged.any(0).all():
        pair = np.flatnonzero(~judged.any(0))[0]
        first, second = (
            f"object {objects[pair]}" if names is None else names[objects[pair]]
            for objects in np.triu_indices(n_objects, 1)
        )
        raise InputError(
            f"{what}: no trial has both {first} and {second}, so their distance is unknown; every pair has to be in a "
            "trial: leave out the person, or one of the objects"
        )

    distances = np.where(judged, distances, 0)
    weights = np.where(judged, np.maximum(distances, SHORTEST) ** 2, 0)
    average = _unit(distances.sum(0) / judged.sum(0))
    for _ in range(_MAX_ROUNDS):
        scales = np.sqrt((judged * average**2).sum(1)) / np.linalg.norm(distances, axis=1)
        previous, average = average, _unit((weights * distances * scales[:, None]).sum(0) / weights.sum(0))
        if ((average - previous) ** 2).sum() <= tolerance:
            return squareform(average * np.sqrt(n_pairs))
    raise InputError(f"{what}: no common scale after {_MAX_ROUNDS} rounds; the trials share too few pairs of objects")


def read_arrangements(path: str | Path, delimiter: str = ",") -> Dissimilarities:
    """Read a table of arrangements -> dissimilarities, people kept apart, the objects named and sorted by name.

    Args:
        path: a table with the columns participant, trial, object, x, y: where each object of a trial was put.

    Raises:
        InputError: naming the line, or the participant whose trials leave a pair of objects out.
    """
    trials: dict[str, dict[str, dict[str, tuple[float, float]]]] = {}
    for line, row in read_table(path, COLUMNS, delimiter):
        places = trials.setdefault(row["participant"], {}).setdefault(row["trial"], {})
        if row["object"] in places:
            raise InputError(f"{path}: line {line}: {row['object']!r} comes twice in trial {row['trial']}")
        try:
            places[row["object"]] = float(row["x"]), float(row["y"])
        except ValueError:
            raise InputError(f"{path}: line {line}: ({row['x']!r}, {row['y']!r}) is not a position") from None
    names = sorted({name for person in trials.values() for places in person.values() for name in places})
    if not names:
        raise InputError(f"{path}: holds no arrangement")
    row_of = {name: row for row, name in enumerate(names)}
    matrices = []
    for participant, person in trials.items():
        arrangements = [
            Arrangement(np.array([row_of[name] for name in places]), np.array(list(places.values())))
            for places in person.values()
        ]
        what = f"{path}: participant {participant}"
        matrices.append(combine_arrangements(arrangements, len(names), what=what, names=names))
    return Dissimilarities(np.stack(matrices), tuple(names))


def _checked(trial: Arrangement, n_objects: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    objects, positions = np.asarray(trial.objects), np.asarray(trial.positions, np.float64)
    if positions.shape != (len(objects), 2) or len(objects) < 2:
        raise InputError(f"{where}: expected a position (x, y) for each of two objects or more, got {positions.shape}")
    if not np.isfinite(positions).all():
        raise InputError(f"{where}: object {objects[~np.isfinite(positions).all(1)][0]} has no finite position")
    if len(set(objects.tolist())) != len(objects) or objects.min() < 0 or objects.max() >= n_objects:
        raise InputError(f"{where}: objects {objects.tolist()}; each must be 0 to {n_objects - 1}, and come once")
    if np.ptp(positions, 0).max() == 0:
        raise InputError(f"{where}: all objects are in one place; leave the trial out")
    return objects, positions


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
