"""Images in tar files, as WebDataset lays them out: read by place, without unpacking."""

import hashlib
import re
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from huggingface_hub.constants import HF_HOME
from tqdm import tqdm

from alignet_hf.data.images.decoding import IMAGE_SUFFIXES
from alignet_hf.data.images.names import Names
from alignet_hf.data.images.sources import EncodedImages
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing

INDEX_FOLDER = Path(HF_HOME) / "alignet" / "shards"
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


class TarImages(EncodedImages):
    """Every image in tar files, shard by shard in the order of the members; what else is in them is passed over.

    Where the images lie is found once, by reading the members' headers, and kept under `HF_HOME/alignet/shards`
    for every shard by its path, size and time of change. A tar within a tar is looked into, as ImageNet's is one.

    Args:
        shards: uncompressed tar files. The names are `SHARD/MEMBER`.

    Raises:
        InputError: naming the shard that is not there, or not a whole tar file; or if there is no image at all.
    """

    def __init__(self, shards: Sequence[str | Path]):
        self.shards = [Path(shard) for shard in shards]
        bar = tqdm(self.shards, "finding images", unit="shard", leave=False, disable=None)
        found = [shard_index(shard) for shard in bar]
        self.shard = np.repeat(np.arange(len(found)), [len(offsets) for _, offsets, _ in found])
        if not len(self.shard):
            raise InputError(f"{self.shards[0]}: no image in {len(self.shards)} tar files; looked for .jpg, .png, ...")
        self.names = Names(
            f"{shard.name}/{name}" for shard, (names, _, _) in zip(self.shards, found, strict=True) for name in names
        )
        self.offsets, self.sizes = (np.concatenate([one[part] for one in found]) for part in (1, 2))

    def __len__(self) -> int:
        return len(self.shard)

    def encoded(self, index: int) -> tuple[bytes, str]:
        path = self.shards[self.shard[index]]
        try:
            with path.open("rb") as file:  # anew each time: a place in a file must not be shared by processes
                file.seek(self.offsets[index])
                return file.read(self.sizes[index]), f"{path.parent / self.names[index]}"
        except OSError as error:
            raise InputError(f"{path}: the shard cannot be read: {error.strerror}") from error

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for shard in self.shards:
            digest.update(_identity(shard).encode())
        return digest.hexdigest()


def shard_paths(pattern: str | Path) -> list[Path]:
    """The tar files that a file's name, a folder's, or one with `{000000..000123}` in it stands for.

    Raises:
        InputError: if there are none.
    """
    path = Path(pattern)
    if path.is_dir():
        found = sorted(path.glob("*.tar"))
        if not found:
            raise InputError(f"{pattern}: no .tar file in this folder")
        return found
    names = [str(pattern)]
    while _BRACES.search(names[0]):
        names = [expanded for name in names for expanded in _expanded(name)]
    missing = [name for name in names if not Path(name).is_file()]
    if missing and ("*" in missing[0] or "?" in missing[0]):
        raise InputError(f"{pattern}: * and ? are not understood; give the shards' folder, or shards-{{000..146}}.tar")
    if missing:
        raise InputError(f"{missing[0]}: no such shard; {len(missing)} of {len(names)} are missing")
    return [Path(name) for name in names]


def shard_index(shard: Path) -> tuple[Names, np.ndarray, np.ndarray]:
    """Names, offsets and sizes of the images in a tar file, from where they are kept if they are."""
    kept = INDEX_FOLDER / f"{hashlib.sha256(_identity(shard).encode()).hexdigest()[:32]}.npz"
    index = _read_index(kept) if kept.is_file() else None
    if index is None:
        index = _find_images(shard)
        with suppress(OSError):  # a cache that cannot be written costs time, nothing else
            INDEX_FOLDER.mkdir(parents=True, exist_ok=True)
            with replacing(kept) as path, path.open("wb") as file:
                np.savez(file, names=index[0].array, offsets=index[1], sizes=index[2])
    return index


def _read_index(path: Path) -> tuple[Names, np.ndarray, np.ndarray] | None:
    """What `shard_index` kept; None if the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Names(arrays["names"]), arrays["offsets"], arrays["sizes"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None


def _find_images(shard: Path) -> tuple[Names, np.ndarray, np.ndarray]:
    try:
        with tarfile.open(shard, "r:") as tar:
            found = list(_images_in(tar))
            tar.fileobj.seek(tar.offset)
            if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):  # tarfile takes a damaged header for the end
                raise tarfile.ReadError(f"bad header at byte {tar.offset}")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(f"{shard}: not a whole, uncompressed tar file: {error}; unpack or replace it") from error
    offsets, sizes = (np.array([one[part] for one in found], np.int64) for part in (1, 2))
    return Names(name for name, _, _ in found), offsets, sizes


def _images_in(tar: tarfile.TarFile, start: int = 0, inside: str = ""):
    for member in tar:
        if not member.isreg() or Path(member.name).name.startswith("."):
            continue
        suffix = Path(member.name).suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            yield inside + member.name.removeprefix("./"), start + member.offset_data, member.size
        elif suffix == ".tar":
            with tarfile.open(fileobj=tar.extractfile(member), mode="r:") as inner:
                yield from _images_in(inner, start + member.offset_data, f"{member.name.removeprefix('./')}/")


def _identity(shard: Path) -> str:
    try:
        status = shard.stat()
    except OSError as error:
        raise InputError(f"{shard}: the shard cannot be read: {error.strerror}") from error
    return f"{shard.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"


def _expanded(name: str) -> list[str]:
    """The first `{000..123}` of a name, written out."""
    first, last = _BRACES.search(name).groups()
    return [_BRACES.sub(f"{number:0{len(first)}d}", name, count=1) for number in range(int(first), int(last) + 1)]
