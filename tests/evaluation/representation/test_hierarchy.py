from pathlib import Path

import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import pearsonr, spearmanr

from alignet_hf.data.similarity_sets import load_objects92
from alignet_hf.errors import InputError, UndefinedScoreError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.dendrogram import average_linkage, dendrogram_purity
from alignet_hf.evaluation.representation.hierarchy import drawn_images, hierarchy_scores
from alignet_hf.evaluation.representation.wordnet import Hierarchy

CATEGORIES = Categories.from_table(
    {
        "robin": ("bird", "animals"),
        "owl": ("bird", "animals"),
        "pug": ("dog", "animals"),
        "collie": ("dog", "animals"),
        "sedan": ("car", "vehicles"),
        "cab": ("car", "vehicles"),
        "jet": ("plane", "vehicles"),
        "glider": ("plane", "vehicles"),
    }
)
CLASSES = np.array(list(CATEGORIES.basic_of))


@pytest.fixture(scope="module")
def hierarchy():
    return Hierarchy.from_folder(Path(__file__).parent / "wordnet")


def images(n_a_class=3, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(CLASSES, n_a_class)
    # A class lies at the sum of its superordinate category's, its basic category's and its own place.
    basic, superordinate = CATEGORIES.codes(CLASSES)
    places = [rng.normal(size=(n, 6)) * size for n, size in ((2, 4.0), (4, 2.0), (8, 1.0))]
    centres = places[0][superordinate] + places[1][basic] + places[2]
    return np.repeat(centres, n_a_class, axis=0) + noise * rng.normal(size=(len(labels), 6)), labels


def test_scores_are_those_of_scipy():
    rows, labels = images()
    order = np.random.default_rng(1).permutation(len(rows))
    scores = hierarchy_scores(rows[order], labels[order], CATEGORIES, n_bootstrap=50)
    assert set(scores) == {
        "tree_correlation/pearson",
        "tree_correlation/spearman",
        "cophenetic_correlation",
        "dendrogram_purity/basic",
        "dendrogram_purity/superordinate",
        "dendrogram_purity/class",
    }
    names = sorted(CLASSES)
    means = np.stack([rows[labels == name].mean(0) for name in names])
    distances = pdist(means)
    basic, superordinate = CATEGORIES.codes(names)
    same = [(codes[:, None] == codes).astype(int) for codes in (basic, superordinate)]
    tree = squareform(6 - 2 * sum(same), checks=False)
    assert scores["tree_correlation/pearson"].estimate == pytest.approx(pearsonr(distances, tree).statistic, abs=1e-9)
    assert scores["tree_correlation/spearman"].estimate == pytest.approx(spearmanr(distances, tree).statistic, abs=1e-9)
    merges = linkage(distances, "average")
    assert scores["cophenetic_correlation"].estimate == pytest.approx(cophenet(merges, distances)[0], abs=1e-9)
    assert scores["dendrogram_purity/basic"].estimate == pytest.approx(dendrogram_purity(merges, basic)[0])
    of_image = average_linkage(squareform(pdist(rows)))
    codes = np.unique(labels, return_inverse=True)[1]
    assert scores["dendrogram_purity/class"].estimate == pytest.approx(dendrogram_purity(of_image, codes)[0])
    for score in scores.values():
        assert score.low <= score.estimate + 0.2
        assert len(score.samples) == 50
    assert (scores["dendrogram_purity/class"].unit, scores["dendrogram_purity/class"].n_objects) == ("images", 24)
    assert (scores["dendrogram_purity/basic"].unit, scores["dendrogram_purity/basic"].n_objects) == ("classes", 8)


def test_a_representation_of_the_hierarchy_scores_above_one_of_nothing():
    scores = hierarchy_scores(*images(noise=0.1), CATEGORIES)
    nothing = hierarchy_scores(np.random.default_rng(3).normal(size=(24, 6)), images()[1], CATEGORIES)
    for name in ("tree_correlation/pearson", "tree_correlation/spearman", "dendrogram_purity/class"):
        assert scores[name].low > nothing[name].estimate
        assert compare_results(scores[name], nothing[name]).p_bootstrap < 0.05
    assert scores["dendrogram_purity/superordinate"].estimate == pytest.approx(1)
    assert scores["dendrogram_purity/superordinate"].chance < 0.8
    assert scores["tree_correlation/spearman"].chance == 0
    assert scores["cophenetic_correlation"].chance is None
    assert nothing["cophenetic_correlation"].estimate > 0.3  # of places at random, which is why


def test_draws_are_of_classes_and_the_same_for_two_encoders():
    rows, labels = images()
    first = hierarchy_scores(rows, labels, CATEGORIES, n_bootstrap=40, seed=5)
    again = hierarchy_scores(3 * rows, labels, CATEGORIES, n_bootstrap=40, seed=5)
    other = hierarchy_scores(rows, labels, CATEGORIES, n_bootstrap=40, seed=6)
    for name, score in first.items():
        np.testing.assert_allclose(score.samples, again[name].samples, atol=1e-9)
        if score.estimate < 1 - 1e-9:
            assert not np.allclose(score.samples, other[name].samples, equal_nan=True)


def test_wordnet_with_its_own_categories(hierarchy):
    classes = ["n02085620", "n02099712", "n02123045", "n02123394", "n01443537", "n02701002", "n02814533", "n04524313"]
    rows = np.random.default_rng(0).normal(size=(8, 4))
    scores = hierarchy_scores(rows, classes, hierarchy, n_bootstrap=10)
    tree = squareform(hierarchy.path_distances(classes))
    assert scores["tree_correlation/pearson"].estimate == pytest.approx(pearsonr(pdist(rows), tree).statistic)
    assert scores["dendrogram_purity/basic"].n_objects == 7  # a vehicle is in no basic category
    assert "dendrogram_purity/class" not in scores  # an image a class
    tall = hierarchy_scores(rows, classes, hierarchy, tree_distance="height", n_bootstrap=10)
    heights = squareform(hierarchy.heights(classes))
    assert tall["tree_correlation/pearson"].estimate == pytest.approx(pearsonr(pdist(rows), heights).statistic)


def test_classes_without_a_category_have_no_part_in_a_tree_of_categories():
    rows, labels = images()
    more = np.append(labels, ["cloud", "cloud"])
    far = np.concatenate([rows, np.full((2, 6), 100.0)])
    expected = hierarchy_scores(rows, labels, CATEGORIES, n_bootstrap=5)
    for name, score in hierarchy_scores(far, more, CATEGORIES, n_bootstrap=5).items():
        assert score.estimate == pytest.approx(expected[name].estimate)


def test_cosine_and_few_images():
    rows, labels = images()
    scores = hierarchy_scores(rows, labels, CATEGORIES, distance="cosine", n_images=10, n_bootstrap=5)
    names = sorted(CLASSES)
    means = np.stack([rows[labels == name].mean(0) for name in names])
    tree = squareform(CATEGORIES.hierarchy().path_distances(names))
    expected = pearsonr(squareform(cdist(means, means, "cosine"), checks=False), tree).statistic
    assert scores["tree_correlation/pearson"].estimate == pytest.approx(expected)
    assert scores["dendrogram_purity/class"].n_objects == 10


def test_people_judge_the_92_objects_by_their_categories():
    people = load_objects92()
    categories = Categories.of_objects92(people.names)
    assert categories.basic[::3] == ("human bodypart", "nonhuman face")
    assert categories.superordinates == ("animate", "inanimate")
    dissimilarities = people.mean()
    scores = hierarchy_scores(places_of(dissimilarities), people.names, categories, n_bootstrap=100)
    assert scores["tree_correlation/spearman"].low > 0.3
    assert scores["dendrogram_purity/superordinate"].low > scores["dendrogram_purity/superordinate"].chance
    assert scores["dendrogram_purity/basic"].n_objects == 92
    with pytest.raises(InputError, match=r"dog\.jpg: not one of the 92 photographs"):
        Categories.of_objects92(["dog.jpg"])


def places_of(dissimilarities):
    """Classical scaling: places whose distances are nearest to these dissimilarities."""
    centring = np.eye(len(dissimilarities)) - 1 / len(dissimilarities)
    values, vectors = np.linalg.eigh(-centring @ dissimilarities**2 @ centring / 2)
    return vectors[:, values > 0] * np.sqrt(values[values > 0])


def test_images_are_drawn_without_replacement():
    assert drawn_images(5, None, 0).tolist() == drawn_images(5, 5, 0).tolist() == [0, 1, 2, 3, 4]
    some = drawn_images(100, 20, 0)
    assert len(set(some.tolist())) == 20
    assert (np.diff(some) > 0).all()
    assert some.tolist() != drawn_images(100, 20, 1).tolist()


def test_what_cannot_be_scored_is_said(hierarchy):
    rows, labels = images()
    with pytest.raises(InputError, match=r"cab \(and 7 more\) is not in the hierarchy"):
        hierarchy_scores(rows, labels, hierarchy)
    with pytest.raises(InputError, match=r"labels: shape \(23,\) for 24 embeddings"):
        hierarchy_scores(rows, labels[1:], CATEGORIES)
    with pytest.raises(InputError, match="labels: of type int64; give classes by name"):
        hierarchy_scores(rows, np.zeros(24, int), CATEGORIES)
    with pytest.raises(InputError, match="at least four of its classes, got 3"):
        hierarchy_scores(rows[:9], labels[:9], CATEGORIES)
    with pytest.raises(InputError, match="tree_distance is 'depth'; it must be one of path, height"):
        hierarchy_scores(rows, labels, CATEGORIES, tree_distance="depth")
    with pytest.raises(InputError, match="have nothing in common"):
        hierarchy_scores(np.eye(4), ["b", "d", "a", "c"], Hierarchy({"b": ["a"], "d": ["c"]}))
    with pytest.raises(UndefinedScoreError, match="has collapsed"):
        hierarchy_scores(np.ones((24, 6)), labels, CATEGORIES)
