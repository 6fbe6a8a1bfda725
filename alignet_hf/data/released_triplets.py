"""The authors' released triplets: NumPy's compressed archives, read in blocks.

An archive holds `indices` and `similarities`, each (n, 3), and often `filenames` (n, 3). A member is a deflated stream
of one .npy file: it is inflated once, as it is read, and no array is ever held whole.
"""

import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import pyarrow as pa

from alignet_hf.data.triplet_rows import ROWS_PER_BLOCK, features_of, triples
from alignet_hf.errors import InputError
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.npy_header import read_npy_header

_BYTES_AT_ONCE = 2**20  # where they are only passed by


class ReleasedTriplets:
    """A released archive.

    Args:
        path: of an .npz file.

    Attributes:
        n_rows: the number of triplets.
        features: of the rows, with `filenames` where the archive has them.

    Raises:
        InputError: naming the file, if it cannot be read, lacks an array, or holds one of another shape or kind.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with self._reading(), ZipFile(self.path) as archive:
            there = archive.namelist()
            arrays = [name for name in ("indices", "similarities", "filenames") if f"{name}.npy" in there]
            for name in ("indices", "similarities"):
                if name not in arrays:
                    known = ", ".join(arrays) or "none that is known"
                    raise InputError(f"{self.path}: no array named {name}; it holds {known}")
            self.members = {name: _Member(archive, name) for name in arrays}
        self.n_rows = self.members["indices"].shape[0] if self.members["indices"].shape else 0
        for name, member in self.members.items():
            if member.shape != (self.n_rows, 3):
                raise InputError(f"{self.path}: {name} has shape {member.shape}; expected ({self.n_rows}, 3)")
            if member.dtype.kind not in {"indices": "iu", "similarities": "f", "filenames": "US"}[name]:
                raise InputError(f"{self.path}: {name} cannot be read: its type is {member.dtype}")
            if member.dtype.kind == "f" and member.dtype.itemsize > 8:
                raise InputError(f"{self.path}: {name} has type {member.dtype}; save it as float64 or float32")
        self.features = features_of(arrays)

    def first_filename(self) -> str | None:
        """That of the first image of the first triplet; None where the archive names no images."""
        if "filenames" not in self.members or not self.n_rows:
            return None
        with self._reading(), ZipFile(self.path) as archive:
            return _values(self.members["filenames"].first(archive)).to_pylist()[0]

    def tables(self, first_row: int = 0, scratch: Path | None = None) -> Iterator[pa.Table]:
        """The rows, in blocks, as they stand in the file; `RowCheck` casts and checks them.

        Args:
            first_row: to begin with.
            scratch: a folder for what an array in Fortran's order takes, inflated, meanwhile; TMPDIR where not given.
        """
        with self._reading(), ZipFile(self.path) as archive, ExitStack() as opened:
            blocks = [member.blocks(archive, first_row, scratch, opened) for member in self.members.values()]
            for arrays in zip(*blocks, strict=True):
                yield pa.table([triples(_values(array)) for array in arrays], names=list(self.members))

    @contextmanager
    def _reading(self):
        try:
            yield
        except (OSError, EOFError, ValueError, BadZipFile, zlib.error) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self.path}: the archive cannot be read: {error}") from error


class _Member:
    """One array of an archive, known by its header."""

    def __init__(self, archive: ZipFile, name: str):
        self.name = name
        with archive.open(f"{name}.npy") as stream:
            self.shape, self.is_fortran, self.dtype = read_npy_header(stream)

    def first(self, archive: ZipFile) -> np.ndarray:
        """Its first value, (1,)."""
        with archive.open(f"{self.name}.npy") as stream:
            read_npy_header(stream)
            return np.frombuffer(_read(stream, self.dtype.itemsize), self.dtype)

    def blocks(self, archive: ZipFile, first_row: int, scratch: Path | None, opened: ExitStack) -> Iterator[np.ndarray]:
        """(up to ROWS_PER_BLOCK, 3) arrays, from a row on."""
        stream = opened.enter_context(archive.open(f"{self.name}.npy"))
        read_npy_header(stream)
        starts = range(first_row, self.shape[0], ROWS_PER_BLOCK)
        sizes = [min(ROWS_PER_BLOCK, self.shape[0] - start) for start in starts]
        if self.is_fortran:
            yield from self._from_columns(stream, zip(starts, sizes, strict=True), scratch, opened)
            return
        _pass_by(stream, 3 * first_row * self.dtype.itemsize)
        for size in sizes:
            yield np.frombuffer(_read(stream, 3 * size * self.dtype.itemsize), self.dtype).reshape(size, 3)
        _pass_to_the_end(stream)  # where its checksum is compared

    def _from_columns(self, stream, rows, scratch: Path | None, opened: ExitStack) -> Iterator[np.ndarray]:
        """In Fortran's order a column follows the other: they are laid down, and read a part of each at a time."""
        columns = opened.enter_context(tempfile.TemporaryFile(dir=scratch))  # noqa: SIM115
        with naming_full_disk(scratch or tempfile.gettempdir()):
            shutil.copyfileobj(stream, columns, _BYTES_AT_ONCE)
        for start, size in rows:
            block = np.empty((size, 3), self.dtype)
            for column in range(3):
                columns.seek((column * self.shape[0] + start) * self.dtype.itemsize)
                block[:, column] = np.frombuffer(_read(columns, size * self.dtype.itemsize), self.dtype)
            yield block


def _read(stream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("an array ends before its last row")
    return data


def _pass_by(stream, size: int) -> None:
    """Read so many bytes, and keep none."""
    while size:
        size -= len(_read(stream, min(size, _BYTES_AT_ONCE)))


def _pass_to_the_end(stream) -> None:
    while stream.read(_BYTES_AT_ONCE):
        pass


def _values(array: np.ndarray) -> pa.Array:
    values = array.reshape(-1)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    strings = pa.array(values)
    return strings.cast(pa.string()) if values.dtype.kind == "S" else strings
