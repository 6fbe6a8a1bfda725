"""Every human score of a representation at once, under the names that metrics.json gives them."""

from collections.abc import Callable, Sequence

import numpy as np

from alignet_hf.data.judgments import Judgments
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.evaluation.bootstrap import over_if_drawn
from alignet_hf.evaluation.human import calibration, odd_one_out, responses, rsa
from alignet_hf.evaluation.human.responses import choice_shares, choice_table, response_accuracy_by_group
from alignet_hf.evaluation.human.uncertainty import uncertainty_rt_correlation_by_group
from alignet_hf.evaluation.statistics import Result
from alignet_hf.surrogate.views import validated
from alignet_hf.triplets import triplet_probabilities

CHANCE = {"odd_one_out_accuracy": odd_one_out.CHANCE, "rsa_spearman": rsa.CHANCE}


def score_on_judgments(embeddings, judgments: Judgments, **options) -> dict[str, Result]:
    """Score (N, D) embeddings of an image source, or a view of some, on its held-out judgments.

    Only the rows that were judged are held in memory.
    """
    embeddings = validated(embeddings)
    rows = np.union1d(judgments.held_out, judgments.held_out_rows)
    held_out, held_out_rows = (np.searchsorted(rows, of) for of in (judgments.held_out, judgments.held_out_rows))
    embeddings = embeddings[rows]
    return {
        "odd_one_out_accuracy": odd_one_out.odd_one_out_accuracy(embeddings, held_out, **options),
        "rsa_spearman": rsa.rsa(embeddings[held_out_rows], judgments.similarities, **options),
    }


def score_on_people(
    embeddings,
    people: Dissimilarities,
    *,
    similarity: str = "dot",
    rsa_similarity: str = "pearson",
    correlation: str = "spearman",
    over: str | Sequence[str] | None = None,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int = 0,
) -> dict[str, Result]:
    """Score (N, D) embeddings on similarity matrices of the same N objects: the mean person's choices, and RSA.

    Args:
        similarity: as in `odd_one_out_accuracy`.
        rsa_similarity, correlation: `similarity` and `correlation` of `rsa`.
        over: what intervals are drawn over by each score that can be drawn so; by the others, over objects.
        n_bootstrap, n_permutations, seed: of the draws for intervals and the exchanges for p-values.

    Returns:
        {"odd_one_out_accuracy", "rsa_<correlation>"}, both with the mean person, and with several people
        "rsa_<correlation>_by_person". The accuracy's ceiling is that of a person from the mean of the others; the model
        is compared with the mean of all, which is steadier than a person, and can score above it.
    """
    options = {"n_bootstrap": n_bootstrap, "n_permutations": n_permutations, "seed": seed}
    n_people, objects = len(people.matrices), np.arange(people.n_objects)
    triplets, _ = people.choices(objects)
    scores = {
        "odd_one_out_accuracy": odd_one_out.odd_one_out_accuracy(
            embeddings,
            triplets,
            similarity=similarity,
            over=over_if_drawn(over, ("objects", "triplets"), "objects"),
            ceiling=people.noise_ceiling(objects)["odd_one_out_accuracy"] if n_people > 1 else None,
            **options,
        )
    }
    options |= {"similarity": rsa_similarity, "correlation": correlation}
    scores[f"rsa_{correlation}"] = rsa.rsa(embeddings, -people.mean(), **options)
    if n_people > 1:
        scores[f"rsa_{correlation}_by_person"] = rsa.rsa(
            embeddings, -people.matrices, over=over_if_drawn(over, rsa.UNITS, "objects"), **options
        )
    return scores


def score_on_levels(
    embeddings,
    triplets,
    levels: Sequence[str],
    choices,
    response_times=None,
    *,
    people=None,
    similarity: str = "dot",
    temperature: float = 1.0,
    over: str | Sequence[str] | None = None,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int = 0,
    note: Callable[[str], None] | None = None,
) -> dict[str, dict[str, Result | calibration.Calibration]]:
    """Score (N, D) embeddings on responses by abstraction level (Sec. 2.2 of the paper).

    Args:
        embeddings: one row an image.
        triplets: (n, 3) rows of `embeddings`, in the order that `choices` refers to.
        levels: (n,) the abstraction level of each triplet.
        choices: n lists of positions of the odd one out, or (n, people) with -1 for no response.
        response_times: milliseconds, n lists or (n, people) with nan for no response; without them that score is left
            out.
        people: (n, people) who gave each response, as in `response_accuracy`.
        similarity: as in `odd_one_out_accuracy`.
        over: what intervals are drawn over by each score that can be drawn so: the agreement and the uncertainty
            ("triplets", "people" or both), the calibration ("objects" or "triplets"); by the others, over triplets.
        temperature: of the model's triplet probabilities, for uncertainty and calibration.
        n_bootstrap, n_permutations, seed: of the draws for intervals and the exchanges for p-values.
        note: called with why a level has no correlation with response times, which then is left out; None to raise.

    Returns:
        {"agreement_with_responses": {level: Result}, "uncertainty_rt_correlation": ..., "calibration": ...}; the
        agreement is with single responses, and its ceiling a held-out person's.
    """
    similarities = odd_one_out.model_similarities(embeddings, triplets, similarity)
    choices = choice_table(choices)
    options = {"n_bootstrap": n_bootstrap, "seed": seed}
    scores = {
        "agreement_with_responses": response_accuracy_by_group(
            similarities,
            choices,
            levels,
            people=people,
            over=over_if_drawn(over, responses.UNITS, "triplets"),
            n_permutations=n_permutations,
            **options,
        )
    }
    if response_times is not None:
        scores["uncertainty_rt_correlation"] = uncertainty_rt_correlation_by_group(
            similarities,
            _time_table(response_times),
            levels,
            temperature=temperature,
            people=people,
            over=over_if_drawn(over, responses.UNITS, "triplets"),
            n_permutations=n_permutations,
            note=note,
            **options,
        )
    answered = (choices >= 0).any(1)
    probabilities, shares = triplet_probabilities(similarities, temperature), choice_shares(choices)
    options["over"] = over_if_drawn(over, calibration.UNITS, None)
    scores["calibration"] = {}
    for level, rows in odd_one_out.rows_by_group(levels, len(choices)).items():
        rows = rows[answered[rows]]
        scores["calibration"][level] = calibration.calibration(
            probabilities[rows], shares[rows], triplets=np.asarray(triplets)[rows], **options
        )
    return scores


def _time_table(response_times) -> np.ndarray:
    """n lists of milliseconds -> (n, longest) float64, nan where there is none."""
    if isinstance(response_times, np.ndarray):
        return response_times
    table = np.full((len(response_times), max(map(len, response_times), default=0)), np.nan)
    for number, row in enumerate(response_times):
        table[number, : len(row)] = row
    return table
