"""Human judgments, split by objects: what a surrogate may learn from, and what a student is scored on.

A run's two kinds of people's data end here in one form, over the rows of its image source.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.errors import InputError
from alignet_hf.triplets import odd_one_last, pair_values, triplet_probabilities

_NOTHING_TO_LEARN = np.empty((0, 3), np.int64), np.empty((0, 3))


@dataclass(frozen=True)
class Judgments:
    """People's odd-one-out choices over rows of an image source; no held-out row is in a training triplet.

    Attributes:
        training: (n, 3) int rows of the image source.
        probabilities: (n, 3) of people choosing each pair [ij, ik, jk].
        held_out: (m, 3) int rows, the odd one that people chose last.
        held_out_rows: (h,) the rows held out, sorted.
        similarities: (h, h) how alike people find the held-out rows, for RSA.
        noise_ceiling: how well people predict a person, by score; empty where the data cannot tell.
        held_out_shares: (m, 3) of people choosing each pair of the held-out triplets; None where the data cannot tell.
        choices: (c, 3) int rows, what people themselves chose of training rows, the odd one last; None where these are
            `training`, which may be random triplets that people's dimensions label.
    """

    training: np.ndarray
    probabilities: np.ndarray
    held_out: np.ndarray
    held_out_rows: np.ndarray
    similarities: np.ndarray
    noise_ceiling: dict[str, float]
    held_out_shares: np.ndarray | None = None
    choices: np.ndarray | None = None

    @property
    def own_choices(self) -> np.ndarray:
        """(c, 3) `choices`, or `training` where they are the same."""
        return self.training if self.choices is None else self.choices

    def without(self, lost: Sequence[int], n_rows: int) -> "Judgments":
        """The judgments that name none of some of the source's `n_rows`; rows are then those of the others.

        Raises:
            InputError: no held-out one is left.
        """
        place = np.full(n_rows, -1)
        place[np.setdiff1d(np.arange(n_rows), lost)] = np.arange(n_rows - len(lost))
        learnt, scored = (place[triplets].min(1, initial=0) >= 0 for triplets in (self.training, self.held_out))
        kept = place[self.held_out_rows] >= 0
        choices = None if self.choices is None else place[self.choices]
        if not scored.any():
            raise InputError("no held-out judgment is left: each names an image that cannot be decoded")
        return replace(
            self,
            training=place[self.training[learnt]],
            probabilities=self.probabilities[learnt],
            held_out=place[self.held_out[scored]],
            held_out_rows=place[self.held_out_rows[kept]],
            similarities=self.similarities[np.ix_(kept, kept)],
            held_out_shares=None if self.held_out_shares is None else self.held_out_shares[scored],
            choices=None if choices is None else choices[choices.min(1, initial=0) >= 0],
        )


def folds(n_objects: int, n_folds: int, seed: int) -> list[np.ndarray]:
    """Objects dealt into folds of nearly equal size, each sorted."""
    if n_objects < 3 * n_folds:
        raise InputError(f"{n_objects} objects cannot make {n_folds} folds of three objects at least")
    order = np.random.default_rng(seed).permutation(n_objects)
    return [np.sort(part) for part in np.array_split(order, n_folds)]


def from_dissimilarities(
    people: Dissimilarities,
    *,
    n_folds: int,
    fold: int,
    seed: int,
    with_training: bool = True,
    without: Sequence[int] = (),
) -> Judgments:
    """Judgments from similarity matrices whose objects are the rows of the image source.

    A triplet is held out if all three objects are; its choice is that of the mean person. The probabilities of training
    triplets are the shares of people: how uncertain people are, measured. `with_training` as in `from_choices`.
    Objects to go `without` are in no triplet; the folds are those of all.
    """
    held_out_rows = folds(people.n_objects, n_folds, seed)[fold]
    training_rows = np.setdiff1d(np.arange(people.n_objects), np.union1d(held_out_rows, without))
    held_out_rows = np.setdiff1d(held_out_rows, without)
    if len(without) and min(len(training_rows), len(held_out_rows)) < 3:
        raise InputError("fewer than three photographs that people judged are left to learn from, or to score on")
    training, probabilities = people.choices(training_rows) if with_training else _NOTHING_TO_LEARN
    held_out, held_out_shares = people.choices(held_out_rows)
    return Judgments(
        training,
        probabilities,
        held_out,
        held_out_rows,
        similarities=-people.mean()[np.ix_(held_out_rows, held_out_rows)],
        noise_ceiling=people.noise_ceiling(held_out_rows) if len(people.matrices) > 1 else {},
        held_out_shares=held_out_shares if len(people.matrices) > 1 else None,
    )


def from_choices(
    choices: np.ndarray,
    embedding: np.ndarray,
    image_of_concept: dict[int, int],
    *,
    n_folds: int,
    fold: int,
    seed: int,
    n_soft_triplets: int,
    label: Callable[[np.ndarray], np.ndarray] | None = None,
    with_training: bool = True,
) -> Judgments:
    """Judgments from choices over concepts and people's dimensions of them.

    What is trained on are triplets of training concepts alone: people's own choices, if there is a `label` for them;
    else random ones, with the softmax of the dot products of people's dimensions, the most probable odd one last.

    Args:
        choices: (n, 3) concepts, the odd one last.
        embedding: (concepts, D) people's dimensions.
        image_of_concept: rows of the image source; choices with another concept are left out.
        n_folds, fold, seed: see `split_choices`.
        n_soft_triplets: how many random triplets of training concepts get a soft label, where there is no `label`.
        label: triplets of concepts (n, 3) -> (n, 3) probabilities of their pairs, VICE's posterior say.
        with_training: False for what is held out alone, without the training triplets, whose labels can take minutes.

    Raises:
        InputError: no choice is left, or too few images for the folds.
    """
    split = split_choices(choices, image_of_concept, len(embedding), n_folds=n_folds, fold=fold, seed=seed)
    row_of_concept, held_out_rows = split.row_of_concept, split.held_out_rows
    own = None
    if not with_training:
        training, probabilities = _NOTHING_TO_LEARN
    elif label is not None:
        training, probabilities = row_of_concept[split.training], label(split.training)
    else:
        concepts = np.array(sorted(image_of_concept))
        training_concepts = concepts[~np.isin(row_of_concept[concepts], held_out_rows)]
        rng = np.random.default_rng(seed)
        drawn = training_concepts[rng.integers(0, len(training_concepts), (n_soft_triplets, 3))]
        drawn = drawn[_all_different(row_of_concept[drawn])]
        drawn, similarities = odd_one_last(drawn, pair_values(embedding @ embedding.T, drawn))
        training, probabilities = row_of_concept[drawn], triplet_probabilities(similarities)
        own = row_of_concept[split.training]

    # Several concepts may share a held-out image: the first speaks for it.
    concept_of_row = {row: concept for concept, row in sorted(image_of_concept.items(), reverse=True)}
    held_out_embedding = embedding[[concept_of_row[row] for row in held_out_rows]]
    return Judgments(
        training,
        probabilities,
        split.held_out,
        held_out_rows,
        similarities=held_out_embedding @ held_out_embedding.T,
        noise_ceiling={},
        choices=own,
    )


@dataclass(frozen=True)
class SplitChoices:
    """Choices over concepts that have an image, split by their images.

    Attributes:
        training: (n, 3) concepts, none of whose images is held out.
        held_out: (m, 3) rows of the image source, at least two of them held out.
        held_out_rows: (h,) the rows held out, sorted.
        row_of_concept: (concepts,) rows of the image source, -1 for a concept without an image.
    """

    training: np.ndarray
    held_out: np.ndarray
    held_out_rows: np.ndarray
    row_of_concept: np.ndarray


def split_choices(
    choices: np.ndarray, image_of_concept: dict[int, int], n_concepts: int, *, n_folds: int, fold: int, seed: int
) -> SplitChoices:
    """Split choices by the images of their concepts: two concepts with one image fall on the same side.

    Args:
        choices: (n, 3) concepts, the odd one last.
        image_of_concept: rows of the image source; choices with another concept are left out.
        n_concepts: how many there are.
        n_folds, fold, seed: into how many parts the images are dealt, and which one is held out.

    Raises:
        InputError: no choice is left, or too few images for the folds.
    """
    images = np.unique(list(image_of_concept.values()))
    held_out_rows = images[folds(len(images), n_folds, seed)[fold]]
    row_of_concept = np.full(n_concepts, -1)
    row_of_concept[list(image_of_concept)] = list(image_of_concept.values())

    rows = row_of_concept[choices]
    shown = (rows >= 0).all(1) & _all_different(rows)
    choices, rows = choices[shown], rows[shown]
    n_held_out = np.isin(rows, held_out_rows).sum(1)
    if not (n_held_out >= 2).any():
        raise InputError("the choices hold no triplet with at least two held-out images; give more choices or images")
    return SplitChoices(choices[n_held_out == 0], rows[n_held_out >= 2], held_out_rows, row_of_concept)


def _all_different(triplets: np.ndarray) -> np.ndarray:
    i, j, k = triplets.T
    return (i != j) & (i != k) & (j != k)
