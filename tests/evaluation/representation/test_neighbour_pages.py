import json

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.figures import AGREE, DISAGREE
from alignet_hf.evaluation.representation.categories import NO_CATEGORY
from alignet_hf.evaluation.representation.neighbour_figure import UNKNOWN, draw_neighbours
from alignet_hf.evaluation.representation.neighbour_pages import AT_RANDOM, MOST_CHANGED, neighbour_page, neighbours_of

rng = np.random.default_rng(0)
N, K = 60, 5
GROUPS = np.repeat(np.arange(4), N // 4)
CATEGORIES = [f"group {group}" for group in GROUPS]
BEFORE = rng.normal(size=(N, 10))
AFTER = BEFORE + 2 * np.eye(10)[GROUPS]


def naive_neighbours(rows):
    search = NearestNeighbors(n_neighbors=K, metric="cosine").fit(rows)
    return search.kneighbors(return_distance=False)  # of each other


def test_neighbours_kept_and_of_the_same_category_as_scikit_learn_finds_them():
    page = neighbour_page(BEFORE, AFTER, CATEGORIES, k=K)
    before, after = naive_neighbours(BEFORE), naive_neighbours(AFTER)
    kept = [len(set(one) & set(other)) / K for one, other in zip(before, after, strict=True)]
    assert page.kept.estimate == pytest.approx(np.mean(kept))
    for name, indices in (("before", before), ("after", after)):
        same = (GROUPS[indices] == GROUPS[:, None]).mean()
        assert page.same_category[name].estimate == pytest.approx(same)
        assert page.same_category[name].chance == pytest.approx(14 / 59)
    for query in page.queries:
        np.testing.assert_array_equal(query.before, before[query.query])
        np.testing.assert_array_equal(query.after, after[query.query])
        np.testing.assert_array_equal(query.new, [row not in before[query.query] for row in after[query.query]])
        unit = AFTER / np.linalg.norm(AFTER, axis=1, keepdims=True)
        np.testing.assert_allclose(query.similarities_after, unit[query.after] @ unit[query.query], atol=1e-6)
    assert compare_results(page.same_category["after"], page.same_category["before"]).difference.low > 0


def test_the_most_changed_come_first_one_of_each_category_and_the_rest_at_random():
    page = neighbour_page(BEFORE, AFTER, CATEGORIES, k=K, n_changed=4, n_random=3)
    assert [query.chosen for query in page.queries] == [MOST_CHANGED] * 4 + [AT_RANDOM] * 3
    assert len({query.query for query in page.queries}) == 7
    assert {CATEGORIES[query.query] for query in page.queries[:4]} == set(CATEGORIES)
    n_new = [
        len(set(after) - set(before))
        for before, after in zip(naive_neighbours(BEFORE), naive_neighbours(AFTER), strict=True)
    ]
    for query in page.queries[:4]:
        of_category = [new for new, group in zip(n_new, CATEGORIES, strict=True) if group == CATEGORIES[query.query]]
        assert query.new.sum() == max(of_category)


def test_without_categories_the_most_changed_are_those_of_all():
    page = neighbour_page(BEFORE, AFTER, k=K, n_changed=6, n_random=0)
    n_new = sorted(
        len(set(after) - set(before))
        for before, after in zip(naive_neighbours(BEFORE), naive_neighbours(AFTER), strict=True)
    )
    assert [query.new.sum() for query in page.queries] == n_new[::-1][:6]
    assert page.same_category == {}


def test_of_many_images_a_sample_is_searched_for_among_all():
    page = neighbour_page(BEFORE, AFTER, CATEGORIES, k=K, max_searched=20)
    assert page.kept.n_objects == 20
    assert page.n_images == N
    for query in page.queries:
        np.testing.assert_array_equal(query.after, naive_neighbours(AFTER)[query.query])
    assert page.to_dict() == neighbour_page(BEFORE, AFTER, CATEGORIES, k=K, max_searched=20).to_dict()
    assert page.to_dict() != neighbour_page(BEFORE, AFTER, CATEGORIES, k=K, max_searched=20, seed=1).to_dict()


def test_no_image_is_its_own_neighbour_even_among_equals():
    rows = np.repeat(BEFORE[:3], 10, axis=0)
    indices, similarities = neighbours_of(rows, np.arange(30), 4)
    assert (indices != np.arange(30)[:, None]).all()
    assert (indices // 10 == np.arange(30)[:, None] // 10).all()
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_the_page_is_json():
    page = neighbour_page(BEFORE, AFTER, CATEGORIES, k=K)
    again = json.loads(json.dumps(page.to_dict()))
    assert again["k"] == K
    assert len(again["queries"][0]["new"]) == K
    assert again["same_category"]["after"]["n_objects"] == N


def test_the_figure_shows_each_image_in_its_place_and_frames_the_new():
    images = [Image.new("RGB", (30, 20), (4 * number, 10, 20)) for number in range(N)]
    page = neighbour_page(BEFORE, AFTER, CATEGORIES, k=K, n_changed=2, n_random=1)
    figure = draw_neighbours(page, images, categories=CATEGORIES)
    axes = [axis for axis in figure.axes if axis.images]
    rows = [row for query in page.queries for row in (query.query, *query.before, *query.after)]
    assert [int(axis.images[0].get_array()[0, 0, 0]) // 4 for axis in axes] == rows
    framed = [axis.spines["top"].get_visible() for axis in axes]
    assert framed == [new for query in page.queries for new in [False] * (1 + K) + list(query.new)]
    query = page.queries[0]
    for axis, row in zip(axes[1 : 1 + 2 * K], (*query.before, *query.after), strict=True):
        same = CATEGORIES[row] == CATEGORIES[query.query]
        assert axis.get_xlabel() == f"{'✓ ' if same else ''}{CATEGORIES[row]}"
        assert to_hex(axis.xaxis.label.get_color()).upper() == (AGREE if same else DISAGREE)


def test_neighbours_without_a_category_are_grey_and_the_key_says_so():
    images = [Image.new("RGB", (30, 20))] * N
    categories = [NO_CATEGORY if row % 2 else name for row, name in enumerate(CATEGORIES)]
    page = neighbour_page(BEFORE, AFTER, categories, k=K, n_changed=2, n_random=2)
    figure = draw_neighbours(page, images, categories=categories)
    axes = iter([axis for axis in figure.axes if axis.images])
    for query in page.queries:
        next(axes)
        for row in (*query.before, *query.after):
            both = {categories[row], categories[query.query]}
            expected = UNKNOWN if NO_CATEGORY in both else AGREE if len(both) == 1 else DISAGREE
            axis = next(axes)
            assert to_hex(axis.xaxis.label.get_color()).upper() == expected
            assert axis.get_xlabel().startswith("✓") == (expected == AGREE)
    (key,) = [text.get_text() for part in figure.subfigs for text in part.texts if "Blue frame" in text.get_text()]
    assert key.replace("\n", " ").endswith("orange: of another; grey: one of the two has none.")


def test_the_figure_names_the_two_encoders_and_says_what_a_tick_means():
    images = [Image.new("RGB", (30, 20))] * N
    page = neighbour_page(BEFORE, AFTER, CATEGORIES, k=K, n_changed=1, n_random=1)
    titles = {"before": "teacher-of-a-long-name (before)", "after": "student (after)"}
    figure = draw_neighbours(page, images, [f"image {row}" for row in range(N)], CATEGORIES, titles)
    heads = [axis.get_title(loc="left") for axis in figure.axes]
    assert [head for head in heads if head] == ["query", *titles.values()] * 2
    headline, key = (text.get_text().replace("\n", " ") for text in figure.subfigs[0].texts)
    assert all(f"{title} {page.same_category[when].estimate:.0%}" in headline for when, title in titles.items())
    assert f"not among those under “{titles['before']}”" in key
    assert f"superordinate category ({', '.join(sorted(set(CATEGORIES)))})" in key
    assert key.endswith("Beneath each: its class, which is finer.")
    figure.draw_without_rendering()
    for text in figure.subfigs[0].texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neighbour_page(BEFORE, AFTER[:-1]), "before has 60 rows, after has 59 rows"),
        (lambda: neighbour_page(BEFORE, AFTER, k=60), "k is 60; of 60 images each has from 1 to 59"),
        (lambda: neighbour_page(BEFORE, AFTER, CATEGORIES[:-1]), "59 categories, 60 embeddings"),
    ],
)
def test_what_has_no_page_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
