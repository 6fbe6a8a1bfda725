"""Files that `evaluate --out` writes, when they are read again: one line for what is damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alignet_hf.errors import InputError


@contextmanager
def reading_written(path: Path, what: str) -> Iterator[None]:
    """Around what reads a file: whatever it stumbles over there is an InputError that names the file.

    Args:
        what: the file holds, "the scores" say.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not {what} that evaluate --out writes, or damaged; run evaluate again") from error
