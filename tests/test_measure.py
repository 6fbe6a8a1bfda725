"""What benchmarks print of their goals, and how they exit."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def print_goals(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    from measure import print_goals

    return print_goals


@pytest.mark.parametrize(
    ("goal", "met", "said", "code"),
    [
        ("< 1 s", True, "yes", 0),
        ("< 1 s", np.bool_(False), "NO", 1),
        ("< 1 s", None, "not measured", 0),
        ("", True, "", 0),
        ("", False, "", 0),
    ],
)
def test_a_row_without_a_goal_meets_nothing(print_goals, capsys, goal, met, said, code):
    with pytest.raises(SystemExit) as ended:
        print_goals("times", [("reading", goal, "0.5 s", met)])
    assert ended.value.code == code
    (row,) = (line for line in capsys.readouterr().out.splitlines() if "reading" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["reading", goal, "0.5 s", said]
