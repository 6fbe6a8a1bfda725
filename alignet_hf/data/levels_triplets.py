"""From participants' responses to triplets: choice counts, majority, uncertainty and response times (Sec. A.3)."""

import math
from collections.abc import Sequence

import numpy as np

from alignet_hf.data.levels_design import LEVELS, level_of
from alignet_hf.data.levels_exclusions import MAX_RT, Exclusions
from alignet_hf.data.levels_responses import Participant, Response
from alignet_hf.errors import InputError


def triplet_columns(participants: Sequence[Participant], exclusions: Exclusions) -> dict[str, list]:
    """The responses of the participants who stay, by triplet, sorted by the triplets' file names.

    Args:
        participants, exclusions: as `exclude` returns them.

    Returns:
        The columns of `LevelsDataset`.

    Raises:
        InputError: there is no response.
    """
    sharing = set(exclusions.sharing)
    # Whoever was shown the same images in another arrangement judged the same triplet.
    by_triplet: dict[tuple[str, ...], list[tuple[str, Response]]] = {}
    for participant in participants:
        for response in participant.responses:
            if response.choice is not None:
                by_triplet.setdefault(tuple(sorted(response.filenames)), []).append((participant.name, response))
    if not by_triplet:
        raise InputError("levels: the participants who stay gave no response")
    rows = [_row(responses, sharing) for _, responses in sorted(by_triplet.items())]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(responses: list[tuple[str, Response]], sharing: set[str]) -> dict:
    filenames = responses[0][1].filenames
    choices = [filenames.index(response.filenames[response.choice]) for _, response in responses]
    counts = [choices.count(item) for item in range(3)]
    own = [choice for choice, (name, _) in zip(choices, responses, strict=True) if name not in sharing]
    times = [
        response.response_time if name not in sharing and response.response_time <= MAX_RT else None
        for name, response in responses
    ]
    logs = [math.log(time) for time in times if time is not None]
    return {
        "filenames": list(filenames),
        "level": LEVELS.index(level_of(filenames)),
        "participants": [name for name, _ in responses],
        "choices": choices,
        "response_times": times,
        "counts": counts,
        "majority": majority_of(counts),
        "entropy": choice_entropy([own.count(item) for item in range(3)]) if len(own) > 1 else None,
        "mean_log_rt": sum(logs) / len(logs) if logs else None,
    }


def majority_of(counts: Sequence[int]) -> int | None:
    """The position that most chose, of the counts of each; None on a tie."""
    return counts.index(max(counts)) if counts.count(max(counts)) == 1 else None


def choice_entropy(counts: Sequence[int]) -> float:
    """Shannon entropy of choices, in nats: 0 where all agree, log 3 where each item has a third of them."""
    shares = np.array([count for count in counts if count]) / sum(counts)
    return float(np.sum(shares * np.log(1 / shares)))
