"""Every test of a representation's structure, as a function of embeddings: of one encoder, and between two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alignet_hf.errors import UndefinedScoreError
from alignet_hf.evaluation.representation.categories import NO_CATEGORY, Categories
from alignet_hf.evaluation.representation.distance_changes import MIN_IMAGES, DistanceChanges, distance_changes
from alignet_hf.evaluation.representation.hierarchy import hierarchy_scores
from alignet_hf.evaluation.representation.neighbour_pages import (
    MAX_SEARCHED,
    NeighbourPage,
    neighbour_page,
    neighbours_of,
    same_category_neighbours,
)
from alignet_hf.evaluation.representation.similarity import cka, rsm_correlation, sampled_rows
from alignet_hf.evaluation.representation.spectrum import Spectrum, spectrum, spectrum_scores
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.evaluation.statistics import Result

Say = Callable[[str], None]
N_NEIGHBOURS = 6


@dataclass(frozen=True)
class Kinds:
    """What is a kind of what.

    Attributes:
        hierarchy: of the classes.
        categories: basic and superordinate ones of the classes.
    """

    hierarchy: Hierarchy | Categories
    categories: Categories


@dataclass(frozen=True)
class Structure:
    """The structure of one representation.

    Attributes:
        scores: variance explained, effective rank, ...; agreement with the hierarchy where there is one.
        spectrum: of the embeddings.
    """

    scores: dict[str, Result]
    spectrum: Spectrum


@dataclass(frozen=True)
class Change:
    """What is between two representations of the same images, before and after alignment say.

    Attributes:
        scores: RSM correlation and CKA of the two, neighbours kept, and where there are categories distance changes,
            both the paper's and those of distances that each encoder's mean divides.
        neighbours: which images lie next to which.
        distances: changes by category; None without categories, where fewer than four images have one, or where every
            distance changed equally.
        scaled_distances: the same of distances divided by each encoder's mean; None likewise.
    """

    scores: dict[str, Result]
    neighbours: NeighbourPage
    distances: DistanceChanges | None
    scaled_distances: DistanceChanges | None


def structure(
    embeddings,
    labels: Sequence[str],
    kinds: Kinds | None = None,
    *,
    n_bootstrap: int = 1000,
    seed: int = 0,
    say: Say = lambda test: None,
) -> Structure:
    """Score the structure of one representation.

    Args:
        embeddings: (N, D) float, one row an image.
        labels: (N,) str, the class of each.
        kinds: None leaves out what a hierarchy is needed for.
        n_bootstrap, seed: of the draws.
        say: called with the name of a test before it runs.

    Raises:
        InputError: as `spectrum` and `hierarchy_scores`.
    """
    draws = {"n_bootstrap": n_bootstrap, "seed": seed}
    say("spectrum")
    found = spectrum(embeddings, **draws)
    scores = spectrum_scores(found)
    if kinds is not None:
        say("hierarchy")
        scores |= hierarchy_scores(embeddings, labels, kinds.hierarchy, categories=kinds.categories, **draws)
    return Structure(scores, found)


def change(
    before,
    after,
    labels: Sequence[str],
    kinds: Kinds | None = None,
    *,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    seed: int = 0,
    say: Say = lambda test: None,
) -> Change:
    """Compare two representations of the same images.

    Args:
        before, after: (N, D) and (N, D') float, one row an image.
        labels, kinds, n_bootstrap, seed, say: as for `structure`.
        n_permutations: for the p-values of the block structure; 0 for none.

    Raises:
        InputError: other numbers of images, or as the tests themselves.
    """
    draws = {"n_bootstrap": n_bootstrap, "seed": seed}
    categories = None if kinds is None else categories_of(labels, kinds.categories)
    say("neighbours of both")
    page = neighbour_page(before, after, categories, k=N_NEIGHBOURS, **draws)
    page = replace(page, same_category={} if kinds is None else _same_category(before, after, categories, draws))
    say("RSM correlation")
    scores = {"rsm_correlation": rsm_correlation(before, after, **draws)}
    say("CKA")
    scores |= {"cka": cka(before, after, **draws), "neighbours_kept": page.kept}
    distances: dict[bool, DistanceChanges] = {}
    if kinds is not None and sum(name != NO_CATEGORY for name in categories) >= MIN_IMAGES:
        say("distance changes")
        for scaled in (False, True):
            options = {"scaled": scaled, "n_permutations": n_permutations, **draws}
            try:
                distances[scaled] = distance_changes(before, after, labels, kinds.categories, **options)
            except UndefinedScoreError:  # an encoder beside itself or, scaled, beside itself in another size
                continue
            scores |= distances[scaled].results
    return Change(scores, page, distances.get(False), distances.get(True))


def _same_category(before, after, categories: list[str], draws: dict) -> dict[str, Result]:
    """The share of an image's neighbours that are of its superordinate category, among the images that have one."""
    with_category = np.flatnonzero(np.array(categories) != NO_CATEGORY)
    if len(with_category) <= N_NEIGHBOURS:
        return {}
    rows = sampled_rows(len(with_category), MAX_SEARCHED, draws["seed"])
    own = [categories[row] for row in with_category]
    found = {}
    for name, embeddings in (("before", before), ("after", after)):
        neighbours, _ = neighbours_of(np.asarray(embeddings)[with_category], rows, N_NEIGHBOURS)
        found[name] = same_category_neighbours(neighbours, rows, own, **draws)
    return found


def categories_of(labels: Sequence[str], categories: Categories) -> list[str]:
    """The superordinate category of each image; `NO_CATEGORY` of those that have none."""
    names = (*categories.superordinates, NO_CATEGORY)  # -1 finds the last
    return [names[row] for row in categories.codes(labels)[1]]
