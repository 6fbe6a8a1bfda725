"""All triplets of a batch as cubes, made of three tiles of its (B, B) matrices of pairs each.

The images are cut into ranges of b, at most SIDE. Three ranges I <= J <= K hold the b^3 triplets (i, j, k), whose pairs
are in the tiles (I, J), (I, K) and (J, K): a function of the three pairs is one broadcast of (b, b, 1), (b, 1, b) and
(1, b, b), and its sums over all triplets of a pair are three sums over an axis. B images in n = B / b ranges make
n(n+1)(n+2)/6 cubes, hardly more places than triplets; as many cubes are worked at once as fit in BYTES.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

SIDE = 16
# A cube's bytes on the CPU, where it should stay in the cache, and elsewhere, where launches cost.
BYTES_ON_CPU, BYTES = 2**19, 2**23
# Of a pair that makes no triplet, among the numbers of labels shared: three pairs share at most 3.
NO_PAIR = 4


@dataclass(frozen=True)
class Cubes:
    """Some cubes of triplets (i, j, k).

    Attributes:
        tiles: which tiles hold the pairs (i, j), (i, k), (j, k): three of (n,).
        counts: (n, b, b, b), which triplets count; None: all of them.
    """

    tiles: tuple[Tensor, Tensor, Tensor]
    counts: Tensor | None

    def pairs(self, tiles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The values of the three pairs of each triplet, to be broadcast: (n, b, b, 1), (n, b, 1, b), (n, 1, b, b)."""
        ij, ik, jk = self.tiles
        return tiles[ij].unsqueeze(3), tiles[ik].unsqueeze(2), tiles[jk].unsqueeze(1)

    def total(self, tiles: Tensor) -> Tensor:
        """The sum of the three pairs' values: (n, b, b, b)."""
        ij, ik, jk = self.pairs(tiles)
        return (ij + ik).add_(jk)

    def counted(self, cubes: Tensor) -> Tensor:
        """`cubes` (n, b, b, b), changed in place: 0 for the triplets that do not count."""
        return cubes if self.counts is None else cubes.mul_(self.counts)

    def add_to_pair(self, number: int, sums: Tensor, cubes: Tensor):
        """Add to the tiles `sums`, for every pair, the values of its triplets in which it is pair `number` of three."""
        sums.index_add_(0, self.tiles[number], cubes.sum(3 - number))

    def add_to_pairs(self, sums: Tensor, cubes: Tensor):
        """Add to the tiles `sums`, for every pair, the values of all its triplets."""
        for number in range(3):
            self.add_to_pair(number, sums, cubes)


class Tiling:
    """The tiles of a batch's matrices of pairs.

    Args:
        n_images: at least 3.
        labels: (B,); images of one label get neighbouring places, so that in most cubes all triplets count, or none.
        sharing: how many pairs of a triplet that counts share a label: 0, 1 or 3; None: every triplet counts.
        device: where the matrices are.
    """

    def __init__(self, n_images: int, labels: Tensor | None, sharing: int | None, device: torch.device):
        self.n_images = n_images
        self.n_ranges = -(-n_images // SIDE)
        self.side = -(-n_images // self.n_ranges)
        self._sharing = sharing or 0
        self._order = torch.arange(n_images, device=device) if sharing is None else labels.argsort(stable=True)
        shared = torch.zeros(n_images, n_images, dtype=torch.uint8, device=device)
        if sharing is not None:
            shared = (labels[:, None] == labels).to(torch.uint8)
        shared = self.tiles(shared, padding=NO_PAIR)
        place = torch.arange(self.n_ranges * self.side, device=device).view(self.n_ranges, self.side)
        earlier = place[:, None, :, None] < place[None, :, None, :]
        self._shared = shared.masked_fill_(~earlier.flatten(0, 1), NO_PAIR)

    def tiles(self, matrix: Tensor, padding: float = 0) -> Tensor:
        """(B, B) -> (n_tiles, b, b); the places past the last image hold `padding`."""
        padded = matrix.new_full((self.n_ranges * self.side,) * 2, padding)
        padded[: self.n_images, : self.n_images] = matrix[self._order[:, None], self._order]
        split = padded.view(self.n_ranges, self.side, self.n_ranges, self.side)
        return split.transpose(1, 2).reshape(-1, self.side, self.side)

    def matrix(self, tiles: Tensor) -> Tensor:
        """(n_tiles, b, b) -> (B, B), the inverse of `tiles`."""
        split = tiles.view(self.n_ranges, self.n_ranges, self.side, self.side).transpose(1, 2)
        ordered = split.reshape((self.n_ranges * self.side,) * 2)[: self.n_images, : self.n_images]
        matrix = torch.empty_like(ordered)
        matrix[self._order[:, None], self._order] = ordered
        return matrix

    def cubes(self, dtype: torch.dtype) -> Iterator[Cubes]:
        """Every triplet that counts, once; `counts` is of `dtype`, which also says how many cubes fit in memory."""
        ranges = torch.combinations(torch.arange(self.n_ranges), 3, with_replacement=True)
        tiles = torch.stack([ranges[:, 0], ranges[:, 0], ranges[:, 1]]) * self.n_ranges + ranges[:, [1, 2, 2]].T
        fewest = self._shared.amin((1, 2)).cpu().int()[tiles].sum(0)
        most = self._shared.amax((1, 2)).cpu().int()[tiles].sum(0)
        some = (fewest <= self._sharing) & (most >= self._sharing)
        tiles, whole = tiles[:, some], (fewest == most)[some]
        device = self._shared.device
        n_bytes = BYTES_ON_CPU if device.type == "cpu" else BYTES
        at_once = max(n_bytes // (dtype.itemsize * self.side**3), 1)
        if len(whole) <= at_once:
            whole &= whole.all()  # one block costs less than two
        for of_whole in (True, False):
            for block in tiles[:, whole == of_whole].to(device).split(at_once, dim=1):
                cubes = Cubes(tuple(block), None)
                if block.numel():
                    yield cubes if of_whole else Cubes(cubes.tiles, self._counts(cubes, dtype))

    def _counts(self, cubes: Cubes, dtype: torch.dtype) -> Tensor:
        return (cubes.total(self._shared) == self._sharing).to(dtype)
