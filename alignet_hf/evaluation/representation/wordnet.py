"""The hierarchy of WordNet's nouns above ImageNet's classes: what is a kind of what.

It is no tree: a node may have several parents (a dog is a canine and a domestic animal).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation import wordnet_sources as sources


class Hierarchy:
    """What is a kind of what.

    Attributes:
        parents: node -> its parents; of a root (). Nodes of WordNet are ids such as n01440764.
        names: node -> its name, for those that have one.

    Raises:
        InputError: no node, or a node that is a kind of itself.
    """

    def __init__(self, parents: Mapping[str, Sequence[str]], names: Mapping[str, str] | None = None):
        self.parents = {node: tuple(above) for node, above in parents.items()}
        for above in list(self.parents.values()):
            for parent in above:
                self.parents.setdefault(parent, ())
        self.names = dict(names or {})
        if not self.parents:
            raise InputError("the hierarchy has no node")
        try:
            self._from_the_roots = tuple(TopologicalSorter(self.parents).static_order())
        except CycleError as error:
            raise InputError(
                f"the hierarchy has a node that is a kind of itself: {' < '.join(error.args[1])}"
            ) from error

    @classmethod
    def from_nltk(cls) -> "Hierarchy":
        """nltk's corpus "wordnet", which is WordNet 3.0: `nltk.download("wordnet")`."""
        return cls(*sources.read_nltk())

    @classmethod
    def from_folder(cls, folder: str | Path) -> "Hierarchy":
        """A folder of WordNet 3.0's database files, such as Debian's /usr/share/wordnet."""
        return cls(*sources.read_folder(folder))

    @classmethod
    def from_wn(cls, lexicon: str = "omw-en:1.4") -> "Hierarchy":
        """A lexicon of the package `wn`; this one is WordNet 3.0: `wn.download("omw-en:1.4")`."""
        return cls(*sources.read_wn(lexicon))

    @classmethod
    def from_is_a(cls, path: str | Path, names: str | Path | None = None) -> "Hierarchy":
        """A file of "parent child" lines, and perhaps one of "node<TAB>name" lines: see `wordnet_sources.read_is_a`."""
        return cls(*sources.read_is_a(path, names))

    @classmethod
    def open(cls, source: str | Path | None = None) -> "Hierarchy":
        """The hierarchy that a word names.

        Args:
            source: "nltk", "wn", a folder with data.noun, or a file of "parent child" lines; None for nltk's corpus or,
                where it is not installed, Debian's folder.

        Raises:
            InputError: there is none; the message says how to get it.
        """
        if source is None:
            source = sources.DEBIAN_FOLDER if sources.DEBIAN_FOLDER.is_dir() and not sources.has_nltk() else "nltk"
        if source == "nltk":
            return cls.from_nltk()
        if source == "wn":
            return cls.from_wn()
        if not Path(source).exists():
            raise InputError(
                f"{source}: no such file or folder; a hierarchy is nltk or wn, which have WordNet, a folder with its "
                "data.noun, or a file of 'parent child' lines"
            )
        return cls.from_folder(source) if Path(source).is_dir() else cls.from_is_a(source)

    def __len__(self) -> int:
        return len(self.parents)

    def __contains__(self, node: str) -> bool:
        return node in self.parents

    def name(self, node: str) -> str:
        """The first of its names; the node itself where it has none."""
        return self.names.get(node, node)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The nodes without a parent; of WordNet's nouns "entity" alone."""
        return tuple(node for node, above in self.parents.items() if not above)

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Node -> its children, in the order of `parents`; of a leaf ()."""
        below: dict[str, list[str]] = {node: [] for node in self.parents}
        for node, above in self.parents.items():
            for parent in above:
                below[parent].append(node)
        return {node: tuple(children) for node, children in below.items()}

    @cached_property
    def depths(self) -> dict[str, int]:
        """Node -> edges of its longest path to a root, so that whatever lies above it has a lesser depth."""
        depths: dict[str, int] = {}
        for node in self._from_the_roots:
            depths[node] = max((depths[parent] + 1 for parent in self.parents[node]), default=0)
        return depths

    def depth(self, node: str) -> int:
        """Edges of its longest path to a root."""
        self.require([node])
        return self.depths[node]

    def ancestors(self, node: str) -> dict[str, int]:
        """What it is a kind of, itself first -> edges of the shortest path up to each; nearest first."""
        self.require([node])
        return _steps_from(node, self.parents)

    def descendants(self, node: str) -> dict[str, int]:
        """Its kinds, itself first -> edges of the shortest path down to each; nearest first."""
        self.require([node])
        return _steps_from(node, self.children)

    def is_a(self, node: str, kind: str) -> bool:
        """Whether a node is a kind of another, or the same."""
        self.require([kind])
        return kind in self.ancestors(node)

    def leaves(self, node: str, among: Iterable[str] | None = None) -> list[str]:
        """The leaves under a node, itself where it is one.

        Args:
            among: classes, to be taken for the leaves: those of them under the node, in their order.
        """
        below = self.descendants(node)
        if among is not None:
            return [one for one in among if one in below]
        return [one for one in below if not self.children[one]]

    def hypernym_paths(self, node: str) -> list[tuple[str, ...]]:
        """Every path from a root down to the node, both included."""
        self.require([node])
        if not self.parents[node]:
            return [(node,)]
        return [(*path, node) for parent in self.parents[node] for path in self.hypernym_paths(parent)]

    def lowest_common_ancestor(self, first: str, second: str) -> str | None:
        """The deepest node that both are a kind of; of several the nearest to both; None where there is none."""
        above, others = self.ancestors(first), self.ancestors(second)
        common = [node for node in above if node in others]
        return min(common, key=lambda node: (-self.depths[node], above[node] + others[node], node), default=None)

    def path_distance(self, first: str, second: str) -> int | None:
        """Edges of the shortest path between two nodes through what both are a kind of; None where there is none."""
        above, others = self.ancestors(first), self.ancestors(second)
        return min((above[node] + others[node] for node in above if node in others), default=None)

    def require(self, nodes: Iterable[str]) -> None:
        """Refuse nodes that are not of the hierarchy."""
        missing = [node for node in nodes if node not in self.parents]
        if missing:
            others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise InputError(
                f"{missing[0]}{others} is not in the hierarchy of {len(self)} nodes; classes are named by WordNet 3.0 "
                "ids such as n01440764"
            )

    def path_distances(self, nodes: Sequence[str]) -> np.ndarray:
        """The `path_distance` of each pair -> (C, C) float64; inf where there is none."""
        distances = np.full((len(nodes), len(nodes)), np.inf)
        for rows, steps in self._under_each_ancestor(nodes).values():
            among = np.ix_(rows, rows)
            distances[among] = np.minimum(distances[among], steps[:, None] + steps)
        return distances

    def heights(self, nodes: Sequence[str]) -> np.ndarray:
        """The height of what each pair has in common -> (C, C) float64; inf where there is nothing.

        The height of a node is that of the tree above these nodes: the edges of the longest path down to any of them
        (Deng et al. 2010, https://doi.org/10.1007/978-3-642-15555-0_6). Of the common ancestors the lowest counts. It
        is what cophenetic distances are of a dendrogram: no step within a subtree is longer than the way out of it.
        """
        height: dict[str, int] = dict.fromkeys(nodes, 0)
        under = self._under_each_ancestor(nodes)
        for node in reversed(self._from_the_roots):
            if node in under:
                for parent in self.parents[node]:
                    height[parent] = max(height.get(parent, 0), height[node] + 1)
        distances = np.full((len(nodes), len(nodes)), np.inf)
        for node, (rows, _) in under.items():
            among = np.ix_(rows, rows)
            distances[among] = np.minimum(distances[among], height[node])
        np.fill_diagonal(distances, 0)
        return distances

    def _under_each_ancestor(self, nodes: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Ancestor -> the rows of `nodes` that are kinds of it, and their steps up to it."""
        self.require(nodes)
        under: dict[str, tuple[list[int], list[int]]] = {}
        for row, node in enumerate(nodes):
            for ancestor, steps in self.ancestors(node).items():
                rows, all_steps = under.setdefault(ancestor, ([], []))
                rows.append(row)
                all_steps.append(steps)
        return {node: (np.array(rows), np.array(steps)) for node, (rows, steps) in under.items()}


def _steps_from(node: str, edges: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    steps = {node: 0}
    front = [node]
    while front:
        further = []
        for one in front:
            for other in edges[one]:
                if other not in steps:
                    steps[other] = steps[one] + 1
                    further.append(other)
        front = further
    return steps
