"""Odd-one-out accuracy: the share of triplets in which a representation and people leave out the same item."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import binom
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means, validate_over
from alignet_hf.evaluation.human.measures import validate_similarity
from alignet_hf.evaluation.human.similarity import TIE, comparable_rows, similarity_matrix
from alignet_hf.evaluation.permutation import permutation_p_value
from alignet_hf.evaluation.statistics import Result
from alignet_hf.triplets import triplet_similarities, validate_embeddings, validate_similarities, validate_triplets

CHANCE = 1 / 3
UNITS = ("objects", "triplets", "people")
NO_PEOPLE = "who answered which triplet is not known; give people, one id a triplet"
MAX_MATRIX = 8192  # objects: beyond, the matrix of all similarities (512 MB) is not made
BLOCK = 2**16


def odd_one_out_accuracy(
    embeddings,
    triplets,
    *,
    similarity: str = "dot",
    over: str | Sequence[str] = "objects",
    people=None,
    ceiling: float | None = None,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int = 0,
) -> Result:
    """Score a representation on people's choices (Sec. 2.2 of the paper).

    Args:
        embeddings: (N, D) float, one row an item.
        triplets: (n, 3) int rows of `embeddings`; the last of each is the odd one that people chose.
        similarity: "dot", "cosine" or "pearson".
        over: what the interval is drawn over. "objects" where triplets share objects (THINGS); "triplets" where every
            triplet shows images of its own (Levels), as a draw of objects would then be far too wide; "people"; or
            people and one of the two, ("objects", "people").
        people: (n,) who answered each row, ids of any kind; needed for an interval over people.
        ceiling: what people score on these triplets, for the normalised score.
        n_bootstrap: draws for the interval.
        n_permutations: random exchanges of the representations among the objects for the p-value; 0 for none.
        seed: of the draws and exchanges.

    Returns:
        Result; a tie for the most similar pair counts as wrong, chance is 1/3.

    Raises:
        InputError: a triplet out of range or with an item twice, an entry that is not finite, no triplet at all, a row
            without a direction (cosine, pearson).
    """
    model = _Similarities(embeddings, triplets, similarity)
    correct = model.correct()
    result = _accuracy(
        correct, model.objects, over=over, people=people, ceiling=ceiling, n_bootstrap=n_bootstrap, seed=seed
    )
    if not n_permutations:
        return result
    rng = np.random.default_rng((seed, 2))
    permuted = [
        model.correct(rng.permutation(model.objects.size)).mean()
        for _ in tqdm(range(n_permutations), desc="permutations", disable=None)
    ]
    return replace(
        result, p_value=permutation_p_value(result.estimate, permuted), permuted=np.asarray(permuted, np.float64)
    )


def odd_one_out_accuracy_by_group(embeddings, triplets, groups: Sequence[str], **options) -> dict[str, Result]:
    """Score each group of triplets by itself: the abstraction levels of Levels, say.

    Args:
        embeddings, triplets, options: as in `odd_one_out_accuracy`; `people` is divided like the triplets, and a
            `ceiling` is {group: ceiling}.
        groups: (n,) the group of each triplet.

    Returns:
        {group: Result}, in the order in which the groups first appear.
    """
    triplets = np.asarray(triplets)
    people, ceilings = options.pop("people", None), options.pop("ceiling", None) or {}
    return {
        group: odd_one_out_accuracy(
            embeddings,
            triplets[rows],
            people=None if people is None else np.asarray(people)[rows],
            ceiling=ceilings.get(group),
            **options,
        )
        for group, rows in rows_by_group(groups, len(triplets)).items()
    }


def similarities_accuracy(
    similarities,
    triplets,
    *,
    over: str | Sequence[str] = "objects",
    people=None,
    ceiling: float | None = None,
    n_bootstrap: int = 1000,
    p_value: bool = False,
    seed: int = 0,
) -> Result:
    """Score a model's similarities of triplets on people's choices, where no representation is at hand.

    Args:
        similarities: (n, 3) float, [s_ij, s_ik, s_jk] of each triplet.
        triplets: (n, 3) int, the objects (i, j, k) of each; the last is the odd one that people chose.
        over, people, ceiling, n_bootstrap, seed: as in `odd_one_out_accuracy`.
        p_value: whether to test against all exchanges of the items within each triplet. Exact, but of triplets that
            share objects it takes as independent what is not; `odd_one_out_accuracy` exchanges objects instead.

    Raises:
        InputError: shapes that do not fit, a triplet with an object twice, an entry that is not finite.
    """
    similarities = validate_similarities(similarities)
    triplets = validate_triplets(triplets)
    if len(triplets) != len(similarities):
        raise InputError(f"there are {len(triplets)} triplets and {len(similarities)} rows of similarities")
    correct = _first_is_largest(*similarities.T)
    result = _accuracy(
        correct,
        Resampled.of(triplets),
        over=over,
        people=people,
        ceiling=ceiling,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    if not p_value:
        return result
    # An exchange makes each item the odd one a third of the time; a tie is wrong whatever the exchange.
    ordered = np.sort(similarities, 1)
    untied = int((ordered[:, 2] > ordered[:, 1]).sum())
    return replace(result, p_value=float(binom.sf(correct.sum() - 1, untied, 1 / 3)))


def model_similarities(embeddings, triplets, similarity: str = "dot") -> np.ndarray:
    """[s_ij, s_ik, s_jk] of every triplet -> (n, 3) float64, for what compares two models or wants probabilities."""
    model = _Similarities(embeddings, triplets, similarity)
    return np.concatenate([np.stack(model.of(block), 1) for block in model.blocks()])


def rows_by_group(groups: Sequence[str], n_rows: int) -> dict[str, np.ndarray]:
    """{group: its rows}, in order of appearance."""
    groups = np.asarray(groups)
    if groups.shape != (n_rows,):
        raise InputError(f"groups: expected one for each of {n_rows} rows, got an array of shape {groups.shape}")
    return {group: np.flatnonzero(groups == group) for group in dict.fromkeys(groups.tolist())}


class _Similarities:
    """A model's similarities of triplets, looked up in one matrix where the objects are few enough."""

    def __init__(self, embeddings, triplets, similarity: str):
        validate_similarity(similarity)
        embeddings = validate_embeddings(embeddings)
        triplets = validate_triplets(triplets, len(embeddings))
        if not len(triplets):
            raise InputError("triplets: there are none to score")
        self.tie, self.objects = TIE[similarity], Resampled.of(triplets)
        used = np.zeros(len(embeddings), bool)
        used[triplets] = True
        self.matrix = self.rows = None
        if self.objects.size <= MAX_MATRIX:
            self.matrix = similarity_matrix(embeddings[used], similarity).ravel()
        else:
            self.rows = comparable_rows(embeddings[used], similarity)

    def blocks(self):
        local = self.objects.members
        return (local[start : start + BLOCK] for start in range(0, len(local), BLOCK))

    def of(self, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.matrix is None:
            return tuple(triplet_similarities(self.rows, local).T)
        i, j, k = local.T
        row = i * self.objects.size
        return self.matrix.take(row + j), self.matrix.take(row + k), self.matrix.take(j * self.objects.size + k)

    def correct(self, exchange: np.ndarray | None = None) -> np.ndarray:
        """(n,) bool; with `exchange` (n_objects,), every object answers with another's representation."""
        blocks = self.blocks() if exchange is None else (exchange[block] for block in self.blocks())
        return np.concatenate([_first_is_largest(*self.of(block), tie=self.tie) for block in blocks])


def _first_is_largest(s_ij: np.ndarray, s_ik: np.ndarray, s_jk: np.ndarray, tie: float = 0.0) -> np.ndarray:
    return s_ij - np.maximum(s_ik, s_jk) > tie


def triplet_units(objects: Resampled, over: tuple[str, ...], people) -> list[Resampled]:
    """What the draws over triplets draw: their objects or they themselves, and people."""
    n_triplets = len(objects.members)
    units = []
    if "objects" in over:
        units.append(objects)
    if "triplets" in over:
        units.append(Resampled(np.arange(n_triplets), n_triplets))
    if "people" in over:
        people = np.asarray(people)
        if people.shape != (n_triplets,):
            raise InputError(f"people: expected one id for each of {n_triplets} triplets, got shape {people.shape}")
        units.append(Resampled.of(people))
    return units


def _accuracy(correct: np.ndarray, objects: Resampled, *, over, people, ceiling, n_bootstrap: int, seed: int) -> Result:
    over = validate_over(over, UNITS, "" if people is not None else NO_PEOPLE)
    return Result.from_samples(
        "odd-one-out accuracy",
        correct.mean(),
        resampled_means(correct, triplet_units(objects, over, people), n_bootstrap, seed),
        CHANCE,
        objects.size,
        ceiling=ceiling,
        over=over,
    )
