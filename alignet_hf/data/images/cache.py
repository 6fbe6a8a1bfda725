"""Resized images in one memory-mapped file: decoded once, then read as fast as memory is.

A cache is a folder: `images.npy`, (N, height, width, 3) uint8, which numpy opens too; `names.json`; and, written last,
`cache.json`, which says what the cache is made of. Without it there is no cache, only the work on one.
"""

import hashlib
import io
import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm
from transformers import BitImageProcessorPil

from alignet_hf.data.images.decoding import UndecodableImageError
from alignet_hf.data.images.pixels import Geometry, resizer, uint8_pixels
from alignet_hf.data.images.sources import (
    ArrayImages,
    ImageSource,
    Needed,
    covering,
    image_names,
    images_fingerprint,
    open_row,
)
from alignet_hf.data.images.undecodable import OnBad, check_on_bad, read_in_workers, stopping_message
from alignet_hf.distill.processes import by_the_first
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing
from alignet_hf.output_folder import alone_in

RECORD, PIXELS, NAMES = "cache.json", "images.npy", "names.json"
_PARTIAL, _PROGRESS = "images.partial", "caching.json"
_SECONDS_BETWEEN_MARKS = 2.0  # of work that a killed process loses at most


class CachedImages(ArrayImages):
    """What `cache_images` wrote. All processes share its pages in memory; the images' files are not needed.

    Args:
        folder: of the cache.

    Attributes:
        geometry: that of the processor which the images were brought to size for.
        resized_by: the class whose resizing that was: "Geometry" where `fast`, else the processor's, see
            `pixels.resizer`.
        fast: see cache_images.
        undecodable: rows that hold no image, as theirs could not be decoded, and why; to ask for one is an
            UndecodableImageError.

    Raises:
        InputError: if there is no finished cache in the folder, or it is damaged.
    """

    def __init__(self, folder: str | Path):
        folder = Path(folder)
        if not (folder / RECORD).is_file():
            raise InputError(f"{folder}: no finished cache of images (no {RECORD}); make one with cache_images")
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
            array = np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
            super().__init__(array, names, name=str(folder / PIXELS))
            _check_size(folder / PIXELS, array)
            self.geometry = _geometry(record["geometry"])
            self.resized_by, self.fast = record["resized_by"], record["fast"]
            self.undecodable = {int(row): reason for row, reason in record["undecodable"].items()}
            self.hub_ids = record["hub_ids"]
            self.record = record
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder}: the cache is damaged ({error}); delete the folder and make it anew") from error

    def __getitem__(self, index: int) -> Image.Image:
        self._check(index)
        return super().__getitem__(index)

    def covering(self, index: int, needed: Needed) -> np.ndarray:
        self._check(index)
        return super().covering(index, needed)

    def _check(self, index: int) -> None:
        reason = self.undecodable.get(range(len(self))[index])
        if reason is not None:
            raise UndecodableImageError(reason)

    def fingerprint(self) -> str:
        """Of what the cache is made of: reading all of it would take as long as training on it."""
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()


def cache_images(
    source,
    folder: str | Path,
    size: int = 256,
    *,
    processor=None,
    fast: bool = False,
    num_workers: int = 0,
    on_bad: OnBad = "raise",
    progress: bool = True,
) -> CachedImages:
    """Bring every image to one size and keep them in one file, or open what an earlier call has kept.

    Stopped anywhere and called again, the work goes on and ends with the same bytes. Of the processes of `accelerate
    launch` the first does the work and the others wait for it; each must call this.

    Args:
        source: an image source.
        folder: of the cache.
        size: pixels of the squares that are kept: the shorter side is resized to it, the centre kept.
        processor: a transformers image processor in place of `size`: images are kept as it makes them before it
            rescales and normalises. With the same processor a collator then gives what it gives on `source`.
        fast: decode and resize as Geometry does, faster, in place of the processor's own way; for collators whose
            `pixels` are "fast".
        num_workers: processes that decode and resize.
        on_bad: "skip" keeps an empty row for an image that cannot be decoded (see CachedImages.undecodable).
        progress: show a progress bar, on a terminal.

    Raises:
        InputError: an image that cannot be decoded, named; a cache of other images, size or way in the folder; another
            process at work there; too little space; a processor that does not give images of one size.
    """
    check_on_bad(on_bad)
    by_the_first(lambda: _cache(source, Path(folder), size, processor, fast, num_workers, on_bad, progress))
    return CachedImages(folder)


def _cache(source, folder: Path, size: int, processor, fast: bool, num_workers: int, on_bad: OnBad, progress: bool):
    """Do what is missing of a cache, in one process."""
    if processor is None:
        processor = BitImageProcessorPil(
            size={"shortest_edge": size},
            crop_size={"height": size, "width": size},
            do_rescale=False,
            do_normalize=False,
        )
    geometry = Geometry.of(processor)
    record = {
        "images": len(source),
        "geometry": asdict(geometry),
        "fast": fast,
        "resized_by": Geometry.__name__ if fast else resizer(processor),
        "fingerprint": images_fingerprint(source),
        "hub_ids": list(source.hub_ids) if isinstance(source, ImageSource) else [],
    }
    with alone_in(folder):
        work = _Work(folder, json.loads(json.dumps(record)), list(image_names(source)), geometry.size)
        if not work.finished:
            work.go_on(_Read(source, geometry, None if fast else processor), num_workers, on_bad, progress)
        if on_bad == "raise" and work.undecodable:
            raise InputError(stopping_message(work.undecodable))
        work.finish()


class _Work:
    """A cache in the making: the pixels so far, and a file that says how far they go."""

    def __init__(self, folder: Path, record: dict, names: list[str], size: tuple[int, int]):
        self.folder, self.record, self.names = folder, record, names
        self.partial = folder / _PARTIAL
        self.row_bytes = size[0] * size[1] * 3
        self.head = _npy_header((len(names), *size, 3))
        self.done, self.undecodable = 0, {}
        self.finished = (folder / RECORD).is_file()
        state = folder / (RECORD if self.finished else _PROGRESS)
        if state.is_file():
            self._read(state)
        elif (folder / PIXELS).exists():
            raise InputError(f"{folder / PIXELS}: is there already, and not of a cache; name another folder")

    def _read(self, state: Path) -> None:
        there = json.loads(state.read_text(encoding="utf-8"))
        differing = [key for key, value in self.record.items() if there.get(key) != value]
        if differing:
            raise InputError(
                f"{self.folder}: holds a cache of others: its {', '.join(differing)} differ; "
                "name another folder, or delete this one"
            )
        self.undecodable = {int(row): reason for row, reason in there["undecodable"].items()}
        self.done = there.get("done", len(self.names))
        if not self.finished and not (self.folder / PIXELS).exists():
            whole = self.partial.stat().st_size - len(self.head) if self.partial.exists() else 0
            self.done = max(0, min(self.done, whole // self.row_bytes))

    def go_on(self, read: "_Read", num_workers: int, on_bad: OnBad, progress: bool) -> None:
        """Read what is missing and append it, marking every few seconds how far it goes."""
        missing = (len(self.names) - self.done) * self.row_bytes
        if missing == 0:
            return
        if (free := shutil.disk_usage(self.folder).free) < missing:
            raise InputError(
                f"{self.folder}: the cache needs {missing / 1e9:.1f} GB more, {free / 1e9:.1f} GB are free; make room"
            )
        bar = tqdm(
            total=len(self.names), initial=self.done, desc="caching", unit="image", disable=None if progress else True
        )
        with bar, self._open() as file:
            marked = time.monotonic()
            for rows, pixels, errors in read_in_workers(read, range(self.done, len(self.names)), num_workers):
                if errors and on_bad == "raise":
                    self._mark(file)
                    raise InputError(stopping_message(errors))
                self.undecodable |= errors
                with self._writing():
                    _write_all(file, _with_gaps(rows, pixels, errors, self.row_bytes))
                self.done += len(rows)
                bar.update(len(rows))
                if time.monotonic() - marked > _SECONDS_BETWEEN_MARKS:
                    self._mark(file)
                    marked = time.monotonic()
            self._mark(file)

    def _open(self):
        with self._writing():
            if not self.done:
                self.partial.write_bytes(self.head)
            else:
                os.truncate(self.partial, len(self.head) + self.done * self.row_bytes)
            return self.partial.open("ab", buffering=0)

    def _mark(self, file) -> None:
        with self._writing():
            os.fsync(file.fileno())  # a mark must not outlive the pixels it speaks of
            self._write(_PROGRESS, {**self.record, "done": self.done, "undecodable": self.undecodable})

    def finish(self) -> None:
        """Give the files their names, the record last."""
        with self._writing():
            if not self.finished:
                if self.partial.exists():
                    self.partial.replace(self.folder / PIXELS)
                self._write(NAMES, self.names)
                self._write(RECORD, {**self.record, "undecodable": self.undecodable})
            (self.folder / _PROGRESS).unlink(missing_ok=True)

    def _write(self, name: str, content) -> None:
        with replacing(self.folder / name) as path:
            path.write_text(json.dumps(content), encoding="utf-8")

    @contextmanager
    def _writing(self):
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.folder}: the cache cannot be written ({error.strerror}); it takes "
                f"{len(self.names) * self.row_bytes / 1e9:.3g} GB; make room and start again: it goes on"
            ) from error


class _Read:
    """A row of a source -> (height, width, 3) uint8."""

    def __init__(self, source, geometry: Geometry, processor):
        self.source, self.geometry, self.processor = source, geometry, processor

    def __call__(self, row: int) -> Tensor:
        if self.processor is None:
            pixels = self.geometry.apply(covering(self.source, row, self.geometry.needed))
        else:
            pixels = uint8_pixels(self.processor, [open_row(self.source, row)])[0]
        return pixels.permute(1, 2, 0).contiguous()


def _with_gaps(rows: list[int], pixels: Tensor | None, errors: dict[int, str], row_bytes: int) -> bytes:
    """The bytes of rows of which some have no pixels."""
    if not errors:
        return pixels.numpy().tobytes()
    there = iter(() if pixels is None else pixels.numpy())
    return b"".join(bytes(row_bytes) if row in errors else next(there).tobytes() for row in rows)


def _write_all(file, data: bytes) -> None:
    """Without a buffer, whose rest would be tried again when a full disk's file is closed."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _npy_header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _check_size(path: Path, array: np.memmap) -> None:
    """numpy opens a file that is longer than its header says; whoever wrote more wrote something else."""
    expected = array.offset + array.nbytes
    if (size := path.stat().st_size) != expected:
        raise ValueError(f"{path.name} has {size} bytes, not the {expected} of {len(array)} images")


def _geometry(options: dict) -> Geometry:
    """The inverse of asdict, of what went through JSON."""
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return Geometry(**tuples)
