"""Starts of k-means, each kept on disk once it has ended, so that a long clustering that was stopped goes on."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from safetensors.numpy import load_file, save_file

from alignet_hf.hub.artifacts import make_folder, replacing


@dataclass(frozen=True)
class Start:
    """What k-means comes to from one start.

    Attributes:
        centroids: (K, D) float32.
        objective: sum of squared distances of the points to the nearest centroid, in the last iteration.
    """

    centroids: np.ndarray
    objective: float

    @classmethod
    def learn(cls, points: np.ndarray, n_clusters: int, n_iter: int, seed: int) -> Self:
        """K-means by faiss on all of these points, (n, D) float32."""
        import faiss

        k_means = faiss.Kmeans(
            points.shape[1],
            n_clusters,
            niter=n_iter,
            seed=seed,
            min_points_per_centroid=1,
            max_points_per_centroid=len(points),
        )
        k_means.train(points)
        # Where there are as many clusters as points, these are the centroids, and nothing is iterated.
        return cls(k_means.centroids, float(k_means.obj[-1]) if len(k_means.obj) else 0.0)


class Starts:
    """Those that have ended, in a folder; each under a name that follows from all it was made from.

    Args:
        folder: made when there is something to keep; None keeps nothing.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder

    def learn(self, points: np.ndarray, n_clusters: int, n_iter: int, seed: int) -> Start:
        """`Start.learn`, unless that has been done."""
        if self.folder is None:
            return Start.learn(points, n_clusters, n_iter, seed)
        digest = hashlib.sha256(json.dumps([points.shape, n_clusters, n_iter, seed]).encode())
        digest.update(points)
        path = self.folder / f"{digest.hexdigest()[:32]}.safetensors"
        if path.exists():
            kept = load_file(path)
            return Start(kept["centroids"], float(kept["objective"][0]))
        start = Start.learn(points, n_clusters, n_iter, seed)
        make_folder(self.folder)
        with replacing(path) as temporary:
            save_file({"centroids": start.centroids, "objective": np.array([start.objective])}, temporary)
        return start

    def forget(self) -> None:
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
