"""Superordinate clusters of the teacher's (transformed) representations: k-means, K given or by the Elbow criterion."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import Artifact
from alignet_hf.triplets import validate_embeddings

_ROWS_PER_BLOCK = 65536


class Clusters(Artifact):
    """A k-means clustering.

    Args:
        labels: (N,) int32, the nearest centroid of every embedding.
        centroids: (K, D) float32.
        facts: what made it; `n_clusters`, `inertia` (sum of squared distances to the nearest centroid) and, where the
            Elbow criterion chose K, `elbow_curve`: a list of [K, inertia].
    """

    kind = "clusters"
    summary = "A k-means clustering of image representations; its labels say between what to sample triplets."
    repo_type = "dataset"

    def __init__(self, labels: np.ndarray, centroids: np.ndarray, **facts):
        self.labels, self.centroids, self.metadata = labels, centroids, facts

    @property
    def n_clusters(self) -> int:
        return len(self.centroids)

    @property
    def inertia(self) -> float:
        return self.metadata["inertia"]

    @property
    def elbow_curve(self) -> list[list[float]] | None:
        return self.metadata.get("elbow_curve")

    def tensors(self) -> dict[str, np.ndarray]:
        return {"labels": self.labels, "centroids": self.centroids}

    def facts(self) -> dict:
        return self.metadata

    @classmethod
    def from_parts(cls, tensors: dict[str, np.ndarray], facts: dict) -> Self:
        return cls(tensors["labels"], tensors["centroids"], **facts)


def cluster_embeddings(
    embeddings,
    n_clusters: int | Literal["elbow"] = 500,
    seed: int = 0,
    *,
    n_init: int = 1,
    n_iter: int = 25,
    candidates: Sequence[int] | None = None,
    progress: bool = True,
) -> Clusters:
    """Cluster embeddings by k-means (faiss; centroids are learnt from at most 256 points a cluster, as it does).

    Args:
        embeddings: (N, D) float.
        n_clusters: K, or "elbow" for the K whose point (K, inertia) lies farthest below the chord from the first to
            the last candidate, both axes scaled to 0..1.
        seed: of the starts.
        n_init: starts; the best is kept.
        n_iter: iterations of each.
        candidates: the K tried for "elbow"; twelve from 2 to N / 2 (1,000 at most), evenly spaced in the logarithm,
            where not given.

    Raises:
        InputError: if there are fewer points than clusters, or an embedding is not finite.
    """
    embeddings = np.ascontiguousarray(validate_embeddings(embeddings), np.float32)
    if n_clusters != "elbow":
        return _k_means(embeddings, n_clusters, seed, n_init, n_iter)
    if candidates is None:
        candidates = np.geomspace(2, max(2, min(len(embeddings) // 2, 1000)), 12).round().astype(int).tolist()
    candidates = sorted(set(candidates))
    if len(candidates) < 3:
        raise InputError(
            f"n_clusters: the Elbow criterion needs three candidates at least, got {candidates} for {len(embeddings)} "
            "points; give n_clusters as a number"
        )
    # All are kept until the choice is made: labels and centroids are small beside the embeddings.
    tried = [
        _k_means(embeddings, k, seed, n_init, n_iter)
        for k in tqdm(candidates, unit="K", desc="elbow", disable=None if progress else True)
    ]
    curve = [[clusters.n_clusters, clusters.inertia] for clusters in tried]
    chosen = tried[elbow(curve)]
    chosen.metadata["elbow_curve"] = curve
    return chosen


def elbow(curve: Sequence[tuple[float, float]]) -> int:
    """The index of the point of a falling curve [(K, inertia)] that lies farthest below the chord of its ends."""
    points = np.asarray(curve, np.float64)
    span = points[-1] - points[0]
    if not span.all():
        raise InputError(f"n_clusters: the inertia does not change over the candidates, {points[:, 1].tolist()}")
    scaled = (points - points[0]) / span  # the chord runs from (0, 0) to (1, 1); a falling convex curve lies above it
    return int((scaled[:, 1] - scaled[:, 0]).argmax())


def _k_means(embeddings: np.ndarray, n_clusters: int, seed: int, n_init: int, n_iter: int) -> Clusters:
    import faiss

    if not 1 <= n_clusters <= len(embeddings):
        raise InputError(
            f"n_clusters: {n_clusters} clusters of {len(embeddings)} points; there must be 1 to as many as points"
        )
    k_means = faiss.Kmeans(
        embeddings.shape[1], n_clusters, seed=seed, nredo=n_init, niter=n_iter, min_points_per_centroid=1
    )
    k_means.train(embeddings)
    labels, inertia = np.empty(len(embeddings), np.int32), 0.0
    for start in range(0, len(embeddings), _ROWS_PER_BLOCK):
        distances, nearest = k_means.index.search(embeddings[start : start + _ROWS_PER_BLOCK], 1)
        labels[start : start + len(nearest)] = nearest[:, 0]
        inertia += float(distances.sum(dtype=np.float64))
    facts = {"n_clusters": n_clusters, "inertia": inertia, "seed": seed, "n_init": n_init, "n_iter": n_iter}
    return Clusters(labels, k_means.centroids, **facts)
