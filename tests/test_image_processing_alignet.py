import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel

from alignet_hf.data.images import load_images
from alignet_hf.demo import objects92
from alignet_hf.image_processing_alignet import AligNetImageProcessor, _resized_on_device
from alignet_hf.modeling_alignet import AligNetVisionModel

PHOTOGRAPHS = load_images(objects92.FOLDER / "images")


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


def opencvs(image, height=224, width=224):
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC).astype(int)


def test_it_is_opencvs_on_photographs_of_all_sizes():
    """Shrunk and enlarged, of any aspect ratio, to the released models' size and to others."""
    rng, differences = np.random.default_rng(0), []
    for row, photograph in enumerate(PHOTOGRAPHS):
        size = np.exp(rng.uniform(np.log(4), np.log(1000), 2)).astype(int)
        photograph = photograph.resize(size.tolist(), Image.Resampling.BICUBIC)
        height, width = (224, 224) if row % 3 else rng.integers(1, 400, 2).tolist()
        ours = process(photograph, size={"height": height, "width": width})[0].permute(1, 2, 0) * 255
        differences.append(np.abs(ours.round().int().numpy() - opencvs(np.array(photograph), height, width)).ravel())
    differences = np.concatenate(differences)
    assert differences.max() <= 1
    assert (differences > 0).mean() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (300, 1), (3, 2), (2, 224), (700, 3)])
def test_sides_below_four_pixels(image, size):
    """There OpenCV has other code, whose weights have 11 bits: some values are a grey level off."""
    thin = Image.fromarray(image).resize(size)
    ours = (process(thin)[0].permute(1, 2, 0) * 255).round().int().numpy()
    assert np.abs(ours - opencvs(np.array(thin))).max() <= 1


def test_it_is_opencvs_on_noise():
    noise = np.random.default_rng(0).integers(0, 256, (300, 401, 3), np.uint8)  # beyond 0 and 255 in every other pixel
    ours = (process(noise)[0].permute(1, 2, 0) * 255).round().int().numpy()
    assert np.abs(ours - opencvs(noise)).max() <= 1
    assert (ours != opencvs(noise)).mean() < 1e-3


@pytest.mark.parametrize("size", [(180, 300), (50, 1), (1100, 700)])
def test_other_devices_have_the_pixels_of_the_cpu(image, size):
    image = np.asarray(Image.fromarray(image).resize(size[::-1]))
    batch = torch.from_numpy(np.stack([image, 255 - image])).movedim(-1, 1)
    theirs = _resized_on_device(batch, 224, 224).round().clamp(0, 255)  # what runs there, on this processor
    difference = (process(batch) * 255 - theirs).abs()
    assert difference.max() < 1.01
    assert (difference > 0.5).float().mean() < 1e-3


def test_pixels_go_to_the_device_or_stay_there(image):
    there = torch.zeros(
        2, 3, 20, 30, dtype=torch.uint8, device="meta"
    )  # a device without memory, which any machine has
    sizes = [*there, torch.zeros(50, 40, 4, dtype=torch.uint8, device="meta")]
    pixels = process(sizes)
    assert (pixels.device.type, pixels.shape, pixels.dtype) == ("meta", (3, 3, 224, 224), torch.float32)
    for of_any_kind in (image, Image.fromarray(image), torch.from_numpy(image), [image, sizes[0]]):
        assert process(of_any_kind, device="meta").device.type == "meta"
    with pytest.raises(ValueError, match="images are on cpu and meta; name one by `device`"):
        process([image, sizes[0]])


def test_autocast_changes_nothing(image):
    with torch.autocast("cpu", torch.bfloat16):
        pixels = process(image)
    torch.testing.assert_close(pixels, process(image), rtol=0, atol=0)


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
    pixels = process([grey, grey.convert("P"), image[..., :1], image[..., 0], grey.convert("LA")])
    for i in range(5):
        torch.testing.assert_close(pixels[i, 0], pixels[0, 1], rtol=0, atol=0)


def test_pils_other_modes_are_what_pil_makes_of_them(image):
    deep = Image.fromarray(image[..., 0].astype(np.uint16) * 257)  # 16 bits
    for other in (Image.fromarray(image).convert("CMYK"), Image.fromarray(image[..., 0] > 99), deep):
        torch.testing.assert_close(process(other), process(other.convert("RGB")), rtol=0, atol=0)


def test_transparency_is_put_on_white(image):
    opacity = np.arange(256, dtype=np.uint8).repeat(256)[: image.shape[0] * image.shape[1]].reshape(image.shape[:2])
    with_opacity = np.dstack([image, opacity])
    share = opacity[..., None] / 255
    on_white = np.round(share * image + (1 - share) * 255).astype(np.uint8)
    for same in (with_opacity, torch.from_numpy(with_opacity), with_opacity.transpose(2, 0, 1)):
        torch.testing.assert_close(process(same), process(on_white), rtol=0, atol=0)
    assert (process(Image.fromarray(with_opacity)) - process(on_white)).abs().max() < 2.5 / 255  # PIL rounds otherwise


def test_read_only_and_turned_arrays(image, recwarn):
    frozen = image.copy()
    frozen.flags.writeable = False
    for same in (frozen, image[::-1, ::-1][::-1, ::-1], np.asfortranarray(image)):
        torch.testing.assert_close(process(same), process(image), rtol=0, atol=0)
    assert not recwarn.list


def test_what_comes_back_without_tensors_asked_for(image):
    processor = AligNetImageProcessor()
    for images in ([image, image[:40]], [image]):
        found = processor(images=images)["pixel_values"]
        assert [one.shape for one in found] == [(3, 224, 224)] * len(images)
    assert processor(images=[image], return_tensors="np")["pixel_values"].dtype == np.float32
    as_they_are = processor(images=[image, image[:40]], do_resize=False, do_rescale=False)["pixel_values"]
    assert [one.shape for one in as_they_are] == [(3, 180, 300), (3, 40, 300)]


def test_images_of_different_sizes_make_one_batch_in_their_order(image):
    images = [image, image[:50, :60], 255 - image, image[60:110, 60:120]]
    for kind in (np.asarray, torch.from_numpy, Image.fromarray):
        pixels = process(list(map(kind, images)))
        assert pixels.shape == (4, 3, 224, 224)
        for row, one in enumerate(images):
            torch.testing.assert_close(pixels[row : row + 1], process(one), rtol=0, atol=0)


@pytest.mark.parametrize(
    "argument",
    [
        {"do_normalize": True, "image_mean": 0.5, "image_std": 0.5},
        {"do_center_crop": True, "crop_size": 10},
        {"resample": 2},
        {"size": {"shortest_edge": 10}},
        {"rescale_factor": 1 / 127},
        {"data_format": "channels_last"},
    ],
)
def test_what_would_change_the_input_is_refused(image, argument):
    with pytest.raises(ValueError, match="AligNetImageProcessor"):
        process(image, **argument)


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match=r"an image of shape \(0, 5, 3\) has no pixels"):
        AligNetImageProcessor()(np.zeros((0, 5, 3), np.uint8), input_data_format="channels_last", return_tensors="pt")


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
