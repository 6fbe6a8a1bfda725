"""Calibration against a loop over bins, and on answers that are calibrated by construction."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.calibration import calibration
from alignet_hf.evaluation.statistics import bootstrap_counts
from alignet_hf.triplets import all_triplets

N = 60
RNG = np.random.default_rng(0)
PROBABILITIES = RNG.dirichlet([1, 1, 1], N)
SHARES = RNG.multinomial(5, PROBABILITIES) / 5


def naive(probabilities, shares, n_bins):
    error = 0.0
    for b in range(n_bins):
        inside = np.minimum(np.floor(probabilities * n_bins), n_bins - 1) == b
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - shares[inside].mean())
    return error


@pytest.mark.parametrize("n_bins", [1, 4, 15])
def test_error_and_interval_match_a_loop(n_bins):
    result = calibration(PROBABILITIES, SHARES, n_bins=n_bins, n_bootstrap=10, seed=1)
    np.testing.assert_allclose(result.error.estimate, naive(PROBABILITIES, SHARES, n_bins), atol=1e-12)
    for count, sample in zip(bootstrap_counts(N, 10, 1), result.error.samples, strict=True):
        drawn = np.repeat(np.arange(N), count.astype(int))
        np.testing.assert_allclose(sample, naive(PROBABILITIES[drawn], SHARES[drawn], n_bins), atol=1e-12)


def test_the_curve_of_single_choices_is_scikit_learns():
    choices = np.eye(3)[SHARES.argmax(1)]
    result = calibration(PROBABILITIES, choices, n_bins=8, n_bootstrap=1)
    observed, predicted = calibration_curve(choices.ravel(), PROBABILITIES.ravel(), n_bins=8)
    full = result.counts > 0
    np.testing.assert_allclose(result.observed[full], observed)
    np.testing.assert_allclose(result.predicted[full], predicted)
    assert result.counts.sum() == 3 * N
    frame = result.bins_frame()
    assert len(frame) == 8
    assert frame["count"].sum() == 3 * N


def test_people_themselves_and_ignorance_are_calibrated_and_overconfidence_is_not():
    assert calibration(SHARES, SHARES).error.estimate == 0
    assert calibration(np.full((N, 3), 1 / 3), SHARES).error.estimate == pytest.approx(0, abs=1e-12)
    assert calibration(SHARES, SHARES).error.chance is None  # ignorance is as good as can be
    sure = np.eye(3)[PROBABILITIES.argmax(1)]
    assert calibration(sure, SHARES).error.low > calibration(PROBABILITIES, SHARES).error.high


def test_the_diagram_shows_the_bins():
    result = calibration(PROBABILITIES, SHARES, n_bins=5)
    axis = result.draw()
    np.testing.assert_allclose(axis.collections[0].get_offsets(), np.stack([result.predicted, result.observed], 1))
    assert f"{result.error.estimate:.3f}" in axis.get_title()
    assert str(result).startswith("expected calibration error")
    assert not axis.collections[0].get_clip_on()  # a bin of certain answers lies on the border


def test_it_is_told_as_its_error_is():
    result = calibration(PROBABILITIES, SHARES)
    assert result.to_dict() == result.error.to_dict()
    assert result.to_frame().equals(result.error.to_frame())
    where = {"dataset_name": "Levels", "dataset_type": "levels", "metric_type": "calibration"}
    assert result.to_eval_result(**where) == result.error.to_eval_result(**where)


def test_triplets_that_share_objects_are_drawn_by_their_objects():
    triplets = all_triplets(9)[:N]
    result = calibration(PROBABILITIES, SHARES, triplets=triplets, n_bins=6, n_bootstrap=8, seed=2)
    assert result.error.over == ("objects",)
    assert "over objects, on 60 triplets" in str(result)
    for count, sample in zip(bootstrap_counts(9, 8, 2), result.error.samples, strict=True):
        drawn = np.repeat(np.arange(N), count[triplets].prod(1).astype(int))
        np.testing.assert_allclose(sample, naive(PROBABILITIES[drawn], SHARES[drawn], 6), atol=1e-12)
    apart = np.arange(3 * N).reshape(N, 3)
    assert calibration(PROBABILITIES, SHARES, triplets=apart, n_bootstrap=2).error.over == ("triplets",)
    plain = calibration(PROBABILITIES, SHARES, n_bootstrap=9)
    asked = calibration(PROBABILITIES, SHARES, triplets=triplets, over="triplets", n_bootstrap=9)
    np.testing.assert_array_equal(asked.error.samples, plain.error.samples)


@pytest.mark.parametrize(
    ("probabilities", "shares", "options", "message"),
    [
        (PROBABILITIES, SHARES[:-1], {}, r"shares: expected shape \(60, 3\)"),
        (PROBABILITIES * 1.1, SHARES, {}, "probabilities: row 0 is not a distribution"),
        (PROBABILITIES, np.where(np.arange(N)[:, None] == 9, np.nan, SHARES), {}, "shares: row 9"),
        (np.empty((0, 3)), np.empty((0, 3)), {}, "none to compare"),
        (PROBABILITIES, SHARES, {"n_bins": 0}, "n_bins is 0"),
        (PROBABILITIES, SHARES, {"over": "objects"}, "which objects a triplet shows is not known; give triplets"),
        (PROBABILITIES, SHARES, {"over": "people"}, "over is 'people'; give one of objects, triplets"),
        (PROBABILITIES, SHARES, {"triplets": [[0, 1, 2]]}, "there are 1 triplets and 60 rows of probabilities"),
    ],
)
def test_what_cannot_be_compared_is_named(probabilities, shares, options, message):
    with pytest.raises(InputError, match=message):
        calibration(probabilities, shares, **options)
