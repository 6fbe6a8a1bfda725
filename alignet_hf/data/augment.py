"""Augmentation for distillation: another view of the photograph, the same answer of the teacher."""

from dataclasses import dataclass

import torch
from PIL import Image, ImageOps

from alignet_hf.errors import InputError


@dataclass(frozen=True)
class RandomCropFlip:
    """A random part of the image, of its aspect ratio, mirrored half the time. The processor brings it to size.

    Few photographs are soon known by heart; seen a little differently each time, they teach what is in them.
    Random numbers come from torch's generator, which the collator seeds.

    Args:
        min_area: the smallest share of the image's area that is kept; the share is uniform up to 1.
    """

    min_area: float = 0.5

    def __post_init__(self):
        if not 0 < self.min_area <= 1:
            raise InputError(f"min_area is {self.min_area}; it is a share of the image, above 0 and at most 1")

    @property
    def zoom(self) -> float:
        """How much longer a side of the image can be than that of the view."""
        return self.min_area**-0.5

    def __call__(self, image: Image.Image) -> Image.Image:
        area, left, top, flip = torch.rand(4).tolist()
        side = (self.min_area + (1 - self.min_area) * area) ** 0.5
        width, height = max(1, round(side * image.width)), max(1, round(side * image.height))
        x, y = round(left * (image.width - width)), round(top * (image.height - height))
        view = image.crop((x, y, x + width, y + height))
        return ImageOps.mirror(view) if flip < 0.5 else view
