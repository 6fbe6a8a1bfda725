"""RSA and its noise ceiling under bootstrap draws: one pass over weighted pairs for each draw.

A draw of objects with replacement is a count for each object, and a pair of objects weighs the product of its two
counts; a pair of an object with itself is left out, because its dissimilarity of zero is no measurement (the rule of
rsatoolbox, https://github.com/rsagroup/rsatoolbox). So nothing is copied or ranked anew: the order of a matrix's
entries is found once, and a draw changes only the weights along it. What must be sorted in every draw is the mean of
people's ranks, because it depends on the draw.

Noise ceiling (Nili et al. 2014, https://doi.org/10.1371/journal.pcbi.1003553): the upper bound correlates each person
with the mean of all people, the lower bound with the mean of all others. The mean is that of ranks for Spearman and
Kendall, of standardised entries for Pearson; it is the matrix that no model can beat.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau
from tqdm import tqdm

MIN_OBJECTS = 3  # two objects are a single pair
ROUNDING = 1e-12  # relative; what is smaller is no difference


@dataclass(frozen=True)
class DrawScores:
    """What m draws give, each (m,) float64, nan where a draw allows none.

    Attributes:
        scores: the mean over people of the model's correlation with a person.
        lower: the noise ceiling's lower bound, the mean over people of the correlation with the others' mean.
        upper: its upper bound, the same with the mean of all.
    """

    scores: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def score_draws(
    model: np.ndarray,
    people: np.ndarray,
    object_counts: np.ndarray,
    person_counts: np.ndarray | None = None,
    *,
    correlation: str = "spearman",
    ceiling: bool = True,
) -> DrawScores:
    """Correlate a model's matrix with each person's, and people with each other, under every draw.

    Args:
        model: (N, N) symmetric similarities, or dissimilarities if `people` are.
        people: (P, N, N) symmetric, one matrix a person.
        object_counts: (m, N) how often each draw holds each object.
        person_counts: (m, P) how often it holds each person; once each by default. A person who is held out is held out
            with all copies, and every mean over people counts the copies.
        correlation: "spearman", "pearson", or "kendall": tau-a, which ties make smaller, as they should where a model
            that ties must not gain by it.
        ceiling: whether the bounds are wanted; they are nan otherwise, and with a single person.
    """
    first, second = np.triu_indices(len(model), 1)
    entries = np.concatenate([model[None], people])[:, first, second].astype(np.float64)  # (1 + P, pairs)
    prepare = _standardised(entries) if correlation == "pearson" else _Ranks(entries)
    if person_counts is None:
        person_counts = np.ones((len(object_counts), len(people)))
    out = np.full((3, len(object_counts)), np.nan)
    slow = len(object_counts) * entries.size > (2**20 if correlation == "kendall" else 2**27)
    draws = tqdm(range(len(object_counts)), desc="bootstrap", disable=None if slow else True)
    for draw in draws:
        objects, persons = object_counts[draw], person_counts[draw]
        if np.count_nonzero(objects) < MIN_OBJECTS:
            continue
        weights = (objects[first] * objects[second]).astype(np.int64)
        out[:, draw] = SCORES[correlation](prepare, weights, persons.astype(np.int64), ceiling and len(people) > 1)
    return DrawScores(*out)


def _standardised(entries: np.ndarray) -> np.ndarray:
    """Each row with mean 0 and deviation 1, so that the sums of a draw lose no digits to a large mean."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (entries - entries.mean(1, keepdims=True)) / entries.std(1, keepdims=True)


def _pearson(entries: np.ndarray, weights: np.ndarray, persons: np.ndarray, ceiling: bool) -> tuple:
    """All three scores follow from the correlations among model and people: a mean of standardised rows is linear."""
    present = np.flatnonzero(weights)
    drawn = np.flatnonzero(persons)  # who is not in the draw need not have a variance in it
    rows, weights, persons = entries[np.append(0, 1 + drawn)][:, present], weights[present], persons[drawn]
    rows = rows - rows @ weights[:, None] / weights.sum()
    products = (rows * weights) @ rows.T
    variances = _unless_rounding(products.diagonal(), weights.sum() * ROUNDING**2)
    deviations = np.sqrt(variances)
    correlations = products / deviations / deviations[:, None]
    model, people = correlations[0, 1:], correlations[1:, 1:]
    score = _mean_over(persons, model)
    if not ceiling:
        return score, np.nan, np.nan
    with_sum = people @ persons  # each person's product with the sum of all standardised rows
    norm = persons @ with_sum  # of that sum, squared
    others = norm - 2 * persons * with_sum + persons**2  # of the sum without each person
    norm, *others = _unless_rounding(np.array([norm, *others]), persons.sum() ** 2 * ROUNDING)
    upper = with_sum / np.sqrt(norm)
    lower = (with_sum - persons) / np.sqrt(others)
    return score, _mean_over(persons, lower), _mean_over(persons, upper)


def _unless_rounding(squares: np.ndarray, rounding: float) -> np.ndarray:
    """Squared lengths, nan where they are nothing but rounding: a row constant in a draw, people who cancel out."""
    return np.where(squares > rounding, squares, np.nan)


class _Ranks:
    """Rows whose entries are ranked under any weights, without sorting them again.

    A weighted midrank is the mean of the places that an entry's copies take among all copies. Twice it, less the mean,
    is an integer: below + up_to - total, the weight of smaller entries, of those no larger, and of all. Integers keep
    the ties of sums of ranks exact.
    """

    def __init__(self, entries: np.ndarray):
        n_rows, n = entries.shape
        self.order = np.argsort(entries, axis=1, kind="stable")
        in_order = np.take_along_axis(entries, self.order, 1)
        self.below, self.up_to = np.empty_like(self.order), np.empty_like(self.order)
        for row in range(n_rows):
            offset = row * (n + 1)  # into the flattened cumulative weights
            self.below[row] = offset + np.searchsorted(in_order[row], entries[row], "left")
            self.up_to[row] = offset + np.searchsorted(in_order[row], entries[row], "right")

    def under(self, weights: np.ndarray, present: np.ndarray) -> np.ndarray:
        """(n,) integer weights, the places of those that are not 0 -> (rows, present) int64 centred double midranks."""
        cumulative = np.zeros((len(self.order), len(weights) + 1), np.int64)
        np.cumsum(weights[self.order], axis=1, out=cumulative[:, 1:])
        return cumulative.take(self.below[:, present]) + cumulative.take(self.up_to[:, present]) - cumulative[0, -1]


def double_midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Centred double midranks of integers, each row sorted: (rows, n) int64, (n,) int64 -> (rows, n) int64."""
    n_rows, n = values.shape
    bits = max(1, int(n - 1).bit_length())
    # A value and its place in one integer: sorting integers is several times faster than finding the order of floats.
    keys = ((values - values.min()) << bits) | np.arange(n)
    keys.sort(axis=1)
    order = keys & ((1 << bits) - 1)
    keys >>= bits
    starts = np.ones((n_rows, n), bool)
    np.not_equal(keys[:, 1:], keys[:, :-1], out=starts[:, 1:])
    starts = np.flatnonzero(starts)
    cumulative = np.cumsum(weights[order])  # over all rows, one after another
    total = cumulative[n - 1]
    ends = np.append(starts[1:], n_rows * n)
    up_to = cumulative[ends - 1]
    below = np.append(0, up_to[:-1])
    tied = up_to + below - (2 * (starts // n) + 1) * total
    order += n * np.arange(n_rows)[:, None]
    ranks = np.empty(n_rows * n, np.int64)
    ranks[order.ravel()] = np.repeat(tied, ends - starts)
    return ranks.reshape(n_rows, n)


def _pools(ranks: np.ndarray, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """People's (P, n) ranks -> their sum (1, n), and the sum without each person (P, n)."""
    pool = persons @ ranks
    return pool[None], pool - persons[:, None] * ranks


def _spearman(ranks: _Ranks, weights: np.ndarray, persons: np.ndarray, ceiling: bool) -> tuple:
    present = np.flatnonzero(weights)
    rows, weights = ranks.under(weights, present), weights[present]
    pools = double_midranks(np.concatenate(_pools(rows[1:], persons)), weights) if ceiling else rows[:0]
    weights = weights.astype(np.float64)
    rows, pools = rows.astype(np.float64), pools.astype(np.float64)
    people, weighted = rows[1:], rows[1:] * weights
    norms = np.sqrt((weighted * people).sum(1))
    with np.errstate(invalid="ignore", divide="ignore"):
        score = _mean_over(persons, weighted @ rows[0] / norms) / np.sqrt(weights @ rows[0] ** 2)
        if not ceiling:
            return score, np.nan, np.nan
        pool_norms = np.sqrt(pools**2 @ weights)
        upper = weighted @ pools[0] / (norms * pool_norms[0])
        lower = (weighted * pools[1:]).sum(1) / (norms * pool_norms[1:])
    return score, _mean_over(persons, lower), _mean_over(persons, upper)


def _kendall(ranks: _Ranks, weights: np.ndarray, persons: np.ndarray, ceiling: bool) -> tuple:
    present = np.flatnonzero(weights)
    rows = np.repeat(ranks.under(weights, present), weights[present], axis=1)
    people = rows[1:]
    score = _mean_over(persons, np.array([tau_a(rows[0], person) for person in people]))
    if not ceiling:
        return score, np.nan, np.nan
    pool, others = _pools(people, persons)
    upper = np.array([tau_a(pool[0], person) for person in people])
    lower = np.array([tau_a(row, person) for row, person in zip(others, people, strict=True)])
    return score, _mean_over(persons, lower), _mean_over(persons, upper)


def tau_a(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-a: concordant less discordant pairs, over all pairs; nan where x or y is constant."""
    untied = [_untied_share(series) for series in (x, y)]
    # scipy's tau-b divides by the pairs that do not tie instead of all.
    return float(kendalltau(x, y, method="asymptotic").statistic * np.sqrt(untied[0] * untied[1]))


def _untied_share(series: np.ndarray) -> float:
    _, counts = np.unique(series, return_counts=True)
    n = len(series)
    return 1 - (counts * (counts - 1)).sum() / (n * (n - 1))


def _mean_over(persons: np.ndarray, values: np.ndarray) -> float:
    """The mean over people of a draw; who is not in it does not count, whatever the value."""
    drawn = persons > 0
    return persons[drawn] @ values[drawn] / persons[drawn].sum()


SCORES = {"spearman": _spearman, "pearson": _pearson, "kendall": _kendall}
