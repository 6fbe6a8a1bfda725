"""Files that say the class of every image: a table of file and label, or a label a line."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.data.names import require_names
from alignet_hf.errors import InputError

_HEADERS = {"file", "filename", "file_name", "path", "image", "name", "imageid"}


def read_table(path: str | Path) -> tuple[list[str], list[str]]:
    """A table of file and label -> names of files, and their labels.

    Two columns, between tabs (.tsv), commas (.csv) or spaces (.txt); a first row such as `file label` is passed over.
    ImageNet's `LOC_val_solution.csv`, whose second column goes on with boxes, is one; names get its suffix `.JPEG`.

    Raises:
        InputError: naming the row that has not two entries, or the file that holds none.
    """
    path = Path(path)
    rows = _rows(path)
    if rows and rows[0][1][0].lower() in _HEADERS:
        is_solution = [cell.lower() for cell in rows[0][1]] == ["imageid", "predictionstring"]
        rows = rows[1:]
        if is_solution:
            rows = [(line, [f"{row[0]}.JPEG", row[1].split()[0]]) for line, row in rows if len(row) > 1 and row[1]]
    for line, row in rows:
        if len(row) != 2 or not all(row):
            raise InputError(f"{path}: line {line}: {len(row)} entries, where a file and its label are needed")
    if not rows:
        raise InputError(f"{path}: names no image; give a file and its label a line")
    return [row[0] for _, row in rows], [row[1] for _, row in rows]


def read_labels(path: str | Path, names: Sequence[str]) -> list[str]:
    """The label of every image, in the order of the images.

    Args:
        path: a table of file and label, matched by name; or a label a line, in the order of the names.
        names: of the images.

    Raises:
        InputError: an image without a label, or another number of labels than images.
    """
    path = Path(path)
    rows = _rows(path)
    if any(len(row) > 1 for _, row in rows):
        files, labels = read_table(path)
        found = require_names(list(names), files, str(path))
        return [labels[row] for row in found]
    if len(rows) != len(names):
        raise InputError(f"{path}: {len(rows)} labels for {len(names)} images; give a label a line, or file and label")
    in_order = np.argsort(np.array(list(names)), kind="stable")  # as ImageNet's files of labels are: by name
    labels = [""] * len(names)
    for place, (_, row) in zip(in_order, rows, strict=True):
        labels[place] = row[0]
    return labels


def imagenet_labels(labels: Sequence[str], where: str) -> list[str]:
    """Labels of ImageNet as WordNet ids: they may be ids, or the classes' numbers 0 to 999 in the order of the ids.

    Args:
        labels: of all images.
        where: they come from, for errors.

    Raises:
        InputError: a label that is no class of ImageNet; numbers from 1 to 1,000, whose order is the devkit's.
    """
    wnids = list(imagenet_classes())
    known = set(wnids)
    distinct = sorted(set(labels))
    if all(label in known for label in distinct):
        return list(labels)
    if all(label.isdecimal() for label in distinct):
        numbers = sorted(int(label) for label in distinct)
        if numbers[-1] < len(wnids):
            return [wnids[int(label)] for label in labels]
        if numbers[0] >= 1 and numbers[-1] == len(wnids):
            raise InputError(
                f"{where}: numbers from 1 to 1,000 are those of ImageNet's devkit, whose order this file does not "
                "tell; give WordNet ids (imagenet_2012_validation_synset_labels.txt, LOC_val_solution.csv)"
            )
    unknown = next(label for label in distinct if label not in known)
    raise InputError(f"{where}: {unknown!r} is no class of ImageNet; give WordNet ids (n01440764), or numbers from 0")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The lines of a file that are not empty, in their cells -> (number of the line, cells)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a file of labels: {error}") from error
    delimiter = {".tsv": "\t", ".csv": ","}.get(path.suffix.lower())
    if delimiter is None:
        cells = (line.rsplit(None, 1) for line in text.splitlines())
    else:
        cells = csv.reader(text.splitlines(), delimiter=delimiter)
    return [(line, [cell.strip() for cell in row]) for line, row in enumerate(cells, 1) if any(map(str.strip, row))]
