"""What an image source is, and the plain ones: files, a folder, an array."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from alignet_hf.data.images.decoding import (
    DECODING_ERRORS,
    IMAGE_SUFFIXES,
    UndecodableImageError,
    open_covering,
    open_image,
    read_file,
    to_rgb,
)
from alignet_hf.data.images.names import Names
from alignet_hf.data.images.pixels import Geometry
from alignet_hf.errors import InputError
from alignet_hf.mapped import packed, unpacked

Needed = Callable[[int, int], tuple[int, int]]


class ImageSource(Sequence):
    """Base of the sources here: `len`, `[index]` -> RGB PIL image, `names`, and a fingerprint of what they hold."""

    names: Sequence[str]
    hub_ids: Sequence[str] = ()  # data sets of the Hub that the images come from
    geometry: Geometry | None = None  # what all images have been brought to already, where they have
    resized_by: str | None = None  # whose resizing that was, see pixels.resizer

    def fingerprint(self) -> str:
        """Changes when the images do."""
        raise NotImplementedError

    def covering(self, index: int, needed: Needed) -> np.ndarray:
        """An image as (H, W, 3) uint8, at full size or decoded smaller, but not below what is needed.

        Args:
            needed: the image's (height, width) -> the least (height, width) to decode to.
        """
        return np.array(self[index])

    def row_of(self, name: str) -> int:
        """The row of an image by its name, as alignet_hf.data.names finds it."""
        return int(self.rows_of([name])[0])

    def rows_of(self, names: Sequence[str]) -> np.ndarray:
        """The rows of images by their names, all looked up in one pass over the source: (len(names),) int.

        Raises:
            InputError: names that are not there, or that fit several images.
        """
        from alignet_hf.data.names import require_names  # which imports this module

        return require_names(names, self.names, "names")


class EncodedImages(ImageSource):
    """Base of sources whose images are encoded files: a subclass gives `encoded`."""

    def encoded(self, index: int) -> tuple[bytes, str]:
        """The file's bytes, and what to call it in errors."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> Image.Image:
        return open_image(*self.encoded(index))

    def covering(self, index: int, needed: Needed) -> np.ndarray:
        return open_covering(*self.encoded(index), needed)


class ImageList(EncodedImages):
    """Image files.

    Args:
        paths: the files.
        names: what to call them; the paths where not given.
        folder: that the paths are relative to.
    """

    def __init__(
        self, paths: Sequence[str | Path], names: Sequence[str] | None = None, folder: str | Path | None = None
    ):
        self.folder = Path(folder or "")
        self.files = Names(paths)
        self.names = self.files if names is None else Names(names)
        if len(self.names) != len(self.files):
            raise InputError(f"names: {len(self.names)} names for {len(self.files)} images; give one a file")

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> Path:
        return self.folder / self.files[index]

    def encoded(self, index: int) -> tuple[bytes, str]:
        path = self.path(index)
        return read_file(path), str(path)

    def fingerprint(self) -> str:
        """Of the names, sizes and times of change: reading every file would take as long as embedding them."""
        digest = hashlib.sha256()
        for row, name in enumerate(self.names):
            path = self.path(row)
            try:
                status = path.stat()
            except OSError as error:
                raise InputError(f"{path}: the image cannot be read: {error.strerror}") from error
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


class ImageFolder(ImageList):
    """Every image file under a folder, at any depth, in the order of the relative paths, which are the names.

    Raises:
        InputError: if there is no such folder, or no image in it.
    """

    def __init__(self, folder: str | Path):
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
        names = sorted(path.relative_to(folder).as_posix() for path in files_below(folder, IMAGE_SUFFIXES))
        if not names:
            raise InputError(f"{folder}: no image in this folder or below it; looked for {' '.join(IMAGE_SUFFIXES)}")
        super().__init__(names, folder=folder)


class ArrayImages(ImageSource):
    """Images in one (N, H, W, 3) uint8 array, RGB; it may be memory-mapped."""

    def __init__(self, array: np.ndarray, names: Sequence[str] | None = None, *, name: str = "images"):
        if array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8:
            raise InputError(f"{name}: expected uint8 images of shape (N, H, W, 3), got {array.dtype} {array.shape}")
        if not len(array):
            raise InputError(f"{name}: the array holds no image")
        if names is not None and len(names) != len(array):
            raise InputError(f"names: {len(names)} names for {len(array)} images; give one an image")
        self.array = array
        self.names = Names(f"{name}[{row}]" for row in range(len(array))) if names is None else Names(names)

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> Image.Image:
        return Image.fromarray(np.asarray(self.array[index]))

    def covering(self, index: int, needed: Needed) -> np.ndarray:
        return np.array(self.array[index])

    def __getstate__(self):
        return {**self.__dict__, "array": packed(self.array)}

    def __setstate__(self, state):
        self.__dict__.update({**state, "array": unpacked(state["array"])})

    def fingerprint(self) -> str:
        digest = hashlib.sha256(repr((self.array.shape, list(self.names))).encode("utf-8", "surrogateescape"))
        for image in self.array:
            digest.update(np.ascontiguousarray(image))
        return digest.hexdigest()


def open_row(images, index: int) -> Image.Image:
    """The RGB image of any source's row.

    Raises:
        UndecodableImageError: naming it, if it is not a whole image.
        InputError: if it is no PIL image at all.
    """
    if isinstance(images, ImageSource):  # RGB, and its errors name the file
        return images[index]
    try:
        image = images[index]
        if isinstance(image, Image.Image):
            return to_rgb(image)
    except Exception as error:
        kind = UndecodableImageError if isinstance(error, DECODING_ERRORS) else InputError
        raise kind(f"image {index} cannot be read: {error}; replace it, or drop its rows") from error
    raise InputError(f"image {index} is of type {type(image).__name__}; give PIL images, or open files by load_images")


def covering(images, index: int, needed: Needed) -> np.ndarray:
    """ImageSource.covering for any image source."""
    return images.covering(index, needed) if isinstance(images, ImageSource) else np.array(open_row(images, index))


def image_names(images) -> Sequence[str]:
    """The names of any image source, or of Names themselves; `image 0`, `image 1`, ... where it has none."""
    if isinstance(images, Names):
        return images
    return getattr(images, "names", None) or [f"image {row}" for row in range(len(images))]


def images_fingerprint(images) -> str:
    """Changes when the images do; for a source not of this package it looks at 16 of them, evenly spread."""
    if isinstance(images, ImageSource):
        return images.fingerprint()
    digest = hashlib.sha256(str(len(images)).encode())
    for row in np.unique(np.linspace(0, len(images) - 1, 16).astype(int)):
        digest.update(np.ascontiguousarray(to_rgb(images[int(row)])))
    return digest.hexdigest()


def files_below(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    """Every file under a folder that ends so, hidden ones left out."""
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if name.lower().endswith(tuple(suffixes)) and not name.startswith("."):
                yield Path(parent, name)
