"""A run's scores in sentences that claim no more than their intervals."""

import numpy as np

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.page.content import Score


def per_cent(value: float, decimals: int = 1) -> str:
    return f"{100 * value:.{decimals}f} %"


def with_interval(score: Score, number=per_cent) -> str:
    """'75.9 % (95 % interval 66.9 % to 85.2 %)'"""
    if score.low is None:
        return number(score.estimate)
    return f"{number(score.estimate)} (95 % interval {number(score.low)} to {number(score.high)})"


def correlation(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")  # + 0.0: no minus sign before a zero


def before_and_after(before: Score, after: Score, n_objects: int, n_triplets: int) -> str:
    """The accuracy of the student as it came and aligned."""
    return (
        f"On {n_objects:,} held-out objects and {n_triplets:,} triplets of them, the student picks people's odd one "
        f"out in {with_interval(before)} of the triplets as it came, and in {with_interval(after)} after alignment; "
        f"chance is {per_cent(after.chance)}."
    )


def correlations(before: Score, after: Score) -> str:
    """The rank correlation of the student's similarities with people's, as it came and aligned."""
    return (
        "Its similarities of these objects correlate with people's (Spearman) at "
        f"{with_interval(before, correlation)} as it came and {with_interval(after, correlation)} after alignment."
    )


def difference(comparison: Comparison, first: str, second: str) -> str:
    """What the interval of a difference in accuracy allows to say of it.

    Args:
        first, second: what the comparison is of, as in "the aligned student".
    """
    one = comparison.difference
    if np.isnan(one.low):
        return f"{first} scores {_points(one.estimate)} points against {second}; no interval was drawn."
    interval = f"95 % interval of the difference {_points(one.low)} to {_points(one.high)}"
    if one.low <= 0 <= one.high:
        return (
            f"Between {_lower(first)} and {second} the data do not tell: a difference of {_points(one.estimate)} "
            f"percentage points ({interval})."
        )
    way = "more" if one.estimate > 0 else "fewer"
    surely = "" if comparison.p_adjusted < 0.05 else "; corrected for all comparisons it may be chance"
    return (
        f"{first} answers as people do in {_points(abs(one.estimate))} percentage points {way} of the triplets than "
        f"{second} ({interval}{surely})."
    )


def against_people(score: Score, ceiling: float) -> str:
    """Where the aligned student stands to one person."""
    if score.low is None:
        place = "above" if score.estimate > ceiling else "not above"
    elif score.low > ceiling:
        place = "all of the student's interval lies above that"
    elif score.high < ceiling:
        place = "all of the student's interval lies below that"
    else:
        place = "that lies within the student's interval"
    return (
        f"One person, predicted from the mean of the others, reaches {per_cent(ceiling)}: {place}. A student is "
        "compared with the mean of all people, which is steadier than any one person, and so can score above a person."
    )


def _points(value: float) -> str:
    return f"{100 * value:.1f}".replace("-", "\N{MINUS SIGN}")


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
