"""Classes out of names."""

import pytest

from alignet_hf.data.images.classes import class_labels
from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.inputs import open_images


def test_imagenet_s_names_and_folders_tell_the_class():
    names = ["n01440764_10026.JPEG", "train/n01440764_3.JPEG", "n02/n01443537_7.jpg", "dogs/1.png", "a\\cats\\2.png"]
    assert class_labels(names).tolist() == ["n01440764", "n01440764", "n01443537", "dogs", "cats"]


def test_the_embedded_photographs_are_of_six_classes():
    names = open_images("objects92").names
    categories = Categories.of_objects92(names)
    basic, _ = categories.codes(names)
    expected = [categories.basic[row].replace(" ", "_") for row in basic]
    assert class_labels(names).tolist() == expected
    assert len(set(expected)) == 6


def test_a_name_without_a_class_is_named():
    with pytest.raises(InputError, match=r"photo\.jpg: its name tells no class"):
        class_labels(["dogs/1.png", "photo.jpg"])
