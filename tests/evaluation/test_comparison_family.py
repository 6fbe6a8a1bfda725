"""What a correction for many comparisons counts, against statsmodels on those that are tests of their own."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from alignet_hf.evaluation.comparison import Comparison, compare_results, two_sided
from alignet_hf.evaluation.comparison_family import CONSTANT, SURE, SmallestP, adjust_family, repeated
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.neighbours import knn_accuracy
from alignet_hf.evaluation.vision.retrieval import retrieval

rng = np.random.default_rng(0)


def compared(samples, estimate=None) -> Comparison:
    samples = np.asarray(samples, np.float64)
    estimate = np.nanmean(samples) if estimate is None else estimate
    difference = Result.from_samples("difference", estimate, samples, 0.0, 10)
    return Comparison(difference, two_sided(samples[~np.isnan(samples)]))


def test_repetitions_and_constants_are_set_apart_and_the_rest_corrected():
    first, second = rng.normal(0.2, 0.1, 99), rng.normal(0.1, 0.1, 99)
    holes = np.where(np.arange(99) % 7, second, np.nan)
    comparisons = {
        "first": compared(first),
        "first again": compared(first * (1 + 1e-12)),
        "first as an error": compared(-100 * first),
        "second": compared(second),
        "both right": compared(np.zeros(99)),
        "always as far": compared(np.full(99, 0.3)),
        "no draw has a score": compared(np.full(99, np.nan), 0.1),
        "second in some draws": compared(holes),
        "its draws, another estimate": compared(second, 0.9),
    }
    found = adjust_family(comparisons)
    assert list(found) == list(comparisons)
    assert {name: one.set_apart for name, one in found.items() if one.set_apart} == {
        "first again": "the same as first",
        "first as an error": "the same as first",
        "both right": CONSTANT,
        "always as far": CONSTANT,
        "no draw has a score": CONSTANT,
    }
    own = ["first", "second", "second in some draws", "its draws, another estimate"]
    expected = multipletests([comparisons[name].p_bootstrap for name in own], method="holm")[1]
    assert [found[name].p_adjusted for name in own] == pytest.approx(expected)
    assert found["first as an error"].p_adjusted == found["first"].p_adjusted
    assert "p_bootstrap" not in found["both right"].facts
    assert found["both right"].to_dict()["set_apart"] == CONSTANT
    assert str(found["both right"]).endswith(f"; {CONSTANT}")
    assert found["always as far"].to_frame()["set_apart"].tolist() == [CONSTANT]


def test_nothing_is_left_to_correct_where_all_are_constant():
    found = adjust_family({"one": compared(np.zeros(9)), "two": compared(np.ones(9))})
    assert [one.p_adjusted for one in found.values()] == [None, None]


def test_the_first_image_retrieved_is_one_test_by_whatever_name():
    labels, classes = np.arange(60) % 3, ("a", "b", "c")

    def scores(seed: int) -> dict[str, Result]:
        rows = np.random.default_rng(seed).normal(size=(120, 4)).astype(np.float32)
        rows[:, 0] += np.tile(labels, 2)
        training, test = (LabelledEmbeddings(part, labels, classes, [""] * 60) for part in np.split(rows, 2))
        options = {"n_bootstrap": 50, "seed": 0}
        return retrieval(test, training, **options) | knn_accuracy(training, test, ks=(1, 20), **options)

    ours, theirs = scores(1), scores(2)
    same = repeated({name: compare_results(one, theirs[name]) for name, one in ours.items()})
    assert same["retrieval_recall/1"] == "retrieval_precision/1"
    assert same["knn_accuracy/1"] == same["knn_accuracy/1-majority"] == "retrieval_precision/1"
    assert not {"retrieval_map", "retrieval_precision/5", "retrieval_recall/5", "knn_accuracy/20"} & same.keys()


@pytest.mark.parametrize("n_draws", [19, 99, 120, 400])
def test_the_smallest_p_is_that_of_differences_whose_sign_no_draw_changes(n_draws):
    sure = {str(number): compared(rng.uniform(1, 2, n_draws)) for number in range(3)}
    comparisons = adjust_family(sure | {"other": compared(rng.normal(0, 1, n_draws)), "none": compared(np.zeros(9))})
    smallest = SmallestP.of(comparisons)
    assert smallest.n_comparisons == 4
    assert min(one.p_bootstrap for one in comparisons.values()) == pytest.approx(smallest.bootstrap)
    assert comparisons["0"].p_adjusted == pytest.approx(smallest.adjusted)
    assert SmallestP(4, smallest.n_draws_needed).adjusted <= SURE < SmallestP(4, smallest.n_draws_needed - 2).adjusted
    assert SmallestP.of({"none": comparisons["none"]}) is None
