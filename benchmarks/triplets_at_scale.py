"""Triplets at the paper's size: sampling, responding, opening, converting a released archive, and k-means.

    python benchmarks/triplets_at_scale.py [--n TRIPLETS]

Ten million triplets by default: of 1.28 million images in 500 clusters of Zipf's sizes (sampling), of 200,000
embeddings of 1,152 numbers in float16 on disk (responding); the released archive has as many. Every measurement has a
process of its own; memory is what its peak rises by, pages of mapped files included. Files of 3 GB lie in a temporary
folder (TMPDIR) meanwhile. Where other programs want the same processors, times on the wall say little; what the
processors would do undisturbed, by their own time, is then what to go by.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from measure import print_goals

N_IMAGES, N_EMBEDDINGS, DIMENSIONS, N_CLUSTERS = 1_281_167, 200_000, 1152, 500


def zipf_labels(n_items: int) -> np.ndarray:
    weights = 1 / np.arange(1, N_CLUSTERS + 1)
    return np.random.default_rng(0).choice(N_CLUSTERS, n_items, p=weights / weights.sum()).astype(np.int32)


def image_names() -> list[str]:
    from alignet_hf.convert.imagenet_labels import imagenet_classes

    wnids = list(imagenet_classes())
    return [f"{wnids[row // 1282]}_{row}.JPEG" for row in range(N_IMAGES)]


def measured(work: Callable[[], dict | None], warm_up: Callable[[], object] = lambda: None) -> dict:
    """Seconds on the wall and of the processors, and megabytes that the peak of memory rose by."""
    warm_up()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processors = time.perf_counter(), time.process_time()
    found = work() or {}
    wall, processors = time.perf_counter() - wall, time.process_time() - processors
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    return {"wall": wall, "processors": processors, "megabytes": megabytes, **found}


# Each in a process of its own


def sampling(folder: Path, n: int) -> dict:
    from alignet_hf.surrogate.sample import sample_triplets

    labels = zipf_labels(N_IMAGES)
    return measured(
        lambda: sample_triplets(labels, n, seed=0) is None, lambda: sample_triplets(labels[:1000], 1000, seed=0)
    )


def write_embeddings(folder: Path, n: int) -> None:
    from alignet_hf.surrogate.embeddings import Embeddings

    rng = np.random.default_rng(0)
    centres = rng.standard_normal((N_CLUSTERS, DIMENSIONS), np.float32)
    labels = zipf_labels(N_EMBEDDINGS)
    rows = np.empty((N_EMBEDDINGS, DIMENSIONS), np.float16)
    for start in range(0, N_EMBEDDINGS, 10_000):
        block = slice(start, start + 10_000)
        rows[block] = centres[labels[block]] + rng.standard_normal((10_000, DIMENSIONS), np.float32)
    Embeddings(rows).save_pretrained(folder / "embeddings")
    Embeddings(np.ascontiguousarray(rows[:, :256])).save_pretrained(folder / "narrow")


def _embeddings(folder: Path, name: str = "embeddings") -> np.ndarray:
    from alignet_hf.surrogate.embeddings import Embeddings

    array = np.asarray(Embeddings.from_pretrained(folder / name))
    for start in range(0, len(array), 8192):  # read once, as a disk's speed is not what is measured
        array[start : start + 8192].max()
    return array


def responding(folder: Path, n: int) -> dict:
    from alignet_hf.surrogate.respond import save_responses
    from alignet_hf.surrogate.sample import sample_triplets

    array, triplets = _embeddings(folder), sample_triplets(zipf_labels(N_EMBEDDINGS), n, seed=0)
    quiet = {"progress": False}
    return measured(
        lambda: save_responses(array, triplets, folder / "responses", **quiet) is None,
        lambda: save_responses(array, triplets[:1000], folder / "warm-up", **quiet),
    )


def plain_loop(folder: Path, n: int) -> dict:
    """Gather in float16, convert, multiply and add: numpy, in blocks that a cache holds."""
    from alignet_hf.surrogate.sample import sample_triplets
    from alignet_hf.triplets import triplet_similarities

    array, triplets = _embeddings(folder), sample_triplets(zipf_labels(N_EMBEDDINGS), n // 50, seed=0)

    def loop() -> None:
        for start in range(0, len(triplets), 256):
            items, local = np.unique(triplets[start : start + 256], return_inverse=True)
            triplet_similarities(array[items].astype(np.float32), local.reshape(-1, 3))

    return measured(loop)


def gathering(folder: Path, n: int) -> dict:
    """The least that any way must do: bring three rows of a triplet from memory, one thread a processor."""
    from concurrent.futures import ThreadPoolExecutor

    from alignet_hf.surrogate.sample import sample_triplets

    array, triplets = _embeddings(folder), sample_triplets(zipf_labels(N_EMBEDDINGS), n // 10, seed=0)

    def gather(part: np.ndarray) -> None:
        rows = np.empty((3 * 128, DIMENSIONS), array.dtype)
        for start in range(0, len(part) - 127, 128):
            np.take(array, part[start : start + 128].ravel(), axis=0, out=rows, mode="clip")

    def work() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(gather, np.array_split(triplets, os.cpu_count())))

    return measured(work)


def saving(folder: Path, n: int) -> dict:
    from alignet_hf.data.alignet import FEATURES_WITH_FILENAMES, save_blocks
    from alignet_hf.data.triplet_rows import ROWS_PER_BLOCK, names_array, triplet_table

    rng, names = np.random.default_rng(0), names_array(image_names())

    def blocks():
        for start in range(0, n, ROWS_PER_BLOCK):
            first = rng.integers(0, N_IMAGES - 2, min(ROWS_PER_BLOCK, n - start))
            similarities = -np.sort(-rng.standard_normal((len(first), 3), np.float32), axis=1)
            yield triplet_table(np.stack([first, first + 1, first + 2], 1), similarities, names)

    return measured(
        lambda: save_blocks(blocks(), folder / "triplets", "train", FEATURES_WITH_FILENAMES, n, seed=0) is None
    )


def opening(folder: Path, n: int) -> dict:
    import datasets

    from alignet_hf.data.alignet import load_alignet

    datasets.config.HF_DATASETS_CACHE = folder / "cache"

    def work() -> None:
        assert len(load_alignet(folder / "triplets")) == n

    return measured(work)


def write_archive(folder: Path, n: int) -> None:
    """In the released format: int64, float64, and file names in numpy's four bytes a character; block by block."""
    rng, names = np.random.default_rng(0), np.array(image_names())
    first = rng.integers(0, N_IMAGES - 2, n)

    def indices(rows: slice) -> np.ndarray:
        return first[rows, None] + np.arange(3)

    def similarities(rows: slice) -> np.ndarray:
        return -np.sort(-np.random.default_rng(rows.start).standard_normal((len(first[rows]), 3)), axis=1)

    arrays = {
        "indices": (indices, np.dtype(np.int64)),
        "similarities": (similarities, np.dtype(np.float64)),
        "filenames": (lambda rows: names[indices(rows)], names.dtype),
    }
    with ZipFile(folder / "alignet_train.npz", "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (make, dtype) in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": dtype.str, "fortran_order": False, "shape": (n, 3)}
                np.lib.format.write_array_header_1_0(member, header)
                for start in range(0, n, 2**17):
                    member.write(make(slice(start, start + 2**17)).tobytes())


def converting(folder: Path, n: int) -> dict:
    from alignet_hf.convert.triplets import convert_triplets

    return measured(
        lambda: convert_triplets(folder / "alignet_train.npz", folder / "converted", progress=False) is None
    )


def clustering(folder: Path, n: int) -> dict:
    from alignet_hf.surrogate.cluster import cluster_embeddings

    array = _embeddings(folder, "narrow")
    return measured(lambda: {"inertia": cluster_embeddings(array, N_CLUSTERS, progress=False).inertia})


def bare_k_means(folder: Path, n: int) -> dict:
    """faiss on all embeddings in memory, in float32, as its own documentation does it."""
    import faiss

    array = _embeddings(folder, "narrow")

    def work() -> dict:
        whole = np.asarray(array, np.float32)
        k_means = faiss.Kmeans(whole.shape[1], N_CLUSTERS, seed=0)
        k_means.train(whole)
        return {"inertia": float(k_means.index.search(whole, 1)[0].sum(dtype=np.float64))}

    return measured(work)


def in_a_process(part: Callable, folder: Path, n: int):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(part, folder, n).result()


def rate(found: dict, n: int) -> tuple[float, str]:
    """Millions a second on the wall, and the words for it."""
    undisturbed = n / found["processors"] * os.cpu_count() / 1e6
    wall = n / found["wall"] / 1e6
    return wall, f"{wall:.2f} million/s (by the processors' own time {undisturbed:.2f})"


def main(n: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(part: Callable):
            found = in_a_process(part, folder, n)
            print(part.__name__, found or "", file=sys.stderr, flush=True)
            return found

        sampled = run(sampling)
        run(write_embeddings)
        plain, responses, gathered = run(plain_loop), run(responding), run(gathering)
        run(saving)
        first, again = run(opening), run(opening)
        run(write_archive)
        converted = run(converting)
        clusters, bare = run(clustering), run(bare_k_means)
    speed, words = rate(sampled, n)
    goals = [
        (f"sampling {n:,} cluster-boundary triplets", ">= 15 million/s", words, speed >= 15),
        ("- its memory", "< 1 GB", f"{sampled['megabytes']:.0f} MB", sampled["megabytes"] < 1000),
    ]
    speed, words = rate(responses, n)
    goals += [
        (f"responding to {n:,} from float16 on disk, Parquet written", ">= 0.5 million/s", words, speed >= 0.5),
        ("- its memory", "", f"{responses['megabytes']:.0f} MB", True),
        ("- gathering their rows and nothing else: the most there is", "", rate(gathered, n // 10)[1], True),
        ("- numpy's plain loop", "", rate(plain, n // 50)[1], True),
        (f"opening {n:,} with file names", "< 1 s", f"{again['wall']:.2f} s", again["wall"] < 1),
        ("- its memory", "< 200 MB", f"{again['megabytes']:.0f} MB", again["megabytes"] < 200),
    ]
    words = f"{first['wall']:.1f} s ({first['processors']:.1f} of a processor)"
    goals += [
        ("- the first time, which lays down the Arrow file", "", words, True),
        ("- its memory then", "< 200 MB", f"{first['megabytes']:.0f} MB", first["megabytes"] < 200),
    ]
    words = f"{converted['wall']:.0f} s ({converted['processors']:.0f} of a processor)"
    ratio, times = clusters["inertia"] / bare["inertia"], clusters["processors"] / bare["processors"]
    goals += [
        (f"a released archive of {n:,} to Parquet, with file names and labels", "", words, True),
        ("- its memory", "< 2 GB", f"{converted['megabytes']:.0f} MB", converted["megabytes"] < 2000),
        (f"k-means, {N_EMBEDDINGS:,} x 256, processors' time over bare faiss", "", f"{times:.2f}", True),
        ("- its inertia, over the same", "<= 1.01", f"{ratio:.4f}", ratio <= 1.01),
        ("- its memory, and that of the same", "", f"{clusters['megabytes']:.0f}, {bare['megabytes']:.0f} MB", True),
    ]
    print_goals(f"triplets at scale, {os.cpu_count()} processors", goals)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=10_000_000)
    main(parser.parse_args().n)
