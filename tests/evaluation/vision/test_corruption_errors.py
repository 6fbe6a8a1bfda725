"""The mean corruption error against a loop over corruptions and severities."""

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.corruption_errors import ALEXNET, ALEXNET_CLEAN, corruption_errors
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES

N = 200
NAMES = [f"n01440764/ILSVRC2012_val_{row:08}.JPEG" for row in range(N)]


def some_errors(seed=0):
    rng = np.random.default_rng(seed)
    return {
        f"{corruption}/{severity}": (rng.random(N) < 0.1 + 0.15 * severity, list(NAMES))
        for corruption in CORRUPTIONS
        for severity in SEVERITIES
    }


def test_errors_are_those_of_a_loop():
    wrong, clean = some_errors(), (np.random.default_rng(1).random(N) < 0.2, NAMES)
    results = corruption_errors(wrong, clean, chance=0.99, n_bootstrap=20)
    plain, ratios, relative = [], [], []
    for corruption in CORRUPTIONS:
        errors = [sum(wrong[f"{corruption}/{severity}"][0]) / N for severity in (1, 2, 3, 4, 5)]
        assert results[f"corruption_error/{corruption}"].estimate == pytest.approx(sum(errors) / 5, abs=1e-12)
        plain.append(sum(errors) / 5)
        ratios.append(sum(errors) / (5 * ALEXNET[corruption]))
        added, alexnet_added = sum(errors) - 5 * clean[0].mean(), 5 * (ALEXNET[corruption] - ALEXNET_CLEAN)
        relative.append(added / alexnet_added)
    assert len(results) == 18
    assert results["mean_corruption_error"].estimate == pytest.approx(np.mean(plain), abs=1e-12)
    assert results["mean_corruption_error/alexnet"].estimate == pytest.approx(np.mean(ratios), abs=1e-12)
    assert results["mean_corruption_error/alexnet-relative"].estimate == pytest.approx(np.mean(relative), abs=1e-12)
    assert results["mean_corruption_error"].chance == pytest.approx(0.99)
    expected = np.mean([0.99 / ALEXNET[corruption] for corruption in CORRUPTIONS])
    assert results["mean_corruption_error/alexnet"].chance == pytest.approx(expected)


def test_alexnet_itself_has_an_error_of_one():
    n = 10_000
    names = [str(row) for row in range(n)]
    wrong = {
        f"{corruption}/{severity}": (np.arange(n) < ALEXNET[corruption] * n, names)
        for corruption in CORRUPTIONS
        for severity in SEVERITIES
    }
    clean = np.arange(n) < ALEXNET_CLEAN * n, names
    results = corruption_errors(wrong, clean, chance=0.999, n_bootstrap=0)
    # So many images have its errors to 1e-4; the sums are checked to 1e-12 above.
    assert results["mean_corruption_error/alexnet"].estimate == pytest.approx(1, abs=1e-3)
    assert results["mean_corruption_error/alexnet-relative"].estimate == pytest.approx(1, abs=1e-3)
    assert results["mean_corruption_error"].estimate == pytest.approx(np.mean(list(ALEXNET.values())), abs=1e-3)


def test_draws_are_of_images_the_same_for_all_corruptions():
    same = np.random.default_rng(3).random(N) < 0.4
    wrong = dict.fromkeys(some_errors(), (same, NAMES))
    results = corruption_errors(wrong, chance=0.9, n_bootstrap=30)
    for corruption in CORRUPTIONS:
        np.testing.assert_allclose(
            results[f"corruption_error/{corruption}"].samples, results["mean_corruption_error"].samples
        )


def test_uncorrupted_images_are_found_by_their_files_name():
    wrong, order = some_errors(), np.random.default_rng(4).permutation(N + 5)
    names = [*NAMES, *(f"more-{row}.JPEG" for row in range(5))]
    clean = np.random.default_rng(5).random(N + 5) < 0.2
    shuffled = clean[order], [names[row].replace("n01440764/", "val/").replace(".JPEG", ".png") for row in order]
    expected = corruption_errors(wrong, (clean[:N], NAMES), chance=0.9, n_bootstrap=0)
    found = corruption_errors(wrong, shuffled, chance=0.9, n_bootstrap=0)
    name = "mean_corruption_error/alexnet-relative"
    assert found[name].estimate == pytest.approx(expected[name].estimate, abs=1e-12)
    others = corruption_errors(wrong, (clean[1:N], NAMES[1:]), chance=0.9, n_bootstrap=0)
    assert name not in others
    assert name not in corruption_errors(wrong, None, chance=0.9, n_bootstrap=0)


def test_what_is_missing_or_does_not_fit_is_named():
    wrong = some_errors()
    with pytest.raises(InputError, match=r"ImageNet-C: fog/2 is missing \(1 of 75 are\)"):
        corruption_errors({name: one for name, one in wrong.items() if name != "fog/2"}, chance=0.9)
    with pytest.raises(InputError, match="ImageNet-C: spatter/1 is no corruption/severity"):
        corruption_errors({**wrong, "spatter/1": wrong["fog/1"]}, chance=0.9)
    with pytest.raises(InputError, match="ImageNet-C: snow/4 has other images than gaussian_noise/1"):
        corruption_errors({**wrong, "snow/4": (wrong["snow/4"][0], NAMES[::-1])}, chance=0.9)
