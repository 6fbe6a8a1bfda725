"""The heads beside an encoder: the triplet head, and ImageNet's LayerNorm and linear layer, all on pre_logits."""

from dataclasses import dataclass

from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.layouts.tree import Leaf, dense, in_jax_order, norm


@dataclass(frozen=True)
class Heads:
    """Which heads a source has beside its encoder, in Flax's names or timm's.

    The authors export (model with triplet head, norm, linear layer): in a list without names the triplet head comes
    behind the encoder, and ImageNet's last. Their own names of the latter are not known; these are of timm's file.

    Attributes:
        triplet: whether there is a triplet head.
        imagenet: whether there are ImageNet's norm and linear layer.
        timm: whether names and matrices are timm's.
    """

    triplet: bool
    imagenet: bool
    timm: bool = False

    def leaves(self) -> list[Leaf]:
        """The parameters in the order of a list without names."""
        leaves = []
        if self.triplet:
            leaves += self._linear("triplet_head", "triplet_width")
        if self.imagenet:
            leaves += self._norm() + self._linear("i1k_head", "labels")
        return leaves

    def _norm(self) -> list[Leaf]:
        if not self.timm:
            return in_jax_order(norm("i1k_norm", "representation"))
        return [Leaf(f"i1k_norm.{kind}", ("representation",)) for kind in ("weight", "bias")]

    def _linear(self, name: str, outputs: str) -> list[Leaf]:
        if not self.timm:
            return in_jax_order(dense(name, "representation", outputs))
        return [Leaf(f"{name}.weight", (outputs, "representation")), Leaf(f"{name}.bias", (outputs,))]

    def triplet_weights(self, parameters: Parameters) -> Weights:
        """ "triplet_head.weight" and ".bias" of AligNetVisionModel."""
        if not self.triplet:
            return {}
        read = parameters.copied if self.timm else parameters.dense
        return read("triplet_head", "triplet_head")

    def classifier_weights(self, parameters: Parameters) -> Weights:
        """ "classifier_norm.*" and "classifier.*" of AligNetForImageClassification."""
        if not self.imagenet:
            return {}
        if self.timm:
            return parameters.copied("i1k_norm", "classifier_norm") | parameters.copied("i1k_head", "classifier")
        return parameters.norm("i1k_norm", "classifier_norm") | parameters.dense("i1k_head", "classifier")


ALL_HEADS = tuple(Heads(triplet=triplet, imagenet=imagenet) for triplet in (True, False) for imagenet in (True, False))
