"""timm's names of SigLIP: the published PyTorch conversion of the authors' SigLIP2-B, alignet_siglip2_b.safetensors.

Source of the names: https://github.com/huggingface/pytorch-image-models, timm/models/vision_transformer.py and
timm/layers/attention_pool.py; the encoder stands under "encoder", the heads beside it. Matrices are torch's already.
"""

from dataclasses import dataclass

import torch
from transformers import PreTrainedConfig, SiglipVisionConfig

from alignet_hf.convert.layouts.big_vision import EPSILON
from alignet_hf.convert.layouts.layout import Layout, backbone_options
from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.layouts.tree import Leaf, Sizes

_BLOCK = {"norm1": "layer_norm1", "norm2": "layer_norm2", "attn.proj": "self_attn.out_proj"}
_MLP = {"mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"}
_POOL = {"proj": "attention.out_proj", "norm": "layernorm", **_MLP}


@dataclass(frozen=True)
class TimmSiglip(Layout):
    """SigLIP's image encoder with its pooling head under timm's names; shapes do not tell the number of heads."""

    has_class_token = False
    tells_heads = False
    timm = True
    anonymous = False

    def leaves(self, depth: int) -> list[Leaf]:
        leaves = [
            Leaf("encoder.patch_embed.proj.weight", ("width", "channels", "patch", "patch")),
            Leaf("encoder.patch_embed.proj.bias", ("width",)),
            Leaf("encoder.pos_embed", (1, "tokens", "width")),
            *_norm("encoder.norm"),
            Leaf("encoder.attn_pool.latent", (1, 1, "width")),
            *_linear("encoder.attn_pool.q", "width", "width"),
            *_linear("encoder.attn_pool.kv", "width", "twice_width"),
            *_linear("encoder.attn_pool.proj", "width", "width"),
            *_norm("encoder.attn_pool.norm"),
            *_mlp("encoder.attn_pool.mlp"),
        ]
        for block in range(depth):
            path = f"encoder.blocks.{block}"
            leaves += [*_norm(f"{path}.norm1"), *_norm(f"{path}.norm2"), *_mlp(f"{path}.mlp")]
            leaves += _linear(f"{path}.attn.qkv", "width", "thrice_width") + _linear(
                f"{path}.attn.proj", "width", "width"
            )
        return leaves

    def contradiction(self, sizes: Sizes) -> str | None:
        for name, times in (("twice_width", 2), ("thrice_width", 3)):
            if sizes[name] != times * sizes["width"]:
                return f"a joint matrix of attention has {sizes[name]} rows, not {times} times {sizes['width']}"
        return super().contradiction(sizes)

    def backbone_config(self, sizes: Sizes, image_size: int) -> PreTrainedConfig:
        return SiglipVisionConfig(
            **backbone_options(sizes, image_size),
            intermediate_size=sizes["mlp"],
            layer_norm_eps=EPSILON,
        )

    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        weights = {
            "embeddings.position_embedding.weight": parameters.take("encoder.pos_embed")[0],
            **parameters.copied("encoder.patch_embed.proj", "embeddings.patch_embedding"),
            **parameters.copied("encoder.norm", "post_layernorm"),
            "head.probe": parameters.take("encoder.attn_pool.latent"),
        }
        for kind in ("weight", "bias"):
            joint = [parameters.take(f"encoder.attn_pool.{part}.{kind}") for part in ("q", "kv")]
            weights[f"head.attention.in_proj_{kind}"] = torch.cat(joint)
        for timms, name in _POOL.items():
            weights |= parameters.copied(f"encoder.attn_pool.{timms}", f"head.{name}")
        for block in range(sizes["depth"]):
            path, to = f"encoder.blocks.{block}", f"encoder.layers.{block}"
            for timms, name in (_BLOCK | _MLP).items():
                weights |= parameters.copied(f"{path}.{timms}", f"{to}.{name}")
            for kind in ("weight", "bias"):
                parts = parameters.take(f"{path}.attn.qkv.{kind}").chunk(3)
                weights |= {f"{to}.self_attn.{part}_proj.{kind}": own for part, own in zip("qkv", parts, strict=True)}
        return weights


def _linear(path: str, inputs: str, outputs: str) -> list[Leaf]:
    return [Leaf(f"{path}.weight", (outputs, inputs)), Leaf(f"{path}.bias", (outputs,))]


def _norm(path: str) -> list[Leaf]:
    return [Leaf(f"{path}.weight", ("width",)), Leaf(f"{path}.bias", ("width",))]


def _mlp(path: str) -> list[Leaf]:
    return _linear(f"{path}.fc1", "width", "mlp") + _linear(f"{path}.fc2", "mlp", "width")
