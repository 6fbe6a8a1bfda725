"""The three ways to a batch's pixels, images that are brought to size already, and images that are broken."""

import pickle

import numpy as np
import pytest
import torch
from photographs import write_photographs
from torch.utils.data import DataLoader
from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

from alignet_hf.data.augment import RandomCropFlip
from alignet_hf.data.collator import DenseCollator, ImageCollator, TripletCollator, image_rows
from alignet_hf.data.images import ConcatImages, ImageFolder, SomeImages, UndecodableImageError, cache_images
from alignet_hf.data.step_rows import StepRows
from alignet_hf.errors import InputError
from alignet_hf.surrogate.views import EmbeddingsView

SQUEEZING = SiglipImageProcessorPil(size={"height": 32, "width": 32})
CROPPING = CLIPImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 30, "width": 32})
BROKEN = (2, 5)


@pytest.fixture
def source(tmp_path):
    return ImageFolder(write_photographs(tmp_path / "photos", 8, height=60, width=80))


@pytest.fixture
def partly_broken(tmp_path):
    return ImageFolder(write_photographs(tmp_path / "broken", 8, broken=BROKEN, height=60, width=80))


def exact(images, processor, rows=range(8)):
    return processor(images=[images[row] for row in rows], return_tensors="pt")["pixel_values"]


def finished(collator, rows=range(8)):
    batch = collator(rows)
    return collator.finish(batch)["pixel_values"], batch["pixel_values"].dtype


@pytest.mark.parametrize("processor", [SQUEEZING, CROPPING])
def test_three_ways_to_the_same_pixels(source, processor):
    expected = exact(source, processor)
    pixels, dtype = finished(ImageCollator(source, processor))
    assert torch.equal(pixels, expected)
    assert dtype == torch.float32
    pixels, dtype = finished(ImageCollator(source, processor, pixels="uint8"))
    torch.testing.assert_close(pixels, expected, rtol=0, atol=1e-6)
    assert dtype == torch.uint8
    pixels, dtype = finished(ImageCollator(source, processor, pixels="fast"))
    grey_level = 1.001 / 255 / min(processor.image_std)
    torch.testing.assert_close(pixels, expected, rtol=0, atol=grey_level)  # 60 x 80 is not twice 32: full scale
    assert dtype == torch.uint8


@pytest.mark.parametrize("processor", [SQUEEZING, CROPPING])
@pytest.mark.parametrize("pixels", ["exact", "uint8", "fast"])
def test_images_of_the_processors_size_are_not_resized_again(source, processor, pixels, tmp_path):
    cached = cache_images(source, tmp_path / "cache", processor=processor)
    for images in (cached, SomeImages(cached, range(8)), ConcatImages([cached])):
        found, _ = finished(ImageCollator(images, processor, pixels=pixels))
        torch.testing.assert_close(found, exact(source, processor), rtol=0, atol=1e-6)


def test_images_of_another_size_are_resized(source, tmp_path):
    cached = cache_images(source, tmp_path / "cache", 50)
    for pixels in ("exact", "uint8", "fast"):
        found, _ = finished(ImageCollator(cached, SQUEEZING, pixels=pixels))
        torch.testing.assert_close(found, exact(cached, SQUEEZING), rtol=0, atol=1.001 / 127.5)


@pytest.mark.parametrize("pixels", ["exact", "uint8"])
def test_a_cache_that_was_resized_otherwise_is_refused(source, tmp_path, pixels):
    fast = cache_images(source, tmp_path / "fast", processor=SQUEEZING, fast=True)
    for images in (fast, SomeImages(fast, range(8)), ConcatImages([fast])):
        with pytest.raises(InputError, match=f"by Geometry, pixels='{pixels}' .* SiglipImageProcessorPil .PilBackend"):
            ImageCollator(images, SQUEEZING, pixels=pixels)
    found, _ = finished(ImageCollator(fast, SQUEEZING, pixels="fast"))
    expected, _ = finished(ImageCollator(source, SQUEEZING, pixels="fast"))
    assert torch.equal(found, expected)
    cached = cache_images(source, tmp_path / "exact", processor=Rounding(size=dict(SQUEEZING.size)))
    with pytest.raises(InputError, match=r"by Rounding, .*\(PilBackend\) resizes; use pixels='fast', or make another"):
        ImageCollator(cached, SQUEEZING, pixels=pixels)
    other = SiglipImageProcessorPil(size={"height": 20, "width": 20})
    finished(ImageCollator(fast, other, pixels=pixels))  # of another size: processed as any images


class Rounding(SiglipImageProcessorPil):
    """A processor of another resizing, a grey level off."""

    def resize(self, image, *args, **kwargs):
        return super().resize(image, *args, **kwargs) // 2 * 2


def test_caches_of_one_size_are_mixed_as_what_they_are(source, tmp_path):
    fast = cache_images(source, tmp_path / "fast", processor=CROPPING, fast=True)
    exactly = cache_images(source, tmp_path / "exact", processor=CROPPING)
    with pytest.raises(InputError, match="cached for a processor, others not or otherwise; cache them all"):
        ConcatImages([fast, exactly])


def test_an_augmentation_sees_the_same_part_in_every_way(source, tmp_path):
    options = {"transform": RandomCropFlip(0.5), "seed": 3}
    expected, _ = finished(ImageCollator(source, SQUEEZING, **options))
    for pixels in ("uint8", "fast"):
        found, _ = finished(ImageCollator(source, SQUEEZING, **options, pixels=pixels))
        torch.testing.assert_close(found, expected, rtol=0, atol=1.001 / 127.5)
    cached = cache_images(source, tmp_path / "cache", processor=SQUEEZING)
    found, _ = finished(ImageCollator(cached, SQUEEZING, **options, pixels="fast"))
    assert found.shape == expected.shape
    assert (found - expected).abs().mean() < 0.1


def test_what_a_crop_leaves_of_a_scaled_jpeg_still_covers(tmp_path):
    images = ImageFolder(write_photographs(tmp_path, 1, height=160, width=160))
    seen = []

    def needed(transform):
        collator = ImageCollator(images, SQUEEZING, transform, pixels="fast")
        seen.append(np.asarray(collator._image(0)).shape[:2])

    for transform in (None, RandomCropFlip(1.0), RandomCropFlip(0.5), RandomCropFlip(0.1), lambda image: image):
        needed(transform)
    # 32 / sqrt(0.5) = 46 needs 60 of 160 pixels (3/8), 32 / sqrt(0.1) = 102 all of them, what is not known too
    assert seen == [(40, 40), (40, 40), (60, 60), (160, 160), (160, 160)]


@pytest.mark.parametrize("pixels", ["uint8", "fast"])
def test_worker_processes_give_the_same(source, pixels):
    collator = DenseCollator(source, SQUEEZING, np.eye(8, dtype=np.float32), pixels=pixels)
    pickle.loads(pickle.dumps(collator))
    here = [collator([{"index": row} for row in rows]) for rows in ((0, 1, 2, 3), (4, 5, 6, 7))]
    for ours, theirs in zip(here, DataLoader(image_rows(8), 4, collate_fn=collator, num_workers=1), strict=True):
        assert ours.keys() == theirs.keys() == {"teacher_embeds", "pixel_values"}
        assert torch.equal(ours["pixel_values"], theirs["pixel_values"])
        assert theirs["pixel_values"].is_contiguous()


def test_broken_images_are_fatal_unless_they_are_skipped(partly_broken):
    with pytest.raises(UndecodableImageError, match=r"2\.jpg: the image cannot be decoded"):
        ImageCollator(partly_broken, SQUEEZING)(range(8))
    left = [row for row in range(8) if row not in BROKEN]
    for pixels in ("exact", "uint8", "fast"):
        collator = ImageCollator(partly_broken, SQUEEZING, pixels=pixels, on_bad="skip")
        batch = collator(range(8))
        assert batch["undecodable"].tolist() == list(BROKEN)
        assert len(collator.finish(batch)["pixel_values"]) == 6
        assert torch.equal(batch["pixel_values"], collator(left)["pixel_values"])
        assert collator(left)["undecodable"].shape == (0,)


@pytest.mark.parametrize("pixels", ["exact", "uint8", "fast"])
def test_a_batch_without_a_whole_image_is_one_that_a_model_can_be_run_on(partly_broken, pixels):
    """On an image that no row names, of the size and kind of all."""
    options = {"pixels": pixels, "on_bad": "skip"}
    other = ImageCollator(partly_broken, SQUEEZING, **options)([0])["pixel_values"]
    batch = ImageCollator(partly_broken, SQUEEZING, **options)([2, 5])
    assert batch["undecodable"].tolist() == [2, 5]
    assert torch.equal(batch["pixel_values"], other)
    listed = TripletCollator(partly_broken, SQUEEZING, **options)([row(2, 5, 3), row(0, 6, 2)])
    assert next(iter(listed)) == "similarities"
    assert (listed["similarities"].shape, listed["triplets"].shape) == ((0, 3), (0, 3))
    assert (listed["similarities"].dtype, listed["triplets"].dtype) == (torch.float32, torch.int64)
    assert listed["undecodable"].tolist() == [2, 5]
    assert (listed["pixel_values"].shape, listed["pixel_values"].dtype) == (other.shape, other.dtype)
    teacher = EmbeddingsView(np.eye(8, dtype=np.float32), function=_not_of_none, n_dimensions=8)
    dense = DenseCollator(partly_broken, SQUEEZING, teacher, labels=range(8), **options)
    batch = dense([{"index": 2}, {"index": 5}])
    assert (batch["teacher_embeds"].shape, batch["labels"].shape) == ((0, 8), (0,))
    assert torch.equal(batch["pixel_values"], other)
    batch = dense([{"index": 2}, {"index": 5}, {"index": 7}])
    assert (batch["teacher_embeds"].shape, batch["labels"].tolist()) == ((1, 8), [7])


def _not_of_none(embeddings):
    assert len(embeddings)
    return embeddings


def test_a_source_without_a_whole_image_is_refused(tmp_path):
    images = ImageFolder(write_photographs(tmp_path / "broken", 3, broken=(0, 1, 2), height=60, width=80))
    with pytest.raises(InputError, match="none of the 3 images can be decoded; are the files whole"):
        ImageCollator(images, SQUEEZING, on_bad="skip")([0, 1])


def row(*indices):
    return {"indices": list(indices), "similarities": [float(indices[0]), 0.25, 0.125]}


@pytest.mark.parametrize("transform", [None, RandomCropFlip(0.5)])
def test_triplets_of_a_broken_image_are_left_out(partly_broken, transform):
    collator = TripletCollator(partly_broken, SQUEEZING, transform, on_bad="skip")
    rows = [row(1, 3, 4), row(6, 2, 0), row(4, 7, 3), row(5, 1, 3)]
    batch = collator(StepRows(rows, 5))
    assert next(iter(batch)) == "similarities"
    assert batch["similarities"][:, 0].tolist() == [1, 4]
    assert batch["undecodable"].tolist() == [2, 5]
    alone = collator(StepRows([rows[0], rows[2]], 5))
    assert alone["pixel_values"].shape[0] == 4  # images that only lost triplets name are not encoded
    for key in ("similarities", "triplets", "pixel_values"):
        assert torch.equal(batch[key], alone[key])
    with pytest.raises(UndecodableImageError, match=r"2\.jpg"):
        TripletCollator(partly_broken, SQUEEZING)(rows)


def test_dense_batches_go_on_without_a_broken_image(partly_broken):
    embeds = np.arange(16, dtype=np.float32).reshape(8, 2)
    embeds[2] = np.nan  # as an embedding that skipped it may leave it
    collator = DenseCollator(partly_broken, SQUEEZING, embeds, labels=range(8), on_bad="skip")
    batch = collator([{"index": index} for index in (7, 2, 3, 1)])
    assert batch["labels"].tolist() == [1, 3, 7]
    assert batch["teacher_embeds"][:, 0].tolist() == [2, 6, 14]
    assert len(batch["pixel_values"]) == 3


def test_skipped_rows_of_a_cache_are_skipped_like_their_images(partly_broken, tmp_path):
    cached = cache_images(partly_broken, tmp_path / "cache", processor=SQUEEZING, on_bad="skip")
    batch = ImageCollator(cached, SQUEEZING, pixels="fast", on_bad="skip")(range(8))
    assert batch["undecodable"].tolist() == list(BROKEN)


def test_wrong_options_are_refused(source):
    with pytest.raises(InputError, match="pixels is 'quick'; choose one of exact, uint8, fast"):
        ImageCollator(source, SQUEEZING, pixels="quick")
    with pytest.raises(InputError, match="on_bad is 'drop'"):
        TripletCollator(source, SQUEEZING, on_bad="drop")
    for pixels in ("uint8", "fast"):
        with pytest.raises(InputError, match="not an image processor of transformers"):
            ImageCollator(source, lambda images, return_tensors: None, pixels=pixels)
