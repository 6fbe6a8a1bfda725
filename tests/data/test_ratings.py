"""Likert ratings of pairs, against pandas."""

import itertools

import numpy as np
import pandas as pd
import pytest

from alignet_hf.data.ratings import read_ratings
from alignet_hf.errors import InputError

NAMES = ["ant.png", "bee.png", "cat.png", "dog.png", "elk.png"]


@pytest.fixture
def table() -> pd.DataFrame:
    """Three people; the third rates half of the pairs, the first rates one pair twice, in both orders."""
    rng = np.random.default_rng(0)
    pairs = list(itertools.combinations(NAMES, 2))
    rows = [(p, *pair[:: rng.choice([-1, 1])], rng.integers(0, 11)) for p in ("p1", "p2") for pair in pairs]
    rows += [("p3", *pair, rng.integers(0, 11)) for pair in pairs[::2]]
    rows += [("p1", rows[0][2], rows[0][1], 10 - rows[0][3]), ("p2", "ant.png", "ant.png", 10)]
    return pd.DataFrame(rows, columns=["participant", "first", "second", "rating"]).sample(frac=1, random_state=0)


def test_ratings_are_averaged_as_pandas_averages_them(table, tmp_path):
    table.to_csv(tmp_path / "r.csv", index=False)
    ratings = read_ratings(tmp_path / "r.csv")
    assert ratings.names == tuple(NAMES)
    table["pair"] = [tuple(sorted(pair)) for pair in zip(table["first"], table["second"], strict=True)]
    own = table.groupby(["participant", "pair"]).rating.mean()  # a person's ratings of a pair first, then people's
    mean, counts = own.groupby("pair").mean(), own.groupby("pair").size()
    dissimilarities = ratings.dissimilarities()
    for (row, first), (column, second) in itertools.combinations(enumerate(NAMES), 2):
        assert ratings.mean()[row, column] == ratings.mean()[column, row] == pytest.approx(mean[first, second])
        assert ratings.counts[column, row] == counts[first, second]
        assert dissimilarities.mean()[row, column] == pytest.approx(10 - mean[first, second])
        for person, name in enumerate(ratings.participants):
            expected = own.get((name, (first, second)), np.nan)
            np.testing.assert_allclose(ratings.similarities[person, row, column], expected)
    assert dissimilarities.names == tuple(NAMES)


def test_people_are_kept_apart_where_each_rated_every_pair(table, tmp_path):
    table[table.participant != "p3"].to_csv(tmp_path / "r.csv", index=False)
    assert read_ratings(tmp_path / "r.csv").complete
    people = read_ratings(tmp_path / "r.csv").dissimilarities(people_apart=True)
    assert people.matrices.shape == (2, 5, 5)
    table.to_csv(tmp_path / "r.csv", index=False)
    assert not read_ratings(tmp_path / "r.csv").complete
    with pytest.raises(InputError, match=r"participant p3 did not rate '.*' and '"):
        read_ratings(tmp_path / "r.csv").dissimilarities(people_apart=True)


def test_other_names_of_columns_and_another_scale_can_be_declared(table, tmp_path):
    table["rating"] = table["rating"] / 2 + 1
    table.columns = ["worker", "a", "b", "answer"]
    table.to_csv(tmp_path / "r.tsv", index=False, sep="\t")
    columns = ("worker", "a", "b", "answer")
    ratings = read_ratings(tmp_path / "r.tsv", columns=columns, scale=(1, 6), delimiter="\t")
    np.testing.assert_allclose(ratings.dissimilarities().mean()[0, 1], 6 - ratings.mean()[0, 1])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p1,a,b,11", "line 2: the rating '11' is not one of 0 to 10"),
        ("p1,a,b,-1", "line 2: the rating '-1'"),
        ("p1,a,b,nan", "line 2: the rating 'nan'"),
        ("p1,a,b,much", "line 2: the rating 'much'"),
        ("p1,a,b", "line 2 has 3 fields"),
        ("p1,a,a,3", "holds no rating of two objects"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    (tmp_path / "r.csv").write_text(f"participant,first,second,rating\n{line}\n")
    with pytest.raises(InputError, match=rf"r\.csv: {message}"):
        read_ratings(tmp_path / "r.csv")


def test_a_pair_that_nobody_rated_is_named(tmp_path):
    lines = [f"p,{a},{b},5" for a, b in itertools.combinations(NAMES, 2)][:-1]
    (tmp_path / "r.csv").write_text("\n".join(["participant,first,second,rating", *lines]))
    with pytest.raises(InputError, match=r"nobody rated 'dog\.png' and 'elk\.png'"):
        read_ratings(tmp_path / "r.csv").dissimilarities()
