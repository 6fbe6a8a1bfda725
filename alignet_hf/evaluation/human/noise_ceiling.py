"""The noise ceiling: how well other people predict a person's odd-one-out choice."""

from dataclasses import dataclass

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means
from alignet_hf.evaluation.statistics import Result

CHANCE = 1 / 3
NO_RESPONSE = -1


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


def noise_ceiling(choices, *, n_bootstrap: int = 1000, seed: int = 0) -> NoiseCeiling:
    """Agreement of each held-out response with the majority of the others (Sec. 2.2.1, "Human-to-human alignment").

    Each response to a triplet is held out in turn; the ceiling is the mean over triplets of a triplet's mean agreement.
    Where k items tie for the majority of the others, agreement with one of them is 1/k: what a guess among them
    scores. Counting a tie as wrong would put people who answer at random below 1/3 and counting it as right above; with
    1/k they score 1/3, like every other accuracy here. (A model's tie is wrong, because a model that ties has
    collapsed; two against two of four people have not.)

    Args:
        choices: (n_triplets, n_people) int, the position in its triplet (0, 1 or 2) of the odd one out, -1 for no
            response. A triplet with fewer than two responses is left out: nobody predicts a lone response.
        n_bootstrap: draws over triplets for the interval. Responses to a triplet depend on each other and stay
            together in a draw.
        seed: of the draws.

    Returns:
        NoiseCeiling; chance is 1/3.

    Raises:
        InputError: another shape or type, a choice other than -1, 0, 1, 2, no triplet with two responses.
    """
    choices = validate_choices(choices)
    votes = (choices[..., None] == np.arange(3)).sum(1)  # (n_triplets, 3)
    votes = votes[votes.sum(1) >= 2]
    if not len(votes):
        raise InputError("choices: no triplet has two responses, so none can be compared with another")
    agreement = _agreement(votes)
    return NoiseCeiling.from_samples(
        "noise ceiling (leave one response out)",
        agreement.mean(),
        resampled_means(agreement, [Resampled(np.arange(len(votes)), len(votes))], n_bootstrap, seed),
        CHANCE,
        len(votes),
        unit="triplets",
        over=("triplets",),
        n_responses=int(votes.sum()),
    )


def _agreement(votes: np.ndarray) -> np.ndarray:
    """(n, 3) responses for each item -> (n,) mean agreement of a held-out response with the majority of the others."""
    others = votes[:, None] - np.eye(3, dtype=votes.dtype)  # [n, held-out item, item]
    majority = others == others.max(2, keepdims=True)
    expected = majority.diagonal(axis1=1, axis2=2) / majority.sum(2)  # (n, 3): 1/k where the held-out item is among k
    return (votes * expected).sum(1) / votes.sum(1)


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
