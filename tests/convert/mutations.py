"""Files as an enemy or a bad disk would leave them: good ones, spoiled at random, checksums often made to fit again."""

import gzip
import io
import itertools
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import bundle_writer as writer
import numpy as np
import torch
from safetensors.torch import save

from alignet_hf.convert.archive import unpack
from alignet_hf.convert.npz import open_npz
from alignet_hf.convert.safetensors_file import open_safetensors
from alignet_hf.convert.saved_model import open_saved_model
from alignet_hf.convert.variables import Variables

_ODD_BYTES = (0, 1, 0x7F, 0x80, 0xFF)
_ODD_NUMBERS = (0, 1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to four changes: bits, odd bytes and numbers, parts cut out, put in, repeated or moved, an end cut off."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        start = rng.randrange(len(data) + 1)
        part = slice(start, start + rng.choice((1, 2, 4, 8, 64, 1024)))
        change = rng.randrange(9)
        if change == 0 and start < len(data):
            data[start] ^= 1 << rng.randrange(8)
        elif change == 1 and start < len(data):
            data[start] = rng.choice(_ODD_BYTES)
        elif change == 2:
            n_bytes = rng.choice((2, 4, 8))
            data[start : start + n_bytes] = (rng.choice(_ODD_NUMBERS) % 256**n_bytes).to_bytes(n_bytes, "little")
        elif change == 3:
            number = writer.varint(rng.choice(_ODD_NUMBERS))
            data[start : start + rng.choice((0, 1, len(number)))] = number
        elif change == 4:
            del data[part]
        elif change == 5:
            data[start:start] = rng.randbytes(rng.choice((1, 8, 300)))
        elif change == 6:
            data[start:start] = data[part] * rng.choice((1, 2, 50))
        elif change == 7:
            moved = bytes(data[part])
            del data[part]
            to = rng.randrange(len(data) + 1)
            data[to:to] = moved
        elif change == 8:
            del data[start:]
    return bytes(data)


class Bundles:
    """SavedModels of two shards, spoiled in a file, a block before its checksum is taken, an entry, or the footer.

    Attributes:
        arrays: what the good one holds.
    """

    def __init__(self):
        tensors = writer.anonymous(60)
        tensors[writer.key(60)] = torch.randn(100, 100)
        tensors[writer.key(61)] = torch.randn(50, 100).bfloat16()
        self.arrays = {str(number): tensors[writer.key(number)].float() for number in range(len(tensors))}
        self.entries, self.shards = writer.bundle_entries(tensors, 2, {"_CHECKPOINTABLE_OBJECT_GRAPH": b"graph" * 20})
        self.index = writer.table(self.entries)

    def write(self, folder: Path, rng: random.Random | None) -> str:
        """Write one, or with no `rng` the good one -> what was changed."""
        index, shards, entries = self.index, list(self.shards), list(self.entries)
        kind = rng.choice(("index", "shard", "block", "entry", "footer")) if rng else "nothing"
        if kind == "index":
            index = mutated(index, rng)
        elif kind == "shard":
            number = rng.randrange(2)
            shards[number] = mutated(shards[number], rng)
        elif kind == "block":
            index = writer.table(entries, change=_change_one_of(index.count(b"/.ATTRIBUTES") // 8, rng))
        elif kind == "entry":
            number = rng.randrange(len(entries))
            entries[number] = entries[number][0], mutated(entries[number][1], rng)
            index = writer.table(entries)
        elif kind == "footer":
            index = index[:-48] + mutated(index[-48:-8], rng)[:40].ljust(40, b"\0") + index[-8:]
        writer.write_files(folder, index, shards)
        return kind

    @staticmethod
    def open(folder: Path) -> Variables:
        return open_saved_model(folder)


def _change_one_of(n: int, rng: random.Random) -> Callable[[bytes], bytes]:
    """A change of one of the first `n` blocks of a table."""
    numbers, chosen = itertools.count(), rng.randrange(n)
    return lambda block: mutated(block, rng) if next(numbers) == chosen else block


class NpzArchives:
    """Archives of arrays, spoiled anywhere, in the directory, in an array's file before it is packed, or after it."""

    def __init__(self):
        rng = np.random.default_rng(0)
        arrays = {f"Transformer/block_{number}/scale": rng.standard_normal((number + 1, 3)) for number in range(8)}
        arrays["half"] = rng.standard_normal((50, 100)).astype("f2")
        arrays["columns"] = np.asfortranarray(rng.standard_normal((40, 30)).astype("f4"))
        arrays["zeros"] = np.zeros((100, 100), "f4")
        self.stored = arrays
        self.arrays = {name: torch.from_numpy(array.astype("f4", order="C")) for name, array in arrays.items()}

    def write(self, folder: Path, rng: random.Random | None) -> str:
        kind = rng.choice(("file", "directory", "member", "stream")) if rng else "nothing"
        method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)) if rng else zipfile.ZIP_STORED
        data = self._packed(method, rng if kind == "member" else None)
        if kind == "file":
            data = mutated(data, rng)
        elif kind == "directory":
            start = data.index(b"PK\1\2")
            data = data[:start] + mutated(data[start:], rng)
        elif kind == "stream":
            start = rng.choice([found.start() for found in re.finditer(b"PK\3\4", data)])
            data = data[:start] + mutated(data[start : start + 2000], rng) + data[start + 2000 :]
        (folder / "parameters.npz").write_bytes(data)
        return kind

    def _packed(self, method: int, rng: random.Random | None) -> bytes:
        """The archive; with an `rng` one array's file, its header most often, is spoiled and its checksum fits."""
        chosen = rng.choice(list(self.stored)) if rng else None
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name, array in self.stored.items():
                member = io.BytesIO()
                np.save(member, array)
                data = member.getvalue()
                if name == chosen:
                    n_spoiled = 128 if rng.random() < 0.8 else len(data)
                    data = mutated(data[:n_spoiled], rng) + data[n_spoiled:]
                archive.writestr(f"{name}.npy", data)
        return stream.getvalue()

    @staticmethod
    def open(folder: Path) -> Variables:
        return open_npz(folder / "parameters.npz")


class Tarballs:
    """A SavedModel's archive, spoiled as it is, before gzip, or in a file's header before its checksum is taken."""

    def __init__(self):
        good = Bundles()
        self.arrays = good.arrays
        files = {f"model/variables/variables.data-0000{i}-of-00002": shard for i, shard in enumerate(good.shards)}
        self.files = files | {"model/variables/variables.index": good.index, "model/" + "long/" * 40: b"text"}

    def write(self, folder: Path, rng: random.Random | None) -> str:
        kind = rng.choice(("file", "tar", "header")) if rng else "nothing"
        form = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)) if rng else tarfile.PAX_FORMAT
        chosen = rng.choice(list(self.files)) if kind == "header" else None
        tar = b"".join(_member(name, data, form, rng if name == chosen else None) for name, data in self.files.items())
        tar += bytes(1024)
        data = gzip.compress(mutated(tar, rng) if kind == "tar" else tar, 1)
        (folder / "model.tar.gz").write_bytes(mutated(data, rng) if kind == "file" else data)
        return kind

    @staticmethod
    def open(folder: Path) -> Variables:
        (folder / "unpacked").mkdir()
        return open_saved_model(unpack(folder / "model.tar.gz", folder / "unpacked"))


def _member(name: str, data: bytes, form: int, rng: random.Random | None) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    header = member.tobuf(form)
    if rng:
        at = 512 * rng.randrange(len(header) // 512)
        block = mutated(header[at : at + 512], rng)[:512].ljust(512, b"\0")
        checksum = sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")
        header = header[:at] + block[:148] + b"%06o\0 " % checksum + block[156:] + header[at + 512 :]
    return header + data + bytes(-len(data) % 512)


class Safetensors:
    """A safetensors file, spoiled anywhere or in its header."""

    def __init__(self):
        self.arrays = writer.anonymous(20)
        self.good = save(self.arrays)
        self.n_header = 8 + int.from_bytes(self.good[:8], "little")

    def write(self, folder: Path, rng: random.Random | None) -> str:
        kind = rng.choice(("unchecked", "header")) if rng else "nothing"
        data = mutated(self.good, rng) if kind == "unchecked" else self.good
        if kind == "header":
            header = mutated(data[8 : self.n_header], rng)
            data = len(header).to_bytes(8, "little") + header + data[self.n_header :]
        (folder / "model.safetensors").write_bytes(data)
        return kind

    @staticmethod
    def open(folder: Path) -> Variables:
        return open_safetensors(folder / "model.safetensors")


READERS = {"tensor bundle": Bundles, "npz": NpzArchives, "tar.gz": Tarballs, "safetensors": Safetensors}
# What was spoiled before a checksum was taken, or has none, may be read as something else; nothing else may.
MAY_DIFFER = ("block", "entry", "member", "tar", "header", "unchecked")


def is_as_written(variables: Variables, expected: Mapping[str, torch.Tensor]) -> bool:
    """Whether no variable that was written is read with other values."""
    return all(
        torch.equal(variable.tensor(), expected[variable.name]) for variable in variables if variable.name in expected
    )
