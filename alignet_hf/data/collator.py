"""From rows of a data set to batches of images: every distinct image decoded and processed once."""

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import torch
from PIL import Image

from alignet_hf.data.images import ImageSource, to_rgb
from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_triplets

Transform = Callable[[Image.Image], Image.Image]


class ImageCollator:
    """Image indices -> what the processor makes of the images, in that order: {"pixel_values": (n, 3, H, W)}.

    Args:
        images: an image source: `len`, `[index] -> PIL image`.
        processor: a transformers image processor, or any callable like one: `processor(images=[...],
            return_tensors="pt")` -> a dictionary of tensors, which become the model's keyword arguments.
        transform: PIL image -> PIL image, an augmentation say, before the processor. What it draws from torch's
            generator follows from `seed` and the batch's rows in their order alone, so that a resumed run, or one with
            another number of workers, sees the same.
        seed: of the transform's random numbers.
    """

    def __init__(
        self, images: Sequence[Image.Image], processor: Callable, transform: Transform | None = None, seed: int = 0
    ):
        self.images = images
        self.processor = processor
        self.transform = transform
        self.seed = seed

    def __call__(self, indices: Sequence[int], rows: np.ndarray | None = None) -> dict[str, torch.Tensor]:
        images = [self._image(int(index)) for index in indices]
        if self.transform is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(
                    crc32(np.append(indices if rows is None else rows, self.seed).astype(np.int64).tobytes())
                )
                images = [self.transform(image) for image in images]
        return dict(self.processor(images=images, return_tensors="pt"))

    def _image(self, index: int) -> Image.Image:
        if isinstance(self.images, ImageSource):  # RGB, and its errors name the file
            return self.images[index]
        try:
            return to_rgb(self.images[index])
        except Exception as error:
            raise InputError(f"image {index} cannot be read: {error}; replace it, or drop its rows") from error


class TripletCollator(ImageCollator):
    """Rows of a triplet data set -> a batch of listed triplets.

        row     indices (3,) rows of `images`; similarities (3,), the teacher's [s_ij, s_ik, s_jk]
        batch   similarities (n, 3) float32; triplets (n, 3) int64, rows of pixel_values;
                pixel_values (U, 3, H, W), the U <= 3n distinct images

    The arguments are ImageCollator's.

    Raises:
        InputError: a row without these columns, an index out of range, an image that does not decode.
    """

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        indices = validate_triplets(_column(rows, "indices"), len(self.images), "triplets of the batch")
        distinct, triplets = np.unique(indices, return_inverse=True)
        return {
            # First, as transformers takes the first tensor's length for the number of examples.
            "similarities": torch.as_tensor(_column(rows, "similarities"), dtype=torch.float32),
            "triplets": torch.from_numpy(triplets.reshape(-1, 3)),
            **super().__call__(distinct, indices),
        }


class DenseCollator(ImageCollator):
    """Rows of image indices -> a batch in which every triplet of its images counts.

        row     index, a row of `images` (see image_rows)
        batch   teacher_embeds (B, D) float32; labels (B,) int64 where given; pixel_values (B, 3, H, W)

    An image twice in a batch would be most similar to itself: it is taken once.

    Args:
        images, processor, transform, seed: ImageCollator's.
        teacher_embeds: (len(images), D), an array of any kind; a memory-mapped one stays on disk.
        labels: (len(images),) integers, class or cluster of each image, for the sampling strategies that need them.

    Raises:
        InputError: as many embeddings or labels as images are needed; and, when called, an index out of range, an
            embedding that is not finite, an image that does not decode.
    """

    def __init__(
        self,
        images: Sequence[Image.Image],
        processor: Callable,
        teacher_embeds,
        labels: Sequence[int] | None = None,
        transform: Transform | None = None,
        seed: int = 0,
    ):
        super().__init__(images, processor, transform, seed)
        self.teacher_embeds = np.asarray(teacher_embeds)
        self.labels = None if labels is None else np.asarray(labels, np.int64)
        for name, array, dimensions in (("teacher_embeds", self.teacher_embeds, 2), ("labels", self.labels, 1)):
            if array is not None and (array.ndim != dimensions or len(array) != len(images)):
                raise InputError(f"{name} has shape {array.shape}, but there are {len(images)} images; one row each")

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        in_order = _column(rows, "index")
        indices = np.unique(in_order)
        outside = indices[(indices < 0) | (indices >= len(self.images))]
        if outside.size:
            n_images = len(self.images)
            raise InputError(f"index {outside[0]} is out of range: there are {n_images} images, 0 to {n_images - 1}")
        teacher_embeds = np.asarray(self.teacher_embeds[indices], np.float32)
        bad = ~np.isfinite(teacher_embeds).all(1)
        if bad.any():
            raise InputError(f"teacher_embeds: row {indices[bad][0]} is not finite; embed that image anew, or drop it")
        labels = {} if self.labels is None else {"labels": torch.from_numpy(self.labels[indices])}
        return {
            "teacher_embeds": torch.from_numpy(teacher_embeds),
            **labels,
            **super().__call__(indices, in_order),
        }


def image_rows(n_images: int):
    """The data set of dense training: a datasets.Dataset with the one column `index`, 0 ... n_images - 1."""
    from datasets import Dataset

    return Dataset.from_dict({"index": np.arange(n_images, dtype=np.int32)})


def _column(rows: list[dict], name: str) -> np.ndarray:
    missing = [position for position, row in enumerate(rows) if name not in row]
    if missing:
        columns = ", ".join(rows[missing[0]])
        raise InputError(f"a row has no {name!r}, only: {columns or 'nothing'}; is this the data set of the collator?")
    return np.asarray([row[name] for row in rows])
