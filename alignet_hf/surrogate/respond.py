"""The surrogate teacher's responses to triplets: three similarities and the odd one out, as an AligNet data set."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from tqdm import tqdm

from alignet_hf.data.alignet import FEATURES, FEATURES_WITH_FILENAMES, save_blocks, triplet_dataset
from alignet_hf.data.triplet_rows import names_array, triplet_table
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import make_folder
from alignet_hf.surrogate.views import validated
from alignet_hf.triplets import odd_one_last, validate_triplets

_TRIPLETS_PER_BLOCK = 2**20  # answered in an order of our own, then given in theirs
_TRIPLETS_GATHERED = 128  # whose embeddings lie in a processor's own cache, at about a thousand dimensions
_ROWS_AT_ONCE = 8192


def respond(embeddings, triplets, filenames: Sequence[str] | None = None, *, progress: bool = True) -> Dataset:
    """Answer triplets with the teacher's representations.

    Args:
        embeddings: (N, D) float, after UD for AligNet, before it for UnAligNet; memory-mapped say, or a view
            (`UncertaintyDistillation.view`), of which the rows that triplets name are computed once, into a temporary
            file.
        triplets: (n, 3) int rows of `embeddings`, in any order.
        filenames: N names of the images, to be written beside the indices.

    Returns:
        A data set with `indices` (odd one last), `similarities` [s_ij, s_ik, s_jk] as dot products, the first the
        largest, and `filenames` if given.

    Raises:
        InputError: naming the row of the triplets or embeddings that cannot be used.
    """
    embeddings, triplets = _validated(embeddings, triplets, filenames)
    indices = np.empty((len(triplets), 3), np.int32)
    similarities = np.empty((len(triplets), 3), np.float32)
    done = 0
    for items, found in _answers(embeddings, triplets, None, progress):
        rows = slice(done, done := done + len(items))
        indices[rows], similarities[rows] = items, found
    return triplet_dataset(indices, similarities, filenames)


def save_responses(
    embeddings,
    triplets,
    folder: str | Path,
    split: str = "train",
    filenames: Sequence[str] | None = None,
    *,
    progress: bool = True,
    **facts,
) -> Path:
    """`respond`, then `save_alignet`, without ever holding all answers: each block is written as it is answered.

    Args:
        embeddings, triplets, filenames: as for `respond`.
        folder, split: where to.
        facts: what made the triplets, for the card.
    """
    embeddings, triplets = _validated(embeddings, triplets, filenames)
    names = names_array(filenames)
    folder = make_folder(folder)
    tables = (triplet_table(*answer, names) for answer in _answers(embeddings, triplets, folder, progress))
    features = FEATURES if names is None else FEATURES_WITH_FILENAMES
    return save_blocks(tables, folder, split, features, len(triplets), **facts)


def _validated(embeddings, triplets, filenames: Sequence[str] | None):
    embeddings = validated(embeddings)
    triplets = validate_triplets(triplets, len(embeddings))
    if filenames is not None and len(filenames) != len(embeddings):
        raise InputError(f"filenames: {len(filenames)} names for {len(embeddings)} embeddings; give one an embedding")
    return embeddings, triplets


def _answers(
    embeddings, triplets: np.ndarray, scratch: Path | None, progress: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of (triplets with the odd one last, their similarities), in order."""
    n_threads = os.cpu_count() or 1
    with (
        tqdm(total=len(triplets), unit="triplet", desc="responses", disable=None if progress else True) as bar,
        _as_array(embeddings, triplets, scratch) as (array, places),
        _threads(n_threads) as threads,
    ):
        for start in range(0, len(triplets), _TRIPLETS_PER_BLOCK):
            block = triplets[start : start + _TRIPLETS_PER_BLOCK]
            rows = block if places is None else places[block]
            found = np.empty((len(block), 3), np.float32)

            def fill(order: np.ndarray, rows=rows, found=found) -> None:
                found[order] = _similarities(array, rows[order])

            # Those with the same first item come together, and it is gathered once.
            list(threads.map(fill, np.array_split(rows[:, 0].argsort(kind="stable"), n_threads)))
            yield odd_one_last(block, found)
            bar.update(len(block))


def _similarities(array: np.ndarray, triplets: np.ndarray) -> np.ndarray:
    """As `alignet_hf.triplets.triplet_similarities`, in float32, for triplets sorted by their first item."""
    if array.dtype == np.float32 and array.flags.c_contiguous:  # read where they are
        return _dot_products(array, triplets[:, [0, 0, 1]], triplets[:, [1, 2, 2]])
    similarities = np.empty((len(triplets), 3), np.float32)
    # A few triplets at a time, so that their rows, gathered and converted, stay in the processor's cache.
    gathered = np.empty((3 * _TRIPLETS_GATHERED, array.shape[1]), array.dtype)
    converted = np.empty(gathered.shape, np.float32)
    source, target = torch.from_numpy(gathered), torch.from_numpy(converted)  # which converts 12 times as fast as numpy
    for start in range(0, len(triplets), _TRIPLETS_GATHERED):
        i, j, k = triplets[start : start + _TRIPLETS_GATHERED].T
        is_new = np.r_[True, i[1:] != i[:-1]]
        items = np.concatenate([i[is_new], j, k])
        np.take(array, items, axis=0, out=gathered[: len(items)], mode="clip")  # the other modes copy once more
        target[: len(items)] = source[: len(items)]
        at_i = np.cumsum(is_new) - 1
        at_j = at_i[-1] + 1 + np.arange(len(j))
        at_k = at_j + len(j)
        similarities[start : start + len(j)] = _dot_products(
            converted, np.column_stack([at_i, at_i, at_j]), np.column_stack([at_j, at_k, at_k])
        )
    return similarities


def _dot_products(rows: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of rows[first] and rows[second], without gathering them: (N, D) float32, ints of one shape -> of that shape."""
    import faiss

    first, second = (np.ascontiguousarray(places, np.int64) for places in (first, second))
    products = np.empty(first.shape, np.float32)
    pointers = map(faiss.swig_ptr, (rows, first, rows, second, products))
    faiss.pairwise_indexed_inner_product(rows.shape[1], first.size, *pointers)
    return products


@contextmanager
def _as_array(embeddings, triplets: np.ndarray, scratch: Path | None):
    """An array to gather rows from, and where in it each embedding is (None: at its own place).

    The rows of a view that triplets name are computed once, into a temporary file that is memory-mapped.
    """
    if isinstance(embeddings, np.ndarray):
        yield embeddings, None
        return
    named = np.zeros(len(embeddings), bool)
    named[triplets] = True
    items = np.flatnonzero(named)
    with tempfile.TemporaryFile(dir=scratch) as file:
        for start in range(0, len(items), _ROWS_AT_ONCE):
            rows = np.ascontiguousarray(embeddings[items[start : start + _ROWS_AT_ONCE]], np.float32)
            file.write(rows)
        file.flush()
        yield np.memmap(file, np.float32, "r", shape=(len(items), embeddings.shape[1])), np.cumsum(named) - 1


@contextmanager
def _threads(n_threads: int):
    """Threads of our own, in which torch and faiss start none: the steps are too small to be shared out."""
    import faiss

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # in threads that are yet to start, too
    try:
        with ThreadPoolExecutor(n_threads, initializer=faiss.omp_set_num_threads, initargs=(1,)) as threads:
            yield threads
    finally:
        torch.set_num_threads(before)
