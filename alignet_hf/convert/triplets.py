"""The authors' released triplets become a data set of ours: Parquet, a file a split, with the class of every image.

An archive is inflated and checked part by part, and each part is kept, as Arrow's columns, until all are there: killed
anywhere, the same call goes on after the last whole one and ends with the same bytes.
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.data.alignet import save_blocks
from alignet_hf.data.alignet_card import facts_of
from alignet_hf.data.released_triplets import ReleasedTriplets
from alignet_hf.data.triplet_rows import ROWS_PER_BLOCK, RowCheck, flat_values, triples, with_labels
from alignet_hf.errors import FullDiskError, InputError
from alignet_hf.hub.artifacts import make_folder, replacing, sha256_of

_BLOCKS_PER_PART = 8  # a million rows, a few seconds' work
_SAMPLING = {
    "cluster_border_500": {"sampling": "cluster-boundary", "n_clusters": 500},
    "class_border": {"sampling": "class-boundary"},
    "between_class": {"sampling": "between-class"},
    "within_class": {"sampling": "within-class"},
}
_ALIGNED = {"uncertainty_distillation": {"aligned": True}, "untransformed": {"aligned": False}}
_RELEASE = {  # as the authors' README says
    "teacher": "SigLIP So400m, 384 px",
    "license": "cc-by-4.0",
    "known": "by its name: what the authors say of the archive that they released under it",
}


def convert_triplets(
    source: str | Path | Sequence[str | Path],
    folder: str | Path,
    split: str | None = None,
    *,
    labels: bool | None = None,
    progress: bool = True,
    **facts,
) -> Path:
    """Write released archives as splits of a data set that `load_alignet` opens, with its card.

    Every row is checked: three different images, finite similarities, the odd one last. Killed and called again it goes
    on; a split that is there already, of the same archive, is left as it is. Memory is that of a block of rows.

    Args:
        source: `alignet_train.npz`, say; several for several splits.
        folder: of the data set; its other splits stay.
        split: of one archive. Where not given, the file's name tells it: `alignet_SPLIT.npz`, or `SPLIT_SAMPLING.npz`
            of the variants, SPLIT being train or valid. The card says what the authors say of the archive that they
            released under that name, of a variant only where it lies in a folder that is called as theirs is
            (`uncertainty_distillation` or `untransformed`).
        labels: write `labels`, each image's class: ImageNet's thousand in the order of their WordNet ids, which
            are the names, as the file names tell them (n01440764_10026.JPEG). None does where the first does.
        facts: for the card; they take the place of what the name tells.

    Returns:
        The folder.

    Raises:
        InputError: naming the file, if it is missing or damaged, its rows are not triplets with the odd one last, a
            file name tells no class, or its split is there already, of another archive.
    """
    sources = [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]
    if split is not None and len(sources) > 1:
        raise InputError(f"split {split!r}: it is of one archive, but there are {len(sources)}; convert one at a time")
    described = [_described(path) for path in sources]
    splits = [split or known for known, _ in described]
    for path, name in zip(sources, splits, strict=True):
        if name is None:
            raise InputError(f"{path}: its name does not tell the split, as alignet_train.npz does; name it by split=")
        if not re.fullmatch(r"\w+", name):
            raise InputError(f"split: {name!r} is no name for one; give letters, digits and underscores")
        if splits.count(name) > 1:
            raise InputError(f"{path}: a second archive of the split {name!r}; give it a folder of its own")
    for path, name, (_, known) in zip(sources, splits, described, strict=True):
        _convert(path, make_folder(folder), name, labels, progress, {**known, **facts})
    return Path(folder)


def _described(path: Path) -> tuple[str | None, dict]:
    """The split that an archive's name tells, and, where one of that name was released, what the authors say of it."""
    if match := re.fullmatch(r"alignet_(train|valid)\.npz", path.name):
        return match[1], {**_RELEASE, **_SAMPLING["cluster_border_500"], "aligned": True}
    if match := re.fullmatch(rf"(train|valid)_({'|'.join(_SAMPLING)})\.npz", path.name):
        aligned = _ALIGNED.get(path.resolve().parent.name)
        return match[1], {**_RELEASE, **_SAMPLING[match[2]], **aligned} if aligned else {}
    return None, {}


def _convert(path: Path, folder: Path, split: str, labels: bool | None, progress: bool, facts: dict) -> None:
    released = ReleasedTriplets(path)
    labelling = _Labelling(released) if _is_labelled(released, labels) else None
    facts = {"source": path.name, "sha256": sha256_of(path), **facts}
    parts_folder = folder / f".{split}.parts"
    there = facts_of(folder).get(split)
    if there == {"triplets": released.n_rows, **facts}:
        shutil.rmtree(parts_folder, ignore_errors=True)  # of a process that was killed when all was done
        return
    if there is not None and there.get("sha256") != facts["sha256"]:
        raise InputError(
            f"{folder}: has a split {split!r} already, of {there.get('source', 'another source')}; give another folder"
        )
    features = with_labels(released.features, imagenet_classes()) if labelling else released.features
    parts = _Parts(parts_folder, {"sha256": facts["sha256"], "columns": list(features)})
    try:
        parts.fill(released, labelling, features.arrow_schema, progress)
        save_blocks(parts.tables(), folder, split, features, released.n_rows, rows_of=str(path), **facts)
    except FullDiskError:
        raise  # it goes on once there is room
    except InputError:
        parts.remove()
        raise
    parts.remove()


class _Parts:
    """An archive's rows as they are converted, a million a file, in a folder beside the data set.

    Args:
        folder: theirs.
        identity: of what they are made from, as JSON; parts of anything else are removed.
    """

    def __init__(self, folder: Path, identity: dict):
        self.folder = folder
        state, identity = folder / "source.json", json.dumps({**identity, "rows": ROWS_PER_BLOCK * _BLOCKS_PER_PART})
        if not state.exists() or state.read_text(encoding="utf-8") != identity:
            self.remove()
            make_folder(folder)
            with replacing(state) as path:
                path.write_text(identity, encoding="utf-8")

    def fill(
        self, released: ReleasedTriplets, labelling: "_Labelling | None", schema: pa.Schema, progress: bool
    ) -> None:
        """Make the parts that are not there, each row checked."""
        rows_per_part, n_done = ROWS_PER_BLOCK * _BLOCKS_PER_PART, len(self._files())
        first_row = min(n_done * rows_per_part, released.n_rows)
        check = RowCheck(str(released.path), released.features)
        check.n_rows = first_row
        tables = released.tables(first_row, self.folder)
        bar = {"total": released.n_rows, "initial": first_row, "unit": "triplet", "unit_scale": True}
        with tqdm(**bar, desc=released.path.name, disable=None if progress else True) as bar:
            for number in range(n_done, -(-released.n_rows // rows_per_part)):
                with (
                    replacing(self.folder / f"{number:05}.arrow") as path,
                    pa.OSFile(str(path), "wb") as sink,
                    pa.ipc.new_stream(sink, schema) as writer,
                ):
                    for table in islice(tables, _BLOCKS_PER_PART):
                        first_row, table = check.n_rows, check(table)
                        writer.write_table((table if labelling is None else labelling(table, first_row)).cast(schema))
                        bar.update(len(table))
            for _ in tables:  # nothing follows the last row; what compares the checksum comes there
                pass

    def tables(self) -> Iterator[pa.Table]:
        """All rows, in the blocks that they came in."""
        for file in self._files():
            with pa.OSFile(str(file)) as source, pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.arrow"))


class _Labelling:
    """Adds `labels` to a table: the class of every file name, a number in ImageNet's thousand."""

    def __init__(self, released: ReleasedTriplets):
        self.path = released.path
        self.beginnings = pa.array([f"{wnid}_" for wnid in imagenet_classes()])

    def __call__(self, table: pa.Table, first_row: int) -> pa.Table:
        names = flat_values(table, "filenames", str(self.path), first_row)
        labels = pc.index_in(pc.utf8_slice_codeunits(names, 0, len("n01440764_")), self.beginnings)
        if labels.null_count:
            place = int(np.flatnonzero(labels.is_null().to_numpy(zero_copy_only=False))[0])
            raise InputError(
                f"{self.path}: filenames: row {first_row + place // 3} has {names[place].as_py()!r}, which tells none "
                "of ImageNet's classes, as n01440764_10026.JPEG does; convert it without labels"
            )
        return table.append_column("labels", triples(labels.cast(pa.int64())))


def _is_labelled(released: ReleasedTriplets, labels: bool | None) -> bool:
    name = released.first_filename()
    if labels and name is None:
        raise InputError(f"{released.path}: labels come from file names, and the archive has none; leave them out")
    return (name or "").partition("_")[0] in imagenet_classes() if labels is None else labels
