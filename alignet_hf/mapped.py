"""Memory-mapped arrays, which go to another process as their place on disk and not as all that is there."""

from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
    """Where an array lies in a file: `offset` in bytes, rows one after the other."""

    path: str
    dtype: np.dtype
    offset: int
    shape: tuple[int, ...]


def packed(array: np.ndarray) -> np.ndarray | Place:
    """What to pickle of an array: the place of one that is mapped from a file for reading; any other as it is."""
    mapped = _mapped(array)
    if mapped is None or mapped.mode != "r" or not array.flags.c_contiguous:
        return array
    start = array.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
    return Place(str(mapped.filename), array.dtype, mapped.offset + start, array.shape)


def unpacked(found: np.ndarray | Place) -> np.ndarray:
    """The inverse of `packed`."""
    if isinstance(found, Place):
        return np.memmap(found.path, found.dtype, "r", found.offset, found.shape)
    return found


def _mapped(array) -> np.memmap | None:
    """The whole mapped array that an array is a part of, or None."""
    whole = None
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array.filename is not None:
            whole = array
        array = array.base
    return whole
