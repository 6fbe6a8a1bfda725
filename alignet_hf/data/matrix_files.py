"""Files of similarity matrices: .npy, .npz, .csv, .tsv and MATLAB's .mat, with the stimuli's names if they have any."""

import csv
import io
import tokenize
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from scipy.spatial.distance import squareform

from alignet_hf.data.text import read_text
from alignet_hf.errors import InputError

DEFAULT_KEY = "rdms"  # of representational dissimilarity matrices
NAMES_KEY = "names"  # of the array, or MATLAB variable, that names the stimuli
# Every way in which numpy and scipy say that a file is not theirs, or not a whole one.
_READING_ERRORS = (
    *(OSError, ValueError, TypeError, EOFError, IndexError, KeyError, AttributeError, SyntaxError, NotImplementedError),
    *(BadZipFile, MatReadError, tokenize.TokenError, zlib.error),
)
SUFFIXES = (".npy", ".npz", ".csv", ".tsv", ".mat")


def read_matrices(
    path: str | Path, key: str | None = None, *, condensed: bool = False
) -> tuple[np.ndarray, list[str] | None]:
    """Read the matrices of a file, one a person.

    Args:
        path: .npy; .npz; .mat (version 7.3 needs the package h5py); .csv or .tsv, one matrix, with or without a first
            row and a first column of names.
        key: the array of an .npz or variable of a .mat, "behaviour.set1.distances" for a field of a struct; `rdms`, or
            the only array, where not given.
        condensed: each row of the array is a person's upper triangle, in row order (as MATLAB's pdist gives it).

    Returns:
        matrices (people, N, N) float; the stimuli's names in the matrices' order, None where the file has none: `names`
        of an .npz or .mat, the first row or column of a .csv.

    Raises:
        InputError: the file cannot be read, holds no such array, or holds one that is not square.
    """
    path = Path(path)
    readers = {".npy": _npy, ".npz": _npz, ".mat": _mat, ".csv": _csv, ".tsv": _csv}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: matrices are read from {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"{path}: cannot be read: no such file")
    array, names = readers[path.suffix.lower()](path, key)
    array = np.asarray(array)
    if array.dtype.kind not in "iufb":
        raise InputError(f"{path}: holds {array.dtype}, where numbers are needed")
    array = array.astype(np.float64, copy=False) if array.dtype.kind != "f" else array
    return _condensed(array, path) if condensed else _square(array, path), names


def read_names(path: str | Path) -> list[str]:
    """The stimuli's names from a text file, one a line, in the matrices' order."""
    return [line.strip() for line in read_text(path).split("\n") if line.strip()]


def _square(array: np.ndarray, path: Path) -> np.ndarray:
    shape = array.shape
    if array.ndim == 2 and shape[0] == shape[1]:
        return array[None]
    if array.ndim == 3 and shape[1] == shape[2]:
        return array
    if array.ndim == 3 and shape[0] == shape[1]:  # people last, as is the way in MATLAB
        return np.moveaxis(array, 2, 0)
    raise InputError(
        f"{path}: the matrix is not square: it has the shape {' x '.join(map(str, shape))}; "
        "condensed=True (--condensed) reads rows that are upper triangles"
    )


def _condensed(array: np.ndarray, path: Path) -> np.ndarray:
    rows = array[None] if array.ndim == 1 else array
    try:
        return np.stack([squareform(row, checks=False) for row in rows])
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{path}: rows of {array.shape[-1] if array.ndim else 0} numbers are not the upper triangles of a matrix"
        ) from error


def _npy(path: Path, key: str | None):
    try:
        return np.load(path, allow_pickle=False), None
    except _READING_ERRORS as error:
        raise InputError(f"{path}: cannot be read as .npz or .npy ({error})") from error


def _npz(path: Path, key: str | None):
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive[NAMES_KEY].ravel() if NAMES_KEY in archive.files else None
            array = archive[_only([name for name in archive.files if name != NAMES_KEY], key, path)]
    except InputError:
        raise
    except _READING_ERRORS as error:
        raise InputError(f"{path}: cannot be read as .npz or .npy ({error})") from error
    return array, None if names is None else [str(name) for name in names]


def _mat(path: Path, key: str | None):
    try:
        variables = loadmat(path, simplify_cells=True)
    except NotImplementedError:
        variables = _mat_73(path)
    except _READING_ERRORS as error:
        raise InputError(f"{path}: cannot be read as .mat ({error})") from error
    variables = {name: value for name, value in variables.items() if not name.startswith("__")}
    names = variables.pop(NAMES_KEY, None)
    if names is not None:
        # A cell array of one name comes as a string; a matrix of characters as one padded string a row.
        names = [str(name).strip() for name in np.atleast_1d(names).ravel()]
    arrays = _flattened(variables)
    return arrays[_only(list(arrays), key, path)], names


def _mat_73(path: Path) -> dict:
    """Version 7.3 is HDF5, with MATLAB's axes in reverse."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path}: a .mat file of version 7.3 needs the package h5py (pip install h5py); "
            "or save it with MATLAB's -v7, or as .csv"
        ) from error

    def contents(group) -> dict:
        values = {}
        for name, item in group.items():
            if name.startswith("#"):
                continue
            if isinstance(item, h5py.Group):
                values[name] = contents(item)
            elif item.dtype == h5py.ref_dtype:  # a cell array; of names, each a row of character codes
                values[name] = ["".join(map(chr, file[reference][()].ravel())) for reference in item[()].ravel()]
            else:
                values[name] = item[()].T
        return values

    try:
        with h5py.File(path) as file:
            return contents(file)
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as .mat of version 7.3 ({error})") from error


def _flattened(variables: dict, prefix: str = "") -> dict:
    """Fields of structs by their dotted path."""
    flat = {}
    for name, value in variables.items():
        flat |= _flattened(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _only(keys: list[str], key: str | None, path: Path) -> str:
    """The key to read: the one asked for; `rdms`; or the only one."""
    if key is not None and key not in keys:
        raise InputError(f"{path}: holds no array {key!r}; it holds {', '.join(keys) or 'none'}")
    if key is None and DEFAULT_KEY not in keys and len(keys) != 1:
        raise InputError(f"{path}: holds {', '.join(keys) or 'no array'}; name the one to read (key=, or --key)")
    return key or (DEFAULT_KEY if DEFAULT_KEY in keys else keys[0])


def _csv(path: Path, key: str | None):
    text = read_text(path)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=_delimiter(text)) if any(map(str.strip, row))]
    if not rows:
        raise InputError(f"{path}: holds no matrix")
    # Names may be numbers: then an empty corner, or a row or column too many, tells them from the matrix.
    has_header = len(rows) == len(rows[0]) + 1 or not rows[0][0].strip() or not all(map(_is_number, rows[0][1:]))
    body = rows[1:] if has_header else rows
    if not body:
        raise InputError(f"{path}: holds names and no matrix")
    has_column = len(body[0]) == len(body) + 1 or not all(_is_number(row[0]) for row in body)
    header = [cell.strip() for cell in rows[0]] if has_header else None
    column = [row[0].strip() for row in body] if has_column else None
    if header is not None and column is not None and len(header) == len(body[0]):
        header = header[1:]  # the corner
    cells = [row[1:] if has_column else row for row in body]
    if header is not None and column is not None and len(header) != len(column):
        raise InputError(f"{path}: the matrix is not square: {len(column)} rows and {len(header)} columns have a name")
    if header is not None and column is not None and header != column:
        at = next(n for n, (a, b) in enumerate(zip(header, column, strict=True)) if a != b)
        raise InputError(
            f"{path}: the names of the columns and of the rows are in another order, or are others: number {at + 1} is "
            f"{header[at]!r} above and {column[at]!r} at the side"
        )
    matrix = np.empty((len(cells), len(cells[0])))
    for row, values in enumerate(cells):
        if len(values) != len(cells[0]):
            raise InputError(
                f"{path}: the matrix is not square: row {row} has {len(values)} values, row 0 {len(cells[0])}"
            )
        for number, value in enumerate(values):
            if not _is_number(value):
                raise InputError(f"{path}: row {row}, column {number} holds {value!r}, which is not a number")
            matrix[row, number] = float(value)
    return matrix, header or column


def _delimiter(text: str) -> str:
    first = text.lstrip("\n").split("\n", 1)[0]
    return max("\t;,", key=first.count) if any(mark in first for mark in "\t;,") else " "


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
