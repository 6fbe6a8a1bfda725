"""Neighbours of a page, against a loop over sorted similarities."""

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cosine

from alignet_hf.evaluation.page.neighbours import N_NEIGHBOURS, N_QUERIES, Mark, find_neighbours, kept_neighbours
from alignet_hf.evaluation.representation.categories import NO_CATEGORY
from alignet_hf.evaluation.representation.neighbour_files import read_neighbours, save_neighbours
from alignet_hf.evaluation.representation.neighbour_pages import NeighbourPage, QueryNeighbours
from alignet_hf.evaluation.statistics import Result


@pytest.fixture
def data() -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, list[str]]:
    """Rows of a bank, two representations of it, people's similarities, classes."""
    rng = np.random.default_rng(0)
    bank = np.sort(rng.permutation(90)[:30])
    representations = {name: rng.normal(size=(30, 6)).astype(np.float32) for name in ("before", "after")}
    half = rng.normal(size=(30, 30))
    return bank, representations, half + half.T, rng.choice(["a", "b", "c"], 30).tolist()


def test_they_are_those_of_a_loop(data):
    bank, representations, people, classes = data
    found = find_neighbours(bank, representations, people=people, classes=classes, n_bootstrap=10)
    assert list(found.found) == ["people", "before", "after"]
    assert found.n_bank == 30
    assert len(found.queries) == len(set(found.queries.tolist())) == sum(N_QUERIES.values())
    for place, query in enumerate(np.searchsorted(bank, found.queries).tolist()):
        others = [row for row in range(30) if row != query]
        for name, rows in representations.items():
            nearest = sorted(others, key=lambda row: cosine(rows[query].astype(float), rows[row].astype(float)))
            assert found.found[name][place].tolist() == bank[nearest[:N_NEIGHBOURS]].tolist()
        nearest = sorted(others, key=lambda row: -people[query, row])[:N_NEIGHBOURS]
        assert found.found["people"][place].tolist() == bank[nearest].tolist()
        expected = np.isin(found.found["after"][place], found.found["people"][place])
        assert found.shared("after")[place].tolist() == expected.tolist()


def test_scores_are_means_over_every_photograph(data):
    bank, representations, people, classes = data
    scores = find_neighbours(bank, representations, people=people, classes=classes, n_bootstrap=50).scores
    shared, same = [], []
    for query in range(30):
        others = [row for row in range(30) if row != query]
        rows = representations["after"].astype(float)
        nearest = sorted(others, key=lambda row: cosine(rows[query], rows[row]))[:N_NEIGHBOURS]
        theirs = sorted(others, key=lambda row: -people[query, row])[:N_NEIGHBOURS]
        shared.append(len(set(nearest) & set(theirs)) / N_NEIGHBOURS)
        same.append(np.mean([classes[row] == classes[query] for row in nearest]))
    result = scores["people's neighbours"]["after"]
    assert result.estimate == pytest.approx(np.mean(shared))
    assert result.chance == pytest.approx(N_NEIGHBOURS / 29)
    assert result.low <= result.estimate <= result.high
    assert scores["of the same category"]["after"].estimate == pytest.approx(np.mean(same))
    assert set(scores["people's neighbours"]) == {"before", "after"}
    assert set(scores["of the same category"]) == {"people", "before", "after"}


def test_those_that_changed_are_chosen_for_it_and_others_at_random(data):
    bank, representations, _, _ = data
    found = find_neighbours(bank, representations, n_bootstrap=0)
    kept = [np.isin(*both).mean() for both in zip(found.found["after"], found.found["before"], strict=True)]
    changed, drawn = found.places("most changed"), found.places("at random")
    assert (len(changed), len(drawn)) == (N_QUERIES["most changed"], N_QUERIES["at random"])
    assert max(kept[place] for place in changed) <= min(kept[place] for place in drawn)
    assert find_neighbours(bank, representations, n_bootstrap=0, seed=1).queries.tolist() != found.queries.tolist()


def test_of_one_representation_none_has_changed(data):
    bank, representations, _, _ = data
    found = find_neighbours(bank[:4], {"before": representations["before"][:4]}, n_bootstrap=0)
    assert found.found["before"].shape == (4, 3)
    assert found.chosen == ["at random"] * 4
    assert (found.people, found.scores) == (None, {})


def kept(tmp_path, categories=("a", "a", "b", "b", "a", NO_CATEGORY), titles=None):
    """What an evaluation leaves of six images and a page reads, in which 1 and 4 are new neighbours of 0."""
    one = QueryNeighbours(0, "at random", np.array([2, 5]), np.array([1, 4]), np.zeros(2), np.zeros(2))
    page = NeighbourPage((one,), 2, 6, Result("kept", 0, 0, 0, 0, 6, np.array([])), {})
    images = [Image.new("RGB", (8, 8), (40 * row, 0, 0)) for row in range(6)]
    save_neighbours(page, images, [f"class {row}" for row in range(6)], tmp_path, categories, titles)
    return kept_neighbours(*read_neighbours(tmp_path))


def test_what_an_evaluation_left_is_marked_by_category_and_by_what_is_new(tmp_path):
    near = kept(tmp_path, titles={"before": "old (before)", "after": "new (after)"})
    assert list(near.found) == ["old (before)", "new (after)"]
    assert near.marks("old (before)", 0) == [Mark(same=False), Mark(same=None)]
    assert near.marks("new (after)", 0) == [Mark(new=True, same=True)] * 2
    assert near.names == {row: f"class {row}" for row in (0, 1, 2, 4, 5)}
    assert "superordinate category (a, b)" in near.key
    assert "A blue frame: a neighbour under new (after) that is none under old (before)." in near.key
    spoken = [mark.spoken for name in near.found for mark in near.marks(name, 0)]
    assert spoken == ["of another category", "", "of the query's category, new", "of the query's category, new"]


def test_without_categories_only_what_is_new_is_marked(tmp_path):
    near = kept(tmp_path, categories=None)
    assert list(near.found) == ["before", "after"]
    assert near.marks("after", 0) == [Mark(new=True)] * 2
    assert near.marks("before", 0) == [Mark()] * 2
    assert "category" not in near.key


def test_of_people_their_own_neighbours_are_marked(data):
    bank, representations, people, _ = data
    found = find_neighbours(bank, representations, people=people, n_bootstrap=0)
    assert [mark.shared for mark in found.marks("after", 3)] == found.shared("after")[3].tolist()
    assert found.marks("people", 3) == [Mark()] * N_NEIGHBOURS
    assert "people's own" in found.key
