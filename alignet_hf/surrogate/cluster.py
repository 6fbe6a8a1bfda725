"""Superordinate clusters of the teacher's (transformed) representations: k-means, K given or by the Elbow criterion."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import Artifact, make_folder
from alignet_hf.surrogate.elbow import draw_elbow, elbow
from alignet_hf.surrogate.starts import Starts
from alignet_hf.surrogate.views import EmbeddingsView, validated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS_PER_BLOCK = 16384
_POINTS_PER_CLUSTER = 256


class Clusters(Artifact):
    """A k-means clustering.

    Args:
        labels: (N,) int32, the nearest centroid of every embedding; -1 of those that were left out.
        centroids: (K, D) float32.
        facts: what made it; `n_clusters`, `inertia` (sum of squared distances to the nearest centroid) and, where the
            Elbow criterion chose K, `elbow_curve`: a list of [K, inertia].
    """

    kind = "clusters"
    command = "cluster"
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

    def draw_elbow(self) -> "Figure":
        """The Elbow curve, and the K chosen on it.

        Raises:
            InputError: if K was given.
        """
        if self.elbow_curve is None:
            raise InputError(f"clusters: K = {self.n_clusters} was given, so there is no Elbow curve to draw")
        return draw_elbow(self.elbow_curve)

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
    sample: int | None = None,
    candidates: Sequence[int] | None = None,
    rows: np.ndarray | None = None,
    output: str | Path | None = None,
    progress: bool = True,
) -> Clusters:
    """Cluster embeddings by k-means (faiss).

    The embeddings are read from where they are: a sample to learn centroids from, then all, block by block.

    Args:
        embeddings: (N, D) float, memory-mapped say, or a view of them (`UncertaintyDistillation.view`).
        n_clusters: K, or "elbow" for the K whose point (K, inertia) lies farthest below the chord from the first to
            the last candidate, both axes scaled to 0..1.
        seed: of the sample and the starts.
        n_init: starts; the one with the least inertia of the sample is kept.
        n_iter: iterations of each.
        sample: of how many embeddings to learn centroids; 256 a cluster, faiss' number, where not given.
        candidates: the K tried for "elbow"; twelve from 2 to N / 2 (1,000 at most), evenly spaced in the logarithm,
            where not given.
        rows: (n,) int, of the embeddings to cluster, the others having the label -1; all where not given. A point is
            one of these.
        output: a folder to save the clusters to. Every start that has ended is kept there until then: stopped anywhere
            and called again, the work goes on and ends with the same bytes.

    Raises:
        InputError: if there are fewer points than clusters, or an embedding is not finite.
    """
    n_rows = len(embeddings)
    embeddings = validated(embeddings) if rows is None else EmbeddingsView(embeddings, rows)
    numbers = [n_clusters] if n_clusters != "elbow" else _candidates(candidates, len(embeddings))
    for number in numbers:
        if not 1 <= number <= len(embeddings):
            raise InputError(
                f"n_clusters: {number} clusters of {len(embeddings)} points; there must be 1 to as many as points"
            )
        if sample is not None and sample < number:
            raise InputError(f"sample: {number} clusters cannot be learnt from {sample} points; sample more")
    starts = Starts(None if output is None else make_folder(output) / "starts")
    order = np.random.default_rng(seed).permutation(len(embeddings))
    centroids = []
    with tqdm(total=len(numbers) * n_init, unit="start", desc="k-means", disable=None if progress else True) as bar:
        for number in numbers:
            points = _rows(embeddings, np.sort(order[: sample or _POINTS_PER_CLUSTER * number]))
            tried = []
            for start in range(n_init):
                tried.append(starts.learn(points, number, n_iter, _seed_of(seed, start)))
                bar.update()
            centroids.append(min(tried, key=lambda one: one.objective).centroids)
    labels, inertias = _assign(embeddings, centroids, progress)
    curve = [[number, inertia] for number, inertia in zip(numbers, inertias, strict=True)]
    chosen = elbow(curve) if n_clusters == "elbow" else 0
    facts = {"n_clusters": numbers[chosen], "inertia": inertias[chosen], "seed": seed, "n_init": n_init}
    facts |= {"n_iter": n_iter, "sample": min(sample or _POINTS_PER_CLUSTER * numbers[chosen], len(embeddings))}
    if n_clusters == "elbow":
        facts["elbow_curve"] = curve
    if rows is not None:
        facts["left_out"] = n_rows - len(rows)
        whole = np.full(n_rows, -1, np.int32)
        whole[rows] = labels[chosen]
        labels[chosen] = whole
    clusters = Clusters(labels[chosen], centroids[chosen], **facts)
    if output is not None:
        clusters.save_pretrained(output)
        starts.forget()
    return clusters


def _candidates(given: Sequence[int] | None, n_points: int) -> list[int]:
    if given is None:
        given = np.geomspace(2, max(2, min(n_points // 2, 1000)), 12).round().astype(int).tolist()
    candidates = sorted(set(given))
    if len(candidates) < 3:
        raise InputError(
            f"n_clusters: the Elbow criterion needs three candidates at least, got {candidates} for {n_points} "
            "points; give n_clusters as a number"
        )
    return candidates


def _seed_of(seed: int, start: int) -> int:
    """The first start has the seed as it is; the others must not be another seed's. Faiss takes 31 bits."""
    return int(np.random.SeedSequence((seed, start)).generate_state(1)[0] >> 1) if start else seed


def _rows(embeddings, rows: np.ndarray) -> np.ndarray:
    """Rows as float32, brought from where they are in blocks."""
    found = np.empty((len(rows), embeddings.shape[1]), np.float32)
    for start in range(0, len(rows), _ROWS_PER_BLOCK):
        block = slice(start, start + _ROWS_PER_BLOCK)
        found[block] = embeddings[rows[block]]
    return found


def _assign(embeddings, centroids: list[np.ndarray], progress: bool) -> tuple[list[np.ndarray], list[float]]:
    """Every point's nearest centroid, and the inertia, for several sets of centroids in one reading of the points."""
    import faiss

    labels, inertias, indices = [], [], []
    for some in centroids:
        indices.append(faiss.IndexFlatL2(embeddings.shape[1]))
        indices[-1].add(some)
        labels.append(np.empty(len(embeddings), np.int32))
        inertias.append(0.0)
    with tqdm(total=len(embeddings), unit="row", desc="labels", disable=None if progress else True) as bar:
        for start in range(0, len(embeddings), _ROWS_PER_BLOCK):
            block = np.ascontiguousarray(embeddings[start : start + _ROWS_PER_BLOCK], np.float32)
            for number, index in enumerate(indices):
                distances, nearest = index.search(block, 1)
                labels[number][start : start + len(block)] = nearest[:, 0]
                inertias[number] += float(distances.sum(dtype=np.float64))
            bar.update(len(block))
    return labels, inertias
