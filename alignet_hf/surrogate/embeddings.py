"""Embeddings on disk: one safetensors file, which a reader of safetensors understands and ours memory-maps."""

import json
import struct
from pathlib import Path
from typing import Self

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import METADATA_KEY, Artifact

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}  # safetensors' names


class Embeddings(Artifact):
    """One row for every image: an (N, D) array that knows where it comes from.

    It stands wherever an array does (`len`, `shape`, `dtype`, `[rows]`, `np.asarray`). Loaded from disk it is
    memory-mapped: only the rows that are used are read.

    Args:
        array: (N, D) float32 or float16.
        names: of the images.
        facts: what made it (`model`, `revision`, `pooling`, ...), as JSON.
    """

    kind = "embeddings"
    summary = "Representations of images, one row an image."
    repo_type = "dataset"

    def __init__(self, array: np.ndarray, names: list[str] | None = None, **facts):
        array = np.asarray(array)
        if array.ndim != 2 or array.dtype not in DTYPES.values():
            raise InputError(f"embeddings: expected (N, D) float32 or float16, got {array.dtype} {array.shape}")
        if names is not None and len(names) != len(array):
            raise InputError(f"embeddings: {len(names)} names for {len(array)} rows; give one a row")
        self.array, self.names, self.metadata = array, names, facts

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

    def facts(self) -> dict:
        return {"shape": list(self.shape), "dtype": str(self.dtype), **self.metadata}

    def write(self, path: Path) -> None:
        with path.open("wb") as file:
            file.write(header(self.shape, self.dtype, self.names, self.metadata))
            for start in range(0, len(self), 4096):  # in blocks: a memory-mapped array is never held whole
                file.write(np.ascontiguousarray(self.array[start : start + 4096]))
            file.write(joined(self.names))

    @classmethod
    def read(cls, path: Path) -> Self:
        try:
            entries, start = _read_header(path)
            entry = entries["embeddings"]
            array = np.memmap(
                path, DTYPES[entry["dtype"]], "r", start + entry["data_offsets"][0], tuple(entry["shape"])
            )
            names = None
            if "names" in entries:
                begin, end = entries["names"]["data_offsets"]
                names = bytes(np.memmap(path, np.uint8, "r", start + begin, (end - begin,))).decode().split("\0")
            facts = json.loads(entries["__metadata__"][METADATA_KEY])
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise InputError(f"{path}: not an embeddings file of alignet_hf, or damaged: {error}") from error
        return cls(array, names, **facts)


def header(shape: tuple[int, int], dtype: np.dtype, names: list[str] | None, facts: dict) -> bytes:
    """All of an embeddings file before the rows: a safetensors header, its length in 8 bytes, then JSON.

    After the rows comes `joined(names)`.
    """
    code = next(code for code, known in DTYPES.items() if known == dtype)
    size = shape[0] * shape[1] * dtype.itemsize
    entries = {
        "__metadata__": {METADATA_KEY: json.dumps(facts)},
        "embeddings": {"dtype": code, "shape": list(shape), "data_offsets": [0, size]},
    }
    if names is not None:
        length = len(joined(names))
        entries["names"] = {"dtype": "U8", "shape": [length], "data_offsets": [size, size + length]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _read_header(path: Path) -> tuple[dict, int]:
    """-> the header and the offset at which the data start."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length)), 8 + length


def joined(names: list[str] | None) -> bytes:
    """The names as the bytes of one tensor: a header would be too small for those of ImageNet."""
    return b"" if names is None else "\0".join(names).encode()
