"""Drawings: numbers land where they belong, whatever their range; text is escaped."""

import base64
import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alignet_hf.evaluation.page import drawing
from alignet_hf.evaluation.page.content import Score
from alignet_hf.evaluation.page.photographs import Photographs

values = st.lists(
    st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda value: round(value, 4)), min_size=1, max_size=6
)


@given(values)
def test_an_axis_holds_its_values(numbers):
    low, high = drawing.axis_over(numbers)
    assert low <= min(numbers) + 1e-6
    assert high >= max(numbers) - 1e-6
    assert low < high


@pytest.mark.parametrize(
    ("numbers", "axis"), [([0.33, 0.87], (0.3, 0.9)), ([-0.11, 0.8], (-0.2, 0.8)), ([0.501, 0.516], (0.5, 0.52))]
)
def test_axes_end_on_round_numbers(numbers, axis):
    assert drawing.axis_over(numbers) == pytest.approx(axis)


def test_a_bar_places_estimate_interval_chance_and_people():
    score = Score(0.5, 0.4, 0.7, chance=0.2, ceiling=0.8, upper_ceiling=0.9)
    svg = ElementTree.fromstring(drawing.interval_bar(score, (0.0, 1.0)))
    at = {element.get("class"): element.attrib for element in svg}
    assert at["estimate"]["cx"] == "50.00%"
    assert (at["interval"]["x1"], at["interval"]["x2"]) == ("40.00%", "70.00%")
    assert at["chance"]["x1"] == "20.00%"
    assert (at["band"]["x"], at["band"]["width"]) == ("80.00%", "10.00%")
    assert svg.get("aria-hidden") == "true"  # the numbers stand beside it


def test_what_is_not_known_is_not_drawn():
    classes = {element.get("class") for element in ElementTree.fromstring(drawing.interval_bar(Score(0.5), (0.0, 1.0)))}
    assert classes == {"scale", "estimate"}
    reference = drawing.interval_bar(Score(0.3, chance=0.3, is_reference=True), (0.0, 1.0))
    assert {element.get("class") for element in ElementTree.fromstring(reference)} == {"scale", "chance"}


def test_a_matrix_is_a_picture_of_ranks_in_order():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(6, 6))
    similarities, order = half + half.T, rng.permutation(6)
    markup = drawing.matrix_picture(similarities, order, 'a "matrix" <b>')
    assert 'alt="a &#34;matrix&#34; &lt;b&gt;"' in markup
    picture = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", markup)[1]))).convert("RGB")
    assert picture.size == (6, 6)
    pixels = np.asarray(picture).astype(int)
    np.testing.assert_array_equal(pixels, pixels.transpose(1, 0, 2))
    brightness = pixels[..., 1]  # viridis: green rises with the value
    upper = np.triu_indices(6, 1)
    shown = similarities[np.ix_(order, order)][upper]
    assert (np.diff(brightness[upper][np.argsort(shown)]) >= 0).all()


def test_a_map_shows_each_photograph_in_its_cell():
    photographs = Photographs([], ["a.png", "b.png", "c.png"], range(3), shown=False)
    cells = np.array([[1, 0], [1, 2], [0, 1]])
    markup = drawing.photograph_map(cells, (2, 3), [0, 1, 2], photographs, "says <it>", np.array([0, 1, 0]))
    svg = ElementTree.fromstring(markup)
    uses = {use.get("href"): (float(use.get("x")), float(use.get("y"))) for use in svg.iter("use")}
    assert uses["#p0"][0] < uses["#p2"][0] < uses["#p1"][0]
    assert uses["#p2"][1] < uses["#p0"][1] == uses["#p1"][1]
    assert [rect.get("class") for rect in svg.iter("rect")] == ["frame class-0", "frame class-1", "frame class-0"]
    assert svg.get("aria-label") == "says <it>"


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=8), st.booleans())
def test_every_point_of_a_chart_lies_within_it(ys, log):
    markup = drawing.line_chart(
        {"a <line>": (list(range(len(ys))), ys)}, x="step", y="loss", says="says", log=log, reference=("chance", 0.5)
    )
    assert "a &lt;line&gt;" in markup
    for points in re.findall(r'points="([^"]+)"', markup):
        for pair in points.split():
            x, y = map(float, pair.split(","))
            assert math.isfinite(y)
            assert drawing.LEFT <= x <= drawing.PLOT_WIDTH
            assert -1 <= y <= drawing.PLOT_HEIGHT
