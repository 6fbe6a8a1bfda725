"""Images of the `datasets` library: a column of a data set on disk or on the Hub, whole or as a stream."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow as pa

from alignet_hf.data.images.decoding import UndecodableImageError, read_file
from alignet_hf.data.images.names import Names
from alignet_hf.data.images.sources import EncodedImages
from alignet_hf.errors import InputError

_IMAGENET_ON_HUB = re.compile(r"^(n\d{8}_\d+)_n\d{8}\.JPEG$")  # where a class follows the name
_LOOKED_AT = 8  # images that tell one part of a stream from another


class DatasetImages(EncodedImages):
    """The images of a `datasets.Dataset`'s column of type Image; `names` are their files', or else the rows' numbers.

    Args:
        dataset: with a column of images.
        column: its name.
        hub_id: of the data set, where it comes from the Hub.

    Raises:
        InputError: if there is no such column, it holds no images, or the data set is a stream.
    """

    def __init__(self, dataset, column: str = "image", hub_id: str | None = None):
        import datasets

        if isinstance(dataset, datasets.IterableDataset):
            raise InputError(
                "a streamed data set does not answer an index; load it without streaming, "
                "or go through it once, in order, as StreamedImages(dataset, length)"
            )
        check_column(dataset.features, column)
        if not len(dataset):
            raise InputError("the data set holds no image")
        # Bytes are decoded here, so that every source treats orientation and transparency alike.
        self.rows = dataset.select_columns(column).cast_column(column, datasets.Image(decode=False))
        self.column = column
        self.hub_ids = () if hub_id is None else (hub_id,)
        self.names = Names(file_names(_paths(self.rows, column)) or (f"{column}[{row}]" for row in range(len(dataset))))

    def __len__(self) -> int:
        return len(self.names)

    def encoded(self, index: int) -> tuple[bytes, str]:
        return bytes_of(self.rows[index][self.column], self.names[index])

    def fingerprint(self) -> str:
        return self.rows._fingerprint  # the name under which datasets itself caches


class StreamedImages(EncodedImages):
    """A streamed `datasets.IterableDataset`, for work that goes through it in order: embedding, caching.

    Rows must be asked for in rising order; row 0 starts another pass. Every worker process streams all of it, and
    decodes its own rows alone.

    Args:
        dataset: opened with streaming=True.
        length: how many images it has; a stream does not say.
        column: of images.
        hub_id: of the data set, where it comes from the Hub.

    Raises:
        InputError: a column that is not one of images; when asked, a row out of order, or past the stream's end.
    """

    def __init__(self, dataset, length: int, column: str = "image", hub_id: str | None = None):
        import datasets

        dataset = dataset if dataset.features is not None else dataset._resolve_features()
        check_column(dataset.features, column)
        rows = dataset.with_format(None).select_columns(column)
        self.rows = rows.cast_column(column, datasets.Image(decode=False))
        self.column, self.length = column, length
        self.hub_ids = () if hub_id is None else (hub_id,)
        self.names: Sequence[str] = Names(f"{column}[{row}]" for row in range(length))
        self._stream, self._next, self._process = None, 0, None

    def __len__(self) -> int:
        return self.length

    def encoded(self, index: int) -> tuple[bytes, str]:
        index = range(self.length)[index]
        if (
            index == 0 or self._process != os.getpid()
        ):  # forked: its parent's files, and places in them, are not its own
            self._stream, self._next, self._process = self._batches(), 0, os.getpid()
        if index < self._next:
            raise InputError(
                f"row {index} of a stream was asked for after row {self._next - 1}: streams go in order; "
                "cache the images first (cache_images), or load them without streaming"
            )
        for _ in range(self._next, index + 1):
            batch = next(self._stream, None)
            if batch is None:
                raise InputError(f"the stream ended after {self._next} images, not {self.length}; correct its length")
            self._next += 1
        return bytes_of(batch[self.column][0], self.names[index])

    def fingerprint(self) -> str:
        """Of the length, the data set's name, version and split, and its first images: `take`, `skip` and `shuffle`
        leave the rest alike, and to see more the stream would have to be read."""
        info = self.rows.info
        known = f"{info.dataset_name} {info.config_name} {info.version} {self.rows.split} {self.column} {self.length}"
        digest = hashlib.sha256(known.encode())
        for batch in islice(self._batches(), min(self.length, _LOOKED_AT)):
            try:
                image, _ = bytes_of(batch[self.column][0], self.column)
            except UndecodableImageError:  # a row without one
                image = b""
            digest.update(hashlib.sha256(image).digest())
        return digest.hexdigest()

    def _batches(self) -> Iterator[dict]:
        """One row at a time from the first on, in batches of one: `datasets` takes a loop over rows in a worker of a
        DataLoader for one over the worker's share of the files, and a loop over batches for what it is."""
        return self.rows.iter(1)

    def __getstate__(self):
        return {**self.__dict__, "_stream": None, "_next": 0, "_process": None}  # an open stream cannot be sent


def file_names(paths: pa.ChunkedArray) -> list[str] | None:
    """The names of the images' files, ImageNet's as its archives have them; None if one has none or two are alike."""
    if paths.null_count:
        return None
    names = [_IMAGENET_ON_HUB.sub(r"\1.JPEG", path) for path in paths.to_pylist()]
    return names if len(set(names)) == len(names) and all(names) else None


def _paths(rows, column: str) -> pa.ChunkedArray:
    """Those of the files of a data set's images, in the order of its rows."""
    paths = pa.chunked_array([chunk.field("path") for chunk in rows.data.column(column).chunks], pa.string())
    if rows._indices is not None:  # which rows a selection has, and in which order
        paths = paths.take(rows._indices.column(0))
    return paths


def check_column(features, column: str) -> None:
    """Raise InputError unless the column is one of images."""
    import datasets

    if not isinstance(features.get(column), datasets.Image):
        kinds = ", ".join(f"{name} ({type(kind).__name__})" for name, kind in features.items())
        raise InputError(f"column {column!r} is not one of images; the data set has {kinds}")


def bytes_of(cell: dict | None, name: str) -> tuple[bytes, str]:
    """What EncodedImages.encoded gives, of a cell as `datasets` keeps images."""
    if cell is None:
        raise UndecodableImageError(f"{name}: the row holds no image; remove the row")
    if cell["bytes"] is None:
        return read_file(cell["path"]), cell["path"]
    return cell["bytes"], f"{name} ({cell['path']})" if cell["path"] else name
