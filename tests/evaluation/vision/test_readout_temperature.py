import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.metrics import log_loss

from alignet_hf.evaluation.vision.temperature import HIGHEST, LOWEST, best_temperature, log_losses


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


def test_no_other_temperature_is_better():
    logits, labels = drawn(300, 4, 2)
    best = best_temperature(logits, labels)
    loss = log_losses(logits / best, labels).mean()
    for factor in (0.5, 0.99, 1.01, 2):
        assert log_losses(logits / (best * factor), labels).mean() > loss


@pytest.mark.parametrize("temperature", [0.4, 5])
def test_it_is_where_a_search_by_scipy_ends(temperature):
    logits, labels = drawn(400, 6, temperature, seed=1)
    logits = logits.astype(np.float32)

    def loss(log_temperature):
        return log_loss(labels, softmax(np.float64(logits) / np.exp(log_temperature), 1), labels=range(6))

    theirs = np.exp(minimize(lambda x: loss(x[0]), [0.0], method="BFGS", options={"gtol": 1e-9}).x[0])
    # The loss is flat at its least: a search by its values knows the place to the root of their rounding.
    assert best_temperature(logits, labels) == pytest.approx(theirs, rel=1e-5)
    assert loss(np.log(best_temperature(logits, labels))) == pytest.approx(loss(np.log(theirs)), abs=1e-10)


def test_where_all_are_right_it_is_the_lowest_and_where_all_are_wrong_the_highest():
    assert best_temperature(3 * np.eye(4), np.arange(4)) == LOWEST
    assert best_temperature(-3 * np.eye(4), np.arange(4)) == HIGHEST
