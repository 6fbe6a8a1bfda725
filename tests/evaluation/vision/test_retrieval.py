import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.vision import retrieval as room
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.retrieval import retrieval


def labelled(n, seed, n_classes=5, spread=1.5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    means = np.random.default_rng(99).standard_normal((n_classes, 12))
    embeddings = (means[labels] + spread * rng.standard_normal((n, 12))).astype(np.float32)
    return LabelledEmbeddings(embeddings, labels, tuple("abcde"[:n_classes]), [f"{row}.jpg" for row in range(n)])


def one_by_one(queries, bank, k):
    """Of every query with a relevant image: average precision, R-precision, precision and hit at k."""
    scores = []
    for row in range(len(queries)):
        kept = np.array([place for place in range(len(bank or queries)) if bank or place != row])
        of = bank or queries
        query, others = np.float64(queries.embeddings[row]), np.float64(of.embeddings[kept])
        cosines = others @ query / np.linalg.norm(query) / np.linalg.norm(others, axis=1)
        relevant = of.labels[kept] == queries.labels[row]
        if not relevant.any():
            continue
        ranked = relevant[np.argsort(-cosines)]
        n = relevant.sum()
        scores.append(
            [average_precision_score(relevant, cosines), ranked[:n].mean(), ranked[:k].mean(), ranked[:k].any()]
        )
    return np.array(scores)


@pytest.mark.parametrize("with_bank", [False, True])
def test_the_scores_are_those_of_one_query_after_another(with_bank, monkeypatch):
    monkeypatch.setattr(room, "_SIMILARITIES_AT_ONCE", 7 * 80)  # blocks of some queries
    queries, bank = labelled(80, 0), labelled(60, 1) if with_bank else None
    results = retrieval(queries, bank, ks=(3,))
    expected = one_by_one(queries, bank, 3)
    names = ["retrieval_map", "retrieval_r_precision", "retrieval_precision/3", "retrieval_recall/3"]
    assert list(results) == names
    for name, values in zip(names, expected.T, strict=True):
        assert results[name].estimate == pytest.approx(values.mean(), abs=1e-6)
        assert results[name].n_objects == len(expected)
        assert results[name].low < results[name].estimate < results[name].high


def test_ties_are_ranked_as_scikit_learn_has_them():
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (60, 4))  # cosines of five values only
    some = LabelledEmbeddings(signs, rng.integers(3, size=60), tuple("abc"), range(60))
    expected = one_by_one(some, None, 1)[:, 0].mean()
    assert retrieval(some, n_bootstrap=0)["retrieval_map"].estimate == pytest.approx(expected, abs=1e-6)


def test_among_equals_other_classes_come_first():
    same = LabelledEmbeddings(np.ones((6, 2)), np.array([0, 0, 0, 1, 1, 1]), ("a", "b"), range(6))
    results = retrieval(same, ks=(3, 4), n_bootstrap=0)
    assert results["retrieval_recall/3"].estimate == 0  # of five others two are of the class, and they come last
    assert results["retrieval_recall/4"].estimate == 1
    assert results["retrieval_precision/4"].estimate == 0.25


def test_chance_is_what_random_embeddings_score():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), [2, 5, 10, 23])
    scores = [
        [
            result.estimate
            for result in retrieval(
                LabelledEmbeddings(rng.standard_normal((40, 40)), labels, tuple("abcd"), range(40)),
                ks=(3,),
                n_bootstrap=0,
            ).values()
        ]
        for _ in range(300)
    ]
    chances = [
        result.chance
        for result in retrieval(
            LabelledEmbeddings(rng.standard_normal((40, 40)), labels, tuple("abcd"), range(40)), ks=(3,)
        ).values()
    ]
    error = np.std(scores, 0) / np.sqrt(len(scores))
    np.testing.assert_array_less(np.abs(np.mean(scores, 0) - chances), 4 * error)


def test_a_query_without_another_of_its_class_is_left_out():
    some = LabelledEmbeddings(np.eye(5)[:, :3] + 0.1, np.array([0, 0, 1, 2, 2]), ("a", "b", "c"), range(5))
    assert retrieval(some, ks=(1, 9), n_bootstrap=0)["retrieval_map"].n_objects == 4
    assert "retrieval_recall/9" not in retrieval(some, ks=(1, 9), n_bootstrap=0)
    with pytest.raises(InputError, match="no query has another image"):
        retrieval(some.of_rows(np.array([0, 2, 3])))
    with pytest.raises(InputError, match="other classes"):
        retrieval(some, labelled(20, 0))


def test_two_encoders_are_compared_under_the_same_draws():
    better, worse = labelled(80, 0, spread=1), labelled(80, 0, spread=2)
    first, second = (retrieval(some)["retrieval_map"] for some in (better, worse))
    assert compare_results(first, second).difference.low > 0
