"""Images in Parquet files: nothing is copied; what is asked for is read from its group of rows."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alignet_hf.data.images.hub_datasets import bytes_of, file_names
from alignet_hf.data.images.names import Names
from alignet_hf.data.images.sources import EncodedImages
from alignet_hf.errors import InputError

_BYTES_HELD = 2**20  # of rows decoded at a time: an image, or a group of rows where that is smaller
_LOOKED_AT, _LOOK = 16, 4096  # places of a file, and bytes of each, that its fingerprint is made of beside its footer


class ParquetImages(EncodedImages):
    """The images of Parquet files as `datasets` writes them; `names` are their files', or else the rows' numbers.

    A row is read with the rows around it, 1 MB of them at most, which are kept until another part is asked for. In
    order that is fast. In any order every image costs the reading of its group of rows from the beginning: of groups of
    a hundred photographs of 500 x 375, as on the Hub, 1.3 times what it takes to decode one. Where groups are larger,
    or to train for many epochs, cache the images first (`images.cache` of a recipe, in Python `cache_images`).

    Args:
        paths: of the files, in order.
        column: of images; the first such column where not given.

    Raises:
        InputError: naming the file that is missing or damaged, or has no such column.
    """

    def __init__(self, paths: Sequence[str | Path], column: str | None = None):
        self.paths = [Path(path) for path in paths]
        with _reading(self.paths[0]):
            self.column = _image_column(self.paths[0], pq.read_schema(self.paths[0]), column)
        self.footers, groups, cells = [], [], []
        for number, path in enumerate(self.paths):
            with _reading(path), pq.ParquetFile(path) as file:
                _image_column(path, file.schema_arrow, self.column)
                self.footers.append(file.metadata)
                sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
                groups += [(number, group, size) for group, size in enumerate(sizes)]
                cells += _paths_in(file, self.column)
        self.groups = np.array(groups, np.int64).reshape(-1, 3)  # of each: its file, its number there, its rows
        self.ends = self.groups[:, 2].cumsum()
        if not len(self):
            raise InputError(f"{self.paths[0]}: no image in {len(self.paths)} Parquet files")
        names = file_names(pa.chunked_array(cells, pa.string()))
        self.names = Names(names or (f"{self.column}[{row}]" for row in range(len(self))))
        self._close()

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def encoded(self, index: int) -> tuple[bytes, str]:
        index = range(len(self))[index]
        group = int(self.ends.searchsorted(index, "right"))
        row = index - int(self.ends[group] - self.groups[group, 2])  # in its group
        with _reading(self.paths[self.groups[group, 0]]):
            # What a fork inherits is its parent's: an open file has one place for both.
            if (self._process, self._group) != (os.getpid(), group) or row < self._first:
                self._close()
                self._batches, self._process, self._group = self._batches_of(group), os.getpid(), group
            while row >= self._first + self._held.num_rows:
                self._first += self._held.num_rows
                self._held = next(self._batches)
        return bytes_of(self._held.column(0)[row - self._first].as_py(), self.names[index])

    def fingerprint(self) -> str:
        """Of the footers, which tell the sizes of all groups of rows, and of a few places in each file; not of the
        times of change, nor of where the files lie."""
        digest = hashlib.sha256(f"{self.column} {len(self.paths)}".encode())
        for path in self.paths:
            with _reading(path), path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(size - 8)
                footer = int.from_bytes(file.read(4), "little") + 8
                places = np.linspace(0, max(0, size - footer - _LOOK), _LOOKED_AT).astype(int).tolist()
                digest.update(f"{size}".encode())
                for place, length in [(size - footer, footer), *((place, _LOOK) for place in places)]:
                    file.seek(place)
                    digest.update(file.read(length))
        return digest.hexdigest()

    def _batches_of(self, group: int) -> Iterator[pa.RecordBatch]:
        """The rows of a group, a few at a time: no more than that is in memory."""
        number, group, n_rows = self.groups[group].tolist()
        footer = self.footers[number].row_group(group)
        columns = [footer.column(place) for place in range(footer.num_columns)]
        size = sum(one.total_uncompressed_size for one in columns if one.path_in_schema.split(".")[0] == self.column)
        n_at_once = max(1, min(n_rows, n_rows * _BYTES_HELD // max(1, size)))
        # By default pyarrow fetches the whole group ahead, of which half is not needed on average.
        options = {"metadata": self.footers[number], "buffer_size": 2**20, "pre_buffer": False}
        with pq.ParquetFile(self.paths[number], **options) as file:
            yield from file.iter_batches(n_at_once, row_groups=[group], columns=[self.column], use_threads=False)

    def _close(self) -> None:
        self._process, self._group, self._first = None, None, 0
        self._batches, self._held = iter(()), pa.record_batch({"none": []})

    def __getstate__(self):
        kept = {key: value for key, value in self.__dict__.items() if key not in ("_batches", "_held")}
        return {**kept, "_process": None}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._close()


def _image_column(path: Path, schema: pa.Schema, column: str | None) -> str:
    """The column of images that is asked for, or the first."""
    import datasets

    features = datasets.Features.from_arrow_schema(schema)
    found = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
    if column is None and found:
        return found[0]
    if column not in found:
        there = ", ".join(f"{name} ({type(kind).__name__})" for name, kind in features.items())
        what = "no column of images" if column is None else f"column {column!r} is not one of images"
        raise InputError(f"{path}: {what}; the data set has {there}")
    return column


def _paths_in(file: pq.ParquetFile, column: str) -> list[pa.Array]:
    """The `path` of every cell; the bytes beside it are passed over."""
    read = file.read(columns=[f"{column}.path"], use_threads=False)
    if read.num_columns == 0:
        return [pa.nulls(file.metadata.num_rows, pa.string())]
    return [chunk.field("path").cast(pa.string()) for chunk in read.column(column).chunks]


@contextmanager
def _reading(path: Path):
    try:
        yield
    except InputError:
        raise
    except (OSError, StopIteration, pa.ArrowException) as error:
        raise InputError(f"{path}: not a Parquet file, or damaged: {str(error).splitlines()[0]}") from error
