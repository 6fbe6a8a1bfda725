"""The folder that a command writes: one process at a time is at work in it, and a full disk names it."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.full_disk import naming_full_disk

LOCK = ".lock"
RECORD = ".made_from.json"  # what the folder was claimed for, see `made_from`


def make_folder(folder: str | Path) -> Path:
    """Make a folder to write into, with its parents."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{folder}: a file stands where the folder should be; name another folder") from error
    return folder


@contextmanager
def working_in(folder: str | Path) -> Iterator[Path]:
    """Make a folder and keep other processes out of it.

    Of processes that `accelerate launch` started together the first holds the folder for all; what the others write
    there must be theirs to write.

    Raises:
        InputError: as `alone_in`.
    """
    if int(os.environ.get("RANK", "0")):
        yield Path(folder)
    else:
        with alone_in(folder) as folder:
            yield folder


@contextmanager
def alone_in(folder: str | Path) -> Iterator[Path]:
    """Make a folder and keep every other process out of it.

    Where the work fails before it has written anything, a folder that was made for it goes again.

    Raises:
        InputError: another process is at work in the folder, or it cannot be written to.
    """
    from filelock import FileLock, Timeout

    folder = Path(folder)
    is_new = not folder.exists()
    lock = FileLock(folder / LOCK)
    try:
        make_folder(folder)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{folder}: another process works in this folder; wait for it, or use another") from error
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror})") from error
    try:
        with naming_full_disk(folder):
            yield folder
    except BaseException:
        if is_new and folder.is_dir() and not holds_something(folder):
            for name in (LOCK, RECORD):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
        raise
    finally:
        lock.release()


def holds_a_lock_alone(path: Path) -> bool:
    """Whether this is a folder in which nothing is but the lock of `working_in`."""
    return path.is_dir() and [entry.name for entry in path.iterdir()] == [LOCK]


def holds_something(path: Path) -> bool:
    """Whether a file is there, or a folder with more in it than a lock and what it was claimed for."""
    return path.is_file() or (path.is_dir() and any(entry.name not in (LOCK, RECORD) for entry in path.iterdir()))


def check_ours(folder: Path, ours: Collection[str] = ()) -> None:
    """Check that a command may write to a folder: it is empty but for a lock, or holds one of these names of its own.

    Raises:
        InputError: the folder holds what somebody else put there.
    """
    names = {path.name for path in folder.iterdir()} - {LOCK} if folder.is_dir() else set()
    if any(not _is_left_over(name) for name in names) and names.isdisjoint(ours):
        raise not_ours(folder)


def _is_left_over(name: str) -> bool:
    """Whether a killed process left this in the middle of a writing (`replacing`)."""
    return name.startswith(".") and name.endswith(".tmp")


def not_ours(path: Path) -> InputError:
    """The error of a file or folder that is in the way."""
    return InputError(f"{path}: is there already, and not of this run; remove it or use another folder")


def remove_result(folder: Path) -> None:
    """Remove a file or folder if it is there; a folder's lock, which a process may hold, stays, and nothing else."""
    if folder.is_file():
        folder.unlink()
    elif not (folder / LOCK).exists():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != LOCK:
                entry.unlink()


def writes_out(command: Callable) -> Callable:
    """A command of the command line that is at work in its folder `out`; in none where that is None."""

    @wraps(command)
    def alone(*, out: Path | None, **options):
        with nullcontext() if out is None else working_in(out):
            return command(out=out, **options)

    return alone
