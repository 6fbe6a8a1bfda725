"""Which scores stand on one axis, and that each lies where it should on it."""

from itertools import pairwise

import numpy as np
import pytest

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.score_names import score_name
from alignet_hf.evaluation.score_panels import draw_differences, draw_scores
from alignet_hf.evaluation.statistics import Result


def result(estimate: float, chance: float | None = None, **further) -> Result:
    samples = np.linspace(estimate - 0.1, estimate + 0.1, 101)
    return Result.from_samples("a score", estimate, samples, chance, 9, **further)


SCORES = {
    "things_odd_one_out_accuracy": result(0.5, 1 / 3, ceiling=0.67),
    "effective_rank": result(84.0),
    "knn_accuracy/20": result(0.6, 0.1),
    "king_rsa_spearman_by_person": result(0.3, 0.0, ceiling=0.45, upper_ceiling=0.57),
    "calibration_error/scaled": result(0.05),
    "log_loss/scaled": result(1.8),
}


def panels(figure) -> dict[str, list[str]]:
    """Title of each panel -> the scores in it, from the top."""
    return {
        axis.get_title(loc="left"): [label.get_text().replace("\n", " ") for label in axis.get_yticklabels()]
        for axis in figure.axes
    }


def test_every_kind_of_score_has_an_axis_of_its_own_with_its_unit():
    figure = draw_scores(SCORES)
    titles = {name: score_name(name).title for name in SCORES}
    assert panels(figure) == {
        "Accuracies: more is better": [titles["things_odd_one_out_accuracy"], titles["knn_accuracy/20"]],
        "Correlations: more is better": [titles["king_rsa_spearman_by_person"]],
        "Calibration errors: less is better": [titles["calibration_error/scaled"]],
        "Log-losses: less is better": [titles["log_loss/scaled"]],
        "Dimensions that are used": [titles["effective_rank"]],
    }
    units = [axis.get_xlabel() for axis in figure.axes]
    assert units[0] == "share that is right"
    assert units[-2:] == ["nats", "number of dimensions"]
    low, high = figure.axes[-1].get_xlim()
    assert 80 < low < high < 90  # the accuracies do not stretch it


def test_differences_of_counts_do_not_hide_those_of_accuracies():
    comparisons = {name: Comparison(result(0.1, 0.0), 0.01) for name in SCORES}
    comparisons["effective_rank"] = Comparison(result(-40.0, 0.0), 0.01)
    figure = draw_differences(comparisons)
    assert list(panels(figure)) == list(panels(draw_scores(SCORES)))
    assert np.ptp(figure.axes[0].get_xlim()) < 0.5
    assert {axis.get_xscale() for axis in figure.axes} == {"linear"}
    assert figure.axes[0].get_xlabel() == "difference, share that is right"


def test_estimates_intervals_chance_and_people_are_in_their_places():
    one = SCORES["king_rsa_spearman_by_person"]
    (axis,) = draw_scores({"king_rsa_spearman_by_person": one}).axes
    places = [float(np.asarray(line.get_xdata())[0]) for line in axis.lines if len(line.get_xdata())]
    for expected in (0.0, 0.3, 0.45, 0.57):
        assert np.isclose(places, expected).any()
    (bar,) = axis.patches
    assert (bar.get_x(), bar.get_width()) == pytest.approx((0.45, 0.12))
    intervals = [segment[:, 0] for collection in axis.collections for segment in collection.get_segments()]
    np.testing.assert_allclose(intervals, [[one.low, one.high]])


@pytest.mark.parametrize("n", [1, 3, 40])
def test_labels_do_not_touch_one_another(n):
    name = "scaled_distance_change/different_superordinate"
    figure = draw_scores(
        {f"few_shot_accuracy/a data set of some name {k}/1-shot": result(0.5) for k in range(n)} | {name: result(0.2)}
    )
    figure.draw_without_rendering()
    for axis in figure.axes:
        boxes = [label.get_window_extent() for label in axis.get_yticklabels()]
        assert all(above.y0 >= below.y1 for above, below in pairwise(boxes))
        assert all(box.x0 >= figure.bbox.x0 for box in boxes)
