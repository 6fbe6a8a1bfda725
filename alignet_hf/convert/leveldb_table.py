"""LevelDB's table, the format of a tensor bundle's index: sorted keys in blocks, each with a checksum.

    block    entries, then where the key is written whole (uint32 each), then how often that is (uint32)
    entry    three varints (bytes shared with the key before, own bytes of the key, bytes of the value), key, value
    trailer  of a block: one byte of compression, and the masked CRC32C of block and byte
    footer   the last 48 bytes: offset and size of the meta-index and of the index (varints), padding, a magic number

The index is a block that has offset and size of every data block. https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

from collections.abc import Iterator

import google_crc32c
import numpy as np

from alignet_hf.convert.mapped_file import MappedFile
from alignet_hf.convert.wire_format import read_varint

_FOOTER_BYTES = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_TRAILER_BYTES = 5
_MOST_KEY_BYTES = 512


def masked_crc32c(data: np.ndarray | bytes) -> int:
    """CRC32C as LevelDB and TensorFlow store it: rotated and shifted, as a checksum of checksums would be weak."""
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_table(file: MappedFile) -> Iterator[tuple[bytes, bytes]]:
    """The keys, in increasing order, and values of a table, one block in memory at a time.

    Raises:
        ValueError: it is not a table, a checksum is wrong, it is compressed, or its blocks are broken.
    """
    if file.size < _FOOTER_BYTES:
        raise ValueError(f"an index of {file.size} bytes is too short")
    footer = bytes(file.part(file.size - _FOOTER_BYTES, _FOOTER_BYTES, "the footer"))
    if not footer.endswith(_MAGIC):
        raise ValueError("the index does not end as one does")
    _, position = _handle(footer, 0)
    index, _ = _handle(footer, position)
    last = None
    for _, handle in _entries(_block(file, *index)):
        is_empty = True
        for key, value in _entries(_block(file, *_handle(handle, 0)[0])):
            if last is not None and key <= last:
                raise ValueError(f"the key {key!r} follows {last!r}, out of order")
            last, is_empty = key, False
            yield key, value
        if is_empty:  # many that name one large block would take for ever
            raise ValueError("a block of the index has no entries")


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and the position after them."""
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _block(file: MappedFile, offset: int, size: int) -> bytes:
    stored = file.part(offset, size + _TRAILER_BYTES, "a block of the index")
    if masked_crc32c(stored[:-4]) != int.from_bytes(bytes(stored[-4:]), "little"):
        raise ValueError(f"the checksum of the index's block at {offset} is wrong")
    if stored[size]:
        raise ValueError("the index is compressed, which TensorFlow's never is")
    return bytes(stored[:size])


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    n_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (n_restarts + 1)
    if not n_restarts or end < 0:
        raise ValueError("a block of the index has no end")
    position, key = 0, b""
    while position < end:
        n_shared, position = read_varint(block, position)
        n_own, position = read_varint(block, position)
        n_value, position = read_varint(block, position)
        if n_shared > len(key) or n_own + n_value > end - position:
            raise ValueError("an entry of the index reaches beyond what is there")
        if n_shared + n_own > _MOST_KEY_BYTES:  # prefixes make long keys out of few bytes
            raise ValueError(f"the index has a key of {n_shared + n_own} bytes")
        key = key[:n_shared] + block[position : position + n_own]
        position += n_own + n_value
        yield key, block[position - n_value : position]
