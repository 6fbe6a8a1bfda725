"""The rows of an AligNet triplet data set as Arrow tables, and what must hold of them, checked block by block.

A row holds `indices` (rows of the image source, odd one last), `similarities` (the teacher's [s_ij, s_ik, s_jk], the
first the largest) and, where files are named, `filenames`; where their classes are known, `labels`.
"""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Features, List, Value

from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_triplets

FEATURES = Features({"indices": List(Value("int32"), length=3), "similarities": List(Value("float32"), length=3)})
FEATURES_WITH_FILENAMES = Features({**FEATURES, "filenames": List(Value("string"), length=3)})
_REORDER = "(alignet_hf.triplets.odd_one_last)"
ROWS_PER_BLOCK = 2**17  # held at once by what goes through a whole data set, and written as one group of rows


def features_of(columns: Iterable[str]) -> Features:
    """The features of a data set that has these columns."""
    return FEATURES_WITH_FILENAMES if "filenames" in columns else FEATURES


def with_labels(features: Features, classes: Sequence[str]) -> Features:
    """The features and `labels`, the classes of a row's images, of which `classes` are the names."""
    return Features({**features, "labels": List(ClassLabel(names=list(classes)), length=3)})


def features_in(schema: pa.Schema) -> Features:
    """The features of the rows of a file or a data set, whose other columns are not ours."""
    features = features_of(schema.names)
    there = Features.from_arrow_schema(schema)["labels"] if "labels" in schema.names else None
    if isinstance(there, List) and there.length == 3 and isinstance(there.feature, ClassLabel):
        return with_labels(features, there.feature.names)
    return features


def triplet_table(indices: np.ndarray, similarities: np.ndarray, names: pa.Array | None = None) -> pa.Table:
    """Arrays -> table.

    Args:
        indices: (n, 3) int.
        similarities: (n, 3) float.
        names: what `indices` point at, as strings.
    """
    flat = pa.array(indices.reshape(-1), pa.int32())
    columns = {"indices": flat, "similarities": pa.array(similarities.reshape(-1), pa.float32())}
    if names is not None:
        columns["filenames"] = names.take(flat)
    return pa.table(list(map(triples, columns.values())), schema=features_of(columns).arrow_schema)


def triples(values: pa.Array) -> pa.FixedSizeListArray:
    """3n values -> n lists of three."""
    return pa.FixedSizeListArray.from_arrays(values, 3)


class RowCheck:
    """A check of a data set whose blocks come one after the other: `for table in tables: table = check(table)`.

    Args:
        name: of the data set, for messages; rows are counted from its first, 0.
        features: that the blocks are cast to.
    """

    def __init__(self, name: str, features: Features):
        self.name, self.features = name, features
        self.n_rows = 0
        self.n_disagree = 0
        self.first_to_disagree = ""

    def __call__(self, table: pa.Table) -> pa.Table:
        """The next block, cast.

        Raises:
            InputError: another column or type; a row that is no triplet.
        """
        try:
            table = table.select(list(self.features)).cast(self.features.arrow_schema)
        except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"{self.name}: expected three indices and three similarities a row: {error}") from error
        validate_triplets(self._matrix(table, "indices"), name=f"{self.name}: indices", first_row=self.n_rows)
        similarities = self._matrix(table, "similarities")
        finite = np.isfinite(similarities)
        if not finite.all():
            bad = int(finite.all(1).argmin())
            values = similarities[bad].tolist()
            raise InputError(f"{self.name}: similarities: row {self.n_rows + bad} is not finite: {values}")
        # The odd one is last, so the pair of the other two, s_ij, must be the most similar.
        # Column by column: a maximum along rows of two numbers takes ten times as long.
        s_ij, s_ik, s_jk = similarities.T
        disagree = np.flatnonzero(s_ij < np.maximum(s_ik, s_jk))
        if disagree.size and not self.n_disagree:
            values = [float(str(value)) for value in similarities[disagree[0]]]  # 0.1, not 0.10000000149011612
            self.first_to_disagree = f"row {self.n_rows + disagree[0]} has similarities {values}"
        self.n_disagree += len(disagree)
        self.n_rows += len(table)
        return table

    def complaint(self) -> str | None:
        """After the last block: in how many rows the last item is not the odd one out; None where in none.

        Raises:
            InputError: if these are most.
        """
        if not self.n_disagree:
            return None
        message = (
            f"{self.name}: in {self.n_disagree} of {self.n_rows} rows the last item is not the odd one out: "
            f"{self.first_to_disagree}, of which the first, s_ij, should be the largest"
        )
        if 2 * self.n_disagree > self.n_rows:
            raise InputError(f"{message}; reorder the rows {_REORDER}")
        return message

    def warn(self, stacklevel: int) -> None:
        """Warn of what there is to complain of; `stacklevel` as for `warnings.warn`, from the caller on."""
        if message := self.complaint():
            warnings.warn(
                f"{message}; the rows are kept: filter them out, or reorder them {_REORDER}", stacklevel=stacklevel + 1
            )

    def _matrix(self, table: pa.Table, column: str) -> np.ndarray:
        """A column of lists of three -> (n, 3)."""
        return flat_values(table, column, self.name, self.n_rows).to_numpy().reshape(-1, 3)


def flat_values(table: pa.Table, column: str, name: str, first_row: int) -> pa.Array:
    """A column of n lists of three -> its 3n values, copied only where they are in several chunks.

    Raises:
        InputError: naming the data set `name` and its row `first_row`, the table's first, if a list lacks a value.
    """
    values = pa.chunked_array(
        [chunk.flatten() for chunk in table[column].chunks], table.schema.field(column).type.value_type
    )
    if len(values) != 3 * len(table) or values.null_count:
        raise InputError(f"{name}: {column}: a row after {first_row} is empty; drop it")
    return values.combine_chunks()


def names_array(names: Sequence[str] | None) -> pa.Array | None:
    """File names as Arrow strings, of which `triplet_table` takes those it needs."""
    return None if names is None else pa.array(names, pa.string())
