"""The input of the authors' released models: the whole image resized to 224 x 224, in [0, 1], not normalised."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers.image_processing_backends import PilBackend
from transformers.image_processing_utils import BatchFeature
from transformers.image_transforms import convert_to_rgb
from transformers.image_utils import (
    ChannelDimension,
    ImageType,
    PILImageResampling,
    get_image_type,
    infer_channel_dimension_format,
)

_A = -0.75  # of the cubic kernel: OpenCV's and torch's; PIL's is -0.5
_PIXELS_AT_ONCE = 2**26  # of a batch, off the CPU: 0.8 GB in float32


class AligNetImageProcessor(PilBackend):
    """Resize whole images as OpenCV's INTER_CUBIC does, round to uint8, divide by 255.

    There is no crop, the aspect ratio is not kept, and there is no normalisation. The kernel is bicubic with a = -0.75,
    without antialiasing: PIL's and torchvision's default, which antialias, give other features. For a student with
    a processor of its own (DINOv2, SigLIP ...) use that one.

    Takes PIL images of any mode (transparency is put on white), uint8 arrays or tensors, (H, W, C) or (C, H, W): one,
    a list of any sizes, or a batch. Gives `pixel_values`, (B, 3, 224, 224) float32 in [0, 1], on the `device` that the
    call names; without one, tensors stay where they are. Off the CPU, images of one size are resized as a batch.

    Raises:
        ValueError: pixels that are not uint8, or none at all, images on several devices, or an argument that would
            change the input (cropping, normalisation, another interpolation, factor or order of channels).
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
        if kwargs["do_rescale"] and not np.isclose(kwargs["rescale_factor"], 1 / 255):
            raise ValueError(f"AligNetImageProcessor divides by 255, got rescale_factor={kwargs['rescale_factor']}")
        if kwargs.get("data_format") not in (None, ChannelDimension.FIRST):
            raise ValueError(f"AligNetImageProcessor gives channels first, got data_format={kwargs['data_format']!r}")
        if kwargs["do_resize"] and not (kwargs["size"].height and kwargs["size"].width):
            raise ValueError(f"AligNetImageProcessor needs a size with height and width, got {dict(kwargs['size'])}")

    def process_image(self, image, do_convert_rgb=None, input_data_format=None, device=None, **kwargs) -> Tensor:
        """One image of any kind -> (C, H, W) uint8, on the device."""
        kind = get_image_type(image)
        if kind == ImageType.PIL:
            is_plain = image.mode == "RGB" and "transparency" not in image.info
            image = convert_to_rgb(image, return_numpy=True) if do_convert_rgb and not is_plain else np.array(image)
            input_data_format = ChannelDimension.LAST
        elif kind not in (ImageType.NUMPY, ImageType.TORCH):
            raise ValueError(f"AligNetImageProcessor takes PIL images, arrays and tensors, got {type(image).__name__}")
        if 0 in image.shape:
            raise ValueError(f"AligNetImageProcessor: an image of shape {tuple(image.shape)} has no pixels")
        if image.dtype not in (np.uint8, torch.uint8):
            raise ValueError(f"AligNetImageProcessor takes uint8 pixels of 0 to 255, got {image.dtype}")
        if isinstance(image, np.ndarray):
            image = torch.from_numpy(np.require(image, requirements=["C", "W"]))  # torch takes no read-only array
        if device is not None:
            image = image.to(device)
        if image.ndim == 2:
            image, input_data_format = image[None], ChannelDimension.FIRST
        if input_data_format is None:
            input_data_format = infer_channel_dimension_format(image, num_channels=(1, 3, 4))
        if input_data_format == ChannelDimension.LAST:
            image = image.movedim(-1, 0)
        return _rgb(image) if do_convert_rgb else image

    def _preprocess(
        self, images: list[Tensor], do_resize, size, do_rescale, rescale_factor, return_tensors, **kwargs
    ) -> BatchFeature:
        if len(devices := sorted({str(image.device) for image in images})) > 1:
            raise ValueError(f"AligNetImageProcessor: images are on {' and '.join(devices)}; name one by `device`")
        if do_resize:
            images = self._resized(images, size)
        is_one_size = len({image.shape for image in images}) == 1
        pixels = [torch.stack(images)] if is_one_size else images
        if do_rescale:
            pixels = [some.to(torch.float32).mul_(rescale_factor) for some in pixels]
        if is_one_size:
            pixels = pixels[0] if return_tensors else list(pixels[0])
        return BatchFeature(data={"pixel_values": pixels}, tensor_type=return_tensors)

    def _resized(self, images: list[Tensor], size) -> list[Tensor]:
        """Each of the images resized; off the CPU those of one shape together."""
        places_of = {}
        for place, image in enumerate(images):
            places_of.setdefault(image.shape, []).append(place)
        resized = list(images)
        for (_, height, width), places in places_of.items():
            on_cpu = images[places[0]].device.type == "cpu"  # whose cache holds one image, not many
            n_at_once = 1 if on_cpu else max(1, _PIXELS_AT_ONCE // (height * width))
            for start in range(0, len(places), n_at_once):
                batch = places[start : start + n_at_once]
                same = [images[place] for place in batch]
                pixels = self.resize(torch.stack(same) if len(same) > 1 else same[0][None], size)
                for place, image in zip(batch, pixels, strict=True):
                    resized[place] = image
        return resized

    def resize(self, image: Tensor, size, **kwargs) -> Tensor:
        """(B, C, H, W) uint8 -> (B, C, height, width) uint8."""
        if image.device.type == "cpu":
            pixels = torch.stack([_resized_on_cpu(one, size.height, size.width) for one in image])
        else:
            pixels = _resized_on_device(image, size.height, size.width)
        return pixels.round_().clamp_(0, 255).to(torch.uint8)


def _rgb(image: Tensor) -> Tensor:
    """(1 | 3 | 4, H, W) uint8 -> (3, H, W); a fourth channel is opacity, and what is behind is white."""
    if image.shape[0] == 1:
        return image.expand(3, -1, -1)
    if image.shape[0] == 4:
        colours, opacity = image[:3].int(), image[3:].int()
        return ((opacity * colours + (255 - opacity) * 255 + 127) // 255).to(torch.uint8)
    return image


def _resized_on_device(images: Tensor, height: int, width: int) -> Tensor:
    """(B, C, H, W) uint8 -> (B, C, height, width) float32."""
    return F.interpolate(images.float(), (height, width), mode="bicubic", antialias=False, align_corners=False)


def _resized_on_cpu(image: Tensor, height: int, width: int) -> Tensor:
    """(C, H, W) uint8 -> (C, height, width) float32, one axis after the other: twice as fast as torch's own."""
    pixels = image.permute(1, 2, 0)  # as an image from PIL lies in memory
    weights = []
    for axis, n_resized in enumerate((height, width)):
        needed, weights_of_axis = _cubic_weights(pixels.shape[axis], n_resized)
        weights.append(weights_of_axis)
        if needed is not None:
            pixels = pixels.index_select(axis, needed)
    n_rows, n_columns, n_channels = pixels.shape
    with torch.autocast("cpu", enabled=False):  # bfloat16 would be off by several grey levels
        pixels = torch.sparse.mm(weights[0], pixels.reshape(n_rows, -1).float()).view(height, n_columns, n_channels)
        pixels = torch.sparse.mm(weights[1], pixels.transpose(0, 1).reshape(n_columns, -1))
    return pixels.view(width, height, n_channels).permute(2, 1, 0)


@lru_cache(maxsize=512)
def _cubic_weights(n: int, n_resized: int) -> tuple[Tensor | None, Tensor]:
    """How a line of n pixels is resized: four neighbours weigh in, whatever the scale; the border is repeated.

    Returns:
        Where at most half of the pixels have a weight: which, (k,); else None, and k is n.
        Their weights, sparse (n_resized, k) float32.
    """
    centres = (np.arange(n_resized) + 0.5) * (n / n_resized) - 0.5
    first = np.floor(centres).astype(np.int64) - 1
    distances = np.abs(centres[:, None] - (first[:, None] + np.arange(4)))
    near = (_A + 2) * distances**3 - (_A + 3) * distances**2 + 1
    far = _A * (distances**3 - 5 * distances**2 + 8 * distances - 4)
    weights = np.where(distances <= 1, near, far)
    places = np.clip(first[:, None] + np.arange(4), 0, n - 1)
    needed, among_needed = np.unique(places, return_inverse=True)
    is_sparse = 2 * len(needed) <= n
    if is_sparse:
        places = among_needed.reshape(places.shape)
    entries = torch.from_numpy(np.stack([np.repeat(np.arange(n_resized), 4), places.ravel()]))
    values = torch.from_numpy(weights.ravel().astype(np.float32))
    shape = n_resized, len(needed) if is_sparse else n
    matrix = torch.sparse_coo_tensor(entries, values, shape, device="cpu", check_invariants=True).coalesce()
    return torch.from_numpy(needed) if is_sparse else None, matrix
