"""The image processor of a converted model: the authors' for what they released, its family's own for other encoders.

Sources: https://github.com/google-research/big_vision (pp/ops_image.py: `resize(S)|value_range(-1, 1)`), and the
evaluations of https://github.com/facebookresearch/dinov2 and https://github.com/openai/CLIP.
"""

from PIL import Image
from transformers import BitImageProcessorPil, SiglipImageProcessorPil
from transformers.image_processing_utils import BaseImageProcessor
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from alignet_hf.convert.reading import Reading
from alignet_hf.image_processing_alignet import AligNetImageProcessor


def processor_of(found: Reading, image_size: int) -> BaseImageProcessor:
    """The processor that gives what the encoder was trained on.

    Args:
        found: what the variables mean.
        image_size: of the model, in pixels.

    Returns:
        AligNetImageProcessor, [0, 1], for the authors' SavedModels and for files with their heads. For big_vision's own
        files the whole image in [-1, 1]; for ports of DINO and CLIP the middle of the image, normalised as theirs.
    """
    square = {"height": image_size, "width": image_size}
    if found.is_released:
        return AligNetImageProcessor(size=square)
    if found.name == "clip":
        return _cropped(image_size, image_size, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD)
    if found.name in ("dinov1", "dinov2"):
        return _cropped(image_size, round(image_size * 256 / 224), IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    return SiglipImageProcessorPil(size=square, resample=Image.Resampling.BILINEAR)


def _cropped(image_size: int, shortest_edge: int, mean: list[float], std: list[float]) -> BitImageProcessorPil:
    return BitImageProcessorPil(
        size={"shortest_edge": shortest_edge},
        crop_size={"height": image_size, "width": image_size},
        resample=Image.Resampling.BICUBIC,
        image_mean=list(mean),
        image_std=list(std),
    )
