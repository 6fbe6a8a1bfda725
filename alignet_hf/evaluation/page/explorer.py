"""The triplets that a reader can look through: what people chose, how sure they were, what each model chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alignet_hf.data.levels_design import LEVELS
from alignet_hf.evaluation.page.photographs import Photographs, first_distinct
from alignet_hf.triplets import odd_one_out, triplet_similarities

MOST_TRIPLETS, MOST_PHOTOGRAPHS = 5000, 300
TIE = -1
# As in the Levels experiment, by the number of classes that a triplet's images are of.
_LEVEL_OF_CLASSES = {3: LEVELS[0], 1: LEVELS[1], 2: LEVELS[2]}


@dataclass(frozen=True)
class Explorer:
    """Triplets with everyone's choice. The photographs of a triplet stand in the order of the source, so that the odd
    one has no place of its own.

    Attributes:
        triplets: (n, 3) rows of the image source, ascending.
        odd: (n,) the position of people's odd one.
        shares: (n, 3) of people who chose each photograph as the odd one; None where the data do not tell.
        levels: (n,) one of `LEVELS` each; None where the classes are not known.
        choices: model -> (n,) the position that it chooses, -1 where its largest similarity is a tie.
        n_all: how many triplets there are, of which these are some.
    """

    triplets: np.ndarray
    odd: np.ndarray
    shares: np.ndarray | None
    levels: np.ndarray | None
    choices: dict[str, np.ndarray]
    n_all: int

    @property
    def level_names(self) -> list[str]:
        """Those of `LEVELS` that there are."""
        return [] if self.levels is None else [level for level in LEVELS if level in self.levels]

    def to_json(self, photographs: Photographs) -> dict:
        """For the page's script: a list a triplet, of numbers alone.

        `rows`: three photographs, people's odd position, three shares in per cent (or one null), the level's number (or
        null), each model's position.
        """
        levels, rows = self.level_names, []
        for place, triplet in enumerate(self.triplets.tolist()):
            shares = None if self.shares is None else [round(100 * share) for share in self.shares[place].tolist()]
            level = None if self.levels is None else levels.index(self.levels[place])
            chosen = [int(positions[place]) for positions in self.choices.values()]
            rows.append([[photographs.numbers[row] for row in triplet], int(self.odd[place]), shares, level, chosen])
        return {"labels": photographs.labels, "levels": levels, "models": list(self.choices), "rows": rows}


def sample(triplets: np.ndarray, seed: int) -> np.ndarray:
    """Which triplets a page shows, at random and of a bounded number of images: (k,) rows of `triplets`."""
    drawn = np.random.default_rng(seed).permutation(len(triplets))[: 40 * MOST_TRIPLETS]
    return drawn[first_distinct(triplets[drawn], MOST_PHOTOGRAPHS)][:MOST_TRIPLETS]


def explore(
    triplets: np.ndarray,
    representations: Mapping[str, np.ndarray],
    *,
    shares: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    n_all: int | None = None,
) -> Explorer:
    """Bring triplets into the order of their images, with each representation's choice.

    Args:
        triplets: (n, 3) rows of the image source, people's odd one last.
        representations: name -> (images, D), or a view that takes rows.
        shares: (n, 3) of people choosing each pair [ij, ik, jk] as the most similar.
        classes: of every image.
        n_all: how many triplets these are drawn from; by default these are all.
    """
    order = np.argsort(triplets, 1)
    shown = np.take_along_axis(triplets, order, 1)
    images, local = np.unique(triplets, return_inverse=True)
    local = local.reshape(-1, 3)
    choices = {}
    for name, embeddings in representations.items():
        similarities = triplet_similarities(np.asarray(embeddings[images]), local)
        chosen = np.argmax(order == odd_one_out(similarities)[:, None], 1)
        tied = (similarities == similarities.max(1, keepdims=True)).sum(1) > 1
        choices[name] = np.where(tied, TIE, chosen)
    levels = None
    if classes is not None:
        numbers = np.unique(classes, return_inverse=True)[1][shown]
        distinct = 1 + (np.diff(np.sort(numbers, 1), axis=1) > 0).sum(1)
        levels = np.array([_LEVEL_OF_CLASSES[number] for number in distinct.tolist()])
    if shares is not None:  # the pair jk leaves out i, ik leaves out j, ij leaves out k
        shares = np.take_along_axis(shares[:, ::-1], order, 1)
    return Explorer(shown, np.argmax(order == 2, 1), shares, levels, choices, len(triplets) if n_all is None else n_all)
