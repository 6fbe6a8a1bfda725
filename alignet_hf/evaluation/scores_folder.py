"""The folder of `evaluate --out`: what its scores were made from, and which of its files are replaced with them."""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from alignet_hf.evaluation.score_json import SCORES_FILE
from alignet_hf.made_from import MadeFrom, claim, digest_of

_NO_MATTER = ("out", "embeddings", "as_json", "presets", "force")  # options that decide nothing of what is written
_ENCODERS = ("model", "against")
_PLACES = """images images_of choices things concepts levels dissimilarities names cichy king peterson ratings
multi_arrangement training test few_shot breeds robustness ood hierarchy"""
_OWN = (
    SCORES_FILE,
    *("scores.csv", "scores.png", "comparisons.csv", "comparisons.png", "report.html"),
    *("triplets.json", "triplets/*.webp", "vision/*.png", "representation/*.png"),
    *("representation/neighbours.json", "representation/neighbours/*.webp", "representation/without_category.csv"),
)
_BINS = "-bins.csv"  # of a calibration, whose figure is called the same without


def claim_scores_folder(folder: Path, options: Mapping[str, Any], *, force: bool = False) -> None:
    """Make a folder that of an evaluation, or refuse; to be called before anything is written there.

    Args:
        folder: of --out, held by this process.
        options: of `evaluate`, by the names of its parameters.
        force: whether the scores of another evaluation may be replaced.

    Raises:
        InputError: the folder holds what `evaluate` did not write, or what it made from other inputs.
    """
    given = {name: value for name, value in options.items() if name not in _NO_MATTER and value is not None}
    passed_over = [Path(options[name]).resolve() for name in ("out", "embeddings") if options.get(name) is not None]
    folders = [name for name in _ENCODERS if name in given and Path(given[name]).exists()]
    inputs = {f"files of {name}": digest_of(given[name]) for name in folders}
    for name in _PLACES.split():
        if paths := sorted(set(_paths_in(given.get(name)))):
            inputs[f"files of {name}"] = "-".join(_digest_of_tree(path, passed_over) for path in paths)
    claim(folder, MadeFrom("evaluate", given, inputs), result=SCORES_FILE, force=force)


def remove_scores(folder: Path) -> None:
    """Remove the files of an earlier evaluation from its folder, and a page made of them; what else is there stays."""
    own = [path for pattern in _OWN for path in folder.glob(pattern)]
    for bins in folder.glob(f"*{_BINS}"):
        own += [bins, bins.with_name(bins.name.replace(_BINS, ".png"))]
    for path in own:
        path.unlink(missing_ok=True)
    below = {path.parent for path in own} - {folder}
    for emptied in sorted(below | {one.parent for one in below} - {folder}, reverse=True):
        if not any(emptied.iterdir()):
            emptied.rmdir()


def _paths_in(value: Any) -> Iterator[Path]:
    """The files and folders that an option names: "NAME=PLACE,labels=FILE" names two, "imagenet:FOLDER" one."""
    for text in value if isinstance(value, list | tuple) else [] if value is None else [value]:
        for part in (str(text), *str(text).split(",")):
            for named in (part, part.partition("=")[2]):
                path = Path(named.removeprefix("imagenet:"))
                if named and path.exists():
                    yield path


def _digest_of_tree(path: Path, passed_over: Collection[Path]) -> str:
    """A digest of a file, or of the names, sizes and times of change of all files below a folder.

    Args:
        path: of what is read; images may be too many to read them for this.
        passed_over: folders below it that the command writes to.
    """
    if path.is_file():
        return digest_of(path)
    found = hashlib.sha256()
    for parent, folders, names in os.walk(path, followlinks=True):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and Path(parent, name).resolve() not in passed_over
        )
        for name in sorted(name for name in names if not name.startswith(".")):
            if not os.path.isfile(file := os.path.join(parent, name)):  # a link to nothing, which nothing reads
                continue
            status = os.stat(file)
            described = f"{os.path.relpath(parent, path)}/{name}\0{status.st_size}\0{status.st_mtime_ns}\0"
            found.update(described.encode("utf-8", "surrogateescape"))
    return found.hexdigest()[:32]
