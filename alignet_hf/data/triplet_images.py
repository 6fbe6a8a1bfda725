"""A triplet data set on an image source: its rows must point at the images that it names.

`indices` count the images of the source that the triplets were made on. Where the data set has `filenames` too, these
say which images are meant: the released triplets count ImageNet in another order than its folders have.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from alignet_hf.data.images import image_names
from alignet_hf.data.images.names import Names
from alignet_hf.data.names import MISSING, MissingNamesError, find_names, missing_names, names_without_row
from alignet_hf.data.triplet_rows import FEATURES, flat_values
from alignet_hf.triplets import validate_triplets

_ROWS_PER_BLOCK = 2**20  # looked at once


def triplets_on(triplets: Dataset, images, name: str = "triplets") -> Dataset:
    """The triplets with `indices` that are rows of `images`.

    Without `filenames`, the indices are taken as they are; with them, the images are found by name (see
    alignet_hf.data.names) unless every index has its name already. The data set is read in blocks: held are the
    distinct names, and what is new, 12 bytes a triplet.

    Args:
        triplets: with the columns that alignet_hf.data.alignet names.
        images: the image source.
        name: of the triplets, for messages.

    Returns:
        `triplets` itself, or its similarities with other indices, without the file names.

    Raises:
        MissingNamesError: file names that no image has.
        InputError: one that fits several images; rows that name an image twice, or are out of range; an empty row.
    """
    if "filenames" in triplets.column_names:
        names = _binary(Names(image_names(images)).array)
        if not _are_named_so(triplets, names, name):
            triplets = _with_indices(triplets, _found_by_name(triplets, images, names, name))
    for first_row, table in _blocks(triplets, "indices"):
        validate_triplets(_indices(table, name, first_row).to_numpy().reshape(-1, 3), len(images), name, first_row)
    return triplets


def _are_named_so(triplets: Dataset, names: pa.Array, name: str) -> bool:
    """Whether every index is that of its file name."""
    for first_row, table in _blocks(triplets, "indices", "filenames"):
        indices = _indices(table, name, first_row)
        bounds = pc.min_max(indices).as_py()
        if bounds["min"] < 0 or bounds["max"] >= len(names):
            return False
        if not pc.all(pc.equal(names.take(indices), _filenames(table, name, first_row))).as_py():
            return False
    return True


def _found_by_name(triplets: Dataset, images, names: pa.Array, name: str) -> np.ndarray:
    """The rows of `images` that the file names mean -> (n, 3) int32."""
    distinct = pa.array([], pa.large_binary())
    for first_row, table in _blocks(triplets, "filenames"):
        distinct = pc.unique(pa.concat_arrays([distinct, pc.unique(_filenames(table, name, first_row))]))
    rows = pa.array(_rows_of(distinct, images, names, name), pa.int32())
    indices = np.empty((len(triplets), 3), np.int32)
    for first_row, table in _blocks(triplets, "filenames"):
        found = rows.take(pc.index_in(_filenames(table, name, first_row), distinct))
        indices[first_row : first_row + len(table)] = found.to_numpy().reshape(-1, 3)
    return indices


def _rows_of(wanted: pa.Array, images, names: pa.Array, name: str) -> np.ndarray:
    """`find_names` of distinct names of which most are there as they stand: those are looked up by Arrow."""
    counts = pc.value_counts(names)
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    rows = pc.fill_null(pc.index_in(wanted, names), MISSING).to_numpy(zero_copy_only=False).copy()
    rows[pc.is_in(wanted, twice).to_numpy(zero_copy_only=False)] = MISSING
    what = f"{name}: filenames"
    if (rest := np.flatnonzero(rows == MISSING)).size:
        rows[rest] = find_names(_strings(wanted.take(pa.array(rest))), image_names(images), what)
    if (rows == MISSING).any():
        wanted = _strings(wanted)
        raise MissingNamesError(
            f"{what}: {missing_names(wanted, rows)} are not among the {len(images)} images; give the images that the "
            "triplets were made on",
            names_without_row(wanted, rows),
        )
    return rows


def _with_indices(triplets: Dataset, indices: np.ndarray) -> Dataset:
    column = pa.FixedSizeListArray.from_arrays(pa.array(indices.reshape(-1)), 3)
    others = triplets.select_columns([column for column in FEATURES if column != "indices"])
    return others.add_column("indices", column, feature=FEATURES["indices"])


def _blocks(triplets: Dataset, *columns: str) -> Iterator[tuple[int, pa.Table]]:
    """Tables of these columns, and which row is their first."""
    first_row = 0
    for table in triplets.select_columns(list(columns)).with_format("arrow").iter(_ROWS_PER_BLOCK):
        yield first_row, table
        first_row += len(table)


def _indices(table: pa.Table, name: str, first_row: int) -> pa.Array:
    return flat_values(table, "indices", name, first_row)


def _filenames(table: pa.Table, name: str, first_row: int) -> pa.Array:
    return flat_values(table, "filenames", name, first_row).cast(pa.large_binary())


def _binary(names: np.ndarray) -> pa.Array:
    """Bytes, as names of files that are not UTF-8 are no strings of Arrow's."""
    return pa.array(names, pa.large_binary())


def _strings(names: pa.Array) -> list[str]:
    return [name.decode("utf-8", "surrogateescape") for name in names.to_pylist()]
