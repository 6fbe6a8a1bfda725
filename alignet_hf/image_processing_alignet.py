"""The input of the authors' released models: the whole image resized to 224 x 224, in [0, 1], not normalised."""

import numpy as np
import torch
from torch.nn import functional as F
from transformers.image_processing_backends import PilBackend
from transformers.image_processing_utils import BatchFeature
from transformers.image_utils import PILImageResampling


class AligNetImageProcessor(PilBackend):
    """Resize whole images as OpenCV's INTER_CUBIC does, round to uint8, divide by 255.

    There is no crop, the aspect ratio is not kept, and there is no normalisation. The kernel is bicubic with a = -0.75,
    without antialiasing: PIL's and torchvision's default, which antialias, give other features. For a student with
    a processor of its own (DINOv2, SigLIP ...) use that one.

    Takes PIL images of any mode (transparency is put on white), uint8 arrays or tensors, (H, W, C) or (C, H, W): one,
    a list of any sizes, or a batch. Gives `pixel_values`, (B, 3, 224, 224) float32 in [0, 1].

    Raises:
        ValueError: pixels that are not uint8, or an argument that would change the input (cropping, normalisation,
            another interpolation).
    """

    do_convert_rgb = True
    do_resize = True
    size = {"height": 224, "width": 224}  # noqa: RUF012
    resample = PILImageResampling.BICUBIC
    do_rescale = True
    rescale_factor = 1 / 255
    do_normalize = False
    model_input_names = ["pixel_values"]  # noqa: RUF012

    def _validate_preprocess_kwargs(self, **kwargs):
        super()._validate_preprocess_kwargs(**kwargs)
        for name in ("do_normalize", "do_center_crop", "do_pad"):
            if kwargs[name]:
                raise ValueError(f"AligNetImageProcessor does not take {name}=True: its input is fixed")
        if kwargs["resample"] != PILImageResampling.BICUBIC:
            raise ValueError(f"AligNetImageProcessor resizes by bicubic interpolation only, got {kwargs['resample']!r}")
        if kwargs["do_resize"] and not (kwargs["size"].height and kwargs["size"].width):
            raise ValueError(f"AligNetImageProcessor needs a size with height and width, got {dict(kwargs['size'])}")

    def _preprocess(
        self,
        images: list[np.ndarray],
        do_resize,
        size,
        do_rescale,
        rescale_factor,
        return_tensors,
        **kwargs,
    ) -> BatchFeature:
        pixels = []
        for image in images:  # (3, H, W)
            if image.dtype != np.uint8:
                raise ValueError(f"AligNetImageProcessor takes uint8 pixels of 0 to 255, got {image.dtype}")
            if do_resize:
                image = self.resize(image, size)
            pixels.append(image.astype(np.float32) * np.float32(rescale_factor) if do_rescale else image)
        return BatchFeature(data={"pixel_values": pixels}, tensor_type=return_tensors)

    def resize(self, image: np.ndarray, size, **kwargs) -> np.ndarray:
        """(C, H, W) uint8 -> (C, height, width) uint8."""
        pixels = torch.from_numpy(np.ascontiguousarray(image))[None].float()
        pixels = F.interpolate(pixels, (size.height, size.width), mode="bicubic", antialias=False, align_corners=False)
        return pixels[0].round().clamp(0, 255).to(torch.uint8).numpy()
