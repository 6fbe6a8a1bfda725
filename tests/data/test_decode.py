"""Fast decoding and resizing against PIL's, and a processor's two steps against the processor."""

import io
import pickle
import struct

import numpy as np
import pytest
import torch
from photographs import encoded, photograph
from PIL import Image, ImageOps, PngImagePlugin
from transformers import (
    BitImageProcessorPil,
    CLIPImageProcessorPil,
    ConvNextImageProcessorPil,
    SiglipImageProcessorPil,
    ViTImageProcessorPil,
)

from alignet_hf import AligNetImageProcessor
from alignet_hf.data.images import Geometry, PixelScaling, UndecodableImageError, open_image, to_rgb
from alignet_hf.data.images.decoding import open_covering
from alignet_hf.data.images.pixels import uint8_pixels
from alignet_hf.data.images.sources import open_row
from alignet_hf.errors import InputError

PROCESSORS = {
    "squeezed, bicubic": SiglipImageProcessorPil(size={"height": 64, "width": 48}),
    "squeezed, bilinear": ViTImageProcessorPil(size={"height": 50, "width": 50}),
    "shorter side, crop": CLIPImageProcessorPil(size={"shortest_edge": 60}, crop_size={"height": 49, "width": 56}),
    "squeezed, crop": BitImageProcessorPil(
        size={"height": 60, "width": 60}, crop_size={"height": 50, "width": 50}, do_normalize=False
    ),
    "released model": AligNetImageProcessor(size={"height": 56, "width": 56}),
}


def whole(height, width):
    return height, width


def at_least(*size):
    return lambda height, width: size


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_at_full_scale_has_pils_pixels(mode, subsampling):
    data = encoded(photograph(61, 93).convert(mode), subsampling=subsampling)
    np.testing.assert_array_equal(open_covering(data, "x", whole), np.asarray(open_image(data)))


SCALES = {
    (61, 93): (61, 93),
    (32, 40): (61, 93),
    (31, 47): (31, 47),
    (1, 47): (31, 47),
    (8, 12): (8, 12),
    (1, 1): (8, 12),
}


@pytest.mark.parametrize(("needed", "expected"), SCALES.items())
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_covers(needed, expected):
    assert open_covering(encoded(photograph(61, 93)), "x", at_least(*needed)).shape == (*expected, 3)


def test_a_scaled_jpeg_shows_the_same_image():
    data = encoded(photograph(200, 300))
    scaled = open_covering(data, "x", at_least(100, 150))
    boxed = np.asarray(open_image(data)).reshape(100, 2, 150, 2, 3).mean((1, 3))
    assert scaled.shape == (100, 150, 3)
    assert np.abs(scaled - boxed).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_and_scale_go_together(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photograph(60, 100), exif=exif)
    expected = np.asarray(open_image(data))
    np.testing.assert_array_equal(open_covering(data, "x", whole), expected)
    assert expected.shape[:2] == ((60, 100) if orientation < 5 else (100, 60))
    half_size = (30, 50) if orientation < 5 else (50, 30)
    half = open_covering(data, "x", at_least(*half_size))
    assert half.shape[:2] == half_size
    assert np.abs(half.astype(int) - expected[::2, ::2]).mean() < 6


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP"])
def test_other_formats_are_decoded_as_ever(format):
    data = encoded(photograph(), format)
    np.testing.assert_array_equal(open_covering(data, "x", at_least(1, 1)), np.asarray(open_image(data)))


def test_cmyk_and_transparency_are_decoded_as_ever():
    for data in (encoded(photograph().convert("CMYK")), encoded(photograph().convert("RGBA"), "PNG")):
        np.testing.assert_array_equal(open_covering(data, "x", at_least(1, 1)), np.asarray(open_image(data)))


def test_what_is_not_a_whole_image_is_named():
    data = encoded(photograph())
    for broken in (b"", b"junk", data[:3], data[:200], data[: len(data) // 2], encoded(photograph(), "PNG")[:300]):
        with pytest.raises(
            UndecodableImageError, match=r"^photo 7: the image cannot be decoded: .*; replace or remove"
        ):
            open_covering(broken, "photo 7", at_least(1, 1))


def test_what_pil_tolerates_is_an_image():
    data = encoded(photograph())
    padded = data[:-2] + b"\x00" * 40 + data[-2:]  # bytes after the last block: simplejpeg refuses, PIL does not
    np.testing.assert_array_equal(open_covering(padded, "x", whole), np.asarray(Image.open(io.BytesIO(padded))))


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("shape", [(120, 91), (75, 140), (30, 30)])
def test_a_geometry_gives_the_processors_pixels(name, shape):
    processor, image = PROCESSORS[name], photograph(*shape)
    ours = Geometry.of(processor).apply(np.array(image))
    theirs = processor(images=[image], do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"][0]
    assert ours.dtype == torch.uint8
    assert ours.shape == theirs.shape
    assert (ours.int() - theirs.int()).abs().max() <= 1
    assert (ours != theirs).float().mean() < 0.02


@pytest.mark.parametrize("name", PROCESSORS)
def test_scaling_gives_the_processors_floats(name):
    processor = PROCESSORS[name]
    images = [photograph(70, 80), photograph(90, 80, seed=1)]
    exact = processor(images=images, return_tensors="pt")["pixel_values"]
    scaled = PixelScaling.of(processor)(uint8_pixels(processor, images))
    assert scaled.dtype == torch.float32
    torch.testing.assert_close(scaled, exact, rtol=0, atol=1e-6)


def test_what_is_needed_covers_the_resized_image():
    cropping, squeezing = Geometry.of(PROCESSORS["shorter side, crop"]), Geometry((64, 48))
    assert cropping.needed(300, 400) == (60, 80)
    assert cropping.needed(400, 300) == (80, 60)
    assert squeezing.needed(300, 400) == (64, 48)
    assert Geometry.of(PROCESSORS["released model"]).needed(300, 400) == (300, 400)  # it smooths nothing away itself
    assert pickle.loads(pickle.dumps(cropping)) == cropping


class Framed(SiglipImageProcessorPil):
    """A processor whose options do not say what it does."""

    def resize(self, image, *args, **kwargs):
        image = super().resize(image, *args, **kwargs)
        image[..., :8, :] = 0
        return image


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        (lambda images, return_tensors: None, "function is not an image processor of transformers"),
        (CLIPImageProcessorPil(do_center_crop=False), "without a crop its images have several sizes"),
        (CLIPImageProcessorPil(do_resize=False), "is not known here"),
        (SiglipImageProcessorPil(resample=1), "by filter 1 is not known here|by filter .*LANCZOS.* is not known here"),
        (CLIPImageProcessorPil(size={"shortest_edge": 60}, crop_size={"height": 70, "width": 56}), "which pads"),
        (Framed(size={"height": 50, "width": 50}), "does more than resize, crop and normalise"),
        (ConvNextImageProcessorPil(size={"shortest_edge": 224}), "several sizes|does more"),
    ],
)
def test_a_processor_that_does_more_is_refused(processor, message):
    with pytest.raises(InputError, match=message):
        Geometry.of(processor)


def test_floats_that_are_made_otherwise_are_refused():
    class Inverted(SiglipImageProcessorPil):
        def normalize(self, *args, **kwargs):
            return -super().normalize(*args, **kwargs)

    with pytest.raises(InputError, match="does more than rescale and normalise"):
        PixelScaling.of(Inverted(size={"height": 50, "width": 50}))


def _orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize(
    ("tag", "value", "kind", "wrong"), [(0x011A, (72, 1), 5, 1), (0x011A, (72, 1), 5, 2), (0x0128, 2, 3, 2)]
)
def test_damaged_exif_does_not_hide_whole_pixels(tag, value, kind, wrong):
    """A resolution of a type that it cannot have, beside the orientation."""
    exif = _orientation(6)
    exif[tag] = value
    data = encoded(photograph(60, 100), exif=exif)
    assert data.count(struct.pack(">HH", tag, kind)) == 1
    data = data.replace(struct.pack(">HH", tag, kind), struct.pack(">HH", tag, wrong))
    with pytest.raises((TypeError, struct.error)):  # it has to write the EXIF anew
        ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    expected = np.rot90(np.asarray(Image.open(io.BytesIO(data))), -1)
    np.testing.assert_array_equal(np.asarray(open_image(data)), expected)
    np.testing.assert_array_equal(open_covering(data, "x", whole), expected)


def test_what_was_turned_is_not_turned_again():
    opened = open_image(encoded(photograph(60, 100), exif=_orientation(6)))
    assert opened.size == (60, 100)
    np.testing.assert_array_equal(np.asarray(to_rgb(opened)), np.asarray(opened))
    assert ImageOps.exif_transpose(opened).size == opened.size


@pytest.mark.parametrize("error", [KeyError(7), AttributeError("tag"), OverflowError("size"), TypeError("None")])
def test_whatever_a_plugin_stumbles_over_is_an_undecodable_image(monkeypatch, error):
    def stumble(*args):
        raise error

    data = encoded(photograph(), "PNG")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", stumble)
    for read in (lambda: open_image(data, "x.png"), lambda: open_covering(data, "x.png", whole)):
        with pytest.raises(UndecodableImageError, match=r"x\.png: the image cannot be decoded"):
            read()
    with pytest.raises(UndecodableImageError, match="image 0 cannot be read"):
        open_row([Image.open(io.BytesIO(data))], 0)


def test_what_is_no_image_is_no_undecodable_image():
    with pytest.raises(InputError, match="image 0 is of type str; give PIL images") as error:
        open_row(["0.jpg"], 0)
    assert not isinstance(error.value, UndecodableImageError)
