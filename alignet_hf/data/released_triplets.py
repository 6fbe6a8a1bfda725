"""The authors' released triplets: NumPy's compressed archives, read in blocks.

An archive holds `indices` and `similarities`, each (n, 3), and often `filenames` (n, 3). A member is a deflated stream
of one .npy file: it is inflated as it is read, and no array is ever held whole.
"""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import pyarrow as pa

from alignet_hf.data.triplet_rows import ROWS_PER_BLOCK, features_of, triples
from alignet_hf.errors import InputError
from alignet_hf.npy_header import read_npy_header

_SKIPPED_AT_ONCE = 2**20  # bytes


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
        self.features = features_of(arrays)

    def tables(self) -> Iterator[pa.Table]:
        """The rows, in blocks, as they stand in the file; `checked` casts and checks them."""
        with self._reading(), ZipFile(self.path) as archive, ExitStack() as opened:
            blocks = [member.blocks(archive, self.n_rows, opened) for member in self.members.values()]
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

    def blocks(self, archive: ZipFile, n_rows: int, opened: ExitStack) -> Iterator[np.ndarray]:
        """(up to ROWS_PER_BLOCK, 3) arrays. In Fortran's order a column follows the other: each is read by itself."""
        n_streams = 3 if self.is_fortran else 1
        streams = [opened.enter_context(archive.open(f"{self.name}.npy")) for _ in range(n_streams)]
        for column, stream in enumerate(streams):
            read_npy_header(stream)
            to_skip = column * n_rows * self.dtype.itemsize
            while to_skip:
                to_skip -= len(_read(stream, min(to_skip, _SKIPPED_AT_ONCE)))
        for start in range(0, n_rows, ROWS_PER_BLOCK):
            shape = min(ROWS_PER_BLOCK, n_rows - start), 3 // n_streams
            size = shape[0] * shape[1] * self.dtype.itemsize
            parts = [np.frombuffer(_read(stream, size), self.dtype).reshape(shape) for stream in streams]
            yield np.concatenate(parts, axis=1) if self.is_fortran else parts[0]
        for stream in streams:
            stream.read()  # to the end of the stream, where its checksum is compared


def _read(stream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("an array ends before its last row")
    return data


def _values(array: np.ndarray) -> pa.Array:
    values = array.reshape(-1)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    strings = pa.array(values)
    return strings.cast(pa.string()) if values.dtype.kind == "S" else strings
