"""A binary file for reading: memory-mapped, every part checked to lie in it, every fault one line that names it."""

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import Path

import numpy as np

from alignet_hf.errors import InputError

# What the readers of binary files here, and the libraries that they use, raise of content that is not as it should be.
_DAMAGE = (ValueError, EOFError, zlib.error, BadGzipFile, tarfile.TarError, zipfile.BadZipFile)

_MOST_CHARACTERS = 300
MOST_BYTES = 8 * 2**30  # that an archive may inflate to: many times what the largest released model takes


class UnsupportedError(ValueError):
    """Content that is whole but is not read; the message says what to do."""


class MappedFile:
    """A file's bytes. They are read from the disk when they are used, so that a file may be larger than the memory.

    Args:
        path: of a regular file.

    Attributes:
        size: in bytes.

    Raises:
        InputError: it is not there, no file, empty, or cannot be opened.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            found = os.stat(self.path)
            if not stat.S_ISREG(found.st_mode):  # a pipe would wait for its writer
                raise InputError(f"{self.path}: not a file; name a file")
            if not found.st_size:
                raise InputError(f"{self.path}: the file is empty; get it anew")
            self._bytes = np.memmap(self.path, np.uint8, "r")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be opened ({error.strerror})") from error
        self.size = len(self._bytes)

    def part(self, offset: int, size: int, what: str) -> np.ndarray:
        """The `size` bytes from `offset` -> (size,) uint8, read-only, not yet read.

        Args:
            what: lies there, for the message.

        Raises:
            ValueError: a part of it would lie outside of the file.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ValueError(f"{what} should be {size} bytes from {offset} on, but the file has {self.size}")
        return self._bytes[offset : offset + size]


@contextmanager
def reading(path: str | Path, kind: str) -> Iterator[None]:
    """Turn what is wrong with a file's content, a ValueError or a library's own, into an InputError that names it.

    Args:
        kind: what the file should be, "a tensor bundle" say.
    """
    try:
        yield
    except InputError:
        raise
    except UnsupportedError as error:
        raise InputError(f"{path}: {error}") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:_MOST_CHARACTERS]  # libraries repeat what they read
        raise InputError(f"{path}: {reason}; it is damaged, or not {kind}: get it anew") from error


def refuse_overlaps(parts: Iterable[tuple[int, int, str]]) -> None:
    """Check that no two parts of a file share a byte, which would let a small file pass for a large one.

    Args:
        parts: (offset, size, name) each.

    Raises:
        ValueError: naming two that do.
    """
    before, end = None, 0
    for offset, size, name in sorted(parts):
        if before is not None and offset < end:
            raise ValueError(f"{before} and {name} share bytes")
        before, end = name, offset + size
