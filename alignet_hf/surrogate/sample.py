"""Sample triplets of items: at random, or by what their cluster or class labels have in common.

Whatever the strategy, a draw is uniform over all the triplets that it allows (so a cluster counts by the triplets it
can give, not by its number), draws are independent, and a triplet can come twice.

A strategy is a function of the labels' sizes that returns another, `draw(rng, n)`, of n triplets. It knows items by
their places in an order sorted by label, so that a label is a range of places, [start, start + size).
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Literal

import numpy as np

from alignet_hf.errors import InputError

Strategy = Literal["cluster-boundary", "class-boundary", "random", "within-class", "between-class"]
STRATEGIES: tuple[str, ...] = Strategy.__args__
Draw = Callable[[np.random.Generator, int], list[np.ndarray]]

_TRIPLETS_PER_BLOCK = 2**15  # what a block computes with fits a cache
_ORDERS = np.array(list(permutations(range(3))))


def sample_triplets(labels, n: int, strategy: Strategy = "cluster-boundary", *, seed: int) -> np.ndarray:
    """Sample n triplets of three different items.

    Args:
        labels: (N,) int or str, the cluster or class of every item; for "random" the number of items does as well.
        n: how many.
        strategy: "cluster-boundary" and "class-boundary": two items of one label, then one of another (they differ in
            what the labels are); "within-class": three of one label; "between-class": three labels; "random": any
            three. Names as in the paper's section A.1.2 and the released data.
        seed: of the draws. Every block of them has a generator of its own, so that the result is the same on any
            number of processors.

    Returns:
        (n, 3) int32 item indices. The order says nothing, but that of a boundary triplet the last is the one apart.

    Raises:
        InputError: if the labels allow no such triplet.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"strategy: {strategy!r} is not one of {', '.join(STRATEGIES)}")
    if strategy == "random":
        n_items = labels if isinstance(labels, int | np.integer) else len(labels)
        items, draw = np.arange(n_items, dtype=np.int32), _any_three(n_items)
    else:
        items, sizes = _sorted_by_label(labels)
        draw = {"within-class": _within, "between-class": _between}.get(strategy, _boundary)(sizes)
    triplets = np.empty((n, 3), np.int32)
    blocks = np.split(triplets, range(_TRIPLETS_PER_BLOCK, n, _TRIPLETS_PER_BLOCK))

    def fill(block: np.ndarray, seed: np.random.SeedSequence) -> None:
        for position, places in enumerate(draw(np.random.default_rng(seed), len(block))):
            block[:, position] = items[places]

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, blocks, np.random.SeedSequence(seed).spawn(len(blocks))))
    return triplets


def _sorted_by_label(labels) -> tuple[np.ndarray, np.ndarray]:
    """-> the items in the order of their labels, (N,) int32, and the number of items of each label, (K,) int64."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iuUSb":
        raise InputError(f"labels: expected one integer or string an item, got {labels.dtype} {labels.shape}")
    if labels.size and labels.dtype.kind in "iu" and int(labels.max()) - int(labels.min()) < 2**16:
        labels = (labels - labels.min()).astype(np.uint16)  # which numpy sorts by digits, several times as fast
    items = labels.argsort(kind="stable").astype(np.int32)
    labels = labels[items]
    starts = np.flatnonzero(np.r_[labels.size > 0, labels[1:] != labels[:-1]])
    return items, np.diff(starts, append=labels.size)


def _any_three(n_items: int) -> Draw:
    if n_items < 3:
        raise InputError(f"labels: {n_items} items; a triplet needs 3")
    return lambda rng, n: _three_below(rng, np.full(n, n_items))


def _boundary(sizes: np.ndarray) -> Draw:
    """Two of one label, one of another: a label has C(size, 2) * (N - size) of these."""
    weights, starts, total = sizes.astype(np.float64), np.cumsum(sizes) - sizes, sizes.sum()
    counts = weights * (weights - 1) / 2 * (total - weights)
    if not counts.any():
        raise InputError(
            f"labels: {int((sizes >= 2).sum())} of {len(sizes)} labels have two members or more; a boundary "
            "needs one that has, and an item of another label: use fewer clusters, or strategy 'random'"
        )
    cumulative = counts.cumsum()

    def draw(rng: np.random.Generator, n: int) -> list[np.ndarray]:
        label = _weighted(rng, cumulative, n)
        start, size = starts[label], sizes[label]
        other = _below(rng, total - size)
        other += np.where(other >= start, size, 0)  # step over the pair's label
        return [*(place + start for place in _two_below(rng, size)), other]

    return draw


def _within(sizes: np.ndarray) -> Draw:
    """Three of one label: a label has C(size, 3) of these."""
    counts = sizes * (sizes - 1.0) * (sizes - 2.0) / 6
    if not counts.any():
        raise InputError(f"labels: none of the {len(sizes)} labels has three members; 'within-class' needs one")
    cumulative, starts = counts.cumsum(), np.cumsum(sizes) - sizes

    def draw(rng: np.random.Generator, n: int) -> list[np.ndarray]:
        label = _weighted(rng, cumulative, n)
        return [place + starts[label] for place in _three_below(rng, sizes[label])]

    return draw


def _between(sizes: np.ndarray) -> Draw:
    """Three labels a < b < c: size_a * size_b * size_c of these; drawn one by one, each given those before."""
    if len(sizes) < 3:
        raise InputError(f"labels: {len(sizes)} different labels; 'between-class' needs three")
    ends, total = np.cumsum(sizes), sizes.sum()
    pairs = np.cumsum(sizes * (total - ends))  # items of b, times those of any later label; summed over labels up to b
    firsts = np.cumsum(sizes * (pairs[-1] - pairs).astype(np.float64))

    def draw(rng: np.random.Generator, n: int) -> list[np.ndarray]:
        a = _weighted(rng, firsts, n)
        b = pairs.searchsorted(rng.integers(pairs[a], pairs[-1]), "right")
        last = ends[b] + _below(rng, total - ends[b])
        places = [ends[label] - sizes[label] + _below(rng, sizes[label]) for label in (a, b)]
        order = _ORDERS[_below(rng, np.full(n, len(_ORDERS)))]  # they came sorted by label
        return list(np.take_along_axis(np.column_stack([*places, last]), order, 1).T)

    return draw


def _weighted(rng: np.random.Generator, cumulative: np.ndarray, n: int) -> np.ndarray:
    """n indices, each as probable as the step of `cumulative` there is high."""
    return cumulative.searchsorted(rng.random(n) * cumulative[-1], "right")


def _below(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """A whole number from 0 to below each size; far faster than `rng.integers`, even but for size / 2^53."""
    return (rng.random(len(sizes)) * sizes).astype(np.int64)


def _two_below(rng: np.random.Generator, sizes: np.ndarray) -> list[np.ndarray]:
    """Two different numbers below each size, in random order."""
    i, j = _below(rng, sizes), _below(rng, sizes - 1)
    j += j >= i  # step over i
    return [i, j]


def _three_below(rng: np.random.Generator, sizes: np.ndarray) -> list[np.ndarray]:
    """Three different numbers below each size, in random order."""
    i, j = _two_below(rng, sizes)
    last = _below(rng, sizes - 2)
    last += last >= np.minimum(i, j)
    last += last >= np.maximum(i, j)
    return [i, j, last]
