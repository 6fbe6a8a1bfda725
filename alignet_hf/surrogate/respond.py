"""The surrogate teacher's responses to triplets: three similarities and the odd one out, as an AligNet data set."""

from collections.abc import Sequence

import numpy as np
from datasets import Dataset
from tqdm import tqdm

from alignet_hf.data.alignet import triplet_dataset
from alignet_hf.errors import InputError
from alignet_hf.triplets import odd_one_last, triplet_similarities, validate_embeddings, validate_triplets

_NUMBERS_PER_BLOCK = 2**18  # in each of the gathered arrays: 1 MB of float32, which a cache holds


def respond(embeddings, triplets, filenames: Sequence[str] | None = None, *, progress: bool = True) -> Dataset:
    """Answer triplets with the teacher's representations.

    Args:
        embeddings: (N, D) float, after UD for AligNet, before it for UnAligNet; may be memory-mapped.
        triplets: (n, 3) int rows of `embeddings`, in any order.
        filenames: N names of the images, to be written beside the indices.

    Returns:
        A data set with `indices` (odd one last), `similarities` [s_ij, s_ik, s_jk] as dot products, the first the
        largest, and `filenames` if given.

    Raises:
        InputError: naming the row of the triplets or embeddings that cannot be used.
    """
    embeddings = validate_embeddings(embeddings)
    triplets = validate_triplets(triplets, len(embeddings))
    if filenames is not None and len(filenames) != len(embeddings):
        raise InputError(f"filenames: {len(filenames)} names for {len(embeddings)} embeddings; give one an embedding")
    indices = np.empty((len(triplets), 3), np.int32)
    similarities = np.empty((len(triplets), 3), np.float32)
    block = max(1, _NUMBERS_PER_BLOCK // embeddings.shape[1])
    with tqdm(total=len(triplets), unit="triplet", desc="responses", disable=None if progress else True) as bar:
        for start in range(0, len(triplets), block):
            rows = slice(start, start + block)
            items, local = np.unique(triplets[rows], return_inverse=True)  # sorted: a file is read front to back
            found = triplet_similarities(embeddings[items].astype(np.float32), local)
            indices[rows], similarities[rows] = odd_one_last(triplets[rows], found)
            bar.update(len(found))
    return triplet_dataset(indices, similarities, filenames)
