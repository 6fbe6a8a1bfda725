"""Opening encoders by name: folders of native and of our own models, sizes, and what cannot be opened."""

import pytest
import torch
from backbones import tiny_backbone
from PIL import Image
from transformers import BitImageProcessorPil

from alignet_hf import AligNetVisionModel, InputError
from alignet_hf.encoders import encoder_named, open_student


@pytest.fixture
def folder(tmp_path):
    """A DINOv2 that resizes the shorter edge and crops, as the Hub's do."""
    tiny_backbone("dinov2").save_pretrained(tmp_path)
    BitImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    return tmp_path


def pixels(processor) -> torch.Tensor:
    return processor(images=[Image.new("RGB", (90, 60))], return_tensors="pt")["pixel_values"]


def test_a_native_folder(folder):
    model, processor = open_student(encoder_named(str(folder)), projection_dim=5)
    assert isinstance(model, AligNetVisionModel)
    assert pixels(processor).shape == (1, 3, 32, 32)
    assert model(pixels(processor)).triplet_embeds.shape == (1, 5)


def test_our_own_folder_keeps_its_head(folder, tmp_path):
    model, processor = open_student(encoder_named(str(folder)), projection_dim=5)
    model.save_pretrained(tmp_path / "own")
    processor.save_pretrained(tmp_path / "own")
    again, _ = open_student(encoder_named(str(tmp_path / "own")))
    torch.testing.assert_close(again(pixels(processor)).triplet_embeds, model(pixels(processor)).triplet_embeds)


def test_image_size_keeps_how_the_processor_crops(folder):
    _, processor = open_student(encoder_named(str(folder), image_size=64))
    assert pixels(processor).shape == (1, 3, 64, 64)
    assert processor.size["shortest_edge"] == 80


def test_a_size_that_the_model_does_not_take_is_an_error(tmp_path):
    tiny_backbone("vit").save_pretrained(tmp_path)
    BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="takes no images of 48 pixels"):
        open_student(encoder_named(str(tmp_path), image_size=48))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "no/such-model"}, "no/such-model: no such folder, and the Hub cannot be reached"),
        ({"pooling": "max"}, "pooling: 'max' is wrong"),
        ({"image_size": -1}, "image_size: -1 is wrong"),
    ],
)
def test_what_cannot_be_opened_is_named(folder, options, message):
    with pytest.raises(InputError, match=message):
        open_student(encoder_named(**({"model": str(folder)} | options)))
