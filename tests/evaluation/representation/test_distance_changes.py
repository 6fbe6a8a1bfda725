from itertools import combinations

import numpy as np
import pytest

from alignet_hf.errors import InputError, UndefinedScoreError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.representation.block_structure import block_structure
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.distance_changes import LEVELS, distance_changes
from alignet_hf.evaluation.statistics import bootstrap_counts

CATEGORIES = Categories.from_table(
    {
        "robin": ("bird", "animals"),
        "owl": ("bird", "animals"),
        "pug": ("dog", "animals"),
        "collie": ("dog", "animals"),
        "cat": ("cat", "animals"),
        "sedan": ("car", "vehicles"),
        "cab": ("car", "vehicles"),
        "jet": ("plane", "vehicles"),
        "apple": ("fruit", "food"),
        "plum": ("fruit", "food"),
    }
)
CLASSES = [*CATEGORIES.basic_of, "cloud"]


def images(n=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.array([*CLASSES, *rng.choice(CLASSES, n - len(CLASSES))])
    return rng.normal(size=(n, 5)), rng.normal(size=(n, 7)) * 2, labels


def towards(rows, labels, share, of="superordinate"):
    """Rows moved towards the mean of their superordinate category."""
    moved = rows.copy()
    codes = CATEGORIES.codes(labels)[1]
    for code in range(3):
        moved[codes == code] += share * (rows[codes == code].mean(0) - rows[codes == code])
    return moved


class Naive:
    """All of it by a loop over pairs of images."""

    def __init__(self, before, after, labels, *, scaled=False, counts=None, unit=None):
        kept = [row for row, label in enumerate(labels) if label in CATEGORIES.basic_of]
        pairs = list(combinations(kept, 2))
        distances = np.array([[np.linalg.norm(rows[i] - rows[j]) for i, j in pairs] for rows in (before, after)])
        if scaled:
            distances /= distances.mean(1, keepdims=True)
        change = distances[1] - distances[0]
        if counts is None:
            weights = np.ones(len(pairs))
        else:  # a pair within a unit is there as often as the unit, others as the product of the two
            weights = np.array([counts[unit[i]] * (counts[unit[j]] if unit[j] != unit[i] else 1) for i, j in pairs])
        mean = np.average(change, weights=weights)
        self.z = (change - mean) / np.sqrt(np.average((change - mean) ** 2, weights=weights))
        self.weights, self.pairs, self.labels = weights, pairs, labels
        self.level = np.array([self._level(labels[i], labels[j]) for i, j in pairs])

    @staticmethod
    def _level(first, second):
        basic = CATEGORIES.basic_of
        if basic[first] == basic[second]:
            return 0
        above = CATEGORIES.superordinate_of
        return 1 if above[basic[first]] == above[basic[second]] else 2

    def means(self):
        return [np.average(self.z[self.level == row], weights=self.weights[self.level == row]) for row in range(3)]

    def matrix(self):
        size = len(CATEGORIES.basic)
        cells = [[[] for _ in range(size)] for _ in range(size)]
        for (i, j), z in zip(self.pairs, self.z, strict=True):
            a, b = (CATEGORIES.basic.index(CATEGORIES.basic_of[self.labels[row]]) for row in (i, j))
            cells[a][b].append(z)
            if a != b:
                cells[b][a].append(z)
        return np.array([[np.mean(cell) if cell else np.nan for cell in row] for row in cells])


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("over", ["classes", "images"])
def test_means_and_matrix_are_those_of_a_loop_over_pairs(over, scaled):
    before, after, labels = images()
    changes = distance_changes(before, after, labels, CATEGORIES, over=over, scaled=scaled, n_bootstrap=3)
    naive = Naive(before, after, labels, scaled=scaled)
    kind = "scaled_distance_change" if scaled else "distance_change"
    estimates = [changes.results[f"{kind}/{level}"].estimate for level in LEVELS]
    np.testing.assert_allclose(estimates, naive.means(), atol=1e-9)
    np.testing.assert_allclose(changes.matrix, naive.matrix(), atol=1e-9)
    assert changes.n_images == sum(label != "cloud" for label in labels)


@pytest.mark.parametrize("over", ["classes", "images"])
def test_draws_are_those_of_a_loop_over_pairs(over):
    before, after, labels = images(seed=2)
    changes = distance_changes(before, after, labels, CATEGORIES, over=over, n_bootstrap=4, seed=3)
    # Units in the order of superordinate and basic category, then of the class's name, then of the image.
    basic, superordinate = CATEGORIES.codes(labels)
    rows = [row for row in np.lexsort((labels, basic, superordinate)) if basic[row] >= 0]
    names = list(dict.fromkeys(labels[rows].tolist()))
    unit = {row: names.index(labels[row]) if over == "classes" else place for place, row in enumerate(rows)}
    n_units = len(names) if over == "classes" else len(rows)
    for draw, counts in enumerate(bootstrap_counts(n_units, 4, 3)):
        expected = Naive(before, after, labels, scaled=False, counts=counts, unit=unit).means()
        drawn = [changes.results[f"distance_change/{level}"].samples[draw] for level in LEVELS]
        np.testing.assert_allclose(drawn, expected, atol=1e-9)
    first = changes.results["distance_change/same_basic"]
    assert (first.unit, first.over, first.n_objects) == (over, (over,), n_units)


def test_blocks_of_a_representation_that_moved_together():
    before, _, labels = images(120)
    changes = distance_changes(before, towards(before, labels, 0.5), labels, CATEGORIES, scaled=True)
    results = changes.results
    assert (
        results["scaled_distance_change/same_superordinate"].high
        < 0
        < results["scaled_distance_change/different_superordinate"].low
    )
    assert results["scaled_distance_change/block_structure"].low > 0
    assert results["scaled_distance_change/block_structure"].p_value < 0.05
    nothing = distance_changes(
        before, before + np.random.default_rng(1).normal(size=before.shape), labels, CATEGORIES, scaled=True
    )
    assert nothing.results["scaled_distance_change/block_structure"].p_value > 0.05
    for name in ("scaled_distance_change/same_superordinate", "scaled_distance_change/block_structure"):
        assert compare_results(results[name], nothing.results[name]).p_bootstrap < 0.05


def test_only_relative_changes_count():
    before, after, labels = images()
    once = distance_changes(before, after, labels, CATEGORIES, scaled=True, n_bootstrap=20)
    larger = distance_changes(before, 50 * after + 3, labels, CATEGORIES, scaled=True, n_bootstrap=20)
    np.testing.assert_allclose(larger.matrix, once.matrix, atol=1e-6)
    for name, result in once.results.items():
        np.testing.assert_allclose(larger.results[name].samples, result.samples, atol=1e-6)


def test_growth_alone_would_seem_to_be_alignment():
    rows, _, labels = images(120)
    structured = towards(rows, labels, 0.5)
    grown = distance_changes(structured, 2 * structured, labels, CATEGORIES, n_bootstrap=50).results
    assert grown["distance_change/same_superordinate"].high < 0
    with pytest.raises(UndefinedScoreError, match="changed equally"):
        distance_changes(structured, 2 * structured, labels, CATEGORIES, scaled=True)


def test_samples_are_changes_of_pairs_of_their_level():
    before, after, labels = images()
    changes = distance_changes(before, after, labels, CATEGORIES, n_samples=500, n_bootstrap=0)
    naive = Naive(before, after, labels)
    for row, level in enumerate(LEVELS):
        possible = naive.z[naive.level == row]
        drawn = changes.samples[level]
        assert 100 < len(drawn) <= 500
        assert np.abs(drawn[:, None] - possible).min(1).max() < 1e-9
        assert abs(drawn.mean() - possible.mean()) < 5 * possible.std() / np.sqrt(len(drawn))
    assert np.isnan(changes.results["distance_change/same_basic"].low)


def test_of_many_images_some_are_drawn():
    before, after, labels = images(300)
    changes = distance_changes(before, after, labels, CATEGORIES, n_images=60, n_bootstrap=5)
    assert changes.n_images == 60
    again = distance_changes(before, after, labels, CATEGORIES, n_images=60, n_bootstrap=5)
    np.testing.assert_array_equal(changes.matrix, again.matrix)
    everything = distance_changes(before, after, labels, CATEGORIES, n_images=None, n_bootstrap=5)
    assert everything.n_images == (labels != "cloud").sum()


def test_levels_without_pairs_have_no_result():
    before, after, labels = images()
    for kept, levels in (
        (["robin", "owl"], {"same_basic"}),
        (["robin", "owl", "pug"], {"same_basic", "same_superordinate"}),
        (["robin", "owl", "cab"], {"same_basic", "different_superordinate"}),
    ):
        some = np.isin(labels, kept)
        results = distance_changes(before[some], after[some], labels[some], CATEGORIES, n_bootstrap=5).results
        assert set(results) == {f"distance_change/{level}" for level in levels}


def test_block_structure_is_the_difference_of_two_means():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(6, 6))
    matrix += matrix.T
    matrix[2, 2] = np.nan  # a category with one image
    groups = np.array([0, 0, 0, 1, 1, 2])
    score = block_structure("blocks", matrix, groups, n_bootstrap=6, n_permutations=200, seed=4)
    pairs = list(combinations(range(6), 2))
    inner = np.array([groups[i] == groups[j] for i, j in pairs])
    entries = np.array([matrix[i, j] for i, j in pairs])
    assert score.estimate == pytest.approx(entries[~inner].mean() - entries[inner].mean())
    for draw, counts in enumerate(bootstrap_counts(6, 6, 4)):
        weights = np.array([counts[i] * counts[j] for i, j in pairs])
        if weights[inner].sum() and weights[~inner].sum():
            expected = np.average(entries[~inner], weights=weights[~inner]) - np.average(
                entries[inner], weights=weights[inner]
            )
            assert score.samples[draw] == pytest.approx(expected)
    assert score.p_value == (1 + (score.permuted >= score.estimate - 1e-12).sum()) / 201
    unseen = np.full((7, 7), np.nan)
    unseen[:6, :6] = matrix
    assert block_structure("blocks", unseen, np.append(groups, 2), n_bootstrap=6, seed=4).estimate == score.estimate
    assert block_structure("blocks", matrix, np.zeros(6, int)) is None
    assert block_structure("blocks", matrix, np.arange(6)) is None


def test_what_cannot_be_compared_is_said():
    before, after, labels = images()
    with pytest.raises(InputError, match="40 embeddings before and 39 after"):
        distance_changes(before, after[1:], labels, CATEGORIES)
    with pytest.raises(InputError, match=r"labels: shape \(39,\)"):
        distance_changes(before, after, labels[1:], CATEGORIES)
    with pytest.raises(InputError, match="0 of 40 images have a category, four are needed"):
        distance_changes(before, after, np.full(40, "cloud"), CATEGORIES)
    with pytest.raises(InputError, match="over is 'people'; it must be one of classes, images"):
        distance_changes(before, after, labels, CATEGORIES, over="people")
    with pytest.raises(InputError, match="distance is 'l1'"):
        distance_changes(before, after, labels, CATEGORIES, distance="l1")
    with pytest.raises(UndefinedScoreError, match="changed equally"):
        distance_changes(before, 2 * before, labels, CATEGORIES, scaled=True)
    with pytest.raises(UndefinedScoreError, match="collapsed"):
        distance_changes(before, np.ones_like(after), labels, CATEGORIES)
