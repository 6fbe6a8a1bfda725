"""What a recipe names, opened: its images, its people, and what these say about those."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from alignet_hf.data import judgments as human
from alignet_hf.data.images import ImageFolder, load_images
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.data.similarity_sets import load_objects92
from alignet_hf.data.things import read_concept_images, read_embedding, read_triplets
from alignet_hf.errors import InputError
from alignet_hf.recipe import EMBEDDED, Recipe


def open_images(source: str):
    """The image source that a recipe names: the embedded photographs, or what `load_images` opens."""
    if source == EMBEDDED:
        from alignet_hf.demo import objects92

        return ImageFolder(objects92.FOLDER / "images")
    return load_images(source)


def open_people(dissimilarities: str, image_names: Sequence[str], *, in_order: bool = False) -> Dissimilarities:
    """The similarity matrices that a recipe names, in the order of the images: by name where the objects have names.

    Args:
        dissimilarities: "objects92", or a file.
        image_names: of the images that people judged.
        in_order: objects without names are the images, in their order.

    Raises:
        InputError: the file cannot be read; its objects have no names, and nothing says that they are in order; or
            people judged other objects than there are images.
    """
    people = load_objects92() if dissimilarities == EMBEDDED else Dissimilarities.load(dissimilarities)
    if people.n_objects != len(image_names):
        raise InputError(
            f"{dissimilarities}: {people.n_objects} objects were judged, but there are {len(image_names)} images; "
            "they must be the same"
        )
    if people.names is not None:
        try:
            return people.in_order_of(image_names)
        except InputError as error:
            raise InputError(f"{dissimilarities}: {error}") from error
    if not in_order:
        raise InputError(
            f"{dissimilarities}: the objects have no names, so their images are not known; put the names into the file "
            "(the array names of an .npz), or say that they are the images in order: --set human.in_order=true"
        )
    return people


def read_judgments(
    recipe: Recipe, image_names: list[str], *, with_training: bool = True, without: Sequence[int] = ()
) -> human.Judgments:
    """The human judgments that a recipe names, over the rows of its image source.

    Args:
        without: images whose judgments are left out; the rows are then those of the others.
        with_training: False for what is held out alone: choices like those of THINGS take minutes to label.

    Raises:
        InputError: a file that cannot be read, judgments of other images than the source holds, or none left to score.
    """
    judgments = _read_judgments(recipe, image_names, with_training, without)
    return judgments.without(without, len(image_names)) if len(without) else judgments


def _read_judgments(
    recipe: Recipe, image_names: list[str], with_training: bool, without: Sequence[int]
) -> human.Judgments:
    given, split = recipe.human, recipe.split
    options = {"n_folds": split.folds, "fold": split.fold, "seed": split.seed, "with_training": with_training}
    if given.dissimilarities is not None:
        people = open_people(given.dissimilarities, image_names, in_order=given.in_order)
        return human.from_dissimilarities(people, **options, without=without)
    embedding, label = read_dimensions(given.embedding)
    choices = read_triplets(given.triplets, len(embedding))
    images = read_concept_images(given.concepts, image_names, len(embedding))
    options |= {"n_soft_triplets": given.n_soft_triplets, "label": label}
    return human.from_choices(choices, embedding, images, **options)


def read_dimensions(path: str) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray] | None]:
    """People's dimensions of concepts, and how they label triplets of concepts.

    Args:
        path: a folder that `vice` wrote, or .npy.

    Returns:
        (concepts, D), and of a posterior its triplet probabilities (R = 50 draws, paper, A.1.1); None of an array.

    Raises:
        InputError: it is neither.
    """
    if not Path(path).is_dir():
        return read_embedding(path), None
    from alignet_hf.surrogate.vice.posterior import Vice

    posterior = Vice.from_pretrained(path)
    return posterior.embedding, posterior.triplet_probabilities
