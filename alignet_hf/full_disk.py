"""A disk that is full, a quota that is used up, a file that may not grow: one line that names the place."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alignet_hf.errors import FullDiskError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MAKE_ROOM = "make room and start the same command again"


def in_words(n_bytes: int) -> str:
    """A number of bytes as one says it: "351 MB"."""
    size, unit = float(n_bytes), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def no_room(error: BaseException) -> str | None:
    """What the system says, if an error is of a file that there is no room for; None for any other error."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return os.strerror(error.errno)
    # Libraries that write files themselves raise errors of their own: safetensors with the system's number in the
    # text; numpy ("10 requested and 5 written") and torch ("inline_container.cc: unexpected pos") without.
    text = str(error)
    if (code := re.search(r"\(os error (\d+)\)", text)) and int(code[1]) in _NO_ROOM:
        return os.strerror(int(code[1]))
    if re.search(r"^\d+ requested and \d+ written$|inline_container.*unexpected pos", text):
        return "a file was cut short, as on a full disk"
    return None


@contextmanager
def naming_full_disk(path: str | Path) -> Iterator[None]:
    """Turn an error of a full disk into a FullDiskError that names what was being written."""
    try:
        yield
    except Exception as error:
        if (reason := no_room(error)) is None:
            raise
        raise FullDiskError(f"{path}: cannot be written ({reason}); {MAKE_ROOM}") from error
