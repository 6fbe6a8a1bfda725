"""Which images a hierarchy and its categories say something of; the others have no part in some scores."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import BASIC, Categories
from alignet_hf.evaluation.representation.hierarchy import MIN_CLASSES
from alignet_hf.evaluation.representation.scores import Kinds
from alignet_hf.hub.artifacts import make_folder, replacing

WITHOUT_CATEGORY = "without_category.csv"
BY_CATEGORY = "dendrogram purity by category, changes of distances and neighbours of the same category"
OF_A_TABLE = "agreement with the hierarchy, changes of distances and neighbours of the same category"
N_NAMED = 3  # classes that a note names


def left_out(labels: Sequence[str], kinds: Kinds) -> str | None:
    """Say how many images have no part in which scores; None where all have.

    Args:
        labels: (N,) str, the class of each image.
        kinds: of the classes. A table of categories is the whole hierarchy; WordNet knows classes without a category.
    """
    counts = _without_category(labels, kinds)
    if not counts:
        return None
    named = ", ".join(f"{name} {word}".strip() for name, word in _with_words(counts)[:N_NAMED])
    more = f" and {len(counts) - N_NAMED} more" if len(counts) > N_NAMED else ""
    if isinstance(kinds.hierarchy, Categories):
        why, scores = "--hierarchy does not have them", OF_A_TABLE
    else:
        n_basic = sum(map(len, BASIC.values()))
        why = f"none of the {n_basic} basic categories, of {', '.join(BASIC)}, is above them in WordNet"
        scores = f"{BY_CATEGORY}; --hierarchy with a .tsv gives other categories"
    return (
        f"{sum(counts.values())} of the {len(labels)} images have no category, those of {len(counts)} of the "
        f"{len(set(labels))} classes ({named}{more}; --out lists all in {WITHOUT_CATEGORY}): {why}. They have no part "
        f"in {scores}"
    )


def save_left_out(labels: Sequence[str], kinds: Kinds, folder: Path) -> None:
    """Write the classes without a category, what they are called and how many images each has; nothing if all have one.

    Files:
        without_category.csv: class, name, images; those of most images first.
    """
    counts = _without_category(labels, kinds)
    if not counts:
        return
    make_folder(folder)
    with replacing(folder / WITHOUT_CATEGORY) as path, path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("class", "name", "images"))
        rows.writerows((name, word, counts[name]) for name, word in _with_words(counts))


def _without_category(labels: Sequence[str], kinds: Kinds) -> dict[str, int]:
    """The classes that have no category and how many images are of each; those of most images first."""
    classes, counts = np.unique([name for name in labels if name not in kinds.categories.basic_of], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return dict(zip(classes[order].tolist(), counts[order].tolist(), strict=True))


def _with_words(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Classes, and what ImageNet calls them; "" where they are no ids of its classes."""
    return [(name, imagenet_classes().get(name, "").split(",")[0]) for name in classes]


def require_classes(kinds: Kinds, classes: Sequence[str], source: str) -> None:
    """Raise InputError unless enough of the images' classes are in the hierarchy for agreement with it.

    Args:
        classes: of the images, each once.
        source: of the hierarchy, for the message.
    """
    known = kinds.categories.basic_of if isinstance(kinds.hierarchy, Categories) else kinds.hierarchy.parents
    inside = [name for name in classes if name in known]
    if len(inside) < MIN_CLASSES:
        missing = [name for name in classes if name not in known]
        example = f"; {missing[0]} is not" if missing else ""
        raise InputError(
            f"{source}: {len(inside)} of the images' {len(classes)} classes are in it{example}; agreement with a "
            f"hierarchy needs {MIN_CLASSES} at least"
        )
