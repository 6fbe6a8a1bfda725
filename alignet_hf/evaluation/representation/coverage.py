"""Which images a hierarchy and its categories say something of; the others have no part in some scores."""

from collections.abc import Sequence

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.hierarchy import MIN_CLASSES
from alignet_hf.evaluation.representation.scores import Kinds

BY_CATEGORY = "dendrogram purity by category, changes of distances and neighbours of the same category"
OF_A_TABLE = "agreement with the hierarchy, changes of distances and neighbours of the same category"
N_NAMED = 3  # classes that a note names


def left_out(labels: Sequence[str], kinds: Kinds) -> str | None:
    """Say how many images have no part in which scores; None where all have.

    Args:
        labels: (N,) str, the class of each image.
        kinds: of the classes. A table of categories is the whole hierarchy; WordNet knows classes without a category.
    """
    without = ~np.isin(labels, list(kinds.categories.basic_of))
    if not without.any():
        return None
    classes, counts = np.unique(np.asarray(labels)[without], return_counts=True)
    named = ", ".join(classes[np.argsort(-counts, kind="stable")][:N_NAMED].tolist())
    more = f" and {len(classes) - N_NAMED} more" if len(classes) > N_NAMED else ""
    scores = OF_A_TABLE if isinstance(kinds.hierarchy, Categories) else BY_CATEGORY
    return (
        f"{without.sum()} of the {len(without)} images have no category, those of {len(classes)} of the "
        f"{len(np.unique(labels))} classes ({named}{more}): they have no part in {scores}"
    )


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
