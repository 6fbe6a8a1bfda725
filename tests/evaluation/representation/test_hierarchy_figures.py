import io

import numpy as np
import pytest

from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.distance_changes import distance_changes
from alignet_hf.evaluation.representation.hierarchy_figures import LEVEL_STYLES, category_matrix, level_densities

TABLE = {
    "robin": ("bird", "animals"),
    "owl": ("bird", "animals"),
    "pug": ("dog", "animals"),
    "sedan": ("car", "vehicles"),
    "cab": ("car", "vehicles"),
    "jet": ("plane", "vehicles"),
}


@pytest.fixture(scope="module")
def changes():
    return changes_of()


@pytest.fixture(scope="module")
def scaled():
    return changes_of(scaled=True)


def changes_of(**options):
    rng = np.random.default_rng(0)
    labels = np.repeat(list(TABLE), [6, 6, 6, 6, 6, 1])
    before = rng.normal(size=(31, 4))
    after = before + rng.normal(size=(31, 4))
    categories = Categories.from_table(TABLE | {"none": ("hat", "clothes")})
    return distance_changes(before, after, labels, categories, n_samples=300, n_bootstrap=20, **options)


def written(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


def test_densities_have_a_curve_and_a_mean_for_each_level(changes):
    figure = level_densities({"first": changes, "second": changes})
    assert [axis.get_title() for axis in figure.axes] == ["first", "second"]
    for axis in figure.axes:
        curves = {line.get_label(): line for line in axis.lines if line.get_label() in named()}
        assert set(curves) == named()
        for curve in curves.values():
            x, y = curve.get_data()
            assert 0.8 < np.trapezoid(y, x) <= 1.001  # a density, over nearly all of its pairs
        dots = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"]
        assert dots == [changes.results[f"distance_change/{level}"].estimate for level in LEVEL_STYLES]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [style[2] for style in LEVEL_STYLES.values()]
    assert written(figure).startswith(b"\x89PNG")


def test_scaled_changes_have_their_means_too(changes, scaled):
    figure = level_densities({"as they are": changes, "scaled": scaled})
    dots = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert dots == [scaled.results[f"scaled_distance_change/{level}"].estimate for level in LEVEL_STYLES]


def named():
    return {style[2] for style in LEVEL_STYLES.values()}


def test_matrix_has_the_categories_that_were_seen_with_colours_centred_at_0(changes):
    figure = category_matrix(changes, "an encoder")
    axis = figure.axes[0]
    assert figure.get_suptitle() == "an encoder"
    seen = ["bird", "dog", "car", "plane"]
    assert [label.get_text() for label in axis.get_yticklabels()] == seen
    assert [label.get_text() for label in axis.get_xticklabels()] == seen
    picture = axis.images[0]
    assert picture.norm.vmin == -picture.norm.vmax
    np.testing.assert_array_equal(np.asarray(picture.get_array().filled(np.nan)), changes.matrix[:4, :4])
    texts = [text.get_text() for text in axis.texts]
    assert texts[-2:] == ["animals", "vehicles"]
    assert len(texts) == 15 + 2  # an entry each, but for the one photograph of a plane
    corners = [patch.get_bbox().bounds for patch in axis.patches]
    assert corners == [(-0.5, -0.5, 2, 2), (1.5, 1.5, 2, 2)]
    assert written(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name", ["a", "demo-teacher (before) to demo-student (after)", "a-name-as-long-as-it-gets" * 3]
)
def test_every_word_lies_within_the_figure(changes, scaled, name):
    long = "each encoder's distances divided by their mean"
    for figure in (
        level_densities({"as they are": changes, long: scaled}, name),
        category_matrix(changes, f"{name}\n{long}"),
    ):
        figure.draw_without_rendering()
        whole = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
        assert min(whole.x0, whole.y0) >= -1
        assert whole.x1 <= figure.bbox.width + 1
        assert whole.y1 <= figure.bbox.height + 1


def test_grey_is_explained_where_there_is_any(changes):
    assert "grey: no pair" in category_matrix(changes).axes[1].get_xlabel()
    categories = Categories.from_table({name: TABLE[name] for name in ("robin", "pug", "sedan")})
    before, after = np.random.default_rng(0).normal(size=(2, 30, 4))
    labels = np.repeat(["robin", "pug", "sedan"], 10)
    whole = distance_changes(before, after, labels, categories, n_bootstrap=5)
    assert np.isfinite(whole.matrix).all()
    assert "grey" not in category_matrix(whole).axes[1].get_xlabel()


def test_changes_draw_themselves(changes):
    assert len(changes.draw_levels().axes) == 1
    assert changes.draw_matrix().axes[0].images
