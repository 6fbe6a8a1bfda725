"""From rows of a data set to batches of images: every distinct image decoded and processed once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, get_args
from zlib import crc32

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from alignet_hf.data.augment import RandomCropFlip
from alignet_hf.data.images import Geometry, ImageSource, PixelScaling, UndecodableImageError
from alignet_hf.data.images.pixels import resizer, uint8_pixels
from alignet_hf.data.images.sources import covering, open_row
from alignet_hf.data.images.undecodable import OnBad, check_on_bad
from alignet_hf.data.names import is_called
from alignet_hf.data.step_rows import StepRows
from alignet_hf.errors import InputError
from alignet_hf.mapped import packed, unpacked
from alignet_hf.surrogate.views import EmbeddingsView
from alignet_hf.triplets import validate_triplets

Transform = Callable[[Image.Image], Image.Image]
Pixels = Literal["exact", "uint8", "fast"]


class ImageCollator:
    """Image indices -> what the processor makes of the images, in that order: {"pixel_values": (n, 3, H, W)}.

        pixels    decoded and resized by    rescaled and normalised     pixel_values
        exact     PIL and the processor     by the processor            as the processor gives them, bit by bit
        uint8     PIL and the processor     by `finish`, on the device  uint8; then the processor's, within 1e-6
        fast      libjpeg-turbo and torch   by `finish`, on the device  uint8, see Geometry; at full scale within
                                                                        1 grey level of the processor's

    A cache made for the processor (`cache_images(..., processor=processor)`) is not resized again. One made with
    fast=True is for "fast" alone; "fast" takes the other kind too, which is nearer to the processor.

    Args:
        images: an image source: `len`, `[index] -> PIL image`.
        processor: a transformers image processor, or any callable like one: `processor(images=[...],
            return_tensors="pt")` -> a dictionary of tensors, which become the model's keyword arguments.
        transform: PIL image -> PIL image, an augmentation say, before the processor. What it draws from torch's
            generator follows from `seed`, the step that the rows are of (see StepRows) and the image alone, so that a
            resumed run, or one with another number of processes, micro-batches or workers, sees the same. For rows of
            no step, as outside a training, the batch's rows in their order stand for it.
        seed: of the transform's random numbers.
        pixels: see above; all but "exact" need a processor of transformers that resizes, crops and normalises only.
        on_bad: "raise" stops at an image that cannot be decoded. "skip" leaves it out, and with it the rows that name
            it; a batch then has `undecodable`, (k,) int64, the rows of `images` that were left out. Where no row is
            left, pixel_values holds one image that no row names: a model cannot be run on none, and every process of
            a training must run it as often as the others.

    Raises:
        InputError: a processor that `pixels` cannot do without; a cache of the processor's size, but resized otherwise
            than `pixels` say; an image that cannot be decoded; with "skip", a source without one that can.
    """

    def __init__(
        self,
        images: Sequence[Image.Image],
        processor: Callable,
        transform: Transform | None = None,
        seed: int = 0,
        *,
        pixels: Pixels = "exact",
        on_bad: OnBad = "raise",
    ):
        check_on_bad(on_bad)
        if pixels not in get_args(Pixels):
            raise InputError(f"pixels is {pixels!r}; choose one of {', '.join(get_args(Pixels))}")
        self.images = images
        self.processor = processor
        self.transform = transform
        self.seed = seed
        self.pixels = pixels
        self.on_bad = on_bad
        self.geometry = Geometry.of(processor) if pixels == "fast" else None
        self.scaling = None if pixels == "exact" else PixelScaling.of(processor)
        self.is_sized = transform is None and is_sized_for(images, processor)
        if self.is_sized and pixels != "fast":
            _check_resized(images, processor, pixels)

    def __call__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        opened, undecodable = self._open(indices, _moment(indices, indices))
        return self._batch(opened) | self._report(undecodable)

    def finish(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is left to do where the batch is now: rescale and normalise pixels that are still uint8."""
        pixels = batch["pixel_values"]
        return batch if pixels.dtype != torch.uint8 else {**batch, "pixel_values": self.scaling(pixels)}

    def _open(self, indices: Sequence[int], moment: int) -> tuple[list[Image.Image | np.ndarray], list[int]]:
        """The images that can be decoded, as they are seen at a moment, and the indices of those that cannot."""
        opened, undecodable = [], []
        for index in map(int, indices):
            try:
                opened.append(self._view(index, moment))
            except UndecodableImageError:
                if self.on_bad == "raise":
                    raise
                undecodable.append(index)
        return opened, undecodable

    def _stand_in(self) -> Image.Image | np.ndarray:
        """The first image of the source that can be decoded, for a batch that has none left."""
        for index in range(len(self.images)):
            with suppress(UndecodableImageError):
                return self._view(index, moment=0)
        raise InputError(f"none of the {len(self.images)} images can be decoded; are the files whole?")

    def _view(self, index: int, moment: int) -> Image.Image | np.ndarray:
        image = self._image(index)
        if self.transform is None:
            return image
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(np.random.SeedSequence((self.seed % 2**64, moment, index)).generate_state(1)[0].item())
            return self.transform(image)

    def _image(self, index: int) -> Image.Image | np.ndarray:
        if self.pixels == "exact" or (self.pixels == "uint8" and not self.is_sized):
            return open_row(self.images, index)
        pixels = covering(self.images, index, self._needed)
        return pixels if self.transform is None else Image.fromarray(pixels)

    def _needed(self, height: int, width: int) -> tuple[int, int]:
        """The least size to decode to, so that what an augmentation leaves of the image covers the result."""
        if self.transform is not None and not isinstance(self.transform, RandomCropFlip):
            return height, width
        zoom = 1 if self.transform is None else self.transform.zoom
        return tuple(int(np.ceil(zoom * side)) for side in self.geometry.needed(height, width))

    def _batch(self, opened: list) -> dict[str, Tensor]:
        opened = opened or [self._stand_in()]
        if self.pixels == "exact":
            done = {"do_resize": False, "do_center_crop": False} if self.is_sized else {}
            return dict(self.processor(images=opened, return_tensors="pt", **done))
        if self.is_sized:
            return {"pixel_values": torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in opened])}
        if self.pixels == "fast":
            return {"pixel_values": torch.stack([self.geometry.apply(np.array(image)) for image in opened])}
        return {"pixel_values": uint8_pixels(self.processor, opened)}

    def _report(self, undecodable: list[int]) -> dict[str, Tensor]:
        return {"undecodable": torch.tensor(undecodable, dtype=torch.int64)} if self.on_bad == "skip" else {}


class TripletCollator(ImageCollator):
    """Rows of a triplet data set -> a batch of listed triplets.

        row     indices (3,) rows of `images`; similarities (3,), the teacher's [s_ij, s_ik, s_jk]; filenames (3,) may
                say which images are meant, and must then be the names of these (`triplets_on` finds images by name)
        batch   similarities (n, 3) float32; triplets (n, 3) int64, rows of pixel_values;
                pixel_values (U, 3, H, W), the U <= 3n distinct images; one where n is 0, as bad images were skipped

    The arguments are ImageCollator's.

    Raises:
        InputError: a row without these columns, an index out of range or of an image that is called otherwise than the
            row says, an image that does not decode.
    """

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        indices = validate_triplets(_column(rows, "indices"), len(self.images), "triplets of the batch")
        if "filenames" in rows[0]:
            self._check_names(rows)
        distinct, triplets = np.unique(indices, return_inverse=True)
        moment = _moment(rows, indices)
        opened, undecodable = self._open(distinct, moment)
        if undecodable:
            lost = np.isin(indices, undecodable).any(1)
            if not lost.all():
                left = [row for row, is_lost in zip(rows, lost, strict=True) if not is_lost]
                return self(StepRows(left, moment)) | self._report(undecodable)
            return {
                "similarities": torch.empty(0, 3),
                "triplets": torch.empty(0, 3, dtype=torch.int64),
                **self._batch(opened[:1]),
                **self._report(undecodable),
            }
        return {
            # First, as transformers takes the first tensor's length for the number of examples.
            "similarities": torch.as_tensor(_column(rows, "similarities"), dtype=torch.float32),
            "triplets": torch.from_numpy(triplets.reshape(-1, 3)),
            **self._batch(opened),
            **self._report([]),
        }

    def _check_names(self, rows: list[dict]) -> None:
        names = getattr(self.images, "names", None)
        if names is None:
            return
        for row in rows:
            for index, name in zip(row["indices"], row["filenames"], strict=True):
                if not is_called(name, names[int(index)]):
                    raise InputError(
                        f"a triplet names the image {name!r}, but row {index} of the images is {names[int(index)]!r}: "
                        "train on triplets_on(triplets, images), which finds images by name; or remove the column "
                        "filenames, if the rows are right"
                    )


class DenseCollator(ImageCollator):
    """Rows of image indices -> a batch in which every triplet of its images counts.

        row     index, a row of `images` (see image_rows)
        batch   teacher_embeds (B, D) float32; labels (B,) int64 where given; pixel_values (B, 3, H, W), of one image
                where B is 0, as bad images were skipped

    An image twice in a batch would be most similar to itself: it is taken once.

    Args:
        images, processor, transform, seed, pixels, on_bad: ImageCollator's.
        teacher_embeds: (len(images), D), an array of any kind; a memory-mapped one stays on disk, and a view's rows are
            computed as batches need them.
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
        *,
        pixels: Pixels = "exact",
        on_bad: OnBad = "raise",
    ):
        super().__init__(images, processor, transform, seed, pixels=pixels, on_bad=on_bad)
        is_view = isinstance(teacher_embeds, EmbeddingsView)
        self.teacher_embeds = teacher_embeds if is_view else np.asarray(teacher_embeds)
        self.labels = None if labels is None else np.asarray(labels, np.int64)
        for name, array, dimensions in (("teacher_embeds", self.teacher_embeds, 2), ("labels", self.labels, 1)):
            if array is not None and (array.ndim != dimensions or len(array) != len(images)):
                raise InputError(f"{name} has shape {array.shape}, but there are {len(images)} images; one row each")

    def __getstate__(self):
        state = dict(self.__dict__)
        if isinstance(self.teacher_embeds, np.ndarray):
            state["teacher_embeds"] = packed(self.teacher_embeds)
        return state

    def __setstate__(self, state):
        self.__dict__.update({**state, "teacher_embeds": unpacked(state["teacher_embeds"])})

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        in_order = _column(rows, "index")
        indices = np.unique(in_order)
        outside = indices[(indices < 0) | (indices >= len(self.images))]
        if outside.size:
            n_images = len(self.images)
            raise InputError(f"index {outside[0]} is out of range: there are {n_images} images, 0 to {n_images - 1}")
        opened, undecodable = self._open(indices, _moment(rows, in_order))
        indices = np.setdiff1d(indices, undecodable)
        if len(indices):
            teacher_embeds = np.asarray(self.teacher_embeds[indices], np.float32)
        else:  # which a view's function need not take
            teacher_embeds = np.empty((0, self.teacher_embeds.shape[1]), np.float32)
        bad = ~np.isfinite(teacher_embeds).all(1)
        if bad.any():
            raise InputError(f"teacher_embeds: row {indices[bad][0]} is not finite; embed that image anew, or drop it")
        labels = {} if self.labels is None else {"labels": torch.from_numpy(self.labels[indices])}
        return {
            "teacher_embeds": torch.from_numpy(teacher_embeds),
            **labels,
            **self._batch(opened),
            **self._report(undecodable),
        }


def image_rows(n_images: int):
    """The data set of dense training: a datasets.Dataset with the one column `index`, 0 ... n_images - 1."""
    from datasets import Dataset

    return Dataset.from_dict({"index": np.arange(n_images, dtype=np.int32)})


def _moment(rows: Sequence, indices: Sequence[int] | np.ndarray) -> int:
    """What tells the times apart that a transform sees an image: the step of the rows, or which rows they are."""
    return rows.step if isinstance(rows, StepRows) else crc32(np.asarray(indices, np.int64).tobytes())


def _column(rows: list[dict], name: str) -> np.ndarray:
    missing = [position for position, row in enumerate(rows) if name not in row]
    if missing:
        columns = ", ".join(rows[missing[0]])
        raise InputError(f"a row has no {name!r}, only: {columns or 'nothing'}; is this the data set of the collator?")
    return np.asarray([row[name] for row in rows])


def is_sized_for(images, processor) -> bool:
    """Whether the images have been brought to size for this processor already."""
    if not isinstance(images, ImageSource) or images.geometry is None:
        return False
    try:
        return Geometry.of(processor) == images.geometry
    except InputError:  # a processor whose size cannot be read resizes for itself
        return False


def _check_resized(images: ImageSource, processor, pixels: Pixels) -> None:
    """Raise InputError unless images of the processor's size were resized as the processor resizes."""
    if images.resized_by != resizer(processor):
        raise InputError(
            f"images: the cache was resized by {images.resized_by}, pixels={pixels!r} are those that "
            f"{type(processor).__name__} ({resizer(processor)}) resizes; use pixels='fast', or make another cache "
            "with cache_images(..., processor=processor, fast=False)"
        )
