"""The triplets that a reader can look through: what people chose, how sure they were, what each model chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alignet_hf.data.levels_design import LEVELS
from alignet_hf.evaluation.human.odd_one_out import model_similarities
from alignet_hf.evaluation.human.similarity import TIE as ROUNDING
from alignet_hf.evaluation.page.photographs import Photographs, first_distinct
from alignet_hf.triplets import odd_one_out

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
        shares: (n, 3) of people who chose each photograph as the odd one, NaN of a triplet of which the data do not
            tell; None where they tell of none.
        levels: (n,) one of `LEVELS` each, "" where it is not known; None where none is.
        choices: model -> (n,) the position that it chooses, -1 where its largest similarity is a tie.
        n_all: how many triplets there are, of which these are some.
        sets: (n,) which judgments each is of; None where there is one set alone.
    """

    triplets: np.ndarray
    odd: np.ndarray
    shares: np.ndarray | None
    levels: np.ndarray | None
    choices: dict[str, np.ndarray]
    n_all: int
    sets: np.ndarray | None = None

    @property
    def level_names(self) -> list[str]:
        """Those of `LEVELS` that there are."""
        return [] if self.levels is None else [level for level in LEVELS if level in self.levels]

    def to_json(self, photographs: Photographs) -> dict:
        """For the page's script: a list a triplet, of numbers alone.

        `rows`: three photographs, people's odd position, three shares in per cent (or one null), the level's number (or
        null), each model's position, the number of the set of judgments (or null).
        """
        levels, rows = self.level_names, []
        sets = [] if self.sets is None else list(dict.fromkeys(self.sets.tolist()))
        for place, triplet in enumerate(self.triplets.tolist()):
            shares = level = None
            if self.shares is not None and not np.isnan(self.shares[place, 0]):
                shares = [round(100 * share) for share in self.shares[place].tolist()]
            if self.levels is not None and self.levels[place]:
                level = levels.index(self.levels[place])
            chosen = [int(positions[place]) for positions in self.choices.values()]
            of_set = None if self.sets is None else sets.index(self.sets[place])
            numbers = [photographs.numbers[row] for row in triplet]
            rows.append([numbers, int(self.odd[place]), shares, level, chosen, of_set])
        named = {"labels": photographs.labels, "levels": levels, "models": list(self.choices), "sets": sets}
        return named | {"rows": rows}


def sample(triplets: np.ndarray, seed: int, n_sets: int = 1) -> np.ndarray:
    """Which triplets a page shows, at random and of a bounded number of images: (k,) rows of `triplets`.

    Args:
        n_sets: how many sets of triplets share the page; each has as much room as the others.
    """
    most = MOST_TRIPLETS // n_sets
    drawn = np.random.default_rng(seed).permutation(len(triplets))[: 40 * most]
    return drawn[first_distinct(triplets[drawn], MOST_PHOTOGRAPHS // n_sets)][:most]


def explore(
    triplets: np.ndarray,
    representations: Mapping[str, np.ndarray],
    *,
    shares: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    n_all: int | None = None,
    similarity: str = "dot",
) -> Explorer:
    """Bring triplets into the order of their images, with each representation's choice.

    Args:
        triplets: (n, 3) rows of the image source, people's odd one last.
        representations: name -> (images, D), or a view that takes rows.
        shares: (n, 3) of people choosing each pair [ij, ik, jk] as the most similar.
        classes: of every image.
        n_all: how many triplets these are drawn from; by default these are all.
        similarity: of the representations: "dot", "cosine" or "pearson".
    """
    order = np.argsort(triplets, 1)
    shown = np.take_along_axis(triplets, order, 1)
    images, local = np.unique(triplets, return_inverse=True)
    local = local.reshape(-1, 3)
    choices = {}
    for name, embeddings in representations.items():
        similarities = model_similarities(np.asarray(embeddings[images]), local, similarity)
        chosen = np.argmax(order == odd_one_out(similarities)[:, None], 1)
        tied = (similarities >= similarities.max(1, keepdims=True) - ROUNDING[similarity]).sum(1) > 1
        choices[name] = np.where(tied, TIE, chosen)
    levels = None
    if classes is not None:
        numbers = np.unique(classes, return_inverse=True)[1][shown]
        distinct = 1 + (np.diff(np.sort(numbers, 1), axis=1) > 0).sum(1)
        levels = np.array([_LEVEL_OF_CLASSES[number] for number in distinct.tolist()])
    if shares is not None:  # the pair jk leaves out i, ik leaves out j, ij leaves out k
        shares = np.take_along_axis(shares[:, ::-1], order, 1)
    return Explorer(shown, np.argmax(order == 2, 1), shares, levels, choices, len(triplets) if n_all is None else n_all)
