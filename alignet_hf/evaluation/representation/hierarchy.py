"""Does a representation agree with the hierarchy of what is a kind of what (Sec. 2.3 of the paper)?"""

from collections.abc import Sequence

import numpy as np

from alignet_hf.errors import InputError, UndefinedScoreError
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.dendrogram import (
    average_linkage,
    chance_purity,
    cophenetic_distances,
    dendrogram_purity,
)
from alignet_hf.evaluation.representation.distances import Distances, pearson_draws, spearman_draws
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.evaluation.statistics import Result, bootstrap_counts

TREE_DISTANCES = ("path", "height")
MIN_CLASSES = 4


def hierarchy_scores(
    embeddings,
    labels: Sequence[str],
    hierarchy: Hierarchy | Categories,
    *,
    categories: Categories | None = None,
    distance: str = "euclidean",
    tree_distance: str = "path",
    n_images: int | None = 4000,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Result]:
    """Agreement of a representation with a hierarchy of its images' classes.

    A class is the mean of its images. Distances are those of the representation between classes; average linkage of
    them gives a dendrogram. Draws are over classes (of `dendrogram_purity/class`, over images), the same for every
    encoder with one seed and the same labels; they weigh the classes of the one dendrogram and do not make it anew.

    tree_correlation/pearson, tree_correlation/spearman: over pairs of classes, of their distance in the representation
        with that in the hierarchy.
    cophenetic_correlation: Pearson's, over pairs of classes, of their distance with the height at which the dendrogram
        joins them (Sokal & Rohlf 1962, https://doi.org/10.2307/1217208): how far the representation is a tree at all.
        Places at random are one in part, so it has no chance.
    dendrogram_purity/basic, dendrogram_purity/superordinate: of the dendrogram of those classes that have a category;
        chance is exact, the mean over labels exchanged at random.
    dendrogram_purity/class: of the dendrogram of images, labelled by class; where a class has several images.

    Args:
        embeddings: (N, D) float, one row an image.
        labels: (N,) str, the class of each, a node of the hierarchy; WordNet ids for ImageNet.
        hierarchy: WordNet's, or categories, whose tree it is then.
        categories: for dendrogram purity; by default those of `Categories.of_wordnet`, or `hierarchy` where it is some.
        distance: "euclidean" or "cosine".
        tree_distance: "path", the edges of the shortest path; or "height", of the lowest common ancestor above the
            classes (see `Hierarchy.heights`), which are the cophenetic distances of the hierarchy.
        n_images: the dendrogram of images is of so many at most, drawn at random; its matrix grows with their square.
        n_bootstrap: draws; 0 for none.
        seed: of the draws.

    Raises:
        InputError: a class that is not in the hierarchy, labels that do not fit, or fewer than four classes.
        UndefinedScoreError: all classes are equally far from one another.
    """
    labels = checked_labels(labels, len(embeddings))
    if tree_distance not in TREE_DISTANCES:
        raise InputError(f"tree_distance is {tree_distance!r}; it must be one of {', '.join(TREE_DISTANCES)}")
    if isinstance(hierarchy, Categories):
        categories = hierarchy if categories is None else categories
        without = [name for name in np.unique(labels).tolist() if name not in hierarchy.basic_of]
        kept = ~np.isin(labels, without)
        embeddings, labels, hierarchy = np.asarray(embeddings)[kept], labels[kept], hierarchy.hierarchy()
    classes, of_image = np.unique(labels, return_inverse=True)
    if len(classes) < MIN_CLASSES:
        raise InputError(f"agreement with a hierarchy needs images of at least four of its classes, got {len(classes)}")
    if categories is None:
        categories = Categories.of_wordnet(hierarchy, classes.tolist())
    names = classes.tolist()
    tree = hierarchy.path_distances(names) if tree_distance == "path" else hierarchy.heights(names)
    apart = np.argwhere(np.isinf(tree))
    if len(apart):
        first, second = (names[row] for row in apart[0])
        raise InputError(f"classes {first} and {second} have nothing in common in the hierarchy; it needs one root")
    means = class_means(embeddings, of_image, len(classes))
    distances = Distances(means, distance).matrix()
    if np.ptp(distances[np.triu_indices(len(classes), 1)]) <= 1e-12 * distances.max():
        raise UndefinedScoreError("all classes are equally far from one another; the model has collapsed")
    counts = bootstrap_counts(len(classes), n_bootstrap, seed)
    joined = cophenetic_distances(average_linkage(distances))
    correlations = {
        "tree_correlation/pearson": (lambda drawn: pearson_draws(distances, tree, drawn), 0.0),
        "tree_correlation/spearman": (lambda drawn: spearman_draws(distances, tree, drawn), 0.0),
        "cophenetic_correlation": (lambda drawn: pearson_draws(distances, joined, drawn), None),
    }
    once, drawn = np.ones((1, len(classes))), {"unit": "classes", "over": ("classes",)}
    scores = [
        Result.from_samples(name, draws(once)[0], draws(counts), chance, len(classes), **drawn)
        for name, (draws, chance) in correlations.items()
    ]
    purity = {"distance": distance, "n_bootstrap": n_bootstrap, "seed": seed}
    for level, of_class in zip(("basic", "superordinate"), categories.codes(names), strict=True):
        some = of_class >= 0
        if _has_pairs(of_class[some]):
            scores.append(_purity(f"dendrogram_purity/{level}", means[some], of_class[some], unit="classes", **purity))
    rows = drawn_images(len(labels), n_images, seed)
    if len(classes) > 1 and _has_pairs(of_image[rows]):
        scores.append(
            _purity("dendrogram_purity/class", np.asarray(embeddings[rows]), of_image[rows], unit="images", **purity)
        )
    return {score.name: score for score in scores}


def checked_labels(labels, n_images: int) -> np.ndarray:
    """Classes of images -> (N,) str.

    Raises:
        InputError: not one for each image.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or len(labels) != n_images:
        raise InputError(f"labels: shape {labels.shape} for {n_images} embeddings; give the class of each")
    if labels.dtype.kind not in "US":
        raise InputError(f"labels: of type {labels.dtype}; give classes by name, such as n01440764")
    return labels.astype(str)


def class_means(embeddings, of_image: np.ndarray, n_classes: int) -> np.ndarray:
    """The mean of each class's images -> (C, D) float64; a class at a time, as the rows may lie on disk."""
    order = np.argsort(of_image, kind="stable")
    of_class = np.split(order, np.cumsum(np.bincount(of_image, minlength=n_classes))[:-1])
    return np.stack([np.asarray(embeddings[rows], np.float64).mean(0) for rows in of_class])


def drawn_images(n: int, at_most: int | None, seed: int) -> np.ndarray:
    """Rows of images drawn at random without replacement, in order; all of them where there are no more."""
    if at_most is None or n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng((seed, 1)).choice(n, at_most, replace=False))


def _has_pairs(codes: np.ndarray) -> bool:
    return len(codes) > 1 and np.bincount(codes).max() > 1


def _purity(
    name: str, rows: np.ndarray, codes: np.ndarray, *, distance: str, unit: str, n_bootstrap: int, seed: int
) -> Result:
    merges = average_linkage(Distances(rows, distance).matrix())
    counts = bootstrap_counts(len(rows), n_bootstrap, seed)
    estimate = dendrogram_purity(merges, codes)[0]
    samples = dendrogram_purity(merges, codes, counts)
    return Result.from_samples(
        name, estimate, samples, chance_purity(merges, codes), len(rows), unit=unit, over=(unit,)
    )
