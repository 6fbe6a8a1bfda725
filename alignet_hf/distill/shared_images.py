"""Steps of listed triplets that share images, so that a step runs the student on fewer.

A step of T triplets in random order meets nearly 3T distinct images where there are many. Every epoch here has the same
triplets as a random one, in steps that meet about 2T, or far fewer where images are few: see `SharedImagesOrder`.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from alignet_hf.distill.steps import draw_rest, shuffle_steps

BLOCK = 2**20  # triplets looked up at once
CENTRES_MET = 4  # of an image, in the mean: but for one in fifty, all meet one


class SharedImagesOrder:
    """An epoch whose steps hold triplets that share images, other ones in every epoch; the steps come in random order.

    Where triplets are many for their images, images are dealt into G random groups, and a step holds triplets whose
    three images come from the same three groups: G^3 / 6 such *cells* of 3 N / G images hold all n triplets. Where a
    cell holds more than a step, it is cut along its first group.

    Where they are few (ten million on a million images: an image is in 23), no groups of images hold as many triplets
    as images. There random images are *centres*; every other one goes to a centre with which it shares a triplet. Such
    a *neighbourhood* is a tree of triplets: each brings two new images, as its third is there already. A triplet goes
    to the neighbourhood in which two of its images are, otherwise to that of any one of them.

    Args:
        triplets: (n_rows, 3) int, the images of every row.
        rows_a_step: T, of all processes and micro-batches together.
    """

    def __init__(self, triplets: np.ndarray, rows_a_step: int):
        is_used = np.zeros(int(triplets.max(initial=-1)) + 1, bool)
        is_used[triplets.reshape(-1)] = True
        self.images = np.flatnonzero(is_used)
        self.triplets = triplets
        self.rows_a_step = rows_a_step

    def __call__(self, seed: int) -> np.ndarray:
        """The rows of the epoch with this seed -> (n_rows,) int64."""
        rng = np.random.default_rng(seed)
        rows, rest = draw_rest(rng, len(self.triplets), self.rows_a_step)
        if not len(rows):
            return rest
        n_groups, in_cells = self._best_cells(len(rows))
        cells_pay = in_cells < 2 * self.rows_a_step
        keys = self._cells(rng, rows, n_groups) if cells_pay else self._neighbourhoods(rng, rows)
        rows = rows[np.argsort(keys, kind="stable")]
        return np.append(shuffle_steps(rng, rows, self.rows_a_step), rest)

    def _best_cells(self, n_triplets: int) -> tuple[int, float]:
        """How many groups make for the fewest distinct images a step, and how many these are with random triplets."""
        steps_in_all = max(n_triplets / self.rows_a_step, 1)
        n_groups = np.arange(1, max(round((6 * steps_in_all) ** (1 / 3)), 1) + 1)
        group = len(self.images) / n_groups
        steps_a_cell = np.maximum(6 * steps_in_all / n_groups**3, 1)
        distinct = sum(_expected_distinct(size, self.rows_a_step) for size in (group / steps_a_cell, group, group))
        best = distinct.argmin()
        return int(n_groups[best]), float(distinct[best])

    def _cells(self, rng: np.random.Generator, rows: np.ndarray, n_groups: int) -> np.ndarray:
        """The cell of each triplet and the place of its first image in it -> (len(rows),) int64."""
        n_images = len(self.images)
        place = self._per_image(rng.permutation(n_images))
        keys = np.empty(len(rows), np.int64)
        for block, triplets in self._blocks(rows):
            places = np.sort(place[triplets], axis=1)
            first, second, third = (places * n_groups // n_images).T
            keys[block] = ((first * n_groups + second) * n_groups + third) * n_images + places[:, 0]
        return keys

    def _neighbourhoods(self, rng: np.random.Generator, rows: np.ndarray) -> np.ndarray:
        """The place of each triplet's main image, neighbourhood after neighbourhood -> (len(rows),) int32."""
        home = self._homes(rng, rows)
        place = np.empty_like(home)
        place[np.lexsort((rng.random(len(home)), home))] = np.arange(len(home))
        rank = self._per_image(rng.permutation(len(self.images)).astype(np.int32))
        keys = np.empty(len(rows), np.int32)
        for block, triplets in self._blocks(rows):
            i, j, k = home[triplets].T
            ij, ik, jk = (i == j).astype(np.int8), (i == k).astype(np.int8), (j == k).astype(np.int8)
            # How many of the others are in each image's neighbourhood; the higher rank decides among equals.
            others_there = np.column_stack([ij + ik, ij + jk, ik + jk])
            main = (others_there * np.int64(len(rank)) + rank[triplets]).argmax(1)
            keys[block] = place[triplets[np.arange(len(triplets)), main]]
        return keys

    def _homes(self, rng: np.random.Generator, rows: np.ndarray) -> np.ndarray:
        """The neighbourhood of every image, by a random number -> int32, to look up by image."""
        n_images = len(self.images)
        met = 6 * len(rows) / n_images  # others that an image shares triplets with
        is_centre = self._per_image(rng.random(n_images) < CENTRES_MET / met)
        own = self._per_image(rng.permutation(n_images).astype(np.int32))
        home = own.copy()  # of a centre, and of an image that meets none
        for _, triplets in self._blocks(rows):
            for one, other in permutations(range(3), 2):
                centre, image = triplets[:, one], triplets[:, other]
                joins = is_centre[centre] & ~is_centre[image]
                home[image[joins]] = own[centre[joins]]
        return home

    def _blocks(self, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The triplets of rows, BLOCK at a time, and where they are among them."""
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            yield block, self.triplets[rows[block]]

    def _per_image(self, values: np.ndarray) -> np.ndarray:
        """Values of the images that occur -> values to look up by image."""
        found = np.zeros(int(self.images[-1]) + 1 if len(self.images) else 0, values.dtype)
        found[self.images] = values
        return found


def _expected_distinct(n: np.ndarray, draws: float) -> np.ndarray:
    """How many of n things `draws` random ones hit."""
    return n * -np.expm1(-draws / n)
