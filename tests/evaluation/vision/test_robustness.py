"""One read-out on many sets, against loops over images."""

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout
from alignet_hf.evaluation.vision.robustness import robustness

WNIDS = tuple(f"n{row:08}" for row in range(20))
D = 16


def images(n, seed, classes=WNIDS, noise=1.0, prefix="v"):
    """Around the middles of these classes."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(0).normal(size=(len(WNIDS), D))
    labels = rng.integers(len(classes), size=n)
    rows = np.array([WNIDS.index(name) for name in classes])[labels]
    embeddings = (middles[rows] + noise * rng.normal(size=(n, D))).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, classes, [f"{prefix}{row:03}.JPEG" for row in range(n)])


@pytest.fixture(scope="module")
def readout():
    return LinearReadout.fit(images(1000, 1), seed=0)


def test_a_set_of_some_classes_is_decided_among_them_alone(readout):
    few = ("n00000017", "n00000003", "n00000008")  # in an order of their own
    data = images(300, 2, few, noise=1.5)
    right = []
    for row in range(300):
        logits = dict(zip(WNIDS, data.embeddings[row] @ readout.weights + readout.bias, strict=True))
        right.append(max(few, key=logits.get) == few[data.labels[row]])
    result = robustness(readout, {"imagenet-a": data}, n_bootstrap=10)["robustness_accuracy/imagenet-a"]
    assert result.estimate == pytest.approx(np.mean(right), abs=1e-12)
    assert result.chance == pytest.approx(1 / 3)
    among_all = [WNIDS[column] for column in readout.logits(data.embeddings).argmax(1)]
    assert result.estimate > np.mean([name == few[label] for name, label in zip(among_all, data.labels, strict=True)])


def test_accuracy_is_scikit_learns_and_paired_between_encoders(readout):
    data = images(5000, 3)  # more than a block
    result = robustness(readout, {"imagenet-v2": data})["robustness_accuracy/imagenet-v2"]
    expected = accuracy_score(data.labels, (data.embeddings @ readout.weights + readout.bias).argmax(1))
    assert result.estimate == pytest.approx(expected, abs=1e-9)
    worse = LabelledEmbeddings(data.embeddings[:, ::-1].copy(), data.labels, data.classes, data.names)
    other = robustness(readout, {"imagenet-v2": worse})["robustness_accuracy/imagenet-v2"]
    assert compare_results(result, other).difference.estimate == pytest.approx(result.estimate - other.estimate)


def test_real_counts_any_of_an_images_classes_and_leaves_out_images_without(readout):
    data = images(400, 4)
    rng = np.random.default_rng(5)
    real = [tuple(rng.choice(WNIDS, rng.integers(0, 4), replace=False)) for _ in range(400)]
    results = robustness(readout, {"imagenet": data}, real=real, n_bootstrap=10)
    right = []
    for row, shown in enumerate(real):
        if len(shown) > 0:
            guess = WNIDS[int(np.argmax(data.embeddings[row] @ readout.weights + readout.bias))]
            right.append(any(guess == one for one in shown))
    result = results["robustness_accuracy/imagenet-real"]
    assert result.n_objects == len(right) < 400
    assert result.estimate == pytest.approx(np.mean(right), abs=1e-12)
    assert result.chance == pytest.approx(np.mean([len(shown) for shown in real if shown]) / 20)
    one_each = [(WNIDS[label],) for label in data.labels]
    same = robustness(readout, {"imagenet": data}, real=one_each, n_bootstrap=10)
    assert same["robustness_accuracy/imagenet-real"].estimate == same["readout_accuracy"].estimate


def test_corrupted_sets_are_scored_as_one(readout):
    sets = {"imagenet": images(60, 6)}
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            sets[f"imagenet-c/{corruption}/{severity}"] = images(60, 6, noise=1 + severity / 2)
    said = []
    results = robustness(readout, sets, n_bootstrap=10, say=said.append)
    assert len(said) == 75
    assert said[0] == "corruption 1 of 75, gaussian_noise/1"
    assert said[-1] == "corruption 75 of 75, jpeg_compression/5, 0 s left"
    errors = [
        np.mean(readout.logits(data.embeddings).argmax(1) != data.labels)
        for name, data in sets.items()
        if name.startswith("imagenet-c/")
    ]
    assert results["mean_corruption_error"].estimate == pytest.approx(np.mean(errors), abs=1e-9)
    assert results["mean_corruption_error"].chance == pytest.approx(1 - 1 / 20)
    assert results["mean_corruption_error/alexnet-relative"].estimate > 0
    assert len(results) == 1 + 15 + 3
    assert "readout_accuracy" in results


def test_sets_are_asked_for_one_at_a_time(readout):
    asked = []

    class Lazy(Mapping):
        def __init__(self, **sets):
            self.sets = sets

        def __getitem__(self, name):
            asked.append(name)
            return self.sets[name]

        def __iter__(self):
            return iter(self.sets)

        def __len__(self):
            return len(self.sets)

    sets = {"imagenet": images(10, 1), "imagenet-r": images(10, 2)}
    robustness(readout, Lazy(**sets), real=[(WNIDS[0],)] * 10, n_bootstrap=1)
    assert asked == ["imagenet", "imagenet-r"]
    asked.clear()
    with pytest.raises(InputError, match="gaussian_noise/1 is missing"):
        robustness(readout, Lazy(**sets, **{"imagenet-c/fog/1": images(10, 3)}))
    assert not asked


def test_what_does_not_fit_is_named(readout):
    data = images(10, 7)
    with pytest.raises(InputError, match="labels of ReaL are for the validation images of ImageNet"):
        robustness(readout, {"imagenet-v2": data}, real=[()] * 10)
    with pytest.raises(InputError, match="ReaL has labels of 9 images, where 10 are given"):
        robustness(readout, {"imagenet": data}, real=[(WNIDS[0],)] * 9)
    with pytest.raises(InputError, match="ReaL has no label of any of these images"):
        robustness(readout, {"imagenet": data}, real=[()] * 10)
    with pytest.raises(InputError, match="fog/4 is missing"):
        robustness(
            readout,
            {
                f"imagenet-c/{corruption}/{severity}": data
                for corruption in CORRUPTIONS
                for severity in SEVERITIES
                if (corruption, severity) != ("fog", 4)
            },
        )
    named = LabelledEmbeddings(data.embeddings, data.labels, tuple(f"class {row}" for row in range(20)), data.names)
    with pytest.raises(InputError, match="class 0: the read-out was not trained on it"):
        robustness(readout, {"imagenet": named})
