"""CLIP's image encoder: transformers' FlaxCLIPVisionModel, and scenic's.

Source of the names: https://github.com/huggingface/transformers (version 4), models/clip/modeling_flax_clip.py, and
https://github.com/google-research/scenic, projects/baselines/clip/layers.py. OpenAI's networks have the quick GELU.
The projection to the space of texts is not part of the representation.
"""

from dataclasses import dataclass

from transformers import CLIPVisionConfig, PreTrainedConfig

from alignet_hf.convert.layouts.layout import Layout, backbone_options
from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.layouts.tree import Leaf, Sizes, attention, dense, norm, patches


@dataclass(frozen=True)
class _Clip(Layout):
    def backbone_config(self, sizes: Sizes, image_size: int) -> PreTrainedConfig:
        return CLIPVisionConfig(
            **backbone_options(sizes, image_size),
            intermediate_size=sizes["mlp"],
            hidden_act="quick_gelu",
            layer_norm_eps=1e-5,
        )


@dataclass(frozen=True)
class FlaxClip(_Clip):
    """FlaxCLIPVisionModel, its spelling of "pre_layrnorm" included; shapes do not tell the number of heads."""

    tells_heads = False

    def leaves(self, depth: int) -> list[Leaf]:
        leaves = [
            Leaf("embeddings/class_embedding", ("width",)),
            *patches("embeddings/patch_embedding", bias=False),
            Leaf("embeddings/position_embedding/embedding", ("tokens", "width")),
            *norm("pre_layrnorm"),
            *norm("post_layernorm"),
        ]
        for block in range(depth):
            leaves += [leaf.under(f"encoder/layers/{block}") for leaf in self._block()]
        return [leaf.under("vision_model") for leaf in leaves]

    def _block(self) -> list[Leaf]:
        leaves = norm("layer_norm1") + norm("layer_norm2")
        for part in "kqv":
            leaves += dense(f"self_attn/{part}_proj", "width", "width")
        leaves += dense("self_attn/out_proj", "width", "width")
        return leaves + dense("mlp/fc1", "width", "mlp") + dense("mlp/fc2", "mlp", "width")

    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        root = "vision_model"
        weights = {
            "embeddings.class_embedding": parameters.take(f"{root}/embeddings/class_embedding"),
            "embeddings.position_embedding.weight": parameters.take(f"{root}/embeddings/position_embedding/embedding"),
            **parameters.patches(f"{root}/embeddings/patch_embedding", "embeddings.patch_embedding", bias=False),
            **parameters.norm(f"{root}/pre_layrnorm", "pre_layrnorm"),
            **parameters.norm(f"{root}/post_layernorm", "post_layernorm"),
        }
        for block in range(sizes["depth"]):
            path, to = f"{root}/encoder/layers/{block}", f"encoder.layers.{block}"
            for name in ("layer_norm1", "layer_norm2"):
                weights |= parameters.norm(f"{path}/{name}", f"{to}.{name}")
            for part in ("k_proj", "q_proj", "v_proj", "out_proj"):
                weights |= parameters.dense(f"{path}/self_attn/{part}", f"{to}.self_attn.{part}")
            for layer in ("fc1", "fc2"):
                weights |= parameters.dense(f"{path}/mlp/{layer}", f"{to}.mlp.{layer}")
        return weights


@dataclass(frozen=True)
class ScenicClip(_Clip):
    """scenic's CLIP without its projection to the space of texts; its attention is Flax's own."""

    def leaves(self, depth: int) -> list[Leaf]:
        leaves = [
            Leaf("class_embedding", ("width",)),
            *patches("conv1", bias=False),
            Leaf("positional_embedding", ("tokens", "width")),
            *norm("ln_pre"),
            *norm("ln_post"),
        ]
        for block in range(depth):
            leaves += [leaf.under(f"transformer/resblocks.{block}") for leaf in self._block()]
        return leaves

    def _block(self) -> list[Leaf]:
        mlp = dense("mlp/c_fc", "width", "mlp") + dense("mlp/c_proj", "mlp", "width")
        return norm("ln_1") + norm("ln_2") + attention("attn") + mlp

    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        weights = {
            "embeddings.class_embedding": parameters.take("class_embedding"),
            "embeddings.position_embedding.weight": parameters.take("positional_embedding"),
            **parameters.patches("conv1", "embeddings.patch_embedding", bias=False),
            **parameters.norm("ln_pre", "pre_layrnorm"),
            **parameters.norm("ln_post", "post_layernorm"),
        }
        names = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "out_proj"}
        for block in range(sizes["depth"]):
            path, to = f"transformer/resblocks.{block}", f"encoder.layers.{block}"
            weights |= {
                **parameters.norm(f"{path}/ln_1", f"{to}.layer_norm1"),
                **parameters.norm(f"{path}/ln_2", f"{to}.layer_norm2"),
                **parameters.attention(
                    f"{path}/attn", {part: f"{to}.self_attn.{name}" for part, name in names.items()}
                ),
                **parameters.dense(f"{path}/mlp/c_fc", f"{to}.mlp.fc1"),
                **parameters.dense(f"{path}/mlp/c_proj", f"{to}.mlp.fc2"),
            }
        return weights
