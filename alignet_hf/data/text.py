"""Text files as people keep them: with or without a byte order mark, with any line endings, or a mix of them."""

import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from alignet_hf.errors import InputError


def read_text(path: str | Path) -> str:
    """A file's text without its byte order mark, every line ended by a line feed.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({getattr(error, 'strerror', None) or error})") from error


def check_end(text: str, path: str | Path, *, must_end: bool = False) -> None:
    """Warn of a last line that has no line ending: in a file cut off within its last value, nothing else is wrong.

    Raises:
        InputError: with `must_end`, in the place of the warning.
    """
    if not text.strip() or text.rstrip(" \t").endswith("\n"):
        return
    message = f"{path}: the last line has no line ending; is the file cut off there? If it is whole, end the line"
    if must_end:
        raise InputError(message)
    warnings.warn(message, stacklevel=3)


def read_table(
    path: str | Path, columns: Sequence[str], delimiter: str = ",", *, must_end: bool = False
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with a header, each with the number of its last line; blank lines are left out.

    Args:
        columns: that the table must have; it may have more.
        must_end: as for `check_end`.

    Raises:
        InputError: a column is missing, a row has more or fewer fields than the header, the text ends within quotes, or
            within a line that must end.
    """
    text = read_text(path)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        header = reader.fieldnames or []
        if missing := [column for column in columns if column not in header]:
            raise InputError(f"{path}: has no column {' and '.join(missing)}; it has {', '.join(header) or 'none'}")
        for row in reader:
            if None in row or None in row.values():
                n_fields = sum(value is not None for name, value in row.items() if name is not None)
                n_fields += len(row.get(None) or [])
                raise InputError(
                    f"{path}: line {reader.line_num} has {n_fields} fields, the header {len(header)}; "
                    "is the file cut off there?"
                )
            yield reader.line_num, row
        check_end(text, path, must_end=must_end)
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}; is the file cut off there?") from error
