"""Source and target accuracy against a loop over images; draws that are the same images for two encoders."""

import numpy as np
import pytest
from readout_by_scikit_learn import chosen, decision_values, parted
from sklearn.metrics import accuracy_score

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.linear_readout import LinearReadout
from alignet_hf.evaluation.vision.subpopulation_shift import of_superclasses, subpopulation_shift
from alignet_hf.evaluation.vision.superclass_tasks import SuperclassTask

CLASSES = ("c0", "c1", "c2", "c3", "c4", "c5", "other")
TASK = SuperclassTask(
    "three", ("s0", "s1", "s2"), ("zero", "one", "two"), (("c0",), ("c3",), ("c4",)), (("c1",), ("c2",), ("c5",))
)
SUPERCLASS = {"c0": 0, "c1": 0, "c3": 1, "c2": 1, "c4": 2, "c5": 2}


def images(n, spread, seed, shift=1.0):
    """Of each class n, around the middle of its superclass and a way of its own from there."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(CLASSES)), n)
    rng.shuffle(labels)
    places = np.random.default_rng(0).normal(size=(3, 12))
    ways = shift * np.random.default_rng(1).normal(size=(len(CLASSES), 12))
    middles = np.stack([places[SUPERCLASS.get(name, 0)] for name in CLASSES]) + ways
    embeddings = (middles[labels] + spread * rng.normal(size=(len(labels), 12))).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, CLASSES, [f"{seed}-{row}" for row in range(len(labels))])


def test_accuracies_are_those_of_a_loop_over_images():
    training, test = images(60, 2.0, 1), images(40, 2.0, 2)
    results = subpopulation_shift(training, test, TASK, seed=3, n_bootstrap=50)
    rows = [row for row in range(len(training)) if CLASSES[training.labels[row]] in ("c0", "c3", "c4")]
    labels = np.array([SUPERCLASS[CLASSES[training.labels[row]]] for row in rows])
    by_hand = LabelledEmbeddings(training.embeddings[rows], labels, TASK.superclasses, [str(row) for row in rows])
    readout = LinearReadout.fit(by_hand, seed=3)
    right = {"source": [], "target": []}
    for row, label in enumerate(test.labels):
        name = CLASSES[label]
        if name in SUPERCLASS:
            logits = test.embeddings[row] @ readout.weights + readout.bias
            where = "source" if name in ("c0", "c3", "c4") else "target"
            right[where].append(int(np.argmax(logits)) == SUPERCLASS[name])
    source, target = (results[f"breeds_{one}_accuracy/three"] for one in ("source", "target"))
    change = results["breeds_accuracy_change/three"]
    assert source.estimate == pytest.approx(np.mean(right["source"]), abs=1e-12)
    assert target.estimate == pytest.approx(np.mean(right["target"]), abs=1e-12)
    assert change.estimate == pytest.approx(target.estimate - source.estimate, abs=1e-12)
    np.testing.assert_allclose(change.samples, target.samples - source.samples)
    assert source.n_objects == target.n_objects == 120
    assert source.chance == target.chance == pytest.approx(1 / 3)
    assert change.chance == 0


def test_source_and_target_are_drawn_apart():
    """Also where the target's images look like the source's, one for one."""
    source = of_superclasses(images(60, 2.0, 2), TASK, TASK.source)
    twice = np.concatenate([source.embeddings, source.embeddings])
    labels = np.concatenate(
        [[CLASSES.index(half[row][0]) for row in source.labels] for half in (TASK.source, TASK.target)]
    )
    test = LabelledEmbeddings(twice, labels, CLASSES, [str(row) for row in range(len(twice))])
    source, target, _ = subpopulation_shift(images(60, 2.0, 1), test, TASK).values()
    assert source.estimate == target.estimate
    assert abs(np.corrcoef(source.samples, target.samples)[0, 1]) < 0.2


def test_accuracies_are_those_of_scikit_learns_readout():
    training, test = images(60, 2.0, 4), images(200, 2.0, 5)
    results = subpopulation_shift(training, test, TASK, seed=3, n_bootstrap=2)
    source = of_superclasses(training, TASK, TASK.source)
    l2, fitted = chosen(source, seed=3).l2, parted(source, seed=3)[0]
    for where, subclasses in (("source", TASK.source), ("target", TASK.target)):
        tested = of_superclasses(test, TASK, subclasses)
        expected = accuracy_score(tested.labels, decision_values(fitted, tested.embeddings, l2).argmax(1))
        assert 0.5 < expected < 0.99
        assert results[f"breeds_{where}_accuracy/three"].estimate == pytest.approx(expected, abs=1e-6)


def test_where_classes_of_a_superclass_lie_together_nothing_is_lost():
    training, test = images(60, 0.2, 6, shift=0.0), images(60, 0.2, 7, shift=0.0)
    results = subpopulation_shift(training, test, TASK, n_bootstrap=100)
    assert results["breeds_accuracy_change/three"].estimate == pytest.approx(0, abs=0.02)
    apart = subpopulation_shift(images(60, 0.2, 6), images(60, 0.2, 7), TASK, n_bootstrap=100)
    assert apart["breeds_accuracy_change/three"].high < -0.05


def test_two_encoders_are_compared_on_the_same_draws():
    first = subpopulation_shift(images(60, 2.0, 1), images(40, 2.0, 2), TASK)
    second = subpopulation_shift(images(60, 2.1, 1), images(40, 2.1, 2), TASK)
    for name in first:
        difference = compare_results(first[name], second[name]).difference
        assert difference.samples.std() < first[name].samples.std()


def test_labels_are_superclasses_and_other_images_are_left_out():
    data = images(2, 1.0, 8)
    target = of_superclasses(data, TASK, TASK.target)
    assert target.classes == TASK.superclasses
    assert len(target) == 6
    for row, name in enumerate(target.names):
        there = list(data.names).index(name)
        assert target.labels[row] == SUPERCLASS[CLASSES[data.labels[there]]]
        np.testing.assert_array_equal(target.embeddings[row], data.embeddings[there])


def test_a_class_without_images_is_named():
    data = images(3, 1.0, 9)
    without = data.of_rows(np.flatnonzero(data.labels != 5))
    with pytest.raises(InputError, match=r"three: no image of c5 among the test images \(1 of 3 classes have none\)"):
        subpopulation_shift(images(20, 1.0, 9), without, TASK)
    fewer = LabelledEmbeddings(np.eye(2), np.array([0, 1]), ("c1", "c2"), ["a", "b"])
    with pytest.raises(InputError, match="no image of c0 among the training images"):
        subpopulation_shift(fewer, data, TASK)
