import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.surrogate.vice import Vice
from alignet_hf.surrogate.vice.held_out import hold_out
from alignet_hf.surrogate.vice.seeds import fit_seeds, reproducibility
from alignet_hf.triplets import all_triplets

RNG = np.random.default_rng(0)
COLUMNS = np.abs(RNG.normal(size=(40, 3))).astype(np.float32)


def posterior(columns):
    return Vice(columns, np.full_like(columns, 0.01), k=5, fdr=0.05)


def test_share_of_dimensions_that_another_run_has():
    other = np.abs(RNG.normal(size=(40, 1))).astype(np.float32)
    runs = [
        posterior(COLUMNS),
        posterior(3 * COLUMNS[:, [2, 0]] + 0.5),  # two of them, scaled, shifted, in another order
        posterior(np.hstack([COLUMNS[:, [1]], other])),
    ]
    expected = np.array([[np.nan, 2 / 3, 1 / 3], [1, np.nan, 0], [1 / 2, 0, np.nan]])
    np.testing.assert_allclose(reproducibility(runs), expected)


def test_threshold_against_numpy_s_correlation():
    noisy = np.abs(COLUMNS + RNG.normal(0, 0.3, COLUMNS.shape)).astype(np.float32)
    best = np.corrcoef(COLUMNS.T, noisy.T)[:3, 3:].max(1)
    for threshold in (best.min() - 1e-6, best.min() + 1e-6, best.max() + 1e-6):
        shares = reproducibility([posterior(COLUMNS), posterior(noisy)], threshold)
        assert shares[0, 1] == pytest.approx((best > threshold).mean())


def test_a_run_without_dimensions():
    nothing = posterior(np.full((40, 2), -1, np.float32))
    shares = reproducibility([posterior(COLUMNS), nothing])
    assert shares[0, 1] == 0
    assert np.isnan(shares[1]).all()


def test_fit_seeds_is_a_fit_a_seed(tmp_path):
    choices = np.argsort(RNG.random((300, 12)), 1)[:, :3]
    options = {"init_dim": 4, "batch_size": 64, "max_epochs": 2, "progress": False, "fdr": 0.9, "k": 1}
    runs = fit_seeds(choices, 12, seeds=[3, 5], checkpoint=tmp_path, **options)
    for run, seed in zip(runs, (3, 5), strict=True):
        np.testing.assert_array_equal(run.mean, Vice.fit(choices, 12, seed=seed, **options).mean)
        assert any((tmp_path / f"seed-{seed}").iterdir())


def test_every_seed_has_the_same_choices_held_out(monkeypatch):
    choices, given = RNG.permutation(all_triplets(13)), []
    monkeypatch.setattr(Vice, "fit", lambda training, n, **options: given.append((training, options)))
    fit_seeds(choices, 13, seeds=[3, 5, 9], validation=0.2)
    assert [options["seed"] for _, options in given] == [3, 5, 9]
    for training, options in given:
        np.testing.assert_array_equal(training, given[0][0])
        np.testing.assert_array_equal(options["validation"], given[0][1]["validation"])
    training, held_out = given[0][0], given[0][1]["validation"]
    assert len(held_out) == round(0.2 * 286)
    np.testing.assert_array_equal(np.unique([*training, *held_out], axis=0), np.unique(choices, axis=0))


def test_the_first_seed_s_fit_is_that_of_vice_fit():
    choices = RNG.permutation(all_triplets(12))
    options = {"init_dim": 4, "batch_size": 64, "max_epochs": 2, "progress": False, "fdr": 0.9, "k": 1}
    first, second = fit_seeds(choices, 12, seeds=[3, 5], validation=0.2, **options)
    np.testing.assert_array_equal(first.mean, Vice.fit(choices, 12, seed=3, validation=0.2, **options).mean)
    assert first.metadata["n_validation"] == second.metadata["n_validation"] == 44


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match="two runs or more"):
        reproducibility([posterior(COLUMNS)])
    with pytest.raises(InputError, match=r"\[40, 39\] objects"):
        reproducibility([posterior(COLUMNS), posterior(COLUMNS[1:])])
    with pytest.raises(InputError, match="names a seed twice"):
        fit_seeds(np.array([[0, 1, 2]]), 3, seeds=[1, 1])
    with pytest.raises(InputError, match="is empty"):
        fit_seeds(np.array([[0, 1, 2]]), 3, seeds=[])


def test_what_several_people_say_of_a_triplet_is_held_out_together():
    choices = np.repeat(RNG.permutation(all_triplets(9))[:50], 4, 0)
    choices = RNG.permuted(choices, axis=1)  # whoever is the odd one, the triplet is the same
    training, held_out = hold_out(choices, 0.2, 9, seed=0)
    assert len(held_out) == 40
    sides = ({tuple(sorted(row)) for row in part.tolist()} for part in (training, held_out))
    assert not set.intersection(*sides)


@pytest.mark.parametrize("options", [{"n_objects": 9.0}, {"seed": "a"}])
def test_numbers_that_are_not_whole(options):
    with pytest.raises(InputError, match="a whole number is needed"):
        Vice.fit([[0, 1, 2]], **{"n_objects": 9, "seed": 0} | options)
