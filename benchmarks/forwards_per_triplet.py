"""Image forwards a listed triplet costs, in random order and in steps that share images; dense steps across clusters.

    python benchmarks/forwards_per_triplet.py [N_TRIPLETS]

A step encodes each of its distinct images once. ImageNet's size is 1,281,167 images in 500 clusters of Zipf's sizes and
ten million triplets (N_TRIPLETS scales both down), in steps of 512; small sets are 92 objects. Beside random triplets
stands a bound (`least_forwards`): with steps of fewer images, the expected number of ways to choose each step's images
so that every triplet lies within one step's is below 1, and so hardly any set of triplets has such an order.
"""

import sys
import time
import tracemalloc
from dataclasses import dataclass
from math import comb

import numpy as np
from measure import print_goals
from scipy.optimize import brentq
from scipy.special import gammaln

from alignet_hf.distill.cluster_order import ClusterOrder
from alignet_hf.distill.shared_images import SharedImagesOrder
from alignet_hf.surrogate.sample import sample_triplets

N_IMAGES, N_TRIPLETS, N_CLUSTERS, STEP = 1_281_167, 10_000_000, 500, 512
CLUSTERS_A_STEP = 64
N_COUNTED = 500  # steps whose images are counted, evenly spaced in the epoch


@dataclass(frozen=True)
class Order:
    """An epoch as it came out.

    Attributes:
        forwards: distinct images of a step over its triplets, the mean of N_COUNTED steps.
        seconds: of the processor, for the whole epoch's order.
        megabytes: peak memory beside the triplets.
    """

    forwards: float
    seconds: float
    megabytes: float


def zipf_labels(n_images: int, n_clusters: int) -> np.ndarray:
    shares = 1 / np.arange(1, n_clusters + 1)
    return np.random.default_rng(0).choice(n_clusters, n_images, p=shares / shares.sum()).astype(np.int32)


def forwards_a_triplet(triplets: np.ndarray, order: np.ndarray, rows_a_step: int) -> float:
    steps = order[: len(order) - len(order) % rows_a_step].reshape(-1, rows_a_step)
    counted = steps[np.unique(np.linspace(0, len(steps) - 1, N_COUNTED).astype(int))]
    return float(np.mean([len(np.unique(triplets[step])) for step in counted])) / rows_a_step


def shared_images(triplets: np.ndarray, rows_a_step: int) -> Order:
    tracemalloc.start()
    start = time.process_time()
    order = SharedImagesOrder(triplets, rows_a_step)(0)
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return Order(forwards_a_triplet(triplets, order, rows_a_step), seconds, peak)


def least_forwards(n_images: int, n_triplets: int, rows_a_step: int) -> float:
    """Below so many images a step over its triplets, hardly any set of random triplets has an order.

    There are C(N, U) ways to choose the images of a step, and n / T steps. The probability that a random triplet lies
    within one of them is at most n / T * C(U, 3) / C(N, 3). The expected number of choices that hold all n triplets,
    C(N, U)^(n / T) * (n / T * C(U, 3) / C(N, 3))^n, grows with U; this is where it is 1.
    """
    n_steps = n_triplets / rows_a_step

    def log_choose(n: float, k: float) -> float:
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    def log_expected_a_triplet(images: float) -> float:
        inside = min(np.log(n_steps) + log_choose(images, 3) - log_choose(n_images, 3), 0)
        return log_choose(n_images, images) / rows_a_step + inside

    return brentq(log_expected_a_triplet, 3, min(n_images, 3 * rows_a_step) * (1 - 1e-9)) / rows_a_step


def boundary_share(labels: np.ndarray, order: np.ndarray, rows_a_step: int) -> float:
    """Of a dense step's triplets, those with two images of one cluster and one of another; the mean of the steps."""
    counts = []
    for step in order[: len(order) - len(order) % rows_a_step].reshape(-1, rows_a_step)[:N_COUNTED]:
        sizes = np.unique(labels[step], return_counts=True)[1]
        counts.append(sum(comb(int(size), 2) * (rows_a_step - int(size)) for size in sizes) / comb(rows_a_step, 3))
    return float(np.mean(counts))


def main(n_triplets: int) -> None:
    n_images = N_IMAGES * n_triplets // N_TRIPLETS
    labels = zipf_labels(n_images, N_CLUSTERS)
    objects = np.random.default_rng(0).integers(0, 8, 92)
    goals = []
    for name, items, n, strategy, step in (
        ("ImageNet's size, random", labels, n_triplets, "random", STEP),
        ("ImageNet's size, cluster-boundary", labels, n_triplets, "cluster-boundary", STEP),
        ("92 objects, random, steps of 512", objects, 20_000, "random", 512),
        ("92 objects, random, steps of 16", objects, 20_000, "random", 16),
        ("92 objects, cluster-boundary, steps of 16", objects, 20_000, "cluster-boundary", 16),
    ):
        triplets = sample_triplets(items, n, strategy, seed=0)
        random = forwards_a_triplet(triplets, np.random.default_rng(0).permutation(n), step)
        shared = shared_images(triplets, step)
        bound = f"; none below {least_forwards(len(items), n, step):.2f}" if strategy == "random" else ""
        goals.append(
            (
                f"forwards a triplet: {name}",
                f"< {random:.3f}, random order{bound}",
                f"{shared.forwards:.3f} (x {random / shared.forwards:.2f})",
                shared.forwards < random,
            )
        )
        if n == n_triplets:
            goals += [
                (f"- an epoch's order of {n:,}", "", f"{shared.seconds:.1f} s", True),
                ("- memory beside the triplets", "< 300 MB", f"{shared.megabytes:.0f} MB", shared.megabytes < 300),
            ]
    for clusters, of in (("Zipf's", labels), ("equal", np.arange(n_images, dtype=np.int32) % N_CLUSTERS)):
        random = boundary_share(of, np.random.default_rng(0).permutation(n_images), STEP)
        start = time.process_time()
        order = ClusterOrder(of, STEP, CLUSTERS_A_STEP)(0)
        seconds, share = time.process_time() - start, boundary_share(of, order, STEP)
        goals += [
            (
                f"boundary triplets of a dense step of {STEP}, {clusters} clusters: {CLUSTERS_A_STEP} a step",
                f"> {random:.2%}, random rows",
                f"{share:.2%}",
                share > random,
            ),
            (f"- an epoch's order of {n_images:,} images", "", f"{seconds:.1f} s", True),
        ]
    print_goals(f"orders of an epoch; {n_images:,} images, {n_triplets:,} triplets", goals)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else N_TRIPLETS)
