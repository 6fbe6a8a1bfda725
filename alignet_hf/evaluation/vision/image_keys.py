"""What tells one image from another, without decoding it: so that an image which two sources name is embedded once."""

import hashlib
import os
from collections.abc import Sequence

import numpy as np

from alignet_hf.data.images import ConcatImages, ImageList, SomeImages, images_fingerprint
from alignet_hf.errors import InputError

KEY = "S32"  # hexadecimal digits of a digest of 128 bits


def image_keys(images: Sequence) -> np.ndarray:
    """A key for every image of a source -> (N,) S32; the same image has the same key in whatever source.

    An image file is known by where it lies, its size and its time of change, whichever list or folder names it; an
    image of anything else by the source's fingerprint and its row. A part of a source has the keys of those rows.

    Raises:
        InputError: a file that is not there.
    """
    if isinstance(images, SomeImages):
        rows = np.asarray(images.rows, np.int64)
        if isinstance(images.source, ImageList):  # without a look at the files that are not asked for
            return _keys_of_files(images.source, rows)
        return image_keys(images.source)[rows]
    if isinstance(images, ConcatImages):
        return np.concatenate([image_keys(source) for source in images.sources])
    if isinstance(images, ImageList):
        return _keys_of_files(images, np.arange(len(images)))
    whole = images_fingerprint(images)
    return np.array([_digest(f"{whole}\0{row}") for row in range(len(images))], KEY)


def _keys_of_files(images: ImageList, rows: np.ndarray) -> np.ndarray:
    folders: dict[str, str] = {}  # real paths of folders: of every file they would take as long as opening it
    keys = []
    for row in rows.tolist():
        path = images.path(row)
        parent = str(path.parent)
        if parent not in folders:
            folders[parent] = os.path.realpath(parent)
        try:
            status = path.stat()
        except OSError as error:
            raise InputError(f"{path}: the image cannot be read: {error.strerror}") from error
        keys.append(_digest(f"{folders[parent]}/{path.name}\0{status.st_size}\0{status.st_mtime_ns}"))
    return np.array(keys, KEY)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
