import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.projection import project, project_models, turned_to

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(60, 8)) * np.arange(8, 0, -1) + 4


def test_principal_places_are_sklearns_up_to_sign():
    theirs = PCA(2).fit_transform(ROWS)
    ours = project(ROWS)
    np.testing.assert_allclose(ours * np.sign(ours[0] * theirs[0]), theirs, atol=1e-6)


def test_the_order_of_images_changes_no_sign():
    order = rng.permutation(60)
    np.testing.assert_allclose(project(ROWS[order]), project(ROWS)[order], atol=1e-9)


def test_before_is_turned_to_after_and_keeps_its_distances():
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    projected = project_models({"before": ROWS @ turn, "after": ROWS})
    np.testing.assert_allclose(projected.places["before"], projected.places["after"], atol=1e-9)
    assert projected.explained["before"] == pytest.approx(PCA(2).fit(ROWS).explained_variance_ratio_.sum())


def test_turning_is_the_best_of_all_turns_and_mirrors():
    places, reference = rng.normal(size=(2, 30, 2))
    found = ((turned_to(places, reference) - reference) ** 2).sum()
    for angle in np.linspace(0, 2 * np.pi, 60):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for one in (turn, turn @ np.diag([1, -1])):
            assert found <= ((places @ one - reference) ** 2).sum() + 1e-9


def test_of_many_images_a_sample_is_kept_with_the_components_of_all():
    projected = project_models({"before": ROWS, "after": ROWS}, max_images=20, seed=3)
    assert len(projected.rows) == 20
    assert projected.n_images == 60
    kept = project(ROWS)[projected.rows]
    np.testing.assert_allclose(projected.places["after"], kept - kept.mean(0), atol=1e-12)


def test_one_dimension_lies_on_a_line():
    places = project(ROWS[:, :1])
    np.testing.assert_allclose(np.abs(places[:, 0]), np.abs(ROWS[:, 0] - ROWS[:, 0].mean()))
    assert (places[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("method", "module", "package"), [("trimap", "trimap", "trimap"), ("umap", "umap", "umap-learn")]
)
def test_a_missing_package_is_named_with_its_extra(method, module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf'{package} is not installed: pip install "alignet-hf\[projections\]"'):
        project(ROWS, method)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: project(ROWS, "tsne"), "method is 'tsne'; it must be one of pca, trimap, umap"),
        (lambda: project(ROWS[:10], "trimap"), "TriMap needs at least 20 images, got 10"),
        (lambda: project(ROWS[:3], "umap"), "UMAP needs at least 5 images, got 3"),
        (lambda: project_models({"before": ROWS, "after": ROWS[:50]}), "before has 60 rows, after has 50 rows"),
    ],
)
def test_what_cannot_be_projected_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["trimap", "umap"])
def test_trimap_and_umap_part_groups_and_are_the_same_by_seed(method):
    """Slow: both packages compile when they are first called."""
    pytest.importorskip(method)
    groups = np.repeat([0, 1, 2], 30)
    rows = 20 * np.eye(12)[groups] + rng.normal(size=(90, 12))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    places = project(rows, method, seed=1)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    np.testing.assert_array_equal(project(rows, method, seed=1), places)
    assert not np.array_equal(project(rows, method, seed=2), places)
    centres = np.stack([places[groups == group].mean(0) for group in range(3)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(1)
    np.testing.assert_array_equal(nearest, groups)


@pytest.mark.slow
def test_umap_is_the_packages_own():
    umap = pytest.importorskip("umap", reason="umap-learn is not installed")
    theirs = umap.UMAP(random_state=7, n_jobs=1)  # else as the package has it
    np.testing.assert_array_equal(project(ROWS, "umap", seed=7), theirs.fit_transform(ROWS.astype(np.float32)))


@pytest.mark.slow
def test_trimap_is_the_packages_own():
    trimap = pytest.importorskip("trimap", reason="trimap is not installed")
    import numba

    @numba.njit
    def seed_compiled_code():
        np.random.seed(7)  # noqa: NPY002

    ours = project(ROWS, "trimap", seed=7)
    n_threads, state = numba.get_num_threads(), np.random.get_state()  # noqa: NPY002
    try:
        numba.set_num_threads(1)
        np.random.seed(7)  # noqa: NPY002
        seed_compiled_code()
        theirs = trimap.TRIMAP(verbose=False).fit_transform(ROWS.astype(np.float32))
    finally:
        numba.set_num_threads(n_threads)
        np.random.set_state(state)  # noqa: NPY002
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "n"), [("trimap", 20), ("umap", 5)])
def test_the_fewest_images_allowed_are_projected(method, n):
    pytest.importorskip(method)
    places = project(ROWS[:n], method)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()
