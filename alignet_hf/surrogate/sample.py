"""Sample triplets of items: at random, or by what their cluster or class labels have in common.

Whatever the strategy, a draw is uniform over all the triplets that it allows (so a cluster counts by the triplets it
can give, not by its number), draws are independent, and a triplet can come twice.
"""

from typing import Literal

import numpy as np

from alignet_hf.errors import InputError

Strategy = Literal["cluster-boundary", "class-boundary", "random", "within-class", "between-class"]
STRATEGIES: tuple[str, ...] = Strategy.__args__


def sample_triplets(labels, n: int, strategy: Strategy = "cluster-boundary", *, seed: int) -> np.ndarray:
    """Sample n triplets of three different items.

    Args:
        labels: (N,) int or str, the cluster or class of every item; for "random" the number of items does as well.
        n: how many.
        strategy: "cluster-boundary" and "class-boundary": two items of one label, then one of another (they differ in
            what the labels are); "within-class": three of one label; "between-class": three labels; "random": any
            three. Names as in the paper's section A.1.2 and the released data.

    Returns:
        (n, 3) int32 item indices. The order says nothing, but that of a boundary triplet the last is the one apart.

    Raises:
        InputError: if the labels allow no such triplet.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"strategy: {strategy!r} is not one of {', '.join(STRATEGIES)}")
    rng = np.random.default_rng(seed)
    if strategy == "random":
        n_items = labels if isinstance(labels, int | np.integer) else len(labels)
        if n_items < 3:
            raise InputError(f"labels: {n_items} items; a triplet needs 3")
        return _distinct(rng, np.full(n, n_items), 3).astype(np.int32)
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iuUSb":
        raise InputError(f"labels: expected one integer or string an item, got {labels.dtype} {labels.shape}")
    _, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    # Items are sorted by label, so that a label is a range of places: [start, start + size).
    items = np.argsort(labels, kind="stable").astype(np.int32)
    places = {"within-class": _within, "between-class": _between}.get(strategy, _boundary)(rng, sizes, n)
    return items[places]


def _boundary(rng: np.random.Generator, sizes: np.ndarray, n: int) -> np.ndarray:
    """Two of one label, one of another: a label has C(size, 2) * (N - size) of these."""
    sizes = sizes.astype(np.float64)
    counts = sizes * (sizes - 1) / 2 * (sizes.sum() - sizes)
    if not counts.any():
        raise InputError(
            f"labels: {int((sizes >= 2).sum())} of {len(sizes)} labels have two members or more; a boundary "
            "needs one that has, and an item of another label: use fewer clusters, or strategy 'random'"
        )
    label = rng.choice(len(sizes), n, p=counts / counts.sum())
    return _pair_and_other(rng, sizes.astype(np.int64), label)


def _pair_and_other(rng: np.random.Generator, sizes: np.ndarray, label: np.ndarray) -> np.ndarray:
    starts, size = (np.cumsum(sizes) - sizes)[label], sizes[label]
    pair = _distinct(rng, size, 2) + starts[:, None]
    other = rng.integers(0, sizes.sum() - size)
    other += np.where(other >= starts, size, 0)  # step over the pair's label
    return np.column_stack([pair, other])


def _within(rng: np.random.Generator, sizes: np.ndarray, n: int) -> np.ndarray:
    """Three of one label: a label has C(size, 3) of these."""
    counts = sizes * (sizes - 1.0) * (sizes - 2.0) / 6
    if not counts.any():
        raise InputError(f"labels: none of the {len(sizes)} labels has three members; 'within-class' needs one")
    label = rng.choice(len(sizes), n, p=counts / counts.sum())
    starts = np.cumsum(sizes) - sizes
    return _distinct(rng, sizes[label], 3) + starts[label, None]


def _between(rng: np.random.Generator, sizes: np.ndarray, n: int) -> np.ndarray:
    """Three labels a, b, c: size_a * size_b * size_c of these; drawn label by label, each given those before."""
    if len(sizes) < 3:
        raise InputError(f"labels: {len(sizes)} different labels; 'between-class' needs three")
    total = sizes.sum()
    weights = sizes.astype(np.float64)
    # Ordered triplets that start with label a: size_a * sum over b != a of size_b * (N - size_a - size_b).
    first = weights * ((total - weights) ** 2 - ((weights**2).sum() - weights**2))
    drawn = rng.multinomial(n, first / first.sum())
    a = np.repeat(np.arange(len(sizes)), drawn)
    b = np.empty_like(a)
    ends = np.cumsum(drawn)
    for label in np.flatnonzero(drawn):
        second = weights * (total - weights[label] - weights)
        second[label] = 0
        b[ends[label] - drawn[label] : ends[label]] = rng.choice(len(sizes), drawn[label], p=second / second.sum())
    starts = np.cumsum(sizes) - sizes
    low, high = np.minimum(a, b), np.maximum(a, b)
    c = rng.integers(0, total - sizes[a] - sizes[b])  # a place outside both labels, stepped over one after the other
    c += np.where(c >= starts[low], sizes[low], 0)
    c += np.where(c >= starts[high], sizes[high], 0)
    places = [starts[label] + rng.integers(0, sizes[label]) for label in (a, b)]
    return rng.permutation(np.column_stack([*places, c]))  # they came sorted by the first label


def _distinct(rng: np.random.Generator, sizes: np.ndarray, k: int) -> np.ndarray:
    """k = 2 or 3 different numbers below each size, in random order -> (n, k) int64."""
    i = rng.integers(0, sizes)
    j = rng.integers(0, sizes - 1)
    j += j >= i  # step over i
    if k == 2:
        return np.column_stack([i, j])
    low, high = np.minimum(i, j), np.maximum(i, j)
    last = rng.integers(0, sizes - 2)
    last += last >= low
    last += last >= high
    return np.column_stack([i, j, last])
