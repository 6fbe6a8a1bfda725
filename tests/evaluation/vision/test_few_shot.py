import importlib.util
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.vision import few_shot as room
from alignet_hf.evaluation.vision.few_shot import few_shot
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.ridge import RidgeClassifiers
from alignet_hf.evaluation.vision.shots import held_out_draws, shot_draws

CLASSES = tuple("abcdef")


def labelled(n, seed, spread=1.2, n_classes=6):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % n_classes)
    means = np.random.default_rng(99).standard_normal((n_classes, 16))
    embeddings = (3 + means[labels] + spread * rng.standard_normal((n, 16))).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, CLASSES[:n_classes], [f"{row}.jpg" for row in range(n)])


@pytest.mark.parametrize("n", [10, 60])  # fewer images than dimensions, and more
@pytest.mark.parametrize("l2", [2.0**-4, 2.0**10])
def test_the_closed_form_is_ridge_regression_with_a_large_constant_feature(n, l2):
    some, test = labelled(n, 0), labelled(30, 1)
    unequal = some.of_rows(np.arange(n - 3))  # the bias matters
    mean, deviation = unequal.embeddings.mean(0), unequal.embeddings.std(0) + 1e-5

    def standard(rows):
        return np.column_stack([(rows - np.float64(mean)) / deviation, np.full(len(rows), 100.0)])

    targets = 2.0 * np.eye(6)[unequal.labels] - 1
    ridge = Ridge(l2, fit_intercept=False, solver="svd").fit(standard(unequal.embeddings), targets)
    classifiers = RidgeClassifiers(unequal.embeddings, unequal.labels, 6)
    for weights, bias in (classifiers.weights(l2), classifiers.weights_of_one(l2)):
        outputs = np.float64(test.embeddings) @ weights + bias
        np.testing.assert_allclose(outputs, ridge.predict(standard(test.embeddings)), atol=1e-6)


def test_a_strength_too_small_for_a_cholesky_factor_is_met_all_the_same():
    some = labelled(10, 0)
    doubled = np.concatenate([some.embeddings, some.embeddings])  # the gram matrix has no full rank
    classifiers = RidgeClassifiers(doubled, np.tile(some.labels, 2), 6)
    for both in zip(classifiers.weights(1e-30), classifiers.weights_of_one(1e-30), strict=True):
        np.testing.assert_array_equal(*both)


def test_shots_are_so_many_of_each_class_and_few_are_among_many():
    labels = labelled(60, 0).labels
    few, many = list(shot_draws(labels, 2, 3, seed=5)), list(shot_draws(labels, 7, 3, seed=5))
    for some, more in zip(few, many, strict=True):
        assert np.bincount(labels[some]).tolist() == [2] * 6
        assert np.bincount(labels[more]).tolist() == [7] * 6
        assert set(some) <= set(more)
    assert len({tuple(rows) for rows in few}) == 3
    assert all((a == b).all() for a, b in zip(few, shot_draws(labels, 2, 3, seed=5), strict=True))


def test_shots_are_drawn_uniformly():
    labels = np.repeat([0, 1], [3, 6])
    drawn = np.bincount(np.concatenate(list(shot_draws(labels, 2, 3000, seed=0))), minlength=9) / 3000
    np.testing.assert_allclose(drawn, np.repeat([2 / 3, 1 / 3], [3, 6]), atol=0.04)


def test_what_is_held_out_is_no_shot():
    labels = np.repeat([0, 1, 2], [1, 4, 20])
    for shots, others in held_out_draws(labels, 10, 3, 8, seed=0):
        assert not set(shots) & set(others)
        assert np.bincount(labels[shots]).tolist() == [1, 3, 10]
        assert len(others) == 8


def by_hand(training, test, n_shots, n_draws, l2, method):
    """(n_draws, N) bool, with scikit-learn."""
    right = []
    for rows in shot_draws(training.labels, n_shots, n_draws, seed=0):
        features = np.float64(training.embeddings[rows])
        mean, deviation = features.mean(0), features.std(0)
        x, y, z = (features - mean) / deviation, training.labels[rows], (test.embeddings - mean) / deviation
        if method == "ridge":
            outputs = Ridge(l2).fit(x, np.eye(6)[y]).predict(z)
            right.append(outputs.argmax(1) == test.labels)
        else:
            right.append(LogisticRegression(C=1 / l2, max_iter=1000).fit(x, y).predict(z) == test.labels)
    return np.array(right)


@pytest.mark.parametrize(("method", "suffix"), [("ridge", ""), ("logistic", "-logistic")])
def test_the_accuracy_is_that_of_scikit_learns_classifiers(method, suffix):
    training, test = labelled(120, 0), labelled(90, 1)
    results = few_shot(training, test, shots=(1, 5), method=method, n_draws=4, strengths=(3.0,))
    assert list(results) == [f"few_shot_accuracy/1-shot{suffix}", f"few_shot_accuracy/5-shot{suffix}"]
    for n_shots, result in zip((1, 5), results.values(), strict=True):
        right = by_hand(training, test, n_shots, 4, 3.0, method)
        np.testing.assert_allclose(result.per_draw, right.mean(1), atol=1e-12)
        assert result.estimate == pytest.approx(right.mean(), abs=1e-6)
        assert result.spread == pytest.approx(right.mean(1).std(ddof=1))
        assert result.chance == pytest.approx(1 / 6)
        assert result.l2 == 3.0


def test_the_interval_is_over_draws_and_images():
    rng = np.random.default_rng(0)
    draws, images = rng.normal(0.5, 0.1, (40, 1)), rng.normal(0, 0.2, (1, 500))
    right = (rng.random((40, 500)) < draws + images).astype(np.float32)
    samples = room._resampled(right, 2000, seed=0)
    expected = np.array([right[rng.integers(40, size=40)][:, rng.integers(500, size=500)].mean() for _ in range(2000)])
    assert samples.mean() == pytest.approx(right.mean(), abs=0.002)
    assert samples.std() == pytest.approx(expected.std(), rel=0.1)
    assert samples.std() > 1.5 * right.mean(0).std() / np.sqrt(500)  # the images alone


def test_the_strength_is_chosen_on_training_images_that_are_no_shots():
    training, test = labelled(240, 0, spread=3), labelled(300, 1, spread=3)
    strengths = (1e-3, 10.0, 1e9)
    chosen = few_shot(training, test, shots=(5,), strengths=strengths, n_draws=3, n_bootstrap=0)
    unseen = LabelledEmbeddings(-test.embeddings, test.labels[::-1], test.classes, test.names)
    again = few_shot(training, unseen, shots=(5,), strengths=strengths, n_draws=3, n_bootstrap=0)
    assert chosen["few_shot_accuracy/5-shot"].l2 == again["few_shot_accuracy/5-shot"].l2

    held_out = {}
    for l2 in strengths:
        held_out[l2] = 0
        for rows, others in held_out_draws(training.labels, 5, room.TUNING_DRAWS, room.HELD_OUT, seed=0):
            weights, bias = RidgeClassifiers(training.embeddings[rows], training.labels[rows], 6).weights(l2)
            predicted = (training.embeddings[others] @ weights + bias).argmax(1)
            held_out[l2] += (predicted == training.labels[others]).sum()
    assert held_out[chosen["few_shot_accuracy/5-shot"].l2] == max(held_out.values())
    assert len(set(held_out.values())) == 3


def test_one_image_of_each_class_leaves_nothing_to_choose_by():
    training = labelled(6, 0)
    result = few_shot(training, labelled(30, 1), shots=(1,), n_draws=2)["few_shot_accuracy/1-shot"]
    assert result.l2 == 2.0**10
    assert result.spread == 0


def test_two_classes_and_classes_without_images():
    training, test = labelled(40, 0, n_classes=2), labelled(60, 1, n_classes=2)
    some = [
        LabelledEmbeddings(data.embeddings, data.labels * 2, ("a", "none", "c"), data.names)
        for data in (training, test)
    ]
    for method in room.METHODS:
        plain = few_shot(training, test, shots=(3,), method=method, n_draws=2, n_bootstrap=0)
        padded = few_shot(*some, shots=(3,), method=method, n_draws=2, n_bootstrap=0)
        for name, result in plain.items():
            assert padded[name].estimate == result.estimate > 0.8
            assert padded[name].chance == 0.5


def test_two_encoders_are_given_the_same_shots_and_draws():
    def score(spread):
        training, test = labelled(120, 0, spread), labelled(200, 1, spread)
        return few_shot(training, test, shots=(2,), n_draws=10)["few_shot_accuracy/2-shot"]

    better, worse = score(1.0), score(1.5)
    comparison = compare_results(better, worse)
    assert comparison.difference.estimate == better.estimate - worse.estimate > 0
    apart = np.hypot(better.samples.std(), worse.samples.std())
    assert comparison.difference.samples.std() < apart


def test_what_is_said_of_the_spread():
    result = few_shot(labelled(60, 0), labelled(60, 1), shots=(2,), n_draws=5)["few_shot_accuracy/2-shot"]
    assert f"spread over 5 draws {result.spread:.3f}" in str(result)
    assert "over draws and images, on 60 images" in str(result)
    said = result.to_dict()
    assert said["spread_over_draws"] == result.spread
    assert len(said["per_draw"]) == 5
    assert said["l2"] == result.l2
    once = few_shot(labelled(60, 0), labelled(60, 1), shots=(2,), n_draws=1)["few_shot_accuracy/2-shot"]
    assert "spread_over_draws" not in once.to_dict()
    assert "spread" not in str(once)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "svm"}, "method is 'svm'"),
        ({"n_draws": 0}, "n_draws is 0"),
        ({"shots": (0,)}, "shots: 0"),
        ({"shots": (11,)}, "class a has 10 training images, where 11 shots"),
        ({"strengths": (0.0,)}, "each above 0"),
    ],
)
def test_what_cannot_be_tested_is_named(options, said):
    with pytest.raises(InputError, match=said):
        few_shot(labelled(60, 0), labelled(60, 1), **options)


def test_other_classes_and_a_missing_scikit_learn_are_named(monkeypatch):
    with pytest.raises(InputError, match="other classes"):
        few_shot(labelled(60, 0), labelled(60, 1, n_classes=5))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install"):
        few_shot(labelled(60, 0), labelled(60, 1), method="logistic")


def test_no_warning_with_a_constant_feature():
    training = labelled(60, 0)
    training.embeddings[:, 0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in room.METHODS:
            assert few_shot(training, labelled(60, 1), shots=(2,), method=method, n_draws=2)
