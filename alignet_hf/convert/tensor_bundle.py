"""TensorFlow's tensor bundle: an index of entries, one a tensor, and the shards that hold their bytes.

    NAME.index                  a table (see `leveldb_table`): a BundleHeaderProto at the empty key, BundleEntryProtos
    NAME.data-00000-of-00002    the tensors' bytes, little-endian, rows one after the other

Numbers of fields and types: tensorflow/core/protobuf/tensor_bundle.proto and framework/types.proto.
"""

from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

import numpy as np
import torch

from alignet_hf.convert.leveldb_table import masked_crc32c, read_table
from alignet_hf.convert.mapped_file import MappedFile, UnsupportedError, reading, refuse_overlaps
from alignet_hf.convert.stored_array import check_name, check_size, to_tensor
from alignet_hf.convert.variables import Variable, Variables
from alignet_hf.convert.wire_format import Message
from alignet_hf.errors import InputError

KIND = "a checkpoint of TensorFlow"
_STRING = 7
_DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
_LITTLE_ENDIAN = 0
_MOST_ENTRIES = 20_000
_MOST_ENTRY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Entry:
    """A BundleEntryProto: where a tensor lies, and its masked CRC32C."""

    key: str
    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


_SHARD = attrgetter("shard")


def open_bundle(index: str | Path) -> Variables:
    """The tensors of a bundle, by their keys; entries of strings, which describe objects, are left out.

    Args:
        index: the file NAME.index; its shards lie beside it.

    Returns:
        Variables in the order of the keys. Their bytes are read, and held against their checksum, when a variable is.

    Raises:
        InputError: the index or a shard is missing, damaged, big-endian, or holds what no bundle of ours does: tensors
            in slices, types without numbers; a tensor does not fit its bytes, or these do not lie in its shard.
    """
    index = Path(index)
    with reading(index, KIND):
        table = read_table(MappedFile(index))
        shards = _Shards(index, *next(table, (None, b"")))
        entries = [_entry(key, value) for key, value in islice(table, _MOST_ENTRIES)]
        if next(table, None) is not None:
            raise ValueError(f"the index has more than {_MOST_ENTRIES} entries")
        items = [_variable(entry, shards) for entry in entries]
        for _, parts in groupby(sorted(entries, key=_SHARD), _SHARD):
            refuse_overlaps((entry.offset, entry.size, entry.key) for entry in parts)
    return Variables(str(index), tuple(item for item in items if item is not None), named=True)


class _Shards:
    """The shards of a bundle, opened when they are asked for; how many there are is in the BundleHeaderProto."""

    def __init__(self, index: Path, key: bytes | None, header: bytes):
        if key != b"" or len(header) > _MOST_ENTRY_BYTES:
            raise ValueError("the index does not begin with a header")
        message = Message(header)
        if message.integer(2) != _LITTLE_ENDIAN:
            raise UnsupportedError("written on a big-endian machine, which is not supported; save it on another")
        self.index, self.n_shards = index, message.integer(1)
        self.opened: dict[int, MappedFile] = {}

    def __getitem__(self, number: int) -> MappedFile:
        if not 0 <= number < self.n_shards:
            raise ValueError(f"an entry is in shard {number} of {self.n_shards}")
        if number not in self.opened:
            path = self.index.with_suffix(f".data-{number:05d}-of-{self.n_shards:05d}")
            if not path.exists():
                raise InputError(f"{path}: the shard is missing; it belongs beside {self.index.name}")
            self.opened[number] = MappedFile(path)
        return self.opened[number]


def _entry(key: bytes, value: bytes) -> _Entry:
    if len(value) > _MOST_ENTRY_BYTES:
        raise ValueError(f"an entry of the index has {len(value)} bytes")
    message = Message(value)
    if 7 in message or key.startswith(b"\0"):
        name = key.strip(b"\0").decode(errors="backslashreplace")
        raise UnsupportedError(f"variable {name!r} is stored in slices (partitioned); save it whole")
    name = check_name(key.decode())
    shapes = message.messages(2)
    if any(shape.integer(3) for shape in shapes):
        raise ValueError(f"variable {name} has no shape")
    shape = tuple(side.integer(1) for shape in shapes for side in shape.messages(2))
    return _Entry(name, message.integer(1), shape, *(message.integer(number) for number in (3, 4, 5, 6)))


def _variable(entry: _Entry, shards: _Shards) -> Variable | None:
    """The variable of an entry; None of strings, whose bytes must be there all the same."""
    shard = shards[entry.shard]
    with reading(shard.path, KIND):
        shard.part(entry.offset, entry.size, entry.key)
    if entry.dtype == _STRING:
        return None
    if entry.dtype not in _DTYPES:
        raise UnsupportedError(
            f"variable {entry.key} is of TensorFlow's type {entry.dtype}, which is not supported; "
            "floats, integers and booleans are: save these alone"
        )
    dtype = _DTYPES[entry.dtype]
    check_size(entry.key, dtype, entry.shape, entry.size)
    return Variable(entry.key, entry.shape, dtype, partial(_read, shard, entry))


def _read(shard: MappedFile, entry: _Entry) -> torch.Tensor:
    with reading(shard.path, KIND):
        data = np.array(shard.part(entry.offset, entry.size, entry.key))
        if masked_crc32c(data) != entry.checksum:
            raise ValueError(f"the checksum of variable {entry.key} is wrong")
    return to_tensor(data, _DTYPES[entry.dtype], entry.shape)
