"""Checkpoints of other formats to folders that transformers loads: from a name, a file or an address to the model."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alignet_hf.convert.cache import CachedConversion
from alignet_hf.convert.download import ATTEMPTS, UnreachableError, remove_download
from alignet_hf.convert.model import convert_variables
from alignet_hf.convert.record import record_of
from alignet_hf.convert.released import find_released
from alignet_hf.convert.source import Remote, Source, naming, open_local, open_remote, remote_of
from alignet_hf.convert.verify import check_tensorflow, verify
from alignet_hf.errors import FullDiskError, InputError
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.hub import export
from alignet_hf.hub.alignment import FILE, Alignment
from alignet_hf.hub.artifacts import replacing_folder
from alignet_hf.hub.export_folder import MARK, check_free
from alignet_hf.hub.models import CODE_FILES, complete_folder, is_aligned_model
from alignet_hf.output_folder import LOCK, alone_in

FORMATS = {"native": export.export_native, "timm": export.export_timm, "onnx": export.export_onnx}  # and "alignet"
Say = Callable[[str], None]
_NOTHING_TO_RUN = "is no SavedModel, so there is nothing to run; leave images= out"
_warn: Say = logging.getLogger(__name__).warning


def download_released(
    name: str,
    *,
    base_url: str | None = None,
    cache_dir: str | Path | None = None,
    reading: str | None = None,
    force: bool = False,
    say: Say = _warn,
) -> Path:
    """One of the authors' 24 checkpoints as an AligNet model: downloaded and converted once, found offline afterwards.

    Where the address is not the one that it came from and no server answers there, what was converted last under that
    name and reading is taken, and `say` is told where it came from.

    Args:
        name: "SigLIP2-B-alignet": one of eight models, and -base_model, -alignet or -untransformed.
        base_url: of the folder where NAME.tar.gz is; by default ALIGNET_HF_RELEASED_URL, or the authors' own.
        cache_dir: by default that of the Hub's client.
        reading: what the variables mean, where the name and the shapes leave that open.
        force: download and convert again.
        say: takes lines for the user; a logger's warnings by default.

    Returns:
        The folder, for `AligNetVisionModel.from_pretrained`, `AligNetForImageClassification.from_pretrained` and
        `AutoImageProcessor.from_pretrained`.

    Raises:
        InputError: no such name, no such file, no network, or a file that cannot be read.
        FullDiskError: there is no room.
    """
    released = find_released(name)
    remote = Remote(released.name, tuple(released.urls(base_url)), released)
    return _cached(remote, reading, cache_dir, force=force, say=say)


def convert_checkpoint(
    source: str | Path,
    out: str | Path,
    *,
    reading: str | None = None,
    image_size: int | None = None,
    to: str = "alignet",
    images: Sequence | None = None,
    name: str | None = None,
    force: bool = False,
    base_url: str | None = None,
    cache_dir: str | Path | None = None,
    say: Say = _warn,
) -> dict[str, str]:
    """Convert a checkpoint into a folder that appears whole or not at all.

    Args:
        source: a released name or the address of a .tar.gz; a .tar.gz or folder of a SavedModel; an .npz of big_vision;
            a .safetensors with timm's names; a folder of an AligNet model, to another format.
        out: a new or empty folder.
        reading: what the variables mean, where the shapes leave that open.
        image_size: side of the images in pixels, where the variables leave that open (224 by default).
        to: "alignet", both AligNet models in one folder; or "native", "timm", "onnx", as `alignet_hf.hub.export`.
        images: PIL images to compare the converted model with the SavedModel on; needs TensorFlow.
        name: of the model, for its card; the checkpoint's or the folder's by default.
        force: replace an earlier conversion in `out`.
        base_url, cache_dir: as `download_released`.
        say: takes lines for the user; a logger's warnings by default.

    Returns:
        The facts of the source that stand on the card.

    Raises:
        InputError: `out` is not free, or the source cannot be read, understood or verified; nothing is left behind.
        FullDiskError: there is no room.
    """
    out, wanted = Path(out), _Wanted(reading, image_size, images)
    _check_out(out, force)
    if images is not None:
        if is_aligned_model(Path(source)) or Path(source).suffix in (".npz", ".safetensors"):
            raise InputError(f"{source}: {_NOTHING_TO_RUN}")
        check_tensorflow()
    remote = remote_of(str(source), base_url)
    with _working_beside(out) as work:
        if is_aligned_model(Path(source)):
            model = _own(source, to, wanted)
        elif remote is not None and wanted == _Wanted(reading):
            model = _cached(remote, reading, cache_dir, force=False, say=say)
        else:
            with _opened(source, remote, work, cache_dir, say) as opened:
                model = _make(opened, work / "model", wanted, name or _name(opened, out), say)
        facts = Alignment.read(model).source
        if to == "alignet":
            _deliver(model, out, may_move=model.parent == work)
        else:
            _deliver(FORMATS[to](model, work / to), out, may_move=True)
    return facts


@dataclass(frozen=True)
class _Wanted:
    """What a user says of a checkpoint, and what to verify it on; see `convert_checkpoint`."""

    reading: str | None = None
    image_size: int | None = None
    images: Sequence | None = None


def _own(source: str | Path, to: str, wanted: _Wanted) -> Path:
    """An AligNet model, which needs an export alone."""
    if to == "alignet":
        raise InputError(f"{source}: is an AligNet model already; to= native, timm or onnx converts it")
    if wanted != _Wanted():
        raise InputError(f"{source}: an AligNet model; reading=, image_size= and images= are of other checkpoints")
    return Path(source)


def _cached(remote: Remote, reading: str | None, cache_dir: str | Path | None, *, force: bool, say: Say) -> Path:
    place = CachedConversion.of(remote.name, remote.urls[0], reading, cache_dir)
    if not force and (found := place.find()):
        return found
    with place.alone(say) as work:
        if not force and (found := place.find()):  # made while this process waited
            return found
        if force:
            remove_download(place.archive)
        unpacked = _new(work / "unpacked")
        earlier = None if force or remote.released is None else place.find_by_name()
        calls = ATTEMPTS if earlier is None else 1
        try:
            with naming(unpacked, remote.name), open_remote(remote, place, unpacked, say, calls) as source:
                say(f"{remote.name}: converting")
                _make(source, work / "model", _Wanted(reading), remote.name, say)
                return place.keep(work / "model", source.sha256, by_name=remote.released is not None)
        except UnreachableError as error:
            if earlier is None:
                raise
            facts = Alignment.read(earlier).source
            origin = facts["url"]
            say(f"{error}; taken from the cache, where it came from {origin}")
            return earlier


@contextmanager
def _opened(
    source: str | Path, remote: Remote | None, work: Path, cache_dir: str | Path | None, say: Say
) -> Iterator[Source]:
    """The source itself, also of a checkpoint whose conversion is in the cache: to verify, its graph is wanted."""
    unpacked = _new(work / "unpacked")
    if remote is None:
        with naming(unpacked, source):
            yield open_local(source, unpacked)
        return
    place = CachedConversion.of(remote.name, remote.urls[0], None, cache_dir)
    with naming(unpacked, remote.name), place.alone(say), open_remote(remote, place, unpacked, say) as opened:
        yield opened


def _make(source: Source, folder: Path, wanted: _Wanted, name: str, say: Say) -> Path:
    """Convert into a new folder, verify, and write the card."""
    if wanted.images is not None and source.saved_model is None:
        raise InputError(f"{source.file}: {_NOTHING_TO_RUN}")
    released = source.released
    if released is not None and released.doubt is not None:
        say(f"{released.name}: {released.doubt}")
    stated = None if released is None else released.reading
    try:
        converted = convert_variables(source.variables, wanted.reading or stated, image_size=wanted.image_size)
    except InputError as error:
        if stated is None or wanted.reading is not None:
            raise
        raise InputError(f"{error}; the name {released.name} says {stated}: reading= states another") from error
    for note in converted.notes:
        say(note)
    converted.save(folder)
    found = converted.reading
    del converted  # what follows loads the model from its folder
    differences = None if wanted.images is None else verify(source.saved_model, folder, wanted.images)
    complete_folder(folder, name, record_of(source, found, differences), overwrite=True)
    return folder


def _name(source: Source, out: Path) -> str:
    return source.released.name if source.released is not None else out.resolve().name


def _check_out(out: Path, force: bool) -> None:
    """Check that `out` is new or empty, or with `force` an earlier conversion.

    Raises:
        InputError: it is not.
    """
    if (out / MARK).is_file() and force:
        check_free(out)
        return
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file stands where the folder should be; name another folder")
    there = {path.relative_to(out).as_posix() for path in out.rglob("*")} - {LOCK} if out.exists() else set()
    if not there:
        return
    if not force:
        raise InputError(f"{out}: holds {min(there)}; name a new folder (force=True replaces an earlier conversion)")
    strange = {path for path in there if path not in _WRITTEN and not Path(path).match("model*.safetensors")}
    if strange or not Alignment.read(out).source:
        raise InputError(f"{out}: holds {min(strange or there)}, which no conversion wrote; name another folder")


_WRITTEN = {
    FILE,
    *CODE_FILES,
    "README.md",
    "config.json",
    "model.safetensors.index.json",
    "preprocessor_config.json",
}


@contextmanager
def _working_beside(out: Path) -> Iterator[Path]:
    """A folder on the same disk as `out`, which goes when the block ends."""
    existing = next(parent for parent in (out.resolve().parent, *out.resolve().parents) if parent.is_dir())
    with naming_full_disk(out), tempfile.TemporaryDirectory(dir=existing, prefix=f".{out.name}.") as work:
        try:
            yield Path(work)
        except FullDiskError as error:  # that names a file in the folder, which goes again
            raise FullDiskError(str(error).replace(work, str(out))) from error


def _deliver(folder: Path, out: Path, *, may_move: bool) -> None:
    """Let a finished folder take the place of `out`."""
    with alone_in(out) as out, replacing_folder(out.resolve()) as new:
        for path in folder.iterdir():
            if may_move:
                os.replace(path, new / path.name)
            elif path.is_dir():
                shutil.copytree(path, new / path.name)
            else:
                shutil.copyfile(path, new / path.name)


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
