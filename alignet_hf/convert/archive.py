"""A released archive, a .tar.gz of a SavedModel, unpacked without trust in what it says of itself.

tarfile would hold a header of any size in memory and take a damaged one for the archive's end, so that of it the parser
of a single header is used alone. Whatever the archive calls its files, the names that they get are these:

    saved_model.pb  fingerprint.pb  variables/variables.index  variables/variables.data-00000-of-00001
"""

import gzip
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from tarfile import TarInfo

from tqdm import tqdm

from alignet_hf.convert.mapped_file import MOST_BYTES, UnsupportedError, reading
from alignet_hf.convert.saved_model import INDEX
from alignet_hf.errors import FullDiskError, InputError
from alignet_hf.full_disk import MAKE_ROOM, in_words, naming_full_disk

_MOST_MEMBERS = 1000
_MOST_HEADER_BYTES = 2**14  # of one that is not a file's own
_MOST_PADDING_BYTES = 2**18
_CHUNK = 2**18
_ELSEWHERE = "get it from its authors"

_NEEDED = re.compile(r"(?:(.*)/)?(saved_model\.pb|fingerprint\.pb|variables/variables\.(?:index|data-\d{5}-of-\d{5}))")
_HEADERS = (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE)  # what a file before which they stand is like
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
_KINDS = {
    tarfile.LNKTYPE: "a link",
    tarfile.SYMTYPE: "a link",
    tarfile.GNUTYPE_LONGLINK: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


def unpack(archive: str | Path, folder: str | Path) -> Path:
    """Unpack what a SavedModel needs of an archive, and check all of it.

    Args:
        archive: .tar.gz; the SavedModel may lie in a folder of it.
        folder: empty.

    Returns:
        The folder, a SavedModel now. It is empty again where this fails.

    Raises:
        InputError: the archive cannot be read to its end, is damaged, inflates to more than MOST_BYTES, has a link, a
            device, a name that leads out of it or one name twice, or holds no whole SavedModel, or two.
        FullDiskError: there is no room for it.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise InputError(f"{archive}: {'not a file' if archive.exists() else 'not there'}; name a .tar.gz")
    try:
        with reading(archive, "a .tar.gz"), naming_full_disk(folder):
            _unpack(archive, folder)
    except BaseException:
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        raise
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    names, roots = set(), set()
    with archive.open("rb") as file, _with_progress(file, archive) as packed, gzip.GzipFile(fileobj=packed) as stream:
        for name, size in _members(stream):
            if name in names:
                raise UnsupportedError(f"it holds two files called {name[:200]!r}; {_ELSEWHERE}")
            names.add(name)
            if match := _NEEDED.fullmatch(name):
                roots.add(match[1] or ".")
                _check_one(archive, roots)
                _write(folder / match[2], size, stream)
            else:
                for _ in _chunks(stream, size):
                    pass
    _check_whole(archive, folder, names)


def _with_progress(file, archive: Path):
    """The file, whose reading moves a progress bar."""
    size = archive.stat().st_size
    return tqdm.wrapattr(file, "read", size, desc="unpacking", unit_divisor=1000, leave=False, disable=None)


def _members(stream: gzip.GzipFile) -> Iterator[tuple[str, int]]:
    """Name and bytes of every file; the caller reads these from the stream before it asks for the next."""
    long_name, n_bytes = None, 0
    for _ in range(_MOST_MEMBERS):
        header = _exactly(stream, tarfile.BLOCKSIZE)
        if not any(header):
            padding = stream.read(_MOST_PADDING_BYTES + 1)  # to gzip's end, where its checksum is
            if len(padding) > _MOST_PADDING_BYTES or any(padding):
                raise ValueError("it goes on after its end")
            return
        member = TarInfo.frombuf(header, "utf-8", "surrogateescape")
        n_bytes += member.size
        if member.size < 0:
            raise ValueError(f"a file in it is said to take {member.size} bytes")
        if n_bytes > MOST_BYTES:
            raise UnsupportedError(f"its files are said to take {n_bytes} bytes, more than {MOST_BYTES}; {_ELSEWHERE}")
        if member.type in _HEADERS:
            long_name = _long_name(stream, member) or long_name
            continue
        name, long_name = _checked_name(long_name or member.name), None
        if member.isdir():
            continue
        if member.type not in _FILES:
            kind = _KINDS.get(member.type, "no plain file")
            raise UnsupportedError(f"{name[:200]!r} in it is {kind}, which is refused; {_ELSEWHERE}")
        yield name, member.size
        _exactly(stream, -member.size % tarfile.BLOCKSIZE)
    raise UnsupportedError(f"it holds more than {_MOST_MEMBERS} files; {_ELSEWHERE}")


def _long_name(stream: gzip.GzipFile, member: TarInfo) -> str | None:
    """The name of the next file, where a header of its own has it: in GNU's manner, or as one of POSIX's records."""
    if member.size > _MOST_HEADER_BYTES:
        raise UnsupportedError(f"it has a header of {member.size} bytes; {_ELSEWHERE}")
    text = _exactly(stream, member.size + -member.size % tarfile.BLOCKSIZE)[: member.size]
    if member.type == tarfile.GNUTYPE_LONGNAME:
        return text.rstrip(b"\0").decode("utf-8", "surrogateescape")
    name = None
    while text:  # records "LENGTH KEY=VALUE\n", the length that of all of it
        length = re.match(rb"([0-9]{1,5}) ", text)
        if length is None or not length.end() < int(length[1]) <= len(text):
            raise ValueError("a header in it is damaged")
        key, _, value = text[length.end() : int(length[1]) - 1].partition(b"=")
        text = text[int(length[1]) :]
        if key == b"size" or key.startswith(b"GNU.sparse"):
            raise UnsupportedError(f"it holds a file with gaps, or larger than 8 GiB; {_ELSEWHERE}")
        if key == b"path":
            name = value.decode("utf-8", "surrogateescape")
    return name if member.type == tarfile.XHDTYPE else None


def _checked_name(name: str) -> str:
    """A name without "./"; refused where it leads out of the archive's own folder, here or on another system."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
        raise UnsupportedError(f"it holds {name[:200]!r}, a name that leads out of it; {_ELSEWHERE}")
    return path.as_posix()


def _exactly(stream: gzip.GzipFile, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("it ends in the middle of a file")
    return data


def _chunks(stream: gzip.GzipFile, size: int) -> Iterator[bytes]:
    for start in range(0, size, _CHUNK):
        yield _exactly(stream, min(_CHUNK, size - start))


def _write(path: Path, size: int, stream: gzip.GzipFile) -> None:
    path.parent.mkdir(exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise FullDiskError(
            f"{path}: takes {in_words(size)} unpacked, and as much again converted, and {in_words(free)} are free; "
            f"{MAKE_ROOM}"
        )
    with path.open("xb") as file:
        file.writelines(_chunks(stream, size))


def _check_one(archive: Path, roots: set[str]) -> None:
    if len(roots) > 1:
        places = " and ".join(map(repr, sorted(roots)))
        raise InputError(f"{archive}: holds two SavedModels, in {places}; unpack it and name the folder of one")


def _check_whole(archive: Path, folder: Path, names: set[str]) -> None:
    """Check that a SavedModel was in the archive, with all of the shards that their names count."""
    if not (folder / INDEX).exists():
        said = ", ".join(repr(name[:80]) for name in sorted(names)[:3]) or "no file"
        raise InputError(f"{archive}: no SavedModel, as there is no {INDEX.as_posix()} in it; it holds {said}")
    shards = sorted(path.name for path in (folder / INDEX.parent).glob("*.data-*"))
    n_shards = int(shards[0][-5:]) if shards else 1
    for number in range(n_shards):
        name = f"variables.data-{number:05d}-of-{n_shards:05d}"
        if name not in shards:
            raise InputError(f"{archive}: the shard {name} is missing; get it anew")
