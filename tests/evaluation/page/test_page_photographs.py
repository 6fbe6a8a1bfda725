"""Photographs of a page: small, whole, within a budget, named."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from alignet_hf.evaluation.page.photographs import BUDGET, SIZES, Photographs, first_distinct, label_of


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/webp;base64,"))))


def test_each_is_there_once_whole_and_not_enlarged():
    images = [Image.new("RGB", (400, 100), "red"), Image.new("RGB", (40, 60), "blue"), Image.new("L", (300, 300))]
    found = Photographs(images, ["a/wide_one.jpg", "small.png", "grey.png"], [2, 0, 1, 0])
    assert len(found) == 3
    assert found.numbers == {0: 0, 1: 1, 2: 2}
    assert found.labels == ["wide one", "small", "grey"]
    sizes = [(width, height) for width, height, _ in found.pictures]
    assert sizes == [(SIZES[0], SIZES[0] // 4), (40, 60), (SIZES[0], SIZES[0])]
    for width, height, uri in found.pictures:
        assert decoded(uri).size == (width, height)
    assert np.asarray(decoded(found.pictures[0][2]).convert("RGB"))[10, 10, 0] > 200


def test_many_become_smaller_until_they_fit():
    noise = np.random.default_rng(0).integers(0, 256, (12, 200, 200, 3), np.uint8)  # what compresses worst
    images = [Image.fromarray(one) for one in noise]
    names = [f"{number}.png" for number in range(12)]
    whole = sum(len(uri) for *_, uri in Photographs(images, names, range(12)).pictures)
    found = Photographs(images, names, range(12), budget=whole // 3)
    assert found.n_bytes == sum(len(uri) for *_, uri in found.pictures) <= whole // 3
    assert found.pictures[0][0] in SIZES[1:]
    assert BUDGET < 5_000_000


def test_names_stand_in_their_place():
    found = Photographs(
        [], ["a_long_name_that_goes_over_several_lines_and_more_than_fit_here_ever.jpg"], [0], shown=False
    )
    assert found.pictures == []
    assert len(found.lines(0)) == 4
    assert found.lines(0)[-1].endswith("…")


@pytest.mark.parametrize(
    ("name", "label"),
    [("12_human_face.jpg", "12 human face"), ("a\\b\\c_d.png", "c d"), (".jpg", ".jpg"), ("_.png", "_.png")],
)
def test_labels(name, label):
    assert label_of(name) == label


def test_the_first_photographs_decide_which_triplets_stay():
    triplets = np.array([[7, 3, 1], [3, 1, 9], [9, 7, 1], [0, 1, 3]])
    assert first_distinct(triplets, 4).tolist() == [0, 1, 2]  # 7, 3, 1, 9
    assert first_distinct(triplets, 3).tolist() == [0]
    assert first_distinct(triplets, 5).tolist() == [0, 1, 2, 3]
