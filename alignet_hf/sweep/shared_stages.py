"""Stages that runs of one sweep share: what one of them has done, the others take.

A finished stage is kept in the sweep's library under its name and fingerprint, which says all that it is made from. A
run that comes to a stage of that fingerprint takes the files from there; where another process is at that stage, it
waits for it. Large files are hard links of one another, and take their space once.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from alignet_hf.output_folder import LOCK, make_folder, remove_result
from alignet_hf.stages import Stages, fingerprint

OF_ONE_RUN = ("evaluate", "report")  # which say whose they are
_LEAST_LINKED = 2**20  # bytes; smaller files are copied, as some are rewritten in place (a student's card)


class SharedStages(Stages):
    """The stages of a run that shares them.

    Args:
        folder, say: as for Stages.
        library: the folder of finished stages, which the runs that share them all name.
    """

    def __init__(self, folder: Path, say: Callable[[str], None], library: Path):
        super().__init__(folder, say)
        self.library = make_folder(library)

    def run(
        self,
        name: str,
        made_from: str,
        work: Callable[[], Any],
        writes: Iterable[str | Path] = (),
        shares: Iterable[str | Path] = (),
    ) -> str:
        writes, shares = list(map(Path, writes)), list(map(Path, shares))
        if name in OF_ONE_RUN:
            return super().run(name, made_from, work, writes, shares)
        kept = self.library / f"{name}-{fingerprint(name, made_from)}"
        if kept.is_dir() and self.standing(name, made_from, writes, shares) == "done":
            return super().run(name, made_from, work, writes, shares)
        with FileLock(f"{kept}.lock"):  # which the system lets go of when its process dies
            if kept.is_dir() and all(path.exists() for path in shares):
                return super().run(name, made_from, lambda: self._take(kept, writes), writes, shares)
            done = super().run(name, made_from, work, writes, shares)
            self._give(kept, writes)
            return done

    def _take(self, kept: Path, writes: list[Path]) -> None:
        self.say("  (another point of the sweep has done it)")
        for path in writes:
            remove_result(path)
            _link(kept / path.relative_to(self.folder), path)

    def _give(self, kept: Path, writes: list[Path]) -> None:
        new = kept.with_name(f"{kept.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for path in writes:
            _link(path, new / path.relative_to(self.folder))
        new.rename(kept)


def _link(source: Path, target: Path) -> None:
    """A file, or a folder with all in it but locks, to be had under a second name."""
    files = [source] if source.is_file() else [path for path in sorted(source.rglob("*")) if path.is_file()]
    for file in files:
        if file.name == LOCK:
            continue
        to = target if file == source else target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if file.stat().st_size >= _LEAST_LINKED:
            try:
                os.link(file, to)
                continue
            except OSError:  # a file system without hard links
                pass
        shutil.copy2(file, to)
