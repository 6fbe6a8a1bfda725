"""A vision transformer of transformers as timm's config.json: architecture, arguments, preprocessing.

Every argument of the architecture is written out, so its name only has to be of the right kind; where timm has one of
the very sizes, it is that one. Source of the names: https://github.com/huggingface/pytorch-image-models,
timm/models/vision_transformer.py (1.0.31).
"""

from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.hub.export_source import Source
from alignet_hf.hub.positions import INTERPOLATE_UNASKED

FAMILIES = ("vit", "deit", "dinov2", "dinov2_with_registers", "siglip_vision_model", "clip_vision_model")

TIMM_EPSILON = 1e-6  # of its layer norms; 1e-5 in CLIP's
_SIZES = {
    (192, 12, 3): "tiny",
    (384, 12, 6): "small",
    (768, 12, 12): "base",
    (1024, 24, 16): "large",
    (1152, 27, 16): "so400m",
}
_REGISTERED = {  # timm's names of exact sizes, without the size of the images -> those sizes
    "vit_tiny_patch16": (224, 384),
    "vit_small_patch8": (224,),
    "vit_small_patch16": (224, 384),
    "vit_small_patch32": (224, 384),
    "vit_base_patch8": (224,),
    "vit_base_patch16": (224, 384),
    "vit_base_patch32": (224, 384),
    "vit_large_patch14": (224,),
    "vit_large_patch16": (224, 384),
    "vit_large_patch32": (224, 384),
    "vit_base_patch16_siglip": (224, 256, 384, 512),
    "vit_large_patch16_siglip": (256, 384),
    "vit_so400m_patch14_siglip": (224, 384),
    "vit_base_patch16_clip": (224, 384),
    "vit_base_patch32_clip": (224, 384),
    "vit_large_patch14_clip": (224, 336),
    "vit_base_patch16_clip_quickgelu": (224,),
    "vit_base_patch32_clip_quickgelu": (224,),
    "vit_large_patch14_clip_quickgelu": (224, 336),
}
_REGISTERED_OF_ANY_SIZE = {
    f"vit_{size}_patch14{reg}_dinov2" for size in ("small", "base", "large") for reg in ("", "_reg4")
}
_ANY_SIZE = {
    "vit": "vit_base_patch16_224",
    "deit": "vit_base_patch16_224",
    "dinov2": "vit_base_patch14_dinov2",
    "dinov2_with_registers": "vit_base_patch14_reg4_dinov2",
    "siglip_vision_model": "vit_base_patch16_siglip_224",
    "clip_vision_model": "vit_base_patch16_clip_quickgelu_224",
}
_ACTIVATIONS = {"gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "quick_gelu": "quick_gelu"}


def timm_config(source: Source) -> dict:
    """timm's config.json: architecture, num_features, global_pool, model_args, pretrained_cfg.

    Raises:
        InputError: a family, a pooling or an option that timm has no equal of.
    """
    config = source.model.config
    vision = config.vision_config
    family = vision.model_type
    if family not in FAMILIES:
        raise InputError(f"timm: {family} is not among the families that can be exported: {', '.join(FAMILIES)}")
    height, width = source.example().shape[-2:]
    _check(vision, height, width)
    arguments = {
        "img_size": [height, width],
        "patch_size": vision.patch_size,
        "in_chans": vision.num_channels,
        "embed_dim": vision.hidden_size,
        "depth": vision.num_hidden_layers,
        "num_heads": vision.num_attention_heads,
        "mlp_ratio": _mlp_width(vision) / vision.hidden_size,
        "class_token": family != "siglip_vision_model",
        "num_classes": 0,
        **_pooling(config),
    }
    if family in ("vit", "deit", "dinov2", "dinov2_with_registers"):
        arguments["qkv_bias"] = vision.qkv_bias
    if family == "deit":
        arguments["reg_tokens"] = 1  # the distillation token; timm's own distilled models return a mean of two tokens
    if family == "dinov2_with_registers":
        arguments |= {"reg_tokens": vision.num_register_tokens, "no_embed_class": True}
    if family == "clip_vision_model":
        arguments["pre_norm"] = True
    if family in INTERPOLATE_UNASKED:
        arguments["init_values"] = vision.layerscale_value
    arguments["act_layer"] = _ACTIVATIONS[vision.hidden_act]
    return {
        "architecture": _architecture(vision, height, width),
        "num_classes": 0,
        "num_features": config.hidden_size,
        "global_pool": arguments["global_pool"],
        "model_args": arguments,
        "pretrained_cfg": {
            "tag": "alignet",
            "num_classes": 0,
            "input_size": [vision.num_channels, height, width],
            "fixed_input_size": True,
            "pool_size": None,
            "first_conv": "patch_embed.proj",
            "classifier": "head",
            **_preprocessing(source),
        },
    }


def _check(vision, height: int, width: int) -> None:
    # No entry of config.json can change the epsilon. 1e-6 instead of 1e-12 shows from the fifth digit on, and who calls
    # `timm.create_model` may set it; another than these would make another representation.
    family, epsilon = vision.model_type, vision.layer_norm_eps
    allowed = (1e-5,) if family == "clip_vision_model" else (TIMM_EPSILON, 1e-12)
    if epsilon not in allowed:
        raise InputError(
            f"timm: layer_norm_eps {epsilon} of this {family} is not timm's {allowed[0]}; export as native"
        )
    if family not in INTERPOLATE_UNASKED and (height, width) != (vision.image_size, vision.image_size):
        raise InputError(
            f"timm: the processor gives images of {height} x {width} pixels, and the model takes {vision.image_size} x "
            f"{vision.image_size}; save a processor of that size with it"
        )
    if vision.hidden_act not in _ACTIVATIONS:
        raise InputError(f"timm: hidden_act {vision.hidden_act!r} is not among {', '.join(_ACTIVATIONS)}")
    if family in INTERPOLATE_UNASKED and vision.use_swiglu_ffn:
        raise InputError(f"timm: a {family} with use_swiglu_ffn cannot be exported; export it as native")


def _pooling(config) -> dict:
    family, pooling = config.vision_config.model_type, config.resolved_pooling
    if family in ("vit", "deit") and pooling == "pooler":
        raise InputError(f"timm: has no equal of the pooler (a tanh layer) of {family}; export it as native")
    if pooling == "cls+patch-mean":
        raise InputError("timm: has no equal of pooling 'cls+patch-mean'; export it as native")
    arguments = {
        "cls": {"global_pool": "token"},
        "mean": {"global_pool": "avg", "pool_include_prefix": True, "fc_norm": False},
        "patch-mean": {"global_pool": "avg", "fc_norm": False},
        "pooler": {"global_pool": "map" if family == "siglip_vision_model" else "token"},
    }[pooling]
    if family == "clip_vision_model" and pooling != "pooler":
        return {**arguments, "final_norm": False}  # its last_hidden_state comes before the norm
    return arguments


def _mlp_width(vision) -> int:
    if vision.model_type in INTERPOLATE_UNASKED:
        return int(vision.hidden_size * vision.mlp_ratio)
    return vision.intermediate_size


def _architecture(vision, height: int, width: int) -> str:
    size = _SIZES.get((vision.hidden_size, vision.num_hidden_layers, vision.num_attention_heads))
    kind = {
        "dinov2": "_dinov2",
        "dinov2_with_registers": "_reg4_dinov2",
        "siglip_vision_model": "_siglip",
        "clip_vision_model": "_clip_quickgelu" if vision.hidden_act == "quick_gelu" else "_clip",
    }.get(vision.model_type, "")
    name = f"vit_{size}_patch{vision.patch_size}"
    if f"{name}{kind}" in _REGISTERED_OF_ANY_SIZE:
        return f"{name}{kind}"
    if height == width and height in _REGISTERED.get(f"{name}{kind}", ()):
        return f"{name}{kind}_{height}"
    return _ANY_SIZE[vision.model_type]


def _preprocessing(source: Source) -> dict:
    """What timm's transforms need to know; nothing where there is no processor."""
    processor = source.processor
    if processor is None:
        return {}
    scale = 255 * processor.rescale_factor if processor.do_rescale else 255
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ([0.0] * 3, [1.0] * 3)
    settings = {
        "mean": [value / scale for value in mean],
        "std": [value / scale for value in std],
        "interpolation": Image.Resampling(processor.resample).name.lower(),
        "crop_pct": 1.0,
        "crop_mode": "squash",
    }
    shortest = dict(processor.size).get("shortest_edge")
    if shortest:
        settings |= {"crop_pct": source.example().shape[-1] / shortest, "crop_mode": "center"}
    return settings
