"""Agreement of a model with every single response, where several people answered each triplet."""

from collections.abc import Sequence

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.bootstrap import Resampled, resampled_means, validate_over
from alignet_hf.evaluation.human.noise_ceiling import (
    CHANCE,
    NO_RESPONSE,
    UNITS,
    noise_ceiling_of_most,
    response_units,
    validate_choices,
)
from alignet_hf.evaluation.human.odd_one_out import rows_by_group
from alignet_hf.evaluation.permutation import permutation_p_value
from alignet_hf.evaluation.statistics import Result
from alignet_hf.triplets import odd_one_out, validate_similarities


def response_accuracy(
    similarities,
    choices,
    *,
    over: str | Sequence[str] = "triplets",
    people=None,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int = 0,
) -> Result:
    """The mean over triplets of the share of people who leave out the item that the model leaves out.

    Its ceiling is `noise_ceiling_of_most`, which measures a held-out person in the same way. Accuracy on the majority's
    choices is another score and has another ceiling: a majority is steadier than a person.

    Args:
        similarities: (n, 3) the model's [s_ij, s_ik, s_jk]; a tie agrees with nobody.
        choices: (n, people) int, the position of the odd one out, -1 for no response, or n lists of responses.
        over: what the interval is drawn over: "triplets", "people" or both.
        people: (n, people) who gave each response, ids of any kind; without it each column of `choices` is a person. In
            a draw of people, a response weighs one by the number of its triplet's responses.
        n_bootstrap: draws for the interval.
        n_permutations: random exchanges of the items within each triplet for the p-value; 0 for none.
        seed: of the draws and exchanges.

    Raises:
        InputError: shapes that do not fit, a choice other than -1, 0, 1, 2, no response at all.
    """
    similarities = validate_similarities(similarities)
    choices = validate_choices(choice_table(choices))
    if len(choices) != len(similarities):
        raise InputError(f"there are {len(choices)} rows of choices and {len(similarities)} rows of similarities")
    over = validate_over(over, UNITS)
    kept = (choices != NO_RESPONSE).any(1)
    if not kept.any():
        raise InputError("choices: there is no response")
    ordered = np.sort(similarities, 1)
    answer = np.where(ordered[:, 2] > ordered[:, 1], odd_one_out(similarities), NO_RESPONSE - 1)
    row, column = np.nonzero(choices != NO_RESPONSE)
    triplets = Resampled.of(row)
    weight = 1 / np.bincount(triplets.members)[triplets.members]
    agrees = choices[row, column] == answer[row]
    units = response_units(row, column, over, people, choices.shape)
    means = resampled_means(np.stack([agrees * weight, weight], 1), units, n_bootstrap, seed)
    p_value = permuted = None
    if n_permutations:
        # An exchange lets the model leave out any of the three items; a tie leaves out none, whatever the exchange.
        rng = np.random.default_rng((seed, 2))
        shares = choice_shares(choices[kept & (answer >= 0)])
        permuted = [rng.permuted(shares, axis=1)[:, 0].sum() / triplets.size for _ in range(n_permutations)]
        p_value = permutation_p_value((agrees * weight).sum() / triplets.size, permuted)
    ceiling = noise_ceiling_of_most(choices, n_bootstrap=0)
    return Result.from_samples(
        "agreement with people's responses",
        (agrees * weight).sum() / triplets.size,
        means[:, 0] / means[:, 1],
        CHANCE,
        triplets.size,
        p_value=p_value,
        ceiling=None if ceiling is None else ceiling.estimate,
        unit="triplets",
        over=over,
        permuted=None if permuted is None else np.asarray(permuted, np.float64),
    )


def response_accuracy_by_group(similarities, choices, groups: Sequence[str], **options) -> dict[str, Result]:
    """Score each group of triplets by itself, an abstraction level say -> {group: Result}, in order of appearance.

    Args:
        similarities, choices, options: as in `response_accuracy`; `people` is divided like the triplets.
        groups: (n,) the group of each triplet.
    """
    similarities, choices = np.asarray(similarities), choice_table(choices)
    people = options.pop("people", None)
    return {
        group: response_accuracy(
            similarities[rows], choices[rows], people=None if people is None else np.asarray(people)[rows], **options
        )
        for group, rows in rows_by_group(groups, len(choices)).items()
    }


def choice_table(choices) -> np.ndarray:
    """Responses as lists of any length, one a triplet -> (n, longest) int, -1 where there is none."""
    if isinstance(choices, np.ndarray):
        return choices
    rows = [np.atleast_1d(np.asarray(row)) for row in choices]
    for number, row in enumerate(rows):
        if row.size and not np.issubdtype(row.dtype, np.integer):
            raise InputError(f"choices: row {number} holds {row.tolist()}; positions in a triplet must be integers")
    table = np.full((len(rows), max((len(row) for row in rows), default=0)), NO_RESPONSE)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def choice_shares(choices: np.ndarray) -> np.ndarray:
    """(n, people) odd ones out -> (n, 3) the share of people who find each pair the most similar, in the order of
    similarities [ij, ik, jk]; nan where nobody answered."""
    votes = (validate_choices(choices)[..., None] == np.array([2, 1, 0])).sum(1)
    with np.errstate(invalid="ignore"):
        return votes / votes.sum(1, keepdims=True)
