"""THINGS-like human data: odd-one-out choices over concepts, people's dimensions, and the image of each concept.

The official release (Hebart et al. 2020, 2023; https://osf.io/jum2f, https://osf.io/f5rn6) keeps people's choices as
`trainset.txt` and `validationset.txt`, and the 1,854 concepts as `things_concepts.tsv`, one a row, in the order in
which the choices count them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from alignet_hf.data.names import find_names, missing_names
from alignet_hf.data.text import read_table
from alignet_hf.data.text_triplets import read_triplets
from alignet_hf.data.triplet_splits import draw_triplets
from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_embeddings

N_CONCEPTS = 1854
# The files of a split: the official release's, and those that SPoSE and VICE train on.
_SPLITS = (("trainset", "validationset"), ("train_90", "test_10"))
_ALL = "triplets"
_CONCEPTS = ("things_concepts.tsv", "concepts.tsv")
# What a concept table calls its columns: the official one, then ours. All but the name may be missing.
_COLUMNS = {
    "names": ("uniqueID", "concept"),
    "wordnet_ids": ("Wordnet ID4", "wordnet_id"),
    "categories": ("Top-down Category (manual selection)", "category"),
    "definitions": ("Definition (from WordNet, Google, or Wikipedia)", "definition"),
}


@dataclass(frozen=True)
class Concepts:
    """The objects that choices are about, in the choices' order; "" where the table says nothing of one.

    Attributes:
        names: unique, "bat1" and "bat2" say.
        wordnet_ids: as the table gives them, "aardvark.n.01" or "n02082791".
        categories: the superordinate one.
        definitions: of the concept.
    """

    names: tuple[str, ...]
    wordnet_ids: tuple[str, ...]
    categories: tuple[str, ...]
    definitions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Things:
    """People's choices, split, and the concepts that they are about.

    Attributes:
        training: (n, 3) int rows of the concepts, the odd one last.
        validation: (m, 3).
        n_concepts: how many concepts there are.
        concepts: their table; None where the folder holds none.
    """

    training: np.ndarray
    validation: np.ndarray
    n_concepts: int
    concepts: Concepts | None


def load_things(
    folder: str | Path,
    *,
    odd_column: int = 2,
    validation_share: float = 0.1,
    seed: int = 0,
    n_concepts: int = N_CONCEPTS,
) -> Things:
    """Read a folder of THINGS choices.

    Args:
        folder: with `trainset` and `validationset` (or `train_90` and `test_10`), or else `triplets`, each .txt or
            .npy; and, if at hand, `things_concepts.tsv` or `concepts.tsv`.
        odd_column: which column of the files holds the odd one out.
        validation_share, seed: how `triplets` is split (see `split_triplets`); official splits stay as they are.
        n_concepts: how many there are, where the folder has no concept table.

    Raises:
        InputError: naming the file and row, or the files that the folder lacks.
    """
    folder = Path(folder)
    table = next((folder / name for name in _CONCEPTS if (folder / name).is_file()), None)
    concepts = None if table is None else read_concepts(table)
    n_concepts = n_concepts if concepts is None else len(concepts)
    for names in _SPLITS:
        paths = [_file(folder, name) for name in names]
        if None not in paths:
            training, validation = (read_triplets(path, n_concepts, odd_column=odd_column) for path in paths)
            return Things(training, validation, n_concepts, concepts)
        if paths != [None, None]:
            present, absent = (names[0], names[1]) if paths[0] else (names[1], names[0])
            raise InputError(f"{folder}: holds {present} but no {absent}.txt or .npy; a split needs both")
    path = _file(folder, _ALL)
    if path is None:
        wanted = "; ".join(" and ".join(names) for names in _SPLITS)
        raise InputError(f"{folder}: no choices in this folder; looked for {wanted}; {_ALL} (.txt or .npy)")
    triplets = read_triplets(path, n_concepts, odd_column=odd_column)
    return Things(*split_triplets(triplets, validation_share=validation_share, seed=seed), n_concepts, concepts)


def split_triplets(triplets: np.ndarray, *, validation_share: float = 0.1, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Deal triplets into training and validation at random; each part keeps the order of the rows.

    Choices of the same three objects go together: of a triplet that several people judged, none is on the other side.

    Args:
        triplets: (n, 3).
        validation_share: of the rows, as nearly as whole triplets allow; more than 0 and less than 1.

    Raises:
        InputError: a part would be empty.
    """
    share = validation_share if 0 < validation_share < 1 else 0
    validation = draw_triplets(triplets, share, seed)
    if validation.all() or not validation.any():
        raise InputError(f"{len(triplets)} triplets cannot be split with a validation share of {validation_share}")
    return triplets[~validation], triplets[validation]


def read_concepts(path: str | Path) -> Concepts:
    """Read a concept table: tab-separated, a concept a row, the row's number being the concept's index.

    Raises:
        InputError: no column of names, a name that comes twice, an `index` that is not the row's number.
    """
    rows = list(read_table(path, (), "\t"))
    header = rows[0][1].keys() if rows else ()
    columns = {field: next((name for name in known if name in header), None) for field, known in _COLUMNS.items()}
    if columns["names"] is None:
        raise InputError(f"{path}: has no concept, or no column {' or '.join(_COLUMNS['names'])}")
    seen = set()
    for index, (line, row) in enumerate(rows):
        if row.get("index", str(index)) != str(index):
            raise InputError(f"{path}: line {line}: index {row['index']!r} where {index} is due; keep the file's order")
        name = row[columns["names"]]
        if not name or name in seen:
            raise InputError(f"{path}: line {line}: the name {name!r} {'comes twice' if name else 'is empty'}")
        seen.add(name)
    return Concepts(
        **{
            field: tuple("" if column is None else row[column].strip() for _, row in rows)
            for field, column in columns.items()
        }
    )


def read_embedding(path: str | Path) -> np.ndarray:
    """Read people's dimensions, .npy (concepts, D) float.

    Raises:
        InputError: the file is not such an array, or holds an entry that is not finite.
    """
    try:
        embedding = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as .npy ({error})") from error
    return validate_embeddings(embedding, str(path))


def read_concept_images(path: str | Path, image_names: Sequence[str], n_concepts: int) -> dict[int, int]:
    """Read which image shows which concept.

    Args:
        path: a tab-separated file with the columns `concept_index` (0-based) and `photo` (an image's file name).
        image_names: the names of the image source, in its order (see `find_names`).
        n_concepts: how many concepts there are.

    Returns:
        {concept: row of the image source}; two concepts may share an image.

    Raises:
        InputError: a column is missing; a concept is out of range or comes twice; an image is not in the source, or
            fits two of it; or there is no row.
    """
    photos = {}
    for number, row in read_table(path, ("concept_index", "photo"), "\t"):
        where, concept = f"{path}: line {number}", row["concept_index"]
        if not concept.isdecimal() or int(concept) >= n_concepts:
            raise InputError(f"{where}: concept_index {concept!r} is not one of 0 to {n_concepts - 1}")
        if int(concept) in photos:
            raise InputError(f"{where}: concept_index {concept} comes twice; name one image of each concept")
        photos[int(concept)] = row["photo"]
    if not photos:
        raise InputError(f"{path}: names no concept")
    wanted = list(photos.values())
    rows = find_names(wanted, image_names, str(path))
    if missing := missing_names(wanted, rows):
        raise InputError(
            f"{path}: {missing} are not among the {len(image_names)} images there; add these photographs to the "
            "images, or leave out the rows that name them"
        )
    return dict(zip(photos, rows.tolist(), strict=True))


def _file(folder: Path, stem: str) -> Path | None:
    return next((path for suffix in (".txt", ".npy") if (path := folder / f"{stem}{suffix}").is_file()), None)
