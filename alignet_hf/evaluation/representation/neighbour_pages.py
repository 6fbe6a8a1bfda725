"""Nearest neighbours before and after alignment: which images lie next to a query, and are they of its category?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.similarity import sampled_rows, validate_same_images
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images
from alignet_hf.evaluation.vision.neighbours import nearest_neighbours

MOST_CHANGED, AT_RANDOM = "most changed", "at random"
MAX_SEARCHED = 2000


@dataclass(frozen=True)
class QueryNeighbours:
    """The neighbours of one image, rows of the embeddings, the most similar first.

    Attributes:
        query: the image's row.
        chosen: why it is shown, "most changed" or "at random".
        before, after: (k,) int.
        similarities_before, similarities_after: (k,) float, to the query.
    """

    query: int
    chosen: str
    before: np.ndarray
    after: np.ndarray
    similarities_before: np.ndarray
    similarities_after: np.ndarray

    @property
    def new(self) -> np.ndarray:
        """(k,) bool: which of `after` were not among `before`."""
        return ~np.isin(self.after, self.before)

    def to_dict(self) -> dict:
        """As JSON."""
        return {
            "query": self.query,
            "chosen": self.chosen,
            "before": self.before.tolist(),
            "after": self.after.tolist(),
            "new": self.new.tolist(),
            "similarities_before": [round(float(value), 4) for value in self.similarities_before],
            "similarities_after": [round(float(value), 4) for value in self.similarities_after],
        }


@dataclass(frozen=True)
class NeighbourPage:
    """Queries with their neighbours before and after, and the scores over all images that were searched for.

    Attributes:
        queries: those whose neighbours changed most first, then those drawn at random.
        k: neighbours of each.
        n_images: among how many they were searched.
        kept: the mean share of an image's neighbours that it keeps.
        same_category: "before" and "after" -> the share of neighbours of their image's own category, under common
            draws; empty without categories.
    """

    queries: tuple[QueryNeighbours, ...]
    k: int
    n_images: int
    kept: Result
    same_category: dict[str, Result]

    def to_dict(self) -> dict:
        """As JSON; `Result.to_dict` of the scores."""
        return {
            "k": self.k,
            "n_images": self.n_images,
            "kept": self.kept.to_dict(),
            "same_category": {name: result.to_dict() for name, result in self.same_category.items()},
            "queries": [query.to_dict() for query in self.queries],
        }


def neighbour_page(
    before,
    after,
    categories: Sequence[str] | None = None,
    *,
    k: int = 6,
    n_changed: int = 4,
    n_random: int = 4,
    max_searched: int = MAX_SEARCHED,
    metric: str = "cosine",
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> NeighbourPage:
    """Search the neighbours of images before and after alignment, and choose the queries to show.

    The first are those that keep the fewest neighbours, of as many categories as there are, equals in a random order;
    they show the change at its largest. The others, drawn at random from the rest, show what is usual.

    Args:
        before: (N, D) float, one row an image.
        after: (N, D') float, the same images.
        categories: of the images, N names.
        k: neighbours to show and to score.
        n_changed, n_random: queries of either kind; fewer where there are not as many images.
        max_searched: of more images so many, drawn without replacement, are searched for, each among all; queries are
            of these, and the scores are over them (`Result.n_objects`).
        metric: "cosine" or "dot".
        n_bootstrap: draws of the images searched for.
        seed: of every draw.

    Raises:
        InputError: other numbers of images or categories, or not more images than neighbours.
    """
    n_images = validate_same_images({"before": before, "after": after}, min_images=2)
    if not 1 <= k < n_images:
        raise InputError(f"k is {k}; of {n_images} images each has from 1 to {n_images - 1} neighbours")
    if categories is not None and len(categories) != n_images:
        raise InputError(f"{len(categories)} categories, {n_images} embeddings; give one for each")
    rows = sampled_rows(n_images, max_searched, seed)
    found = {"before": neighbours_of(before, rows, k, metric), "after": neighbours_of(after, rows, k, metric)}
    kept = np.array([np.isin(*both).mean() for both in zip(found["after"][0], found["before"][0], strict=True)])
    draws = {"n_bootstrap": n_bootstrap, "seed": seed}
    same = {}
    if categories is not None:
        same = {
            name: same_category_neighbours(indices, rows, categories, **draws) for name, (indices, _) in found.items()
        }
    chosen = _chosen(kept, None if categories is None else np.asarray(categories)[rows], n_changed, n_random, seed)
    queries = tuple(
        QueryNeighbours(
            int(rows[place]),
            why,
            found["before"][0][place],
            found["after"][0][place],
            found["before"][1][place],
            found["after"][1][place],
        )
        for place, why in chosen
    )
    name = f"share of {k} neighbours kept"
    chance = k / (n_images - 1)
    return NeighbourPage(queries, k, n_images, mean_over_images(name, kept, chance=chance, **draws), same)


def neighbours_of(embeddings, rows: np.ndarray, k: int, metric: str = "cosine") -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other images of some images -> (n, k) int rows, (n, k) similarities.

    Args:
        embeddings: (N, D) float.
        rows: (n,) int, the images to search for, each among all N.
        k, metric: as for `nearest_neighbours`.
    """
    indices, similarities = nearest_neighbours(np.asarray(embeddings[rows]), embeddings, k + 1, metric=metric)
    others = indices != rows[:, None]
    others[others.all(1), -1] = False  # of many equal images it may be another that was found in its place
    return indices[others].reshape(-1, k), similarities[others].reshape(-1, k)


def same_category_neighbours(
    neighbours: np.ndarray, rows: np.ndarray, categories: Sequence[str], *, n_bootstrap: int = 1000, seed: int = 0
) -> Result:
    """The share of neighbours that are of their image's category; chance is that of neighbours drawn at random.

    Args:
        neighbours: (n, k) int, as `neighbours_of` finds them.
        rows: (n,) int, the images whose neighbours they are.
        categories: of all N images.
        n_bootstrap: draws of the n images.
        seed: of the draws; two models' scores of the same images are then paired.
    """
    _, numbers, counts = np.unique(np.asarray(categories), return_inverse=True, return_counts=True)
    same = numbers[neighbours] == numbers[rows][:, None]
    chance = float((counts[numbers[rows]] - 1).mean() / (len(numbers) - 1))
    name = f"share of {neighbours.shape[1]} neighbours of the same category"
    return mean_over_images(name, same.mean(1), chance=chance, n_bootstrap=n_bootstrap, seed=seed)


def _chosen(
    kept: np.ndarray, categories: np.ndarray | None, n_changed: int, n_random: int, seed: int
) -> list[tuple[int, str]]:
    """Places among the images searched for, each with why it was chosen."""
    order = np.random.default_rng((seed, 5)).permutation(len(kept))
    by_change = order[np.argsort(kept[order], kind="stable")]
    if categories is not None:
        # The first of every category, then the second of every one, and so on.
        seen: dict[str, int] = {}
        turn = np.empty(len(by_change), np.int64)
        for number, place in enumerate(by_change):
            turn[number] = seen[categories[place]] = seen.get(categories[place], -1) + 1
        by_change = by_change[np.argsort(turn, kind="stable")]
    changed = by_change[:n_changed]
    rest = order[~np.isin(order, changed)]
    return [(int(place), MOST_CHANGED) for place in changed] + [(int(place), AT_RANDOM) for place in rest[:n_random]]
