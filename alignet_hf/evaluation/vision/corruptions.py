"""The corruptions of ImageNet-C made on the fly, for any image source.

Hendrycks & Dietterich 2019 (https://arxiv.org/abs/1903.12261): 15 corruptions in 5 severities. They are made by the
package imagecorruptions, which needs no ImageMagick and has ways of its own of motion blur, zoom blur, snow, frost and
elastic transform. Its images are like those of the published ImageNet-C, not the same: errors on them are to be
compared among themselves, and their ratios to AlexNet's are not those of papers.
"""

import hashlib
import importlib.metadata
import io
import threading
from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image

from alignet_hf.data.images.sources import ImageSource, image_names, images_fingerprint, open_row
from alignet_hf.errors import InputError

CORRUPTIONS = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
SEVERITIES = (1, 2, 3, 4, 5)
SHORTER_SIDE, CROP = 256, 224  # as ImageNet-C was made
JPEG_QUALITY = 85

_SEEDED = ("impulse_noise", "glass_blur")  # these take a seed; the others draw from numpy's global generator
_GLOBAL_GENERATOR = threading.Lock()


class CorruptedImages(ImageSource):
    """The centre crops of an image source's images, corrupted as ImageNet-C's are; 224 x 224 pixels.

    The shorter side is resized to 256 pixels, the centre is cropped, corrupted, and put through a JPEG of quality 85.
    What is drawn at random depends on the image's name, the corruption, the severity and the seed alone: an image is
    the same in every order, process and part of the source.

    Args:
        source: any image source; its images as they are, not brought to a size for a processor.
        corruption: one of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: of what is drawn at random.
        jpeg_quality: of the last step; None for none.

    Raises:
        InputError: another corruption or severity, a source that was cached for a processor, or no package
            imagecorruptions.
    """

    def __init__(
        self,
        source: Sequence,
        corruption: str,
        severity: int,
        seed: int = 0,
        *,
        jpeg_quality: int | None = JPEG_QUALITY,
    ):
        if corruption not in CORRUPTIONS:
            raise InputError(f"corruption is {corruption!r}; it must be one of {', '.join(CORRUPTIONS)}")
        if severity not in SEVERITIES:
            raise InputError(f"severity is {severity}; it must be one of 1 to 5")
        if getattr(source, "geometry", None) is not None:
            raise InputError(
                "the images were cached for a processor, already resized and cropped; corrupt the images themselves"
            )
        _library()
        self.source, self.corruption, self.severity, self.seed = source, corruption, severity, seed
        self.jpeg_quality = jpeg_quality
        self.names = image_names(source)
        self.hub_ids = source.hub_ids if isinstance(source, ImageSource) else ()

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Image.Image:
        index = range(len(self))[index]
        pixels = np.asarray(centre_crop(open_row(self.source, index)))
        image = Image.fromarray(corrupt(pixels, self.corruption, self.severity, self._seed_of(self.names[index])))
        return image if self.jpeg_quality is None else _as_jpeg(image, self.jpeg_quality)

    def fingerprint(self) -> str:
        made = (self.corruption, self.severity, self.seed, self.jpeg_quality, _version())
        return hashlib.sha256(f"{images_fingerprint(self.source)}\0{made}".encode()).hexdigest()

    def _seed_of(self, name: str) -> int:
        what = f"{name}\0{self.corruption}\0{self.severity}\0{self.seed}"
        return int.from_bytes(hashlib.sha256(what.encode("utf-8", "surrogateescape")).digest()[:4])


def corrupt(pixels: np.ndarray, corruption: str, severity: int, seed: int) -> np.ndarray:
    """One image, corrupted.

    Most corruptions draw from numpy's global generator. It is seeded for the call and then put back as it was; one
    thread at a time does so. Another thread's own draws from the global generator in this time would disturb both.

    Args:
        pixels: (H, W, 3) uint8.
        corruption: one of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: of what is drawn at random; 0 to 2**32 - 1.

    Returns:
        (H, W, 3) uint8.
    """
    options = {"severity": severity, "corruption_name": corruption}
    if corruption in _SEEDED:
        return _library().corrupt(pixels, **options, seed=seed)
    with _seeded(seed):
        return _library().corrupt(pixels, **options)


def centre_crop(image: Image.Image) -> Image.Image:
    """The centre of an image, 224 x 224, after its shorter side is resized to 256 pixels, as torchvision does both."""
    width, height = image.size
    longer = int(SHORTER_SIDE * max(width, height) / min(width, height))
    size = (SHORTER_SIDE, longer) if width <= height else (longer, SHORTER_SIDE)
    left, top = (round((side - CROP) / 2) for side in size)
    return image.resize(size, Image.Resampling.BILINEAR).crop((left, top, left + CROP, top + CROP))


@contextmanager
def _seeded(seed: int):
    with _GLOBAL_GENERATOR:
        before = np.random.get_state()  # noqa: NPY002
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return Image.open(buffer).convert("RGB")


def _library():
    try:
        import imagecorruptions
    except ImportError as error:
        raise InputError(
            f"corruptions are made by the package imagecorruptions, which cannot be imported ({error}): "
            'pip install "alignet-hf[corruptions]"'
        ) from error
    return imagecorruptions


def _version() -> str:
    for distribution in ("imagecorruptions-imaug", "imagecorruptions"):
        try:
            return f"{distribution} {importlib.metadata.version(distribution)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
