"""Embeddings that are made as they are read, so that a million of them are never held whole."""

from collections.abc import Callable, Sequence

import numpy as np

from alignet_hf.mapped import packed, unpacked
from alignet_hf.surrogate.embeddings import undecodable_rows
from alignet_hf.triplets import validate_embeddings

_ROWS_PER_BLOCK = 8192


class EmbeddingsView:
    """Some rows of embeddings, or what a function makes of them, computed whenever rows are asked for.

    It stands wherever an array does (`len`, `shape`, `dtype`, `[rows]`, `np.asarray`, which computes them all).
    Pickled, for worker processes, a memory-mapped array is its place on disk.

    Args:
        embeddings: (N, D) float, memory-mapped say; another view will do.
        rows: (n,) int, those that the view has, in its order; None for all.
        function: (m, D) -> (m, E) float32; None leaves rows as they are.
        n_dimensions: E.
        with_gaps: have rows of images that could not be decoded (`Embeddings.undecodable`), as NaN, for who reads the
            others alone. Without, they are refused, but for those that `rows` leave out.

    Raises:
        InputError: an embedding that is not finite.
    """

    def __init__(
        self,
        embeddings,
        rows: np.ndarray | None = None,
        *,
        function: Callable[[np.ndarray], np.ndarray] | None = None,
        n_dimensions: int | None = None,
        with_gaps: bool = False,
    ):
        gaps = undecodable_rows(embeddings)
        if not with_gaps:
            gaps = () if rows is None else np.setdiff1d(gaps, rows)
        self.embeddings = validated(embeddings, gaps=gaps)
        self.rows, self.function = rows, function
        n_dimensions = self.embeddings.shape[1] if function is None else n_dimensions
        self.shape = (len(self.embeddings) if rows is None else len(rows), n_dimensions)
        self.dtype = self.embeddings.dtype if function is None else np.dtype(np.float32)
        self.ndim = 2

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key) -> np.ndarray:
        found = self.embeddings[key if self.rows is None else self.rows[key]]
        if self.function is None:
            return found
        return self.function(found.reshape(-1, found.shape[-1])).reshape(*found.shape[:-1], self.shape[1])

    def __getstate__(self):
        state = dict(self.__dict__)
        if isinstance(self.embeddings, np.ndarray):
            state["embeddings"] = packed(self.embeddings)
        return state

    def __setstate__(self, state):
        self.__dict__.update({**state, "embeddings": unpacked(state["embeddings"])})

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if copy is False:
            raise ValueError("a view of embeddings computes them: they cannot be had without a copy")
        whole = np.empty(self.shape, dtype or self.dtype)
        for start in range(0, len(self), _ROWS_PER_BLOCK):
            rows = slice(start, start + _ROWS_PER_BLOCK)
            whole[rows] = self[rows]
        return whole


def validated(embeddings, name: str = "embeddings", gaps: Sequence[int] = ()):
    """What can be read row by row: an array of finite numbers, or a view of one, which has been checked.

    Args:
        gaps: rows that need not be finite.

    Raises:
        InputError: naming the first bad row, counted from 0.
    """
    return embeddings if isinstance(embeddings, EmbeddingsView) else validate_embeddings(embeddings, name, gaps)
