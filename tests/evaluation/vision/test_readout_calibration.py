import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout
from alignet_hf.evaluation.vision.readout_calibration import calibration_of_readout, readout_calibration


def drawn(n, n_classes=5, temperature=1.0, seed=0):
    """Logits, and labels drawn from what they say at a temperature."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n, n_classes))
    return logits, (logits / temperature + rng.gumbel(size=logits.shape)).argmax(1)


def error_in_bins(probabilities, labels, n_bins):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    error = 0
    for start in np.arange(n_bins) / n_bins:
        end = start + 1 / n_bins
        inside = (confidence >= start) & ((confidence < end) | (end >= 1))
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return error


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_the_scores_are_those_of_the_probabilities(temperature):
    logits, labels = drawn(5000, temperature=0.7)
    found = readout_calibration(logits, labels, temperature=temperature, n_bootstrap=50)
    probabilities = softmax(logits / temperature, 1)
    assert list(found.results) == ["calibration_error", "brier_score", "log_loss"]
    assert found.error.estimate == pytest.approx(error_in_bins(probabilities, labels, 15), abs=1e-9)
    brier = brier_score_loss(labels, probabilities, labels=range(5), scale_by_half=False)
    assert found.brier.estimate == pytest.approx(brier, abs=1e-9)
    assert found.log_loss.estimate == pytest.approx(log_loss(labels, probabilities, labels=range(5)), abs=1e-9)
    for result in found.results.values():
        assert result.low < result.high
        assert result.n_objects == 5000


def test_a_draw_is_the_score_of_the_images_drawn():
    logits, labels = drawn(80)
    found = readout_calibration(logits, labels, n_bins=4, n_bootstrap=5, seed=9)
    rng = np.random.default_rng(9)
    for number in range(5):
        rows = rng.integers(80, size=80, dtype=np.uint32)
        again = readout_calibration(logits[rows], labels[rows], n_bins=4, n_bootstrap=0)
        for name, result in found.results.items():
            assert result.samples[number] == pytest.approx(again.results[name].estimate, abs=1e-12)


def test_the_diagram_has_means_of_bins():
    logits, labels = drawn(1000)
    found = readout_calibration(logits, labels, n_bins=10, n_bootstrap=0)
    probabilities = softmax(logits, 1)
    inside = (probabilities.max(1) >= 0.5) & (probabilities.max(1) < 0.6)
    assert found.counts.sum() == 1000
    assert found.counts[5] == inside.sum()
    assert found.predicted[5] == pytest.approx(probabilities.max(1)[inside].mean())
    assert found.observed[5] == pytest.approx((probabilities.argmax(1) == labels)[inside].mean())
    assert np.isnan(found.predicted[0])  # of five classes the most probable has a fifth at least
    assert found.bins_frame()["count"].tolist() == found.counts.tolist()


def test_the_diagram_is_drawn():
    axis = readout_calibration(*drawn(1000), n_bootstrap=0).draw()
    assert axis.get_xlabel() == "probability of the chosen class"
    assert axis.get_ylabel() == "share that is right"
    assert "expected calibration error" in axis.get_title()


def test_calibrated_answers_have_little_error_and_overconfident_ones_have_much():
    logits, labels = drawn(20_000)
    assert readout_calibration(logits, labels, n_bootstrap=0).error.estimate < 0.02
    assert readout_calibration(3 * logits, labels, n_bootstrap=0).error.estimate > 0.1
    scaled = readout_calibration(3 * logits, labels, temperature=3, n_bootstrap=0)
    assert scaled.error.estimate < 0.02


def test_a_constant_answer_is_at_chance():
    found = readout_calibration(np.zeros((8, 4)), np.arange(8) % 4, n_bootstrap=0)
    for result in (found.brier, found.log_loss):
        assert result.estimate == pytest.approx(result.chance, abs=1e-12)


def test_the_calibration_error_has_no_chance():
    found = readout_calibration(np.zeros((8, 4)), np.arange(8) % 4, n_bootstrap=0)
    assert found.error.estimate == 0  # of the constant answer above: nobody is better calibrated
    assert found.error.chance is None
    assert "chance" not in found.to_dict()
    assert "chance" not in str(found)
    assert found.to_frame()["chance"].isna().all()


def labelled(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 4)
    embeddings = np.random.default_rng(99).standard_normal((4, 20))[labels] + 1.5 * rng.standard_normal((n, 20))
    return LabelledEmbeddings(embeddings, labels, tuple("abcd"), range(n))


def test_a_temperature_fitted_to_images_held_out_calibrates():
    training, test = labelled(800, 0), labelled(4000, 1)
    readout = LinearReadout.fit(training, validation_share=0.4)
    found = calibration_of_readout(readout, test, n_bootstrap=10)
    assert {name: list(one.results) for name, one in found.items()} == {
        variant: [f"{score}/{variant}" for score in ("calibration_error", "brier_score", "log_loss")]
        for variant in ("unscaled", "scaled")
    }
    logits = readout.logits(test.embeddings)
    for variant, temperature in (("unscaled", 1 / readout.temperature), ("scaled", 1)):
        expected = error_in_bins(softmax(np.float64(logits) / temperature, 1), test.labels, 15)
        assert found[variant].error.estimate == pytest.approx(expected, abs=1e-9)
    assert found["scaled"].error.estimate < 0.04
    assert found["scaled"].log_loss.estimate < found["unscaled"].log_loss.estimate
    given = LinearReadout.fit(training, l2=0.1)
    assert list(calibration_of_readout(given, test, n_bootstrap=0)) == ["unscaled"]


def test_what_does_not_fit_is_named():
    logits, labels = drawn(10)
    for arguments, options, said in (
        ((logits[:5], labels), {}, "for 10 labels"),
        ((logits[:0], labels[:0]), {}, "for 0 labels"),
        ((logits, labels), {"n_bins": 0}, "n_bins is 0"),
        ((logits, labels), {"temperature": 0}, "temperature is 0"),
    ):
        with pytest.raises(InputError, match=said):
            readout_calibration(*arguments, **options)
    training = labelled(60, 0)
    other = LabelledEmbeddings(training.embeddings, training.labels, tuple("dcba"), training.names)
    readout = LinearReadout.fit(training, l2=0.1)
    with pytest.raises(InputError, match="other classes than the read-out"):
        calibration_of_readout(readout, other)
