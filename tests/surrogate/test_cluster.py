import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from alignet_hf.errors import InputError
from alignet_hf.surrogate.cluster import Clusters, cluster_embeddings, elbow

RNG = np.random.default_rng(0)
TRUTH = np.repeat(np.arange(6), 40)
POINTS = (10 * RNG.normal(size=(6, 8))[TRUTH] + RNG.normal(size=(240, 8))).astype(np.float32)


def test_finds_the_clusters_there_are():
    clusters = cluster_embeddings(POINTS, 6, seed=0, n_init=5)
    assert adjusted_rand_score(TRUTH, clusters.labels) == 1
    assert clusters.labels.dtype == np.int32


def test_labels_and_inertia_are_those_of_the_nearest_centroid():
    clusters = cluster_embeddings(POINTS, 9, seed=1)
    distances = cdist(POINTS, clusters.centroids, "sqeuclidean")
    np.testing.assert_array_equal(clusters.labels, distances.argmin(1))
    assert clusters.inertia == pytest.approx(distances.min(1).sum(), rel=1e-4)
    assert clusters.n_clusters == 9


def test_the_seed_decides():
    runs = [cluster_embeddings(POINTS, 20, seed=seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(runs[0].centroids, runs[1].centroids)
    assert (runs[0].centroids != runs[2].centroids).any()


def test_elbow_finds_their_number():
    clusters = cluster_embeddings(POINTS, "elbow", seed=0, n_init=5, candidates=[2, 3, 4, 5, 6, 7, 8, 12, 20, 40])
    assert clusters.n_clusters == 6
    assert [k for k, _ in clusters.elbow_curve] == [2, 3, 4, 5, 6, 7, 8, 12, 20, 40]
    inertias = [inertia for _, inertia in clusters.elbow_curve]
    assert inertias == sorted(inertias, reverse=True)
    assert cluster_embeddings(POINTS, "elbow", seed=0).n_clusters > 1


def test_elbow_is_farthest_from_the_chord():
    curve = [(2, 100.0), (4, 60), (8, 20), (16, 10), (32, 5)]
    points = np.array(curve)
    points = (points - points.min(0)) / np.ptp(points, 0)
    start, end = points[0], points[-1]
    across = np.array([[0, -1], [1, 0]]) @ (end - start) / np.linalg.norm(end - start)
    assert elbow(curve) == np.abs((points - start) @ across).argmax() == 2


def test_round_trip(tmp_path):
    clusters = cluster_embeddings(POINTS, "elbow", seed=0, candidates=[2, 4, 8])
    loaded = Clusters.from_pretrained(clusters.save_pretrained(tmp_path))
    np.testing.assert_array_equal(loaded.labels, clusters.labels)
    np.testing.assert_array_equal(loaded.centroids, clusters.centroids)
    assert loaded.elbow_curve == clusters.elbow_curve
    assert loaded.inertia == clusters.inertia


def test_bad_input_is_named():
    with pytest.raises(InputError, match="241 clusters of 240 points"):
        cluster_embeddings(POINTS, 241, seed=0)
    with pytest.raises(InputError, match="0 clusters of 240 points"):
        cluster_embeddings(POINTS, 0, seed=0)
    with pytest.raises(InputError, match="needs three candidates"):
        cluster_embeddings(POINTS[:4], "elbow", seed=0)
    with pytest.raises(InputError, match="the inertia does not change"):
        elbow([(2, 1.0), (3, 1.0), (4, 1.0)])
    bad = POINTS.copy()
    bad[17, 3] = np.nan
    with pytest.raises(InputError, match="row 17 holds nan"):
        cluster_embeddings(bad, 3, seed=0)
