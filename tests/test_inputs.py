"""What a recipe names of people, over its images: by name, and by place only where the recipe says so."""

import numpy as np
import pytest

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.inputs import open_images, open_people, read_judgments
from alignet_hf.recipe_file import load_recipe

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


def test_judgments_of_lost_images_are_left_out():
    """The others are those of the same people, at the places that the images have without."""
    whole = read_judgments(load_recipe(RECIPE), NAMES)
    learnt = np.setdiff1d(np.arange(92), whole.held_out_rows)
    lost = np.array([whole.held_out_rows[4], learnt[0], learnt[7]])
    left = read_judgments(load_recipe(RECIPE), NAMES, without=lost)
    row_of = np.setdiff1d(np.arange(92), lost)
    for name in ("training", "held_out"):
        triplets = getattr(whole, name)
        kept = ~np.isin(triplets, lost).any(1)
        np.testing.assert_array_equal(row_of[getattr(left, name)], triplets[kept])
        assert 0 < kept.sum() < len(kept)
        if name == "training":
            np.testing.assert_array_equal(left.probabilities, whole.probabilities[kept])
    np.testing.assert_array_equal(row_of[left.held_out_rows], np.delete(whole.held_out_rows, 4))
    np.testing.assert_array_equal(left.similarities, np.delete(np.delete(whole.similarities, 4, 0), 4, 1))
    assert left.noise_ceiling != whole.noise_ceiling
    with pytest.raises(InputError, match="fewer than three photographs that people judged are left"):
        read_judgments(load_recipe(RECIPE), NAMES, without=whole.held_out_rows[2:])


def test_choices_of_lost_images_are_left_out_too(tmp_path):
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "triplets.txt", rng.permuted(np.tile(np.arange(92), (600, 1)), axis=1)[:, :3], "%d")
    np.save(tmp_path / "embedding.npy", rng.random((92, 8)))
    rows = "".join(f"{concept}\t{name}\n" for concept, name in enumerate(NAMES))
    (tmp_path / "concepts.tsv").write_text(f"concept_index\tphoto\n{rows}")
    files = {"triplets": "triplets.txt", "embedding": "embedding.npy", "concepts": "concepts.tsv"}
    human = ", ".join(f"{key}: {tmp_path / name}" for key, name in files.items())
    recipe = load_recipe(RECIPE, [f"human={{{human}, n_soft_triplets: 500}}"])
    whole, lost = read_judgments(recipe, NAMES), [3, 30, 31, 32, 33, 91]
    left = read_judgments(recipe, NAMES, without=lost)
    row_of = np.setdiff1d(np.arange(92), lost)
    for name in ("training", "held_out"):
        triplets = getattr(whole, name)
        np.testing.assert_array_equal(row_of[getattr(left, name)], triplets[~np.isin(triplets, lost).any(1)])
    np.testing.assert_array_equal(row_of[left.held_out_rows], np.setdiff1d(whole.held_out_rows, lost))
    assert left.similarities.shape == (len(left.held_out_rows),) * 2
    with pytest.raises(InputError, match="no held-out judgment is left"):
        read_judgments(recipe, NAMES, without=whole.held_out_rows)
