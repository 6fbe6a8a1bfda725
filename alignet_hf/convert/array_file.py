"""The arrays of an .npy file or an .npz archive that has one value or row an image, memory-mapped."""

import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.npy_header import read_npy_header

NAMES = ("filenames", "names")
INDICES = "indices"
_BYTES_AT_ONCE = 2**20


@dataclass(frozen=True)
class Header:
    """What a .npy file says of its array."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype


class Arrays:
    """The arrays of an .npy file, whose name is "", or an .npz archive, memory-mapped.

    Args:
        path: of the file.
        folder: for those that are deflated, as files without a name.
    """

    def __init__(self, path: Path, folder: Path):
        self.path, self.folder, self.files = path, folder, []
        if path.suffix == ".npz":
            with ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.endswith(".npy")]
                self.headers = {name.removesuffix(".npy"): self._header(archive.open(name)) for name in members}
        else:
            self.headers = {"": self._header(path.open("rb"))}

    @classmethod
    @contextmanager
    def opened(cls, path: Path, folder: Path):
        """The arrays, for a while; whatever is wrong with the file names it."""
        arrays = None
        try:
            arrays = cls(path, folder)
            yield arrays
        except (OSError, EOFError, ValueError, BadZipFile, zlib.error) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: cannot be read as an array of numpy's: {error}") from error
        finally:
            for file in arrays.files if arrays else ():
                file.close()

    def read(self, names: Sequence[str], fits: Callable[[Header], bool], what: str) -> np.ndarray:
        """The first of these names that fits, or the only array that does."""
        name = self._find(names, fits)
        if name is None:
            there = ", ".join(f"{name} {one.dtype} {one.shape}" for name, one in self.headers.items())
            raise InputError(
                f"{self.path}: no {what}, or several and none called {' or '.join(names)}; it holds {there}"
            )
        return self._array(name)

    def names(self, n_rows: int) -> np.ndarray | None:
        """(N,) str, of the rows."""
        found = next((name for name in NAMES if name in self.headers), None)
        if found is None:
            return None
        names = self._array(found)
        if names.dtype.kind not in "US" or names.shape != (n_rows,):
            raise InputError(f"{self.path}: {found}: expected {n_rows} strings, got {names.dtype} {names.shape}")
        return names.astype(str)

    def places(self, n_rows: int) -> np.ndarray | None:
        """(N,) int, where each row belongs; None where it is there."""
        if INDICES not in self.headers or self.headers[INDICES].shape != (n_rows,):
            return None
        places = np.array(self._array(INDICES))
        if places.dtype.kind not in "iu" or not np.array_equal(np.sort(places), np.arange(n_rows)):
            raise InputError(f"{self.path}: indices: expected each of 0 to {n_rows - 1} once")
        return None if np.array_equal(places, np.arange(n_rows)) else places.astype(np.int64)

    def scratch(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """A new array, in a file, of which the disk has the room."""
        file, n_bytes = self._file(), int(np.prod(shape)) * np.dtype(dtype).itemsize
        with naming_full_disk(self.folder):
            if hasattr(os, "posix_fallocate") and n_bytes:
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            else:
                file.truncate(n_bytes)
        return np.memmap(file, dtype, "r+", shape=shape)

    def _find(self, names: Sequence[str], fits: Callable[[Header], bool]) -> str | None:
        fitting = [name for name, header in self.headers.items() if fits(header)]
        if named := [name for name in names if name in fitting]:
            return named[0]
        others = [name for name in fitting if name not in (INDICES, *NAMES)]
        return others[0] if len(others) == 1 else None

    def _array(self, name: str) -> np.ndarray:
        header = self.headers[name]
        order = "F" if header.is_fortran else "C"
        if self.path.suffix != ".npz":
            with self.path.open("rb") as file:
                read_npy_header(file)
                start = file.tell()
            return np.memmap(self.path, header.dtype, "r", start, header.shape, order)
        with ZipFile(self.path) as archive, archive.open(f"{name}.npy") as stream:
            read_npy_header(stream)
            file = self._file()
            with naming_full_disk(self.folder):
                shutil.copyfileobj(stream, file, _BYTES_AT_ONCE)
                file.flush()
        return np.memmap(file, header.dtype, "r", 0, header.shape, order)

    def _file(self):
        self.files.append(tempfile.TemporaryFile(dir=self.folder))  # noqa: SIM115
        return self.files[-1]

    @staticmethod
    def _header(stream) -> Header:
        with stream:
            return Header(*read_npy_header(stream))
