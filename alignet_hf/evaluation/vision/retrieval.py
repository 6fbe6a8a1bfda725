"""Retrieval: do images of a query's class come before all others, ranked by cosine?"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.stats import hypergeom

from alignet_hf.errors import InputError
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.neighbours import comparable

_SIMILARITIES_AT_ONCE = 2**24


def retrieval(
    queries: LabelledEmbeddings,
    bank: LabelledEmbeddings | None = None,
    *,
    ks: Sequence[int] = (1, 5, 10),
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Result]:
    """Rank all images of the bank by their cosine to each query; those of its class are the relevant ones.

    Of each query, over its ranking of the whole bank, none left out:

    - `retrieval_map`: average precision, the mean over relevant images of the share of relevant images among those
      ranked no lower (scikit-learn's `average_precision_score`);
    - `retrieval_r_precision`: the share of relevant images among the first R, R being how many there are;
    - `retrieval_precision/k`: the same among the first k;
    - `retrieval_recall/k`: whether a relevant image is among the first k, as metric learning has it (Song et al. 2016,
      https://arxiv.org/abs/1511.06452); not the share of the relevant ones that is found.

    Of images as similar as each other, those of another class are ranked first.

    Args:
        queries: a query that has no relevant image is left out.
        bank: of the same encoder and with the same classes; the queries themselves where it is None, and then no
            image is in its own ranking.
        ks: numbers of first images; those above the number that is ranked are left out.
        n_bootstrap, seed: of the draws of queries.

    Returns:
        Results whose chance is what a random ranking scores.

    Raises:
        InputError: classes that differ, or no query with a relevant image.
    """
    exclude_self = bank is None
    bank = queries if exclude_self else bank
    if queries.classes != bank.classes:
        raise InputError("the queries and the bank have other classes; give both in one order")
    n_ranked = len(bank) - exclude_self
    ks = [k for k in ks if 1 <= k <= n_ranked]
    n_relevant = np.bincount(bank.labels, minlength=len(bank.classes))[queries.labels] - exclude_self
    asked = np.flatnonzero(n_relevant > 0)
    if not len(asked):
        raise InputError("no query has another image of its class in the bank; nothing can be retrieved")
    scores = _scores(queries, bank, asked, ks, exclude_self)
    n_relevant = n_relevant[asked]
    share = n_relevant / n_ranked
    chances = {
        "retrieval_map": _map_by_chance(n_relevant, n_ranked),
        "retrieval_r_precision": share,
        **{f"retrieval_precision/{k}": share for k in ks},
        **{f"retrieval_recall/{k}": _hit_by_chance(n_relevant, n_ranked, k) for k in ks},
    }
    return {
        name: mean_over_images(name, values, chance=float(chance.mean()), n_bootstrap=n_bootstrap, seed=seed)
        for (name, chance), values in zip(chances.items(), scores.T, strict=True)
    }


def _scores(
    queries: LabelledEmbeddings, bank: LabelledEmbeddings, asked: np.ndarray, ks: Sequence[int], exclude_self: bool
) -> np.ndarray:
    """-> (queries asked, 2 + 2 len(ks)) float64: average precision, R-precision, precisions, recalls."""
    rows = comparable(bank.embeddings, "cosine", "bank")
    order = np.argsort(bank.labels, kind="stable")
    ends = np.cumsum(np.bincount(bank.labels, minlength=len(bank.classes)))
    of_class = np.split(order, ends[:-1])
    scores = np.empty((len(asked), 2 + 2 * len(ks)))
    n_at_once = max(1, _SIMILARITIES_AT_ONCE // len(bank))

    def score(number: int, similarities: np.ndarray) -> None:
        query = asked[number]
        relevant = of_class[queries.labels[query]]
        if exclude_self:
            relevant = relevant[relevant != query]
            similarities[query] = -np.inf
        scores[number] = _scored(similarities, relevant, ks)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(asked), n_at_once):
            numbers = range(start, min(start + n_at_once, len(asked)))
            block = comparable(queries.embeddings[asked[numbers]], "cosine", "queries")
            list(threads.map(score, numbers, block @ rows.T))
    return scores


def _scored(similarities: np.ndarray, relevant: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """The scores of one query; only what is as similar as the least similar relevant image need be sorted.

    Args:
        similarities: (N,) of all images of the bank to it.
        relevant: (R,) int, rows of the relevant ones.
    """
    own = np.sort(similarities[relevant])
    above = np.sort(similarities[similarities >= own[0]])
    # From the most similar relevant image on: how many images, and how many relevant ones, are as similar at least.
    n_all = len(above) - np.searchsorted(above, own)[::-1]
    n_own = len(own) - np.searchsorted(own, own)[::-1]
    ranks = n_all - n_own + np.arange(1, len(own) + 1)
    firsts = np.array([len(own), *ks])
    within = np.searchsorted(ranks, firsts, side="right")
    return np.concatenate([[(n_own / n_all).mean()], within / firsts, within[1:] > 0])


def _map_by_chance(n_relevant: np.ndarray, n_ranked: int) -> np.ndarray:
    """The expected average precision where every ranking is as likely.

    An image of rank r is relevant with probability R / N, and then each before it with (R - 1) / (N - 1); so many are
    relevant among the first r: 1 + (r - 1) (R - 1) / (N - 1). The mean over r of that divided by r:
    """
    others = (n_relevant - 1) / max(n_ranked - 1, 1)
    return others + (1 - others) * (1 / np.arange(1, n_ranked + 1)).mean()


def _hit_by_chance(n_relevant: np.ndarray, n_ranked: int, k: int) -> np.ndarray:
    """The probability that of k images, drawn without replacement, one at least is relevant."""
    return 1 - hypergeom.pmf(0, n_ranked, n_relevant, k)
