"""The paired bootstrap against a loop, McNemar and the corrections against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import (
    adjust_comparisons,
    adjust_p_values,
    compare_models,
    compare_results,
    mcnemar,
)
from alignet_hf.evaluation.human.rsa import rsa
from alignet_hf.evaluation.result_table import comparisons_frame
from alignet_hf.evaluation.statistics import bootstrap_counts
from alignet_hf.triplets import all_triplets, is_correct

TRIPLETS = all_triplets(9)
FIRST = np.random.default_rng(0).normal(size=(len(TRIPLETS), 3)) + np.array([0.8, 0, 0])
SECOND = np.random.default_rng(1).normal(size=(len(TRIPLETS), 3))


def test_the_difference_and_its_draws_match_a_loop():
    comparison = compare_models(FIRST, SECOND, TRIPLETS, n_bootstrap=40, seed=3)
    gain = is_correct(FIRST).astype(float) - is_correct(SECOND)
    assert comparison.difference.estimate == pytest.approx(gain.mean())
    expected = []
    for count in bootstrap_counts(9, 40, 3):
        weights = count[TRIPLETS].prod(1)
        expected.append(np.average(gain, weights=weights))
    np.testing.assert_allclose(comparison.difference.samples, expected, atol=1e-12)
    assert comparison.n_first_only == (gain > 0).sum()
    assert comparison.n_second_only == (gain < 0).sum()
    assert comparison.p_mcnemar == mcnemar(comparison.n_first_only, comparison.n_second_only)
    below = np.sum(np.array(expected) <= 0)
    assert comparison.p_bootstrap == pytest.approx(2 * (1 + below) / 41)
    assert "difference in odd-one-out accuracy" in str(comparison)
    assert "(McNemar, triplets taken as independent)" in str(comparison)


def test_two_results_under_the_same_draws_are_compared():
    embeddings, people = np.random.default_rng(5).normal(size=(2, 12, 3)), np.random.default_rng(6).normal(size=(12, 2))
    human = people @ people.T
    one, other = (rsa(rows, human, n_bootstrap=60, seed=4) for rows in embeddings)
    comparison = compare_results(one, other)
    difference = comparison.difference
    assert difference.name == "difference in RSA (Spearman)"
    assert difference.estimate == one.estimate - other.estimate
    np.testing.assert_array_equal(difference.samples, one.samples - other.samples)
    signs = np.sign(difference.samples)
    expected = min(1, 2 * (1 + min((signs <= 0).sum(), (signs >= 0).sum())) / 61)
    assert comparison.p_bootstrap == pytest.approx(expected)
    assert comparison.facts == {"p_bootstrap": comparison.p_bootstrap}
    assert "McNemar" not in str(comparison)
    with pytest.raises(InputError, match=r"another name: RSA \(Spearman\) and RSA \(Pearson\)"):
        compare_results(one, rsa(embeddings[1], human, correlation="pearson", n_bootstrap=60))
    with pytest.raises(InputError, match="60 draws are compared with 5"):
        compare_results(one, rsa(embeddings[1], human, n_bootstrap=5))


def test_many_comparisons_are_corrected_and_told_in_a_table():
    weak = compare_models(FIRST, SECOND, TRIPLETS, n_bootstrap=50)
    strong = compare_models(FIRST, -FIRST, TRIPLETS, n_bootstrap=200)
    corrected = adjust_comparisons({"weak": weak, "strong": strong})
    expected = adjust_p_values([weak.p_bootstrap, strong.p_bootstrap])
    frame = comparisons_frame(corrected)
    assert list(frame.index) == ["weak", "strong"]
    assert frame["p_adjusted"].tolist() == expected.tolist()
    assert frame.loc["weak", "estimate"] == weak.difference.estimate
    assert frame.loc["weak", "n_first_only"] == weak.n_first_only
    assert corrected["strong"].to_dict() == {
        **strong.difference.to_dict(),
        "p_bootstrap": strong.p_bootstrap,
        "p_adjusted": expected[1],
        "p_mcnemar": strong.p_mcnemar,
        "n_first_only": strong.n_first_only,
        "n_second_only": strong.n_second_only,
    }
    assert "(corrected)" in str(corrected["strong"])
    assert weak.to_frame()["p_adjusted"].isna().all()
    where = {"dataset_name": "THINGS", "dataset_type": "things", "metric_type": "difference"}
    entry = corrected["strong"].to_eval_result(**where)
    assert entry.metric_args["p_adjusted"] == pytest.approx(expected[1], rel=1e-3)
    assert entry.metric_args["n_first_only"] == strong.n_first_only


def test_without_draws_there_is_a_difference_and_no_bootstrap_p_value():
    comparison = compare_models(FIRST, SECOND, TRIPLETS, n_bootstrap=0)
    assert "p_bootstrap" not in comparison.to_dict()
    assert "(bootstrap)" not in str(comparison)


def test_the_order_of_the_models_is_the_sign():
    one = compare_models(FIRST, SECOND, TRIPLETS, n_bootstrap=50)
    other = compare_models(SECOND, FIRST, TRIPLETS, n_bootstrap=50)
    np.testing.assert_allclose(one.difference.samples, -other.difference.samples)
    assert (one.p_bootstrap, one.p_mcnemar) == (other.p_bootstrap, other.p_mcnemar)


def test_a_model_does_not_differ_from_itself():
    same = compare_models(FIRST, FIRST, TRIPLETS, n_bootstrap=20)
    assert (same.difference.estimate, same.difference.low, same.p_bootstrap, same.p_mcnemar) == (0, 0, 1, 1)


@pytest.mark.parametrize("counts", [(0, 0), (5, 0), (3, 9), (40, 40), (120, 171)])
def test_mcnemar_is_statsmodels(counts):
    table = [[100, counts[0]], [counts[1], 100]]
    expected = 1.0 if counts == (0, 0) else statsmodels_mcnemar(table, exact=True).pvalue
    assert mcnemar(*counts) == pytest.approx(min(expected, 1), abs=1e-10)


@given(st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")])
def test_corrections_are_statsmodels(method, theirs, p_values):
    np.testing.assert_allclose(adjust_p_values(p_values, method), multipletests(p_values, method=theirs)[1], atol=1e-12)


def test_holm_by_hand():
    np.testing.assert_allclose(adjust_p_values([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("p_values", "method", "message"),
    [
        ([0.1, np.nan], "holm", "number 1 is nan"),
        ([1.2], "holm", "number 0 is 1.2"),
        ([], "holm", r"shape \(0,\)"),
        ([0.1], "bonferroni", "holm, benjamini-hochberg"),
    ],
)
def test_what_cannot_be_corrected_is_named(p_values, method, message):
    with pytest.raises(InputError, match=message):
        adjust_p_values(p_values, method)


def test_models_of_other_triplets_cannot_be_compared():
    with pytest.raises(InputError, match=r"84 triplets, 84 rows of the first .* and 83 of the second"):
        compare_models(FIRST, SECOND[:-1], TRIPLETS)
    with pytest.raises(InputError, match="second: row 2 holds nan"):
        compare_models(FIRST, np.where(np.arange(84)[:, None] == 2, np.nan, SECOND), TRIPLETS)
