import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import roc_auc_score, roc_curve

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout
from alignet_hf.evaluation.vision.neighbours import nearest_neighbours
from alignet_hf.evaluation.vision.out_of_distribution import detection, out_of_distribution
from alignet_hf.evaluation.vision.outlier_scores import Mahalanobis, energies, one_less_most_probable

CLASSES = tuple("abcdef")


def labelled(n, seed, spread=1.2, n_classes=6, centres=99):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % n_classes)
    means = np.random.default_rng(centres).standard_normal((n_classes, 16))
    embeddings = (means[labels] + spread * rng.standard_normal((n, 16)) + 1).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, CLASSES[:n_classes], range(n))


def by_scikit_learn(inside, outside):
    is_outside = np.repeat([0, 1], [len(inside), len(outside)])
    scores = np.concatenate([inside, outside])
    # Accepted are the images inside: the positives, and the less the score the surer.
    false, true, _ = roc_curve(1 - is_outside, -scores, drop_intermediate=False)
    return roc_auc_score(is_outside, scores), false[true >= 0.95].min()


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize(("n", "m"), [(200, 130), (40, 7), (1, 1)])
def test_area_and_rate_are_scikit_learns(rounded, n, m):
    rng = np.random.default_rng(n)
    inside, outside = rng.standard_normal(n), rng.standard_normal(m) + 1
    if rounded:
        inside, outside = inside.round(), outside.round()  # many ties
    results = detection("x", inside, outside, n_bootstrap=20)
    assert [result.name for result in results] == ["ood_auroc/x", "ood_fpr95/x"]
    np.testing.assert_allclose([result.estimate for result in results], by_scikit_learn(inside, outside), atol=1e-12)
    assert results[0].n_objects == n + m


def test_the_draws_are_of_images_inside_and_of_images_outside():
    rng = np.random.default_rng(0)
    inside, outside = rng.standard_normal(60).round(1), (rng.standard_normal(50) + 1).round(1)
    results = detection("x", inside, outside, n_bootstrap=200, seed=3)
    again = np.random.default_rng(3)
    expected = [
        by_scikit_learn(
            inside[again.integers(60, size=60, dtype=np.uint32)], outside[again.integers(50, size=50, dtype=np.uint32)]
        )
        for _ in range(200)
    ]
    np.testing.assert_allclose(np.stack([result.samples for result in results], 1), expected, atol=1e-12)


def test_the_distance_is_that_of_the_nearest_mean_by_the_inverse_covariance():
    training, test = labelled(300, 0), labelled(40, 1)
    embeddings = np.float64(training.embeddings)
    means = np.array([embeddings[training.labels == label].mean(0) for label in range(6)])
    within = embeddings - means[training.labels]
    covariance = within.T @ within / 300 + 1e-6 * embeddings.var(0).mean() * np.eye(16)
    expected = [
        min((row - mean) @ np.linalg.inv(covariance) @ (row - mean) for mean in means)
        for row in np.float64(test.embeddings)
    ]
    np.testing.assert_allclose(Mahalanobis(training)(test.embeddings), expected, rtol=1e-6)


def test_fewer_images_than_dimensions_have_distances():
    assert np.isfinite(Mahalanobis(labelled(12, 0))(labelled(40, 1).embeddings)).all()


def test_the_readouts_scores_are_those_of_its_probabilities():
    logits = 4 * np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
    probabilities = softmax(np.float64(logits), 1)
    np.testing.assert_allclose(one_less_most_probable(logits), 1 - probabilities.max(1), atol=1e-12)
    np.testing.assert_allclose(energies(logits), -np.log(np.exp(np.float64(logits)).sum(1)), atol=1e-12)


def test_certain_images_are_told_apart():
    scores = one_less_most_probable(np.array([[60.0, 0.0], [50.0, 0.0]]))
    assert 0 < scores[0] < scores[1]


def test_images_of_other_classes_are_found():
    training, inside = labelled(600, 0, 0.5), labelled(200, 1, 0.5)
    outside = labelled(150, 2, 0.5, centres=7).embeddings
    readout = LinearReadout.fit(training, l2=0.01)
    results = out_of_distribution(training, inside, outside, readout=readout)
    measures = ("knn", "mahalanobis", "softmax", "energy")
    assert list(results) == [f"ood_auroc/{name}" for name in measures] + [f"ood_fpr95/{name}" for name in measures]
    assert results["ood_auroc/knn"].estimate > 0.95
    assert results["ood_auroc/mahalanobis"].estimate > 0.95
    assert results["ood_auroc/softmax"].estimate > 0.7
    assert results["ood_fpr95/knn"].estimate < 0.3
    assert results["ood_auroc/knn"].chance == 0.5
    assert results["ood_fpr95/knn"].chance == 0.95

    found = nearest_neighbours(inside.embeddings, training.embeddings, 20)
    shared = out_of_distribution(training, inside, outside, inside_neighbours=found, n_bootstrap=0)
    assert shared["ood_auroc/knn"].estimate == results["ood_auroc/knn"].estimate
    assert "ood_auroc/energy" not in shared


def distances_of_tenth(rows, bank):
    """One less the tenth largest cosine, float64."""
    rows, bank = (np.float64(one) / np.linalg.norm(np.float64(one), axis=1, keepdims=True) for one in (rows, bank))
    return 1 - np.sort(rows @ bank.T, 1)[:, -10]


def test_images_are_told_apart_as_by_scores_in_float64():
    training, inside = labelled(600, 0), labelled(100, 1)
    outside = labelled(60, 2, centres=7).embeddings
    readout = LinearReadout.fit(training)
    assert not 0.9 < readout.temperature < 1.1
    results = out_of_distribution(training, inside, outside, readout=readout, n_bootstrap=0)
    means = np.array([np.float64(training.embeddings[training.labels == label]).mean(0) for label in range(6)])
    within = training.embeddings - means[training.labels]
    floor = 1e-6 * np.float64(training.embeddings).var(0).mean()
    inverse = np.linalg.inv(within.T @ within / 600 + floor * np.eye(16))

    def mahalanobis(rows):
        apart = rows[:, None] - means
        return np.einsum("ncd,de,nce->nc", apart, inverse, apart).min(1)

    def logits(rows):  # of the regression, before its temperature
        return (np.float64(rows) @ np.float64(readout.weights) + readout.bias) * readout.temperature

    for name, score in {
        "knn": lambda rows: distances_of_tenth(rows, training.embeddings),
        "mahalanobis": mahalanobis,
        "softmax": lambda rows: 1 - softmax(logits(rows), 1).max(1),
        "energy": lambda rows: -np.log(np.exp(logits(rows)).sum(1)),
    }.items():
        scores = score(inside.embeddings), score(outside)
        found = [results[f"ood_{measure}/{name}"].estimate for measure in ("auroc", "fpr95")]
        # No two are so near that float32 could exchange them.
        assert np.abs(np.subtract.outer(*scores)).min() > 1e-6 * np.abs(np.concatenate(scores)).max()
        expected = by_scikit_learn(*scores)
        assert 0.55 < expected[0] < 0.99
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_equally_near_neighbours_are_ties():
    rng = np.random.default_rng(0)
    signs = [rng.choice([-1.0, 1.0], (n, 16), p=(p, 1 - p)) for n, p in ((90, 0.2), (60, 0.2), (50, 0.4))]
    training, inside = (
        LabelledEmbeddings(rows, np.arange(len(rows)) % 6, CLASSES, range(len(rows))) for rows in signs[:2]
    )
    results = out_of_distribution(training, inside, signs[2], n_bootstrap=0)
    distances = [distances_of_tenth(rows, training.embeddings) for rows in signs[1:]]  # eighths, without rounding
    assert len(np.unique(np.concatenate(distances))) < 10
    found = [results[f"ood_{measure}/knn"].estimate for measure in ("auroc", "fpr95")]
    np.testing.assert_allclose(found, by_scikit_learn(*distances), atol=1e-12)


def test_images_of_the_same_classes_are_at_chance():
    results = out_of_distribution(labelled(300, 0), labelled(400, 1), labelled(400, 2).embeddings)
    for name in ("knn", "mahalanobis"):
        assert results[f"ood_auroc/{name}"].low < 0.5 < results[f"ood_auroc/{name}"].high
        assert results[f"ood_fpr95/{name}"].low < 0.95 < results[f"ood_fpr95/{name}"].high


def test_two_encoders_are_compared_under_the_same_draws():
    def score(noise):
        rng = np.random.default_rng(1)
        base = rng.standard_normal(500)
        inside = base[:300] + noise * rng.standard_normal(300)
        return detection("x", inside, base[300:] + 1 + noise * rng.standard_normal(200))[0]

    first, second = score(0.0), score(0.3)
    assert compare_results(first, second).difference.samples.std() < first.samples.std()


def test_what_does_not_fit_is_named():
    training, inside = labelled(60, 0), labelled(30, 1)
    with pytest.raises(InputError, match=r"outside: shape \(5, 4\); give \(M, 16\)"):
        out_of_distribution(training, inside, np.ones((5, 4)))
    found = nearest_neighbours(inside.embeddings, training.embeddings, 3)
    with pytest.raises(InputError, match="neighbours: 3 an image, where 10 are needed"):
        out_of_distribution(training, inside, inside.embeddings, inside_neighbours=found)
    with pytest.raises(InputError, match="the images outside need a score each"):
        detection("x", [1.0], [])
    with pytest.raises(InputError, match="the images inside need a score each"):
        detection("x", [np.nan], [1.0])
