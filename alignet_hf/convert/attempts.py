"""A checkpoint's variables held against every layout: what fits, and where the rest begins not to.

A list without names is compared whole, number by number; variables with names by these as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alignet_hf.convert.layouts.heads import ALL_HEADS, Heads
from alignet_hf.convert.layouts.layout import Layout
from alignet_hf.convert.layouts.names import NamedTree
from alignet_hf.convert.layouts.tree import Leaf, Sizes, find_sizes, in_jax_order
from alignet_hf.convert.variables import Variables


@dataclass(frozen=True)
class Attempt:
    """One layout with one set of heads, held against the variables.

    Attributes:
        layout, heads: what was tried.
        leaves: its tree, in the order of a list without names.
        sizes: as far as they were found, with "depth".
        fitting: how much fits, for a comparison among attempts.
        fault: the first thing that does not; None where everything does.
    """

    layout: Layout
    heads: Heads
    leaves: list[Leaf]
    sizes: Sizes
    fitting: int
    fault: str | None

    @property
    def name(self) -> str:
        """What `reading` calls it and no other of its family: "vit+triplet_head", "vit+pre_logits"."""
        beside = ("triplet_head",) * self.heads.triplet + ("i1k_head",) * self.heads.imagenet
        return "+".join((self.layout.names[0], *self.layout.own_layers, *beside))


def anonymous_attempts(variables: Variables, layouts: Sequence[Layout]) -> list[Attempt]:
    """Variables without names, in JAX's order, against each layout."""
    shapes = [variable.shape for variable in variables]
    attempts = []
    for layout, heads in _with_heads(layouts):
        if not layout.anonymous:
            continue
        depth, leaves = _leaves(layout, heads, len(shapes))
        sizes, misfit = find_sizes(leaves, shapes)
        fitting, fault = min(len(leaves), len(shapes)), None
        if misfit is not None:
            fitting = misfit.position
            fault = f"variable {fitting} is {shapes[fitting]}, and {misfit.leaf.path} would be {misfit.expected}"
        elif len(leaves) < len(shapes):
            fault = f"variable {len(leaves)}, {shapes[len(leaves)]}, is one too many"
        elif len(leaves) > len(shapes):
            fault = f"they end before {leaves[len(shapes)].path}"
        attempts.append(_attempt(layout, heads, leaves, sizes | {"depth": depth}, fitting, fault))
    return attempts


def named_attempts(tree: NamedTree, layouts: Sequence[Layout]) -> list[Attempt]:
    """Variables with names against each layout, in any order."""
    variables, attempts = tree.variables, []
    for layout, heads in _with_heads(layouts):
        if layout.left_out() and (heads.triplet or heads.imagenet):
            continue
        heads = replace(heads, timm=layout.timm)
        depth, leaves = _leaves(layout, heads, len(variables))
        common = [leaf for leaf in leaves if leaf.path in variables]
        missing = [leaf.path for leaf in leaves if leaf.path not in variables]
        extra = sorted(variables.keys() - {leaf.path for leaf in leaves})
        sizes, misfit = find_sizes(common, [variables[leaf.path].shape for leaf in common])
        fault = None
        if missing:
            fault = f"{missing[0]} is missing"
        elif extra:
            fault = f"{variables[extra[0]].name} is no part of it"
        elif misfit is not None:
            variable = variables[misfit.leaf.path]
            fault = f"{variable.name} is {variable.shape} and would be {misfit.expected}"
        fitting = len(common) - len(missing) - len(extra)
        attempts.append(_attempt(layout, heads, leaves, sizes | {"depth": depth}, fitting, fault))
    return attempts


def _with_heads(layouts: Sequence[Layout]) -> Iterator[tuple[Layout, Heads]]:
    for layout in layouts:
        for heads in ALL_HEADS:
            if not (layout.has_classifier and heads.imagenet):  # one classifier, not two
                yield layout, heads


def _leaves(layout: Layout, heads: Heads, count: int) -> tuple[int, list[Leaf]]:
    """The number of blocks that makes as many parameters, or the nearest to it, and the parameters."""
    without, a_block = len(layout.leaves(0)), len(layout.leaves(1)) - len(layout.leaves(0))
    depth = max(1, round((count - without - len(heads.leaves())) / a_block))
    return depth, in_jax_order(layout.leaves(depth)) + heads.leaves()


def _attempt(
    layout: Layout, heads: Heads, leaves: list[Leaf], sizes: Sizes, fitting: int, fault: str | None
) -> Attempt:
    if fault is None and min(sizes.values()) < 1:
        fault = f"{min(sizes, key=sizes.get)} cannot be 0"
    fault = fault or layout.contradiction(sizes) or _too_wide(layout, sizes)
    return Attempt(layout, heads, leaves, sizes, fitting, fault)


def _too_wide(layout: Layout, sizes: Sizes) -> str | None:
    given = [sizes["width"], 2 * sizes["width"]] if layout.may_pool_twice else [sizes["width"]]
    if sizes.get("representation", sizes["width"]) in given:
        return None
    return f"the heads take {sizes['representation']} numbers, and the encoder gives {given[-1]}"
