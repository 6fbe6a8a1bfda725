import tracemalloc

import numpy as np
import pytest
from bundle_writer import block, masked_crc32c, table, varint
from hypothesis import given, settings
from hypothesis import strategies as st

from alignet_hf.convert import leveldb_table
from alignet_hf.convert.leveldb_table import read_table
from alignet_hf.convert.mapped_file import MappedFile

KEYS = [b"", *(b"variables/%d/value" % number for number in range(40))]
ENTRIES = sorted((key, b"value of " + key) for key in KEYS)


def entries(tmp_path, data: bytes):
    path = tmp_path / "table"
    path.write_bytes(data)
    return list(read_table(MappedFile(path)))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.binary(max_size=12), st.binary(max_size=30), min_size=1, max_size=60),
    st.integers(1, 400),
    st.integers(1, 20),
)
def test_any_blocks_and_restarts(tmp_path_factory, contents, block_bytes, restart_interval):
    expected = sorted(contents.items())
    data = table(expected, block_bytes=block_bytes, restart_interval=restart_interval)
    assert entries(tmp_path_factory.getbasetemp(), data) == expected


@given(st.binary(max_size=50))
def test_the_checksum_is_the_plain_one(data):
    assert leveldb_table.masked_crc32c(data) == masked_crc32c(data)
    assert leveldb_table.masked_crc32c(np.frombuffer(data, np.uint8)) == masked_crc32c(data)


def test_a_known_checksum():  # CRC32C of "123456789" is 0xE3069283, unmasked
    assert masked_crc32c(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) % 2**32


def test_every_changed_bit_is_found_or_does_not_matter(tmp_path):
    data = table(ENTRIES[:5], block_bytes=100)
    n_refused = 0
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        try:
            assert entries(tmp_path, changed) == ENTRIES[:5]
        except ValueError:
            n_refused += 1
    # What does not matter: the meta-index (13 bytes), its place in the footer and the padding (38 with the index's).
    assert n_refused >= len(data) - 13 - 38


def test_every_truncation_is_refused(tmp_path):
    data = table(ENTRIES[:5], block_bytes=100)
    for size in range(1, len(data)):
        with pytest.raises(ValueError, match=r"index|number|block"):
            entries(tmp_path, data[:size])


def test_compressed_blocks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="the index is compressed"):
        entries(tmp_path, table(ENTRIES, compression=1))


@pytest.mark.parametrize("contents", [ENTRIES[::-1], [ENTRIES[3], ENTRIES[3]]])
@pytest.mark.parametrize("block_bytes", [1, 10_000])
def test_keys_out_of_order(tmp_path, contents, block_bytes):
    with pytest.raises(ValueError, match=r"the key b'.*' follows b'.*', out of order"):
        entries(tmp_path, table(contents, block_bytes=block_bytes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a block of the index has no end"),
        (b"\0\0\0\0", "a block of the index has no end"),  # no restart
        (b"\xff\xff\xff\xff", "a block of the index has no end"),
        (block([]), "a block of the index has no entries"),
        (varint(1) + b"\1\1kv" + block([]), "reaches beyond"),  # shares what there is not
        (b"\0" + varint(2**62) + b"\1kv" + block([]), "reaches beyond"),
        (b"\0\1" + varint(2**62) + b"kv" + block([]), "reaches beyond"),
        (b"\0\1" + block([]), "reaches beyond|does not end"),
        (block([(b"k" * 600, b"")]), "the index has a key of 600 bytes"),
    ],
)
def test_broken_blocks(tmp_path, content, said):
    spoiled = iter([content])
    with pytest.raises(ValueError, match=said):
        entries(tmp_path, table([(b"a", b"b")], change=lambda block: next(spoiled, block)))


@pytest.mark.parametrize("number", [2**20, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("which", [0, 1])
def test_blocks_outside_of_the_file_take_no_memory(tmp_path, number, which):
    data = table(ENTRIES)
    handle = [0, 20]
    handle[which] = number
    footer = varint(0) + varint(8) + varint(handle[0]) + varint(handle[1])
    data = data[:-48] + footer.ljust(40, b"\0") + data[-8:]
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"should be \d+ bytes from \d+ on, but the file has"):
        entries(tmp_path, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


def test_long_keys_out_of_few_bytes(tmp_path):
    """Entries of five bytes that each repeat 500: they are read, one at a time, in the time of their number."""
    long = b"k" * 490
    contents = [(long + b"%07d" % number, b"") for number in range(2000)]
    data = table(contents, block_bytes=10**6, restart_interval=10_000)
    assert len(data) < 25_000
    assert entries(tmp_path, data) == contents
