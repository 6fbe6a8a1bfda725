"""Names found among names: exact, without folders, without suffixes, and never by guessing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.data.names import MissingNamesError, base_name, find_names, missing_names, require_names
from alignet_hf.errors import InputError


@pytest.mark.parametrize(
    ("wanted", "row"),
    [("a/cat.jpg", 1), ("cat.jpg", 0), ("b\\dog.jpg", 2), ("dog.png", 2), ("dog", 2), ("x/y/dog.jpeg", 2), ("cow", -1)],
)
def test_the_closest_form_of_a_name_wins(wanted, row):
    assert find_names([wanted], ["cat.jpg", "a/cat.jpg", "c/dog.jpg"], "people").tolist() == [row]


def test_two_images_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"people: 'cat\.jpg' is ambiguous: 'a/cat\.jpg' and 'b/cat\.jpg'"):
        find_names(["dog.jpg", "cat.jpg"], ["a/cat.jpg", "b/cat.jpg", "dog.jpg"], "people")


def test_missing_names_are_counted_and_some_are_listed():
    wanted = [f"{letter}.jpg" for letter in "abcdef"]
    with pytest.raises(
        MissingNamesError, match=r"people: 5 of 6 names \(b\.jpg, c\.jpg, d\.jpg, \.\.\.\) are not among the 2"
    ) as error:
        require_names(wanted, ["a.jpg", "z.jpg"], "people")
    assert error.value.missing == tuple(wanted[1:])
    assert missing_names(wanted, np.arange(6)) == ""


@given(st.lists(st.text("abc", min_size=1), unique=True, min_size=1), st.randoms())
def test_every_image_is_found_in_any_order_below_any_folder(stems, random):
    images = [f"folder{random.randint(0, 3)}/{stem}.jpg" for stem in stems]
    shown = random.sample(images, len(images))
    rows = require_names([f"stimuli/{base_name(image)}" for image in images], shown, "people")
    assert [shown[row] for row in rows] == images
