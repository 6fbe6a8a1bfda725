"""What `alignet-hf evaluate` is given: people's judgments, in files of many kinds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.data.matrix_files import read_names
from alignet_hf.data.multi_arrangement import read_arrangements
from alignet_hf.data.names import MissingNamesError, names_of, require_names
from alignet_hf.data.ratings import SCALE, read_ratings
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.data.similarity_sets import load_multi_arrangement_set, load_objects92, load_peterson
from alignet_hf.data.text_triplets import read_triplets
from alignet_hf.data.things import load_things, read_concept_images
from alignet_hf.errors import InputError
from alignet_hf.evaluation.on_people import PETERSON, People
from alignet_hf.recipe import EMBEDDED

if TYPE_CHECKING:
    from alignet_hf.evaluation.judged_images import Images

# Data set -> the option that gives it; those of RSA are called "rsa" together.
OPTIONS = {
    "choices": "--triplets",
    "things": "--things",
    "levels": "--levels",
    "matrices": "--dissimilarities",
    "cichy": "--cichy",
    "king": "--king",
    "peterson": "--peterson",
    "ratings": "--ratings",
    "multi-arrangement": "--multi-arrangement",
}
RSA = ("matrices", "cichy", "king", "peterson", "ratings", "multi-arrangement")
GROUP = "rsa"
_RELEASES = {"cichy": "cichy2019", "king": "king2019"}


def wanted_sets(on: str | None, given: Collection[str]) -> list[str]:
    """The data sets to score on, in the order of OPTIONS: those of `on`, "levels,rsa" say, or else all that are given.

    Raises:
        InputError: another name, or a data set that is not given.
    """
    if on is None:
        if not given:
            raise InputError(f"give {', '.join(OPTIONS.values())}, or several")
        return [name for name in OPTIONS if name in given]
    wanted = set()
    for name in on.split(","):
        members = RSA if name == GROUP else (name,)
        if not set(members) <= set(OPTIONS):
            raise InputError(f"--on {name}: choose among {', '.join(OPTIONS)}, {GROUP}")
        found = [member for member in members if member in given]
        if not found:
            raise InputError(f"--on {name}: give {' or '.join(OPTIONS[member] for member in members)} too")
        wanted.update(found)
    return [name for name in OPTIONS if name in wanted]


@dataclass(frozen=True)
class Reading:
    """How the files are to be read: `alignet-hf evaluate --help` says it of the options of these names."""

    concepts: Path | None = None
    odd_column: int = 2
    kind: str = "dissimilarity"
    key: str | None = None
    condensed: bool = False
    names: Path | None = None
    in_order: bool = False
    scale: str | None = None
    drop_missing: bool = False


def check_reading(reading: Reading, wanted: Collection[str]) -> None:
    """Check the options for files before any is read.

    Raises:
        InputError: an option without the data that it is for, THINGS without its concepts, or a value that is not
            allowed.
    """
    default = Reading()
    belongs = {
        "--concepts": (reading.concepts != default.concepts, ("things",)),
        "--odd-column": (reading.odd_column != default.odd_column, ("choices", "things")),
        "--kind": (reading.kind != default.kind, ("matrices",)),
        "--key": (reading.key != default.key, ("matrices", "cichy", "king", "peterson")),
        "--condensed": (reading.condensed, ("matrices", "cichy", "king", "peterson")),
        "--names": (reading.names != default.names, ("matrices",)),
        "--in-order": (reading.in_order, ("matrices",)),
        "--scale": (reading.scale != default.scale, ("ratings",)),
        "--drop-missing": (reading.drop_missing, ("levels",)),
    }
    for option, (is_given, sets) in belongs.items():
        if is_given and not set(sets) & set(wanted):
            raise InputError(f"{option} goes with {' or '.join(OPTIONS[name] for name in sets)}")
    if "things" in wanted and reading.concepts is None:
        raise InputError("--things: give --concepts too, which says which image shows which concept")
    if reading.odd_column not in (0, 1, 2):
        raise InputError(f"--odd-column {reading.odd_column}: the odd one is in column 0, 1 or 2")
    if reading.kind not in ("dissimilarity", "similarity"):
        raise InputError(f"--kind {reading.kind}: the matrices hold dissimilarity or similarity")
    if reading.names is not None and reading.in_order:
        raise InputError("--names and --in-order contradict each other; give one")
    _scale(reading.scale)


def read_people(
    given: Mapping[str, Path | str], images: "Images", reading: Reading, note: Callable[[str], None]
) -> People:
    """Read judgments, and find the images that they are about.

    Args:
        given: data set -> its file, folder or Hub id.
        images: the images of each data set.
        reading: how.
        note: called with what a reader of the scores should know of a file.

    Raises:
        InputError: naming the file and what is wrong with it, or the images that are missing.
    """
    found = {}
    for name in ("choices", "things"):
        if name in given:
            source, start = images.of(name)
            if name == "choices":
                rows = read_triplets(given[name], len(source), odd_column=reading.odd_column)
            else:
                rows = _things(Path(given[name]), source, reading, note)
            found[name] = rows + start
    matrices = {}
    for name in RSA:
        if name in given:
            source, start = images.of(name)
            for key, people in _judgments(name, Path(given[name]), reading, note).items():
                where = given[name] if key == name else f"{given[name]}: {key.partition('/')[2]}"
                matrices[key] = people, _rows(key, people, source, where, reading) + start
    if "levels" in given:
        from alignet_hf.data.levels import load_levels

        source, start = images.of("levels")
        try:
            found["levels"] = load_levels(given["levels"], source, drop_missing=reading.drop_missing), start
        except MissingNamesError as error:
            advice = "" if reading.drop_missing else "; add them, or leave their triplets out: --drop-missing"
            raise InputError(f"{str(error).partition('; add them')[0]}{advice}") from error
    return People(matrices=matrices, **found)


def _things(folder: Path, source: Sequence, reading: Reading, note: Callable[[str], None]) -> np.ndarray:
    """THINGS' validation choices among concepts that an image here shows -> (n, 3) rows of the images."""
    things = load_things(folder, odd_column=reading.odd_column)
    if not [*folder.glob("validationset.*"), *folder.glob("test_10.*")]:
        n_all = len(things.training) + len(things.validation)
        note(
            f"{folder}: holds no official split; scored are {len(things.validation)} of its {n_all} choices, "
            "10 % drawn at random"
        )
    shown = read_concept_images(reading.concepts, names_of(source), things.n_concepts)
    row_of = np.full(things.n_concepts, -1)
    row_of[list(shown)] = list(shown.values())
    triplets = row_of[things.validation]
    distinct = (np.diff(np.sort(triplets, 1), axis=1) > 0).all(1)  # two concepts may have one photograph
    triplets = triplets[(triplets >= 0).all(1) & distinct]
    if not len(triplets):
        raise InputError(f"{folder}: no validation choice is about three concepts that the images show")
    return triplets


def _judgments(name: str, path: Path, reading: Reading, note: Callable[[str], None]) -> dict[str, Dissimilarities]:
    """The judgments of a data set of RSA, by the name that scores give them."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if name == "matrices":
        if str(path) == EMBEDDED:
            return {name: load_objects92()}
        names = None if reading.names is None else read_names(reading.names)
        return {
            name: Dissimilarities.load(path, reading.key, kind=reading.kind, names=names, condensed=reading.condensed)
        }
    if name in _RELEASES:
        return {name: load_multi_arrangement_set(_RELEASES[name], path, key=reading.key, condensed=reading.condensed)}
    if name == "peterson":
        sets = load_peterson(path, key=reading.key, condensed=reading.condensed)
        return {f"{PETERSON}/{category}": people for category, people in sets.items()}
    if name == "multi-arrangement":
        return {name: read_arrangements(path, delimiter)}
    ratings = read_ratings(path, scale=_scale(reading.scale), delimiter=delimiter)
    if not ratings.complete:
        note(f"{path}: not everybody rated every pair; people are not kept apart, the mean rating is scored on")
    try:
        return {name: ratings.dissimilarities(people_apart=ratings.complete)}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _rows(key: str, people: Dissimilarities, source: Sequence, where: str, reading: Reading) -> np.ndarray:
    """Each object's row among the images: by name where there are names."""
    if people.names is not None:
        names = names_of(source)
        family, _, category = key.partition("/")
        if family != PETERSON:
            return require_names(people.names, names, str(where))
        # Peterson's categories may number their images alike: each is looked for in a folder of its name, if any.
        inside = [row for row, name in enumerate(names) if category in PurePosixPath(name).parts[:-1]]
        if not inside:
            return require_names(people.names, names, str(where))
        return np.array(inside)[require_names(people.names, [names[row] for row in inside], str(where))]
    if not reading.in_order:
        raise InputError(
            f"{where}: the objects have no names, so their images are not known; give --names FILE, or --in-order if "
            "they are the images in their order"
        )
    if people.n_objects != len(source):
        raise InputError(
            f"{where}: --in-order: {people.n_objects} objects were judged, but there are {len(source)} images"
        )
    return np.arange(len(source))


def _scale(scale: str | None) -> tuple[float, float]:
    """ "1,7" -> (1.0, 7.0)."""
    if scale is None:
        return SCALE
    try:
        low, high = (float(end) for end in scale.split(","))
    except ValueError:
        low = high = np.nan
    if not -np.inf < low < high < np.inf:
        raise InputError(f"--scale {scale}: give the lowest and the highest rating there is: 1,7 say")
    return low, high
