"""Nearest neighbours of a page: of some photographs, what people and each model find most like them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alignet_hf.evaluation.representation.categories import NO_CATEGORY
from alignet_hf.evaluation.representation.neighbour_figure import named_categories
from alignet_hf.evaluation.representation.neighbour_pages import (
    AT_RANDOM,
    MOST_CHANGED,
    neighbour_page,
    neighbours_of,
    same_category_neighbours,
)
from alignet_hf.evaluation.representation.similarity import sampled_rows
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.vision.accuracy import mean_over_images

N_NEIGHBOURS = 5
N_QUERIES = {AT_RANDOM: 12, MOST_CHANGED: 6}
MAX_SEARCHED = 2000


@dataclass(frozen=True)
class Mark:
    """What a page marks on a neighbour.

    Attributes:
        new: whether the other representation did not have it.
        same: whether it is of the query's superordinate category; None where that is not known.
        shared: whether it is among people's own.
    """

    new: bool = False
    same: bool | None = None
    shared: bool = False

    @property
    def spoken(self) -> str:
        """For those who do not see the marks; empty without one."""
        said = ["among people's own"] if self.shared else []
        if self.same is not None:
            said.append("of the query's category" if self.same else "of another category")
        return ", ".join([*said, "new"] if self.new else said)


@dataclass(frozen=True)
class Neighbours:
    """For each query and each representation the most similar photographs, the most similar first.

    Attributes:
        queries: (q,) rows of the image source.
        chosen: why each is shown, "at random" or "most changed".
        found: representation -> (q, k) rows of the image source; people's own come first where they are known.
        people: the name of people's own in `found`; None where they are not known.
        scores: measure -> representation -> its score over every photograph searched for, in common draws.
        n_bank: how many photographs the neighbours were found among.
        names: row -> its class in words, where a page shows it beneath the photograph.
        categories: row -> its superordinate category; empty where that is not known.
        new: representation -> (q, k) bool, which neighbours the other did not have.
    """

    queries: np.ndarray
    chosen: list[str]
    found: dict[str, np.ndarray]
    people: str | None
    scores: dict[str, dict[str, Result]]
    n_bank: int
    names: dict[int, str] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=dict)
    new: dict[str, np.ndarray] = field(default_factory=dict)

    def rows(self) -> np.ndarray:
        """Every photograph that is shown."""
        return np.unique(np.concatenate([self.queries, *map(np.ravel, self.found.values())]))

    def places(self, why: str) -> list[int]:
        """The queries that are shown for a reason, as places in `queries`."""
        return [place for place, one in enumerate(self.chosen) if one == why]

    def marks(self, name: str, place: int) -> list["Mark"]:
        """What a page marks on each neighbour of a query."""
        rows = self.found[name][place].tolist()
        new = self.new[name][place].tolist() if name in self.new else [False] * len(rows)
        if self.people is not None:
            shared = self.shared(name)[place].tolist() if name != self.people else [False] * len(rows)
            return [Mark(shared=one) for one in shared]
        wanted = self.categories.get(int(self.queries[place]), NO_CATEGORY)
        of_rows = (self.categories.get(row, NO_CATEGORY) for row in rows)
        same = [None if NO_CATEGORY in (one, wanted) else one == wanted for one in of_rows]
        return [Mark(*both) for both in zip(new, same, strict=True)]

    @property
    def key(self) -> str:
        """What the marks mean, in sentences; empty without marks."""
        if self.people is not None:
            return "A tick and a frame mark a model's neighbour that is among people's own."
        said = []
        if self.categories:
            said.append(
                "A tick and green letters: of the query's superordinate category"
                f"{named_categories(list(self.categories.values()))}; orange letters: of another. The letters are the "
                "class."
            )
        if self.new:
            before, after = self.found
            said.append(f"A blue frame: a neighbour under {after} that is none under {before}.")
        return " ".join(said)

    def shared(self, name: str) -> np.ndarray:
        """(q, k) bool: which of a representation's neighbours are among people's own."""
        return _shared(self.found[name], self.found[self.people])


def kept_neighbours(page: dict, names: Mapping[int, str]) -> Neighbours:
    """The neighbours before and after that `read_neighbours` gives; people's own are not known, and the scores are
    among those of the folder."""
    queries, k = page["queries"], page["k"]
    before, after = (np.array([one[when] for one in queries], np.int64).reshape(-1, k) for when in ("before", "after"))
    titles = {when: page["titles"].get(when, when) for when in ("before", "after")}
    new = ~_shared(after, before)
    return Neighbours(
        np.array([one["query"] for one in queries]),
        [one["chosen"] for one in queries],
        {titles["before"]: before, titles["after"]: after},
        None,
        {"of the same category": {}} if page["same_category"] else {},
        page["n_images"],
        dict(names),
        page["categories"],
        {titles["before"]: np.zeros_like(new), titles["after"]: new},
    )


def find_neighbours(
    bank: np.ndarray,
    representations: Mapping[str, np.ndarray],
    *,
    people: np.ndarray | None = None,
    people_name: str = "people",
    classes: Sequence[str] | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Neighbours:
    """The nearest neighbours of some photographs among all of a bank: some drawn at random, and of two representations,
    before and after, those whose neighbours changed most.

    Args:
        bank: (n,) rows of the image source.
        representations: name -> (n, D) embeddings of the bank; similarity is the cosine.
        people: (n, n) how alike people find them.
        classes: (n,) of the bank; None where they are not known, or tell all of them apart.
        n_bootstrap: draws of photographs for the scores.
        seed: of which photographs are shown, and of the draws.

    Raises:
        InputError: a representation that is zero somewhere, or not finite.
    """
    k = min(N_NEIGHBOURS, len(bank) - 1)
    searched = sampled_rows(len(bank), MAX_SEARCHED, seed)
    found = {name: neighbours_of(embeddings, searched, k)[0] for name, embeddings in representations.items()}
    if people is not None:
        found = {people_name: _largest(people[searched], searched, k)} | found
    draws = {"n_bootstrap": n_bootstrap, "seed": seed}
    scores = {}
    if people is not None:
        scores["people's neighbours"] = {
            name: _found_by_people(one, found[people_name], len(bank), draws)
            for name, one in found.items()
            if name != people_name
        }
    if classes is not None:
        scores["of the same category"] = {
            name: same_category_neighbours(one, searched, classes, **draws) for name, one in found.items()
        }
    shown = _chosen(representations, classes, k, seed)
    places = np.searchsorted(searched, [query for query, _ in shown])
    return Neighbours(
        bank[searched[places]],
        [why for _, why in shown],
        {name: bank[one[places]] for name, one in found.items()},
        None if people is None else people_name,
        scores,
        len(bank),
    )


def _chosen(representations: Mapping[str, np.ndarray], classes, k: int, seed: int) -> list[tuple[int, str]]:
    """The queries, each with why it is shown; of one representation none has changed."""
    before, *others = representations.values()
    page = neighbour_page(
        before,
        others[-1] if others else before,
        classes,
        k=k,
        n_changed=N_QUERIES[MOST_CHANGED] if others else 0,
        n_random=N_QUERIES[AT_RANDOM],
        max_searched=MAX_SEARCHED,
        n_bootstrap=0,
        seed=seed,
    )
    return [(query.query, query.chosen) for query in page.queries]


def _found_by_people(found: np.ndarray, people: np.ndarray, n_bank: int, draws: dict) -> Result:
    """The mean share of people's own neighbours among those found; chance is that of neighbours drawn at random."""
    k = found.shape[1]
    name = f"share of people's {k} neighbours"
    return mean_over_images(name, _shared(found, people).mean(1), chance=k / (n_bank - 1), **draws)


def _shared(found: np.ndarray, people: np.ndarray) -> np.ndarray:
    return (found[:, :, None] == people[:, None, :]).any(2)


def _largest(similarities: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """(q, n) -> (q, k) columns of the largest of each row, without the query's own."""
    similarities = similarities.astype(np.float64)
    similarities[np.arange(len(queries)), queries] = -np.inf
    return np.argsort(-similarities, 1, kind="stable")[:, :k]
