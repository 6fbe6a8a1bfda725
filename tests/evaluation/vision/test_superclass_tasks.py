"""BREEDS' tasks against networkx and loops, on a hierarchy made like theirs; and the split that they published."""

import json
import random

import networkx as nx
import numpy as np
import pytest

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.evaluation.representation.wordnet_sources import DEBIAN_FOLDER
from alignet_hf.evaluation.vision.superclass_tasks import (
    BREEDS,
    ENTITY,
    LIVING,
    LIVING17,
    NONLIVING,
    breeds_tasks,
    make_task,
    superclasses_at_level,
)

WNIDS = list(imagenet_classes())

# living17 as the authors' notebook prints it (MadryLab/BREEDS-Benchmarks, "Constructing BREEDS datasets"): numbers of
# ImageNet's classes, of each superclass the first and last of its classes, the source's, and the target's.
PUBLISHED_LIVING17 = [
    ((25, 29), {27, 29}, {26, 28}),
    ((33, 37), {37, 34}, {33, 35}),
    ((38, 48), {41, 44}, {47, 38}),
    ((52, 68), {60, 57}, {65, 61}),
    ((72, 77), {76, 72}, {74, 77}),
    ((80, 83), {81, 83}, {82, 80}),
    ((87, 90), {88, 90}, {87, 89}),
    ((118, 121), {118, 120}, {119, 121}),
    ((151, 268), {163, 154}, {257, 157}),
    ((269, 272), {272, 271}, {270, 269}),
    ((277, 280), {280, 279}, {277, 278}),
    ((281, 285), {282, 285}, {283, 284}),
    ((294, 297), {297, 295}, {296, 294}),
    ((300, 307), {305, 306}, {302, 303}),
    ((321, 326), {325, 321}, {324, 322}),
    ((365, 369), {368, 365}, {366, 367}),
    ((370, 382), {377, 380}, {381, 379}),
]


def numbers(classes):
    return {WNIDS.index(name) for name in classes}


def like_breeds(seed=0):
    """Edges of a hierarchy that has the published numbers of superclasses: 5 + 8 on level 3, 12 + 18, 17 + 26."""
    rng = random.Random(seed)
    classes = WNIDS.copy()
    rng.shuffle(classes)
    edges = [(ENTITY, LIVING), (ENTITY, NONLIVING)]
    for top, n_third, n_fourth, n_fifth in ((LIVING, 5, 12, 17), (NONLIVING, 8, 18, 26)):
        edges.append((top, f"{top}-2"))
        third = [f"{top}-3-{one:02}" for one in range(n_third)]
        fourth = [f"{top}-4-{one:02}" for one in range(n_fourth)]
        fifth = [f"{top}-5-{one:02}" for one in range(n_fifth)]
        edges += [(f"{top}-2", node) for node in third]
        edges += [(third[row % n_third], node) for row, node in enumerate(fourth)]
        edges += [(fourth[row % n_fourth], node) for row, node in enumerate(fifth)]
        for node in fifth:
            below = [f"{node}-{one}" for one in range(rng.randint(1, 4))]  # groups of classes, one passed through
            edges += [(node, group) for group in below]
            n_classes = rng.randint(max(17, len(below)), 20)
            of_node = [classes.pop() for _ in range(n_classes)]
            edges += [(below[row] if row < len(below) else rng.choice(below), one) for row, one in enumerate(of_node)]
        few = f"{top}-few"  # on every level there are nodes with too few classes
        edges += [(f"{top}-2", few), (few, f"{few}-4"), (f"{few}-4", f"{few}-5"), (f"{few}-5", classes.pop())]
        edges += [(f"{few}-5", f"{few}-no-class")]
    rng.shuffle(edges)
    return edges


def write_breeds(folder, edges):
    folder.mkdir()
    (folder / "class_hierarchy.txt").write_text("".join(f"{parent} {child}\n" for parent, child in edges))
    names = sorted({node for edge in edges for node in edge})
    (folder / "node_names.txt").write_text("".join(f"{node}\tthe {node}, so called\n" for node in names))
    info = [[number, wnid, name] for number, (wnid, name) in enumerate(imagenet_classes().items())]
    (folder / "dataset_class_info.json").write_text(json.dumps(info))
    return folder


def naive_superclasses(edges, level, n_subclasses, under):
    levels, changed = {ENTITY: 0}, True
    while changed:
        changed = False
        for parent, child in edges:
            if parent in levels and levels.get(child, -1) <= levels[parent]:
                levels[child], changed = levels[parent] + 1, True
    graph = nx.DiGraph(edges)
    found = {}
    for node in sorted(nx.descendants(graph, under)):
        if levels[node] == level:
            below = sorted(set(WNIDS) & nx.descendants(graph, node))
            if len(below) >= n_subclasses:
                found[node] = below
    return found


def groups_of(edges, node, classes):
    graph = nx.DiGraph(edges)
    children = sorted(graph.successors(node))
    while len(children) == 1:
        children = sorted(graph.successors(children[0]))
    groups = [sorted(set(classes) & (nx.descendants(graph, child) | {child})) for child in children]
    return sorted(groups, key=lambda group: -len(group))


def naive_bad(groups, n):
    """One class at a time: a group goes to the side that had fewer when it came; who finds no room waits."""
    sides, waiting = [[], []], []
    for group in groups:
        to = 0 if len(sides[0]) <= len(sides[1]) else 1
        for one in group:
            (sides[to] if len(sides[to]) < n else waiting).append(one)
    for side in sides:
        while len(side) < n:
            side.append(waiting.pop(0))
    return sides


def naive_good(groups, n):
    """One class at a time: the first half of a group to the source while it has room, the others to the target."""
    source, target = [], []
    for group in groups:
        half = 1 if len(group) == 1 else len(group) // 2
        for row, one in enumerate(group):
            if row < half and len(source) < n:
                source.append(one)
            elif len(target) < n:
                target.append(one)
    return source, target


@pytest.mark.parametrize(("split", "seed"), [("rand", 0), ("good", 1), ("bad", 2)])
def test_the_tasks_are_those_of_a_loop_over_a_graph(tmp_path, split, seed):
    edges = like_breeds(seed)
    tasks = breeds_tasks(write_breeds(tmp_path / "modified", edges), split=split)
    assert [len(task) for task in tasks.values()] == [13, 30, 17, 26]
    for name, task in tasks.items():
        made = BREEDS[name]
        found = naive_superclasses(edges, made.level, made.n_subclasses, made.under)
        assert len(task.classes) == made.n_superclasses * made.n_subclasses
        assert list(task.superclasses) == list(found)
        assert task.names == tuple(f"the {node}" for node in found)
        rng, half = np.random.RandomState(2), made.n_subclasses // 2
        for row, (node, classes) in enumerate(found.items()):
            if split == "rand":
                drawn = rng.choice(classes, 2 * half, replace=False)
                expected = drawn[:half], drawn[half:]
            else:
                expected = (naive_good if split == "good" else naive_bad)(groups_of(edges, node, classes), half)
            assert task.target[row] == tuple(expected[1])
            # where "good" as published stops with an error, the source is filled from what is left
            assert task.source[row][: len(expected[0])] == tuple(expected[0])
            assert len(task.source[row]) == len(task.target[row]) == half
            assert len({*task.source[row], *task.target[row]}) == 2 * half
            assert {*task.source[row], *task.target[row]} <= set(classes)


def test_living17_is_split_as_published():
    """Its superclasses' classes are neighbours in ImageNet's order, so ranges of numbers are all of the hierarchy."""
    edges = [
        (node, WNIDS[number])
        for node, ((first, last), _, _) in zip(LIVING17, PUBLISHED_LIVING17, strict=True)
        for number in range(first, last + 1)
    ]
    parents = {}
    for parent, child in edges:
        parents[child] = (parent,)
    task = breeds_tasks(Hierarchy(parents))["living17"]
    assert list(task.superclasses) == sorted(LIVING17)
    assert [numbers(classes) for classes in task.source] == [source for _, source, _ in PUBLISHED_LIVING17]
    assert [numbers(classes) for classes in task.target] == [target for _, _, target in PUBLISHED_LIVING17]


@pytest.mark.skipif(not (DEBIAN_FOLDER / "data.noun").is_file(), reason="needs WordNet's files (wordnet-base)")
def test_wordnet_alone_gives_living17_with_its_names():
    hierarchy = Hierarchy.from_folder(DEBIAN_FOLDER)
    tasks = breeds_tasks(hierarchy)
    assert list(tasks) == ["living17"]  # the others are levels of BREEDS' own hierarchy
    assert tasks["living17"].names == tuple(LIVING17.values())
    assert [numbers(classes) for classes in tasks["living17"].source] == [one for _, one, _ in PUBLISHED_LIVING17]
    for node, ((first, last), _, _) in zip(LIVING17, PUBLISHED_LIVING17, strict=True):
        assert numbers(hierarchy.leaves(node, among=WNIDS)) == set(range(first, last + 1))


def test_a_class_is_learnt_or_tested_not_both_and_bad_keeps_groups_apart():
    parents = {"top": (), "left": ("top",), "right": ("top",)}
    parents |= {f"l{one}": ("left",) for one in range(4)} | {f"r{one}": ("right",) for one in range(2)}
    hierarchy = Hierarchy(parents)
    classes = [f"l{one}" for one in range(4)] + ["r0", "r1"]
    bad = make_task("t", hierarchy, {"top": classes}, 4, split="bad")
    good = make_task("t", hierarchy, {"top": classes}, 4, split="good")
    assert (bad.source, bad.target) == ((("l0", "l1"),), (("r0", "r1"),))
    assert (good.source, good.target) == ((("l0", "l1"),), (("l2", "l3"),))


def test_a_class_with_two_parents_is_taken_once():
    parents = {"top": (), "a": ("top",), "b": ("top",)}
    parents |= {"both": ("a", "b"), "a1": ("a",), "a2": ("a",), "b1": ("b",)}
    task = make_task("t", Hierarchy(parents), {"top": ["a1", "a2", "b1", "both"]}, 4, split="good")
    assert sorted(task.source[0] + task.target[0]) == ["a1", "a2", "b1", "both"]


def test_the_level_is_that_of_the_longest_path():
    parents = {ENTITY: (), "high": (ENTITY,), "low": (ENTITY, "high"), "c1": ("low",), "c2": ("low",)}
    hierarchy = Hierarchy(parents)
    assert superclasses_at_level(hierarchy, 2, 2, ["c2", "c1", "absent"]) == {"low": ["c1", "c2"]}
    assert superclasses_at_level(hierarchy, 1, 3, ["c1", "c2"]) == {}


def test_what_cannot_be_made_is_said(tmp_path):
    edges = like_breeds()
    folder = write_breeds(tmp_path / "modified", edges)
    with pytest.raises(InputError, match="split is 'worst'; it must be one of rand, good, bad"):
        breeds_tasks(folder, split="worst")
    cut = [edge for edge in edges if edge[1] != f"{LIVING}-3-00"]
    with pytest.raises(InputError, match="entity13: the hierarchy has 12 superclasses of 20 classes or more on"):
        breeds_tasks(write_breeds(tmp_path / "cut", cut))
    with pytest.raises(InputError, match=r"entity13: there are no images of n\d+ \(\d+ of the task's 260 classes"):
        breeds_tasks(folder, classes=WNIDS[:990])
    (folder / "dataset_class_info.json").write_text('[[0, "n01440764"]]')
    with pytest.raises(InputError, match=r"dataset_class_info\.json: entry 0 is \[0, 'n01440764'\]"):
        breeds_tasks(folder)
    (folder / "dataset_class_info.json").write_text("[")
    with pytest.raises(InputError, match=r"dataset_class_info\.json: cannot be read as JSON"):
        breeds_tasks(folder)
    hierarchy = Hierarchy({"top": (), "c": ("top",)})
    with pytest.raises(InputError, match="t: 3 classes of a superclass cannot be halved"):
        make_task("t", hierarchy, {"top": ["c"]}, 3)
    with pytest.raises(InputError, match=r"t: superclass top \(top\) has 1 classes of the 2"):
        make_task("t", hierarchy, {"top": ["c"]}, 2)
