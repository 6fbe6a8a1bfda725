"""What every artefact of ours can do: be saved, be loaded, be pushed, and say on a card what made it.

An artefact is one safetensors file, which holds its arrays and, in the header, the facts of its making. `config.json`
and `README.md` beside it repeat those facts for readers; loading needs the one file alone. So a single rename makes a
save visible, and a killed run leaves the old artefact or the new one.
"""

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from alignet_hf.errors import InputError
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.hub.download import local_folder
from alignet_hf.hub.push import UNNAMED, push_folder, what_is_there
from alignet_hf.output_folder import make_folder

METADATA_KEY = "alignet"  # one JSON string: the header's own string-to-string map has no fixed order


class Artifact:
    """Base of the artefacts. A subclass gives the names below, `tensors` and `facts`, and `from_parts`."""

    kind: ClassVar[str]  # "clusters", say; names the file
    command: ClassVar[str]  # of alignet-hf that makes it
    summary: ClassVar[str]  # the card's first sentence
    repo_type: ClassVar[str] = "model"

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays to keep."""
        raise NotImplementedError

    def facts(self) -> dict:
        """What made it, as JSON: parameters, seeds, sizes."""
        raise NotImplementedError

    @classmethod
    def from_parts(cls, tensors: dict[str, np.ndarray], facts: dict) -> Self:
        """The inverse of `tensors` and `facts`."""
        raise NotImplementedError

    @classmethod
    def file_name(cls) -> str:
        return f"{cls.kind}.safetensors"

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the artefact, its config.json and its card into `folder`, atomically, over what is there."""
        folder = make_folder(folder)
        with replacing(folder / self.file_name()) as path:
            self.write(path)
            self.write_card(folder, path)
        return folder

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        *,
        revision: str | None = None,
        subfolder: str | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Load from a local folder or a Hub repository (arguments: see `local_folder`).

        Raises:
            InputError: if there is no such folder or repository, or it holds another kind of artefact.
            HubError: if the Hub does not give it.
        """
        folder = local_folder(
            path_or_repo,
            repo_type=cls.repo_type,
            revision=revision,
            subfolder=subfolder,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
        path = folder / cls.file_name()
        if not path.is_file():
            there = what_is_there(folder)
            raise InputError(
                f"{path_or_repo}: not {cls.kind}: there is no {path.name}, made by alignet-hf {cls.command}; {there}"
            )
        return cls.read(path)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
    ) -> str:
        """Upload in one commit, making the repository if need be -> the commit's address (see `push_folder`)."""
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return push_folder(
                folder,
                repo_id,
                repo_type=self.repo_type,
                private=private,
                revision=revision,
                create_pr=create_pr,
                token=token,
                commit_message=commit_message or f"Upload {self.kind}",
            )

    def write(self, path: Path) -> None:
        """Write the safetensors file itself."""
        save_file(self.tensors(), path, metadata={METADATA_KEY: json.dumps(self.facts())})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the safetensors file itself."""
        try:
            with safe_open(path, "numpy") as file:
                facts = json.loads(file.metadata()[METADATA_KEY])
                return cls.from_parts({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118
        except (SafetensorError, TypeError, KeyError, json.JSONDecodeError) as error:
            raise InputError(f"{path}: not a {cls.kind} file of alignet_hf, or damaged: {error}") from error

    def write_card(self, folder: Path, payload: Path) -> None:
        """Write config.json and README.md, which describe the file `payload`, into `folder`."""
        facts = {"artifact": self.kind, **self.facts()}
        with replacing(folder / "config.json") as path:
            config = {**facts, "repo_type": self.repo_type}
            path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        facts["sha256"] = sha256_of(payload)
        with replacing(folder / "README.md") as path:
            path.write_text(self.card(facts), encoding="utf-8")

    def card(self, facts: dict) -> str:
        """The card's Markdown."""
        name = type(self).__name__
        return f"""---
library_name: alignet-hf
tags:
- alignet
- {self.kind}
---

# {self.kind.replace("-", " ").capitalize()}

{self.summary}

{facts_table(facts)}

```python
from {type(self).__module__} import {name}

artefact = {name}.from_pretrained("{UNNAMED}")
```
"""


def facts_table(facts: dict) -> str:
    """A two-column Markdown table."""
    rows = "\n".join(f"| {key.replace('_', ' ')} | {_cell(value)} |" for key, value in facts.items())
    return f"| what | value |\n|---|---|\n{rows}"


def _cell(value) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("|", "\\|").replace("\n", " ")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: str | Path):
    """Give a temporary path in the same folder to write to; it takes the place of `path` when the block ends well."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with naming_full_disk(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: str | Path):
    """Give a new folder beside `folder` to write into; it takes the place of `folder` when the block ends well.

    A folder cannot be renamed over another: one that is killed between the two renames leaves the old one under its
    temporary name, and nothing half written under the final one.
    """
    folder = Path(folder)
    aside, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for left_over in (aside, old):
        shutil.rmtree(left_over, ignore_errors=True)
    new = aside / folder.name  # the final name: who writes a card there puts it into it
    try:
        with naming_full_disk(folder):
            new.mkdir(parents=True)
            yield new
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)  # whose files would fill the disk that is full, say
        raise
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    for left_over in (aside, old):
        shutil.rmtree(left_over, ignore_errors=True)
