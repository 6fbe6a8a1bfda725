"""An embeddings file in the making: written batch by batch by any number of processes, in any order, killed anywhere.

    embeddings.partial     the file, of its final size from the start; a row is written at its place
    embeddings.progress/   what is done: `state.json`, which the first process wrote when it began, and a log of every
                           process since (`0.jsonl`, `1.jsonl`, ...)

A batch is logged once its rows are on the disk. At the end the first process completes the file and renames it.
"""

import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing
from alignet_hf.made_from import differences
from alignet_hf.surrogate.embeddings import Embeddings, header, tail

_STATE = "state.json"
_PARTIAL, _PROGRESS = "embeddings.partial", "embeddings.progress"
OURS = {Embeddings.file_name(), _PARTIAL, _PROGRESS}  # by which a folder of embeddings is known
_DIGESTS = {"images_fingerprint": "images", "weights_fingerprint": "model"}  # facts that are digests, and what of
_NAMES = ("model", "revision", "images")  # facts that may be others for the same images and weights
_SECONDS_BETWEEN_MARKS = 2.0  # of work that a killed process loses at most


class EmbeddingFile:
    """Embeddings that are being written to a folder; every process has one.

    Args:
        folder: of the embeddings.
        names: of the images.
        batch_size: rows of a batch; batch b is rows b * batch_size and those that follow.
        facts: of the embeddings' metadata; what another file must have in common to be gone on with, but for names.
        process: number of this process; 0 is the first.

    Attributes:
        done: (batches,) bool, what was done when `begin` or `join` was called.
        undecodable: rows whose images could not be decoded, and why; of this process, and of all once `finish`ed.
    """

    def __init__(self, folder: Path, names: list[str], batch_size: int, facts: dict, process: int = 0):
        self.folder, self.names, self.batch_size, self.process = folder, names, batch_size, process
        self.facts = json.loads(json.dumps(facts))
        self.final = folder / Embeddings.file_name()
        self.partial = folder / _PARTIAL
        self.progress = folder / _PROGRESS
        self.done = np.zeros(-(-len(names) // batch_size), bool)
        self.was_finished = False
        self.undecodable: dict[int, str] = {}
        self.unmarked: list[int] = []
        self.file = None

    # Beginning

    def begin(self, first: np.ndarray, batch: int, force: bool = False) -> None:
        """Find what is done, or start; for the first process alone.

        Args:
            first: the rows of a batch, newly embedded. They are compared with those that are there, because no
                fingerprint sees into a processor or a callable.
            batch: its number.
            force: whether to start where the folder holds other embeddings. Those that are finished stay until these
                are.

        Raises:
            InputError: the folder holds other embeddings, and it is not forced; with what differs.
        """
        self._describe(first.shape[1], first.dtype)
        differs = self._finished_differ(first, batch)
        if differs == []:
            self.done[:] = self.was_finished = True
            if not self.partial.exists():  # killed after the renaming
                shutil.rmtree(self.progress, ignore_errors=True)
            return
        done, partly_differs = self._done_so_far(first, batch)
        if done is None and (differs := differs or partly_differs):
            what = f"{self.folder}: holds embeddings that were made otherwise ({'; '.join(differs)})"
            if not force:
                raise InputError(f"{what}; --force (force=True) replaces them, or use another folder")
            warnings.warn(f"{what}, which these replace", stacklevel=4)
        with self.writing():
            if done is None:
                self._start()
            else:
                self.done = done
            self._write_state()
            for log in self.progress.glob("*.jsonl"):  # the state has them
                log.unlink()

    def join(self, n_dimensions: int, dtype: str, done: np.ndarray, facts: dict) -> None:
        """Take part in what the first process began."""
        self.facts = facts
        self._describe(n_dimensions, np.dtype(dtype))
        self.done = done

    def _describe(self, n_dimensions: int, dtype: np.dtype) -> None:
        self.shape, self.dtype = (len(self.names), n_dimensions), dtype
        self.row_bytes = n_dimensions * dtype.itemsize
        self.head_bytes = len(header(self.shape, dtype, self.names, self.facts))

    @property
    def bytes_of_rows(self) -> int:
        return self.shape[0] * self.row_bytes

    def _start(self) -> None:
        self.partial.unlink(missing_ok=True)  # first: marks without it mean nothing
        shutil.rmtree(self.progress, ignore_errors=True)
        self.done, self.undecodable = np.zeros(-(-len(self.names) // self.batch_size), bool), {}
        try:
            with self.partial.open("xb") as file:
                _allocate(file, self.head_bytes + self.bytes_of_rows + len(tail(self.names)))
        except OSError:
            self.partial.unlink(missing_ok=True)
            raise
        self.progress.mkdir()

    def _identity(self) -> dict:
        return {"facts": self.facts, "shape": list(self.shape), "dtype": str(self.dtype)}

    def _finished_differ(self, first: np.ndarray, batch: int) -> list[str] | None:
        """In what the finished embeddings differ, which another batch size does not make others; None without any."""
        if not self.final.exists():
            return None
        try:
            there = Embeddings.read(self.final)
        except InputError:  # damaged
            return None
        facts = {**there.metadata, "batch_size": self.batch_size}
        if differs := self._differences({"facts": facts, "shape": list(there.shape), "dtype": str(there.dtype)}):
            return differs
        if not _alike(there[self._rows(batch)], first):
            return ["model or processor"]
        self.undecodable = there.undecodable
        return []

    def _done_so_far(self, first: np.ndarray, batch: int) -> tuple[np.ndarray | None, list[str]]:
        """The batches that are done, None where there is nothing to go on with; and in what that differs."""
        try:
            state = json.loads((self.progress / _STATE).read_text(encoding="utf-8"))
            size = self.partial.stat().st_size
        except (FileNotFoundError, json.JSONDecodeError):
            return None, []
        if differs := self._differences(state["identity"]):
            return None, differs
        self.facts = state["identity"]["facts"]  # whose names the file has
        self._describe(first.shape[1], first.dtype)
        if size < self.head_bytes + self.bytes_of_rows:
            return None, []
        done, undecodable = self._read_marks(state)
        if done[batch]:
            with self.partial.open("rb") as file:
                file.seek(self._offset(batch))
                there = np.frombuffer(file.read(first.nbytes), first.dtype).reshape(first.shape)
            if not _alike(there, first):
                return None, ["model or processor"]
        self.undecodable = undecodable
        return done, []

    def _differences(self, there: dict) -> list[str]:
        """In what these embeddings differ from others, as a reader would say it."""
        was, now = ({**one["facts"], "dtype": one["dtype"]} for one in (there, self._identity()))
        found = []
        for digest, name in _DIGESTS.items():
            if was.get(digest) != now.get(digest):
                found += differences({name: was.get(name)}, {name: now.get(name)}) or [name]
        options = [{key: one[key] for key in one if key not in (*_NAMES, *_DIGESTS)} for one in (was, now)]
        found += differences(*options)
        if not found and tuple(there["shape"]) != self.shape:
            found = ["model"]  # which gives rows of another length
        return found

    def _read_marks(self, state: dict) -> tuple[np.ndarray, dict[int, str]]:
        """What the state and all logs say is done, and could not be decoded."""
        done, undecodable = np.zeros(-(-len(self.names) // self.batch_size), bool), {}
        for entry in (state, *self._logged()):
            done[_flat(entry["done"])] = True
            undecodable |= {int(row): reason for row, reason in entry["undecodable"].items()}
        return done, undecodable

    def _logged(self) -> Iterator[dict]:
        for log in sorted(self.progress.glob("*.jsonl")):
            for line in log.read_text(encoding="utf-8").splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:  # killed while it was written
                    continue

    def _write_state(self) -> None:
        with replacing(self.progress / _STATE) as path:
            state = {
                "identity": self._identity(),
                "done": _spans(np.flatnonzero(self.done)),
                "undecodable": self.undecodable,
            }
            path.write_text(json.dumps(state), encoding="utf-8")

    # Writing

    def __enter__(self) -> "EmbeddingFile":
        if not self.done.all():
            with self.writing():
                self.file = self.partial.open("r+b", buffering=0)
                self.log = (self.progress / f"{self.process}.jsonl").open("ab", buffering=0)
            self.marked = time.monotonic()
        return self

    def __exit__(self, *_) -> None:
        if self.file is not None:
            with self.file, self.log:
                self.mark()
            self.file = None

    def write(self, batch: int, rows: np.ndarray, undecodable: dict[int, str]) -> None:
        """Put a batch's rows at their place.

        Raises:
            InputError: the disk is full, or gone; rows of another length than those before.
        """
        check_dimensions(rows, self.shape[1])
        with self.writing():
            _write_at(self.file, self._offset(batch), rows.tobytes())
        self.unmarked.append(batch)
        self.undecodable |= undecodable
        if time.monotonic() - self.marked > _SECONDS_BETWEEN_MARKS:
            self.mark()

    def mark(self) -> None:
        """Log what this process has written since the last time."""
        if not self.unmarked:
            return
        with self.writing():
            os.fsync(self.file.fileno())  # a mark must not outlive the rows it speaks of
            entry = {"done": _spans(sorted(self.unmarked)), "undecodable": self.undecodable}
            self.log.write(json.dumps(entry).encode() + b"\n")
        self.unmarked, self.undecodable, self.marked = [], {}, time.monotonic()

    def _rows(self, batch: int) -> slice:
        return slice(batch * self.batch_size, min((batch + 1) * self.batch_size, len(self.names)))

    def _offset(self, batch: int) -> int:
        return self.head_bytes + batch * self.batch_size * self.row_bytes

    # Ending

    def finish(self) -> None:
        """Complete the file and give it its name, once all processes are done; for the first process alone."""
        if self.was_finished:
            return
        state = json.loads((self.progress / _STATE).read_text(encoding="utf-8"))
        done, self.undecodable = self._read_marks(state)
        if not done.all():
            raise InputError(f"{self.folder}: {(~done).sum()} batches are missing; start the same command again")
        with self.writing():
            with self.partial.open("r+b", buffering=0) as file:
                end = tail(self.names, self.undecodable)
                _write_at(file, 0, header(self.shape, self.dtype, self.names, self.facts, self.undecodable))
                _write_at(file, self.head_bytes + self.bytes_of_rows, end)
                file.truncate(self.head_bytes + self.bytes_of_rows + len(end))
                os.fsync(file.fileno())
            Embeddings.read(self.partial).write_card(self.folder, self.partial)
            self.partial.replace(self.final)
            shutil.rmtree(self.progress)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Say what to do where the folder cannot be written."""
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.folder}: the embeddings cannot be written ({error.strerror}); they take "
                f"{self.bytes_of_rows / 1e9:.3g} GB; make room and start again: it goes on"
            ) from error


def check_dimensions(rows: np.ndarray, n_dimensions: int) -> None:
    """Raise InputError where a model gives rows of another length than before."""
    if rows.shape[1] != n_dimensions:
        raise InputError(f"model: gives {rows.shape[1]} dimensions here, and gave {n_dimensions} before")


def _alike(there: np.ndarray, here: np.ndarray) -> bool:
    """Equal but for what another number of threads may change."""
    there, here = there.astype(np.float32), here.astype(np.float32)
    if not np.array_equal(np.isnan(there), np.isnan(here)):
        return False
    return bool(np.nanmax(np.abs(there - here)) <= 1e-3 * np.nanmax(np.abs(here)))


def _allocate(file, size: int) -> None:
    """Take the room at the start: a disk too small is then seen before the work."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)


def _write_at(file, offset: int, data: bytes) -> None:
    """Without a buffer, whose rest would be tried again when a full disk's file is closed."""
    file.seek(offset)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _spans(numbers) -> list[list[int]]:
    """Ascending numbers as [[first, last], ...] of those that follow one another."""
    numbers = np.asarray(numbers, int)
    if not len(numbers):
        return []
    return [[int(part[0]), int(part[-1])] for part in np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)]


def _flat(spans: list[list[int]]) -> np.ndarray:
    """The inverse of _spans."""
    return np.concatenate([np.arange(first, last + 1) for first, last in spans] or [np.empty(0, int)])
