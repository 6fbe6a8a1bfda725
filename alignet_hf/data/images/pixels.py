"""What a transformers processor does to an image, in two steps: to size in uint8, then scaled to floats.

The first is work for decoding processes, the second for the device that the model is on: a uint8 image is a quarter of
the bytes to move.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers.image_processing_base import ImageProcessingMixin

from alignet_hf.errors import InputError
from alignet_hf.image_processing_alignet import AligNetImageProcessor

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # PIL's numbers of the filters that torch has too
_RESIZED_ALIKE = 1.0  # grey levels, mean over the test image: a shift by one pixel is above it


@dataclass(frozen=True)
class Geometry:
    """How images come to one size: the whole image is resized, then its centre is cropped.

    Attributes:
        resize: (height, width), or the length of the shorter side, the aspect ratio kept.
        crop: (height, width) of the centre that is kept, or None.
        interpolation: "bicubic" or "bilinear".
        antialias: as PIL does, whose pixels this gives to within a grey level; False as OpenCV does.
    """

    resize: tuple[int, int] | int
    crop: tuple[int, int] | None = None
    interpolation: str = "bicubic"
    antialias: bool = True

    @classmethod
    def of(cls, processor) -> "Geometry":
        """That of a transformers image processor.

        Raises:
            InputError: a processor that is none of transformers', or does more than resize and crop to one size.
        """
        name, options = type(processor).__name__, _options(processor)
        size, interpolation = options.get("size"), _INTERPOLATIONS.get(options.get("resample"))
        keys = set(size) if options.get("do_resize") else set()
        if interpolation is None or keys not in ({"height", "width"}, {"shortest_edge"}):
            raise InputError(
                f"{name}: size {size} by filter {options.get('resample')} is not known here; use pixels='exact'"
            )
        resize = size["shortest_edge"] if keys == {"shortest_edge"} else (size["height"], size["width"])
        crop = None
        if options.get("do_center_crop"):
            crop = (options["crop_size"]["height"], options["crop_size"]["width"])
        if crop is None and isinstance(resize, int):
            raise InputError(
                f"{name}: without a crop its images have several sizes; use pixels='exact', or do_center_crop"
            )
        least = (resize, resize) if isinstance(resize, int) else resize
        if crop is not None and (crop[0] > least[0] or crop[1] > least[1]):
            raise InputError(f"{name}: crops {crop} out of {resize}, which pads; use pixels='exact'")
        geometry = cls(resize, crop, interpolation, antialias=not isinstance(processor, AligNetImageProcessor))
        geometry._check(processor)
        return geometry

    def _check(self, processor) -> None:
        """No options tell what else a processor's class does: a test image does."""
        theirs = uint8_pixels(processor, [_test_image()])[0]
        ours = self.apply(_test_image())
        if ours.shape != theirs.shape or (ours.float() - theirs.float()).abs().mean() > _RESIZED_ALIKE:
            raise InputError(
                f"{type(processor).__name__} does more than resize, crop and normalise; use pixels='exact'"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the result."""
        return self.crop or self.resize

    @property
    def keeps_its_result(self) -> bool:
        """Whether an image that has been brought to size is left as it is."""
        return self.crop is None or self.crop == ((self.resize,) * 2 if isinstance(self.resize, int) else self.resize)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Size of an image before the crop."""
        if not isinstance(self.resize, int):
            return self.resize
        longer = int(self.resize * max(height, width) / min(height, width))  # rounded down, as transformers does
        return (longer, self.resize) if width <= height else (self.resize, longer)

    def needed(self, height: int, width: int) -> tuple[int, int]:
        """The least size of an image to decode to: that of the result, or all where nothing is smoothed after."""
        return self.resized(height, width) if self.antialias else (height, width)

    def apply(self, pixels: np.ndarray) -> Tensor:
        """(H, W, 3) uint8 -> (3, height, width) uint8."""
        image = torch.from_numpy(pixels).permute(2, 0, 1)[None]  # torch's SIMD code wants the channels last in memory
        size = self.resized(*image.shape[2:])
        if size != tuple(image.shape[2:]):
            if self.antialias:
                image = F.interpolate(image, size, mode=self.interpolation, antialias=True)
            else:
                image = F.interpolate(image.float(), size, mode=self.interpolation, align_corners=False)
                image = image.round_().clamp_(0, 255).to(torch.uint8)
        height, width = self.size
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        return image[0, :, top : top + height, left : left + width]


@dataclass(frozen=True)
class PixelScaling:
    """(B, 3, H, W) uint8 -> float32 as the processor gives them, on the device where they are.

    Within 1e-6 of the processor, which rounds after each of its steps; these are two multiplications in one.

    Attributes:
        scale: of each channel.
        shift: of each channel, after the scale.
    """

    scale: tuple[float, float, float]
    shift: tuple[float, float, float]

    @classmethod
    def of(cls, processor) -> "PixelScaling":
        """That of a transformers image processor.

        Raises:
            InputError: a processor whose floats are others.
        """
        options = _options(processor)
        factor = options["rescale_factor"] if options.get("do_rescale") else 1.0
        mean, std = (0.0,) * 3, (1.0,) * 3
        if options.get("do_normalize"):
            mean, std = options["image_mean"], options["image_std"]
        scaling = cls(
            tuple(factor / one for one in std), tuple(-mu / sigma for mu, sigma in zip(mean, std, strict=True))
        )
        theirs = processor(images=[_test_image()], return_tensors="pt")
        ours = scaling(uint8_pixels(processor, [_test_image()]))
        if set(theirs) != {"pixel_values"} or (ours - theirs["pixel_values"]).abs().max() > 1e-5:
            raise InputError(f"{type(processor).__name__} does more than rescale and normalise; use pixels='exact'")
        return scaling

    def __call__(self, pixels: Tensor) -> Tensor:
        scale, shift = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in (self.scale, self.shift))
        return pixels.to(torch.float32).mul_(scale).add_(shift)


def resizer(processor) -> str:
    """Whose resizing a transformers image processor has: the class that defines it, PilBackend for most.

    Processors of one geometry whose resizer is the same give the same pixels, others differ by grey levels.
    """
    return next(kind.__name__ for kind in type(processor).__mro__ if "resize" in vars(kind))


def uint8_pixels(processor, images) -> Tensor:
    """(B, 3, H, W) uint8: what a transformers processor makes of images before it rescales and normalises.

    Raises:
        InputError: a processor that does not give such pixels.
    """
    pixels = processor(images=list(images), do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"]
    if pixels.dtype != torch.uint8 or pixels.ndim != 4:
        raise InputError(f"{type(processor).__name__} gives {pixels.dtype} {tuple(pixels.shape)}; use pixels='exact'")
    return pixels


def _options(processor) -> dict:
    if not isinstance(processor, ImageProcessingMixin):
        raise InputError(
            f"{type(processor).__name__} is not an image processor of transformers, whose options can be read; "
            "use pixels='exact'"
        )
    return processor.to_dict()


def _test_image() -> np.ndarray:
    """(H, W, 3) uint8: waves, of another length in each direction and channel, and odd sides."""
    rows, columns = np.mgrid[0:375, 0:501]
    waves = [np.sin(rows / (5 + 2 * channel)) * np.cos(columns / (7 + 3 * channel)) for channel in range(3)]
    return np.round(127.5 + 127 * np.stack(waves, -1)).astype(np.uint8)
