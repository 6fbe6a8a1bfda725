"""Everything that people said about images, as one set of judgments, and every score of an encoder on them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from alignet_hf.data.levels import LevelsDataset
from alignet_hf.data.similarity_matrices import MIN_STIMULI, Dissimilarities
from alignet_hf.data.similarity_sets import PETERSON_COARSE, PETERSON_FINE
from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import over_if_drawn
from alignet_hf.evaluation.comparison import Comparison, compare_models, compare_results
from alignet_hf.evaluation.human import calibration, responses, rsa
from alignet_hf.evaluation.human.calibration import Calibration
from alignet_hf.evaluation.human.noise_ceiling import noise_ceiling_of_most
from alignet_hf.evaluation.human.odd_one_out import model_similarities, odd_one_out_accuracy
from alignet_hf.evaluation.human.scores import score_on_levels, score_on_people
from alignet_hf.evaluation.scoring import Scoring
from alignet_hf.evaluation.statistics import Result, mean_result

PETERSON = "peterson"
ACCURACY_UNITS = ("objects", "triplets")


@dataclass(frozen=True)
class People:
    """Judgments of images; what there is none of is None.

    Attributes:
        choices: (n, 3) rows of the images, people's odd one last.
        things: (m, 3) the same, for THINGS: rows of the images that show the concepts.
        matrices: set of judgments -> dissimilarities, and the row of each object's image. "peterson/fruits" is a
            category of Peterson's.
        levels: Levels, and the row at which its image source begins.
    """

    choices: np.ndarray | None = None
    things: np.ndarray | None = None
    matrices: dict[str, tuple[Dissimilarities, np.ndarray]] = field(default_factory=dict)
    levels: tuple[LevelsDataset, int] | None = None

    @cached_property
    def rows(self) -> np.ndarray:
        """The images that anybody judged, sorted: the ones to embed."""
        judged = [triplets for triplets in (self.choices, self.things) if triplets is not None]
        judged += [rows for _, rows in self.matrices.values()]
        if self.levels is not None:
            dataset, start = self.levels
            judged.append(dataset.indices + start)
        return np.unique(np.concatenate([np.ravel(rows) for rows in judged]))

    def without(self, lost: np.ndarray) -> tuple["People", int]:
        """The judgments that name none of some images, and how many that leaves out: triplets, and objects of matrices.

        Args:
            lost: (k,) rows of the images.

        Raises:
            InputError: a set of which too little is left, naming it.
        """
        n_out, found = 0, {"matrices": {}}
        for name in ("choices", "things"):
            triplets = getattr(self, name)
            if triplets is not None:
                kept = _naming_none_of(lost, triplets, name)
                n_out += len(triplets) - len(kept)
                found[name] = triplets[kept]
        for name, (matrices, rows) in self.matrices.items():
            kept = np.flatnonzero(~np.isin(rows, lost))
            if len(kept) < MIN_STIMULI:
                raise InputError(
                    f"{name}: images of {len(kept)} objects can be decoded; at least {MIN_STIMULI} are needed"
                )
            n_out += len(rows) - len(kept)
            found["matrices"][name] = matrices.of(kept), rows[kept]
        if self.levels is not None:
            levels, start = self.levels
            kept = _naming_none_of(lost, levels.indices + start, "levels")
            n_out += len(levels) - len(kept)
            found["levels"] = levels.at(kept), start
        return People(**found), n_out

    def local(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the images -> rows of the embeddings of `self.rows`."""
        return np.searchsorted(self.rows, rows)

    def check_over(self, over: tuple[str, ...]) -> None:
        """Check that every set of judgments has a score that can be drawn so.

        Raises:
            InputError: naming the set, and what its scores can be drawn over.
        """
        possible = {name: [ACCURACY_UNITS] for name in ("choices", "things")}
        possible |= {
            name: [ACCURACY_UNITS, rsa.UNITS if len(matrices.matrices) > 1 else ("objects",)]
            for name, (matrices, _) in self.matrices.items()
        }
        possible["levels"] = [ACCURACY_UNITS, responses.UNITS, calibration.UNITS]
        given = {"choices": self.choices, "things": self.things, "levels": self.levels, **self.matrices}
        for name, judgments in given.items():
            if judgments is not None and not any(set(over) <= set(units) for units in possible[name]):
                units = dict.fromkeys(unit for units in possible[name] for unit in units)
                raise InputError(
                    f"over {','.join(over)}: no score on {name} can be drawn so; its scores are drawn over "
                    f"{', '.join(units)}"
                )


def _naming_none_of(lost: np.ndarray, triplets: np.ndarray, name: str) -> np.ndarray:
    kept = np.flatnonzero(~np.isin(triplets, lost).any(1))
    if not len(kept):
        raise InputError(f"{name}: no triplet is left: each names an image that cannot be decoded")
    return kept


def score(
    embeddings: np.ndarray, people: People, scoring: Scoring, note: Callable[[str], None] | None = None
) -> dict[str, Result | Calibration]:
    """Every score of (len(people.rows), D) embeddings, by its name: DATA_MEASURE or DATA_MEASURE/PART.

    Args:
        note: called with why a score of Levels is left out; None to raise instead.
    """
    scores: dict[str, Result | Calibration] = {}
    for name, triplets in (("choices", people.choices), ("things", people.things)):
        if triplets is not None:
            scores[f"{name}_odd_one_out_accuracy"] = odd_one_out_accuracy(
                embeddings,
                people.local(triplets),
                similarity=scoring.similarity,
                over=over_if_drawn(scoring.over, ACCURACY_UNITS, "objects"),
                **scoring.draws,
            )
    for number, name in enumerate(people.matrices):
        scores |= _scores_on_matrices(embeddings, people, name, number, scoring)
    scores |= _peterson_means(scores)
    if people.levels is not None:
        scores |= _scores_on_levels(embeddings, people, scoring, note)
    return scores


def _scores_on_matrices(
    embeddings: np.ndarray, people: People, name: str, number: int, scoring: Scoring
) -> dict[str, Result]:
    matrices, rows = people.matrices[name]
    draws = scoring.draws
    if "/" in name:  # sets whose mean is asked for are drawn independently
        draws["seed"] = int(np.random.SeedSequence((scoring.seed, number)).generate_state(1)[0])
    found = score_on_people(
        embeddings[people.local(rows)],
        matrices,
        similarity=scoring.similarity,
        rsa_similarity=scoring.rsa_similarity,
        correlation=scoring.correlation,
        over=scoring.over,
        **draws,
    )
    return {_on(name, kind): one for kind, one in found.items()}


def _on(name: str, measure: str) -> str:
    """The name of a measure on a set of matrices: "peterson/fruits" and "rsa" make "peterson_rsa/fruits"."""
    family, slash, part = name.partition("/")
    return f"{family}_{measure}{slash}{part}"


def _peterson_means(scores: dict[str, Result | Calibration]) -> dict[str, Result]:
    """The paper's two levels of Peterson's sets: "various" is coarse-grained, the mean of the others fine-grained."""
    means = {}
    for name, one in scores.items():
        kind, _, category = name.partition("/")
        fine = [f"{kind}/{other}" for other in PETERSON_FINE]
        if kind.startswith(PETERSON) and category == PETERSON_COARSE and set(fine) <= set(scores):
            means[f"{kind}/coarse"] = one
            means[f"{kind}/fine"] = mean_result(
                f"{one.name}, mean of {len(fine)} categories", [scores[name] for name in fine]
            )
    return means


def _scores_on_levels(
    embeddings: np.ndarray, people: People, scoring: Scoring, note: Callable[[str], None] | None
) -> dict[str, Result | Calibration]:
    levels, start = people.levels
    times = levels.response_time_matrix()
    by_kind = score_on_levels(
        embeddings,
        people.local(levels.indices + start),
        levels.levels,
        levels.choice_matrix(),
        times if np.isfinite(times).any() else None,
        people=levels.participant_matrix(),
        similarity=scoring.similarity,
        temperature=scoring.temperature,
        over=scoring.over,
        note=note,
        **scoring.draws,
    )
    by_kind["odd_one_out_accuracy"] = _accuracy_by_level(embeddings, people, scoring)
    return {f"levels_{kind}/{level}": one for kind, found in by_kind.items() for level, one in found.items()}


def _accuracy_by_level(embeddings: np.ndarray, people: People, scoring: Scoring) -> dict[str, Result]:
    """The paper's score (Tab. 3): agreement with the majority of each triplet that has one.

    The ceiling is a held-out person's, on the same triplets, where several people judged most of them.
    """
    choices = people.levels[0].choice_matrix()
    found = {}
    for level, (triplets, rows, n_all) in _majority_by_level(people).items():
        ceiling = noise_ceiling_of_most(choices[rows], n_bootstrap=0)
        one = odd_one_out_accuracy(
            embeddings,
            people.local(triplets),
            similarity=scoring.similarity,
            over=over_if_drawn(scoring.over, ACCURACY_UNITS, "triplets"),
            ceiling=None if ceiling is None else ceiling.estimate,
            **scoring.draws,
        )
        found[level] = replace(one, name=f"{one.name} on {len(rows)} of {n_all} triplets, those with a majority,")
    return found


def _majority_by_level(people: People) -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    """Of each level the triplets on which a majority agrees, and which of how many they are.

    Returns:
        {level: ((n, 3) rows of the images, the odd one last; (n,) rows of Levels; how many triplets the level has)}.
    """
    levels, start = people.levels
    triplets, rows = levels.majority_triplets()
    names = np.array(levels.levels)
    found = {}
    for level in dict.fromkeys(levels.levels):
        of_level = names[rows] == level
        if of_level.any():
            found[level] = triplets[of_level] + start, rows[of_level], int((names == level).sum())
    return found


def compare(first: np.ndarray, second: np.ndarray, people: People, scoring: Scoring) -> dict[str, Comparison]:
    """The paired comparison of two encoders' embeddings on each set of choices, and of their RSA on matrices.

    The choices that matrices imply have no McNemar test: a matrix of 92 objects makes 125,580 triplets of them, which
    it would take for as many independent answers.
    """
    models = (first, second)
    sets = {"choices_odd_one_out_accuracy": people.choices, "things_odd_one_out_accuracy": people.things}
    implied = {
        _on(name, "odd_one_out_accuracy"): rows[matrices.choices(range(matrices.n_objects))[0]]
        for name, (matrices, rows) in people.matrices.items()
    }
    sets |= implied
    if people.levels is not None:
        levels = _majority_by_level(people)
        sets |= {f"levels_odd_one_out_accuracy/{level}": triplets for level, (triplets, *_) in levels.items()}
    found = {}
    for name, triplets in sets.items():
        if triplets is not None:
            local = people.local(triplets)
            default = "triplets" if name.startswith("levels_") else "objects"  # each of Levels' shows images of its own
            found[name] = compare_models(
                *(model_similarities(embeddings, local, scoring.similarity) for embeddings in models),
                local,
                over=over_if_drawn(scoring.over, ACCURACY_UNITS, default),
                n_bootstrap=scoring.n_bootstrap,
                seed=scoring.seed,
            )
    found |= {name: replace(found[name], p_mcnemar=None) for name in implied}
    for name, (matrices, rows) in people.matrices.items():
        measure = f"rsa_{scoring.correlation}"
        targets = {measure: (-matrices.mean(), ("objects",))}
        if len(matrices.matrices) > 1:
            targets[f"{measure}_by_person"] = -matrices.matrices, rsa.UNITS
        for kind, (target, units) in targets.items():
            results = [
                rsa.rsa(
                    embeddings[people.local(rows)],
                    target,
                    correlation=scoring.correlation,
                    similarity=scoring.rsa_similarity,
                    over=over_if_drawn(scoring.over, units, "objects"),
                    n_bootstrap=scoring.n_bootstrap,
                    seed=scoring.seed,
                )
                for embeddings in models
            ]
            found[_on(name, kind)] = compare_results(*results)
    return found
