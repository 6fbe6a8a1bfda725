"""big_vision's vision transformer: SigLIP, SigLIP 2, CapPa, the ViTs, and DINO's as ported to its names.

Source of the names and of what they compute: https://github.com/google-research/big_vision, big_vision/models/vit.py.
Positions are added to the patches before the class token is put in front, whose row of transformers' table is zero
then; older checkpoints put it in front first, and their table has a row more.
"""

from dataclasses import dataclass

import torch
from transformers import PreTrainedConfig, SiglipVisionConfig, ViTConfig

from alignet_hf.convert.layouts.layout import Layout, backbone_options
from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.layouts.positions import sincos_positions, with_class_row
from alignet_hf.convert.layouts.tree import Leaf, Sizes, attention, dense, norm, patches

EPSILON = 1e-6  # of Flax's LayerNorm
_ATTENTION, _MLP = "MultiHeadDotProductAttention_0", "MlpBlock_0"


@dataclass(frozen=True)
class BigVision(Layout):
    """A ViT of big_vision.

    Attributes:
        pool: "map" (attention pooling), "gap" (the mean of the patches) or "tok" (the class token, `cls`).
        learned: whether positions are a parameter; otherwise MoCo v3's sines and cosines in two dimensions.
        rep_size: whether a layer `pre_logits`, with tanh, follows the pooling.
        head: whether there is the linear layer `head`.
        act: the activation between the MLP's layers, by transformers' name.
    """

    pool: str = "map"
    learned: bool = True
    rep_size: bool = False
    head: bool = False
    act: str = "gelu_pytorch_tanh"
    only_when_asked: bool = False

    @property
    def has_class_token(self) -> bool:
        return self.pool == "tok"

    @property
    def class_row_optional(self) -> bool:
        return self.has_class_token

    @property
    def has_position_table(self) -> bool:
        return self.learned

    @property
    def own_layers(self) -> tuple[str, ...]:
        return ("pre_logits",) * self.rep_size + ("head",) * self.head

    @property
    def has_classifier(self) -> bool:
        return self.head and "head/kernel" not in self.left_out()

    @property
    def anonymous(self) -> bool:
        return not self.left_out()  # heads behind a layer that is left out would read something else

    @property
    def pooling(self) -> str:
        return "pooler" if self.pool == "tok" and self.rep_size else "auto"

    def leaves(self, depth: int) -> list[Leaf]:
        leaves = patches("embedding") + norm("Transformer/encoder_norm")
        for block in range(depth):
            leaves += [leaf.under(f"Transformer/encoderblock_{block}") for leaf in self.block()]
        if self.learned:
            leaves.append(Leaf("pos_embedding", (1, "tokens", "width")))
        if self.pool == "tok":
            leaves.append(Leaf("cls", (1, 1, "width")))
        if self.pool == "map":
            leaves += [leaf.under("MAPHead_0") for leaf in [*norm("LayerNorm_0"), *_mlp(), *attention(_ATTENTION)]]
            leaves.append(Leaf("MAPHead_0/probe", (1, 1, "width")))
        if self.rep_size:
            leaves += dense("pre_logits", "width", "width")
        if self.head:
            leaves += dense("head", "width", "labels")
        return leaves

    def block(self) -> list[Leaf]:
        """The parameters of one block."""
        return [*norm("LayerNorm_0"), *norm("LayerNorm_1"), *_mlp(), *attention(_ATTENTION)]

    def left_out(self) -> dict[str, str]:
        if not self.rep_size or self.pool == "tok":
            return {}
        why = "no model of transformers has a tanh layer behind this pooling; the representation is what it pools"
        left_out = dict.fromkeys(("pre_logits/bias", "pre_logits/kernel"), why)
        if self.head:
            left_out |= dict.fromkeys(("head/bias", "head/kernel"), "it reads pre_logits, which is left out")
        return left_out

    def contradiction(self, sizes: Sizes) -> str | None:
        if not self.learned and sizes["width"] % 4:
            return f"positions of sines and cosines are for widths that are multiples of 4; this is {sizes['width']}"
        return super().contradiction(sizes)

    def backbone_config(self, sizes: Sizes, image_size: int) -> PreTrainedConfig:
        options = {
            **backbone_options(sizes, image_size),
            "intermediate_size": sizes["mlp"],
            "hidden_act": self.act,
            "layer_norm_eps": EPSILON,
        }
        if self.pool == "tok":
            return ViTConfig(**options)
        return SiglipVisionConfig(**options, vision_use_head=self.pool == "map")

    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        if self.learned:
            positions = parameters.take("pos_embedding")[0]
        else:
            positions = sincos_positions(image_size // sizes["patch"], sizes["width"])
        if self.pool == "tok":
            return self._vit(parameters, sizes, positions)
        return self._siglip(parameters, sizes, positions)

    def _vit(self, parameters: Parameters, sizes: Sizes, positions: torch.Tensor) -> Weights:
        weights = {
            "embeddings.cls_token": parameters.take("cls"),
            "embeddings.position_embeddings": with_class_row(positions)[None],
            **parameters.patches("embedding", "embeddings.patch_embeddings.projection"),
            **parameters.norm("Transformer/encoder_norm", "layernorm"),
        }
        names = {part: f"attention.{part[0]}_proj" for part in ("query", "key", "value", "out")}
        for block in range(sizes["depth"]):
            weights |= _block(
                parameters,
                block,
                f"layers.{block}",
                norms=("layernorm_before", "layernorm_after"),
                attention=names,
            )
        if self.rep_size:
            weights |= parameters.dense("pre_logits", "pooler.dense")
        return weights

    def _siglip(self, parameters: Parameters, sizes: Sizes, positions: torch.Tensor) -> Weights:
        weights = {
            "embeddings.position_embedding.weight": positions,
            **parameters.patches("embedding", "embeddings.patch_embedding"),
            **parameters.norm("Transformer/encoder_norm", "post_layernorm"),
        }
        names = {part: f"self_attn.{part[0]}_proj" for part in ("query", "key", "value")}
        for block in range(sizes["depth"]):
            weights |= _block(
                parameters,
                block,
                f"encoder.layers.{block}",
                norms=("layer_norm1", "layer_norm2"),
                attention=names | {"out": "self_attn.out_proj"},
            )
        if self.pool == "map":
            weights |= {
                "head.probe": parameters.take("MAPHead_0/probe"),
                **parameters.joint_attention(f"MAPHead_0/{_ATTENTION}", "head.attention"),
                **parameters.norm("MAPHead_0/LayerNorm_0", "head.layernorm"),
                **parameters.dense(f"MAPHead_0/{_MLP}/Dense_0", "head.mlp.fc1"),
                **parameters.dense(f"MAPHead_0/{_MLP}/Dense_1", "head.mlp.fc2"),
            }
        return weights

    def classifier(self, parameters: Parameters) -> Weights:
        return parameters.dense("head", "classifier") if self.has_classifier else {}


def _mlp() -> list[Leaf]:
    return dense(f"{_MLP}/Dense_0", "width", "mlp") + dense(f"{_MLP}/Dense_1", "mlp", "width")


def _block(
    parameters: Parameters, block: int, to: str, *, norms: tuple[str, str], attention: dict[str, str]
) -> Weights:
    path = f"Transformer/encoderblock_{block}"
    return {
        **parameters.norm(f"{path}/LayerNorm_0", f"{to}.{norms[0]}"),
        **parameters.norm(f"{path}/LayerNorm_1", f"{to}.{norms[1]}"),
        **parameters.attention(f"{path}/{_ATTENTION}", {part: f"{to}.{name}" for part, name in attention.items()}),
        **parameters.dense(f"{path}/{_MLP}/Dense_0", f"{to}.mlp.fc1"),
        **parameters.dense(f"{path}/{_MLP}/Dense_1", f"{to}.mlp.fc2"),
    }
