"""What uncertainty distillation learns from: people's choices as hard labels, or their uncertainty as soft ones."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignet_hf.data.triplet_splits import distinct_triplets
from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.noise_ceiling import NoiseCeiling, noise_ceiling_of_most
from alignet_hf.surrogate.vice import Vice
from alignet_hf.triplets import is_correct, odd_one_last, validate_probabilities, validate_triplets

Labels = Literal["hard", "people", "vice", "given"]


@dataclass(frozen=True)
class Tally:
    """Distinct triplets and how many people chose each of their pairs.

    Attributes:
        triplets: (m, 3) int, most people's odd one last.
        counts: (m, 3) int, of the pairs [ij, ik, jk].
    """

    triplets: np.ndarray
    counts: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """(m, 3): the share of people that chose each pair."""
        return self.counts / self.counts.sum(1, keepdims=True)

    def predicted(self, similarities: np.ndarray) -> np.ndarray:
        """(m,): the share of each triplet's answers that similarities, (m, 3), predict; a tie predicts none."""
        return (self.shares * np.stack([is_correct(similarities, pair) for pair in range(3)], -1)).sum(1)

    def ceiling(self, **options) -> NoiseCeiling | None:
        """How well the others' majority predicts a person who is held out: `noise_ceiling_of_most`, with its options.

        None unless most triplets were judged by several.
        """
        # Answer by answer, the pair: 0, 1 or 2; 3 behind a triplet's last answer, and so position -1, no response.
        answers = np.arange(self.counts.sum(1).max())[None, :, None]
        pairs = (answers >= self.counts.cumsum(1)[:, None]).sum(2)
        return noise_ceiling_of_most(2 - pairs, **options)


def tally(choices) -> Tally:
    """Count the choices, (n, 3) int with the odd one last, a row a person's answer, by the three objects they name."""
    choices = validate_triplets(choices)
    if not len(choices):
        raise InputError("choices: there are none to count")
    triplets, group = distinct_triplets(choices)
    chosen_pair = 2 - (triplets[group] == choices[:, 2:]).argmax(1)  # leaves the odd one out
    counts = np.bincount(3 * group + chosen_pair, minlength=3 * len(triplets)).reshape(-1, 3)
    return Tally(*odd_one_last(triplets, counts))


def label(
    choices, labels: Labels, *, seed: int, probabilities=None, vice: dict | None = None, progress: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """Make the labels that `UncertaintyDistillation.fit` takes from people's choices, and from nothing else.

    Args:
        choices: (n, 3) int, the odd one last, a row a person's answer; several may judge the same triplet.
        labels: "hard", most people's choice of each triplet (equation 1), where they have one: two who disagree have
            made none together; "people", the share of people that chose each pair; "vice", the probabilities of a VICE
            fitted to these choices (equation 2); "given", the `probabilities`.
        seed: of VICE.
        probabilities: (n, 3), for "given" alone, of each choice's pairs [ij, ik, jk].
        vice: options for `Vice.fit`.

    Returns:
        Distinct triplets, (m, 3), and their probabilities, (m, 3), or None for "hard", which leaves out the triplets
        without a majority; of "given" every row.

    Raises:
        InputError: naming the row that cannot be used; labels "people" where each triplet was judged once,
            "hard" where no triplet has a majority.
    """
    counted = tally(choices)
    match labels:
        case "hard":
            decided = is_correct(counted.counts)  # the first pair alone has the most
            if not decided.any():
                raise InputError('labels: "hard" needs a triplet on which most people agree, and there is none')
            return counted.triplets[decided], None
        case "people":
            if counted.counts.sum(1).max() == 1:
                raise InputError('labels: "people" needs triplets that several people judged, but each was judged once')
            return counted.triplets, counted.shares
        case "vice":
            # Objects are numbered anew: those that no choice names, held-out ones say, are no part of the posterior.
            objects, local = np.unique(choices, return_inverse=True)
            posterior = Vice.fit(local.reshape(-1, 3), len(objects), seed=seed, progress=progress, **(vice or {}))
            local = np.searchsorted(objects, counted.triplets)
            return counted.triplets, posterior.triplet_probabilities(local, seed=seed)
        case "given":
            if probabilities is None:
                raise InputError('labels: "given" are probabilities of yours, but there are none')
            return choices, validate_probabilities(probabilities, len(choices))
        case _:
            raise InputError(f"labels: {labels!r} is not hard, people, vice or given")
