"""What a layout is: a family of models under one naming of its parameters."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isqrt

from transformers import PreTrainedConfig

from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.layouts.tree import Leaf, Sizes


@dataclass(frozen=True)
class Layout(ABC):
    """A family of models under one naming of its parameters; sizes are found from shapes.

    Attributes:
        names: what `--as` calls it, the most telling name first.
        what: it in words.
    """

    names: tuple[str, ...]
    what: str

    pooling = "auto"  # of AligNetVisionConfig
    has_class_token = True
    class_row_optional = False  # whether its table of positions may have no row for it
    has_position_table = True
    tells_heads = True  # whether the shapes tell the number of attention heads
    resamples_positions = False  # whether the family makes its table fit images of any size
    may_pool_twice = False  # whether the class token may stand with the patches' mean behind it
    has_classifier = False  # a linear head in the tree itself
    timm = False  # whether names and matrices are timm's, those of the heads too
    anonymous = True  # whether a SavedModel of variables without names may have this layout
    only_when_asked = False  # whether files with these very names are commonly something else

    @property
    def own_layers(self) -> tuple[str, ...]:
        """Linear layers of the encoder's own behind its pooling, which could be taken for a head beside it."""
        return ()

    @property
    def description(self) -> str:
        """It in words, with the layers of its own."""
        return f"{self.what}, with its own {' and '.join(self.own_layers)}" if self.own_layers else self.what

    @abstractmethod
    def leaves(self, depth: int) -> list[Leaf]:
        """The tree of a model of that many blocks."""

    @abstractmethod
    def backbone_config(self, sizes: Sizes, image_size: int) -> PreTrainedConfig:
        """The configuration of the backbone; sizes are those of the leaves, with "depth" and "heads"."""

    @abstractmethod
    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        """The backbone's state dict, of the parameters one after the other."""

    def classifier(self, parameters: Parameters) -> Weights:
        """The weights of the linear head, where the tree has one."""
        return {}

    def left_out(self) -> dict[str, str]:
        """Paths whose parameters no model of transformers has a place for, and why."""
        return {}

    def grid(self, sizes: Sizes) -> int | None:
        """Patches down and across, as the table of positions tells; None where positions are computed."""
        return isqrt(sizes["tokens"]) if self.has_position_table else None

    def contradiction(self, sizes: Sizes) -> str | None:
        """What sizes that fit every shape cannot be all the same; None where they can."""
        if "head_width" in sizes and sizes["heads"] * sizes["head_width"] != sizes["width"]:
            return f"{sizes['heads']} attention heads of {sizes['head_width']} do not make the width, {sizes['width']}"
        if self.has_position_table:
            square = self.grid(sizes) ** 2
            if sizes["tokens"] == square and (not self.has_class_token or self.class_row_optional):
                return None
            if sizes["tokens"] == square + 1 and self.has_class_token:
                return None
            wanted = "a square, or one more" if self.class_row_optional else "one more than a square"
            return f"its {sizes['tokens']} positions are not {wanted if self.has_class_token else 'a square'}"
        return None


def backbone_options(sizes: Sizes, image_size: int) -> dict[str, int]:
    """What the configurations of transformers' vision transformers call the sizes, but for the MLP's."""
    return {
        "hidden_size": sizes["width"],
        "num_hidden_layers": sizes["depth"],
        "num_attention_heads": sizes["heads"],
        "patch_size": sizes["patch"],
        "num_channels": sizes["channels"],
        "image_size": image_size,
    }
