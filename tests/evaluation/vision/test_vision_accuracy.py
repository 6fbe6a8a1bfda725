import numpy as np

from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.vision.accuracy import mean_over_images


def test_the_interval_is_that_of_the_mean():
    right = np.random.default_rng(0).random(2000) < 0.7
    result = mean_over_images("accuracy", right, chance=0.1, n_bootstrap=2000)
    error = right.std() / np.sqrt(len(right))
    assert result.estimate == right.mean()
    np.testing.assert_allclose(
        [result.low, result.high], right.mean() + np.array([-1.96, 1.96]) * error, atol=0.2 * error
    )


def test_scores_on_the_same_images_are_paired():
    rng = np.random.default_rng(1)
    first = rng.random(500) < 0.6
    second = first.copy()
    second[:20] = False
    difference = compare_results(mean_over_images("a", first), mean_over_images("a", second)).difference
    alone = mean_over_images("a", first).samples.std()
    assert difference.estimate == first.mean() - second.mean()
    assert difference.samples.std() < alone / 2


def test_no_draws_no_interval():
    assert np.isnan(mean_over_images("a", np.ones(3), n_bootstrap=0).low)


def test_there_is_a_chance_where_one_is_given():
    assert mean_over_images("a", np.ones(3), chance=0.25, n_bootstrap=0).chance == 0.25
    assert mean_over_images("a", np.ones(3), n_bootstrap=0).chance is None
