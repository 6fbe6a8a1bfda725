import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel

from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetVisionModel


@pytest.fixture
def image():
    """A smooth picture with edges, (180, 300, 3) uint8."""
    y, x = np.mgrid[:180, :300]
    waves = np.stack([np.sin(x / 7) + np.cos(y / 11), np.sin((x + y) / 5), (x // 20 + y // 20) % 2 * 2 - 1.0], -1)
    return ((waves - waves.min()) / np.ptp(waves) * 255).astype(np.uint8)


def process(images, processor=None, **kwargs):
    return (processor or AligNetImageProcessor())(images=images, return_tensors="pt", **kwargs)["pixel_values"]


def cubic(t, a=-0.75):
    t = abs(t)
    return (a + 2) * t**3 - (a + 3) * t**2 + 1 if t <= 1 else a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def resized_by_hand(line, n):
    """Bicubic resampling of one line: centres at +0.5, the border repeated, four neighbours whatever the scale."""
    resized = np.zeros(n)
    for i in range(n):
        centre = (i + 0.5) * len(line) / n - 0.5
        for j in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            resized[i] += cubic(centre - j) * line[min(max(j, 0), len(line) - 1)]
    return resized


def test_it_is_the_bicubic_kernel_written_out(image):
    small = image[:20, :30, 0].astype(float)
    rows = np.stack([resized_by_hand(line, 8) for line in small])
    expected = np.stack([resized_by_hand(line, 6) for line in rows.T]).T
    pixels = process(image[:20, :30], size={"height": 6, "width": 8})
    assert np.abs(pixels[0, 0].numpy() * 255 - np.clip(expected, 0, 255)).max() < 0.51  # rounded to uint8


@pytest.mark.parametrize("crop", [(180, 300), (100, 90), (224, 224)])
def test_it_is_opencvs(image, crop):
    cv2 = pytest.importorskip("cv2")
    image = np.resize(image, (*crop, 3)) if crop == (224, 224) else image[: crop[0], : crop[1]]
    expected = cv2.resize(image, (224, 224), interpolation=cv2.INTER_CUBIC).astype(int)
    ours = (process(image)[0].permute(1, 2, 0) * 255).round().int().numpy()
    assert np.abs(ours - expected).max() <= 1
    assert (ours != expected).mean() < 1e-3


def test_it_is_not_pils(image):
    pils = np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BICUBIC)) / 255
    ours = process(image, size={"height": 64, "width": 64})[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - pils).mean() > 0.01  # PIL smooths what it shrinks


def test_values_are_grey_levels_in_the_unit_interval(image):
    pixels = process(image)
    assert pixels.shape == (1, 3, 224, 224)
    assert pixels.dtype == torch.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    torch.testing.assert_close(pixels * 255, (pixels * 255).round(), rtol=0, atol=1e-4)


def test_every_kind_of_input_is_the_same_picture(image):
    expected = process(image)
    channels_first = np.ascontiguousarray(image.transpose(2, 0, 1))
    pil = Image.fromarray(image)
    for same in (pil, channels_first, torch.from_numpy(channels_first), [pil], pil.convert("RGBA")):
        torch.testing.assert_close(process(same), expected, rtol=0, atol=0)
    batch = np.stack([image, image])
    for same in (batch, torch.from_numpy(batch), [image, image]):
        torch.testing.assert_close(process(same), torch.cat([expected] * 2), rtol=0, atol=0)


def test_grey_and_palette_images(image):
    grey = Image.fromarray(image[..., 0])
    pixels = process([grey, grey.convert("P"), image[..., :1]])
    for i in range(3):
        torch.testing.assert_close(pixels[i, 0], pixels[0, 1], rtol=0, atol=0)


def test_images_of_different_sizes_make_one_batch(image):
    pixels = process([image, image[:50, :60]])
    assert pixels.shape == (2, 3, 224, 224)
    torch.testing.assert_close(pixels[1:], process(image[:50, :60]), rtol=0, atol=0)


@pytest.mark.parametrize(
    "argument",
    [
        {"do_normalize": True, "image_mean": 0.5, "image_std": 0.5},
        {"do_center_crop": True, "crop_size": 10},
        {"resample": 2},
        {"size": {"shortest_edge": 10}},
    ],
)
def test_what_would_change_the_input_is_refused(image, argument):
    with pytest.raises(ValueError, match="AligNetImageProcessor"):
        process(image, **argument)


def test_only_uint8_pixels(image):
    with pytest.raises(ValueError, match="uint8 pixels of 0 to 255, got float64"):
        process(image / 255)


def test_round_trip_through_the_auto_class(image, tmp_path):
    from backbones import tiny_backbone

    processor = AligNetImageProcessor(size={"height": 32, "width": 48})
    processor.save_pretrained(tmp_path)
    loaded = AutoImageProcessor.from_pretrained(tmp_path)
    assert loaded.to_dict() == processor.to_dict()
    pixels = process(image, loaded)
    assert pixels.shape == (1, 3, 32, 48)
    torch.testing.assert_close(pixels, process(image, processor), rtol=0, atol=0)
    AligNetVisionModel.from_backbone(tiny_backbone("vit")).save_pretrained(tmp_path)
    assert type(AutoModel.from_pretrained(tmp_path)) is AligNetVisionModel
    assert type(AutoImageProcessor.from_pretrained(tmp_path)) is AligNetImageProcessor
