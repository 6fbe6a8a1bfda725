"""Similarity judgments as matrices, people kept apart, and the odd-one-out choices that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.stats import spearmanr

from alignet_hf.data.matrix_files import read_matrices
from alignet_hf.data.names import names_of, require_names
from alignet_hf.errors import InputError
from alignet_hf.triplets import all_triplets, is_correct, odd_one_last, pair_values

MIN_STIMULI = 4  # three have three pairs, whose correlation says nothing


@dataclass(frozen=True)
class Dissimilarities:
    """Pairwise dissimilarities of the same objects, one matrix a person.

    Attributes:
        matrices: (people, N, N) float, symmetric with a zero diagonal; higher is less alike.
        names: the N objects' names, in the matrices' order; None where they are not known.
    """

    matrices: np.ndarray
    names: tuple[str, ...] | None = None

    def __post_init__(self):
        if self.names is not None:
            object.__setattr__(self, "names", tuple(self.names))
        _validate(self.matrices, self.names)

    @classmethod
    def load(
        cls,
        path: str | Path,
        key: str | None = None,
        *,
        kind: Literal["dissimilarity", "similarity"] = "dissimilarity",
        names: Sequence[str] | None = None,
        condensed: bool = False,
    ) -> "Dissimilarities":
        """Read .npy, .npz, .csv, .tsv or .mat (see `read_matrices` for `key` and `condensed`).

        Args:
            kind: what the file's numbers are; similarities become dissimilarities (see `from_similarities`).
            names: the objects', in the matrices' order, where the file holds none. A file that does hold names must
                agree with them.

        Raises:
            InputError: naming the file and the row, column and value that is wrong.
        """
        matrices, found = read_matrices(path, key, condensed=condensed)
        if names is not None and found is not None and list(names) != found:
            at = next(
                (n for n, (a, b) in enumerate(zip(names, found, strict=False)) if a != b), min(len(names), len(found))
            )
            raise InputError(
                f"{path}: the file names its objects in another order than the names given: number {at + 1} is "
                f"{found[at : at + 1]} in the file, {list(names[at : at + 1])} among the names"
            )
        names = found if names is None else names
        try:
            return cls.from_similarities(matrices, names) if kind == "similarity" else cls(matrices, names)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def from_similarities(
        cls, similarities: np.ndarray, names: Sequence[str] | None = None, *, maximum: float | None = None
    ) -> "Dissimilarities":
        """`maximum` - similarity: order and differences stay, so every correlation does but its sign.

        Args:
            similarities: (people, N, N) or (N, N), higher is more alike. The diagonal is not read.
            maximum: the top of the scale (10 of a Likert scale that ends there); the largest entry where not given.
        """
        similarities = np.array(similarities, np.float64)
        similarities = similarities[None] if similarities.ndim == 2 else similarities
        if similarities.ndim != 3 or similarities.shape[1] != similarities.shape[2]:
            raise InputError(f"similarities: expected shape (people, objects, objects), got {similarities.shape}")
        diagonal = np.eye(similarities.shape[1], dtype=bool)
        similarities[:, diagonal] = 0
        _validate(similarities, names)
        highest = similarities[:, ~diagonal].max()
        if maximum is not None and highest > maximum:
            raise InputError(f"similarities: {highest} is more than the maximum of the scale, {maximum}")
        matrices = (highest if maximum is None else maximum) - similarities
        matrices[:, diagonal] = 0
        return cls(matrices, names)

    @property
    def n_objects(self) -> int:
        return self.matrices.shape[1]

    def mean(self) -> np.ndarray:
        """(N, N): the mean over people."""
        return self.matrices.mean(0)

    def rows_in(self, images) -> np.ndarray:
        """The row in an image source of each object, in the matrices' order -> (N,) int.

        Args:
            images: an image source, or its names.

        Raises:
            InputError: the objects have no names here, or one is missing among the images, or fits several.
        """
        if self.names is None:
            raise InputError("dissimilarities: the objects have no names, so their images cannot be found; give names=")
        return require_names(self.names, names_of(images), "dissimilarities")

    def in_order_of(self, images) -> "Dissimilarities":
        """The same judgments with the objects in the order of an image source that shows just them.

        Args:
            images: an image source, or its names.

        Raises:
            InputError: as for `rows_in`; the source shows other images too (`rows_in` allows that).
        """
        rows = self.rows_in(images)
        names = names_of(images)
        if len(names) != len(rows) or len(set(rows.tolist())) != len(rows):
            raise InputError(f"dissimilarities: {len(rows)} objects were judged, but there are {len(names)} images")
        order = np.argsort(rows)
        matrices = np.ascontiguousarray(self.matrices[:, order[:, None], order])
        return replace(self, matrices=matrices, names=tuple(self.names[row] for row in order))

    def of(self, objects: Sequence[int]) -> "Dissimilarities":
        """The judgments of some of the objects.

        Raises:
            InputError: there are fewer than MIN_STIMULI.
        """
        names = None if self.names is None else tuple(self.names[number] for number in objects)
        return replace(self, matrices=self.matrices[:, np.asarray(objects)[:, None], objects], names=names)

    def choices(
        self, objects: Sequence[int] | None = None, *, person: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every triplet of the objects, with a choice, and how many people share each choice.

        Args:
            objects: (n,) indices of objects; all where not given.
            person: whose choices, an index of `matrices`; those of the mean person where not given.

        Returns:
            triplets (m, 3), the odd one last, without those in which this person has no one choice (ratings tie often);
            probabilities (m, 3), the share of all people for whom each pair is the most similar, in the triplet's order
            (a tie is split). Of `Dissimilarities` of one person alone they are that person's.

        Raises:
            InputError: an object or person that there is none of, an object given twice, fewer than three objects.
        """
        objects = self._some(objects)
        if person is not None and person not in range(len(self.matrices)):
            raise InputError(f"dissimilarities: no person {person} among {len(self.matrices)}, counted from 0")
        triplets = objects[all_triplets(len(objects))]
        whose = self.mean() if person is None else self.matrices[person]
        triplets, similarities = odd_one_last(triplets, -pair_values(whose, triplets))
        triplets = triplets[is_correct(similarities)]  # the first pair alone is the largest
        shares = np.zeros((len(triplets), 3))
        for matrix in self.matrices:  # not all at once: 16 people's 487,344 triplets of 144 objects take 200 MB
            similarities = -pair_values(matrix, triplets)
            most_similar = similarities == similarities.max(-1, keepdims=True)
            shares += most_similar / most_similar.sum(-1, keepdims=True)
        return triplets, shares / len(self.matrices)

    def _some(self, objects: Sequence[int] | None) -> np.ndarray:
        """Indices of objects, checked."""
        objects = np.arange(self.n_objects) if objects is None else np.asarray(objects)
        wrong = [item for item in objects.tolist() if item not in range(self.n_objects)]
        if wrong or len(set(objects.tolist())) < max(3, len(objects)):
            what = f"no object {wrong[0]!r}" if wrong else f"objects {objects.tolist()}"
            raise InputError(
                f"dissimilarities: {what}; expected three or more different ones of 0 to {self.n_objects - 1}"
            )
        return objects.astype(np.int64)

    def noise_ceiling(self, objects: np.ndarray) -> dict[str, float]:
        """How well people predict a person: each person left out is compared with the mean of the others.

        Like `choices`, the accuracy leaves out triplets in which the one who is predicted has no one choice, as ratings
        tie often. A tie of the others counts as wrong, as a model's does.

        Returns:
            {"odd_one_out_accuracy", "rsa_spearman"}: means over people, nan where nobody has a choice. A model is
            compared with the mean of all people, which is steadier than one person, and so can score above it.
        """
        first, second = np.triu_indices(len(objects), 1)
        matrices = self.matrices[:, objects][:, :, objects]
        triplets = all_triplets(len(objects))
        total = matrices.sum(0)
        accuracies, correlations = [], []
        for person in matrices:
            others = (total - person) / (len(matrices) - 1)
            theirs = pair_values(-person, triplets)
            choice = theirs.argmax(-1)
            chosen = is_correct(theirs, choice)
            correct = is_correct(pair_values(-others, triplets[chosen]), choice[chosen])
            accuracies.append(correct.mean() if chosen.any() else np.nan)
            correlations.append(spearmanr(person[first, second], others[first, second]).statistic)
        return {"odd_one_out_accuracy": _mean(accuracies), "rsa_spearman": float(np.mean(correlations))}


def _mean(values: list[float]) -> float:
    """Of those that are numbers; nan of none."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def _validate(matrices: np.ndarray, names: Sequence[str] | None) -> None:
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
        raise InputError(f"dissimilarities: expected shape (people, objects, objects), got {matrices.shape}")
    n_people, n_objects, _ = matrices.shape
    if not n_people or n_objects < MIN_STIMULI:
        raise InputError(f"dissimilarities: {n_people} people, {n_objects} objects; at least {MIN_STIMULI} are needed")

    def first(wrong: np.ndarray) -> str:
        person, row, column = np.argwhere(wrong)[0]
        return f"person {person}, row {row}, column {column} holds {matrices[person, row, column]}"

    if not np.isfinite(matrices).all():
        raise InputError(f"dissimilarities: {first(~np.isfinite(matrices))}; it must be finite")
    mirrored = matrices.transpose(0, 2, 1)
    asymmetric = ~np.isclose(matrices, mirrored)
    if asymmetric.any():
        person, row, column = np.argwhere(asymmetric)[0]
        raise InputError(
            f"dissimilarities: the matrix of person {person} is not symmetric: {first(asymmetric)}, "
            f"row {column}, column {row} {mirrored[person, row, column]}"
        )
    off = np.eye(n_objects, dtype=bool) & ~np.isclose(matrices, 0)
    if off.any():
        raise InputError(
            f"dissimilarities: {first(off)}, but an object differs from itself by 0; "
            'if these are similarities, say so (kind="similarity")'
        )
    if names is None:
        return
    if len(names) != n_objects:
        raise InputError(f"dissimilarities: {len(names)} names for {n_objects} objects")
    if len(set(names)) != len(names):
        twice = next(name for n, name in enumerate(names) if name in names[:n])
        raise InputError(f"dissimilarities: the name {twice!r} comes twice; every object needs its own")
