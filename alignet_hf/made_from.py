"""What a folder's content was made from, so that a command goes on in its own folder and replaces nothing unasked.

One rule for all commands: what the command did not write is refused; what it wrote from other inputs is refused too,
with what differs, unless it is forced; the same command goes on. The record is hidden, and never pushed.
"""

import hashlib
import json
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing
from alignet_hf.output_folder import RECORD, check_ours, holds_something

_BYTES_READ = 2**30  # of a file; a larger one is known by its size and time of change


@dataclass(frozen=True)
class MadeFrom:
    """What a command was asked.

    Args:
        command: its name.
        options: that decide what it writes, as JSON.
        inputs: digests of what it reads, by name.
    """

    command: str
    options: Mapping[str, Any]
    inputs: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a folder was claimed for; None if it was not."""
        try:
            return cls(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        with replacing(folder / RECORD) as path:
            record = {"command": self.command, "options": self.options, "inputs": self.inputs}
            path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")

    def differs_from(self, now: "MadeFrom") -> list[str]:
        """What another asking of the command has that is not the same: ["n_clusters: 8, now 9", "embeddings"], say."""
        was, asked = (json.loads(json.dumps(dict(one.options), default=str)) for one in (self, now))
        changed = sorted(name for name in {*self.inputs, *now.inputs} if self.inputs.get(name) != now.inputs.get(name))
        return [*differences(was, asked), *changed]


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The keys of two flat mappings under which other values stand, with the values: ["steps: 6, now 8"], say."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    return [f"{name}: {_short(was.get(name))}, now {_short(now.get(name))}" for name in names]


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def claim(
    folder: Path,
    now: MadeFrom,
    *,
    result: str | None = None,
    beside: bool = False,
    lost: Collection[Path] | None = None,
    force: bool = False,
) -> bool:
    """Make a folder the command's, or refuse; to be called before anything is written there.

    Args:
        folder: which is there, and held by this process (`working_in`).
        now: what the command is asked.
        result: a file by which the command's own result is known where no record is, one that Python wrote say.
        beside: whether what the folder holds may stay beside the result, other splits of a data set say.
        lost: what would be replaced; by default all that the folder holds. Where there is nothing yet, other inputs
            than before are not refused.
        force: whether what other inputs made may be replaced.

    Returns:
        Whether it may be replaced by what differs; a warning says so.

    Raises:
        InputError: the folder holds what this command did not write, or what it made from other inputs.
    """
    before = MadeFrom.read(folder)
    if before is not None and before.command == now.command:
        replaced = any(map(holds_something, [folder] if lost is None else lost))
        differs = before.differs_from(now)
    else:
        if not beside:
            check_ours(folder, {result})
        replaced = result is not None and (folder / result).exists()
        differs = ["which, is not recorded"]
    if replaced and differs:
        refuse_unless(force, folder, now.command, differs)
    if differs:
        now.write(folder)
    return replaced and bool(differs)


def refuse_unless(force: bool, folder: Path, command: str, differs: Collection[str]) -> None:
    """Raise InputError that names what differs; if forced, warn instead."""
    what = f"{folder}: holds what `{command}` made from other inputs ({'; '.join(differs)})"
    if not force:
        raise InputError(f"{what}; --force replaces it, or use another folder")
    warnings.warn(f"{what}, which is replaced", stacklevel=3)


def digest_of(path: str | Path | None) -> str | None:
    """A digest of an input, wherever it lies: of a file, or of those in a folder and its `data`.

    A name that is no path is its own. Hidden files and cards are no part of it, nor is what lies deeper, a command's
    output say. A file of a gigabyte or more is known by size and time of change.
    """
    if path is None:
        return None
    root = Path(path)
    if not root.exists():
        return str(path)
    found = hashlib.sha256()
    for file in [root] if root.is_file() else sorted([*root.glob("*"), *root.glob("data/*")]):
        if not file.is_file() or file.name.startswith(".") or file.name == "README.md":
            continue
        found.update(f"/{file.name}/".encode("utf-8", "surrogateescape") if root.is_dir() else b"")
        stat = file.stat()
        if stat.st_size < _BYTES_READ:
            with file.open("rb") as opened:
                found.update(hashlib.file_digest(opened, "sha256").digest())
        else:
            found.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    return found.hexdigest()[:32]
