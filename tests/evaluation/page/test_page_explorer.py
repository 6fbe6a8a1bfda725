"""The triplets of a page, against a loop that compares similarities one by one."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.evaluation.page import explorer
from alignet_hf.evaluation.page.explorer import MOST_PHOTOGRAPHS, MOST_TRIPLETS, TIE, explore, sample
from alignet_hf.evaluation.page.photographs import Photographs


def chosen(rows: list[int], embeddings: np.ndarray) -> int:
    """The photograph that the most similar pair leaves out; TIE where two pairs are."""
    similarity = {row: float(np.dot(*(embeddings[other] for other in rows if other != row))) for row in rows}
    best = [row for row in rows if similarity[row] == max(similarity.values())]
    return rows.index(best[0]) if len(best) == 1 else TIE


@given(st.integers(0, 10_000))
def test_choices_shares_and_levels_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    embeddings = rng.integers(-2, 3, (7, 2)).astype(np.float32)  # small integers: ties happen
    triplets = np.array([rng.permutation(7)[:3] for _ in range(20)])
    classes = rng.choice(["a", "b", "c"], 7).tolist()
    shares = rng.dirichlet([1, 1, 1], 20)
    found = explore(triplets, {"model": embeddings}, shares=shares, classes=classes)
    for place, (i, j, k) in enumerate(triplets.tolist()):
        rows = sorted((i, j, k))
        assert found.triplets[place].tolist() == rows
        assert rows[found.odd[place]] == k
        assert found.choices["model"][place] == chosen(rows, embeddings)
        odd_of = {k: shares[place, 0], j: shares[place, 1], i: shares[place, 2]}  # ij leaves out k, ik j, jk i
        np.testing.assert_allclose(found.shares[place], [odd_of[row] for row in rows])
        level = {1: "fine-grained", 2: "class-boundary", 3: "coarse-grained"}[len({classes[row] for row in rows})]
        assert found.levels[place] == level
    assert found.n_all == 20


def test_a_collapsed_model_chooses_nothing():
    found = explore(np.array([[2, 0, 1]]), {"model": np.ones((3, 4))})
    assert found.choices["model"].tolist() == [TIE]
    assert (found.shares, found.levels) == (None, None)


def test_a_sample_is_random_and_bounded(monkeypatch):
    triplets = np.array([(i, j, k) for i in range(30) for j in range(i) for k in range(j)])
    assert Counter(sample(triplets, 0).tolist()) == Counter(range(len(triplets)))  # all, in another order
    assert sample(triplets, 0).tolist() != sample(triplets, 1).tolist()
    monkeypatch.setattr(explorer, "MOST_PHOTOGRAPHS", 9)
    few = triplets[sample(triplets, 0)]
    assert len(np.unique(few)) == 9
    assert len(few) == 9 * 8 * 7 / 6
    monkeypatch.setattr(explorer, "MOST_TRIPLETS", 10)
    assert len(sample(triplets, 0)) == 10
    assert (MOST_TRIPLETS, MOST_PHOTOGRAPHS) == (5000, 300)


def test_json_numbers_photographs_as_the_page_does():
    triplets = np.array([[8, 2, 5]])
    found = explore(
        triplets, {"model": np.eye(9)[:, :4]}, shares=np.array([[0.5, 0.25, 0.25]]), classes=list("aabbccdde")
    )
    photographs = Photographs([], [f"{row:02d}_x.jpg" for row in range(9)], [2, 5, 8], shown=False)
    assert found.to_json(photographs) == {
        "labels": ["02 x", "05 x", "08 x"],
        "levels": ["coarse-grained"],
        "models": ["model"],
        "sets": [],
        "rows": [[[0, 1, 2], 1, [25, 50, 25], 0, [TIE], None]],
    }
