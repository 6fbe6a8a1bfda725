"""The header of a .npy file, which says what follows it."""

import tokenize
import warnings
from typing import BinaryIO

import numpy as np

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class ObjectsError(ValueError):
    """An array of Python objects, which only pickle could read."""


def read_npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, type; the stream stands at the first value then.

    Raises:
        ObjectsError: the array is one of Python objects.
        ValueError: it is no header.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _READERS:
        raise ValueError(f"an array of format {version}, which is for records")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that Python 2 wrote it
            shape, is_fortran, dtype = _READERS[version](stream)
    except (
        SyntaxError,
        TypeError,
        MemoryError,
        RecursionError,
        tokenize.TokenError,
    ) as error:
        raise ValueError(f"an array's header is damaged ({error})") from error
    if dtype.hasobject:
        raise ObjectsError(
            "an array of Python objects, which would have to be unpickled; save it as numbers or strings"
        )
    return shape, is_fortran, dtype
