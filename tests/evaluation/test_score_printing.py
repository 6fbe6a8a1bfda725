import io

import numpy as np
import pytest
from rich.console import Console

from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.comparison_family import adjust_family
from alignet_hf.evaluation.score_printing import print_scores, score_tables
from alignet_hf.evaluation.statistics import Result


def a_score(estimate: float, chance: float | None = None, seed: int = 0, **options) -> Result:
    samples = estimate + np.random.default_rng(seed).normal(0, 0.01, 50)
    return Result.from_samples("a name", estimate, samples, chance, 92, unit="images", **options)


@pytest.fixture
def two():
    """Scores of an encoder, and their comparisons with another's."""
    ours = {
        "knn_accuracy/20": a_score(0.5, 0.1),
        "knn_accuracy/20-majority": a_score(0.5, 0.1),
        "log_loss/scaled": a_score(1.25, seed=1),
        "cka": a_score(0.3, 0.0),
    }
    theirs = {
        "knn_accuracy/20": a_score(0.4, 0.1, seed=2),
        "knn_accuracy/20-majority": a_score(0.4, 0.1, seed=2),
        "log_loss/scaled": a_score(1.5, seed=3),
    }
    return ours, adjust_family({name: compare_results(ours[name], one) for name, one in theirs.items()})


def test_elsewhere_than_on_a_terminal_a_score_is_a_line(two, capsys):
    scores, comparisons = two
    print_scores(scores, comparisons, "me/student", "me/teacher")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if "  " not in line] == [
        "Accuracies: more is better",
        "Log-losses: less is better",
        "Likeness of the two encoders",
    ]
    rows = {line.split()[0]: line for line in lines if line.split()[0] in scores}
    assert list(rows) == list(scores)
    for name, comparison in comparisons.items():
        row = " ".join(rows[name].split())
        for one, sign in ((scores[name], ""), (comparison.second, ""), (comparison.difference, "+")):
            assert f" {one.estimate:{sign}.3f} [{one.low:{sign}.3f}, {one.high:{sign}.3f}] " in row
        assert ("(" in row) == (comparison.set_apart is not None)
        assert f" {'less' if 'loss' in name else 'more'} 92 images " in row
    assert comparisons["knn_accuracy/20-majority"].set_apart is not None
    assert "Accuracy of 20 nearest neighbours" in rows["knn_accuracy/20"]
    heads = next(line for line in lines if "difference" in line)
    assert (
        heads.index("student [95 %]")
        < heads.index("teacher [95 %]")
        < heads.index("difference")
        < heads.index("p (Holm)")
    )
    assert "of the two [95 %]" in lines[lines.index("Likeness of the two encoders") + 1]


def test_one_encoder_has_its_scores_alone(two):
    scores, _ = two
    tables = score_tables(scores, {}, "runs/one", plain=True)
    heads = [[column.header for column in table.columns] for table in tables]
    assert heads[0] == ["score", "in words", "one \\[95 %]", "better", "on", "interval over", "chance"]
    assert heads[1] == ["score", "in words", "one \\[95 %]", "better", "on", "interval over"]


def test_chance_and_people_have_columns_where_something_has_them():
    person = a_score(0.3, 0.0)
    scores = {"king_rsa_spearman_by_person": Result(**{**vars(person), "ceiling": 0.45, "upper_ceiling": 0.57})}
    scores["tree_correlation/pearson"] = Result(**{**vars(person), "p_value": 0.025})
    (table,) = score_tables(scores, {}, "one", plain=True)
    cells = {column.header: list(column.cells) for column in table.columns}
    assert cells["people"] == ["0.450 to 0.570", "-"]
    assert cells["p against chance"] == ["-", "0.025"]


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_every_number_is_whole(two, width):
    scores, comparisons = two
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    for table in score_tables(scores, comparisons, "student", "teacher"):
        console.print(table)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for name, comparison in comparisons.items():
        for one, sign in ((scores[name], ""), (comparison.second, ""), (comparison.difference, "+")):
            assert f"[{one.low:{sign}.3f}," in text
            assert f"{one.high:{sign}.3f}]" in text


def test_what_a_measure_has_to_say_beside_its_numbers_stands_with_it():
    class Spread(Result):
        remarks = ("spread over 3 draws 0.010", "l2 0.5")

    one = Spread(**vars(a_score(0.4)))
    (plain,) = score_tables({"few_shot_accuracy/1-shot": one}, {}, "one", plain=True)
    assert list(plain.columns[-1].cells) == ["spread over 3 draws 0.010; l2 0.5"]
    (table,) = score_tables({"few_shot_accuracy/1-shot": one}, {}, "one")
    assert "on 92 images, interval over objects, spread over 3 draws 0.010; l2 0.5" in next(
        iter(table.columns[0].cells)
    )
