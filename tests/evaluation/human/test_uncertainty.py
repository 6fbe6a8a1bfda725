"""Entropy against scipy and exact arithmetic, the correlation and its bootstrap against scipy on drawn triplets."""

import mpmath
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy, spearmanr

from alignet_hf.errors import InputError, UndefinedScoreError
from alignet_hf.evaluation.human.uncertainty import (
    triplet_entropy,
    uncertainty_rt_correlation,
    uncertainty_rt_correlation_by_group,
)
from alignet_hf.evaluation.statistics import bootstrap_counts

N = 30
SIMILARITIES = np.random.default_rng(0).normal(size=(N, 3)) * 3
TIMES = np.random.default_rng(1).uniform(1_000, 9_000, size=N)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 7.0])
def test_entropy_is_scipys(temperature):
    expected = entropy(softmax(SIMILARITIES / temperature, 1), axis=1)
    np.testing.assert_allclose(triplet_entropy(SIMILARITIES, temperature), expected, rtol=1e-10)


def test_entropy_of_the_undecided_and_of_the_sure():
    np.testing.assert_allclose(triplet_entropy([[2.0, 2.0, 2.0]]), np.log(3))
    with mpmath.workdps(400):
        for gap in (50, 300):  # softmax in float64 gives exactly 1 and an entropy that is too small
            p = [mpmath.exp(s) for s in (gap, 0, -3)]
            exact = -sum(x / sum(p) * mpmath.log(x / sum(p)) for x in p)
            np.testing.assert_allclose(triplet_entropy([[0.0, gap, -3.0]])[0], float(exact), rtol=1e-12)


def test_estimate_and_interval_match_scipy_on_drawn_triplets():
    times = TIMES.copy()
    times[[3, 8]] = 10_001, 14_000
    times[5] = 10_000  # not over the limit
    result = uncertainty_rt_correlation(SIMILARITIES, times, n_bootstrap=20, seed=2)
    assert (result.n_excluded, result.n_objects) == (2, N - 2)
    kept = np.delete(np.arange(N), [3, 8])
    uncertainty, log_rt = entropy(softmax(SIMILARITIES[kept], 1), axis=1), np.log(times[kept])
    np.testing.assert_allclose(result.estimate, spearmanr(uncertainty, log_rt).statistic, atol=1e-12)
    for count, sample in zip(bootstrap_counts(N - 2, 20, 2), result.samples, strict=True):
        drawn = np.repeat(np.arange(N - 2), count.astype(int))
        np.testing.assert_allclose(sample, spearmanr(uncertainty[drawn], log_rt[drawn]).statistic, atol=1e-12)
    assert f"over {N - 2} triplets" in str(result)
    assert "2 response times excluded" in str(result)


def test_several_people_count_by_their_mean_log_response_time():
    """A loop over people; the arithmetic mean orders these triplets otherwise."""
    times = np.exp(np.random.default_rng(3).normal(8, 1, size=(N, 5)))
    times[::4, 1] = np.nan
    times[7] = 11_000  # nobody in time: the triplet goes
    means = [np.mean([np.log(t) for t in row if t <= 10_000] or [np.nan]) for row in times]
    kept = np.isfinite(means)
    result = uncertainty_rt_correlation(SIMILARITIES, times, n_bootstrap=5)
    expected = spearmanr(triplet_entropy(SIMILARITIES)[kept], np.array(means)[kept]).statistic
    np.testing.assert_allclose(result.estimate, expected, atol=1e-12)
    assert result.n_excluded == (times > 10_000).sum()
    assert result.n_objects == kept.sum()
    assert not kept[7]


def test_a_model_that_is_unsure_where_people_are_slow_scores_one():
    slow = np.arange(1, 11)
    similarities = np.stack([10.0 / slow, np.zeros(10), np.zeros(10)], 1)
    assert uncertainty_rt_correlation(similarities, 1_000.0 + slow).estimate == pytest.approx(1)
    assert uncertainty_rt_correlation(similarities, 2_000.0 - slow).estimate == pytest.approx(-1)


def test_the_temperature_can_turn_the_order():
    similarities = [[3.0, 2.9, -50.0], [2.0, 0.0, 0.0]]  # between two, or fairly sure
    cold, warm = triplet_entropy(similarities, 0.5), triplet_entropy(similarities, 20.0)
    assert cold[0] > cold[1]
    assert warm[0] < warm[1]


def test_the_same_seed_gives_the_same_bytes():
    first, again, other = (uncertainty_rt_correlation(SIMILARITIES, TIMES, seed=seed).samples for seed in (4, 4, 5))
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    ("similarities", "times", "options", "message"),
    [
        (SIMILARITIES[:, :2], TIMES, {}, r"three similarities .* shape \(30, 2\)"),
        (np.empty((0, 3)), [], {}, r"shape \(0, 3\)"),
        (np.where(np.arange(N)[:, None] == 4, np.nan, SIMILARITIES), TIMES, {}, "similarities: row 4 holds nan"),
        (SIMILARITIES, TIMES[:-1], {}, r"each of 30 triplets, got an array of shape \(29, 1\)"),
        (SIMILARITIES, np.where(np.arange(N) == 6, -5.0, TIMES), {}, "row 6 holds -5.0"),
        (SIMILARITIES, np.where(np.arange(N) == 6, 0.0, TIMES), {}, "row 6 holds 0.0"),
        (SIMILARITIES, np.where(np.arange(N) == 7, np.inf, TIMES), {}, "row 7 holds inf"),
        (SIMILARITIES, TIMES + 10_000, {}, "0 triplets have a response time of at most 10000 ms"),
        (np.ones((N, 3)), TIMES, {}, "every triplet has the entropy 1.09861"),
        (SIMILARITIES, np.full(N, 900.0), {}, "all are equal"),
        (SIMILARITIES, TIMES, {"temperature": 0.0}, "temperature is 0.0"),
        (SIMILARITIES, TIMES, {"temperature": np.nan}, "temperature is nan"),
    ],
)
def test_what_cannot_be_correlated_is_named(similarities, times, options, message):
    with pytest.raises(InputError, match=message):
        uncertainty_rt_correlation(similarities, times, **options)


def test_the_p_value_is_that_of_a_loop_over_exchanged_times():
    uncertainty = triplet_entropy(SIMILARITIES)
    times = np.exp(uncertainty + np.random.default_rng(5).normal(7, 0.6, N))
    result = uncertainty_rt_correlation(SIMILARITIES, times, n_bootstrap=1, n_permutations=60, seed=3)
    rng = np.random.default_rng((3, 2))
    exchanged = [spearmanr(rng.permutation(uncertainty), times).statistic for _ in range(60)]
    assert result.p_value == (1 + np.sum(np.array(exchanged) >= result.estimate)) / 61


def test_every_group_is_scored_by_itself():
    groups = ["coarse", "fine"] * (N // 2)
    results = uncertainty_rt_correlation_by_group(SIMILARITIES, TIMES, groups, n_bootstrap=3)
    for start, group in enumerate(["coarse", "fine"]):
        assert results[group] == uncertainty_rt_correlation(SIMILARITIES[start::2], TIMES[start::2], n_bootstrap=3)


def test_a_triplet_without_a_response_time_is_left_out():
    some = np.arange(N) != 8
    with_hole = uncertainty_rt_correlation(SIMILARITIES, np.where(some, TIMES, np.nan))
    without = uncertainty_rt_correlation(SIMILARITIES[some], TIMES[some])
    assert (with_hole.estimate, with_hole.n_objects) == (without.estimate, N - 1)


@pytest.mark.parametrize("over", ["people", ("triplets", "people")])
def test_intervals_over_people_are_scipys_on_drawn_people(over):
    """A person drawn twice counts twice in a triplet's mean; a triplet that nobody drawn has answered is left out."""
    rng = np.random.default_rng(5)
    times = np.exp(rng.normal(8, 0.4, size=(N, 4)))
    times[rng.random((N, 4)) < 0.5] = np.nan
    times[:, 0] = np.where(np.isnan(times).all(1), 2_000, times[:, 0])
    ids = rng.permuted(np.tile(np.arange(4), (N, 1)), axis=1)
    result = uncertainty_rt_correlation(SIMILARITIES, times, over=over, people=ids, n_bootstrap=15, seed=6)
    uncertainty = entropy(softmax(SIMILARITIES, 1), axis=1)
    answered = [who for who in range(4) if ((ids == who) & (times <= 10_000)).any()]
    people = bootstrap_counts(len(answered), 15, 6 if over == "people" else (6, 1))
    triplets = np.ones((15, N)) if over == "people" else bootstrap_counts(N, 15, 6)
    for person_counts, triplet_counts, sample in zip(people, triplets, result.samples, strict=True):
        x, y = [], []
        for row in range(N):
            logs = []
            for who, time in zip(ids[row], times[row], strict=True):
                logs += [np.log(time)] * int(person_counts[answered.index(who)]) if time <= 10_000 else []
            if logs:
                x += [uncertainty[row]] * int(triplet_counts[row])
                y += [np.mean(logs)] * int(triplet_counts[row])
        np.testing.assert_allclose(sample, spearmanr(x, y).statistic, atol=1e-12)


def test_a_group_without_a_correlation_is_named_or_left_out():
    similarities = SIMILARITIES.copy()
    similarities[:10] = 1.0
    groups = ["same"] * 10 + ["other"] * (N - 10)
    with pytest.raises(UndefinedScoreError, match="same: similarities: every triplet has the entropy"):
        uncertainty_rt_correlation_by_group(similarities, TIMES, groups, n_bootstrap=2)
    notes = []
    found = uncertainty_rt_correlation_by_group(similarities, TIMES, groups, n_bootstrap=2, note=notes.append)
    assert list(found) == ["other"]
    assert notes[0].startswith("same: no correlation of uncertainty and response time: similarities")
