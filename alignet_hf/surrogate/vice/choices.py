"""People's choices as the command `vice` is given them: a file of triplets, or a folder of THINGS."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignet_hf.data.text_triplets import read_triplets
from alignet_hf.data.things import N_CONCEPTS, load_things
from alignet_hf.errors import InputError
from alignet_hf.surrogate.vice.held_out import hold_out

_SHARE = 0.1


@dataclass(frozen=True)
class Choices:
    """Choices to fit to, and choices to be measured on.

    Attributes:
        training: (n, 3) int64, the odd one last.
        held_out: (m, 3), or None.
        n_objects: N.
        names: of the objects, where a concept table lies beside the choices; else None.
        how: which choices are held out, in a phrase.
    """

    training: np.ndarray
    held_out: np.ndarray | None
    n_objects: int
    names: tuple[str, ...] | None
    how: str


def read_choices(path: Path, *, n_objects: int | None, odd_column: int, share: float | None, seed: int) -> Choices:
    """Read choices, and hold some of them out.

    Args:
        path: a file that `read_triplets` reads, or a folder that `load_things` reads.
        n_objects: N; None for as many as a file's choices name, or as a folder's concept table has.
        odd_column: which column of the files holds the odd one: 0, 1 or 2.
        share: of the choices to hold out at random, 0 for none; None for a folder's own validation split, and a tenth
            where there is none.
        seed: of the draw.

    Raises:
        InputError: what the readers refuse, a share where the folder has a split of its own or of nothing, or a number
            of objects that is not its concept table's.
    """
    if path.is_dir():
        return _of_folder(path, n_objects, odd_column, share, seed)
    triplets = read_triplets(path, n_objects, odd_column=odd_column)
    n_objects = n_objects or int(triplets.max()) + 1
    share = _SHARE if share is None else float(share)
    training, held_out = hold_out(triplets, share or None, n_objects, seed)
    how = "held out: no choices" if held_out is None else _drawn(training, held_out, seed)
    return Choices(training, held_out, n_objects, None, how)


def _of_folder(folder: Path, n_objects: int | None, odd_column: int, share: float | None, seed: int) -> Choices:
    split = bool([*folder.glob("validationset.*"), *folder.glob("test_10.*")])
    if split and share is not None:
        raise InputError(f"--validation {share:g}: {folder} has a validation split of its own; leave the option out")
    if share == 0:
        raise InputError(f"--validation 0: {folder} is a folder; name the file of its choices to fit to all of them")
    things = load_things(
        folder, odd_column=odd_column, validation_share=share or _SHARE, seed=seed, n_concepts=n_objects or N_CONCEPTS
    )
    if n_objects not in (None, things.n_concepts):
        raise InputError(f"--objects {n_objects}: the concept table in {folder} has {things.n_concepts}; leave it out")
    if split:
        how = f"held out: {len(things.validation)} choices, the validation split of {folder}"
    else:
        how = f"{folder} has no validation split; {_drawn(things.training, things.validation, seed)}"
    names = None if things.concepts is None else things.concepts.names
    return Choices(things.training, things.validation, things.n_concepts, names, how)


def _drawn(training: np.ndarray, held_out: np.ndarray, seed: int) -> str:
    n_all = len(training) + len(held_out)
    return f"held out: {len(held_out)} of {n_all} choices, drawn at random with seed {seed}"
