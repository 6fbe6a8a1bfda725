"""The teacher's released activations and cluster labels become Embeddings and Clusters, to sample triplets from anew.

The authors say what there is: for each image of ImageNet the last layer's activations of SigLIP So400m at 384 pixels,
and its cluster of 500 that k-means found in them. They do not say how the files are laid out, so what is taken is what
numpy writes: an .npy file, or an .npz archive with an array called as below, or with one alone that can be meant. Rows
are images. Where an archive names them (`filenames`) or counts them (`indices`, in the order of the released triplets),
that holds; otherwise activations and labels are taken to be in one order. The activations are the teacher's as it came,
not aligned: `align` fits the transform that makes it answer like people, and `triplets --transform` applies it.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from alignet_hf.convert.array_file import Arrays, Header
from alignet_hf.data.matrix_files import read_names
from alignet_hf.data.names import require_names
from alignet_hf.errors import InputError
from alignet_hf.full_disk import naming_full_disk
from alignet_hf.hub.artifacts import make_folder, sha256_of
from alignet_hf.surrogate.cluster import Clusters
from alignet_hf.surrogate.embeddings import Embeddings

ACTIVATIONS = ("activations", "embeddings", "features", "representations")
LABELS = ("labels", "clusters", "cluster_labels", "cluster_assignments", "assignments")
GIVEN_AS = "what AligNet's authors released of their teacher (SigLIP So400m, 384 px); the file itself does not say"
_ASSUMED = "assumed, as the authors do not say it: an image each, in the order of the released triplets' indices"
_ROWS_PER_BLOCK = 4096


def convert_teacher(
    activations: str | Path,
    folder: str | Path,
    clusters: str | Path | None = None,
    *,
    names: Sequence[str] | str | Path | None = None,
    dtype: str | None = None,
) -> tuple[Embeddings, Clusters | None]:
    """Write activations to `folder/teacher` and cluster labels to `folder/clusters`, from which triplets are sampled.

    `alignet-hf triplets FOLDER/teacher OUT -n 10000000 --clusters FOLDER/clusters` does, without a GPU.

    Args:
        activations, names, dtype: as for `convert_activations`.
        clusters: as for `convert_clusters`.
        folder: of both, which take the places of earlier ones together, or not at all.
    """
    folder = make_folder(folder)
    work = folder / ".new"
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    try:
        make_folder(work)
        if clusters is not None:  # before gigabytes are read
            _check_numbers(Path(activations), Path(clusters), work)
        teacher = convert_activations(activations, work / "teacher", names=names, dtype=dtype)
        if clusters is not None:
            convert_clusters(clusters, work / "clusters", teacher)
        for file in [path for path in work.rglob("*") if path.is_file()]:
            place = folder / file.relative_to(work)
            make_folder(place.parent)
            os.replace(file, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found = None if clusters is None else Clusters.from_pretrained(folder / "clusters")
    return Embeddings.from_pretrained(folder / "teacher"), found


def _check_numbers(activations: Path, clusters: Path, folder: Path) -> None:
    """Check that there are as many labels as activations, as far as the files' headers tell."""
    with Arrays.opened(activations, folder) as arrays:
        rows = {header.shape[0] for header in arrays.headers.values() if _are_activations(header)}
    with Arrays.opened(clusters, folder) as arrays:
        labels = {header.shape[0] for header in arrays.headers.values() if _are_labels(header)}
    if rows and labels and not rows & labels:
        raise InputError(f"{clusters}: labels of {min(labels)} images, but {activations} has {min(rows)} rows")


def convert_activations(
    path: str | Path,
    folder: str | Path,
    *,
    names: Sequence[str] | str | Path | None = None,
    dtype: str | None = None,
    **facts,
) -> Embeddings:
    """Write activations as the embeddings that `embed` would have written, rows in the order of the triplets' indices.

    They are read and written in blocks. Where they are deflated, in another order or of another type, `folder` has to
    have room for them twice.

    Args:
        path: .npy (N, D) floats, or .npz with an array of one of the names ACTIVATIONS, and `filenames` or `indices`.
        folder: of the embeddings.
        names: of the images, in the order of the result, where the file has none; or a text file of them, a line each.
        dtype: "float32" or "float16", of what is written; where not given, the file's own.
        facts: for the card; `source` and `sha256` are there.

    Returns:
        The embeddings, memory-mapped.

    Raises:
        InputError: naming the file, if it is damaged or holds no such array, or the row that is not finite.
    """
    path, folder = Path(path), make_folder(folder)
    if dtype not in (None, "float32", "float16"):
        raise InputError(f"dtype: {dtype!r} is not float32 or float16")
    with Arrays.opened(path, folder) as arrays:
        activations = arrays.read(ACTIVATIONS, _are_activations, "activations, (N, D) floats")
        own_names, places = arrays.names(len(activations)), arrays.places(len(activations))
        if own_names is not None and places is not None:
            own_names = own_names[places.argsort()]
        names = own_names if names is None else _given_names(names, path, len(activations))
        kept = np.dtype(dtype or ("float16" if activations.dtype.itemsize == 2 else "float32"))
        if places is None and activations.dtype == kept and activations.flags.c_contiguous:
            for _ in _blocks(activations, kept, path):  # each is checked
                pass
            rows = activations
        else:
            rows = arrays.scratch(activations.shape, kept)
            for start, block in _blocks(activations, kept, path):
                rows[slice(start, start + len(block)) if places is None else places[start : start + len(block)]] = block
        order = "the file's own names" if own_names is not None else _ASSUMED
        source = {
            "source": path.name,
            "sha256": sha256_of(path),
            "given_as": GIVEN_AS,
            "rows": order if places is None else "the file's own indices",
        }
        named = None if names is None else list(map(str, names))
        with naming_full_disk(folder):
            Embeddings(rows, named, **source, **facts).save_pretrained(folder)
    return Embeddings.from_pretrained(folder)


def convert_clusters(path: str | Path, folder: str | Path, embeddings: Embeddings, **facts) -> Clusters:
    """Write cluster labels as the clusters that `cluster` would have written of these embeddings.

    The file has no centroids: they are the means of each cluster's embeddings, as k-means ends with.

    Args:
        path: .npy (N,) ints, or .npz with an array of one of the names LABELS, and `filenames` or `indices`;
            labels of any numbers from 0 on.
        folder: of the clusters.
        embeddings: of the same images.
        facts: for the card; `source` and `sha256` are there.

    Raises:
        InputError: naming the file, if it is damaged or holds no such array, or its images are not those of the
            embeddings.
    """
    path, folder = Path(path), make_folder(folder)
    with Arrays.opened(path, folder) as arrays:
        given = np.array(arrays.read(LABELS, _are_labels, "labels, (N,) whole numbers"))
        if len(given) != len(embeddings):
            raise InputError(f"{path}: labels of {len(given)} images, but there are {len(embeddings)} embeddings")
        names, places = arrays.names(len(given)), arrays.places(len(given))
    if names is not None and embeddings.names is not None:
        given = given[require_names(embeddings.names, names.tolist(), str(path))]
    elif places is not None:
        given = given[places.argsort()]
    if len(given) and given.min() < 0:
        raise InputError(f"{path}: row {int(given.argmin())} has the label {given.min()}; labels count from 0")
    numbers, labels = np.unique(given, return_inverse=True)
    centroids, inertia = _means(embeddings, labels.astype(np.int32), len(numbers))
    source = {"n_clusters": len(numbers), "inertia": inertia, "source": path.name, "sha256": sha256_of(path)}
    source |= {"given_as": GIVEN_AS, "made_here": "the centroids: the file has labels alone"}
    clusters = Clusters(labels.astype(np.int32), centroids, **source, **facts)
    clusters.save_pretrained(folder)
    return clusters


def _given_names(names: Sequence[str] | str | Path, path: Path, n_rows: int) -> list[str]:
    is_file = isinstance(names, str | Path)
    given = read_names(names) if is_file else list(names)
    if len(given) != n_rows:
        whose = f"{names}: " if is_file else ""
        raise InputError(f"{whose}{len(given)} names for the {n_rows} rows of {path}; give each row one")
    return given


def _means(embeddings: Embeddings, labels: np.ndarray, n_clusters: int) -> tuple[np.ndarray, float]:
    """Each cluster's mean, (K, D) float32, and the sum of squared distances to it, in one reading."""
    sums, squares = np.zeros((n_clusters, embeddings.shape[1])), 0.0
    for start in range(0, len(labels), _ROWS_PER_BLOCK):
        block = embeddings[start : start + _ROWS_PER_BLOCK].astype(np.float64)
        order = labels[start : start + len(block)].argsort(kind="stable")
        there, firsts = np.unique(labels[start : start + len(block)][order], return_index=True)
        sums[there] += np.add.reduceat(block[order], firsts)
        squares += float((block**2).sum())
    counts = np.bincount(labels, minlength=n_clusters)[:, None]
    means = sums / counts
    return means.astype(np.float32), squares - float((counts * means**2).sum())


def _are_activations(header: Header) -> bool:
    """Floats of 16 to 64 bits; JAX's bfloat16 is nothing that numpy has a name for: two bytes of anything."""
    return len(header.shape) == 2 and (header.dtype.kind == "f" or header.dtype.str[1:] == "V2")


def _are_labels(header: Header) -> bool:
    return len(header.shape) == 1 and header.dtype.kind in "iu"


def _blocks(activations: np.ndarray, dtype: np.dtype, path: Path) -> Iterator[tuple[int, np.ndarray]]:
    """Rows as floats of a type, each finite, and the number of a block's first."""
    for start in range(0, len(activations), _ROWS_PER_BLOCK):
        block = activations[start : start + _ROWS_PER_BLOCK]
        if block.dtype.kind == "V":  # bfloat16 is the upper half of float32
            block = (np.ascontiguousarray(block).view("<u2").astype("<u4") << 16).view("<f4")
        with np.errstate(over="ignore"):  # what is too large for float16 is said below
            block = block.astype(dtype, copy=False)
        bad = ~np.isfinite(block).all(1)
        if bad.any():
            raise InputError(f"{path}: row {start + int(bad.argmax())} is not finite, as {dtype}")
        yield start, block
