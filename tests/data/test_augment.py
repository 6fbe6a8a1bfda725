"""Random views: inside the image, of the area and aspect asked for, mirrored half the time."""

import numpy as np
import pytest
import torch
from PIL import Image

from alignet_hf.data.augment import RandomCropFlip
from alignet_hf.errors import InputError

# Red is the column, green the row: a view says where it comes from.
COLUMNS, ROWS = np.meshgrid(np.arange(200), np.arange(100))
IMAGE = Image.fromarray(np.stack([COLUMNS, ROWS, 0 * ROWS], -1).astype(np.uint8))


def test_views_are_parts_of_the_image():
    torch.manual_seed(0)
    shares, mirrored, lefts = [], 0, []
    for _ in range(400):
        view = np.asarray(RandomCropFlip(0.4)(IMAGE)).astype(int)
        height, width = view.shape[:2]
        assert abs(width / height - 2) < 0.05
        steps = np.unique(np.diff(view[0, :, 0]))
        assert steps.tolist() in ([1], [-1])
        assert (np.diff(view[:, 0, 1]) == 1).all()
        mirrored += int(steps[0] == -1)
        shares.append(width * height / 20_000)
        lefts.append(view[0, :, 0].min() / max(1, 200 - width))
    assert 0.39 < min(shares) < 0.42
    assert 0.98 < max(shares) <= 1
    np.testing.assert_allclose([np.mean(shares), mirrored / 400, np.mean(lefts)], [0.7, 0.5, 0.5], atol=0.06)


def test_the_generator_decides():
    views = []
    for _ in range(2):
        torch.manual_seed(3)
        views.append(np.asarray(RandomCropFlip()(IMAGE)))
    np.testing.assert_array_equal(*views)


@pytest.mark.parametrize("min_area", [0, -1, 1.1])
def test_a_share_that_is_none_is_an_error(min_area):
    with pytest.raises(InputError, match="min_area"):
        RandomCropFlip(min_area)


def test_a_single_pixel_stays():
    assert RandomCropFlip(0.1)(Image.new("RGB", (1, 1))).size == (1, 1)
