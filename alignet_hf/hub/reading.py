"""How the paper's representation is read off the outputs of a backbone's own transformers class."""

from alignet_hf.configuration_alignet import FAMILIES, AligNetVisionConfig

_FEATURE_MAPS = ("convnext", "convnextv2")  # their last_hidden_state is (B, D, H, W)
_PADDED = "siglip2_vision_model"  # images of native aspect ratio, padded to one number of patches


def reading(config: AligNetVisionConfig) -> str:
    """The Python expression over `outputs` that equals `AligNetVisionModel`'s pooler_output, (B, hidden_size).

    `outputs = model(**inputs)` is what the backbone's plain transformers class gives; for means over SigLIP 2's padded
    patches the expression also names `inputs`, for their mask.

    >>> reading(AligNetVisionConfig(vision_config=Dinov2Config()))
    'outputs.last_hidden_state[:, 0]'
    """
    family, pooling = config.vision_config.model_type, config.resolved_pooling
    if pooling == "pooler":
        # A family that is not described there may pool to (B, D, 1, 1), as ResNet does.
        return "outputs.pooler_output" if family in FAMILIES else "outputs.pooler_output.flatten(1)"
    if pooling == "cls":
        return "outputs.last_hidden_state[:, 0]"
    if family == _PADDED:
        mask = 'inputs["pixel_attention_mask"]'
        return f"(outputs.last_hidden_state * {mask}[..., None]).sum(1) / {mask}.sum(1, keepdim=True)"
    if family in _FEATURE_MAPS:
        return "outputs.last_hidden_state.mean((2, 3))"
    if family not in FAMILIES:
        tokens = "outputs.last_hidden_state"
        return f"{tokens}.mean((2, 3)) if {tokens}.ndim == 4 else {tokens}.mean(1)"
    start = 0 if pooling == "mean" else config.num_prefix_tokens
    mean = f"outputs.last_hidden_state[:, {start}:].mean(1)" if start else "outputs.last_hidden_state.mean(1)"
    return f"torch.cat([outputs.last_hidden_state[:, 0], {mean}], 1)" if pooling == "cls+patch-mean" else mean
