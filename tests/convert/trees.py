"""Checkpoints made up for a layout: random arrays in the shapes of its tree."""

import torch

from alignet_hf.convert.layouts.heads import Heads
from alignet_hf.convert.layouts.layout import Layout
from alignet_hf.convert.layouts.published import LAYOUTS
from alignet_hf.convert.layouts.tree import Leaf, Sizes, in_jax_order
from alignet_hf.convert.variables import Variable, Variables

BOTH = Heads(triplet=True, imagenet=True)
NO_HEADS = Heads(triplet=False, imagenet=False)
SIZES: Sizes = {
    "width": 16,
    "depth": 2,
    "heads": 2,
    "head_width": 8,
    "mlp": 32,
    "patch": 4,
    "channels": 3,
    "tokens": 9,
    "representation": 16,
    "triplet_width": 10,
    "labels": 6,
    "twice_width": 32,
    "thrice_width": 48,
}


def layout(name: str, **attributes) -> Layout:
    """The first layout that `--as` calls so, with these attributes."""
    return next(
        layout
        for layout in LAYOUTS
        if name in layout.names and all(getattr(layout, key) == value for key, value in attributes.items())
    )


def leaves_of(layout: Layout, heads: Heads = BOTH, depth: int = 2) -> list[Leaf]:
    """A whole checkpoint's leaves as the authors export them."""
    return in_jax_order(layout.leaves(depth)) + heads.leaves()


def anonymous(leaves: list[Leaf], sizes: Sizes = SIZES, dtype: torch.dtype = torch.float32) -> Variables:
    """Variables "0", "1", ... of a SavedModel."""
    return Variables(
        "a-model", tuple(map(_variable, map(str, range(len(leaves))), *_arrays(leaves, sizes, dtype))), False
    )


def named(leaves: list[Leaf], sizes: Sizes = SIZES, prefix: str = "") -> Variables:
    """Variables with the names of the tree."""
    names = [f"{prefix}{leaf.path}" for leaf in leaves]
    return Variables("a-file.npz", tuple(map(_variable, names, *_arrays(leaves, sizes, torch.float32))), True)


def of_arrays(arrays: dict[str, torch.Tensor]) -> Variables:
    """Variables with names, of these arrays."""
    return Variables("a-file.npz", tuple(_variable(name, array) for name, array in arrays.items()), True)


def arrays_of(variables: Variables) -> dict[str, torch.Tensor]:
    """Name -> array."""
    return {variable.name: variable.tensor() for variable in variables}


def _arrays(leaves: list[Leaf], sizes: Sizes, dtype: torch.dtype) -> tuple[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return ([torch.randn(leaf.actual_shape(sizes), generator=generator).to(dtype) for leaf in leaves],)


def _variable(name: str, array: torch.Tensor) -> Variable:
    return Variable(name, tuple(array.shape), str(array.dtype).removeprefix("torch."), array.clone)
