"""THINGS-like human data: odd-one-out choices over concepts, people's dimensions, and the image of each concept."""

import csv
import re
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.triplets import validate_embeddings, validate_triplets


def read_triplets(path: str | Path, n_items: int | None = None) -> np.ndarray:
    """Read a text file of choices, a row "i j k" each (0-based items, k the odd one out) -> (n, 3) int.

    Raises:
        InputError: naming the line that is not three integers, or the row that is out of range or repeats an item.
    """
    rows = []
    for number, line in enumerate(_lines(path), 1):
        fields = line.replace(",", " ").split()
        if not fields:
            continue
        if len(fields) != 3 or not all(re.fullmatch(r"-?[0-9]+", field) for field in fields):
            raise InputError(f"{path}: line {number}: {line.strip()!r} is not three integers")
        rows.append([int(field) for field in fields])
    if not rows:
        raise InputError(f"{path}: holds no triplet")
    return validate_triplets(np.array(rows), n_items, str(path))


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


def read_concept_images(path: str | Path, image_names: list[str], n_concepts: int) -> dict[int, int]:
    """Read which image shows which concept.

    Args:
        path: a tab-separated file with the columns `concept_index` (0-based) and `photo` (an image's file name).
        image_names: the names of the image source, in its order; compared by file name, without folders.
        n_concepts: how many concepts there are.

    Returns:
        {concept: row of the image source}; two concepts may share an image.

    Raises:
        InputError: a column is missing, a concept is out of range, or an image is not in the source.
    """
    row_of_name = {Path(name).name: row for row, name in enumerate(image_names)}
    images = {}
    reader = csv.DictReader(_lines(path), delimiter="\t")
    if missing := {"concept_index", "photo"} - set(reader.fieldnames or ()):
        raise InputError(f"{path}: has no column {' and '.join(sorted(missing))}")
    for line in reader:
        where = f"{path}: line {reader.line_num}"
        concept, photo = line["concept_index"], line["photo"]
        if not (concept or "").isdigit() or int(concept) >= n_concepts:
            raise InputError(f"{where}: concept_index {concept!r} is not one of 0 to {n_concepts - 1}")
        if photo not in row_of_name:
            raise InputError(f"{where}: {photo!r} is not among the {len(image_names)} images")
        images[int(concept)] = row_of_name[photo]
    return images


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({getattr(error, 'strerror', error)})") from error
