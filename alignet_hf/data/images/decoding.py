"""From a file's bytes to RGB pixels: exactly, or at the smallest JPEG scale that still covers what is wanted."""

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, UnidentifiedImageError

from alignet_hf.errors import InputError

IMAGE_SUFFIXES = (".bmp", ".gif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Every way in which PIL's decoders say that a file is not an image, or not a whole one: some by what they stumble over.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    AttributeError,
    TypeError,
    AssertionError,
    NotImplementedError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

_UPRIGHT = {  # the EXIF orientations, and what undoes each
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = range(5, 9)  # those in which the file's rows are the picture's columns


class UndecodableImageError(InputError):
    """The bytes are there, but they are not a whole image: one among a million may be left out.

    Args:
        message: what is wrong, and what to do.
        brief: which image it is and why, for a list of many; the message by default.
    """

    def __init__(self, message: str, brief: str | None = None):
        super().__init__(message)
        self.brief = brief or message


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn any PIL image into the RGB one that a viewer would show.

    The EXIF orientation is applied, where the EXIF is whole; transparency lies on white, the ground on which cut-out
    objects are shown to people; 16-bit grey is scaled to 8 bits; grey, palette, CMYK and the rest are converted; an
    animation gives its first frame.
    """
    image.load()
    image = _upright(image, _orientation(image))
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # "I;16" and its kin, and "I", which PIL uses for 16-bit PGM
        values = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(np.round(values / 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise InputError("a floating point image has no defined range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def open_image(source: str | Path | bytes, name: str | None = None) -> Image.Image:
    """Decode a file, or its bytes, to RGB; nothing stays open.

    Raises:
        UndecodableImageError: naming the file (`name`, where `source` is bytes), if it is not a whole image.
        InputError: if there is no such file, or it cannot be read.
    """
    encoded = source if isinstance(source, bytes) else read_file(source)
    with _naming(name or source), Image.open(io.BytesIO(encoded)) as image:
        image.load()
        return to_rgb(image)


def open_covering(encoded: bytes, name: str, needed: Callable[[int, int], tuple[int, int]]) -> np.ndarray:
    """Decode a file's bytes to (H, W, 3) uint8, a JPEG at the smallest scale of libjpeg that covers what is needed.

    The scales are those of 1/2 and below: between 1/2 and 1, libjpeg-turbo has no SIMD code and takes longer than for
    the whole image. At full scale the pixels are those of `open_image`, which also decodes what is not a JPEG, and what
    this way cannot: no image is whole for `open_image` alone.

    Args:
        encoded: the file's bytes.
        name: to call it in errors.
        needed: the image's (height, width) -> the least (height, width) to decode to.

    Raises:
        UndecodableImageError: as `open_image` does.
    """
    with _naming(name), Image.open(io.BytesIO(encoded)) as image:  # reads the header alone
        plain_jpeg = image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L")
        orientation = _orientation(image) if plain_jpeg else 1
        width, height = image.size
    if not plain_jpeg:
        return np.array(open_image(encoded, name))
    if orientation in _TURNED:
        min_width, min_height = needed(width, height)
    else:
        min_height, min_width = needed(height, width)
    try:
        pixels = simplejpeg.decode_jpeg(encoded, "RGB", min_height=min_height, min_width=min_width, min_factor=2)
    except ValueError:  # also for flaws that PIL tolerates: what is a whole image is for `open_image` to say
        return np.array(open_image(encoded, name))
    return pixels if orientation == 1 else np.array(_upright(Image.fromarray(pixels), orientation))


def read_file(path: str | Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: naming it, if it cannot be read: where a disk or a share fails, no image may be left out.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the image cannot be read: {error.strerror}") from error


def _orientation(image: Image.Image) -> int:
    """1 to 8, as EXIF numbers them; 1, upright, where the EXIF says nothing, or is damaged: its pixels are whole."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        return int(orientation) if orientation in _UPRIGHT else 1
    except DECODING_ERRORS:
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """A copy, turned as it is to be seen. PIL's own would also write the EXIF anew, which fails if any of it is bad."""
    if orientation == 1:
        return image.copy()
    upright = image.transpose(_UPRIGHT[orientation])
    # Without the orientation, or another would turn it again.
    upright.info = {key: value for key, value in upright.info.items() if key == "transparency"}
    return upright


@contextmanager
def _naming(name: str | Path):
    try:
        yield
    except DECODING_ERRORS as error:
        unknown = isinstance(error, UnidentifiedImageError)  # PIL's message has an address in memory
        reason = "it is of no known format" if unknown else error
        message = f"{name}: the image cannot be decoded: {reason}; replace or remove it"
        raise UndecodableImageError(message, f"{name}: {reason}") from error
