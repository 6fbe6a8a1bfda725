"""BREEDS: tasks whose training and test images are of the same superclasses, but of other classes under them.

Santurkar, Tsipras & Madry 2020 (https://arxiv.org/abs/2008.04859). A superclass is a node of a hierarchy above
ImageNet's classes; its classes, the subclasses here, are divided into those of the source, which a read-out learns
from, and those of the target. Wolves are learnt from the coyote and the red wolf, and tested on the timber wolf and the
white wolf.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.wordnet import Hierarchy

ENTITY, LIVING, NONLIVING = "n00001740", "n00004258", "n00021939"  # of WordNet: entity, living thing, artifact
SPLITS = ("rand", "good", "bad")
SEED = 2  # of the published splits


@dataclass(frozen=True)
class SuperclassTask:
    """Superclasses, and which of their classes are learnt from and which tested on.

    Attributes:
        name: such as living17.
        superclasses: nodes of the hierarchy, in the order of their ids.
        names: of the superclasses.
        source: of each superclass the classes that a read-out is trained on.
        target: as many others.
    """

    name: str
    superclasses: tuple[str, ...]
    names: tuple[str, ...]
    source: tuple[tuple[str, ...], ...]
    target: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.superclasses)

    @property
    def classes(self) -> set[str]:
        """All that images are needed of."""
        return {name for halves in (self.source, self.target) for names in halves for name in names}


@dataclass(frozen=True)
class Published:
    """What makes one of the four published tasks: nodes of a level under a node, with classes enough."""

    level: int
    n_subclasses: int
    under: str
    n_superclasses: int


BREEDS = {
    "entity13": Published(level=3, n_subclasses=20, under=ENTITY, n_superclasses=13),
    "entity30": Published(level=4, n_subclasses=8, under=ENTITY, n_superclasses=30),
    "living17": Published(level=5, n_subclasses=4, under=LIVING, n_superclasses=17),
    "nonliving26": Published(level=5, n_subclasses=4, under=NONLIVING, n_superclasses=26),
}
# All that living17 needs of BREEDS' hierarchy: under each of these, WordNet has the same classes of ImageNet.
LIVING17 = {
    "n01629276": "salamander",
    "n01662784": "turtle",
    "n01674464": "lizard",
    "n01726692": "snake",
    "n01772222": "spider",
    "n01795088": "grouse",
    "n01816887": "parrot",
    "n01976957": "crab",
    "n02084071": "dog",
    "n02114100": "wolf",
    "n02118333": "fox",
    "n02121808": "domestic cat",
    "n02131653": "bear",
    "n02164464": "beetle",
    "n02274259": "butterfly",
    "n02470325": "ape",
    "n02484322": "monkey",
}


def breeds_tasks(
    hierarchy: str | Path | Hierarchy,
    *,
    split: str = "rand",
    seed: int = SEED,
    classes: Sequence[str] | None = None,
) -> dict[str, SuperclassTask]:
    """The four tasks of BREEDS: entity13, entity30, living17 and nonliving26.

    Their superclasses are levels of a hierarchy that the authors made of WordNet's by hand, by moving nodes and putting
    in others. Its files are theirs: https://github.com/MadryLab/BREEDS-Benchmarks, folder
    imagenet_class_hierarchy/modified. With them and the seed given here, the tasks are the published ones.
    WordNet's own levels are others. Of it living17 alone can be made, whose superclasses are nodes of WordNet and have
    the same classes there; it is then the only task, and with split "rand" the published one.

    Args:
        hierarchy: a folder with class_hierarchy.txt, and perhaps node_names.txt and dataset_class_info.json; or what
            `Hierarchy.open` opens; or a Hierarchy.
        split: "rand" divides the classes of a superclass at random; "good" puts similar ones, those under one child of
            it, on both sides; "bad" puts them on one side.
        seed: of the random split.
        classes: that there are images of, to be told at once where a task needs others. The tasks do not depend on
            them: they are made from ImageNet's 1,000, or what dataset_class_info.json lists.

    Raises:
        InputError: a file that cannot be read, another split, a hierarchy that has not the published superclasses, or a
            class of a task that is not among `classes`.
    """
    listed = None
    if not isinstance(hierarchy, Hierarchy):
        hierarchy, listed = open_breeds(hierarchy)
    tasks = _published_tasks(hierarchy, listed or list(imagenet_classes()), split, seed)
    for task in tasks.values():
        if classes is not None and (missing := task.classes - set(classes)):
            raise InputError(
                f"{task.name}: there are no images of {min(missing)} ({len(missing)} of the task's {len(task.classes)} "
                "classes have none); give those of all of ImageNet, or leave BREEDS out"
            )
    return tasks


def _published_tasks(hierarchy: Hierarchy, classes: Sequence[str], split: str, seed: int) -> dict[str, SuperclassTask]:
    if hierarchy.parents.get(NONLIVING) != (ENTITY,):  # WordNet's own, where it is three levels below
        found = subclasses_of(hierarchy, LIVING17, classes)
        few = BREEDS["living17"].n_subclasses
        return {"living17": make_task("living17", hierarchy, found, few, split=split, seed=seed)}
    tasks = {}
    for name, published in BREEDS.items():
        found = superclasses_at_level(
            hierarchy, published.level, published.n_subclasses, classes, under=published.under
        )
        if len(found) != published.n_superclasses:
            raise InputError(
                f"{name}: the hierarchy has {len(found)} superclasses of {published.n_subclasses} classes or more on "
                f"level {published.level}, where {published.n_superclasses} were published; give the files of "
                "imagenet_class_hierarchy/modified as they are"
            )
        tasks[name] = make_task(name, hierarchy, found, published.n_subclasses, split=split, seed=seed)
    return tasks


def open_breeds(path: str | Path) -> tuple[Hierarchy, list[str] | None]:
    """The hierarchy of BREEDS' folder or of another source, and the classes that dataset_class_info.json lists.

    Raises:
        InputError: a file that cannot be read.
    """
    edges, names, info = (Path(path, f) for f in ("class_hierarchy.txt", "node_names.txt", "dataset_class_info.json"))
    if not edges.is_file():
        return Hierarchy.open(path), None
    hierarchy = Hierarchy.from_is_a(edges, names if names.is_file() else None)
    return hierarchy, _listed_classes(info) if info.is_file() else None


def superclasses_at_level(
    hierarchy: Hierarchy, level: int, n_subclasses: int, classes: Iterable[str], *, under: str = ENTITY
) -> dict[str, list[str]]:
    """Node -> its classes, in the order of their ids, of every node on a level that has enough of them.

    Args:
        level: edges of the longest path from the root.
        n_subclasses: the least number of classes.
        classes: of the images; those that the hierarchy does not hold are left out, as BREEDS does with 110.
        under: the node that superclasses are to be kinds of.
    """
    nodes = [node for node in hierarchy.descendants(under) if hierarchy.depths[node] == level]
    found = subclasses_of(hierarchy, nodes, classes)
    return {node: below for node, below in found.items() if len(below) >= n_subclasses}


def subclasses_of(hierarchy: Hierarchy, superclasses: Iterable[str], classes: Iterable[str]) -> dict[str, list[str]]:
    """Superclass -> the classes that are kinds of it; both in the order of their ids."""
    classes = sorted(classes)
    return {node: hierarchy.leaves(node, among=classes) for node in sorted(superclasses)}


def make_task(
    name: str,
    hierarchy: Hierarchy,
    superclasses: Mapping[str, Sequence[str]],
    n_subclasses: int,
    *,
    split: str = "rand",
    seed: int = SEED,
) -> SuperclassTask:
    """Divide the classes of superclasses into source and target.

    Args:
        superclasses: node -> its classes, both in the order of their ids.
        n_subclasses: how many classes of each superclass are taken; half of them make the source.
        split, seed: as in `breeds_tasks`.

    Raises:
        InputError: another split, an odd number of classes, or a superclass with fewer.
    """
    if split not in SPLITS:
        raise InputError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}")
    if n_subclasses < 2 or n_subclasses % 2:
        raise InputError(f"{name}: {n_subclasses} classes of a superclass cannot be halved; give an even number")
    rng, half = np.random.RandomState(seed), n_subclasses // 2  # the generator of the published splits
    source, target = [], []
    for node, classes in superclasses.items():
        if len(classes) < n_subclasses:
            raise InputError(
                f"{name}: superclass {node} ({hierarchy.name(node)}) has {len(classes)} classes of the {n_subclasses} "
                "that are needed; give the images of all classes"
            )
        if split == "rand":
            drawn = [classes[row] for row in rng.choice(len(classes), n_subclasses, replace=False)]
            halves = drawn[:half], drawn[half:]
        else:
            halves = (_apart if split == "bad" else _spread)(_groups(hierarchy, node, classes), half)
        source.append(tuple(halves[0]))
        target.append(tuple(halves[1]))
    names = tuple(hierarchy.name(node) for node in superclasses)
    return SuperclassTask(name, tuple(superclasses), names, tuple(source), tuple(target))


def _groups(hierarchy: Hierarchy, superclass: str, classes: Sequence[str]) -> list[list[str]]:
    """The classes by the child that they are under, the largest group first; an only child is passed through."""
    wanted, node = set(classes), superclass
    while True:
        under = {child: wanted.intersection(hierarchy.descendants(child)) for child in sorted(hierarchy.children[node])}
        under = {child: below for child, below in under.items() if below}
        if len(under) != 1 or under.keys() <= wanted:
            break
        (node,) = under
    groups, seen = [], set()
    for below in sorted(under.values(), key=len, reverse=True):  # stable: of equal groups the lesser id first
        if below - seen:  # a class with two parents is of the first group
            groups.append(sorted(below - seen))
        seen |= below
    return groups


def _spread(groups: Sequence[list[str]], n: int) -> tuple[list[str], list[str]]:
    """Every group on both sides, n classes each."""
    source, target, spare = [], [], []
    for classes in groups:
        n_source = min(max(len(classes) // 2, 1), n - len(source))
        end = n_source + n - len(target)
        source += classes[:n_source]
        target += classes[n_source:end]
        spare += classes[end:]
    return source + spare[: n - len(source)], target


def _apart(groups: Sequence[list[str]], n: int) -> tuple[list[str], list[str]]:
    """Every group on one side, the one that has fewer classes, as far as it fits; n classes each."""
    sides, spare = ([], []), []
    for classes in groups:
        side = sides[len(sides[0]) > len(sides[1])]
        room = n - len(side)
        side += classes[:room]
        spare += classes[room:]
    source, target = sides
    return source + spare[: n - len(source)], target + spare[: n - len(target)]  # one of the two is full


def _listed_classes(path: Path) -> list[str]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    for row, entry in enumerate(rows if isinstance(rows, list) else [rows]):
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[1], str):
            raise InputError(f'{path}: entry {row} is {entry!r}; it must be like [0, "n01440764", "tench"]')
    return [wnid for _, wnid, _ in rows]
