"""Stages of a run that is started, killed and started again: each done once, in order.

A stage leaves a record, `stages/NAME.json`, with the fingerprint of everything it is made from, and when it is done its
seconds. Started again, the run skips a stage that is done with the same fingerprint, goes on with one that was stopped,
and does one of another fingerprint, and so all that follow from it, afresh.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from alignet_hf.hub.artifacts import replacing
from alignet_hf.output_folder import (
    LOCK,
    RECORD,
    check_ours,
    holds_a_lock_alone,
    holds_something,
    not_ours,
    remove_result,
    working_in,
)

RECORDS = "stages"  # the folder of the stages' records


def fingerprint(*parts: Any) -> str:
    """A digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def files_fingerprint(*paths: str | Path | None) -> str:
    """A digest of what files and folders hold, by name, size and time of change; of a path that is none, its name.

    Locks are no part of it: whoever writes beside the files changes them.
    """
    found = []
    for path in paths:
        root = Path(str(path))
        files = [f for f in sorted(root.rglob("*")) if f.name != LOCK] if root.is_dir() else [root]
        found.append([str(path), [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files if f.is_file()]])
    return fingerprint(found)


class Stages:
    """The stages of the run in `folder`.

    Args:
        folder: of the run; made if need be, and locked while this is open (`with Stages(folder, ...) as stages`).
        say: takes a line of progress.

    Raises:
        InputError: on entering, if another process works in the folder, or it holds what no stages wrote.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self.folder = folder
        self.say = say
        self.n_done = 0  # stages that this call had to do

    def __enter__(self) -> "Stages":
        with ExitStack() as held:
            held.enter_context(working_in(self.folder))
            check_ours(self.folder, {RECORDS, RECORD})
            self.held = held.pop_all()
        return self

    def __exit__(self, *error):
        self.held.__exit__(*error)

    def run(
        self,
        name: str,
        made_from: str,
        work: Callable[[], Any],
        writes: Iterable[str | Path] = (),
        shares: Iterable[str | Path] = (),
    ) -> str:
        """Do `work` unless it is done.

        Args:
            name: of the stage.
            made_from: fingerprint of what the stage is made from.
            work: goes on from what an earlier call with the same fingerprint left in `writes`.
            writes: files and folders the stage writes. Without one of them it is not done; folders of another
                fingerprint are removed before the work.
            shares: files the stage finds or makes, of which other runs make use too. Without one of them it is not
                done; none is ever removed.

        Raises:
            InputError: something stands in `writes` that no earlier call put there.

        Returns:
            The stage's fingerprint, for those that are made from it.
        """
        record, writes = self._read(name), list(map(Path, writes))
        if self.standing(name, made_from, writes, shares) == "done":
            return fingerprint(name, made_from)
        made_from = fingerprint(name, made_from)
        if not record and (foreign := [path for path in writes if holds_something(path)]):
            raise not_ours(foreign[0])
        if record.get("made_from") != made_from or "seconds" in record:
            for folder in writes:
                remove_result(folder)
        self._write(name, made_from=made_from)
        self.say(f"{name} ...")
        start = time.perf_counter()
        work()
        seconds = round(time.perf_counter() - start, 2)
        self._write(name, made_from=made_from, seconds=seconds)
        self.n_done += 1
        self.say(f"{name}: {seconds:.1f} s")
        return made_from

    def standing(
        self, name: str, made_from: str, writes: Iterable[str | Path] = (), shares: Iterable[str | Path] = ()
    ) -> Literal["done", "changed", "open"]:
        """Whether `run`, given the same, would find a stage done, replace what it left for another fingerprint, or
        else begin it or go on with it.
        """
        record, writes, made_from = self._read(name), list(map(Path, writes)), fingerprint(name, made_from)
        before = record.get("made_from")
        there = all(path.exists() and not holds_a_lock_alone(path) for path in (*writes, *map(Path, shares)))
        if before == made_from:
            return "done" if "seconds" in record and there else "open"
        lost = before is not None and ("seconds" in record or any(map(holds_something, writes)))
        return "changed" if lost else "open"

    def drop(self, name: str, writes: Iterable[str | Path]) -> None:
        """Remove what a stage wrote, which is still its own to write."""
        self._write(name, made_from=None)
        for path in map(Path, writes):
            remove_result(path)

    def seconds(self) -> dict[str, float]:
        """How long each ended stage took, in the order in which they ended; a resumed one counts its last part."""
        records = sorted((self.folder / RECORDS).glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        found = {path.stem: self._read(path.stem) for path in records}
        return {name: record["seconds"] for name, record in found.items() if "seconds" in record}

    def begin(self) -> None:
        """Make the folder the stages', before any of them has begun."""
        (self.folder / RECORDS).mkdir(exist_ok=True)

    def forget(self) -> None:
        """Make every stage run again; what they wrote is still theirs to replace."""
        for path in (self.folder / RECORDS).glob("*.json"):
            self._write(path.stem, made_from=None)

    def unfinished(self) -> list[str]:
        """Stages that were started and not ended."""
        records = sorted((self.folder / RECORDS).glob("*.json"))
        return [path.stem for path in records if "seconds" not in self._read(path.stem)]

    def _record(self, name: str) -> Path:
        return self.folder / RECORDS / f"{name}.json"

    def _write(self, name: str, **record: Any) -> None:
        self.begin()
        with replacing(self._record(name)) as path:
            path.write_text(json.dumps(record), encoding="utf-8")

    def _read(self, name: str) -> dict:
        try:
            return json.loads(self._record(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
