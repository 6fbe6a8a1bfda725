import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readout_by_scikit_learn import smoothed_loss
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.metrics import log_loss

from alignet_hf.evaluation.vision.temperature import (
    HIGHEST,
    LOWEST,
    best_temperature,
    log_losses,
    smoothed_log_loss,
)


def drawn(n, n_classes, temperature, seed=0):
    """Logits, and labels drawn from what they say at a temperature."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.standard_normal((n, n_classes))
    labels = (logits / temperature + rng.gumbel(size=logits.shape)).argmax(1)
    return logits, labels


def test_log_losses_are_scikit_learns():
    logits, labels = drawn(200, 7, 1)
    expected = log_loss(labels, softmax(logits, 1), labels=range(7))
    assert log_losses(logits, labels).mean() == pytest.approx(expected, abs=1e-9)


def test_log_losses_of_large_logits_are_finite():
    assert log_losses(np.array([[1000.0, 0.0]]), np.array([1]))[0] == 1000


@pytest.mark.parametrize("temperature", [0.4, 1, 5])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature):
    logits, labels = drawn(20_000, 5, temperature)
    assert best_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("n", [1, 3, 200])
def test_the_smoothed_loss_is_that_of_one_image_more_of_every_class_alike(n):
    logits, labels = drawn(n, 5, 1)
    assert smoothed_log_loss(logits, labels) == pytest.approx(smoothed_loss(logits, labels), abs=1e-9)


def test_of_many_images_the_smoothed_loss_is_the_log_loss():
    logits, labels = drawn(100_000, 5, 1)
    assert smoothed_log_loss(logits, labels) == pytest.approx(log_losses(logits, labels).mean(), abs=1e-4)


def test_no_other_temperature_is_better():
    logits, labels = drawn(300, 4, 2)
    best = best_temperature(logits, labels)
    loss = smoothed_log_loss(logits / best, labels)
    for factor in (0.5, 0.99, 1.01, 2):
        assert smoothed_log_loss(logits / (best * factor), labels) > loss


@pytest.mark.parametrize("n", [20, 400])
@pytest.mark.parametrize("temperature", [0.4, 5])
def test_it_is_where_a_search_by_scipy_ends(n, temperature):
    logits, labels = drawn(n, 6, temperature, seed=1)
    logits = logits.astype(np.float32)

    def loss(log_temperature):
        return smoothed_loss(np.float64(logits) / np.exp(log_temperature), labels)

    theirs = np.exp(minimize(lambda x: loss(x[0]), [0.0], method="BFGS", options={"gtol": 1e-9}).x[0])
    # The loss is flat at its least: a search by its values knows the place to the root of their rounding.
    assert best_temperature(logits, labels) == pytest.approx(theirs, rel=1e-5)
    assert loss(np.log(best_temperature(logits, labels))) == pytest.approx(loss(np.log(theirs)), abs=1e-10)


@pytest.mark.parametrize("n_classes", [2, 5, 100])
@pytest.mark.parametrize("n", [1, 4, 1000])
@pytest.mark.parametrize("margin", [0.1, 3, 40])
def test_where_all_are_right_by_the_same_it_is_that_over_a_logarithm(n, n_classes, margin):
    labels = np.arange(n) % n_classes
    # The odds are the labels': N + 1 / C of the own class to 1 / C of another.
    expected = margin / np.log(n * n_classes + 1)
    assert best_temperature(margin * np.eye(n_classes)[labels], labels) == pytest.approx(expected, rel=1e-5)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 30),
    n_classes=st.integers(2, 12),
    scale=st.floats(0.5, 100),
    right=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_is_bounded_away_from_0(n, n_classes, scale, right, seed):
    """Of each image the least probable class weighs 1 / (C (N + 1)) at least, and with equal odds the loss is log C."""
    rng = np.random.default_rng(seed)
    logits = scale * rng.standard_normal((n, n_classes))
    labels = np.where(rng.random(n) < right, logits.argmax(1), rng.integers(n_classes, size=n))
    spread = np.ptp(logits, axis=1).mean()
    temperature = best_temperature(logits, labels)
    assert temperature >= 0.999 * min(spread / (n_classes * (n + 1) * np.log(n_classes)), HIGHEST)
    assert temperature > LOWEST
    assert smoothed_log_loss(logits / temperature, labels) <= np.log(n_classes) + 0.1


def test_where_all_are_wrong_it_is_the_highest_and_of_tiny_logits_the_lowest():
    assert best_temperature(-3 * np.eye(4), np.arange(4)) == HIGHEST
    assert best_temperature(1e-4 * np.eye(4), np.arange(4)) == LOWEST
