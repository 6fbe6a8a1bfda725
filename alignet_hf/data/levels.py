"""Levels: odd-one-out choices and response times of people at three levels of abstraction (Sec. A.3 of the paper).

A row is a triplet and all responses to it. The images are ImageNet's and come from an image source of the user's own.
"""

import json
import tempfile
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, List, Value

from alignet_hf.data.levels_card import levels_card
from alignet_hf.data.levels_consent import CONSENT
from alignet_hf.data.levels_design import LEVELS, level_of
from alignet_hf.data.levels_exclusions import Exclusions, exclude
from alignet_hf.data.levels_responses import read_participants
from alignet_hf.data.levels_triplets import majority_of, triplet_columns
from alignet_hf.data.names import (
    MISSING,
    MissingNamesError,
    find_names,
    missing_names,
    names_of,
    names_without_row,
)
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import METADATA_KEY, make_folder, replacing
from alignet_hf.hub.download import local_folder
from alignet_hf.hub.push import push_folder
from alignet_hf.triplets import odd_one_last

FEATURES = Features(
    {
        "filenames": List(Value("string"), length=3),
        "level": ClassLabel(names=list(LEVELS)),
        "participants": List(Value("string")),
        "choices": List(Value("int8")),
        "response_times": List(Value("float64")),
        "counts": List(Value("int32"), length=3),
        "majority": Value("int8"),
        "entropy": Value("float64"),
        "mean_log_rt": Value("float64"),
    }
)
INDICES = "indices"
NO_RESPONSE = -1


class LevelsDataset(Dataset):
    """A `datasets.Dataset` with a triplet a row. What `Dataset`'s own methods return is a plain `Dataset`.

    Columns:
        filenames: the three images.
        level: "coarse-grained", "fine-grained" or "class-boundary" (`levels` gives the words).
        participants: who judged the triplet.
        choices: the position (0, 1, 2) of the odd one out, one a participant.
        response_times: in milliseconds, one a participant; null where the analysis leaves it out.
        counts: how many chose each of the three.
        majority: the position that most chose; null where two or three were chosen equally often.
        entropy: Shannon entropy, in nats, of the choices of participants with a trial set of their own; null below
            two.
        mean_log_rt: the mean of the natural logarithms of the response times; null without any.
        indices: rows of the image source that `load_levels` was given; no such column without one.
    """

    exclusions: Exclusions | None = None  # what the choices were made from; None where the file does not say
    missing: tuple[str, ...] = ()  # images that `load_levels` did not find, and whose triplets it left out

    @property
    def levels(self) -> list[str]:
        """(n,) the level of each triplet."""
        return [LEVELS[level] for level in self["level"]]

    @property
    def indices(self) -> np.ndarray:
        """(n, 3) rows of the image source.

        Raises:
            InputError: no image source was given.
        """
        if INDICES not in self.column_names:
            raise InputError("levels: no images were given; load_levels(..., images=SOURCE) finds them by name")
        return np.array(self[INDICES], np.int64).reshape(-1, 3)

    @property
    def shares(self) -> np.ndarray:
        """(n, 3) of people who found each pair [ij, ik, jk] the most similar, the order of similarities."""
        counts = np.array(self["counts"], np.float64).reshape(-1, 3)
        return counts[:, ::-1] / counts.sum(1, keepdims=True)

    def at(self, rows: Sequence[int]) -> "LevelsDataset":
        """The triplets at some rows; exclusions are still those of all."""
        some = _dataset(self.with_format("arrow")[:].take(pa.array(rows, pa.int64())), self.exclusions)
        some.missing = self.missing
        return some

    def choice_matrix(self) -> np.ndarray:
        """(n, people of the most judged triplet) int: the choices, -1 for none, as `noise_ceiling` takes them."""
        return _padded(self["choices"], NO_RESPONSE, np.int64)

    def participant_matrix(self) -> np.ndarray:
        """(n, people) str: who made each choice of `choice_matrix`, "" for none."""
        return _padded(self["participants"], "", object).astype(str)

    def response_time_matrix(self) -> np.ndarray:
        """(n, people) float milliseconds, nan for none, as `uncertainty_rt_correlation` takes them."""
        return _padded(self["response_times"], np.nan, np.float64)

    def majority_triplets(self) -> tuple[np.ndarray, np.ndarray]:
        """The triplets on which a majority agrees, as scores take them.

        Returns:
            triplets (m, 3) rows of the image source, the majority's odd one last; (m,) which rows of this data set they
            are: those with a tie are left out.
        """
        rows = np.flatnonzero(np.array([majority is not None for majority in self["majority"]], bool))
        triplets, _ = odd_one_last(self.indices[rows], self.shares[rows])
        return triplets, rows

    def save(self, folder: str | Path, split: str = "test") -> Path:
        """Write `folder/<split>.parquet` and the card, atomically; where the images lie is left out."""
        folder = make_folder(folder)
        table = _checked(self.with_format("arrow")[:], str(folder / f"{split}.parquet"))
        exclusions = None if self.exclusions is None else self.exclusions.to_dict()
        metadata = {**table.schema.metadata, METADATA_KEY: json.dumps({"exclusions": exclusions})}
        with replacing(folder / f"{split}.parquet") as path:
            pq.write_table(table.replace_schema_metadata(metadata), path)
        with replacing(folder / "README.md") as path:
            path.write_text(levels_card(self, split), encoding="utf-8")
        return folder

    def push_to_hub(
        self,
        repo_id: str,
        *,
        split: str = "test",
        private: bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
    ) -> str:
        """Upload what `save` writes, in one commit -> the commit's address (arguments: see `push_folder`)."""
        with tempfile.TemporaryDirectory() as folder:
            return push_folder(
                self.save(folder, split),
                repo_id,
                repo_type="dataset",
                private=private,
                revision=revision,
                create_pr=create_pr,
                token=token,
                commit_message=commit_message or "Upload Levels",
            )


def load_levels(
    path_or_repo: str | Path,
    images=None,
    *,
    split: str = "test",
    drop_missing: bool = False,
    consent: Collection[str] = CONSENT,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> LevelsDataset:
    """Load Levels from participants' raw files or from Parquet, and find its images.

    Args:
        path_or_repo: a folder of raw files (see `read_participants`), one raw file, a folder that `save` wrote, a
            Parquet file, or a Hub repository of those.
        images: an image source, or its names; the triplets' images are found in it by file name.
        split: of a folder or repository with Parquet.
        drop_missing: leave out triplets with an image that is not in the source, with a warning that counts them,
            instead of refusing; the data set's `missing` names every such image.
        consent: the words in the raw files' `consent_status` that mean consent (see `levels_consent`).
        revision, token, cache_dir, local_files_only: as for `local_folder`.

    Raises:
        InputError: naming the file and the trial or row that is wrong.
        MissingNamesError: how many images are missing; its `missing` names them all.
        HubError: if the Hub does not give it.
    """
    path = Path(path_or_repo)
    if path.suffix.lower() in (".json", ".csv") or (path.is_dir() and not any(path.glob("**/*.parquet"))):
        participants, exclusions = exclude(read_participants(path, consent=consent))
        dataset = _dataset(
            pa.table(triplet_columns(participants, exclusions), schema=FEATURES.arrow_schema), exclusions
        )
    else:
        options = {"revision": revision, "token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        dataset = _read_parquet(path_or_repo, split, options)
    return dataset if images is None else _with_images(dataset, names_of(images), drop_missing)


def _with_images(dataset: LevelsDataset, names: Sequence[str], drop_missing: bool) -> LevelsDataset:
    filenames = np.array(dataset["filenames"]).reshape(-1, 3)
    wanted, inverse = np.unique(filenames, return_inverse=True)
    rows = find_names(wanted.tolist(), names, "levels")
    table = dataset.with_format("arrow")[:]
    indices = rows[inverse.reshape(-1, 3)]
    missing = names_without_row(wanted.tolist(), rows)
    if message := missing_names(wanted.tolist(), rows):
        found = (indices != MISSING).all(1)
        message = (
            f"levels: {message} are not among the {len(names)} images, of {(~found).sum()} of {len(found)} triplets"
        )
        if not drop_missing or not found.any():
            advice = "" if drop_missing else ", or drop the triplets (drop_missing)"
            raise MissingNamesError(f"{message}; add them{advice}; the error's `missing` names all", missing)
        warnings.warn(f"{message}; these are left out; the data set's `missing` names all images", stacklevel=3)
        table, indices = table.filter(pa.array(found)), indices[found]
    features = Features({**FEATURES, INDICES: List(Value("int32"), length=3)})
    column = pa.FixedSizeListArray.from_arrays(pa.array(indices.reshape(-1), pa.int32()), 3)
    table = pa.table([*table.select(list(FEATURES)).columns, column], schema=features.arrow_schema)
    located = _dataset(table, dataset.exclusions)
    located.missing = tuple(missing)
    return located


def _read_parquet(path_or_repo: str | Path, split: str, options: dict) -> LevelsDataset:
    paths = [Path(path_or_repo)]
    if paths[0].suffix != ".parquet":
        patterns = [f"{split}.parquet", f"data/{split}-*.parquet"]
        folder = local_folder(path_or_repo, repo_type="dataset", allow_patterns=patterns, **options)
        paths = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if not paths:
        raise InputError(f"{path_or_repo}: no split {split!r}: no {' or '.join(patterns)}")
    try:
        tables = [pq.read_table(path) for path in paths]
        table = pa.concat_tables(tables)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{paths[0]}: not Parquet of Levels, or damaged: {error}") from error
    facts = json.loads((tables[0].schema.metadata or {}).get(METADATA_KEY.encode(), b"{}"))
    exclusions = facts.get("exclusions")
    return _dataset(_checked(table, str(paths[0])), exclusions and Exclusions.from_dict(exclusions))


def _checked(table: pa.Table, name: str) -> pa.Table:
    """Cast to the features, and check that levels, choices and counts are what the rows' own names and choices say."""
    try:
        table = table.select(list(FEATURES)).cast(FEATURES.arrow_schema)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{name}: expected the columns of Levels ({', '.join(FEATURES)}): {error}") from error
    if not len(table):
        raise InputError(f"{name}: holds no triplet")
    for row, values in enumerate(table.to_pylist()):
        _check_row(values, f"{name}: row {row}")
    return table


def _check_row(values: dict, where: str) -> None:
    for column in ("filenames", "level", "participants", "choices", "response_times", "counts"):
        # A response time may be missing; nothing else may.
        value = values[column]
        if value is None or (isinstance(value, list) and column != "response_times" and None in value):
            raise InputError(f"{where}: {column} is {value}; a null has no meaning there")
    filenames, level, choices, counts, times = (
        values[column] for column in ("filenames", "level", "choices", "counts", "response_times")
    )
    if level not in range(len(LEVELS)):
        raise InputError(f"{where}: level {level} is none of {', '.join(LEVELS)}, counted from 0")
    if LEVELS[level] != level_of(filenames, where=where):
        raise InputError(f"{where}: {', '.join(filenames)} are no {LEVELS[level]} triplet")
    if not choices or not set(choices) <= {0, 1, 2} or [choices.count(item) for item in range(3)] != counts:
        raise InputError(f"{where}: counts {counts} are not those of the choices {choices}, each 0, 1 or 2")
    if values["majority"] != majority_of(counts):
        raise InputError(f"{where}: majority {values['majority']} is not that of the counts {counts}")
    if len(values["participants"]) != len(choices):
        raise InputError(f"{where}: {len(values['participants'])} participants made {len(choices)} choices")
    if len(times) != len(choices) or any(time is not None and not 0 < time < np.inf for time in times):
        raise InputError(f"{where}: {times} are not positive response times, one a choice ({len(choices)})")
    entropy = values["entropy"]
    if entropy is not None and not 0 <= entropy <= np.log(3) + 1e-6:
        raise InputError(f"{where}: entropy {entropy:g} is not between 0 and log 3, that of three equal shares")


def _dataset(table: pa.Table, exclusions: Exclusions | None) -> LevelsDataset:
    metadata = {b"huggingface": table.schema.metadata[b"huggingface"]}
    dataset = LevelsDataset(table.replace_schema_metadata(metadata))
    dataset.exclusions = exclusions
    return dataset


def _padded(lists: Sequence[list], filler, dtype) -> np.ndarray:
    matrix = np.full((len(lists), max(map(len, lists), default=0)), filler, dtype)
    for row, values in enumerate(lists):
        matrix[row, : len(values)] = [filler if value is None else value for value in values]
    return matrix
