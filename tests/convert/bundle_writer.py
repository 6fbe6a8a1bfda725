"""A writer of tensor bundles, by the formats' descriptions alone: nothing of the readers that it tests is used."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

DTYPES = {
    torch.float32: 1,
    torch.float64: 2,
    torch.int32: 3,
    torch.uint8: 4,
    torch.int16: 5,
    torch.int8: 6,
    torch.int64: 9,
    torch.bool: 10,
    torch.bfloat16: 14,
    torch.uint16: 17,
    torch.float16: 19,
    torch.uint32: 22,
    torch.uint64: 23,
}


def _crc32c_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc32c_table()


def masked_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15) + (crc << 17) + 0xA282EAD8) % 2**32


def varint(number: int) -> bytes:
    number %= 2**64  # negative numbers are written as their complement
    encoded = bytearray()
    while number >= 128:
        encoded.append(number % 128 + 128)
        number //= 128
    return bytes(encoded) + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    """One field of a message: a varint, or bytes with their length."""
    if isinstance(value, bytes):
        return varint(number * 8 + 2) + varint(len(value)) + value
    return varint(number * 8) + varint(value)


def fixed32(number: int, value: int) -> bytes:
    return varint(number * 8 + 5) + value.to_bytes(4, "little")


def header(n_shards: int = 1, endianness: int = 0) -> bytes:
    order = field(2, endianness) if endianness else b""
    return field(1, n_shards) + order + field(3, field(1, 1))


def entry(dtype: int, shape, shard: int, offset: int, size: int, checksum: int, more: bytes = b"") -> bytes:
    """A BundleEntryProto; what is 0 is not written."""
    dims = b"".join(field(2, field(1, side) if side else b"") for side in shape)
    numbers = b"".join(field(number, value) for number, value in ((3, shard), (4, offset), (5, size)) if value)
    return field(1, dtype) + field(2, dims) + numbers + fixed32(6, checksum) + more


def block(entries: list[tuple[bytes, bytes]], restart_interval: int = 16) -> bytes:
    """Entries with the prefixes that they share left out, but at every restart."""
    written, restarts, last = bytearray(), [], b""
    for number, (key, value) in enumerate(entries):
        n_shared = 0
        if number % restart_interval == 0:
            restarts.append(len(written))
        else:
            while n_shared < min(len(key), len(last)) and key[n_shared] == last[n_shared]:
                n_shared += 1
        written += varint(n_shared) + varint(len(key) - n_shared) + varint(len(value)) + key[n_shared:] + value
        last = key
    restarts = restarts or [0]
    return bytes(written) + b"".join(at.to_bytes(4, "little") for at in [*restarts, len(restarts)])


def table(
    entries: list[tuple[bytes, bytes]],
    *,
    block_bytes: int = 256,
    restart_interval: int = 4,
    compression: int = 0,
    change: Callable[[bytes], bytes] = lambda content: content,
) -> bytes:
    """A table of entries in their order; `change` may spoil a block before its checksum is taken."""
    written = bytearray()

    def append(content: bytes) -> bytes:
        content = change(content)
        handle = varint(len(written)) + varint(len(content))
        content += bytes([compression])
        written.extend(content + masked_crc32c(content).to_bytes(4, "little"))
        return handle

    index, waiting, size = [], [], 0
    for key, value in entries:
        waiting.append((key, value))
        size += len(key) + len(value)
        if size >= block_bytes:
            index.append((waiting[-1][0], append(block(waiting, restart_interval))))
            waiting, size = [], 0
    if waiting:
        index.append((waiting[-1][0], append(block(waiting, restart_interval))))
    footer = append(block([])) + append(block(index, 1))
    return bytes(written) + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def key(number: int) -> str:
    return f"variables/{number}/.ATTRIBUTES/VARIABLE_VALUE"


def raw(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def bundle_entries(
    tensors: Mapping[str, torch.Tensor], n_shards: int = 1, strings: Mapping[str, bytes] | None = None
) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
    """The index's entries and the shards' bytes; tensors go to the shards in turn."""
    shards, entries = [bytearray() for _ in range(n_shards)], {b"": header(n_shards)}
    strings = strings or {}
    for number, name in enumerate(sorted({*tensors, *strings})):
        data = strings[name] if name in strings else raw(tensors[name])
        dtype, shape = (7, ()) if name in strings else (DTYPES[tensors[name].dtype], tensors[name].shape)
        shard = number % n_shards
        place = (shard, len(shards[shard]), len(data), masked_crc32c(data))
        entries[name.encode()] = entry(dtype, shape, *place)
        shards[shard] += data
    return sorted(entries.items()), [bytes(shard) for shard in shards]


def write_files(folder: Path, index: bytes, shards: list[bytes]) -> Path:
    """-> the index's path, folder/variables/variables.index."""
    folder = folder / "variables"
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(shards):
        (folder / f"variables.data-{number:05d}-of-{len(shards):05d}").write_bytes(data)
    (folder / "variables.index").write_bytes(index)
    return folder / "variables.index"


def write_bundle(folder: Path, tensors: Mapping[str, torch.Tensor], n_shards=1, strings=None, **options) -> Path:
    """A whole bundle -> its index's path."""
    entries, shards = bundle_entries(tensors, n_shards, strings)
    return write_files(folder, table(entries, **options), shards)


def anonymous(n: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """`n` variables of several shapes, by their keys."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(), (3,), (2, 5), (1, 4, 2)]
    return {key(i): torch.randn(shapes[i % 4], generator=generator) for i in range(n)}
