"""What `evaluate` scores with its read-out is what scikit-learn's scores, all choices included."""

import numpy as np
import pytest
from readout_by_scikit_learn import chosen, decision_values, parted
from scipy.special import softmax
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from alignet_hf.evaluation.vision.data import VisionEmbeddings
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.scores import VisionOptions, vision_scores
from alignet_hf.evaluation.vision.subpopulation_shift import of_superclasses, subpopulation_shift
from alignet_hf.evaluation.vision.superclass_tasks import SuperclassTask

CLASSES = tuple("abcdef")
TASK = SuperclassTask(
    "three", ("s", "t", "u"), ("one", "two", "three"), (("a",), ("b",), ("c",)), (("d",), ("e",), ("f",))
)


def labelled(n, seed, spread=2.0, centres=99):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 6)
    means = np.random.default_rng(centres).normal(size=(6, 12))
    embeddings = (2 + means[labels] + spread * rng.normal(size=(n, 12))).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, CLASSES, [f"{row}.jpg" for row in range(n)])


@pytest.fixture(scope="module")
def data():
    training, test, outside = labelled(360, 0), labelled(250, 1), labelled(90, 2, centres=7)
    moved = LabelledEmbeddings(test.embeddings + np.float32(0.5), test.labels, CLASSES, test.names)
    return VisionEmbeddings(training, test, {}, {"three": TASK}, {"imagenet-v2": moved}, None, {"others": outside})


@pytest.fixture(scope="module")
def scores(data):
    return vision_scores(data, VisionOptions(shots=(1,), n_draws=2, n_bootstrap=5, seed=3))


def calibration_error(probabilities, labels, n_bins=15):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [abs(confidence[bins == one].mean() - right[bins == one].mean()) for one in np.unique(bins)]
    return np.average(gaps, weights=np.bincount(bins)[np.unique(bins)])


def test_the_readouts_scores_are_scikit_learns(data, scores):
    theirs, fitted = chosen(data.training, seed=3), parted(data.training, seed=3)[0]
    test, moved, outside = (
        decision_values(fitted, images.embeddings, theirs.l2)
        for images in (data.test, data.robustness["imagenet-v2"], data.ood["others"])
    )
    labels = data.test.labels
    expected = {
        "readout_accuracy": accuracy_score(labels, test.argmax(1)),
        "robustness_accuracy/imagenet-v2": accuracy_score(labels, moved.argmax(1)),
    }
    for variant, temperature in (("unscaled", 1), ("scaled", theirs.temperature)):
        probabilities = softmax(test / temperature, 1)
        expected |= {
            f"log_loss/{variant}": log_loss(labels, probabilities),
            f"brier_score/{variant}": brier_score_loss(labels, probabilities, scale_by_half=False),
            f"calibration_error/{variant}": calibration_error(probabilities, labels),
        }
    is_outside, values = np.repeat([0, 1], [len(test), len(outside)]), np.concatenate([test, outside])
    expected |= {
        "ood_auroc/others/softmax": roc_auc_score(is_outside, -softmax(values, 1).max(1)),
        "ood_auroc/others/energy": roc_auc_score(is_outside, -np.log(np.exp(values).sum(1))),
    }
    for name, value in expected.items():
        assert scores[name].to_dict()["estimate"] == pytest.approx(value, abs=1e-6), name


def test_what_was_chosen_in_a_readouts_training_stands_with_its_accuracy(data, scores):
    source = of_superclasses(data.training, TASK, TASK.source)
    for name, training in (("readout_accuracy", data.training), ("breeds_source_accuracy/three", source)):
        theirs, said = chosen(training, seed=3), scores[name].to_dict()
        assert said["l2"] == theirs.l2
        assert said["temperature"] == pytest.approx(theirs.temperature, abs=1e-6)
        assert f"l2 {theirs.l2:.3g}; temperature {theirs.temperature:.3g}" in str(scores[name])


def test_the_shift_is_that_of_a_task(data, scores):
    for name, result in subpopulation_shift(data.training, data.test, TASK, n_bootstrap=5, seed=3).items():
        assert scores[name] == result


def test_errors_have_the_chance_of_an_answer_that_knows_nothing_or_none(scores):
    chances = {name: score.to_dict().get("chance") for name, score in scores.items()}
    uniform = {"brier_score": 5 / 6, "log_loss": np.log(6), "ood_fpr95": 0.95, "calibration_error": None}
    errors = {name: uniform[name.partition("/")[0]] for name in chances if name.partition("/")[0] in uniform}
    assert len(errors) == 2 + 2 + 4 + 2
    for name, chance in errors.items():
        assert chances[name] == pytest.approx(chance), name
    assert [name for name, chance in chances.items() if chance == 0] == ["breeds_accuracy_change/three"]
