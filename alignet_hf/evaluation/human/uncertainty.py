"""Is a model unsure where people are slow? The entropy of its answers against human response times."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from alignet_hf.data.levels_exclusions import MAX_RT
from alignet_hf.errors import InputError, UndefinedScoreError
from alignet_hf.evaluation.bootstrap import validate_over
from alignet_hf.evaluation.human.measures import validate_temperature
from alignet_hf.evaluation.human.noise_ceiling import UNITS, response_units
from alignet_hf.evaluation.human.odd_one_out import rows_by_group
from alignet_hf.evaluation.permutation import permutation_p_value
from alignet_hf.evaluation.statistics import Result, draw_counts
from alignet_hf.evaluation.weighted_ranks import weighted_spearman
from alignet_hf.triplets import validate_similarities

CHANCE = 0.0


@dataclass(frozen=True)
class ResponseTimeResult(Result):
    """A Result over triplets: `n_objects` counts the triplets that are scored.

    Attributes:
        n_excluded: how many response times were too long to be counted.
    """

    n_excluded: int = 0

    def to_dict(self) -> dict:
        """As `Result.to_dict`, with n_excluded."""
        return {**super().to_dict(), "n_excluded": self.n_excluded}

    @property
    def remarks(self) -> list[str]:
        """How many response times were excluded."""
        return [f"{self.n_excluded} response times excluded"]


def triplet_entropy(similarities, temperature: float = 1.0) -> np.ndarray:
    """Shannon entropy of softmax([s_ij, s_ik, s_jk] / temperature), the model's uncertainty (Sec. 2.2.2 of the paper).

    Args:
        similarities: (n, 3).
        temperature: of the softmax.

    Returns:
        (n,) float64, in nats: 0 (sure) to log 3 (any of the three).

    Raises:
        InputError: similarities that are not (n, 3) and finite, a temperature that is not positive.
    """
    validate_temperature(temperature)
    logits = np.sort(validate_similarities(similarities), 1) / temperature
    # From the distances to the largest logit, not from probabilities: p log p of a probability that rounds to 1 is 0,
    # and all triplets that a model is sure of would tie.
    distances = logits[:, 2:] - logits[:, :2]
    odds = np.exp(-distances)
    return np.log1p(odds.sum(1)) + (distances * odds).sum(1) / (1 + odds.sum(1))


def uncertainty_rt_correlation(
    similarities,
    response_times,
    *,
    temperature: float = 1.0,
    max_rt: float = MAX_RT,
    over: str | Sequence[str] = "triplets",
    people=None,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int = 0,
) -> ResponseTimeResult:
    """Spearman correlation of a model's uncertainty with human log response times (Sec. 2.2.2 and B.1.4 of the paper).

    Args:
        similarities: (n, 3) the model's [s_ij, s_ik, s_jk].
        response_times: milliseconds, (n,) or, where several people answered each triplet, (n, people) with nan for no
            response; a triplet's score is then the mean of its log response times. One without any is left out.
        temperature: of the model's triplet probabilities. It changes the order of entropies, not only their size.
        max_rt: longer response times are excluded (Sec. A.3), and a triplet that has no other.
        over: what the interval is drawn over, "triplets", "people" or both. Every triplet of such an experiment shows
            images of its own, so triplets are what was sampled; of triplets that share images, the interval over them
            would be too narrow. In a draw of people a triplet that none of them answered is left out.
        people: (n, people) who gave each response, ids of any kind; without it each column is a person.
        n_bootstrap: draws for the interval.
        n_permutations: random exchanges of the response times among the triplets for the p-value; 0 for none.
        seed: of the draws and exchanges.

    Returns:
        ResponseTimeResult; chance is 0.

    Raises:
        InputError: shapes that do not fit; a response time that is not positive and finite.
        UndefinedScoreError: fewer than three triplets left; entropies or response times that are all equal.
    """
    over = validate_over(over, UNITS)
    entropy = triplet_entropy(similarities, temperature)
    times = _validate_response_times(response_times, len(entropy))
    counted = times <= max_rt  # nan, no response, is not
    kept = counted.any(1)
    n_kept = int(kept.sum())
    if n_kept < 3:
        raise UndefinedScoreError(
            f"{n_kept} triplets have a response time of at most {max_rt:g} ms; at least three are needed"
        )
    log_times = np.log(times, out=np.zeros_like(times), where=counted)[kept]
    log_rt = log_times.sum(1) / counted[kept].sum(1)
    entropy = entropy[kept]
    if np.ptp(entropy) == 0:
        raise UndefinedScoreError(
            f"similarities: every triplet has the entropy {entropy[0]:g}: the model is equally sure of all, perhaps as "
            "their similarities tie; another temperature may tell them apart"
        )
    if np.ptp(log_rt) == 0:
        raise UndefinedScoreError("response times: all are equal; their correlation is undefined")
    estimate = weighted_spearman(entropy, log_rt, np.ones((1, n_kept)))[0]
    if "people" in over:
        samples = _drawn_over_people(
            entropy, log_times, counted[kept], _rows(people, times, kept), over, n_bootstrap, seed
        )
    else:
        rng = np.random.default_rng(seed)
        n_draws = max(1, 2**22 // n_kept)
        samples = [
            weighted_spearman(entropy, log_rt, draw_counts(rng, n_kept, min(n_draws, n_bootstrap - start)))
            for start in range(0, n_bootstrap, n_draws)
        ]
    p_value = permuted = None
    if n_permutations:
        order = np.random.default_rng((seed, 2))
        ranks, rt_ranks = _standardised_ranks(entropy), _standardised_ranks(log_rt)
        permuted = np.array([order.permutation(ranks) @ rt_ranks for _ in range(n_permutations)])
        p_value = permutation_p_value(estimate, permuted)
    return ResponseTimeResult.from_samples(
        "uncertainty and response time (Spearman)",
        estimate,
        np.concatenate([*samples, np.empty(0)]),
        CHANCE,
        n_kept,
        p_value=p_value,
        unit="triplets",
        over=over,
        permuted=permuted,
        n_excluded=int((times > max_rt).sum()),
    )


def uncertainty_rt_correlation_by_group(
    similarities, response_times, groups: Sequence[str], *, note: Callable[[str], None] | None = None, **options
) -> dict[str, ResponseTimeResult]:
    """Correlate within each group of triplets, an abstraction level say -> {group: Result}, in order of appearance.

    Args:
        similarities, response_times, options: as in `uncertainty_rt_correlation`; `people` is divided like the
            triplets.
        groups: (n,) the group of each triplet.
        note: called with why a group has no score, which then is left out; None to raise.

    Raises:
        UndefinedScoreError: naming the group.
    """
    similarities, response_times = np.asarray(similarities), np.asarray(response_times)
    people, found = options.pop("people", None), {}
    for group, rows in rows_by_group(groups, len(similarities)).items():
        if people is not None:
            options["people"] = np.asarray(people)[rows]
        try:
            found[group] = uncertainty_rt_correlation(similarities[rows], response_times[rows], **options)
        except UndefinedScoreError as error:
            if note is None:
                raise UndefinedScoreError(f"{group}: {error}") from error
            note(f"{group}: no correlation of uncertainty and response time: {error}")
    return found


def _drawn_over_people(
    entropy: np.ndarray, log_times: np.ndarray, counted: np.ndarray, people, over, n_bootstrap: int, seed: int
) -> list[np.ndarray]:
    """Correlations under draws of people, who change every triplet's mean response time, and so its rank.

    Args:
        entropy: (n,).
        log_times, counted: (n, people), and which of them count.
        people: ids of that shape, or None.
    """
    row, column = np.nonzero(counted)
    units = response_units(row, column, over, people, counted.shape)
    generators = [np.random.default_rng(seed if number == 0 else (seed, number)) for number in range(len(units))]
    values, samples = log_times[row, column], []
    for _ in range(n_bootstrap):
        draws = [draw_counts(generator, unit.size, 1)[0] for generator, unit in zip(generators, units, strict=True)]
        # How often a triplet was drawn weighs it in the correlation; how often a person was, in the triplet's mean.
        triplets = draws[0] if "triplets" in over else np.ones(len(entropy))
        of_response = draws[-1][units[-1].members]
        totals = np.bincount(row, of_response, len(entropy))
        there = totals > 0
        means = np.bincount(row, of_response * values, len(entropy))[there] / totals[there]
        samples.append(weighted_spearman(entropy[there], means, triplets[there][None]))
    return samples


def _rows(people, times: np.ndarray, kept: np.ndarray):
    if people is None:
        return None
    people = np.asarray(people)
    people = people[:, None] if people.ndim == 1 else people
    if people.shape != times.shape:
        raise InputError(f"people: expected an id for each response time, shape {times.shape}, got {people.shape}")
    return people[kept]


def _standardised_ranks(values: np.ndarray) -> np.ndarray:
    ranks = rankdata(values)
    ranks -= ranks.mean()
    return ranks / np.linalg.norm(ranks)


def _validate_response_times(response_times, n_triplets: int) -> np.ndarray:
    """-> (n_triplets, people) float64, nan where somebody did not respond."""
    times = np.asarray(response_times, np.float64)
    times = times[:, None] if times.ndim == 1 else times
    if times.ndim != 2 or len(times) != n_triplets:
        raise InputError(
            f"response times: expected one row for each of {n_triplets} triplets, got an array of shape {times.shape}"
        )
    bad = ~np.isnan(times) & ~((times > 0) & (times < math.inf))
    if bad.any():
        row, person = np.argwhere(bad)[0]
        raise InputError(
            f"response times: row {row} holds {times[row, person]}; a positive finite number of milliseconds is needed"
        )
    return times
