"""transformers' FlaxViTModel and FlaxDinov2Model, to which DINO's weights were ported.

Source of the names: https://github.com/huggingface/transformers (version 4), models/vit/modeling_flax_vit.py and
models/dinov2/modeling_flax_dinov2.py. Kernels of attention are (width, width): their shapes do not tell the heads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transformers import Dinov2Config, PreTrainedConfig, ViTConfig

from alignet_hf.convert.layouts.layout import Layout, backbone_options
from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.layouts.positions import resampled_positions
from alignet_hf.convert.layouts.tree import Leaf, Sizes, dense, norm, patches

_PROJECTION = "embeddings/patch_embeddings/projection"
_QUERIES = {f"attention/attention/{part}": f"attention.{part[0]}_proj" for part in ("query", "key", "value")}
_OUT = {"attention/output/dense": "attention.o_proj"}


@dataclass(frozen=True)
class FlaxViT(Layout):
    """FlaxViTModel; its pooler, where it has one, is not what the paper represents images by.

    Attributes:
        pooler: whether the tree has it.
    """

    pooler: bool = False

    tells_heads = False
    may_pool_twice = True

    @property
    def own_layers(self) -> tuple[str, ...]:
        return ("pooler",) * self.pooler

    def leaves(self, depth: int) -> list[Leaf]:
        leaves = [*_embeddings(), *norm("layernorm")]
        for block in range(depth):
            leaves += [leaf.under(f"encoder/layer/{block}") for leaf in self._block()]
        return leaves + dense("pooler/dense", "width", "width") if self.pooler else leaves

    def _block(self) -> list[Leaf]:
        leaves = norm("layernorm_before") + norm("layernorm_after")
        for path in (*_QUERIES, *_OUT):
            leaves += dense(path, "width", "width")
        return leaves + dense("intermediate/dense", "width", "mlp") + dense("output/dense", "mlp", "width")

    def backbone_config(self, sizes: Sizes, image_size: int) -> PreTrainedConfig:
        return ViTConfig(**_options(sizes, image_size), intermediate_size=sizes["mlp"])

    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        weights = _embedded(parameters, sizes, image_size) | parameters.norm("layernorm", "layernorm")
        names = _QUERIES | _OUT | {"intermediate/dense": "mlp.fc1", "output/dense": "mlp.fc2"}
        norms = {"layernorm_before": "layernorm_before", "layernorm_after": "layernorm_after"}
        for block in range(sizes["depth"]):
            weights |= _layers(parameters, f"encoder/layer/{block}", f"layers.{block}", names, norms)
        return weights | parameters.dense("pooler/dense", "pooler.dense") if self.pooler else weights


@dataclass(frozen=True)
class FlaxDinov2(Layout):
    """FlaxDinov2Model.

    Attributes:
        mask_token: whether the tree has it; nothing but the training of DINOv2 uses it.
    """

    mask_token: bool = True

    tells_heads = False
    may_pool_twice = True
    resamples_positions = True

    def leaves(self, depth: int) -> list[Leaf]:
        leaves = [*_embeddings(), *norm("layernorm")]
        if self.mask_token:
            leaves.append(Leaf("embeddings/mask_token", (1, "width")))
        for block in range(depth):
            leaves += [leaf.under(f"encoder/layer/{block}") for leaf in self._block()]
        return leaves

    def _block(self) -> list[Leaf]:
        leaves = norm("norm1") + norm("norm2") + dense("mlp/fc1", "width", "mlp") + dense("mlp/fc2", "mlp", "width")
        for path in (*_QUERIES, *_OUT):
            leaves += dense(path, "width", "width")
        return leaves + [Leaf(f"layer_scale{n}/lambda1", ("width",)) for n in (1, 2)]

    def contradiction(self, sizes: Sizes) -> str | None:
        return mlp_ratio_contradiction(sizes) or super().contradiction(sizes)

    def backbone_config(self, sizes: Sizes, image_size: int) -> PreTrainedConfig:
        return dinov2_config(_options(sizes, image_size), sizes, mask_token=self.mask_token)

    def weights(self, parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
        weights = _embedded(parameters, sizes, image_size) | parameters.norm("layernorm", "layernorm")
        if self.mask_token:
            weights["embeddings.mask_token"] = parameters.take("embeddings/mask_token")
        names = _QUERIES | _OUT | {"mlp/fc1": "mlp.fc1", "mlp/fc2": "mlp.fc2"}
        for block in range(sizes["depth"]):
            path, to = f"encoder/layer/{block}", f"encoder.layer.{block}"
            weights |= _layers(parameters, path, to, names, {"norm1": "norm1", "norm2": "norm2"})
            for scale in ("layer_scale1", "layer_scale2"):
                weights[f"{to}.{scale}.lambda1"] = parameters.take(f"{path}/{scale}/lambda1")
        return weights


def dinov2_config(options: dict, sizes: Sizes, *, mask_token: bool) -> Dinov2Config:
    """DINOv2's configuration, which has the width of the MLP as a ratio."""
    return Dinov2Config(**options, mlp_ratio=sizes["mlp"] // sizes["width"], use_mask_token=mask_token)


def mlp_ratio_contradiction(sizes: Sizes) -> str | None:
    """Why transformers' DINOv2 cannot have an MLP of that width; None where it can."""
    if sizes["mlp"] % sizes["width"] == 0:
        return None
    return f"transformers' DINOv2 has an MLP of a multiple of the width {sizes['width']}; {sizes['mlp']} is none"


def _options(sizes: Sizes, image_size: int) -> dict:
    return {
        **backbone_options(sizes, image_size),
        "hidden_act": "gelu",  # DINO's own: exact
        "layer_norm_eps": 1e-6,
    }


def _embeddings() -> list[Leaf]:
    table = Leaf("embeddings/position_embeddings", (1, "tokens", "width"))
    return [Leaf("embeddings/cls_token", (1, 1, "width")), *patches(_PROJECTION), table]


def _embedded(parameters: Parameters, sizes: Sizes, image_size: int) -> Weights:
    positions = parameters.take("embeddings/position_embeddings")[0]
    return {
        "embeddings.cls_token": parameters.take("embeddings/cls_token"),
        "embeddings.position_embeddings": resampled_positions(positions, image_size // sizes["patch"])[None],
        **parameters.patches(_PROJECTION, "embeddings.patch_embeddings.projection"),
    }


def _layers(parameters: Parameters, path: str, to: str, layers: Mapping[str, str], norms: Mapping[str, str]) -> Weights:
    weights = {}
    for theirs, name in layers.items():
        weights |= parameters.dense(f"{path}/{theirs}", f"{to}.{name}")
    for theirs, name in norms.items():
        weights |= parameters.norm(f"{path}/{theirs}", f"{to}.{name}")
    return weights
