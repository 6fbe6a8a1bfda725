"""Corrupted images: as the library makes them, the same in every order, thread and process, and nothing left behind."""

import hashlib
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from photographs import photograph, write_photographs
from PIL import Image

from alignet_hf.data.images import ImageFolder
from alignet_hf.data.images.combined import SomeImages
from alignet_hf.data.images.sources import ArrayImages
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES, CorruptedImages, centre_crop, corrupt

DRAWN = ("gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow", "frost", "fog")


@pytest.fixture(scope="module")
def library():
    return pytest.importorskip("imagecorruptions", reason="corruptions are made by imagecorruptions-imaug")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return ImageFolder(write_photographs(tmp_path_factory.mktemp("photographs"), n=4, height=300, width=360))


def digest(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()


def test_all_fifteen_change_the_image_and_the_more_so_the_more_severe(library, source):
    assert list(CORRUPTIONS) == library.get_corruption_names("common")
    clean = np.asarray(centre_crop(source[0])).astype(float)
    for corruption in CORRUPTIONS:
        changed = {}
        for severity in (1, 5):
            image = CorruptedImages(source, corruption, severity)[0]
            assert image.size == (224, 224)
            assert image.mode == "RGB"
            changed[severity] = np.abs(np.asarray(image) - clean).mean()
        assert 0.5 < changed[1] < changed[5], corruption


@pytest.mark.parametrize("corruption", ["gaussian_noise", "fog", "snow"])
def test_the_pixels_are_the_librarys_under_the_seed_of_the_image(library, source, corruption):
    images = CorruptedImages(source, corruption, 3, seed=7, jpeg_quality=None)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(images._seed_of(source.names[2]))  # noqa: NPY002
    expected = library.corrupt(np.asarray(centre_crop(source[2])), severity=3, corruption_name=corruption)
    np.random.set_state(state)  # noqa: NPY002
    np.testing.assert_array_equal(np.asarray(images[2]), expected)


@pytest.mark.parametrize("corruption", DRAWN)
def test_an_image_is_the_same_in_every_order_and_part_and_another_under_another_seed(library, source, corruption):
    images = CorruptedImages(source, corruption, 4, seed=1)
    forwards = [digest(images[row]) for row in range(3)]
    again = pickle.loads(pickle.dumps(images))
    assert [digest(again[row]) for row in (2, 1, 0)] == forwards[::-1]
    part = CorruptedImages(SomeImages(source, [2]), corruption, 4, seed=1)
    assert digest(part[0]) == forwards[2]
    assert digest(images[-2]) == digest(images[2])
    assert digest(CorruptedImages(source, corruption, 4, seed=2)[0]) != forwards[0]


def test_images_that_look_alike_are_not_corrupted_alike(library):
    grey = ArrayImages(np.full((2, 256, 256, 3), 128, np.uint8))
    noisy = CorruptedImages(grey, "gaussian_noise", 3)
    assert digest(noisy[0]) != digest(noisy[1])


def test_threads_do_not_disturb_each_other_nor_the_global_generator(library, source):
    np.random.seed(3)  # noqa: NPY002
    expected_draws = np.random.random(5)  # noqa: NPY002
    alone = {name: digest(CorruptedImages(source, name, 2)[0]) for name in DRAWN}
    np.random.seed(3)  # noqa: NPY002
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda name: digest(CorruptedImages(source, name, 2)[0]), DRAWN * 3))
    assert together == [alone[name] for name in DRAWN * 3]
    np.testing.assert_array_equal(np.random.random(5), expected_draws)  # noqa: NPY002


def test_the_global_generator_is_put_back_after_an_error(library, monkeypatch):
    np.random.seed(4)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    with pytest.raises(AttributeError):
        corrupt(np.zeros((8, 8, 3), np.uint8), "fog", 1, seed=0)  # too small for the library
    assert np.random.random() == expected  # noqa: NPY002


def test_the_fingerprint_tells_what_was_done(library, source):
    of = {
        CorruptedImages(source, corruption, severity, seed).fingerprint()
        for corruption in ("fog", "snow")
        for severity in SEVERITIES
        for seed in (0, 1)
    }
    assert len(of) == 20
    assert CorruptedImages(source, "fog", 1).fingerprint() in of
    assert CorruptedImages(source, "fog", 1, jpeg_quality=None).fingerprint() not in of


@pytest.mark.parametrize(
    ("size", "resized", "corner"),  # (width, height), and what torchvision's Resize(256) and CenterCrop(224) give
    [
        ((400, 300), (341, 256), (58, 16)),
        ((300, 400), (256, 341), (16, 58)),
        ((256, 256), (256, 256), (16, 16)),
        ((333, 257), (331, 256), (54, 16)),
        ((100, 90), (284, 256), (30, 16)),
    ],
)
def test_the_crop_is_torchvisions(size, resized, corner):
    image = photograph(size[1], size[0])
    left, top = corner
    expected = np.asarray(image.resize(resized, Image.Resampling.BILINEAR))[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(np.asarray(centre_crop(image)), expected)


def test_the_crop_is_of_the_centre():
    pixels = np.zeros((256, 512, 3), np.uint8)
    pixels[:, 144:368] = 255
    assert (np.asarray(centre_crop(Image.fromarray(pixels))) == 255).all()


def test_what_cannot_be_made_is_said(source, monkeypatch):
    with pytest.raises(InputError, match="corruption is 'rain'; it must be one of gaussian_noise"):
        CorruptedImages(source, "rain", 1)
    with pytest.raises(InputError, match="severity is 6"):
        CorruptedImages(source, "fog", 6)
    cached = ArrayImages(np.zeros((1, 224, 224, 3), np.uint8))
    cached.geometry = object()
    with pytest.raises(InputError, match="cached for a processor"):
        CorruptedImages(cached, "fog", 1)
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(
        InputError, match=r"cannot be imported \(.*imagecorruptions.*\): pip install .alignet-hf\[corruptions\]"
    ):
        CorruptedImages(source, "fog", 1)
