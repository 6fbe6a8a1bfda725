import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readout_by_scikit_learn import chosen, decision_values, parted
from safetensors import safe_open
from scipy.special import softmax

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import STRENGTHS, LinearReadout, held_out_rows
from alignet_hf.evaluation.vision.temperature import best_temperature, log_losses, smoothed_log_loss

CLASSES = tuple("abcdef")


def labelled(n, seed, spread=1.2, n_dimensions=16):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 6)
    means = np.random.default_rng(99).standard_normal((6, n_dimensions))
    mixing = np.random.default_rng(98).standard_normal((n_dimensions, n_dimensions))  # correlated features
    embeddings = 3 + (means[labels] + spread * rng.standard_normal((n, n_dimensions))) @ mixing
    return LabelledEmbeddings(embeddings.astype(np.float32), labels, CLASSES, [f"{row}.jpg" for row in range(n)])


@pytest.mark.parametrize("l2", [1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("n", [12, 300, 3000])  # fewer images than dimensions, and more
def test_all_at_once_it_is_scikit_learns(l2, n):
    training, test = labelled(n, 0), labelled(200, 1)
    logits = np.float64(LinearReadout.fit(training, l2=l2).logits(test.embeddings))
    theirs = decision_values(training, test.embeddings, l2)
    np.testing.assert_allclose(softmax(logits, 1), softmax(theirs, 1), atol=1e-6)
    assert log_losses(logits, test.labels).mean() == pytest.approx(log_losses(theirs, test.labels).mean(), abs=1e-6)
    assert (logits.argmax(1) == theirs.argmax(1)).all()


def test_as_many_images_as_there_are_or_more_are_taken_at_once():
    training = labelled(300, 0)
    weights = LinearReadout.fit(training, l2=0.1).weights
    for size in (300, 1024):
        assert (LinearReadout.fit(training, l2=0.1, batch_size=size).weights == weights).all()
    assert (LinearReadout.fit(training, l2=0.1, batch_size=299).weights != weights).any()


@pytest.mark.parametrize("spread", [1.2, 2.5])
def test_strength_and_temperature_are_chosen_as_with_scikit_learn(spread):
    training, test = labelled(400, 0, spread), labelled(300, 1, spread)
    readout, theirs = LinearReadout.fit(training, seed=4), chosen(training, seed=4)
    assert readout.l2 == theirs.l2
    assert list(readout.losses) == list(theirs.losses)
    np.testing.assert_allclose(list(readout.losses.values()), list(theirs.losses.values()), atol=1e-6)
    assert readout.temperature == pytest.approx(theirs.temperature, abs=1e-6)
    values = decision_values(parted(training, seed=4)[0], test.embeddings, theirs.l2) / theirs.temperature
    logits = np.float64(readout.logits(test.embeddings))
    np.testing.assert_allclose(softmax(logits, 1), softmax(values, 1), atol=1e-6)


@pytest.mark.parametrize("l2", [1e-2, 1e-1])
def test_by_mini_batches_it_comes_near_the_least(l2):
    """Near alone: descent on samples does not end. What each step does is checked in test_softmax_regression.py."""
    training, test = labelled(3000, 0), labelled(2000, 1)
    logits = LinearReadout.fit(training, l2=l2, batch_size=256).logits(test.embeddings)
    theirs = decision_values(training, test.embeddings, l2)
    assert log_losses(logits, test.labels).mean() == pytest.approx(log_losses(theirs, test.labels).mean(), abs=2e-3)
    assert (logits.argmax(1) == theirs.argmax(1)).mean() > 0.99


def test_the_strength_is_the_one_with_the_least_loss_on_images_held_out():
    training = labelled(240, 0, spread=2.5)
    readout = LinearReadout.fit(training)
    looked_at = [strength / 6 for strength in STRENGTHS[: len(readout.losses)]]
    assert list(readout.losses) == pytest.approx(looked_at)
    assert readout.losses[readout.l2] < min(readout.losses.values()) + 0.5 / len(readout.held_out)
    assert list(readout.losses).index(readout.l2) == len(looked_at) - 2  # it ends with the first that is no better
    held_out = training.of_rows(readout.held_out)
    logits = readout.logits(held_out.embeddings)
    assert readout.losses[readout.l2] == pytest.approx(smoothed_log_loss(logits, held_out.labels), abs=1e-6)
    assert best_temperature(logits, held_out.labels) == pytest.approx(1, abs=1e-6)  # it is in the weights already


def test_where_all_held_out_are_right_the_strength_is_still_chosen_by_a_loss():
    training, test = labelled(240, 0, spread=0.05), labelled(500, 1, spread=0.05)
    readout = LinearReadout.fit(training)
    held_out = training.of_rows(readout.held_out)
    assert (readout.logits(held_out.embeddings).argmax(1) == held_out.labels).all()
    assert len(readout.losses) == 2  # a weaker penalty is hardly better, and the search ends
    assert 0 < readout.losses[readout.l2] < min(readout.losses.values()) + 0.5 / len(held_out)
    theirs = chosen(training)
    assert (readout.l2, list(readout.losses)) == (theirs.l2, list(theirs.losses))
    assert (readout.logits(test.embeddings).argmax(1) == test.labels).all()


@pytest.mark.parametrize("seed", range(6))
def test_one_image_of_each_class_held_out_and_all_right_does_not_make_answers_sure(seed):
    training, test = labelled(60, seed, spread=0.6), labelled(600, 100 + seed, spread=0.6)
    readout = LinearReadout.fit(training, seed=seed)
    held_out = training.of_rows(readout.held_out)
    assert len(held_out) == 6
    assert (readout.logits(held_out.embeddings).argmax(1) == held_out.labels).all()
    logits = np.float64(readout.logits(test.embeddings))
    wrong = logits.argmax(1) != test.labels
    assert wrong.any()
    scaled, unscaled = (log_losses(logits * factor, test.labels).mean() for factor in (1, readout.temperature))
    assert scaled < unscaled + 0.25
    assert scaled < np.log(6) / 2
    assert log_losses(logits[wrong], test.labels[wrong]).max() < 5


def test_mini_batches_choose_as_well_as_all_at_once():
    training, test = labelled(1200, 0, spread=2.5), labelled(2000, 1, spread=2.5)
    accuracies = [
        (LinearReadout.fit(training, batch_size=size).logits(test.embeddings).argmax(1) == test.labels).mean()
        for size in (128, None)
    ]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.01)
    assert accuracies[0] > 0.5


def test_a_seed_gives_the_same_readout():
    first, again, other = (LinearReadout.fit(labelled(120, 0), seed=seed) for seed in (0, 0, 1))
    assert (first.weights == again.weights).all()
    assert (first.weights != other.weights).any()
    assert first.held_out.tolist() == again.held_out.tolist() != other.held_out.tolist()


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_held_out_is_that_share_of_each_class(sizes, share, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = held_out_rows(labels, share, seed)
    assert (np.diff(rows) > 0).all()
    for label, size in enumerate(sizes):
        expected = min(max(round(share * size), 1), size - 1) if size else 0
        assert (labels[rows] == label).sum() == expected


def test_logits_of_some_classes_are_columns():
    readout = LinearReadout.fit(labelled(60, 0), l2=0.1)
    test = labelled(5000, 1)  # more than a block
    logits = readout.logits(test.embeddings)
    assert logits.dtype == np.float32
    expected = np.float64(test.embeddings) @ readout.weights + readout.bias
    float32 = {"rtol": 1e-6, "atol": 1e-6 * np.abs(expected).max()}
    np.testing.assert_allclose(logits, expected, **float32)
    np.testing.assert_allclose(readout.logits(test.embeddings, ("d", "a")), expected[:, [3, 0]], **float32)
    halves = test.embeddings.astype(np.float16)
    np.testing.assert_allclose(readout.logits(halves), np.float64(halves) @ readout.weights + readout.bias, **float32)


def test_it_is_saved_and_loaded(tmp_path):
    readout = LinearReadout.fit(labelled(120, 0))
    again = LinearReadout.from_pretrained(readout.save_pretrained(tmp_path))
    for name in ("weights", "bias", "held_out"):
        assert (getattr(again, name) == getattr(readout, name)).all()
    for name in ("classes", "l2", "temperature", "losses"):
        assert getattr(again, name) == getattr(readout, name)
    with safe_open(tmp_path / "readout.safetensors", "numpy") as file:
        assert set(file.keys()) == {"weights", "bias", "held_out"}
    assert json.loads((tmp_path / "config.json").read_text())["classes"] == list(CLASSES)
    assert "linear classifier" in (tmp_path / "README.md").read_text()


def test_a_class_without_training_images_is_hardly_ever_chosen():
    some = labelled(120, 0)
    more = LabelledEmbeddings(some.embeddings, some.labels, (*CLASSES, "none"), some.names)
    logits = LinearReadout.fit(more).logits(labelled(300, 1).embeddings)
    assert logits.shape == (300, 7)
    assert (logits.argmax(1) == 6).mean() < 0.01


def test_what_cannot_be_fitted_or_read_is_named():
    some = labelled(60, 0)
    with pytest.raises(InputError, match="two classes at least"):
        LinearReadout.fit(some.of_rows(np.flatnonzero(some.labels == 2)))
    with pytest.raises(InputError, match="l2 is 0"):
        LinearReadout.fit(some, l2=0)
    with pytest.raises(InputError, match="validation_share is 1"):
        LinearReadout.fit(some, validation_share=1)
    with pytest.raises(InputError, match="every class has one training image alone"):
        LinearReadout.fit(some.of_rows(np.unique(some.labels, return_index=True)[1]))
    readout = LinearReadout.fit(some, l2=0.1)
    with pytest.raises(InputError, match=r"the read-out takes \(N, 16\)"):
        readout.logits(some.embeddings[:, :8])
    with pytest.raises(InputError, match="class z: the read-out was not trained on it"):
        readout.logits(some.embeddings, ["a", "z"])
