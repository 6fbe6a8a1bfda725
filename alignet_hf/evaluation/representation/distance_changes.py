"""How alignment changes the distances of pairs of images, by what they have in common (Sec. 2.3 and B.3.2).

The change of a pair is its distance after, less that before, z-scored over all pairs: what matters is which pairs moved
closer together than others. The scale of an encoder has no meaning either, but the paper's z-score does not undo it: of
an encoder that only grew, near pairs seem to have moved closer together than others, as if it had been aligned. With
`scaled=True` each encoder's distances are divided by their mean first; report both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError, UndefinedScoreError
from alignet_hf.evaluation.representation.block_structure import block_structure
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.distances import Distances, pair_sums
from alignet_hf.evaluation.representation.hierarchy import checked_labels, drawn_images
from alignet_hf.evaluation.statistics import Result, bootstrap_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = ("same_basic", "same_superordinate", "different_superordinate")
UNITS = ("classes", "images")
MIN_IMAGES = 4  # with a category
BLOCK = 512  # rows of distances at a time
ROUNDING = 1e-20  # a variance of changes, where the mean distance is 1, that is none


@dataclass(frozen=True)
class DistanceChanges:
    """Z-scored changes of the distances of pairs of images.

    Attributes:
        results: "distance_change/" (where they are scaled, "scaled_distance_change/") and a level of `LEVELS` -> the
            mean change of its pairs, below 0 where they moved closer together than pairs do on average; and
            "distance_change/block_structure". A level without pairs has none.
        samples: level -> the changes of pairs drawn at random, for a figure of their distribution.
        matrix: (K, K) the mean change of pairs of two basic categories; nan where there are no pairs.
        categories: whose `basic` are the K rows.
        n_images: with a category, that were compared.
        scaled: whether each encoder's distances were divided by their mean first.
    """

    results: dict[str, Result]
    samples: dict[str, np.ndarray] = field(repr=False, compare=False)
    matrix: np.ndarray = field(repr=False, compare=False)
    categories: Categories = field(repr=False, compare=False)
    n_images: int
    scaled: bool = False

    def of_level(self, level: str) -> Result | None:
        """The mean change at a level of `LEVELS`; None where there is no pair of it."""
        return self.results.get(f"{_kind(self.scaled)}/{level}")

    def draw_levels(self) -> "Figure":
        """The distribution of changes at each level, as in Fig. 3D and 21."""
        from alignet_hf.evaluation.representation.hierarchy_figures import level_densities

        return level_densities({"": self})

    def draw_matrix(self) -> "Figure":
        """The changes between basic categories, as in Fig. 3E and 22."""
        from alignet_hf.evaluation.representation.hierarchy_figures import category_matrix

        return category_matrix(self)


def distance_changes(
    before,
    after,
    labels: Sequence[str],
    categories: Categories,
    *,
    distance: str = "euclidean",
    scaled: bool = False,
    over: str = "classes",
    n_images: int | None = 4000,
    n_samples: int = 10_000,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    seed: int = 0,
) -> DistanceChanges:
    """Compare the distances of two encoders, or of one before and after, over pairs of images with a category.

    All pairs of `n_images` images count, none is sampled; of more images so many are drawn at random. The draws of an
    interval are the same for every encoder with one seed and the same labels; a draw is z-scored anew.

    distance_change/same_basic: the mean change of pairs of the same basic category.
    distance_change/same_superordinate: of the same superordinate one, but not the same basic one.
    distance_change/different_superordinate: of different superordinate ones.
    distance_change/block_structure: of the matrix of basic categories, the mean entry between superordinate categories,
        less that within one, off the diagonal: above 0 where superordinate categories are blocks that moved together.
        Every pair of categories counts once, however many images it has. Drawn over basic categories; its p-value is
        that of superordinate categories exchanged among the basic ones.

    Args:
        before: (N, D) float, one row an image.
        after: (N, D') float, the same images.
        labels: (N,) str, the class of each; images whose class has no category are left out.
        categories: of the classes.
        distance: "euclidean" or "cosine".
        scaled: whether each encoder's distances are divided by their mean first (see above); the names of such results
            begin with "scaled_".
        over: "classes" or "images", what was drawn from the world: images of a class share what is peculiar to it, so
            an interval over images is that for these classes alone.
        n_images: at most so many; None for all: time grows with their square, and over images memory too.
        n_samples: pairs of each level for the figure, at most; drawn with replacement.
        n_bootstrap, n_permutations: draws and exchanges; 0 for none.
        seed: of everything drawn.

    Raises:
        InputError: numbers of rows that differ; fewer than four images with a category; another distance or unit.
        UndefinedScoreError: every pair's distance changed equally, so there is no z-score.
    """
    if over not in UNITS:
        raise InputError(f"over is {over!r}; it must be one of {', '.join(UNITS)}")
    if len(before) != len(after):
        raise InputError(f"{len(before)} embeddings before and {len(after)} after; they must be of the same images")
    labels = checked_labels(labels, len(before))
    with_category = np.flatnonzero(categories.codes(labels)[0] >= 0)
    if len(with_category) < MIN_IMAGES:
        raise InputError(
            f"{len(with_category)} of {len(labels)} images have a category, four are needed; give a table of classes "
            "with their basic and superordinate categories"
        )
    rows = with_category[drawn_images(len(with_category), n_images, seed)]
    basic, superordinate = categories.codes(labels[rows])
    order = np.lexsort((labels[rows], basic, superordinate))  # so that a category, and a class, is a run of rows
    rows, basic, superordinate = rows[order], basic[order], superordinate[order]
    first = np.append(True, labels[rows][1:] != labels[rows][:-1]) if over == "classes" else np.ones(len(rows), bool)
    changes = _Changes(np.asarray(before[rows]), np.asarray(after[rows]), distance, scaled)
    units = _Units.of(changes, np.flatnonzero(first), basic[first], superordinate[first])

    samples = units.level_means(bootstrap_counts(units.size, n_bootstrap, seed))
    estimates = units.level_means(np.ones((1, units.size)))[:, 0]
    kind = _kind(scaled)
    results = [
        Result.from_samples(f"{kind}/{level}", estimate, drawn, 0.0, units.size, unit=over, over=(over,))
        for level, estimate, drawn in zip(LEVELS, estimates, samples, strict=True)
        if not np.isnan(estimate)
    ]
    matrix = units.matrix(len(categories.basic))
    groups = categories.superordinate_rows[:-1]
    blocks = block_structure(
        f"{kind}/block_structure", matrix, groups, n_bootstrap=n_bootstrap, n_permutations=n_permutations, seed=seed
    )
    results += [] if blocks is None else [blocks]
    mean, deviation = units.moments()
    drawn = {
        level: (values - mean) / deviation
        for level, values in _sampled(changes, basic, superordinate, n_samples, seed).items()
    }
    return DistanceChanges({one.name: one for one in results}, drawn, matrix, categories, len(rows), scaled)


def _kind(scaled: bool) -> str:
    """What the names of results begin with."""
    return "scaled_distance_change" if scaled else "distance_change"


class _Changes:
    """Distance after, less distance before, in blocks of rows and for single pairs."""

    def __init__(self, before: np.ndarray, after: np.ndarray, distance: str, scaled: bool):
        self.before = Distances(before, distance, "embeddings before")
        self.after = Distances(after, distance, "embeddings after")
        before, after = (self._mean(one) for one in (self.before, self.after))
        if not (before and after):
            raise UndefinedScoreError("all images lie in one place, before or after; the model has collapsed")
        self.scales = (before, after if scaled else before)  # a scale of both is none of their z-score

    def __len__(self) -> int:
        return len(self.before)

    @staticmethod
    def _mean(distances: Distances) -> float:
        n = len(distances)
        return sum(distances.block(start, min(start + BLOCK, n)).sum() for start in range(0, n, BLOCK)) / (n * (n - 1))

    def block(self, start: int, stop: int) -> np.ndarray:
        changes = self.after.block(start, stop)
        changes /= self.scales[1]
        before = self.before.block(start, stop)
        before /= self.scales[0]
        changes -= before
        return changes

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        after, before = self.after.of_pairs(first, second), self.before.of_pairs(first, second)
        return after / self.scales[1] - before / self.scales[0]


@dataclass(frozen=True)
class _Units:
    """Sums over the pairs of images of two units, a unit being a class or an image; units of a category are a run.

    Attributes:
        sizes: (U,) images of each.
        sums, squares: (U, U) of the changes, and of their squares, of pairs of one image in each; on the diagonal, of
            the pairs within a unit.
        basic, superordinate: (U,) the category of each.
    """

    sizes: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    basic: np.ndarray
    superordinate: np.ndarray

    @classmethod
    def of(cls, changes: _Changes, starts: np.ndarray, basic: np.ndarray, superordinate: np.ndarray) -> "_Units":
        n, size = len(changes), len(starts)
        sums, squares = np.zeros((size, size)), np.zeros((size, size))
        unit = np.searchsorted(starts, np.arange(n), "right") - 1
        for start in range(0, n, BLOCK):
            stop = min(start + BLOCK, n)
            block = changes.block(start, stop)
            rows = unit[start:stop]
            of_block = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
            for total, values in ((sums, block), (squares, np.square(block))):
                by_column = values if size == n else np.add.reduceat(values, starts, axis=1)
                total[rows[of_block]] += np.add.reduceat(by_column, of_block, axis=0)
        for total in (sums, squares):
            total[np.diag_indices(size)] /= 2  # a pair within a unit was met twice
        return cls(np.diff(np.append(starts, n)), sums, squares, basic, superordinate)

    @property
    def size(self) -> int:
        return len(self.sizes)

    def moments(self) -> tuple[float, float]:
        """Mean and deviation of the changes of all pairs."""
        mean, deviation = self._moments(np.ones((1, self.size)))
        return float(mean[0]), float(deviation[0])

    def _moments(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_pairs = self._pairs(counts, np.zeros(self.size, int))
        mean, square = (
            (pair_sums(one, counts) + counts @ one.diagonal()) / n_pairs for one in (self.sums, self.squares)
        )
        variance = square - mean**2
        return mean, np.sqrt(np.where(variance > ROUNDING, variance, np.nan))

    def _pairs(self, counts: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """How many pairs of images have the same code under each draw; two copies of a unit are no pair."""
        images = counts * self.sizes
        starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        of_code = np.add.reduceat(images, starts, axis=1)
        return ((of_code**2).sum(1) - (images**2).sum(1)) / 2 + counts @ (self.sizes * (self.sizes - 1) / 2)

    def level_means(self, counts: np.ndarray) -> np.ndarray:
        """The mean z-scored change at each level -> (3, m); nan where a draw has no pair of the level.

        Raises:
            UndefinedScoreError: all changes are equal.
        """
        mean, deviation = self._moments(counts)
        within = counts @ self.sums.diagonal()
        nested = [(self.basic, None), (self.superordinate, None), (np.zeros(self.size, int), mean)]
        sums, n_pairs = [np.zeros(len(counts))], [np.zeros(len(counts))]
        for codes, known_mean in nested:
            pairs = self._pairs(counts, codes)
            if known_mean is None:
                groups = np.split(np.arange(self.size), np.flatnonzero(codes[1:] != codes[:-1]) + 1)
                sums.append(pair_sums(self.sums, counts, groups) + within)
            else:
                sums.append(known_mean * pairs)
            n_pairs.append(pairs)
        if len(counts) and np.isnan(deviation).all():
            raise UndefinedScoreError("the distance of every pair changed equally: before and after are the same")
        with np.errstate(invalid="ignore", divide="ignore"):
            return (np.diff(sums, axis=0) / np.diff(n_pairs, axis=0) - mean) / deviation

    def matrix(self, n_basic: int) -> np.ndarray:
        """The mean z-scored change of pairs of two basic categories -> (K, K), nan without pairs."""
        of_category = np.zeros((n_basic, self.size))
        of_category[self.basic, np.arange(self.size)] = 1
        within = of_category @ self.sums.diagonal()
        sums = of_category @ self.sums @ of_category.T
        sums[np.diag_indices(n_basic)] = (sums.diagonal() + within) / 2
        images = of_category @ self.sizes
        n_pairs = np.outer(images, images)
        n_pairs[np.diag_indices(n_basic)] = images * (images - 1) / 2
        mean, deviation = self.moments()
        with np.errstate(invalid="ignore", divide="ignore"):
            return (sums / n_pairs - mean) / deviation


def _sampled(
    changes: _Changes, basic: np.ndarray, superordinate: np.ndarray, n_samples: int, seed: int
) -> dict[str, np.ndarray]:
    """Changes of pairs of each level, drawn at random from all pairs; at most so many of each."""
    rng = np.random.default_rng((seed, 2))
    first, second = rng.integers(len(basic), size=(2, 32 * n_samples))
    level = np.where(superordinate[first] != superordinate[second], 2, np.where(basic[first] != basic[second], 1, 0))
    level[first == second] = -1
    drawn = {name: np.flatnonzero(level == row)[:n_samples] for row, name in enumerate(LEVELS)}
    return {name: changes.of_pairs(first[pairs], second[pairs]) for name, pairs in drawn.items()}
