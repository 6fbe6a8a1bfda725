"""Triplets on an image source: images are found by the names that the triplets give, whatever the indices say."""

import re

import numpy as np
import pytest

from alignet_hf.data import triplet_images
from alignet_hf.data.alignet import load_alignet, triplet_dataset
from alignet_hf.data.images import ArrayImages
from alignet_hf.data.names import MissingNamesError
from alignet_hf.data.triplet_images import triplets_on
from alignet_hf.errors import InputError

NAMES = [f"n0144/n0144_{row}.JPEG" for row in range(20)]
INDICES = np.stack([np.random.default_rng(row).permutation(20)[:3] for row in range(50)])
SIMILARITIES = np.sort(np.random.default_rng(1).random((50, 3)).astype(np.float32))[:, ::-1]
OTHERS = np.random.default_rng(2).permutation(20)  # the order of another source: its row i is OTHERS[i] of NAMES


def source(names):
    return ArrayImages(np.zeros((len(names), 2, 2, 3), np.uint8), names)


def indices_of(dataset):
    return np.asarray(dataset.with_format("numpy")["indices"][:])


@pytest.fixture(autouse=True, params=[7, 2**20])
def _rows_per_block(request, monkeypatch):
    monkeypatch.setattr(triplet_images, "_ROWS_PER_BLOCK", request.param)


def test_indices_that_have_their_names_stay():
    triplets = triplet_dataset(INDICES, SIMILARITIES, NAMES)
    assert triplets_on(triplets, source(NAMES)) is triplets
    twice = [*NAMES[:19], NAMES[0]]  # which one is meant, the index says
    triplets = triplet_dataset(INDICES, SIMILARITIES, twice)
    assert triplets_on(triplets, source(twice)) is triplets


@pytest.mark.parametrize("rename", [str, lambda name: f"train/{name}", lambda name: f"{name[6:-5]}.png"])
def test_images_in_another_order_are_found_by_name(rename):
    images = source([rename(NAMES[row]) for row in OTHERS])
    found = triplets_on(triplet_dataset(INDICES, SIMILARITIES, NAMES), images)
    np.testing.assert_array_equal(OTHERS[indices_of(found)], INDICES)
    np.testing.assert_array_equal(found.with_format("numpy")["similarities"][:], SIMILARITIES)
    assert found.features == triplet_images.FEATURES
    assert found[3]["indices"] == indices_of(found)[3].tolist()


def test_indices_beyond_the_images_are_found_by_name():
    beyond = triplet_dataset(INDICES + 1000, SIMILARITIES, [""] * 1000 + NAMES)
    np.testing.assert_array_equal(indices_of(triplets_on(beyond, source(NAMES))), INDICES)


def test_one_wrong_index_is_enough():
    triplets = triplet_dataset(INDICES, SIMILARITIES, NAMES).to_list()
    triplets[-1]["filenames"][0] = next(name for name in NAMES if name not in triplets[-1]["filenames"])
    changed = triplet_dataset(INDICES, SIMILARITIES, NAMES).from_list(triplets)
    found = indices_of(triplets_on(changed, source(NAMES)))
    np.testing.assert_array_equal(found[:-1], INDICES[:-1])
    assert NAMES[found[-1, 0]] == triplets[-1]["filenames"][0]


def test_released_triplets_are_found_by_name(tmp_path):
    path = tmp_path / "alignet_train.npz"
    files = np.array([name[6:] for name in NAMES])
    np.savez_compressed(path, indices=INDICES, similarities=SIMILARITIES, filenames=files[INDICES])
    images = source(sorted(files))
    assert list(images.names) != files.tolist()
    found = indices_of(triplets_on(load_alignet(path), images))
    assert np.array(images.names)[found].tolist() == files[INDICES].tolist()


def test_triplets_that_stay_on_disk_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("alignet_hf.data.alignet._ROWS_IN_MEMORY", 10)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    path = tmp_path / "alignet_train.npz"
    np.savez(path, indices=INDICES, similarities=SIMILARITIES, filenames=np.array(NAMES)[INDICES])
    found = triplets_on(load_alignet(path), source([NAMES[row] for row in OTHERS]))
    np.testing.assert_array_equal(OTHERS[indices_of(found)], INDICES)


def test_names_of_no_image_are_named():
    images = source([name for name in NAMES if name != NAMES[4]])
    message = rf"set: filenames: 1 of 20 names \({NAMES[4]}\) are not among the 19 images; give the images that"
    with pytest.raises(MissingNamesError, match=message) as error:
        triplets_on(triplet_dataset(INDICES, SIMILARITIES, NAMES), images, "set")
    assert error.value.missing == (NAMES[4],)


def test_a_list_without_names_is_refused():
    images = [source(NAMES)[row] for row in range(20)]
    with pytest.raises(MissingNamesError, match="20 of 20 names"):
        triplets_on(triplet_dataset(INDICES, SIMILARITIES, NAMES), images)


def test_names_of_two_images_are_refused():
    with pytest.raises(InputError, match="is ambiguous"):
        triplets_on(triplet_dataset(INDICES, SIMILARITIES, NAMES), source([*NAMES[::-1], NAMES[0]]))


def test_two_names_of_one_image_make_no_triplet():
    triplets = triplet_dataset(np.array([[0, 1, 2]]), SIMILARITIES[:1], ["a/x.jpg", "b/x.jpg", "y.jpg"])
    with pytest.raises(InputError, match="row 0 names an item twice"):
        triplets_on(triplets, source(["x.jpg", "y.jpg"]))


def test_without_names_the_indices_are_checked():
    triplets = triplet_dataset(INDICES, SIMILARITIES)
    assert triplets_on(triplets, source(NAMES)) is triplets
    row = int(np.flatnonzero((INDICES == 19).any(1))[0])
    message = rf"triplets: row {row} is out of range: {re.escape(str(INDICES[row].tolist()))}; there are 19 items"
    with pytest.raises(InputError, match=message):
        triplets_on(triplets, source(NAMES[:19]))
