"""Sentences claim what their intervals hold, and no more."""

import numpy as np
import pytest

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.page import sentences
from alignet_hf.evaluation.page.content import Score
from alignet_hf.evaluation.statistics import Result


def comparison(estimate: float, low: float, high: float, p: float = 0.01) -> Comparison:
    difference = Result("difference", estimate, low, high, 0.0, 30, np.array([]))
    return Comparison(difference, p, p_adjusted=p)


def test_a_difference_whose_interval_leaves_out_0_is_told():
    said = sentences.difference(comparison(0.12, 0.05, 0.2), "The aligned student", "the other")
    assert said == (
        "The aligned student answers as people do in 12.0 percentage points more of the triplets than the other (95 % "
        "interval of the difference 5.0 to 20.0)."
    )
    assert "3.0 percentage points fewer" in sentences.difference(comparison(-0.03, -0.04, -0.01), "A", "b")


def test_a_difference_whose_interval_holds_0_is_not():
    said = sentences.difference(comparison(0.02, -0.03, 0.07), "The aligned student", "the other")
    assert said.startswith("Between the aligned student and the other the data do not tell")
    assert "\N{MINUS SIGN}3.0 to 7.0" in said
    assert "more" not in said


def test_a_difference_that_correction_undoes_is_called_so():
    assert "may be chance" in sentences.difference(comparison(0.02, 0.001, 0.07, p=0.2), "A", "b")


def test_without_draws_nothing_is_claimed():
    said = sentences.difference(comparison(0.02, np.nan, np.nan), "A", "b")
    assert "no interval was drawn" in said
    assert "more" not in said


@pytest.mark.parametrize(
    ("low", "high", "place"), [(0.7, 0.8, "lies above"), (0.5, 0.8, "lies within"), (0.4, 0.5, "lies below")]
)
def test_the_student_stands_to_a_person_as_its_interval_does(low, high, place):
    assert place in sentences.against_people(Score((low + high) / 2, low, high), 0.6)
