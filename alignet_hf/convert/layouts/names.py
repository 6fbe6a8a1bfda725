"""The names of a file's variables made those of a layout's tree: prefixes, other towers, older names, stacked blocks.

Source of what is older: https://github.com/google-research/big_vision, big_vision/models/vit.py, and Flax's names
before linen, which numbered the layers of a block through (LayerNorm_0, MultiHeadDotProductAttention_1, LayerNorm_2).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from alignet_hf.convert.variables import Variable
from alignet_hf.errors import InputError

_OPTIMISER = ("opt", "step", "chrono", "extra")
# What shows where an encoder's tree begins: a name that ends so, with one that begins so beside it.
_ANCHORS = (
    ("embedding/kernel", "Transformer/"),
    ("embeddings/cls_token", "encoder/layer/"),
    ("vision_model/embeddings/class_embedding", "vision_model/"),
    ("conv1/kernel", "ln_pre/"),
)
# First part of a name beside an encoder's tree -> what it is; none of it is part of the image encoder.
_OTHERS = {
    "txt": "the text encoder",
    "t": "the temperature of the loss",
    "b": "the bias of the loss",
    "decoder": "the decoder of captions",
    "pos_embedding_decoder": "the decoder of captions",
    "text_model": "the text encoder",
    "visual_projection": "the projection to the space of texts",
    "text_projection": "the projection to the space of texts",
    "logit_scale": "the temperature of the loss",
}
_INLINED_HEAD = ("probe", "MlpBlock_0", "MultiHeadDotProductAttention_0", "LayerNorm_0")
_BEFORE_LINEN = {
    "LayerNorm_2": "LayerNorm_1",
    "MultiHeadDotProductAttention_1": "MultiHeadDotProductAttention_0",
    "MlpBlock_3": "MlpBlock_0",
}


@dataclass
class NamedTree:
    """Variables by their place in a layout's tree.

    Attributes:
        variables: path -> variable.
        left_out: name in the file -> why it is left out on purpose.
    """

    variables: dict[str, Variable]
    left_out: dict[str, str] = field(default_factory=dict)


def named_tree(source: str, variables: Iterable[Variable]) -> NamedTree:
    """Variables under the names of a layout's tree.

    Raises:
        InputError: stacked blocks of unequal number, or two variables of one place.
    """
    tree = NamedTree({variable.name: variable for variable in variables})
    if any(name.startswith("params/") for name in tree.variables):
        _strip(tree, "params/", dict.fromkeys(_OPTIMISER, "the state of the training"))
    _strip(tree, _root(tree.variables), _OTHERS)
    renamed: dict[str, Variable] = {}
    for path, variable in tree.variables.items():
        place = _modern(path, inlined="probe" in tree.variables)
        if place in renamed:
            both = f"{renamed[place].name} and {variable.name}"
            raise InputError(f"{source}: {both} are one parameter, {place}; keep one of them")
        renamed[place] = variable
    tree.variables = _unstacked(source, renamed)
    return tree


def _strip(tree: NamedTree, prefix: str, others: dict[str, str]) -> None:
    """Leave out the variables whose first name is among `others`, and take a prefix off the rest."""
    inside = {}
    for name, variable in tree.variables.items():
        if why := others.get(name.split("/")[0]):
            tree.left_out[variable.name] = why
        else:
            inside[name.removeprefix(prefix)] = variable
    tree.variables = inside


def _root(names: Iterable[str]) -> str:
    """The prefix of the image encoder's names, "img/" say; "" where there is none."""
    names = list(names)
    for anchor, beside in _ANCHORS:
        for name in names:
            root = name.removesuffix(anchor)
            if name.endswith(anchor) and any(other.startswith(root + beside) for other in names):
                return root
    return ""


def _modern(path: str, *, inlined: bool) -> str:
    """big_vision's name of today of a parameter."""
    if path in ("Transformer/posembed_input/pos_embedding", "Transformer/pos_embedding"):
        return "pos_embedding"
    if inlined and path.split("/")[0] in _INLINED_HEAD:
        return f"MAPHead_0/{path}"
    parts = path.split("/")
    return "/".join(_BEFORE_LINEN.get(part, part) for part in parts) if parts[0] == "Transformer" else path


def _unstacked(source: str, variables: dict[str, Variable]) -> dict[str, Variable]:
    """Blocks that are stacked in one array a parameter, as a scan over them has it, apart."""
    prefix = "Transformer/encoderblock/"
    stacked = {path: variable for path, variable in variables.items() if path.startswith(prefix)}
    if not stacked:
        return variables
    apart = {path: variable for path, variable in variables.items() if path not in stacked}
    first = next(iter(stacked.values()))
    for path, variable in stacked.items():
        if variable.shape[:1] != first.shape[:1] or not variable.shape:
            raise InputError(
                f"{source}: {variable.name} is {variable.shape} and {first.name} {first.shape}: stacked blocks must be "
                "of one number; the file is damaged, or of another kind"
            )
        stack = _Stack(variable)
        for block in range(variable.shape[0]):
            place = f"Transformer/encoderblock_{block}/{path.removeprefix(prefix)}"
            apart[place] = replace(variable, shape=variable.shape[1:], read=partial(stack.read, block))
    return apart


class _Stack:
    """A stacked parameter, which is read when its first block is and let go with its last."""

    def __init__(self, variable: Variable):
        self._variable = variable
        self._array: torch.Tensor | None = None
        self._left = set(range(variable.shape[0]))

    def read(self, block: int) -> torch.Tensor:
        if self._array is None:
            self._array = self._variable.read()
        row = self._array[block].clone()
        self._left.discard(block)
        if not self._left:
            self._array = None
        return row
