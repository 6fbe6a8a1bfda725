"""A sample of triplets of every set of judgments, against people's data and a naive choice."""

import numpy as np
import pytest

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.evaluation.explored_people import explore_people, judged_triplets
from alignet_hf.evaluation.on_people import People
from alignet_hf.evaluation.page import explorer
from alignet_hf.evaluation.page.explorer import TIE
from alignet_hf.evaluation.scoring import Scoring

RNG = np.random.default_rng(0)


def matrices(n_people: int, n_objects: int) -> Dissimilarities:
    found = RNG.random((n_people, n_objects, n_objects))
    found += found.transpose(0, 2, 1)
    found[:, range(n_objects), range(n_objects)] = 0
    return Dissimilarities(found)


@pytest.fixture(scope="module")
def people() -> People:
    choices = np.array([RNG.permutation(20)[:3] for _ in range(50)])
    one, several = matrices(1, 6), matrices(4, 6)
    return People(
        choices=choices, matrices={"matrices": (one, np.arange(30, 36)), "king": (several, np.arange(41, 35, -1))}
    )


@pytest.fixture(scope="module")
def encoders(people) -> dict[str, np.ndarray]:
    return {name: RNG.normal(size=(len(people.rows), 5)) for name in ("before", "after")}


def odd_of(triplet, embeddings, rows) -> int:
    """The position that the pair of the largest dot product leaves out."""
    vectors = [embeddings[rows.tolist().index(row)] for row in triplet]
    left_out = {position: [v for place, v in enumerate(vectors) if place != position] for position in range(3)}
    return max(left_out, key=lambda position: float(np.dot(*left_out[position])))


def test_every_set_is_there_with_what_people_and_both_encoders_chose(people, encoders):
    explored = explore_people(people, encoders, Scoring(), str)
    assert dict.fromkeys(explored.sets.tolist()) == {"choices": None, "matrices": None, "king": None}
    judged = judged_triplets(people)
    assert explored.n_all == len(explored.triplets) == sum(len(one.triplets) for one in judged.values())
    chosen = {(name, *sorted(rows), rows[-1]) for name, one in judged.items() for rows in one.triplets.tolist()}
    for place, triplet in enumerate(explored.triplets.tolist()):
        assert (explored.sets[place], *triplet, triplet[explored.odd[place]]) in chosen
        for name, embeddings in encoders.items():
            assert explored.choices[name][place] == odd_of(triplet, embeddings, people.rows)


def test_shares_are_known_of_a_set_of_several_people_alone(people, encoders):
    explored = explore_people(people, encoders, Scoring(), str)
    assert np.isnan(explored.shares[explored.sets != "king"]).all()
    several, rows = people.matrices["king"]
    objects = dict(zip(rows.tolist(), range(6), strict=True))
    for place in np.flatnonzero(explored.sets == "king")[:5]:
        i, j, k = (objects[row] for row in explored.triplets[place].tolist())
        odd = [np.argmin([of[j, k], of[i, k], of[i, j]]) for of in several.matrices]
        np.testing.assert_allclose(explored.shares[place], np.bincount(odd, minlength=3) / 4)


def test_one_set_alone_has_no_name_and_another_similarity_decides(people, encoders):
    alone = People(choices=people.choices)
    some = {name: rows[: len(alone.rows)] for name, rows in encoders.items()}
    some["scaled"] = some["after"] * RNG.uniform(0.1, 9, (len(alone.rows), 1))
    by_dot, by_cosine = (explore_people(alone, some, Scoring(similarity=how), str) for how in ("dot", "cosine"))
    assert by_dot.sets is by_dot.shares is by_dot.levels is None
    assert (by_dot.choices["scaled"] != by_dot.choices["after"]).any()
    assert (by_cosine.choices["scaled"] == by_cosine.choices["after"]).all()


def test_the_same_direction_throughout_is_a_tie_by_cosine(people):
    alone = People(choices=people.choices)
    line = {"collapsed": RNG.uniform(1, 2, (len(alone.rows), 1)) * RNG.normal(size=(1, 7))}
    assert set(explore_people(alone, line, Scoring(similarity="cosine"), str).choices["collapsed"].tolist()) == {TIE}


def test_levels_are_those_of_classes_where_names_tell_several(people, encoders):
    def name_of(row: int) -> str:
        return f"{'ab'[row % 2]}/{row}.png" if row < 30 else f"all/{row}.png" if row < 36 else f"{row}.png"

    explored = explore_people(people, encoders, Scoring(), name_of)
    levels = {1: "fine-grained", 2: "class-boundary"}
    for level, triplet, name in zip(explored.levels, explored.triplets, explored.sets, strict=True):
        assert level == (levels[len(set(triplet % 2))] if name == "choices" else "")
    assert explore_people(people, encoders, Scoring(), str).levels is None


def test_sets_share_the_room_of_a_page(people, encoders, monkeypatch):
    monkeypatch.setattr(explorer, "MOST_TRIPLETS", 30)
    explored = explore_people(people, encoders, Scoring(), str)
    assert {name: (explored.sets == name).sum() for name in judged_triplets(people)} == {
        "choices": 10,
        "matrices": 10,
        "king": 10,
    }
    assert explored.n_all > 30
