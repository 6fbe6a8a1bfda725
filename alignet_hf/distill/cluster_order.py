"""Steps in which clusters repeat: k images of each of m clusters, so that many dense triplets lie across a boundary.

Of the triplets of 512 random images from 500 equal clusters, one in 170 has two images of one cluster and one of
another; of those of 8 images from each of 64 clusters, one in 25.
"""

import numpy as np

from alignet_hf.distill.steps import draw_rest, shuffle_steps
from alignet_hf.errors import InputError


class ClusterOrder:
    """An epoch whose steps hold k images of each of m clusters, drawn anew in every epoch.

    Every image comes once in an epoch. A cluster's images are shuffled and dealt out in hands of k, and a step takes m
    hands of different clusters; a cluster with more than one m-th of all images is in a step more than once. What this
    leaves over, fewer than k images of a cluster and fewer than m hands, fills steps of its own, cluster by cluster:
    they hold fewer images of more clusters. Images of one cluster follow one another, so that processes and
    micro-batches, which take equal runs of a step, have whole clusters where k divides their rows.

    Args:
        labels: (n_rows,) int, the cluster of each row.
        rows_a_step: m * k, of all processes and micro-batches together.
        clusters_a_step: m.

    Raises:
        InputError: m does not divide the rows of a step, or leaves one image a cluster.
    """

    def __init__(self, labels: np.ndarray, rows_a_step: int, clusters_a_step: int):
        if rows_a_step % clusters_a_step or rows_a_step == clusters_a_step:
            raise InputError(
                f"clusters_a_step is {clusters_a_step}, but a step has {rows_a_step} images: choose a number that "
                "divides them and leaves two or more of each cluster"
            )
        self.labels = np.unique(labels, return_inverse=True)[1]
        self.n_clusters = int(self.labels.max(initial=-1)) + 1
        self.rows_a_step, self.clusters_a_step = rows_a_step, clusters_a_step
        self.images_a_hand = rows_a_step // clusters_a_step

    def __call__(self, seed: int) -> np.ndarray:
        """The rows of the epoch with this seed -> (n_rows,) int64."""
        rng = np.random.default_rng(seed)
        rows, rest = draw_rest(rng, len(self.labels), self.rows_a_step)
        hands, others = self._deal(rng, rows)
        steps = self._fill(rng, hands)
        rows_of_steps, left_over = hands[steps].reshape(-1), hands[np.setdiff1d(np.arange(len(hands)), steps)]
        others = self._by_cluster(rng, np.append(others, left_over))
        whole = shuffle_steps(rng, np.append(rows_of_steps, others), self.rows_a_step)
        return np.append(whole, self._by_cluster(rng, rest))

    def _deal(self, rng: np.random.Generator, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hands of k rows of one cluster each, cluster after cluster -> (n_hands, k), and the rows in none."""
        rows = self._by_cluster(rng, rows)
        labels = self.labels[rows]
        starts = np.flatnonzero(np.diff(labels, prepend=-1))
        sizes = np.diff(starts, append=len(rows))
        place = np.arange(len(rows)) - np.repeat(starts, sizes)  # within its cluster
        is_dealt = place < np.repeat(sizes - sizes % self.images_a_hand, sizes)
        return rows[is_dealt].reshape(-1, self.images_a_hand), rows[~is_dealt]

    def _fill(self, rng: np.random.Generator, hands: np.ndarray) -> np.ndarray:
        """Which hands make up each step -> (n_steps, m): different clusters as far as that can be."""
        n_steps = len(hands) // self.clusters_a_step
        if not n_steps:
            return np.empty((0, self.clusters_a_step), np.int64)
        kept = np.sort(rng.permutation(len(hands))[: n_steps * self.clusters_a_step])
        filled = np.zeros(n_steps, np.int64)
        step_of = np.empty(len(kept), np.int64)
        # Each cluster's hands go to the emptiest steps, equally empty ones in random order. As no two steps then ever
        # differ by more than a hand, all are full in the end.
        starts = np.flatnonzero(np.diff(self.labels[hands[kept, 0]], prepend=-1))
        for start, end in zip(starts, np.append(starts[1:], len(kept)), strict=True):
            rounds, once_more = divmod(end - start, n_steps)
            emptiest = np.argsort(filled + rng.random(n_steps))[:once_more]
            step_of[start:end] = np.append(np.tile(np.arange(n_steps), rounds), emptiest)
            filled += rounds
            filled[emptiest] += 1
        return kept[np.argsort(step_of, kind="stable")].reshape(n_steps, self.clusters_a_step)

    def _by_cluster(self, rng: np.random.Generator, rows: np.ndarray) -> np.ndarray:
        """Cluster after cluster in random order, each with its rows shuffled."""
        rows = rng.permutation(rows)
        return rows[np.argsort(rng.permutation(self.n_clusters)[self.labels[rows]], kind="stable")]
