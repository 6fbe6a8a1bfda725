import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.representation.spectrum import (
    draw_spectra,
    principal_components,
    spectrum,
    spectrum_scores,
)
from alignet_hf.evaluation.vision.accuracy import mean_over_images

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(400, 6)) * np.arange(6, 0, -1) + 3


@pytest.mark.parametrize("shape", [(300, 20), (15, 40), (30, 30)])
def test_variance_explained_is_sklearns(shape):
    rows = (rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) + 10).astype(np.float32)
    theirs = PCA(svd_solver="full").fit(np.float64(rows))
    found = spectrum(rows, n_bootstrap=0)
    k = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(found.variance_explained, theirs.explained_variance_ratio_[:k], atol=1e-6)
    np.testing.assert_allclose(found.eigenvalues, theirs.explained_variance_[:k], rtol=1e-6, atol=1e-9)


@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_ranks_lie_in_their_bounds(n, dimensions, seed):
    found = spectrum(np.random.default_rng(seed).normal(size=(n, dimensions)), n_bootstrap=0)
    rank = min(n - 1, dimensions)
    assert 1 - 1e-9 <= found.participation_ratio.estimate <= found.effective_rank.estimate + 1e-9
    assert found.effective_rank.estimate <= rank + 1e-9
    assert found.share_of_first(rank).estimate == pytest.approx(1)
    components = int(found.n_components().estimate)
    assert found.cumulative[components - 1] >= 0.9 - 1e-12
    assert components == 1 or found.cumulative[components - 2] < 0.9


def test_effective_rank_and_participation_ratio_as_defined():
    singular = np.linalg.svd(ROWS - ROWS.mean(0), compute_uv=False)
    shares = singular / singular.sum()
    found = spectrum(ROWS, n_bootstrap=0)
    np.testing.assert_allclose(found.effective_rank.estimate, np.exp(-(shares * np.log(shares)).sum()), rtol=1e-9)
    np.testing.assert_allclose(
        found.participation_ratio.estimate, (singular**2).sum() ** 2 / (singular**4).sum(), rtol=1e-9
    )


def test_dimensions_of_equal_variance_are_counted():
    corners = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T.astype(float)
    flat = np.pad(corners, ((0, 0), (0, 30)))  # thirty dimensions with nothing in them
    found = spectrum(flat @ np.linalg.qr(rng.normal(size=(34, 34)))[0])
    for result in (found.effective_rank, found.participation_ratio):
        assert result.estimate == pytest.approx(4)
    assert found.n_components().estimate == 4


def test_intervals_are_those_of_components_found_anew():
    draws = np.random.default_rng(1).integers(400, size=(1000, 400))
    naive = np.array([np.linalg.eigvalsh(np.cov(ROWS[rows].T))[::-1] for rows in draws])
    found = spectrum(ROWS)
    np.testing.assert_allclose(found.samples.std(0), naive.std(0), rtol=0.15)
    assert found.effective_rank.low < found.effective_rank.estimate < found.effective_rank.high


def test_draws_are_the_images_of_every_other_score():
    direction = ROWS[:, :1]
    values = (direction[:, 0] - direction.mean()) ** 2
    means = mean_over_images("x", direction[:, 0], n_bootstrap=30, seed=5).samples - direction.mean()
    expected = (mean_over_images("x", values, n_bootstrap=30, seed=5).samples - means**2) * 400 / 399
    # Sums of 400 squares in float32, which is enough for a draw.
    np.testing.assert_allclose(spectrum(direction, n_bootstrap=30, seed=5).samples[:, 0], expected, rtol=2e-6)


def test_before_and_after_are_paired():
    before, after = spectrum(ROWS), spectrum(ROWS * [3, 1, 1, 1, 1, 1])
    difference = compare_results(after.share_of_first(1), before.share_of_first(1)).difference
    assert difference.low > 0


def test_scores_by_name():
    scores = spectrum_scores(spectrum(ROWS, n_bootstrap=10))
    for one in scores.values():  # a spectrum is not right or wrong
        assert one.chance is None
        assert "chance" not in str(one)
        assert "chance" not in one.to_dict()
    assert list(scores) == [
        "variance_explained/first-1",
        "variance_explained/first-5",
        "variance_explained/first-10",
        "effective_rank",
        "participation_ratio",
        "components_for/90%",
    ]
    assert scores["variance_explained/first-10"].estimate == 1  # of six


def test_signs_of_components_do_not_depend_on_the_solver():
    tall = principal_components(ROWS)[1]
    wide = principal_components(np.pad(ROWS, ((0, 0), (0, 600))))[1][:6, :6]
    np.testing.assert_allclose(tall, wide, atol=1e-9)
    assert (tall[np.abs(tall).argmax(0), np.arange(6)] > 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectrum(ROWS[:1]), "need at least two images, got 1"),
        (lambda: spectrum(np.full((50, 3), 0.1)), "all 50 images have one embedding"),
        (lambda: spectrum(ROWS, n_bootstrap=0).n_components(1.5), "share is 1.5"),
    ],
)
def test_what_has_no_spectrum_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_figure_shows_each_curve_and_where_it_reaches_ninety_percent():
    spectra = {"before": spectrum(ROWS), "after": spectrum(ROWS * [5, 1, 1, 1, 1, 1])}
    axis = draw_spectra(spectra).axes[0]
    for name, one in spectra.items():
        label = f"{name} ({one.n_components().estimate:.0f} for 90 %)"
        curve = next(line for line in axis.lines if line.get_label() == label)
        np.testing.assert_allclose(curve.get_ydata(), one.cumulative)
