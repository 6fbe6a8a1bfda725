import numpy as np
import pytest
from kernel_hsic import kernel_hsic
from scipy.stats import pearsonr, spearmanr

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.human.rsa_draws import score_draws
from alignet_hf.evaluation.representation.similarity import cka, pairwise_rsm_correlation, rsm_correlation
from alignet_hf.evaluation.statistics import bootstrap_counts

rng = np.random.default_rng(0)
N = 120
FIRST = rng.normal(size=(N, 12)) + 2
SECOND = FIRST[:, :6] @ rng.normal(size=(6, 20)) + 2 * rng.normal(size=(N, 20))


def kernel_cka(x, y, estimator):
    cross = kernel_hsic(x, y, estimator)
    return cross / np.sqrt(kernel_hsic(x, x, estimator) * kernel_hsic(y, y, estimator))


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_cka_as_from_kernel_matrices(estimator):
    found = cka(FIRST, SECOND, estimator=estimator, n_bootstrap=0)
    np.testing.assert_allclose(found.estimate, kernel_cka(FIRST, SECOND, estimator), rtol=1e-10)
    assert found.n_objects == N
    assert found.unit == "images"


def test_biased_cka_is_rsatoolboxs_whitened_cosine():
    """That of squared Euclidean distances, with independent noise (Diedrichsen et al. 2021)."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    rdms = [calc_rdm(Dataset(rows), method="euclidean") for rows in (FIRST, SECOND)]
    theirs = compare(*rdms, method="cosine_cov")[0, 0]
    np.testing.assert_allclose(cka(FIRST, SECOND, estimator="biased", n_bootstrap=0).estimate, theirs, rtol=1e-6)


@pytest.mark.parametrize(("correlation", "theirs"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_rsm_correlation_is_scipys_and_rsatoolboxs(correlation, theirs):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    upper = np.triu_indices(N, 1)
    found = rsm_correlation(FIRST, SECOND, correlation=correlation, n_bootstrap=0).estimate
    np.testing.assert_allclose(found, theirs(np.corrcoef(FIRST)[upper], np.corrcoef(SECOND)[upper])[0], rtol=1e-10)
    rdms = [calc_rdm(Dataset(rows), method="correlation") for rows in (FIRST, SECOND)]
    method = {"spearman": "spearman", "pearson": "corr"}[correlation]
    np.testing.assert_allclose(found, compare(*rdms, method=method)[0, 0], rtol=1e-6)


@pytest.mark.parametrize("estimator", ["unbiased", "biased"])
def test_the_interval_of_cka_is_as_wide_as_that_of_scores_computed_anew(estimator):
    draws = np.random.default_rng(1).integers(N, size=(1000, N))
    naive = [kernel_cka(FIRST[rows], SECOND[rows], estimator) for rows in draws]
    samples = cka(FIRST, SECOND, estimator=estimator, n_bootstrap=4000).samples
    assert 0.9 < samples.std() / np.std(naive) < 1.15


@pytest.mark.parametrize("correlation", ["spearman", "pearson"])
def test_the_interval_of_rsms_is_as_wide_as_that_of_scores_computed_anew(correlation):
    naive = score_draws(
        np.corrcoef(FIRST),
        np.corrcoef(SECOND)[None],
        bootstrap_counts(N, 1000, 1),
        correlation=correlation,
        ceiling=False,
    ).scores
    samples = rsm_correlation(FIRST, SECOND, correlation=correlation, n_bootstrap=4000).samples
    assert 0.9 < samples.std() / naive.std() < 1.1


@pytest.mark.parametrize("correlation", ["spearman", "pearson"])
def test_the_value_of_an_image_is_the_derivative_by_its_weight(correlation):
    """Ties included: two images of one embedding."""
    first, second = FIRST[:30].copy(), SECOND[:30].copy()
    first[7], second[7] = first[3], second[3]
    weights = np.full((30, 30), 1000)  # integers: how often each image was drawn
    weights[np.diag_indices(30)] += 1
    people = np.corrcoef(second)[None]

    def score(counts):
        return score_draws(np.corrcoef(first), people, counts, correlation=correlation, ceiling=False).scores

    slope = (score(weights) - score(np.full((1, 30), 1000))) / 1e-3
    found = rsm_correlation(first, second, correlation=correlation, n_bootstrap=2000)
    values = pairwise_rsm_correlation({"a": first, "b": second}, correlation=correlation)["a", "b"]
    # A quotient of differences is not the derivative: a thousandth of an image more bends it by as much.
    np.testing.assert_allclose((values - values.mean()) / 30, slope, atol=2e-4)
    np.testing.assert_allclose(values.mean(), found.estimate, rtol=1e-12)


def test_turned_shifted_and_scaled_is_the_same_to_cka():
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    found = cka(FIRST, 3 * FIRST @ turn + 5)
    np.testing.assert_allclose([found.estimate, found.low, found.high], 1, rtol=1e-9)


def test_unrelated_models_with_more_dimensions_than_images_are_alike_to_the_biased_estimate_alone():
    x, y = rng.normal(size=(2, 40, 800))
    biased, unbiased = cka(x, y, estimator="biased", n_bootstrap=0), cka(x, y, n_bootstrap=0)
    assert biased.estimate > 0.9
    assert biased.chance is None
    assert abs(unbiased.estimate) < 0.1
    assert unbiased.chance == rsm_correlation(x, y, n_bootstrap=0).chance == 0


def test_of_many_images_a_sample_is_compared_and_counted():
    found = rsm_correlation(FIRST, SECOND, max_images=50, n_bootstrap=0)
    assert found.n_objects == 50
    again = rsm_correlation(FIRST, SECOND, max_images=50, n_bootstrap=0)
    other = rsm_correlation(FIRST, SECOND, max_images=50, n_bootstrap=0, seed=1)
    assert found.estimate == again.estimate != other.estimate


def test_two_models_likeness_to_a_third_is_paired():
    near = FIRST + 0.1 * rng.normal(size=FIRST.shape)
    difference = compare_results(cka(FIRST, SECOND), cka(near, SECOND)).difference
    assert difference.samples.std() < cka(FIRST, SECOND).samples.std() / 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cka(FIRST, SECOND[:-1]), "first has 120 rows, second has 119 rows"),
        (lambda: cka(FIRST[:4], SECOND[:4]), "at least 5 images are needed, got 4"),
        (lambda: cka(FIRST, SECOND, estimator="best"), "estimator is 'best'; it must be one of unbiased, biased"),
        (lambda: cka(FIRST, np.full((N, 3), 0.1)), "second: all images, or all but one or two, have one embedding"),
        (lambda: cka(FIRST, 0.1 + np.eye(N)[:, 7:8]), "second: all images, or all but one or two, have one"),
        (lambda: cka(FIRST, 0.1 + np.eye(N)[:, 7:8], estimator="biased"), "second: all images, or all but one"),
        (lambda: rsm_correlation(FIRST, SECOND, correlation="kendall"), "correlation is 'kendall'"),
        (lambda: rsm_correlation(FIRST, np.ones((N, 1)) * np.arange(3.0)), "second: all pairs have the pearson"),
    ],
)
def test_what_cannot_be_compared_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
