"""Embeddings on disk: one safetensors file, which a reader of safetensors understands and ours memory-maps."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import METADATA_KEY, Artifact

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}  # safetensors' names
# Of the header, for the entry `undecodable`: whether there is one is known when the rows are written.
_SPARE_BYTES = 128


class Embeddings(Artifact):
    """One row for every image: an (N, D) array that knows where it comes from.

    It stands wherever an array does (`len`, `shape`, `dtype`, `[rows]`, `np.asarray`). Loaded from disk it is
    memory-mapped: only the rows that are used are read.

    Args:
        array: (N, D) float32 or float16.
        names: of the images.
        undecodable: rows whose images could not be decoded, and why. They are NaN, so that the others keep their
            numbers and nothing takes these for embeddings.
        facts: what made it (`model`, `revision`, `pooling`, ...), as JSON.
    """

    kind = "embeddings"
    command = "embed"
    summary = "Representations of images, one row an image."
    repo_type = "dataset"

    def __init__(
        self,
        array: np.ndarray,
        names: list[str] | None = None,
        undecodable: Mapping[int, str] | None = None,
        **facts,
    ):
        array = np.asarray(array)
        if array.ndim != 2 or array.dtype not in DTYPES.values():
            raise InputError(f"embeddings: expected (N, D) float32 or float16, got {array.dtype} {array.shape}")
        if names is not None and len(names) != len(array):
            raise InputError(f"embeddings: {len(names)} names for {len(array)} rows; give one a row")
        self.array, self.names, self.metadata = array, names, facts
        self.undecodable = dict(sorted((undecodable or {}).items()))

    @property
    def shape(self) -> tuple[int, int]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows) -> np.ndarray:
        return self.array[rows]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.array, dtype, copy=copy)

    def decodable(self) -> tuple["Embeddings", np.ndarray]:
        """Without the images that could not be decoded -> embeddings, in memory, and the rows that these were.

        `SomeImages(images, rows)` are their images, for what follows.
        """
        rows = decodable_rows(self)
        names = None if self.names is None else [self.names[row] for row in rows]
        return Embeddings(self.array[rows], names, **self.metadata), rows

    def facts(self) -> dict:
        undecodable = {"undecodable_images": len(self.undecodable)} if self.undecodable else {}
        return {"shape": list(self.shape), "dtype": str(self.dtype), **undecodable, **self.metadata}

    def write(self, path: Path) -> None:
        with path.open("wb") as file:
            file.write(header(self.shape, self.dtype, self.names, self.metadata, self.undecodable))
            for start in range(0, len(self), 4096):  # in blocks: a memory-mapped array is never held whole
                file.write(np.ascontiguousarray(self.array[start : start + 4096]))
            file.write(tail(self.names, self.undecodable))

    @classmethod
    def read(cls, path: Path) -> Self:
        try:
            entries, start = _read_header(path)
            entry = entries["embeddings"]
            array = np.memmap(
                path, DTYPES[entry["dtype"]], "r", start + entry["data_offsets"][0], tuple(entry["shape"])
            )
            texts = {}
            for name in {"names", "undecodable"} & set(entries):
                begin, end = entries[name]["data_offsets"]
                encoded = bytes(np.memmap(path, np.uint8, "r", start + begin, (end - begin,)))
                texts[name] = encoded.decode("utf-8", "surrogateescape")
            names = texts["names"].split("\0") if "names" in texts else None
            undecodable = {int(row): reason for row, reason in json.loads(texts.get("undecodable", "{}")).items()}
            facts = json.loads(entries["__metadata__"][METADATA_KEY])
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise InputError(f"{path}: not an embeddings file of alignet_hf, or damaged: {error}") from error
        return cls(array, names, undecodable, **facts)


def undecodable_rows(embeddings) -> np.ndarray:
    """The rows that hold no embedding, as their images could not be decoded: (k,) int64; of a plain array, none."""
    return np.array(sorted(getattr(embeddings, "undecodable", ())), np.int64)


def decodable_rows(embeddings) -> np.ndarray:
    """The rows that hold an embedding: (n,) int64; of a plain array, all."""
    return np.setdiff1d(np.arange(len(embeddings)), undecodable_rows(embeddings))


def header(
    shape: tuple[int, int],
    dtype: np.dtype,
    names: list[str] | None,
    facts: dict,
    undecodable: Mapping[int, str] | None = None,
) -> bytes:
    """All of an embeddings file before the rows: a safetensors header, its length in 8 bytes, then JSON.

    It is of one length whatever is undecodable. After the rows comes the `tail`.
    """
    code = next(code for code, known in DTYPES.items() if known == dtype)
    end = shape[0] * shape[1] * dtype.itemsize
    entries = {
        "__metadata__": {METADATA_KEY: json.dumps(facts)},
        "embeddings": {"dtype": code, "shape": list(shape), "data_offsets": [0, end]},
    }
    names, errors = _joined(names), _listed(undecodable)
    if names is not None:
        entries["names"] = {"dtype": "U8", "shape": [len(names)], "data_offsets": [end, end + len(names)]}
        end += len(names)
    length = len(json.dumps(entries)) + _SPARE_BYTES
    if errors is not None:
        entries["undecodable"] = {"dtype": "U8", "shape": [len(errors)], "data_offsets": [end, end + len(errors)]}
    text = json.dumps(entries).encode().ljust(length + -length % 8)
    return struct.pack("<Q", len(text)) + text


def tail(names: list[str] | None, undecodable: Mapping[int, str] | None = None) -> bytes:
    """All of an embeddings file after the rows: names and errors, as the bytes of tensors.

    A header would be too small for ImageNet's names, and errors are known only at the end.
    """
    return (_joined(names) or b"") + (_listed(undecodable) or b"")


def _read_header(path: Path) -> tuple[dict, int]:
    """-> the header and the offset at which the data start."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length)), 8 + length


def _joined(names: list[str] | None) -> bytes | None:
    return None if names is None else "\0".join(names).encode("utf-8", "surrogateescape")


def _listed(undecodable: Mapping[int, str] | None) -> bytes | None:
    if not undecodable:
        return None
    return json.dumps({str(row): undecodable[row] for row in sorted(undecodable)}).encode()
