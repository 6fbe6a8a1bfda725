"""What a Result says of itself, and the draws of the bootstrap."""

from dataclasses import replace

import numpy as np
import pytest

from alignet_hf.evaluation.statistics import Result, bootstrap_counts, draw_counts, mean_result

SAMPLES = np.linspace(0.4, 0.6, 101)


def test_counts_are_draws_with_replacement():
    counts = bootstrap_counts(7, 4000, seed=0)
    assert (counts.sum(1) == 7).all()
    np.testing.assert_allclose(counts.mean(0), 1, atol=0.07)
    np.testing.assert_allclose(counts.var(0), 6 / 7, atol=0.1)  # of a binomial(7, 1/7)
    np.testing.assert_array_equal(counts, bootstrap_counts(7, 4000, seed=0))


def test_result_leaves_out_draws_without_a_score():
    result = Result.from_samples("score", 0.5, np.array([np.nan, *np.linspace(0, 1, 101)]), 1 / 3, 10)
    assert (result.low, result.high) == (0.025, 0.975)
    assert str(result) == "score 0.500, 95 % interval 0.025 to 0.975 over 10 objects (chance 0.333)"


def test_blocks_of_draws_are_those_of_one_call():
    rng = np.random.default_rng(3)
    blocks = [draw_counts(rng, 9, n) for n in (4, 1, 7)]
    np.testing.assert_array_equal(np.concatenate(blocks), bootstrap_counts(9, 12, 3))


def test_the_normalised_score_puts_chance_at_0_and_people_at_1():
    result = Result.from_samples("score", 0.5, SAMPLES, 1 / 3, 10, ceiling=0.6, p_value=0.002)
    assert result.normalised == pytest.approx((0.5 - 1 / 3) / (0.6 - 1 / 3))
    assert str(result).endswith("over 10 objects (chance 0.333; ceiling 0.600; normalised 0.625; p = 0.002)")
    assert result.to_dict() == {
        "estimate": 0.5,
        "low": pytest.approx(0.405),
        "high": pytest.approx(0.595),
        "ceiling": 0.6,
        "normalised": result.normalised,
        "p_value": 0.002,
        "chance": 1 / 3,
        "n_objects": 10,
        "unit": "objects",
        "over": ["objects"],
    }


def test_what_was_drawn_is_said_where_it_is_not_what_is_counted():
    result = Result.from_samples("score", 0.5, SAMPLES, 1 / 3, 10, over=("triplets", "people"))
    assert "0.405 to 0.595 over triplets and people, on 10 objects (chance" in str(result)


def test_both_bounds_of_a_noise_ceiling_are_kept():
    result = Result.from_samples("score", 0.5, SAMPLES, 0, 10, ceiling=0.6, upper_ceiling=0.7)
    assert "; noise ceiling 0.600 to 0.700; normalised 0.833" in str(result)
    assert result.to_dict()["upper_ceiling"] == 0.7


def test_a_mean_has_the_mean_of_every_draw():
    rng = np.random.default_rng(0)
    ends = ((0.4, 0.5, 0.7), (0.6, 0.7, 0.9), (0.2, 0.3, 0.5))
    parts = [
        Result.from_samples("RSA", e, e + rng.normal(size=400), 0, 4, ceiling=low, upper_ceiling=high)
        for e, low, high in ends
    ]
    mean = mean_result("RSA, mean", parts)
    assert (mean.estimate, mean.ceiling, mean.upper_ceiling, mean.n_objects) == pytest.approx((0.4, 0.5, 0.7, 12))
    np.testing.assert_allclose(mean.samples, sum(part.samples for part in parts) / 3)
    # Independent draws: the interval shrinks as the standard error of a mean does.
    assert (mean.high - mean.low) == pytest.approx((parts[0].high - parts[0].low) / np.sqrt(3), rel=0.2)
    without = Result.from_samples("RSA", 0.1, SAMPLES[:0], 0, 4)
    assert mean_result("RSA", [without, without]).ceiling is None


@pytest.mark.parametrize("ceiling", [None, 1 / 3, 0.2])
def test_a_ceiling_no_higher_than_chance_normalises_nothing(ceiling):
    result = Result.from_samples("score", 0.5, SAMPLES, 1 / 3, 10, ceiling=ceiling)
    assert result.normalised is None
    assert "normalised" not in result.to_dict()


@pytest.mark.parametrize("samples", [np.empty(0), np.full(3, np.nan)])
def test_without_draws_there_is_no_interval(samples):
    result = Result.from_samples("score", 0.5, samples, 1 / 3, 10)
    assert np.isnan([result.low, result.high]).all()
    assert str(result) == "score 0.500 over 10 objects (chance 0.333)"
    assert (result.to_dict()["low"], result.to_dict()["high"]) == (None, None)


def test_the_p_value_of_a_mean_is_that_of_its_parts_together():
    parts = [
        Result.from_samples("x", 0.5, np.zeros(3), 0.0, 9, permuted=np.array(permuted))
        for permuted in ([0.6, 0.1, 0.2], [0.1, 0.6, 0.1])
    ]
    assert mean_result("mean", parts).p_value == pytest.approx(1 / 4)  # 0.35, 0.35 and 0.15 are below 0.5
    assert mean_result("mean", [parts[0], replace(parts[1], permuted=None)]).p_value is None
