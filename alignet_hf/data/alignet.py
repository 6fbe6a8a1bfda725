"""The AligNet triplet data set on disk and on the Hub: Parquet, one file a split; large ones open memory-mapped."""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features
from huggingface_hub import get_cached_repo_tree

from alignet_hf.data.alignet_card import card, facts_of, facts_on_hub, with_facts
from alignet_hf.data.released_triplets import ReleasedTriplets
from alignet_hf.data.triplet_cache import memory_mapped
from alignet_hf.data.triplet_rows import (
    FEATURES,
    FEATURES_WITH_FILENAMES,
    ROWS_PER_BLOCK,
    RowCheck,
    features_in,
    names_array,
    triplet_table,
)
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import make_folder, replacing
from alignet_hf.hub.download import local_folder
from alignet_hf.hub.faults import hub_faults
from alignet_hf.hub.push import push_folder

__all__ = [
    "FEATURES",
    "FEATURES_WITH_FILENAMES",
    "holds_alignet",
    "load_alignet",
    "push_alignet",
    "save_alignet",
    "save_blocks",
    "triplet_dataset",
]

_ROWS_IN_MEMORY = 2**20  # up to these a data set is read whole: 24 MB, and the file names
_READ_AT_ONCE = 2**20  # bytes of a column, however large the groups of rows


def triplet_dataset(indices: np.ndarray, similarities: np.ndarray, filenames: Sequence[str] | None = None) -> Dataset:
    """Arrays -> data set.

    Args:
        indices: (n, 3) int.
        similarities: (n, 3) float.
        filenames: names that `indices` point at.
    """
    names = names_array(filenames)
    starts = range(0, max(1, len(indices)), ROWS_PER_BLOCK)
    blocks = [slice(start, start + ROWS_PER_BLOCK) for start in starts]
    return Dataset(pa.concat_tables([triplet_table(indices[rows], similarities[rows], names) for rows in blocks]))


def save_alignet(dataset: Dataset, folder: str | Path, split: str = "train", **facts) -> Path:
    """Write a split as `folder/<split>.parquet` and the folder's card, atomically; other splits there stay.

    Args:
        dataset: with the columns that this module names; read in blocks.
        facts: what made the triplets (teacher, sampling, seed, license, ...), as JSON, for the card.

    Raises:
        InputError: if the rows are not triplets with the odd one last.
    """
    blocks = dataset.with_format("arrow").iter(ROWS_PER_BLOCK)
    return save_blocks(blocks, folder, split, features_in(dataset.features.arrow_schema), len(dataset), **facts)


def save_blocks(
    tables: Iterable[pa.Table],
    folder: str | Path,
    split: str,
    features: Features,
    n_rows: int,
    *,
    rows_of: str | None = None,
    **facts,
) -> Path:
    """`save_alignet` of rows that come in blocks: each becomes a group of rows of the file, and is then let go.

    Args:
        tables: the blocks, in order.
        features: of the rows: FEATURES or FEATURES_WITH_FILENAMES, `with_labels` where these are known.
        n_rows: how many there will be.
        rows_of: what messages call that whose rows they are; the file that is written where not given.
    """
    folder = make_folder(folder)
    check = RowCheck(rows_of or str(folder / f"{split}.parquet"), features)
    schema = with_facts(features.arrow_schema, {"triplets": n_rows, **facts})
    with replacing(folder / f"{split}.parquet") as path:
        with pq.ParquetWriter(path, schema) as file:
            for table in tables:
                file.write_table(check(table).cast(schema))
        check.warn(stacklevel=3)
    with replacing(folder / "README.md") as path:
        path.write_text(card(facts_of(folder)), encoding="utf-8")
    return folder


def push_alignet(
    dataset_or_folder: Dataset | str | Path,
    repo_id: str,
    *,
    split: str = "train",
    private: bool | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
    commit_message: str | None = None,
    **facts,
) -> str:
    """Upload triplets in one commit: a folder that `save_alignet` wrote, with all its splits, or a data set.

    Splits that the repository has and this push has not stay, in its card too.

    Args:
        dataset_or_folder: the folder, or a data set with the columns that this module names.
        split: the data set's, and `facts` what made it, as for `save_alignet`; a folder has its own.
        private, revision, create_pr, token, commit_message: as for `push_folder`.

    Returns:
        The commit's address, with create_pr the pull request's.

    Raises:
        InputError: if the rows are not triplets with the odd one last.
        HubError: if the Hub does not take it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = dataset_or_folder
        if isinstance(folder, Dataset):
            folder = save_alignet(folder, temporary, split, **facts)
        for path in Path(folder).glob("*.parquet"):
            _go_through(path)
        with hub_faults("push", repo_id, token):
            there = facts_on_hub(repo_id, revision, token)
        contents = {"README.md": card(there | facts_of(Path(folder))).encode()} if there else None
        return push_folder(
            folder,
            repo_id,
            contents=contents,
            repo_type="dataset",
            private=private,
            revision=revision,
            create_pr=create_pr,
            token=token,
            commit_message=commit_message or "Upload AligNet triplets",
        )


def holds_alignet(folder: Path) -> bool:
    """Whether a folder's Parquet files have the columns of this module."""
    files = sorted(folder.glob("*.parquet"))
    try:
        return bool(files) and set(FEATURES) <= set(pq.read_schema(files[0]).names)
    except (OSError, pa.ArrowInvalid):  # no Parquet file, or damaged
        return False


def load_alignet(
    path_or_repo: str | Path,
    split: str = "train",
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Dataset:
    """Load a split of a folder or Hub repository, or one of the authors' released `.npz` archives.

    More than a million rows stay on disk, memory-mapped. The first opening on a machine reads, checks and lays them
    down as an Arrow file in the cache of `datasets` (HF_DATASETS_CACHE): for ten million with file names, a few seconds
    of a processor, the writing of 1 GB, and under 200 MB of memory. From then on it takes a fraction of a second.
    Saving lays nothing down there: much of what is saved is opened on another machine, or elsewhere on this one.

    A folder or repository is one that `save_alignet` or `push_alignet` wrote, or `datasets` itself
    (`Dataset.push_to_hub`), which keeps a split as `data/<split>-*.parquet`.

    Raises:
        InputError: naming the file, if it is missing, damaged, or its rows are not triplets with the odd one last.
        HubError: if the Hub does not give it.
    """
    path = Path(path_or_repo)
    if path.suffix == ".npz":
        released = ReleasedTriplets(path)
        return _open([path], RowCheck(str(path), released.features), released.n_rows, released.tables)
    if path.suffix == ".parquet":
        return _open_parquet([path], str(path))
    patterns = [f"{split}.parquet", f"data/{split}-*.parquet"]
    where = {"repo_type": "dataset", "revision": revision, "token": token, "cache_dir": cache_dir}
    folder = local_folder(path_or_repo, **where, local_files_only=local_files_only, allow_patterns=patterns)
    paths = next((found for pattern in patterns if (found := sorted(folder.glob(pattern)))), None)
    if paths is None:
        splits = ", ".join(_splits(path_or_repo, revision, cache_dir)) or "none"
        raise InputError(f"{path_or_repo}: no split {split!r} ({' or '.join(patterns)}); splits there: {splits}")
    return _open_parquet(paths, str(paths[0] if len(paths) == 1 else folder / patterns[1]))


def _splits(path_or_repo: str | Path, revision: str | None, cache_dir: str | Path | None) -> list[str]:
    """The names of a folder's splits, or of a repository's whose listing has just been fetched."""
    if Path(path_or_repo).is_dir():
        names = [path.relative_to(path_or_repo).as_posix() for path in Path(path_or_repo).glob("**/*.parquet")]
    else:
        files = get_cached_repo_tree(str(path_or_repo), repo_type="dataset", revision=revision, cache_dir=cache_dir)
        names = [file.path for file in files]
    found = [re.fullmatch(r"([^/]+)\.parquet|data/([^/]+)-\d+-of-\d+\.parquet", name) for name in names]
    return sorted({match[1] or match[2] for match in found if match})


def _open_parquet(paths: list[Path], name: str) -> Dataset:
    """The shards of a split, in order."""
    check, n_rows = _parquet_check(paths, name)
    return _open(paths, check, n_rows, lambda: _parquet_blocks(paths, check.features))


def _open(paths: list[Path], check: RowCheck, n_rows: int, tables: Callable[[], Iterable[pa.Table]]) -> Dataset:
    """Rows that are in these files, checked: in memory, or where they are many memory-mapped."""
    if n_rows > _ROWS_IN_MEMORY:
        return memory_mapped(paths, check, n_rows, tables)
    empty = check.features.arrow_schema.empty_table()
    whole = pa.concat_tables([empty, *map(check, tables())])
    check.warn(stacklevel=4)
    return Dataset(whole)


def _go_through(path: Path) -> None:
    """Check a file, and keep nothing of it."""
    check, _ = _parquet_check([path], str(path))
    for table in _parquet_blocks([path], check.features):
        check(table)
    check.warn(stacklevel=3)


def _parquet_check(paths: list[Path], name: str) -> tuple[RowCheck, int]:
    """The check of a split's rows, and their number."""
    features, n_rows = [], 0
    for path in paths:
        with _reading(path), pq.ParquetFile(path) as file:
            features.append(features_in(file.schema_arrow))
            n_rows += file.metadata.num_rows
    if other := [path for path, those in zip(paths, features, strict=True) if those != features[0]]:
        raise InputError(f"{paths[0]}: the other files of the split have other columns: {other[0].name}")
    return RowCheck(name, features[0]), n_rows


def _parquet_blocks(paths: list[Path], features: Features) -> Iterator[pa.Table]:
    for path in paths:
        # By default pyarrow fetches every group of rows ahead and keeps their bytes: the whole file.
        with _reading(path), pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_AT_ONCE) as file:
            columns = [name for name in features if name in file.schema_arrow.names]
            for batch in file.iter_batches(ROWS_PER_BLOCK, columns=columns):
                yield pa.Table.from_batches([batch])


@contextmanager
def _reading(path: Path):
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: not a Parquet file, or damaged: {error}") from error
