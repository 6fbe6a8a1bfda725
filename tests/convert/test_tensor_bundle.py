import os
import shutil
import tracemalloc

import pytest
import torch
from bundle_writer import (
    DTYPES,
    anonymous,
    bundle_entries,
    entry,
    header,
    key,
    masked_crc32c,
    raw,
    table,
    varint,
    write_bundle,
    write_files,
)

from alignet_hf.convert.tensor_bundle import open_bundle
from alignet_hf.errors import InputError

GRAPH = {"_CHECKPOINTABLE_OBJECT_GRAPH": b"\x0bof no number"}


def read_all(index) -> dict[str, torch.Tensor]:
    return {variable.name: variable.read() for variable in open_bundle(index)}


def assert_same(read, expected):
    assert read.keys() == expected.keys()
    for name, tensor in expected.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].shape == tensor.shape
        assert raw(read[name]) == raw(tensor)


@pytest.mark.parametrize("n_shards", [1, 2, 5])
@pytest.mark.parametrize("block_bytes", [60, 10**6])
def test_what_was_written_is_read(tmp_path, n_shards, block_bytes):
    expected = anonymous(30)
    index = write_bundle(tmp_path, expected, n_shards, GRAPH, block_bytes=block_bytes)
    variables = open_bundle(index)
    assert variables.named
    assert variables.source == str(index)
    assert [variable.name for variable in variables] == sorted(expected)
    assert_same(read_all(index), expected)


def test_every_type(tmp_path):
    expected = {str(dtype): torch.tensor([[1, 0, 1]]).to(dtype) for dtype in DTYPES}
    index = write_bundle(tmp_path, expected)
    assert_same(read_all(index), expected)
    for variable in open_bundle(index):
        assert variable.dtype == variable.name.removeprefix("torch.")
        assert variable.tensor().dtype == (
            torch.float32 if "float" in variable.dtype else getattr(torch, variable.dtype)
        )
        assert variable.tensor().tolist() == [[1, 0, 1]]
    assert "1 in bfloat16, 1 in float16, 1 in float64; converted to float32" in open_bundle(index).conversion


def test_a_tensor_is_the_callers_own(tmp_path):
    index = write_bundle(tmp_path, {"a": torch.arange(4.0)})
    (variable,) = open_bundle(index)
    variable.tensor().zero_()
    assert variable.tensor().tolist() == [0, 1, 2, 3]


def test_strings_are_skipped(tmp_path):
    write_bundle(tmp_path, anonymous(2), strings=GRAPH | {"z": b"more text"})
    assert [variable.name for variable in open_bundle(tmp_path / "variables/variables.index")] == [key(0), key(1)]


def refused(index, said):
    with pytest.raises(InputError, match=said) as caught:
        read_all(index)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(index.parent))


def test_a_wrong_checksum_names_the_variable(tmp_path):
    index = write_bundle(tmp_path, anonymous(4), n_shards=2)
    shard = tmp_path / "variables/variables.data-00001-of-00002"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    assert len(open_bundle(index)) == 4  # its bytes are not read before they are asked for
    refused(index, f"data-00001-of-00002: the checksum of variable {key(3)} is wrong; it is damaged")


@pytest.mark.parametrize("number", [0, 1])
def test_a_missing_shard_is_named(tmp_path, number):
    index = write_bundle(tmp_path, anonymous(4), n_shards=2)
    os.unlink(tmp_path / f"variables/variables.data-0000{number}-of-00002")
    refused(index, f"variables.data-0000{number}-of-00002: the shard is missing; it belongs beside variables.index")


@pytest.mark.parametrize("size", [0, 1, 20])
def test_a_shard_cut_short(tmp_path, size):
    index = write_bundle(tmp_path, anonymous(4))
    os.truncate(tmp_path / "variables/variables.data-00000-of-00001", size)
    refused(index, "data-00000-of-00001: (the file is empty|variables.* but the file has)")


def test_no_index(tmp_path):
    refused(tmp_path / "variables.index", r"cannot be opened \(No such file or directory\)")
    (tmp_path / "variables.index").mkdir()
    refused(tmp_path / "variables.index", "not a file")
    shutil.rmtree(tmp_path / "variables.index")
    (tmp_path / "variables.index").touch()
    refused(tmp_path / "variables.index", "the file is empty")
    os.unlink(tmp_path / "variables.index")
    os.mkfifo(tmp_path / "variables.index")
    refused(tmp_path / "variables.index", "not a file")


def write_entries(tmp_path, *entries: bytes, first: bytes | None = None, data: bytes = bytes(12)):
    """A bundle of the entries "a", "b", ... beside a shard of 12 bytes."""
    named = [(name.encode(), value) for name, value in zip("abcdefgh", entries, strict=False)]
    return write_files(tmp_path, table([(b"", header() if first is None else first), *named]), [data])


CHECKSUM = masked_crc32c(bytes(12))


def of_zeros(dtype=1, shape=(3,), shard=0, offset=0, size=12, checksum=CHECKSUM, more=b""):
    return entry(dtype, shape, shard, offset, size, checksum, more)


def test_the_entry_that_the_following_spoil_is_good(tmp_path):
    assert read_all(write_entries(tmp_path, of_zeros()))["a"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"size": 2**62}, "a should be 4611686018427387904 bytes from 0 on, but the file has 12"),
        ({"size": 13}, "a should be 13 bytes from 0 on, but the file has 12"),
        ({"size": -12}, "a should be -12 bytes"),
        ({"size": 8}, r"variable a, float32 \(3,\), takes 12 bytes; there are 8 for it"),
        ({"size": 0}, "takes 12 bytes; there are 0 for it"),
        ({"offset": 1}, "a should be 12 bytes from 1 on"),
        ({"offset": 2**63 - 1}, "a should be 12 bytes from 9223372036854775807 on"),
        ({"offset": -1}, "a should be 12 bytes from -1 on"),
        ({"shard": 1}, "an entry is in shard 1 of 1"),
        ({"shard": -1}, "an entry is in shard -1 of 1"),
        ({"shape": (4,)}, "takes 16 bytes; there are 12 for it"),
        ({"shape": (2**62, 2**62)}, "there are 12 for it"),
        ({"shape": (2**63 - 1,) * 40}, "variable a has 40 dimensions"),
        ({"shape": (-1, -3)}, r"has the shape \(-1, -3\), which holds no values"),
        ({"shape": (0, 3), "size": 0}, "which holds no values"),
        ({"shape": (0, 2**62), "size": 0}, "which holds no values"),
        ({"shape": ()}, "takes 4 bytes; there are 12 for it"),
        ({"dtype": 2}, "float64"),
        ({"dtype": 8}, "variable a is of TensorFlow's type 8, which is not supported; floats"),
        ({"dtype": 0}, "type 0"),
        ({"dtype": 2**40}, "type 1099511627776"),
        ({"checksum": 0}, "the checksum of variable a is wrong"),
        ({"more": b"\x3a\x00"}, "variable 'a' is stored in slices"),
        ({"more": b"\x12\x02\x18\x01"}, "variable a has no shape"),  # of unknown rank
        ({"more": b"\x0a\x01x"}, "field 1 should be a number"),
        ({"more": b"\x10\x01"}, "field 2 should be a message"),
        ({"more": b"\x0b"}, "a field of kind 3 is not known"),
        ({"more": b"\x42" + varint(5000) + bytes(5000)}, r"an entry of the index has 50\d\d bytes"),
    ],
)
def test_absurd_entries(tmp_path, fields, said):
    index = write_entries(tmp_path, of_zeros(**fields))
    tracemalloc.start()
    refused(index, said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


def test_two_in_one_place(tmp_path):
    index = write_entries(tmp_path, of_zeros(), of_zeros(shape=(1,), offset=8, size=4))
    refused(index, "variables.index: a and b share bytes")


def test_slices_have_keys_of_their_own(tmp_path):
    entries = [(b"", header()), (b"\0\1a\0", of_zeros())]
    refused(write_files(tmp_path, table(entries), [bytes(12)]), "is stored in slices")


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b"\xe2\x80\xa8"])
def test_keys_that_cannot_be_printed(tmp_path, name):
    index = write_files(tmp_path, table([(b"", header()), (name, of_zeros())]), [bytes(12)])
    refused(index, "cannot be printed|can't decode")


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (header(endianness=1), "written on a big-endian machine, which is not supported"),
        (b"\xff", "a number does not end"),
        (header(0), "an entry is in shard 0 of 0"),
        (header(-1), "an entry is in shard 0 of -1"),
        (header(2**31), r"data-00000-of-2147483648: the shard is missing"),
    ],
)
def test_headers(tmp_path, first, said):
    refused(write_entries(tmp_path, of_zeros(), first=first), said)


def test_no_header(tmp_path):
    index = write_files(tmp_path, table([(b"a", of_zeros())]), [bytes(12)])
    refused(index, "the index does not begin with a header")
    refused(write_files(tmp_path, table([]), [bytes(12)]), "the index does not begin with a header")


def test_too_many_entries(tmp_path, monkeypatch):
    monkeypatch.setattr("alignet_hf.convert.tensor_bundle._MOST_ENTRIES", 3)
    assert len(read_all(write_bundle(tmp_path, anonymous(3)))) == 3
    refused(write_bundle(tmp_path, anonymous(4)), "the index has more than 3 entries")


def test_memory_is_that_of_the_variable_that_is_read(tmp_path):
    entries, shards = bundle_entries({"small": torch.zeros(1)})
    n = 2**20
    checksum = masked_crc32c(bytes(4 * n))
    entries += [(b"v%d" % number, entry(1, (n,), 0, 4 + 4 * n * number, 4 * n, checksum)) for number in range(4)]
    index = write_files(tmp_path, table(entries), [shards[0] + bytes(16 * n)])
    tracemalloc.start()
    for variable in open_bundle(index):
        variable.tensor()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 4 * n <= peak < 4.5 * n
