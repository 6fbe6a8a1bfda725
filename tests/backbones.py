"""Tiny backbones of every family: 32 wide, 2 layers, images of 32 pixels, random weights everywhere."""

import torch
from transformers import (
    AutoModel,
    BeitConfig,
    BitImageProcessorPil,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    ConvNextConfig,
    ConvNextV2Config,
    DeiTConfig,
    Dinov2Config,
    Dinov2WithRegistersConfig,
    DINOv3ConvNextConfig,
    DINOv3ViTConfig,
    PreTrainedModel,
    Siglip2Config,
    Siglip2Model,
    Siglip2VisionConfig,
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    SwinConfig,
    ViTConfig,
)

_VIT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
_IMAGE = {"image_size": 32, "patch_size": 8}
_STAGES = {"num_stages": 2, "depths": [1, 1], "hidden_sizes": [16, 32], "image_size": 32}
_TEXT = {**_VIT, "vocab_size": 40, "max_position_embeddings": 8, "bos_token_id": 1, "eos_token_id": 2}

_CONFIGS = {
    "vit": ViTConfig(**_VIT, **_IMAGE),
    "deit": DeiTConfig(**_VIT, **_IMAGE),
    "dinov2": Dinov2Config(**_VIT, **_IMAGE),
    "dinov2_with_registers": Dinov2WithRegistersConfig(**_VIT, **_IMAGE, num_register_tokens=3),
    "dinov3_vit": DINOv3ViTConfig(**_VIT, **_IMAGE, num_register_tokens=3),
    "siglip": SiglipVisionConfig(**_VIT, **_IMAGE),
    "siglip2": Siglip2VisionConfig(**_VIT, patch_size=8, num_patches=16),
    "clip": CLIPVisionConfig(**_VIT, **_IMAGE),
    "beit": BeitConfig(**_VIT, **_IMAGE, use_absolute_position_embeddings=True),
    "swin": SwinConfig(image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=4),
    "convnext": ConvNextConfig(**_STAGES),
    "convnextv2": ConvNextV2Config(**_STAGES),
    "dinov3_convnext": DINOv3ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 32], image_size=32),
}
_TWO_TOWERS = {
    "siglip": (SiglipModel, SiglipConfig, {**_VIT, **_IMAGE}),
    "siglip2": (Siglip2Model, Siglip2Config, {**_VIT, "patch_size": 8, "num_patches": 16}),
    "clip": (CLIPModel, CLIPConfig, {**_VIT, **_IMAGE}),
}
FAMILIES = tuple(_CONFIGS)
TWO_TOWER_FAMILIES = tuple(_TWO_TOWERS)


def tiny_backbone(family: str, seed: int = 0, **changes) -> PreTrainedModel:
    """A backbone of the family in evaluation mode; `changes` override its configuration."""
    config = type(_CONFIGS[family])(**{**_CONFIGS[family].to_dict(), **changes})
    return _with_random_weights(AutoModel.from_config(config), seed)


def save_tiny_encoder(folder, seed: int = 0) -> str:
    """Write a tiny backbone and its processor -> the folder, as options take it."""
    tiny_backbone("dinov2", seed).save_pretrained(folder)
    BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder)
    return str(folder)


def tiny_two_tower(family: str, seed: int = 0) -> PreTrainedModel:
    """A model of images and texts, in evaluation mode."""
    model_class, config_class, vision = _TWO_TOWERS[family]
    return _with_random_weights(model_class(config_class(text_config=dict(_TEXT), vision_config=vision)), seed)


def tiny_inputs(family: str, n: int = 3, seed: int = 0) -> dict[str, torch.Tensor]:
    """Model inputs of `n` random images; SigLIP 2's are unequal in shape, padded."""
    generator = torch.Generator().manual_seed(seed)
    if family != "siglip2":
        return {"pixel_values": torch.rand(n, 3, 32, 32, generator=generator)}
    shapes = torch.tensor([(4, 4), (2, 5), (3, 3)]).repeat(n, 1)[:n]
    return {
        "pixel_values": torch.rand(n, 16, 3 * 8 * 8, generator=generator),
        "pixel_attention_mask": (torch.arange(16) < shapes.prod(1, keepdim=True)).long(),
        "spatial_shapes": shapes,
    }


def run(model, inputs, **kwargs):
    with torch.no_grad():
        return model(**inputs, **kwargs)


def assert_same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=0)


def assert_same_weights(a, b):
    a, b = a.state_dict(), b.state_dict()
    assert a.keys() == b.keys()
    for name in a:
        assert_same(a[name], b[name])


def _with_random_weights(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    # Fresh models have zeros where it matters (tokens, layer scale, norms' biases) and would hide a mix-up.
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(weight + 0.1 * noise if "norm" in name else 0.2 * noise)
    return model.eval()
