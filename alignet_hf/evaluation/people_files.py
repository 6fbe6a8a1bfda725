"""People's judgments, read from files of many kinds, and the images that they are about."""

from collections.abc import Callable, Mapping, Sequence
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
from alignet_hf.evaluation.inputs import RSA, Reading, scale_of
from alignet_hf.evaluation.on_people import PETERSON, People
from alignet_hf.recipe import EMBEDDED

if TYPE_CHECKING:
    from alignet_hf.evaluation.judged_images import Images

_RELEASES = {"cichy": "cichy2019", "king": "king2019"}


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
    ratings = read_ratings(path, scale=SCALE if reading.scale is None else scale_of(reading.scale), delimiter=delimiter)
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
