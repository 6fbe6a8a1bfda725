"""Finding images by name: data of people name their stimuli, and an image source has an order of its own.

A name is looked for as it stands, then by the file's name without folders, then without the suffix too, so that
`stimuli/n01440764_10.JPEG` finds `train/n01440764/n01440764_10.jpg`. A name that fits two images is refused.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from alignet_hf.data.images import ImageSource, image_names
from alignet_hf.errors import InputError

MISSING = -1
_NAMED = 3  # how many names a message lists


class MissingNamesError(InputError):
    """Names that are not among the images; the message lists a few, `missing` holds all of them, in order."""

    def __init__(self, message: str, missing: Sequence[str]):
        super().__init__(message)
        self.missing = tuple(missing)


def base_name(name: str) -> str:
    """The name of a file without its folders, whichever slash divides them."""
    return re.split(r"[/\\]", name)[-1]


def is_called(name: str, image: str) -> bool:
    """Whether a name can mean an image of that name, in any of the forms in which names are looked for."""
    return name == image or _stem(name) == _stem(image)


def names_of(images) -> Sequence[str]:
    """The names of an image source; names that are given in its stead are left as they are."""
    are_names = not isinstance(images, ImageSource) and len(images) and isinstance(images[0], str)
    return images if are_names else image_names(images)


def find_names(wanted: Sequence[str], names: Sequence[str], what: str) -> np.ndarray:
    """The row in `names` of each wanted name -> (len(wanted),) int, -1 for one that is not there.

    Raises:
        InputError: naming `what`, if a wanted name fits several rows.
    """
    rows = np.full(len(wanted), MISSING)
    for form in (str, base_name, _stem):
        unfound = np.flatnonzero(rows == MISSING)
        if unfound.size:
            rows[unfound] = _find([wanted[row] for row in unfound], names, form, what)
    return rows


def require_names(wanted: Sequence[str], names: Sequence[str], what: str) -> np.ndarray:
    """As `find_names`, but every name must be there.

    Raises:
        MissingNamesError: naming `what`, how many are missing and the first of them.
    """
    rows = find_names(wanted, names, what)
    if message := missing_names(wanted, rows):
        raise MissingNamesError(
            f"{what}: {message} are not among the {len(names)} images there", names_without_row(wanted, rows)
        )
    return rows


def missing_names(wanted: Sequence[str], rows: np.ndarray) -> str:
    """ "3 of 118 names (a.jpg, b.jpg, c.jpg)" of those without a row; "" where all have one."""
    missing = names_without_row(wanted, rows)
    listed = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
    return f"{len(missing)} of {len(wanted)} names ({listed})" if missing else ""


def names_without_row(wanted: Sequence[str], rows: np.ndarray) -> list[str]:
    """All of them."""
    return [wanted[row] for row in np.flatnonzero(rows == MISSING)]


def _find(wanted: Sequence[str], names: Sequence[str], form: Callable[[str], str], what: str) -> list[int]:
    keys = [form(name) for name in wanted]
    needed = set(keys)
    found: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if (key := form(name)) in needed:
            found.setdefault(key, []).append(row)
    for name, key in zip(wanted, keys, strict=True):
        if len(rows := found.get(key, [])) > 1:
            raise InputError(
                f"{what}: {name!r} is ambiguous: {names[rows[0]]!r} and {names[rows[1]]!r} are both called so; "
                "name the images so that only one fits"
            )
    return [found.get(key, [MISSING])[0] for key in keys]


def _stem(name: str) -> str:
    return base_name(name).rsplit(".", 1)[0]
