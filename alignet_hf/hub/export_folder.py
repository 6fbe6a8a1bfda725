"""A folder that an export is written to: it appears whole, and replaces nothing but an earlier export."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing_folder
from alignet_hf.output_folder import LOCK

MARK = "export.json"  # names the files that an export wrote, so that the next one replaces nothing else


def check_free(out: str | Path) -> None:
    """Check that an export may be written to `out`: nothing is there but a lock and, possibly, an earlier export.

    Raises:
        InputError: a file, or a folder with a file that no export wrote.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file stands where the folder should be; name another folder")
    if not out.exists():
        return
    try:
        ours = {LOCK, MARK, *json.loads((out / MARK).read_text(encoding="utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        ours = {LOCK}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    if there - ours:
        raise InputError(f"{out}: holds {min(there - ours)}, which no export wrote; name another folder")


@contextmanager
def export_folder(out: str | Path, kind: str):
    """Give a new folder to write an export into; it takes the place of `out`, with its mark, when the block ends well.

    Raises:
        InputError: see `check_free`.
    """
    check_free(out)
    with replacing_folder(Path(out).resolve()) as new:
        try:
            yield new
            files = sorted(path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file())
            (new / MARK).write_text(json.dumps({"export": kind, "files": files}, indent=2) + "\n", encoding="utf-8")
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
