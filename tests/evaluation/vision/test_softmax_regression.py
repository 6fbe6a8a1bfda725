"""Every step of the regression by mini-batches, against a loop over steps in float64."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss

from alignet_hf.evaluation.vision import softmax_regression
from alignet_hf.evaluation.vision.softmax_regression import Parameters, SoftmaxRegression

N_CLASSES, N_DIMENSIONS = 6, 16


def drawn(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % N_CLASSES)
    rows = rng.normal(size=(N_CLASSES, N_DIMENSIONS))[labels] + 1.2 * rng.normal(size=(n, N_DIMENSIONS))
    return (3 + rows @ rng.normal(size=(N_DIMENSIONS, N_DIMENSIONS))).astype(np.float32), labels


def step_by_step(features, labels, variances, start, *, l2, batch_size, generator, n_steps):
    """Adam as its paper has it (Kingma & Ba 2015), on features divided by the root of what the loss curves by.

    -> (D, C) and (C,) float64, for the features as they are.
    """
    scale = 1 / np.sqrt(variances + N_CLASSES * l2)
    values = [start[0] / scale[:, None], start[1]]
    means, squares = ([np.zeros_like(value) for value in values] for _ in range(2))
    highest = 0.1 * min(2.5, np.sqrt(batch_size / N_CLASSES)) / np.sqrt(N_DIMENSIONS)
    batches = []
    for step in range(n_steps):
        if not batches:  # an epoch; what is left after whole batches is not looked at
            order = torch.randperm(len(features), generator=generator).numpy()
            batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
            batches = [batch for batch in batches if len(batch) == batch_size]
        rows = batches.pop(0)
        scaled = features[rows] * scale
        errors = softmax(scaled @ values[0] + values[1], 1) - np.eye(N_CLASSES)[labels[rows]]
        gradients = scaled.T @ errors / batch_size + l2 * scale[:, None] ** 2 * values[0], errors.mean(0)
        rate = highest * min(1, (step + 1) / 10) * (1 + np.cos(np.pi * step / n_steps)) / 2
        for place, gradient in enumerate(gradients):
            means[place] = 0.9 * means[place] + 0.1 * gradient
            squares[place] = 0.99 * squares[place] + 0.01 * gradient**2
            mean, square = means[place] / (1 - 0.9 ** (step + 1)), squares[place] / (1 - 0.99 ** (step + 1))
            values[place] = values[place] - rate * mean / (np.sqrt(square) + 1e-8)
    return values[0] * scale[:, None], values[1]


@pytest.mark.parametrize(("dtype", "places"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])  # as it is; exactly
@pytest.mark.parametrize("l2", [1e-4, 1e-2, 1])
@pytest.mark.parametrize(("n", "batch_size", "n_steps"), [(600, 64, 120), (3000, 50, 180)])  # few batches, and many
def test_the_steps_are_those_of_a_loop(n, batch_size, n_steps, l2, dtype, places):
    rows, labels = drawn(n)
    regression = SoftmaxRegression(rows, labels, N_CLASSES, batch_size=batch_size, seed=3)
    regression.features, regression.variances = regression.features.to(dtype), regression.variances.to(dtype)
    features, variances = regression.features.double().numpy(), regression.variances.double().numpy()
    expected = np.zeros((N_DIMENSIONS, N_CLASSES)), np.zeros(N_CLASSES)
    options = {"batch_size": batch_size, "generator": torch.Generator().manual_seed(3), "n_steps": n_steps}
    for strength in (10 * l2, l2):  # one after another, as strengths are tried
        start = Parameters(*(torch.from_numpy(value).to(dtype) for value in expected))
        found = regression.improved(start, strength, n_epochs=3)
        expected = step_by_step(features, labels, variances, expected, l2=strength, **options)
        ours, theirs = (features @ np.float64(weights) + np.float64(bias) for weights, bias in (found, expected))
        assert log_loss(labels, softmax(ours, 1)) == pytest.approx(log_loss(labels, softmax(theirs, 1)), abs=1e-6)
        np.testing.assert_allclose(ours, theirs, atol=places * np.abs(theirs).max())


@pytest.mark.parametrize(("batch_size", "places"), [(64, 4e-5), (None, 1e-10)])  # float32 and float64
def test_features_are_standardised_and_turned_to_their_covariances_directions(batch_size, places):
    rows, labels = drawn(600)
    regression = SoftmaxRegression(rows, labels, N_CLASSES, batch_size=batch_size)
    standard = (np.float64(rows) - np.float64(rows).mean(0)) / np.float64(rows).std(0)
    features, directions = regression.features.numpy(), regression.directions.numpy()
    np.testing.assert_allclose(features @ directions.T, standard, atol=places)
    np.testing.assert_allclose(features.T @ features / 600, np.diag(regression.variances), atol=places)
    np.testing.assert_allclose(regression.variances, np.linalg.eigvalsh(standard.T @ standard / 600), atol=places)


def test_logits_of_features_as_they_were_given():
    rows, labels = drawn(600)
    regression = SoftmaxRegression(rows, labels, N_CLASSES)
    parameters = regression.improved(regression.start(), 1e-2)
    expected = (regression.features @ parameters.weights + parameters.bias).numpy()
    for temperature in (1.0, 0.3):
        weights, bias = regression.of_raw_features(parameters, temperature)
        assert weights.dtype == bias.dtype == np.float32
        np.testing.assert_allclose(np.float64(rows) @ weights + bias, expected / temperature, rtol=1e-6, atol=2e-6)


def test_many_images_are_taken_by_mini_batches(monkeypatch):
    rows, labels = drawn(600)
    assert SoftmaxRegression(rows, labels, N_CLASSES).at_once
    monkeypatch.setattr(softmax_regression, "AT_ONCE", rows.size * 10)
    assert SoftmaxRegression(rows, labels, N_CLASSES).at_once
    monkeypatch.setattr(softmax_regression, "AT_ONCE", rows.size * 10 - 1)
    monkeypatch.setattr(softmax_regression, "MINI_BATCH", 100)
    regression = SoftmaxRegression(rows, labels, N_CLASSES)
    assert regression.batch_size == 100
    assert not regression.at_once
    assert SoftmaxRegression(rows, labels, N_CLASSES, batch_size=600).at_once
    assert not SoftmaxRegression(rows, labels, 11).at_once
