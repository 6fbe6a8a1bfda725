"""Basic and superordinate categories: a dog is a dog, and an animal (Rosch et al. 1976).

The paper extracts them from WordNet "that align with the prior cognitive work" (Sec. 4.4) and names seven superordinate
ones (Fig. 22); which basic ones it took, it does not say. Those here are ours: nodes of WordNet at the level of the
words that people use first, each with two or more of ImageNet's 1,000 classes, so that a pair of a basic category need
not be one of a class. A class belongs to the nearest of them above it, by edges; a class under none has no category and
no part in what is measured by categories. They hold 504 of ImageNet's classes.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.wordnet import Hierarchy

# Superordinate category -> the nodes that it means: WordNet has footwear beside clothing, and buses beside vehicles.
SUPERORDINATES = {
    "animals": ("n00015388",),
    "clothes": ("n03051540", "n03380867"),
    "food": ("n00021265", "n07555863"),
    "furniture": ("n03405725",),
    "musical instruments": ("n03800933",),
    "sports equipment": ("n04285146", "n03414162"),
    "vehicles": ("n04524313", "n04019101"),
}
# Superordinate category -> its basic ones -> the nodes that each means.
BASIC = {
    "animals": {
        "fish": ("n02512053",),
        "salamander": ("n01629276",),
        "frog": ("n01639765",),
        "turtle": ("n01662784",),
        "lizard": ("n01674464",),
        "crocodile": ("n01696633",),
        "snake": ("n01726692",),
        "bird": ("n01503061",),
        "dog": ("n02084071",),
        "wolf": ("n02114100",),
        "fox": ("n02118333",),
        "cat": ("n02121808",),
        "big cat": ("n02127808",),
        "bear": ("n02131653",),
        "weasel": ("n02441326",),
        "rabbit": ("n02323449",),
        "rodent": ("n02329401",),
        "pig": ("n02395003",),
        "sheep": ("n02411705", "n02414578"),
        "antelope": ("n02419796",),
        "elephant": ("n02503517",),
        "whale": ("n02062744",),
        "ape": ("n02470325",),
        "monkey": ("n02484322",),
        "lemur": ("n02496913",),
        "spider": ("n01772222",),
        "beetle": ("n02164464",),
        "butterfly": ("n02274259",),
        "grasshopper": ("n02226183",),
        "dragonfly": ("n02268148",),
        "crab": ("n01976957",),
        "lobster": ("n01982650",),
        "snail": ("n01942177",),
    },
    "clothes": {
        "hat": ("n03497657",),
        "cap": ("n02954340",),
        "helmet": ("n03513137",),
        "tie": ("n03815615",),
        "scarf": ("n04143897",),
        "coat": ("n03057021",),
        "robe": ("n04097866",),
        "sweater": ("n04370048",),
        "skirt": ("n04230808",),
        "swimsuit": ("n04371563",),
        "shoe": ("n04199027",),
    },
    "food": {
        "fruit": ("n07705931",),
        "vegetable": ("n07707451",),
        "bread": ("n07679356",),
        "sandwich": ("n07695965",),
        "sauce": ("n07829412",),
        "dessert": ("n07609840",),
        "drink": ("n07881800",),
    },
    "furniture": {
        "chair": ("n03001627",),
        "table": ("n04379243", "n04379964"),
        "bed": ("n02818832", "n02766320"),
        "cabinet": ("n02933112",),
    },
    "musical instruments": {
        "piano": ("n03928116",),
        "drum": ("n03249569", "n04311174"),
        "guitar": ("n03467517",),
        "violin": ("n02880546",),
        "brass": ("n02891788",),
        "woodwind": ("n04598582",),
    },
    "sports equipment": {
        "ball": ("n02778669",),
        "weight": ("n04571292",),
        "gymnastic apparatus": ("n03472232",),
    },
    "vehicles": {
        "car": ("n02958343",),
        "truck": ("n04490091",),
        "bus": ("n02924116",),
        "train": ("n04468005", "n03684823", "n02959942"),
        "bicycle": ("n02834778",),
        "cart": ("n02970849",),
        "sled": ("n04235291",),
        "boat": ("n02858304",),
        "sailing ship": ("n04128837",),
        "ship": ("n04194289",),
        "aircraft": ("n02686568",),
    },
}

NO_CATEGORY = "no category"  # what stands for the category of an image whose class has none
_OBJECTS92 = re.compile(r"(?:^|/)\d\d_([a-z]+_(bodypart|face|inanimate))\.\w+$")


@dataclass(frozen=True)
class Categories:
    """Classes in basic categories, and these in superordinate ones.

    Attributes:
        basic_of: class -> its basic category; classes that are not here have none.
        superordinate_of: basic category -> its superordinate one. Figures have them in this order, so those of a
            superordinate category follow one another.

    Raises:
        InputError: a basic category without a superordinate one.
    """

    basic_of: Mapping[str, str]
    superordinate_of: Mapping[str, str]

    def __post_init__(self):
        for name, basic in self.basic_of.items():
            if basic not in self.superordinate_of:
                raise InputError(f"class {name}: its basic category {basic} is in no superordinate one")
        first = {one: place for place, one in reversed(list(enumerate(self.superordinate_of.values())))}
        used = [basic for basic in self.superordinate_of if basic in set(self.basic_of.values())]
        used.sort(key=lambda basic: first[self.superordinate_of[basic]])
        object.__setattr__(self, "superordinate_of", {basic: self.superordinate_of[basic] for basic in used})

    @classmethod
    def of_wordnet(cls, hierarchy: Hierarchy, classes: Iterable[str]) -> "Categories":
        """Put classes of WordNet, ImageNet's say, into the categories `BASIC`.

        Args:
            hierarchy: of WordNet 3.0.
            classes: WordNet ids.

        Raises:
            InputError: a class that the hierarchy does not have, or one that is equally near to two categories.
        """
        basic_of_node = {node: basic for group in BASIC.values() for basic, nodes in group.items() for node in nodes}
        classes = list(dict.fromkeys(classes))
        hierarchy.require(classes)
        basic_of = {}
        for name in classes:
            above = {node: steps for node, steps in hierarchy.ancestors(name).items() if node in basic_of_node}
            nearest = {basic_of_node[node] for node, steps in above.items() if steps == min(above.values())}
            if len(nearest) > 1:
                raise InputError(
                    f"class {name} is as near to {' as to '.join(sorted(nearest))}; give categories of yours"
                )
            if nearest:
                basic_of[name] = nearest.pop()
        superordinate_of = {basic: superordinate for superordinate, group in BASIC.items() for basic in group}
        return cls(basic_of, superordinate_of)

    @classmethod
    def from_table(cls, table: Mapping[str, tuple[str, str]]) -> "Categories":
        """Categories of your own: class -> (its basic category, its superordinate one).

        Raises:
            InputError: a basic category in two superordinate ones.
        """
        superordinate_of: dict[str, str] = {}
        for name, (basic, superordinate) in table.items():
            if superordinate_of.setdefault(basic, superordinate) != superordinate:
                raise InputError(
                    f"class {name}: basic category {basic} is in {superordinate}, and before it was in "
                    f"{superordinate_of[basic]}; it can be in one alone"
                )
        return cls({name: basic for name, (basic, _) in table.items()}, superordinate_of)

    @classmethod
    def read(cls, path: str | Path) -> "Categories":
        """A table of your own, .csv or .tsv, with the columns class, basic and superordinate in its first line.

        Raises:
            InputError: a file that cannot be read, a column that is not there, a class twice, or an empty entry.
        """
        columns = ("class", "basic", "superordinate")
        table: dict[str, tuple[str, str]] = {}
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file, delimiter="," if Path(path).suffix == ".csv" else "\t")
                if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
                    raise InputError(f"{path}: no column {missing[0]}; its first line must name {', '.join(columns)}")
                for row in rows:
                    name, basic, superordinate = ((row[column] or "").strip() for column in columns)
                    if not (name and basic and superordinate):
                        raise InputError(f"{path}, line {rows.line_num}: an empty entry; leave out classes without one")
                    if name in table:
                        raise InputError(f"{path}, line {rows.line_num}: class {name} a second time")
                    table[name] = (basic, superordinate)
                if not table:
                    raise InputError(f"{path}: no class; a line gives a class and its two categories")
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not a text file (UTF-8): {error.reason} at byte {error.start}") from error
        try:
            return cls.from_table(table)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    @classmethod
    def of_objects92(cls, names: Sequence[str]) -> "Categories":
        """Those of the embedded 92 photographs (Kriegeskorte et al. 2008): six, animate or inanimate, as a name tells.

        Args:
            names: 00_human_bodypart.jpg and so on; each photograph is a class of its own.

        Raises:
            InputError: a name of another form.
        """
        table = {}
        for name in names:
            found = _OBJECTS92.search(name)
            if found is None:
                raise InputError(f"{name}: not one of the 92 photographs, whose names are like 00_human_bodypart.jpg")
            table[name] = (found[1].replace("_", " "), "inanimate" if found[2] == "inanimate" else "animate")
        return cls.from_table(table)

    @property
    def basic(self) -> tuple[str, ...]:
        """The basic categories that have a class, grouped by superordinate category."""
        return tuple(self.superordinate_of)

    @property
    def superordinates(self) -> tuple[str, ...]:
        """The superordinate categories, in their order."""
        return tuple(dict.fromkeys(self.superordinate_of.values()))

    def codes(self, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Each image's basic and superordinate category: rows of `basic` and `superordinates`, -1 of none.

        Args:
            labels: (N,) str, the class of each image.

        Returns:
            (N,) int and (N,) int.
        """
        classes, of_class = np.unique(np.asarray(labels), return_inverse=True)
        rows = {name: row for row, name in enumerate(self.basic)}
        basic = np.array([rows[self.basic_of[name]] if name in self.basic_of else -1 for name in classes.tolist()])
        return basic[of_class], self.superordinate_rows[basic][of_class]

    @property
    def superordinate_rows(self) -> np.ndarray:
        """(K + 1,) int: the row in `superordinates` of each basic category, and last -1, which -1 finds."""
        rows = {name: row for row, name in enumerate(self.superordinates)}
        return np.array([*(rows[name] for name in self.superordinate_of.values()), -1])

    def hierarchy(self) -> Hierarchy:
        """The tree of the categories: a class is a kind of its basic category, this of its superordinate one."""
        root = "everything"
        parents: dict[str, tuple[str, ...]] = {root: ()}
        parents |= {f"superordinate: {name}": (root,) for name in self.superordinates}
        parents |= {f"basic: {one}": (f"superordinate: {above}",) for one, above in self.superordinate_of.items()}
        return Hierarchy(parents | {name: (f"basic: {basic}",) for name, basic in self.basic_of.items()})
