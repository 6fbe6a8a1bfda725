"""Configuration of an AligNet vision model: a backbone's own configuration, how its tokens are pooled, and the head."""

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

AUTO_MAP = {
    "AutoConfig": "configuration_alignet.AligNetVisionConfig",
    "AutoModel": "modeling_alignet.AligNetVisionModel",
    "AutoModelForImageClassification": "modeling_alignet.AligNetForImageClassification",
}
POOLINGS = ("auto", "cls", "mean", "patch-mean", "cls+patch-mean", "pooler")

# Family -> (what "auto" means, tokens in front of the patches: CLS, then DeiT's distillation token).
# The paper represents an image by the pooled output of an image/text model, and by the CLS token after the last layer
# norm of other ViTs. ViT's and DeiT's own pooler_output is tanh(dense(CLS)), which the paper does not use. Where a
# family has no CLS token after a layer norm (BEiT with mean pooling, Swin, ConvNeXt), "auto" is the pooled output that
# its authors classify from.
FAMILIES = {
    "beit": ("pooler", 1),
    "chinese_clip_vision_model": ("pooler", 1),
    "clip_vision_model": ("pooler", 1),
    "convnext": ("pooler", 0),
    "convnextv2": ("pooler", 0),
    "data2vec-vision": ("pooler", 1),
    "deit": ("cls", 2),
    "dinov2": ("cls", 1),
    "dinov2_with_registers": ("cls", 1),
    "dinov3_convnext": ("pooler", 1),  # its model puts the pooled map in front, as a CLS token
    "dinov3_vit": ("cls", 1),
    "ijepa": ("mean", 0),
    "siglip2_vision_model": ("pooler", 0),
    "siglip_vision_model": ("pooler", 0),
    "swin": ("pooler", 0),
    "swinv2": ("pooler", 0),
    "vit": ("cls", 1),
    "vit_msn": ("cls", 1),
}
_FAMILIES_WITH_REGISTERS = ("dinov2_with_registers", "dinov3_vit")
_FAMILIES_WITH_OPTIONAL_HEAD = ("siglip2_vision_model", "siglip_vision_model")


@strict
class AligNetVisionConfig(PreTrainedConfig):
    """Configuration of `AligNetVisionModel` and `AligNetForImageClassification`.

    Args:
        vision_config: the backbone's own configuration, of any type that `AutoConfig` knows (default: a ViT).
        pooling: how the backbone's output becomes the representation, (B, hidden_size):
            "auto": the paper's representation of the backbone's family, see `resolved_pooling`;
            "cls": the first token; "mean": the mean over all tokens (positions of a feature map);
            "patch-mean": the mean over the patches' tokens, without CLS, distillation and register tokens;
            "cls+patch-mean": the first token and that mean, one behind the other, as DINOv2's linear probes take them;
            "pooler": the backbone's own pooler_output.
            Tokens are those of last_hidden_state, so CLIP's, BEiT's and ConvNeXt's come before the last layer norm.
        projection_dim: width of the linear triplet head; None for no head.
        classifier_norm: whether the classifier normalises the representation (a LayerNorm) before its linear layer, as
            the ImageNet heads of the authors' released models do.
        classifier_norm_eps: what that LayerNorm adds to the variance.

    Raises:
        ValueError: for a pooling that does not exist or that the backbone's family does not have.
    """

    model_type = "alignet_vision"
    sub_configs_defaults = {"vision_config": SubConfigSpec(config_class=AutoConfig, model_type="vit")}  # noqa: RUF012

    vision_config: dict | PreTrainedConfig | None = None
    pooling: str = "auto"
    projection_dim: int | None = None
    classifier_norm: bool = False
    classifier_norm_eps: float = 1e-6

    def __post_init__(self, **kwargs):
        if isinstance(self.vision_config, PreTrainedConfig):
            # A built backbone shares this configuration: without a word, its attention would silently become "eager".
            kwargs.setdefault("attn_implementation", self.vision_config._attn_implementation)
        super().__post_init__(**kwargs)
        if self.projection_dim is not None and self.projection_dim < 1:
            raise ValueError(f"projection_dim must be at least 1, or None for no head; got {self.projection_dim}")
        _ = self.resolved_pooling  # raises where the family does not have it

    @classmethod
    def from_dict(cls, config_dict, **kwargs):
        found = config_dict.get("model_type", cls.model_type)
        if found != cls.model_type:
            raise ValueError(
                f"This is a {found!r} model, not an AligNet model: load it with AligNetVisionModel.from_backbone(...)"
            )
        return super().from_dict(config_dict, **kwargs)

    def to_diff_dict(self):
        saved = super().to_diff_dict()
        saved["auto_map"] = dict(AUTO_MAP)  # of every class, whichever of them is saved
        saved["vision_config"].pop("_name_or_path", None)  # may be a folder of the machine that trained the model
        if not self.classifier_norm:
            del saved["classifier_norm"], saved["classifier_norm_eps"]
        return saved

    @property
    def resolved_pooling(self) -> str:
        """The pooling with "auto" replaced by what it means for the backbone's family.

        | family | "auto" |
        |---|---|
        | SigLIP, SigLIP 2 | "pooler": the attention-pooling head; "mean" where `vision_use_head` is false |
        | CLIP, Chinese-CLIP | "pooler": the CLS token after the last layer norm |
        | ViT (DINOv1), DeiT, DINOv2 with and without registers, DINOv3 ViT, MSN | "cls": after the last layer norm |
        | BEiT, Data2Vec | "pooler": the normed mean over patches, the normed CLS where `use_mean_pooling` is false |
        | Swin, ConvNeXt, DINOv3 ConvNeXt | "pooler": the pooled feature map |
        | I-JEPA | "mean" |
        | any other | "pooler" |
        """
        family = self.vision_config.model_type
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}; got {self.pooling!r}")
        headless = family in _FAMILIES_WITH_OPTIONAL_HEAD and not self.vision_config.vision_use_head
        if self.pooling == "auto":
            return "mean" if headless else FAMILIES.get(family, ("pooler", None))[0]
        if self.pooling == "pooler" and headless:
            raise ValueError(f"pooling 'pooler': this {family} has no pooling head (vision_use_head=False); use 'mean'")
        if self.pooling in ("cls", "cls+patch-mean") and family in FAMILIES and self.num_prefix_tokens == 0:
            raise ValueError(
                f"pooling {self.pooling!r}: a {family} backbone has no CLS token; use 'auto', 'mean' or 'pooler'"
            )
        if self.pooling in ("cls", "patch-mean", "cls+patch-mean") and family not in FAMILIES:
            raise ValueError(
                f"pooling {self.pooling!r}: where a {family} backbone keeps its CLS and patch tokens is not known; "
                f"use 'auto', 'mean' or 'pooler' (families known: {', '.join(FAMILIES)})"
            )
        return self.pooling

    @property
    def num_prefix_tokens(self) -> int:
        """Tokens in front of the patches: CLS, distillation and register tokens (known families only)."""
        family = self.vision_config.model_type
        registers = self.vision_config.num_register_tokens if family in _FAMILIES_WITH_REGISTERS else 0
        return FAMILIES[family][1] + registers

    @property
    def hidden_size(self) -> int:
        """Width of the representation: the backbone's (a hierarchical one's last stage), twice that of two poolings."""
        hierarchical = hasattr(self.vision_config, "hidden_sizes")
        width = self.vision_config.hidden_sizes[-1] if hierarchical else self.vision_config.hidden_size
        return 2 * width if self.pooling == "cls+patch-mean" else width

    @property
    def image_size(self) -> int:
        return self.vision_config.image_size

    @property
    def patch_size(self) -> int:
        return self.vision_config.patch_size

    @property
    def num_channels(self) -> int:
        return self.vision_config.num_channels
