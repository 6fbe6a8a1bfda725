import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import NO_CATEGORY
from alignet_hf.evaluation.representation.category_colours import COLOURS, CategoryColours
from alignet_hf.evaluation.representation.projection import project_models
from alignet_hf.evaluation.representation.projection_figures import draw_photographs, draw_points

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(30, 5))
MODELS = {"before": ROWS, "after": ROWS * [4, 3, 1, 1, 1]}
CATEGORIES = ["cat", "dog", "tree"] * 10
IMAGES = [Image.new("RGB", (20, 20), (number, 100, 200)) for number in range(30)]


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def colours_of(axis):
    return {tuple(pixel) for row in np.asarray(axis.images[0].get_array())[::3, ::3] for pixel in row.tolist()}


def test_points_have_the_colour_of_their_category():
    projected = project_models(MODELS)
    figure = draw_points(projected, CATEGORIES)
    assert legend_of(figure) == ["cat (10)", "dog (10)", "tree (10)"]
    for axis, name in zip(figure.axes, MODELS, strict=True):
        assert axis.get_title() == name
        for number, drawn in enumerate(axis.collections):
            np.testing.assert_allclose(drawn.get_offsets(), projected.places[name][number::3])
    assert "turned to fit after" in figure.axes[0].get_xlabel()
    assert "turned" not in figure.axes[1].get_xlabel()


def test_all_photographs_are_drawn_with_frames_in_the_colours_of_the_legend():
    figure = draw_photographs(project_models(MODELS), IMAGES, CATEGORIES)
    assert legend_of(figure) == ["cat (10)", "dog (10)", "tree (10)"]
    for axis in figure.axes:
        colours = colours_of(axis)
        assert {(number, 100, 200) for number in range(30)} <= colours
        assert tuple(CategoryColours.of(CATEGORIES).of_images()[0]) in colours


def test_of_many_photographs_a_sample_is_drawn_and_said():
    figure = draw_photographs(project_models(MODELS, max_images=20), IMAGES, max_photographs=12)
    assert figure.get_suptitle() == "12 of 30 images, drawn at random"
    drawn = [colours_of(axis) - {(255, 255, 255)} for axis in figure.axes]
    assert len(drawn[0]) == 12
    assert drawn[0] == drawn[1]


def test_the_legend_lies_inside_and_below_the_panels():
    names = [f"a category with a long name {number}" for number in range(9)]
    figure = draw_photographs(project_models(MODELS), IMAGES, [names[number % 9] for number in range(30)])
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= min(axis.xaxis.label.get_window_extent().y0 for axis in figure.axes) + 1


def test_beyond_the_palette_the_rarest_are_other():
    names = [name for number, name in enumerate("abcdefghi") for _ in range(number + 1)]
    found = CategoryColours.of(names)
    assert found.shown == (*"cdefghi", "other")
    assert len({found.colour(number) for number in range(8)}) == len(COLOURS) + 1
    assert (found.numbers[:3] == 7).all()


def test_images_without_a_category_are_grey_and_last_in_the_legend():
    names = [NO_CATEGORY] * 12 + ["zebra", "ant"] * 9
    found = CategoryColours.of(names)
    assert found.shown == ("ant", "zebra", NO_CATEGORY)
    red, green, blue = to_rgb(found.colour(2))
    assert red == green == blue
    assert legend_of(draw_points(project_models(MODELS), names)) == ["ant (9)", "zebra (9)", "no category (12)"]
    assert legend_of(draw_photographs(project_models(MODELS), IMAGES, names))[-1] == "no category (12)"
    both = CategoryColours.of([*"abcdefgh", NO_CATEGORY])
    assert both.shown == (*"abcdefg", "other", NO_CATEGORY)
    assert len({(both.colour(number), both.marker(number)) for number in range(9)}) == 9
    assert CategoryColours.of([*"aabbccddeeffgg", "other"]).numbers[-1] == 7  # a category of this name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_photographs(project_models(MODELS), IMAGES[:-1]), "29 images, 30 embeddings"),
        (lambda: draw_points(project_models(MODELS), CATEGORIES[:-1]), "29 categories, 30 embeddings"),
    ],
)
def test_one_of_each_is_needed(call, message):
    with pytest.raises(InputError, match=message):
        call()
