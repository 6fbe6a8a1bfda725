import numpy as np
import pytest

from alignet_hf.evaluation.representation.categories import NO_CATEGORY, Categories
from alignet_hf.evaluation.representation.distance_changes import distance_changes
from alignet_hf.evaluation.representation.scores import Kinds, categories_of, change, structure
from alignet_hf.evaluation.representation.suite import spoken_name

CATEGORIES = Categories.from_table(
    {"ant": ("insect", "animal"), "bee": ("insect", "animal"), "cat": ("mammal", "animal"), "car": ("car", "thing")}
)
KINDS = Kinds(CATEGORIES, CATEGORIES)
LABELS = ["ant", "bee", "cat", "car", "what"] * 8  # the last has no category


@pytest.fixture(scope="module")
def both():
    rng = np.random.default_rng(0)
    before = rng.normal(size=(len(LABELS), 12))
    means = {name: 4 * rng.normal(size=12) for name in ("animal", "thing", NO_CATEGORY)}
    after = before + np.stack([means[name] for name in categories_of(LABELS, CATEGORIES)])
    return before, after


def test_neighbours_of_a_category_are_sought_among_images_that_have_one(both):
    before, after = both
    found = change(before, after, LABELS, KINDS, n_bootstrap=0).neighbours.same_category
    names = np.array(categories_of(LABELS, CATEGORIES))
    rows = np.flatnonzero(names != NO_CATEGORY)
    for when, embeddings in (("before", before), ("after", after)):
        unit = embeddings[rows] / np.linalg.norm(embeddings[rows], axis=1, keepdims=True)
        similarities = unit @ unit.T
        shares = []
        for place, row in enumerate(similarities):
            nearest = [other for other in np.argsort(-row) if other != place][:6]
            shares.append(np.mean(names[rows][nearest] == names[rows][place]))
        assert found[when].estimate == pytest.approx(np.mean(shares))
        assert found[when].n_objects == 32
    assert found["after"].estimate > 0.99


def test_without_kinds_and_beside_itself(both):
    before, after = both
    found = change(before, after, LABELS, n_bootstrap=0)
    assert not found.neighbours.same_category
    assert found.distances is None
    assert set(found.scores) == {"rsm_correlation", "cka", "neighbours_kept"}
    itself = change(before, before, LABELS, KINDS, n_bootstrap=0)
    assert itself.distances is None
    assert itself.scores["cka"].estimate == pytest.approx(1)
    assert itself.scores["neighbours_kept"].estimate == 1


def test_distance_changes_are_both_the_papers_and_without_the_encoders_sizes(both):
    before, after = both
    found = change(before, after, LABELS, KINDS, n_bootstrap=3, n_permutations=9)
    for scaled, distances in ((False, found.distances), (True, found.scaled_distances)):
        expected = distance_changes(
            before, after, LABELS, CATEGORIES, scaled=scaled, n_bootstrap=3, n_permutations=9
        ).results
        assert distances.results == expected
        assert expected.items() <= found.scores.items()
    assert len(found.scores["scaled_distance_change/block_structure"].permuted) == 9
    assert (
        change(before, after, LABELS, KINDS, n_bootstrap=0, n_permutations=0)
        .scores["distance_change/block_structure"]
        .p_value
        is None
    )
    grown = change(before, 2 * before, LABELS, KINDS, n_bootstrap=0, n_permutations=0)
    assert grown.distances is not None
    assert grown.scaled_distances is None


def test_each_test_is_said(both):
    said = []
    structure(both[0], LABELS, KINDS, n_bootstrap=0, say=said.append)
    change(*both, LABELS, KINDS, n_bootstrap=0, say=said.append)
    assert said == ["spectrum", "hierarchy", "neighbours of both", "RSM correlation", "CKA", "distance changes"]


def test_classes_as_people_call_them():
    assert spoken_name("n01440764") == "tench"
    assert spoken_name("human_face") == "human face"
