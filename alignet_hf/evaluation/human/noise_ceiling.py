"""The noise ceiling: how well other people predict a person's odd-one-out choice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means, validate_over
from alignet_hf.evaluation.statistics import Result

CHANCE = 1 / 3
NO_RESPONSE = -1
UNITS = ("triplets", "people")


@dataclass(frozen=True)
class NoiseCeiling(Result):
    """A Result over triplets: `n_objects` counts the triplets with at least two responses.

    Attributes:
        n_responses: how many responses were held out, each once.
    """

    n_responses: int = 0

    def to_dict(self) -> dict:
        """As `Result.to_dict`, with n_responses."""
        return {**super().to_dict(), "n_responses": self.n_responses}

    def _counted(self) -> str:
        return f"{super()._counted()} with {self.n_responses} responses"


def noise_ceiling(
    choices, *, over: str | Sequence[str] = "triplets", people=None, n_bootstrap: int = 1000, seed: int = 0
) -> NoiseCeiling:
    """Agreement of each held-out response with the majority of the others (Sec. 2.2.1, "Human-to-human alignment").

    Each response to a triplet is held out in turn; the ceiling is the mean over triplets of a triplet's mean agreement.
    Where k items tie for the majority of the others, agreement with one of them is 1/k: what a guess among them
    scores. Counting a tie as wrong would put people who answer at random below 1/3 and counting it as right above; with
    1/k they score 1/3, like every other accuracy here. (A model's tie is wrong, because a model that ties has
    collapsed; two against two of four people have not.)

    Args:
        choices: (n_triplets, n_people) int, the position in its triplet (0, 1 or 2) of the odd one out, -1 for no
            response. A triplet with fewer than two responses is left out: nobody predicts a lone response.
        over: what the interval is drawn over: "triplets", whose responses depend on each other and stay together,
            "people" or both. A draw of people weighs the responses that are held out, never the others who predict
            them: somebody drawn twice would predict himself.
        people: (n_triplets, n_people) who gave each response, ids of any kind; without it each column is a person.
        n_bootstrap: draws for the interval.
        seed: of the draws.

    Returns:
        NoiseCeiling; chance is 1/3.

    Raises:
        InputError: another shape or type, a choice other than -1, 0, 1, 2, no triplet with two responses.
    """
    choices = validate_choices(choices)
    over = validate_over(over, UNITS)
    votes = (choices[..., None] == np.arange(3)).sum(1)  # (n_triplets, 3)
    kept = votes.sum(1) >= 2
    if not kept.any():
        raise InputError("choices: no triplet has two responses, so none can be compared with another")
    row, column = np.nonzero((choices != NO_RESPONSE) & kept[:, None])
    agreement = _agreement(votes)[row, choices[row, column]]
    units = response_units(row, column, over, people, choices.shape)
    weight = 1 / votes.sum(1)[row]
    means = resampled_means(np.stack([agreement * weight, weight], 1), units, n_bootstrap, seed)
    of_triplet = np.bincount(row, agreement, len(votes))[kept] / votes.sum(1)[kept]
    return NoiseCeiling.from_samples(
        "noise ceiling (leave one response out)",
        of_triplet.mean(),
        means[:, 0] / means[:, 1],
        CHANCE,
        int(kept.sum()),
        unit="triplets",
        over=over,
        n_responses=len(row),
    )


def noise_ceiling_of_most(choices, **options) -> NoiseCeiling | None:
    """`noise_ceiling`, with its options, where most of the triplets that anybody judged were judged by several.

    None elsewhere: the few that were would not stand for the others.
    """
    n_responses = (validate_choices(choices) != NO_RESPONSE).sum(1)
    if 2 * (n_responses >= 2).sum() <= (n_responses >= 1).sum():
        return None
    return noise_ceiling(choices, **options)


def response_units(
    row: np.ndarray, column: np.ndarray, over: tuple[str, ...], people, shape: tuple[int, int]
) -> list[Resampled]:
    """What the draws over responses draw: the triplets they belong to, the people who gave them, or both.

    Args:
        row, column: (m,) the place of each response in a table of responses.
        over: units.
        people: ids, of the table's `shape`; None where a column is a person.
    """
    units = [Resampled.of(row)] if "triplets" in over else []
    if "people" in over:
        if people is not None and np.shape(people) != shape:
            raise InputError(f"people: expected an id for each response, shape {shape}, got {np.shape(people)}")
        units.append(Resampled.of(column if people is None else np.asarray(people)[row, column]))
    return units


def _agreement(votes: np.ndarray) -> np.ndarray:
    """(n, 3) responses for each item -> (n, 3) how a held-out response, by its item, agrees with the others' majority.

    1/k where the item is one of k that most of the others chose.
    """
    others = votes[:, None] - np.eye(3, dtype=votes.dtype)  # [n, held-out item, item]
    majority = others == others.max(2, keepdims=True)
    return majority.diagonal(axis1=1, axis2=2) / majority.sum(2)


def validate_choices(choices) -> np.ndarray:
    """Check positions of odd ones out -> (n_triplets, n_people) int.

    Raises:
        InputError: naming the row and the person.
    """
    choices = np.asarray(choices)
    if choices.ndim != 2 or 0 in choices.shape:
        raise InputError(f"choices: expected an array of shape (triplets, people), got {choices.shape}")
    if not np.issubdtype(choices.dtype, np.integer):
        raise InputError(f"choices: positions in a triplet must be integers, got {choices.dtype}")
    bad = np.argwhere((choices < NO_RESPONSE) | (choices > 2))
    if len(bad):
        row, person = bad[0]
        raise InputError(
            f"choices: row {row}, person {person} holds {choices[row, person]}; it must be 0, 1 or 2, the position of "
            "the odd one out, or -1 for no response"
        )
    return choices
