"""What a drawn Result shows, read from the axes, and that it can be written."""

import io
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from PIL import Image

from alignet_hf.evaluation.comparison import Comparison
from alignet_hf.evaluation.result_drawing import draw_comparisons, draw_results
from alignet_hf.evaluation.statistics import Result

RESULT = Result.from_samples("accuracy", 0.5, np.linspace(0.4, 0.7, 101), 1 / 3, 10, ceiling=0.65)
PLAIN = Result.from_samples("accuracy", 0.6, np.empty(0), 1 / 3, 10)


def test_estimates_intervals_chance_and_ceiling_are_in_their_places():
    axis = draw_results({"before": PLAIN, "after": RESULT})
    assert [label.get_text() for label in axis.get_xticklabels()] == ["before", "after"]
    heights = [float(np.asarray(line.get_ydata())[0]) for line in axis.lines if len(line.get_ydata())]
    for expected in (1 / 3, 0.65, 0.5, 0.6):
        assert np.isclose(heights, expected).any()
    bars = [segment for collection in axis.collections for segment in collection.get_segments()]
    np.testing.assert_allclose(bars[-1][:, 1], [RESULT.low, RESULT.high])


def test_where_there_is_no_chance_no_line_is_drawn():
    rank = Result.from_samples("effective rank", 84.0, np.empty(0), None, 10)
    assert not any(line.get_linestyle() == ":" for line in draw_results([rank]).lines)


def test_a_noise_ceiling_is_a_band_between_its_bounds():
    result = Result.from_samples("RSA", 0.3, np.empty(0), 0, 10, ceiling=0.45, upper_ceiling=0.57)
    axis = draw_results([result])
    band = next(collection for collection in axis.collections if isinstance(collection, PolyCollection))
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.45, 0.57)


@pytest.mark.parametrize("n", [1, 2, 3, 12, 30])
def test_labels_do_not_touch_one_another(n):
    names = ["levels_agreement_with_responses/coarse-grained", "peterson_rsa_spearman_by_person/automobiles"]
    axis = draw_results({f"{names[number % 2]} {number}": RESULT for number in range(n)})
    figure = axis.figure
    figure.draw_without_rendering()
    labels = [label for label in axis.get_xticklabels() if label.get_text()]
    assert len(labels) == n
    inside = figure.bbox
    for label in labels:
        box = label.get_window_extent()
        assert box.x0 >= inside.x0
        assert box.y0 >= inside.y0
    if n > 2:  # slanted: the lines of text are as far apart as the ticks, seen across the slant
        across = (
            np.diff([label.get_position()[0] for label in labels]).min() * axis.bbox.width / np.ptp(axis.get_xlim())
        )
        lines = max(label.get_text().count("\n") for label in labels) + 1
        height = lines * labels[0].get_fontsize() * 1.2 * figure.dpi / 72
        assert across * np.sin(np.radians(labels[0].get_rotation())) >= height * 0.95
    else:
        boxes = [label.get_window_extent() for label in labels]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_differences_are_drawn_around_no_difference():
    difference = Result.from_samples("difference in accuracy", 0.1, np.linspace(0, 0.2, 101), 0, 10)
    comparison = Comparison(difference, 0.02)
    axis = draw_comparisons({"things": comparison, "levels": comparison})
    assert [label.get_text() for label in axis.get_xticklabels()] == ["things", "levels"]
    assert "score is higher" in axis.get_title()
    assert [line.get_ydata()[0] for line in comparison.draw().lines if line.get_linestyle() == ":"] == [0]


def test_a_result_draws_itself_into_a_file_or_onto_an_axis():
    axis = RESULT.draw()
    assert RESULT.draw(axis) is axis
    written = io.BytesIO()
    axis.figure.savefig(written, format="png")
    assert np.ptp(np.asarray(Image.open(written).convert("L"))) > 100
