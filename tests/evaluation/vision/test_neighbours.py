import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision import neighbours
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.neighbours import knn_accuracy, nearest_neighbours

CLASSES = ("cat", "dog", "owl", "newt")


def labelled(n, seed, n_classes=4, spread=1.5):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % n_classes)
    means = np.random.default_rng(99).standard_normal((n_classes, 12))
    embeddings = (means[labels] + spread * rng.standard_normal((n, 12))).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, CLASSES[:n_classes], [f"{row}.jpg" for row in range(n)])


def by_comparing_all(queries, bank, k, metric, exclude_self):
    queries, bank = np.float64(queries), np.float64(bank)
    similarities = queries @ bank.T
    if metric == "cosine":
        similarities /= np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(bank, axis=1)
    if exclude_self:
        np.fill_diagonal(similarities, -np.inf)
    indices = np.argsort(-similarities, 1, kind="stable")[:, :k]
    return indices, np.take_along_axis(similarities, indices, 1)


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("exclude_self", [False, True])
def test_the_neighbours_are_those_of_comparing_all(metric, exclude_self, monkeypatch):
    monkeypatch.setattr(neighbours, "BANK_ROWS", 64)  # several blocks, the last a short one
    bank = labelled(150, 0).embeddings
    queries = bank if exclude_self else labelled(40, 1).embeddings
    indices, similarities = nearest_neighbours(queries, bank, 70, metric=metric, exclude_self=exclude_self)
    expected_indices, expected = by_comparing_all(queries, bank, 70, metric, exclude_self)
    np.testing.assert_allclose(similarities, expected, rtol=1e-6, atol=1e-6)
    assert (indices == expected_indices).mean() > 0.999  # float32 may exchange two of a kind
    assert all(len(set(row)) == 70 for row in indices)
    if exclude_self:
        assert not (indices == np.arange(150)[:, None]).any()


def test_a_copy_of_a_query_is_its_neighbour_and_the_query_is_not():
    bank = np.repeat(labelled(20, 0).embeddings, 3, 0)
    indices, similarities = nearest_neighbours(bank, bank, 2, exclude_self=True)
    assert (indices // 3 == np.arange(60)[:, None] // 3).all()
    assert not (indices == np.arange(60)[:, None]).any()
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_the_majority_is_scikit_learns():
    training, test = labelled(200, 2), labelled(100, 3)
    results = knn_accuracy(training, test, ks=(1, 10))
    for k in (1, 10):
        theirs = KNeighborsClassifier(k, metric="cosine").fit(training.embeddings, training.labels)
        assert results[f"knn_accuracy/{k}-majority"].estimate == theirs.score(test.embeddings, test.labels)
    assert results["knn_accuracy/1"].estimate == results["knn_accuracy/1-majority"].estimate
    assert results["knn_accuracy/10"].chance == 0.25
    assert results["knn_accuracy/10"].low < results["knn_accuracy/10"].estimate < results["knn_accuracy/10"].high


def test_the_weighted_vote_is_that_of_a_loop():
    training, test = labelled(200, 2), labelled(100, 3)
    indices, similarities = by_comparing_all(test.embeddings, training.embeddings, 15, "cosine", False)
    right = 0
    for row, (places, weights) in enumerate(zip(indices, np.exp(similarities / 0.07), strict=True)):
        votes = np.zeros(4)
        for place, weight in zip(places, weights, strict=True):
            votes[training.labels[place]] += weight
        right += votes.argmax() == test.labels[row]
    found = nearest_neighbours(test.embeddings, training.embeddings, 30)
    for neighbours_known in (None, found):
        result = knn_accuracy(training, test, ks=(15,), neighbours=neighbours_known)["knn_accuracy/15"]
        assert result.estimate == right / 100


def test_numbers_of_neighbours_beyond_the_training_images_are_left_out():
    assert list(knn_accuracy(labelled(9, 0), labelled(9, 1), ks=(3, 20), n_bootstrap=0)) == [
        "knn_accuracy/3",
        "knn_accuracy/3-majority",
    ]


ROWS = np.eye(3)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((ROWS, ROWS, 4), {}, "k is 4; with 3 rows it must be from 1 to 3"),
        ((ROWS, ROWS, 3), {"exclude_self": True}, "must be from 1 to 2"),
        ((ROWS[:2], ROWS, 1), {"exclude_self": True}, "2 queries and 3 rows"),
        ((ROWS[:, :2], ROWS, 1), {}, "of one D"),
        ((ROWS, ROWS, 1), {"metric": "hamming"}, "metric is 'hamming'"),
        ((ROWS, ROWS * [[1], [0], [1]], 1), {}, "bank: row 1 is zero"),
        ((ROWS * [[1], [1], [np.nan]], ROWS, 1), {}, "queries: row 2 is not finite"),
    ],
)
def test_what_cannot_be_searched_is_named(arguments, options, said):
    with pytest.raises(InputError, match=said):
        nearest_neighbours(*arguments, **options)


def test_what_cannot_be_scored_is_named():
    training, test = labelled(20, 0), labelled(10, 1)
    with pytest.raises(InputError, match="other classes"):
        knn_accuracy(training, labelled(10, 1, n_classes=3))
    with pytest.raises(InputError, match="none is from 1 to 20"):
        knn_accuracy(training, test, ks=(30,))
    with pytest.raises(InputError, match="10 rows of 5 are needed"):
        knn_accuracy(training, test, ks=(5,), neighbours=nearest_neighbours(test.embeddings, training.embeddings, 3))
