"""Where a converted checkpoint lies in the Hub's cache, and how it comes there whole."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from huggingface_hub import constants

from alignet_hf.convert.download import shown
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.hub.artifacts import replacing
from alignet_hf.output_folder import make_folder

OWNER = "alignet-released"  # under which `hf cache ls` lists the models; nobody's name on the Hub is asked for it
VERSION = 1  # of the conversion: raised when the same checkpoint comes out otherwise, it is converted anew


@dataclass(frozen=True)
class CachedConversion:
    """One checkpoint's place, laid out as the Hub's client lays out a repository, so that `hf cache` knows it.

        models--alignet-released--NAME/
            blobs/        the archive, while it is downloaded and converted; afterwards its sha256 is in alignment.json
            snapshots/    a folder a conversion, named by a digest of the archive's sha256, the reading and VERSION
            refs/         a file a way of asking (address, reading, VERSION), which holds the name of its folder; and
                          one of the authors' name in the address's place, for the latest that was asked for by name

    So what was converted once is found without a network, by the address that it came from or by its name. The archive
    of 350 MB is not kept: the converted model is as large.

    Attributes:
        folder: of the checkpoint.
        name: of the checkpoint.
        ref: of the way of asking.
        ref_by_name: of the name alone, wherever it came from.
    """

    folder: Path
    name: str
    ref: str
    ref_by_name: str

    @classmethod
    def of(cls, name: str, url: str, reading: str | None, cache_dir: str | Path | None = None) -> "CachedConversion":
        """The place of a checkpoint.

        Args:
            name: of it.
            url: where it would be downloaded from.
            reading: what the user says that its variables mean.
            cache_dir: by default the Hub client's (HF_HUB_CACHE, or `hub` in HF_HOME).
        """
        cache = Path(cache_dir or constants.HF_HUB_CACHE).expanduser()
        refs = (_digest([where, reading, VERSION]) for where in (shown(url), name))
        return cls(cache / f"models--{OWNER}--{name}", name, *refs)

    @property
    def archive(self) -> Path:
        return self.folder / "blobs" / f"{self.name}.tar.gz"

    def find(self) -> Path | None:
        """The folder of the converted model; None where there is none."""
        return self._find(self.ref)

    def find_by_name(self) -> Path | None:
        """The folder of the model of that name that was converted last, from any address; None where there is none."""
        return self._find(self.ref_by_name)

    def _find(self, ref: str) -> Path | None:
        try:
            folder = self.folder / "snapshots" / (self.folder / "refs" / ref).read_text(encoding="utf-8")
        except OSError:
            return None
        return folder if (folder / "config.json").is_file() else None

    @contextmanager
    def alone(self, say: Callable[[str], None]) -> Iterator[Path]:
        """Keep other processes from this checkpoint -> an empty folder to work in, which goes when the block ends.

        Raises:
            FullDiskError: there is no room.
        """
        locks = make_folder(self.folder.parent / ".locks" / self.folder.name)
        lock = FileLock(locks / "conversion.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"{self.name}: another process downloads and converts it; waiting")
            lock.acquire()
        work = self.folder / ".work"
        try:
            with naming_full_disk(self.folder):
                make_folder(self.folder / "snapshots")  # without it, the Hub's client takes the place for damaged
                shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
                work.mkdir()
                yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)
            lock.release()

    def keep(self, converted: Path, sha256: str, *, by_name: bool) -> Path:
        """Move a converted model here -> its folder.

        Args:
            converted: the folder, on the same disk.
            sha256: of the archive.
            by_name: whether it is found by its name alone as well.
        """
        revision = _digest([sha256, self.ref])
        folder = self.folder / "snapshots" / revision
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(converted, folder)
        make_folder(self.folder / "refs")
        for ref in (self.ref, self.ref_by_name) if by_name else (self.ref,):
            with replacing(self.folder / "refs" / ref) as temporary:
                temporary.write_text(revision, encoding="utf-8")
        return folder


def _digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]
