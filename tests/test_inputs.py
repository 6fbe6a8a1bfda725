"""What a recipe names of people, over its images: by name, and by place only where the recipe says so."""

import numpy as np
import pytest

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.inputs import open_images, open_people, read_judgments
from alignet_hf.recipe import load_recipe

NAMES = tuple(open_images("objects92").names)
ORDER = np.random.default_rng(0).permutation(92)


@pytest.fixture
def nameless(tmp_path) -> str:
    np.save(tmp_path / "people.npy", objects92.people())
    return str(tmp_path / "people.npy")


def test_the_embedded_people_follow_the_names_of_the_images():
    np.testing.assert_array_equal(open_people("objects92", NAMES).matrices, objects92.people())
    shuffled = open_people("objects92", [NAMES[row] for row in ORDER])
    np.testing.assert_array_equal(shuffled.matrices, objects92.people()[:, ORDER][:, :, ORDER])
    with pytest.raises(InputError, match=r"objects92: .*92 of 92 names \(00_human_bodypart\.jpg, "):
        open_people("objects92", [f"{row}.png" for row in range(92)])


def test_a_file_with_names_goes_by_them_whatever_its_order_and_the_recipe_s(tmp_path):
    matrices = objects92.people()[:, ORDER][:, :, ORDER]
    np.savez(tmp_path / "people.npz", rdms=matrices, names=[NAMES[row] for row in ORDER])
    for in_order in (False, True):
        people = open_people(str(tmp_path / "people.npz"), NAMES, in_order=in_order)
        np.testing.assert_array_equal(people.matrices, objects92.people())


def test_objects_without_names_are_refused_unless_the_recipe_says_that_they_are_in_order(nameless):
    with pytest.raises(InputError, match=r"people\.npy: the objects have no names, .*human\.in_order=true"):
        open_people(nameless, NAMES)
    np.testing.assert_array_equal(open_people(nameless, NAMES, in_order=True).matrices, objects92.people())
    with pytest.raises(InputError, match="92 objects were judged, but there are 91 images"):
        open_people(nameless, NAMES[1:], in_order=True)


def test_the_recipe_s_key_decides(nameless):
    given = [f"human.dissimilarities={nameless}"]
    with pytest.raises(InputError, match="the objects have no names"):
        read_judgments(load_recipe(RECIPE, given), NAMES)
    in_order = read_judgments(load_recipe(RECIPE, [*given, "human.in_order=true"]), NAMES)
    by_name = read_judgments(load_recipe(RECIPE), NAMES)
    for field in ("training", "probabilities", "held_out", "held_out_rows", "similarities"):
        np.testing.assert_array_equal(getattr(in_order, field), getattr(by_name, field))
    with pytest.raises(InputError, match="human: in_order is of dissimilarities"):
        load_recipe(RECIPE, ["human={triplets: a, embedding: b, concepts: c, in_order: true}"])


def test_the_demo_learns_from_the_judgments_it_always_did():
    """The training choices of the first fold against those of the matrices as they lie in the package."""
    judgments = read_judgments(load_recipe(RECIPE), NAMES)
    rows = np.setdiff1d(np.arange(92), judgments.held_out_rows)
    triplets, shares = Dissimilarities(objects92.people()).choices(rows)
    np.testing.assert_array_equal(judgments.training, triplets)
    np.testing.assert_array_equal(judgments.probabilities, shares)


def test_what_is_held_out_is_the_same_without_what_is_learnt_from():
    whole, alone = (read_judgments(load_recipe(RECIPE), NAMES, with_training=is_whole) for is_whole in (True, False))
    assert alone.training.shape == alone.probabilities.shape == (0, 3)
    for field in ("held_out", "held_out_rows", "similarities"):
        np.testing.assert_array_equal(getattr(alone, field), getattr(whole, field))
    assert alone.noise_ceiling == whole.noise_ceiling
