"""What a user asks to be converted, opened: the variables, and where they came from."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from safetensors import safe_open

from alignet_hf.convert.archive import unpack
from alignet_hf.convert.cache import CachedConversion
from alignet_hf.convert.download import (
    ATTEMPTS,
    Download,
    NoSuchFileError,
    download,
    downloaded,
    remove_download,
    shown,
)
from alignet_hf.convert.npz import open_npz
from alignet_hf.convert.released import Released, find_released, is_released, named_by, names_there_are
from alignet_hf.convert.safetensors_file import open_safetensors
from alignet_hf.convert.saved_model import INDEX, open_saved_model
from alignet_hf.convert.variables import Variables
from alignet_hf.errors import FullDiskError, InputError
from alignet_hf.hub.artifacts import sha256_of

ARCHIVES = (".tar.gz", ".tgz")
_TOLD = ("model", "source", "paper", "license", "conversion")  # of a safetensors file's metadata
KINDS = (
    "a released name, an address, a .tar.gz or folder of a SavedModel, an .npz of big_vision, a .safetensors with "
    "timm's names, or a folder of an AligNet model"
)


@dataclass(frozen=True)
class Source:
    """A checkpoint to convert.

    Attributes:
        variables: its arrays.
        file: its file's name, for the record.
        size, sha256: of that file.
        url: where it was downloaded from; None for a file that was here.
        released: which of the authors' checkpoints it is, or by its name ought to be, which states the model's family
            too; None where nothing says so.
        saved_model: the folder of the SavedModel, where it is one.
        notes: what the file itself says of where it is from.
    """

    variables: Variables
    file: str
    size: int
    sha256: str
    url: str | None = None
    released: Released | None = None
    saved_model: Path | None = None
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Remote:
    """A checkpoint that is to be downloaded.

    Attributes:
        name: of the checkpoint: the authors', or the file's without its ending.
        urls: where it is, the likeliest first.
        released: the authors' checkpoint that was asked for by name.
    """

    name: str
    urls: tuple[str, ...]
    released: Released | None = None

    def download(self, path: Path, say: Callable[[str], None], calls: int = ATTEMPTS) -> Download:
        """Download the archive to `path`.

        Raises:
            NoSuchFileError: it is at none of the addresses.
            InputError: as `download`.
        """
        for url in self.urls:
            if record := downloaded(url, path):
                return record
        for url in self.urls[:-1]:
            try:
                return download(url, path, say=say, calls=calls)
            except NoSuchFileError:
                continue
        try:
            return download(self.urls[-1], path, say=say, calls=calls)
        except NoSuchFileError as error:
            if self.released is None:
                raise
            others = "".join(f" and none at {shown(url)}" for url in self.urls[:-1])
            raise NoSuchFileError(
                f"{error}{others}; the name is right, this server does not have it; base_url= names another place"
            ) from error


def remote_of(source: str, base_url: str | None = None) -> Remote | None:
    """The checkpoint to download that a source names; None where it is here, or no such thing.

    Raises:
        InputError: an address whose file is not a .tar.gz.
    """
    if Path(source).exists():
        return None
    if is_released(source):
        released = find_released(source)
        return Remote(released.name, tuple(released.urls(base_url)), released)
    if not source.lower().startswith(("http://", "https://")):
        return None
    file = unquote(urlsplit(shown(source)).path.rpartition("/")[2])
    if not file.lower().endswith(ARCHIVES):
        raise InputError(f"{shown(source)}: an address of a .tar.gz is wanted; download another file yourself")
    query = urlsplit(source).query  # may name another file at each turn, or sign the address: it is kept as a digest
    which = f"-{hashlib.sha256(query.encode()).hexdigest()[:8]}" if query else ""
    return Remote(f"{_stem(file)}{which}", (source,))


@contextmanager
def naming(folder: Path, source: str | Path) -> Iterator[None]:
    """Let messages name the source, not the folder that it was unpacked into, which goes again."""
    try:
        yield
    except InputError as error:
        if isinstance(error, FullDiskError) or str(folder) not in str(error):
            raise
        raise type(error)(str(error).replace(str(folder), str(source))) from error


@contextmanager
def open_remote(
    remote: Remote, place: CachedConversion, work: Path, say: Callable[[str], None], calls: int = ATTEMPTS
) -> Iterator[Source]:
    """Download and unpack a checkpoint, and open it; the archive goes when the block ends well.

    An archive that turns out to be damaged goes too, so that the next attempt gets it anew; one that was read, and not
    understood, or for which there was no room, stays for that attempt.

    Args:
        place: of its conversion in the cache, where the archive is kept meanwhile.
        work: an empty folder to unpack into.
        say, calls: as `download`.
    """
    record = remote.download(place.archive, say, calls)
    try:
        _check_is_archive(place.archive, record.url)
        folder = unpack(place.archive, work)
        variables = replace(open_saved_model(folder), source=remote.name)
    except FullDiskError:
        raise  # the archive is good, and waits for room
    except InputError as error:
        remove_download(place.archive)
        raise type(error)(str(error).replace(str(place.archive), record.url)) from error
    file = record.url.rpartition("/")[2]
    yield Source(
        variables,
        file=file,
        size=record.size,
        sha256=record.sha256,
        url=record.url,
        released=remote.released or named_by(_stem(unquote(file))),
        saved_model=folder,
    )
    remove_download(place.archive)


def _check_is_archive(path: Path, url: str) -> None:
    with path.open("rb") as file:
        start = file.read(12)
    if not start.startswith(b"\x1f\x8b"):
        page = ", a login page?" if start.lstrip().startswith(b"<") else ""
        raise InputError(
            f"{url}: the server sent no .tar.gz ({start!r}{page}); what came is removed: run this again, or "
            "name another place (base_url=)"
        )


def open_local(source: str | Path, work: Path) -> Source:
    """Open a checkpoint that is here.

    Args:
        source: a file, or a folder of a SavedModel.
        work: an empty folder to unpack an archive into.

    Raises:
        InputError: there is no such file, or it is none that can be converted.
    """
    path = Path(source)
    if path.is_dir():
        return _saved_model(path)
    if not path.exists():
        raise InputError(f"{source}: no such file; SOURCE is {KINDS}; {names_there_are()}")
    name, notes = path.name.lower(), {}
    if name.endswith(ARCHIVES):
        folder = unpack(path, work)
        variables = replace(open_saved_model(folder), source=str(source))
    elif name.endswith(".npz"):
        folder, variables = None, open_npz(path)
    elif name.endswith(".safetensors"):
        folder, variables = None, open_safetensors(path)
        notes = _notes(path)
    else:
        raise InputError(f"{source}: a file of this kind cannot be converted; SOURCE is {KINDS}")
    return Source(
        variables,
        file=path.name,
        size=path.stat().st_size,
        sha256=sha256_of(path),
        released=named_by(_stem(path.name)) or _named_in(notes),
        saved_model=folder,
        notes=notes,
    )


def _notes(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself, a line each."""
    with safe_open(path, "numpy") as file:
        said = file.metadata() or {}
    return {f"its own words: {key}": " ".join(said[key].split())[:300] for key in _TOLD if key in said}


def _named_in(notes: dict[str, str]) -> Released | None:
    """The authors' archive that a file says that it was converted from."""
    files = re.findall(r"([\w-]+)\.tar\.gz", " ".join(notes.values()))
    return next((released for file in files if (released := named_by(file)) is not None), None)


def _saved_model(path: Path) -> Source:
    """The SavedModel in a folder, or in the one folder inside; its index, which holds all checksums, stands for it."""
    inside = [entry for entry in path.iterdir() if (entry / INDEX).is_file()]
    folder = inside[0] if len(inside) == 1 and not (path / INDEX).exists() else path
    if not (folder / INDEX).exists() and not (folder / "saved_model.pb").exists():
        raise InputError(f"{path}: neither a SavedModel ({INDEX.as_posix()}) nor an AligNet model (config.json)")
    variables = open_saved_model(folder)
    return Source(
        variables,
        file=INDEX.as_posix(),
        size=(folder / INDEX).stat().st_size,
        sha256=sha256_of(folder / INDEX),
        released=named_by(folder.resolve().name),
        saved_model=folder,
    )


def _stem(file: str) -> str:
    for ending in (*ARCHIVES, ".npz", ".safetensors"):
        if file.lower().endswith(ending):
            return file[: -len(ending)]
    return file
