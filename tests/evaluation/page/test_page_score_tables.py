"""Tables of scores: both models' values beside their difference, the words of each row, the verdict."""

import pytest

from alignet_hf.evaluation.page.content import Score
from alignet_hf.evaluation.page.score_tables import about_tables, short_names, tables_by_kind, way_of

ACCURACY = {"estimate": 0.6, "low": 0.5, "high": 0.7, "chance": 1 / 3, "ceiling": 0.65, "p_value": 0.01}
ACCURACY |= {"n_objects": 1500, "unit": "triplets", "over": ["triplets", "people"]}
THEIRS = {"estimate": 0.45, "low": 0.35, "high": 0.55, "chance": 1 / 3}
DIFFERENCE = {"estimate": 0.15, "low": 0.1, "high": 0.2, "p_bootstrap": 0.01, "p_adjusted": 0.02}
NAME = "things_odd_one_out_accuracy"
RANK = {"estimate": 84.0, "low": 80.0, "high": 90.0}


def content(**further) -> dict:
    return {
        "scores": {NAME: ACCURACY, "effective_rank": RANK},
        "comparisons": {NAME: DIFFERENCE},
        "against": {},
        **further,
    }


def test_both_models_stand_beside_their_difference_and_the_verdict():
    table, other = tables_by_kind(content(against={NAME: THEIRS}), "me/student", "them/teacher")
    assert table.columns == ["student", "teacher", "difference"]
    ours, theirs, difference = table.rows[NAME]
    assert (ours.estimate, ours.low, ours.high) == (0.6, 0.5, 0.7)
    assert (theirs.estimate, theirs.low, theirs.high) == (0.45, 0.35, 0.55)
    assert ours.ceiling == theirs.ceiling == 0.65
    assert (difference.estimate, difference.low, difference.high, difference.chance) == (0.15, 0.1, 0.2, 0.0)
    assert difference.further == {"p": "0.02"}
    assert table.on_one_axis == ("student", "teacher")
    assert table.verdicts == {NAME: "better"}
    assert other.columns == ["score"]  # nothing to compare it with
    assert not other.verdicts


def test_a_folder_without_the_other_models_scores_has_what_the_difference_leaves():
    (table, _) = tables_by_kind(content(), "student", "teacher")
    theirs = table.rows[NAME][1]
    assert theirs == Score(pytest.approx(0.45), chance=1 / 3, ceiling=0.65)


def test_a_row_says_what_it_is_which_way_is_better_and_on_what():
    table, other = tables_by_kind(content(), "student", "teacher")
    head = table.heads[NAME]
    assert head.title == "Odd-one-out accuracy, THINGS"
    assert head.says.endswith("that people pick. More is better; chance is 0.333.")
    assert head.facts == "1,500 triplets, interval over triplets and people"
    assert other.heads["effective_rank"].says.endswith("Neither side is better.")
    assert other.heads["effective_rank"].facts == ""
    assert "share that is right" in table.caption
    assert "number of dimensions" in other.caption


@pytest.mark.parametrize(
    ("name", "interval", "way"),
    [
        ("knn_accuracy/20", (0.1, 0.2), "better"),
        ("knn_accuracy/20", (-0.2, -0.1), "worse"),
        ("log_loss/scaled", (0.1, 0.2), "worse"),
        ("log_loss/scaled", (-0.2, -0.1), "better"),
        ("effective_rank", (1.0, 2.0), "higher"),
        ("effective_rank", (-2.0, -1.0), "lower"),
        ("of_another_version", (1.0, 2.0), "higher"),
        ("knn_accuracy/20", (-0.1, 0.1), "not told apart"),
        ("knn_accuracy/20", (0.0, 0.1), "not told apart"),
        ("knn_accuracy/20", (0.0, 0.0), "the same"),
        ("knn_accuracy/20", (None, None), "no interval drawn"),
    ],
)
def test_what_an_interval_tells(name, interval, way):
    low, high = interval
    assert way_of(name, {"estimate": 0.1, "low": low, "high": high}) == way


@pytest.mark.parametrize(
    ("p", "verdict"),
    [
        ({"p_adjusted": 0.05}, "better"),
        ({"p_adjusted": 0.051}, "better; corrected, it may be chance"),
        ({"p_adjusted": 0.01, "set_apart": "the same as cka"}, "better; not counted: the same as cka"),
        ({"set_apart": "the same in every draw"}, "better; not counted: the same in every draw"),
    ],
)
def test_a_verdict_says_where_the_correction_takes_it_back_or_does_not_count_it(p, verdict):
    difference = {"estimate": 0.15, "low": 0.1, "high": 0.2, **p}
    (table, *_) = tables_by_kind(content() | {"comparisons": {NAME: difference}}, "a", "b")
    assert table.verdicts[NAME] == verdict


@pytest.mark.parametrize(
    ("p_bootstrap", "p_adjusted", "verdict"),
    [
        (2 / 1001, 0.06, "better; corrected, p is as small as so many draws allow"),
        (4 / 1001, 0.12, "better; corrected, it may be chance"),
        (2 / 1001, 0.04, "better"),
    ],
)
def test_a_verdict_says_where_more_draws_alone_could_tell(p_bootstrap, p_adjusted, verdict):
    difference = DIFFERENCE | {"p_bootstrap": p_bootstrap, "p_adjusted": p_adjusted}
    kept = {"comparisons": {NAME: difference}, "smallest_p": {"n_comparisons": 30, "n_draws": 1000}}
    (table, *_) = tables_by_kind(content(**kept), "a", "b")
    assert table.verdicts[NAME] == verdict


def test_the_smallest_p_is_named_above_the_tables():
    few = content(smallest_p={"n_comparisons": 3, "n_draws": 1000})
    assert about_tables(few, "a", "b").endswith("With 3 comparisons and 1,000 draws it is 0.006 at the least.")
    many = content(smallest_p={"n_comparisons": 60, "n_draws": 1000})
    assert about_tables(many, "a", "b").endswith(
        "With 60 comparisons and 1,000 draws it is 0.12 at the least, so that none can be 0.05 or less, whatever the "
        "difference; with 2,400 draws (--n-bootstrap 2400) it could."
    )
    assert about_tables(content(smallest_p=None), "a", "b").endswith("a verdict may be chance.")


def test_a_few_shot_accuracy_has_its_spread_and_the_strength_beside_it():
    few = {
        "estimate": 0.5,
        "low": 0.4,
        "high": 0.6,
        "per_draw": [0.4, 0.5, 0.6],
        "spread_over_draws": 0.1,
        "l2": 1024.0,
    }
    theirs = few | {"l2": 4.0}
    name = "few_shot_accuracy/1-shot"
    kept = {"scores": {name: few}, "comparisons": {name: DIFFERENCE}, "against": {name: theirs}}
    (table,) = tables_by_kind(kept, "a", "b")
    ours, other, difference = table.rows[name]
    assert ours.further == {"spread over 3 draws": "0.1", "l2": "1,024"}
    assert other.further == {"spread over 3 draws": "0.1", "l2": "4"}
    assert set(difference.further) == {"p"}
    of_one_draw = few | {"per_draw": [0.5]}
    del of_one_draw["spread_over_draws"]
    (table,) = tables_by_kind(kept | {"scores": {name: of_one_draw}, "comparisons": {}}, "a", "b")
    assert table.rows[name][0].further == {"l2": "1,024"}


def test_a_score_with_a_difference_alone_is_a_row_too():
    (table,) = tables_by_kind(content(scores={}), "a", "b")
    assert table.rows[NAME][:2] == [None, None]


def test_models_are_called_by_the_last_part_of_their_names_where_these_differ():
    assert short_names("me/student/", "/there/teacher") == ("student", "teacher")
    assert short_names("run1/student", "run2/student") == ("run1/student", "run2/student")
    assert "student less teacher" in about_tables(content(), "student", "teacher")
    assert "less" not in about_tables(content(comparisons={}), "student", "teacher")
