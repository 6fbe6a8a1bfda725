"""What a recipe's section `distill` makes of the trainer's arguments."""

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessorPil

from alignet_hf.data.images import ArrayImages, cache_images
from alignet_hf.distill.run import _arguments, _opened
from alignet_hf.recipe import Distill
from alignet_hf.surrogate.embed import embed_images


def arguments(work, **options):
    options = Distill(steps=4, batch_size=12, bf16=False, **options)
    return _arguments(options, work, 0, 8, 1.0, 1.0, evaluates=False)


@pytest.mark.parametrize("compiles", [True, False])
def test_the_student_is_compiled_where_the_recipe_says_so(tmp_path, compiles):
    assert arguments(tmp_path, torch_compile=compiles).torch_compile is compiles
    assert arguments(tmp_path).torch_compile is False


@pytest.mark.parametrize(
    ("options", "gathers"),
    [
        ({"triplets": "dense"}, True),
        ({"triplets": "dense", "gather_negatives": False}, False),
        ({"triplets": "listed"}, False),  # they name their images, wherever these are
        ({"triplets": "listed", "gather_negatives": True}, False),
    ],
)
def test_dense_triplets_span_the_processes_unless_the_recipe_says_otherwise(tmp_path, options, gathers):
    assert arguments(tmp_path, **options).gather_negatives is gathers


@pytest.mark.parametrize("fast", [False, True])
def test_a_temperature_s_sample_of_a_cache_is_not_resized_again(tmp_path, fast):
    """A processor that crops would zoom in a second time."""
    cropping = CLIPImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 30, "width": 32})
    pixels = np.random.default_rng(0).integers(0, 256, (5, 47, 60, 3), np.uint8)
    cached = cache_images(ArrayImages(pixels), tmp_path / "cache", processor=cropping, fast=fast)
    sample, opened = _opened(cached, np.array([4, 0, 3]), "raise")
    reading = {"processor": cropping, "pixels": "fast" if fast else "exact", "progress": False}
    seen = np.asarray(embed_images(torch.nn.Flatten(), opened, **reading)).reshape(3, 3, 30, 32)
    scaled = (cached.array[sample] / 255 - cropping.image_mean) / cropping.image_std
    np.testing.assert_allclose(seen, scaled.transpose(0, 3, 1, 2), atol=1e-5)
