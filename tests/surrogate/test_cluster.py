import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from alignet_hf.errors import InputError
from alignet_hf.surrogate import cluster as module
from alignet_hf.surrogate import starts
from alignet_hf.surrogate.cluster import Clusters, cluster_embeddings
from alignet_hf.surrogate.elbow import elbow
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation

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


def test_a_memory_map_in_half_precision_a_view_and_an_array_are_one(tmp_path):
    half = POINTS.astype(np.float16)
    mapped = Embeddings.from_pretrained(Embeddings(half).save_pretrained(tmp_path))
    transform = UncertaintyDistillation(2 * np.eye(8, dtype=np.float32), np.zeros(8, np.float32), 0.0, 2.0)
    expected = cluster_embeddings(half.astype(np.float32), 6, seed=0)
    for embeddings in (mapped, transform.view(half)):
        clusters = cluster_embeddings(embeddings, 6, seed=0)
        np.testing.assert_array_equal(clusters.labels, expected.labels)
        np.testing.assert_array_equal(clusters.centroids, expected.centroids)


def test_blocks_make_no_difference(monkeypatch):
    whole = cluster_embeddings(POINTS, 6, seed=0)
    monkeypatch.setattr(module, "_ROWS_PER_BLOCK", 37)
    parts = cluster_embeddings(POINTS, 6, seed=0)
    np.testing.assert_array_equal(parts.labels, whole.labels)
    np.testing.assert_array_equal(parts.centroids, whole.centroids)
    assert parts.inertia == pytest.approx(whole.inertia)


def test_more_starts_find_no_worse():
    one, ten = (cluster_embeddings(POINTS, 12, seed=4, n_init=n_init) for n_init in (1, 10))
    assert ten.inertia <= one.inertia
    assert ten.metadata["n_init"] == 10


def test_centroids_of_a_sample():
    sampled, same, other = (cluster_embeddings(POINTS, 6, seed=seed, sample=60, n_init=20) for seed in (0, 0, 1))
    assert adjusted_rand_score(TRUTH, sampled.labels) == 1
    assert sampled.metadata["sample"] == 60
    np.testing.assert_array_equal(sampled.centroids, same.centroids)
    assert (sampled.centroids != other.centroids).any()
    assert not np.allclose(
        sampled.centroids, [POINTS[sampled.labels == label].mean(0) for label in range(6)], atol=1e-3
    )


def test_the_elbow_is_drawn(tmp_path):
    clusters = cluster_embeddings(POINTS, "elbow", seed=0, candidates=[2, 4, 6, 8])
    axis = clusters.draw_elbow().axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in axis.lines}
    np.testing.assert_allclose(drawn["k-means"], clusters.elbow_curve)
    chosen = f"K = {clusters.n_clusters}, farthest below the line"
    np.testing.assert_allclose(drawn[chosen], [[clusters.n_clusters, clusters.inertia]])
    with pytest.raises(InputError, match="K = 6 was given, so there is no Elbow curve"):
        cluster_embeddings(POINTS, 6, seed=0).draw_elbow()


def test_stopped_and_called_again_it_goes_on(tmp_path, monkeypatch):
    options = {"seed": 0, "n_init": 3, "candidates": [2, 4, 6]}
    whole = cluster_embeddings(POINTS, "elbow", output=tmp_path / "whole", **options)
    learnt, learn = [], starts.Start.learn

    def interrupted(points, n_clusters, n_iter, seed):
        if len(learnt) == 5:
            raise KeyboardInterrupt
        learnt.append(n_clusters)
        return learn(points, n_clusters, n_iter, seed)

    monkeypatch.setattr(starts.Start, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cluster_embeddings(POINTS, "elbow", output=tmp_path / "stopped", **options)
    monkeypatch.setattr(starts.Start, "learn", lambda *args: learnt.append(args[1]) or learn(*args))
    cluster_embeddings(POINTS, "elbow", output=tmp_path / "stopped", **options)
    assert learnt == [2, 2, 2, 4, 4, 4, 6, 6, 6]
    files = [(tmp_path / run / "clusters.safetensors").read_bytes() for run in ("whole", "stopped")]
    assert files[0] == files[1]
    assert not (tmp_path / "stopped" / "starts").exists()
    assert Clusters.from_pretrained(tmp_path / "whole").inertia == whole.inertia


def test_starts_of_other_points_are_not_taken(tmp_path):
    kept = starts.Starts(tmp_path)
    first = kept.learn(POINTS, 3, 10, 0)
    np.testing.assert_array_equal(kept.learn(POINTS, 3, 10, 0).centroids, first.centroids)
    assert (kept.learn(POINTS + 1, 3, 10, 0).centroids != first.centroids).all()
    assert len(list(tmp_path.iterdir())) == 2


def test_as_many_clusters_as_points():
    clusters = cluster_embeddings(POINTS[:5], 5, seed=0)
    assert sorted(clusters.labels) == [0, 1, 2, 3, 4]
    assert clusters.inertia == pytest.approx(0, abs=1e-3)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="6 clusters cannot be learnt from 5 points; sample more"):
        cluster_embeddings(POINTS, 6, seed=0, sample=5)
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
