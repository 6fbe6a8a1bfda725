"""Large triplet sets stay on disk: an Arrow file in the cache of `datasets`, made once from the files it is for."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import datasets
import pyarrow as pa
from datasets import Dataset
from filelock import FileLock
from tqdm import tqdm

from alignet_hf.data.triplet_rows import RowCheck
from alignet_hf.hub.artifacts import replacing


def memory_mapped(
    files: Sequence[Path], check: RowCheck, n_rows: int, tables: Callable[[], Iterable[pa.Table]]
) -> Dataset:
    """A data set that stays on disk: the one made of these files before, or else made now, with a progress bar.

    It lies in `alignet/` of `datasets`' cache (HF_DATASETS_CACHE), and takes the place of what was made of the same
    files when they held something else, by size or time of change. What is to be warned of is warned of every time.

    Args:
        files: that the data set is made from.
        check: of its rows.
        n_rows: how many there are.
        tables: gives them, in blocks.

    Raises:
        InputError: rows that `check` refuses.
    """
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "alignet"
    folder.mkdir(parents=True, exist_ok=True)
    real = [Path(file).resolve() for file in files]  # of the Hub's cache: the content itself, whatever the revision
    which = _digest([str(file) for file in real])
    held = [(file.stat().st_size, file.stat().st_mtime_ns) for file in real]
    path = folder / f"{which}-{_digest([held, repr(check.features)])}.arrow"
    notes = path.with_suffix(".json")
    with FileLock(folder / f"{which}.lock"):  # of several processes, one does the work
        if not (path.exists() and notes.exists()):
            with replacing(path) as temporary:
                _write(temporary, check, n_rows, tables())
                notes.write_text(json.dumps({"files": list(map(str, files)), "complaint": check.complaint()}))
            for old in folder.glob(f"{which}-*"):
                if old.stem != path.stem:
                    old.unlink()
    if complaint := json.loads(notes.read_text())["complaint"]:
        warnings.warn(complaint, stacklevel=5)
    return Dataset.from_file(str(path))


def _write(path: Path, check: RowCheck, n_rows: int, tables: Iterable[pa.Table]) -> None:
    name = f"{check.name}, opened for the first time"
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_stream(sink, check.features.arrow_schema) as writer,
        tqdm(total=n_rows, unit="triplet", unit_scale=True, desc=name, disable=None) as bar,
    ):
        for table in tables:
            writer.write_table(check(table))
            bar.update(len(table))


def _digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
