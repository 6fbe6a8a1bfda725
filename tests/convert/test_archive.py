import gzip
import io
import os
import shutil
import tarfile
import tracemalloc
from pathlib import Path

import pytest
import torch
from bundle_writer import anonymous, write_bundle

from alignet_hf.convert import archive, mapped_file
from alignet_hf.convert.archive import unpack
from alignet_hf.convert.saved_model import open_saved_model
from alignet_hf.errors import FullDiskError, InputError

INDEX, SHARD = "variables/variables.index", "variables/variables.data-00000-of-00001"


@pytest.fixture
def model(tmp_path) -> Path:
    """A SavedModel's folder."""
    folder = tmp_path / "model"
    write_bundle(folder, anonymous(12))
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "assets").mkdir()
    (folder / "assets" / "words.txt").write_text("words")
    return folder


def packed(folder: Path, inside: str = "", **options) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz", **options) as tar:
        tar.add(folder, inside or ".")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def out(tmp_path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("inside", ["", "SigLIP2-B-alignet", "a/b", "long/" * 60 + "name", "ümlaut/" + "x" * 120])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_a_saved_model_needs_is_unpacked(model, out, inside, form):
    assert unpack(packed(model, inside, format=form), out) == out
    expected = contents(model)
    del expected["assets/words.txt"]
    assert contents(out) == expected
    for variable, tensor in zip(open_saved_model(out), anonymous(12).values(), strict=True):
        assert torch.equal(variable.tensor(), tensor)


def test_what_gnu_tar_made(model, out):
    path = model.with_suffix(".tar.gz")
    assert os.system(f"tar -czf {path} -C {model.parent} model") == 0
    unpack(path, out)
    assert contents(out).keys() == {"saved_model.pb", INDEX, SHARD}


def refused(path, out, said, error=InputError):
    with pytest.raises(error, match=said) as caught:
        unpack(path, out)
    assert "\n" not in str(caught.value)
    assert list(out.iterdir()) == []


def with_member(model, name="variables/other", data=b"", before=False, **facts) -> Path:
    """The model's archive with one more member."""
    path = model.with_suffix(".tar.gz")
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for fact, value in facts.items():
        setattr(member, fact, value)
    with tarfile.open(path, "w:gz") as tar:
        if before:
            tar.addfile(member, io.BytesIO(data))
        tar.add(model, ".")
        if not before:
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "..", "C:/x", "C:x", "..\\x", "\\x", "//host/x"])
@pytest.mark.parametrize("before", [True, False])
def test_names_that_lead_out(model, out, name, before):
    refused(with_member(model, name, before=before), out, "model.tar.gz: it holds '.*', a name that leads out of it")
    assert not (out.parent / "x").exists()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.CONTTYPE, "no plain file"),
        (tarfile.GNUTYPE_SPARSE, "no plain file"),
        (b"Z", "no plain file"),
    ],
)
@pytest.mark.parametrize("name", ["saved_model.pb", "assets/x"])
def test_what_is_no_file(model, out, kind, said, name):
    path = with_member(model, "sub/" + name, type=kind, linkname="/etc/passwd", before=True)
    refused(path, out, f"'sub/{name}' in it is {said}, which is refused")


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "./saved_model.pb", "variables//variables.index", "assets/words.txt"]
)
def test_two_of_one_name(model, out, name):
    refused(with_member(model, name, b"other"), out, "it holds two files called")


def test_two_saved_models(model, out):
    refused(with_member(model, "other/" + INDEX, b"x"), out, r"holds two SavedModels, in '.' and 'other'; unpack it")


def test_no_saved_model(model, out):
    shutil.rmtree(model / "variables")
    refused(
        packed(model), out, r"no SavedModel, as there is no variables/variables.index in it; it holds 'assets/words"
    )
    shutil.rmtree(model)
    model.mkdir()
    refused(packed(model), out, "it holds no file")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_shard(model, out, number):
    shutil.rmtree(model / "variables")
    write_bundle(model, anonymous(12), n_shards=3)
    unpack(packed(model), out)
    shutil.rmtree(out)
    out.mkdir()
    os.unlink(model / f"variables/variables.data-0000{number}-of-00003")
    refused(packed(model), out, f"model.tar.gz: the shard variables.data-0000{number}-of-00003 is missing; get it anew")


def test_no_shard(model, out):
    os.unlink(model / SHARD)
    refused(packed(model), out, "the shard variables.data-00000-of-00001 is missing")


def test_every_truncation_is_refused(model, out):
    whole = packed(model).read_bytes()
    path = model.parent / "cut.tar.gz"
    for size in [*range(0, len(whole), 37), len(whole) - 1, len(whole) - 8]:
        path.write_bytes(whole[:size])
        refused(path, out, "cut.tar.gz: .*; it is damaged, or not a .tar.gz: get it anew")


def test_every_changed_byte_is_refused(model, out):
    whole = packed(model).read_bytes()
    path = model.parent / "changed.tar.gz"
    for at in range(0, len(whole), 17):
        changed = bytearray(whole)
        changed[at] ^= 255
        path.write_bytes(changed)
        if 3 < at < 22:  # gzip's flags, time and file name
            continue
        # A name may be damaged into another member's, which is read before the checksum at the end.
        refused(path, out, "it is damaged, or not a .tar.gz|get it from its authors")


@pytest.mark.parametrize("data", [b"", b"text", b"\x1f\x8b", gzip.compress(b""), gzip.compress(b"x" * 5000)])
def test_what_is_no_archive(tmp_path, out, data):
    (tmp_path / "it.tar.gz").write_bytes(data)
    refused(tmp_path / "it.tar.gz", out, "it is damaged, or not a .tar.gz: get it anew")


def test_no_file(tmp_path, out):
    refused(tmp_path / "none.tar.gz", out, "none.tar.gz: not there; name a .tar.gz")
    refused(tmp_path, out, "not a file; name a .tar.gz")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", out, "not a file; name a .tar.gz")


def in_an_archive(path: Path, *blocks: bytes) -> Path:
    path.write_bytes(gzip.compress(b"".join(blocks)))
    return path


def tar_header(name="saved_model.pb", size=0, kind=tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (
            archive.MOST_BYTES + 1,
            "its files are said to take 8589934593 bytes, more than 8589934592; get it from its authors",
        ),
        (2**62, "are said to take"),
        (-512, "a file in it is said to take -512 bytes; it is damaged"),
        (5000, "it ends in the middle of a file"),
    ],
)
@pytest.mark.parametrize("name", ["saved_model.pb", "assets/x"])
def test_absurd_sizes(tmp_path, out, size, said, name):
    path = in_an_archive(tmp_path / "it.tar.gz", tar_header(name, size), bytes(4096))
    tracemalloc.start()
    refused(path, out, said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_that_would_fill_the_memory(tmp_path, out, kind):
    path = in_an_archive(tmp_path / "it.tar.gz", tar_header(size=2**26, kind=kind), bytes(2**26))
    tracemalloc.start()
    refused(path, out, "it has a header of 67108864 bytes")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"12 path=abc\n", None),
        (b"99 path=abc\n", "a header in it is damaged"),
        (b"2 path=abc\n", "a header in it is damaged"),
        (b"path=abc\n", "a header in it is damaged"),
        (b"-5 path=abc\n", "a header in it is damaged"),
        (b"1" * 5000, "a header in it is damaged"),
        (b"17 size=99999999\n", "a file with gaps, or larger than 8 GiB"),
        (b"22 GNU.sparse.major=1\n", "a file with gaps"),
        (b"15 path=../out\n", "a name that leads out of it"),
    ],
)
def test_records_before_a_file(tmp_path, out, record, said):
    header = tar_header("x", len(record), tarfile.XHDTYPE)
    blocks = header, record.ljust(-(-len(record) // 512) * 512, b"\0"), tar_header(), bytes(1024)
    refused(in_an_archive(tmp_path / "it.tar.gz", *blocks), out, said or "no SavedModel.*; it holds 'abc'")


def test_bombs(model, out, monkeypatch):
    path = with_member(model, "assets/zeros", bytes(2**20))
    unpack(path, out)
    shutil.rmtree(out)
    out.mkdir()
    monkeypatch.setattr(archive, "MOST_BYTES", 2**20)
    refused(path, out, "more than 1048576; get it from its authors")
    monkeypatch.setattr(archive, "MOST_BYTES", mapped_file.MOST_BYTES)
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 5)
    refused(path, out, "it holds more than 5 files")


def test_padding_without_end(model, out):
    tar = gzip.decompress(packed(model).read_bytes())
    unpack(in_an_archive(model.parent / "it.tar.gz", tar, bytes(10_000)), out)
    shutil.rmtree(out)
    out.mkdir()
    refused(in_an_archive(model.parent / "it.tar.gz", tar, bytes(2**21)), out, "it goes on after its end")


def test_no_room(model, out, monkeypatch):
    path = packed(model)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    refused(path, out, "are free; make room and start the same command again", FullDiskError)


def test_a_full_disk_while_it_writes(model, out, monkeypatch):
    def full(chunks, size):
        raise OSError(28, "No space left on device")

    path = packed(model)
    monkeypatch.setattr(archive, "_chunks", full)
    refused(path, out, r"out: cannot be written \(No space left on device\); make room", FullDiskError)


def test_nothing_follows_the_end(model, out):
    tar = gzip.decompress(packed(model).read_bytes())
    refused(in_an_archive(model.parent / "it.tar.gz", tar, tar), out, "it goes on after its end")
