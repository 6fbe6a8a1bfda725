"""Odd-one-out choices in a file, one triplet a row: text as THINGS, SPoSE and VICE keep it, or .npy."""

import io
import re
import warnings
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from alignet_hf.data.text import check_end, read_text
from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_triplets

# "731", and "7.310000000000000000e+02", as np.savetxt writes it.
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_OFTEN = 10


def read_triplets(path: str | Path, n_items: int | None = None, *, odd_column: int = 2) -> np.ndarray:
    """Read a file of choices -> (n, 3) int64, the odd one last.

    Items are counted from 0. A file that counts them from 1 is refused where it names the item behind the last, and
    warned of where it names item 1 and every other often enough, but item 0 never.

    Args:
        path: .npy of shape (n, 3), or text, a row "i j k" each, between spaces, tabs or commas.
        n_items: how many items there are; None where that is not known.
        odd_column: which of the file's columns (0, 1 or 2) holds the odd one out.

    Raises:
        InputError: naming the line that is not three integers, or the row (from 0) that is out of range or repeats an
            item.
    """
    if odd_column not in (0, 1, 2):
        raise InputError(f"odd_column is {odd_column}; the odd one is in column 0, 1 or 2")
    triplets = _read_npy(path) if Path(path).suffix.lower() == ".npy" else _read_text(path)
    pair = [column for column in range(3) if column != odd_column]
    _check_base(triplets, n_items, path)
    return validate_triplets(triplets, n_items, str(path))[:, [*pair, odd_column]]


def _check_base(triplets: np.ndarray, n_items: int | None, path: str | Path) -> None:
    if not (triplets.size and np.issubdtype(triplets.dtype, np.integer) and triplets.min() == 1):
        return
    if n_items is not None and triplets.max() == n_items:
        raise InputError(
            f"{path}: names item {n_items} and never item 0, where 0 to {n_items - 1} are due; if the file counts from "
            "1, subtract 1"
        )
    # Named this often on average, an item is left out by chance once in 20,000 files.
    if triplets.size >= _OFTEN * (triplets.max() + 1):
        warnings.warn(f"{path}: no triplet names item 0; if the file counts from 1, subtract 1", stacklevel=3)


def _read_text(path: str | Path) -> np.ndarray:
    text = read_text(path).replace(",", " ")
    if not text.strip():
        raise InputError(f"{path}: holds no triplet")
    try:
        rows = np.loadtxt(io.StringIO(text), np.float64, comments=None, ndmin=2)
    except ValueError:
        rows = np.empty((0, 0))
    if rows.shape[1] != 3 or not _whole(rows).all():
        # The fast reader does not say which line it is.
        number, line = next((number, line) for number, line in enumerate(text.split("\n"), 1) if not _is_triplet(line))
        header = "; without a header, please" if number == 1 and not any(map(str.isdigit, line)) else ""
        raise InputError(f"{path}: line {number}: {line.strip()!r} is not three integers{header}")
    check_end(text, path)
    return rows.astype(np.int64)


def _read_npy(path: str | Path) -> np.ndarray:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        advice = "; save it as integers, array.astype(int)" if "Object arrays" in str(error) else ""
        raise InputError(f"{path}: cannot be read as .npy ({error}){advice}") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2:
        raise InputError(f"{path}: is not an array of shape (triplets, 3)")
    if np.issubdtype(rows.dtype, np.floating):
        bad = np.flatnonzero(~_whole(rows).all(1))
        if bad.size:
            raise InputError(f"{path}: row {bad[0]} is not three integers: {rows[bad[0]].tolist()}")
        rows = rows.astype(np.int64)
    if not len(rows):
        raise InputError(f"{path}: holds no triplet")
    return rows


def _whole(values: np.ndarray) -> np.ndarray:
    return (np.abs(values) < 2**53) & (values == np.floor(values))


def _is_triplet(line: str) -> bool:
    fields = line.split()
    if not fields:
        return True
    return len(fields) == 3 and all(_NUMBER.fullmatch(field) and _whole(np.float64(field)) for field in fields)
