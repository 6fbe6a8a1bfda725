"""AligNet vision models: any transformers vision backbone, the paper's representation of it, and a head."""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import MODEL_MAPPING, AutoConfig, AutoModel, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import ImageClassifierOutput
from transformers.utils import ModelOutput, can_return_tuple, logging

from .configuration_alignet import AligNetVisionConfig
from .image_processing_alignet import AligNetImageProcessor


@dataclass
class AligNetVisionModelOutput(ModelOutput):
    """Output of `AligNetVisionModel`.

    Args:
        last_hidden_state: the backbone's, (B, tokens, hidden_size) or a feature map (B, hidden_size, H, W).
        pooler_output: (B, hidden_size), the representation of the paper (see `AligNetVisionConfig.resolved_pooling`).
        triplet_embeds: (B, projection_dim), the head's output; pooler_output where there is no head.
        hidden_states, attentions: the backbone's, where asked for.
    """

    last_hidden_state: torch.FloatTensor | None = None
    pooler_output: torch.FloatTensor | None = None
    triplet_embeds: torch.FloatTensor | None = None
    hidden_states: tuple[torch.FloatTensor, ...] | None = None
    attentions: tuple[torch.FloatTensor, ...] | None = None


class AligNetPreTrainedModel(PreTrainedModel):
    """A backbone and its pooling: what the models share."""

    config: AligNetVisionConfig
    base_model_prefix = "backbone"
    main_input_name = "pixel_values"
    image_processor_class = AligNetImageProcessor  # of the released models; named here, its file is saved with this one
    input_modalities = ("image",)
    supports_gradient_checkpointing = True  # of the class; an instance says what its backbone does
    # Whether an attention implementation can be had is the backbone's to say: it checks when it is built.
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: AligNetVisionConfig, backbone: PreTrainedModel | None = None):
        super().__init__(config)
        self.pooling = config.resolved_pooling
        if backbone is None:
            backbone = AutoModel.from_config(config.vision_config)
        else:
            for module in backbone.modules():  # or post_init would draw the given weights anew
                module._is_hf_initialized = True
        self.backbone = backbone
        self.supports_gradient_checkpointing = backbone.supports_gradient_checkpointing
        if self.pooling != "pooler":
            # A ViT's pooler may be absent from its checkpoint (DINOv1's is); then it is not used either.
            self._keys_to_ignore_on_load_missing = [r"^backbone\.pooler\."]

    @classmethod
    def from_pretrained(cls, *args, use_safetensors: bool = True, **kwargs):
        """transformers' own, of safetensors alone unless asked otherwise: another format's file may run code."""
        return super().from_pretrained(*args, use_safetensors=use_safetensors, **kwargs)

    @classmethod
    def from_released(
        cls,
        name: str,
        *,
        base_url: str | None = None,
        cache_dir: str | None = None,
        reading: str | None = None,
        force_download: bool = False,
        **kwargs,
    ):
        """One of the 24 checkpoints that the authors released, downloaded and converted once, offline afterwards.

        Its image processor is beside it: `AutoImageProcessor.from_pretrained(model.name_or_path)`.

        Args:
            name: one of SigLIP-B, SigLIP2-B, DINOv1-B, DINOv2-B, CapPa-B, ViT-B, CLIP-ViT-B and Scratch-B, with
                -alignet, -base_model or -untransformed (UnAligNet): "SigLIP2-B-alignet".
            base_url: of the folder where NAME.tar.gz is; by default ALIGNET_HF_RELEASED_URL, or the authors' own.
            cache_dir: in place of the Hub's cache (HF_HUB_CACHE, HF_HOME).
            reading: what the variables mean, where the name and their shapes leave that open: "dinov2:heads=12".
            force_download: download and convert again.
            kwargs: for `from_pretrained` (dtype, attn_implementation ...).

        Raises:
            ImportError: this is a copy of the code from the Hub, and the package alignet-hf is not installed.
            ValueError: no such checkpoint, no network, a file that cannot be read, or one without this class's head.
        """
        try:
            from alignet_hf.convert.converting import download_released
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "alignet_hf":
                raise
            raise ImportError(f"{cls.__name__}.from_released converts: pip install alignet-hf") from error
        folder = download_released(name, base_url=base_url, cache_dir=cache_dir, reading=reading, force=force_download)
        model, loaded = cls.from_pretrained(folder, output_loading_info=True, **kwargs)
        if loaded["missing_keys"]:
            raise ValueError(
                f"{name}: the checkpoint has no {', '.join(sorted(loaded['missing_keys']))} for {cls.__name__}"
            )
        return model

    @torch.no_grad()
    def _init_weights(self, module):
        # Only the heads: the backbone draws its own weights.
        if isinstance(module, nn.Linear):
            init.normal_(module.weight, std=module.in_features**-0.5)  # keeps the scale of the representation
            init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)

    def _head(self, width: int) -> nn.Linear:
        return nn.Linear(self.config.hidden_size, width, device=self.backbone.device, dtype=self.backbone.dtype)

    def _represent(self, pixel_values, pixel_attention_mask=None, spatial_shapes=None, **kwargs):
        """Run the backbone -> its outputs, and the representation (B, hidden_size)."""
        for name in ("output_hidden_states", "output_attentions"):
            kwargs.setdefault(name, getattr(self.config, name))
        if pixel_attention_mask is not None:
            kwargs["pixel_attention_mask"] = pixel_attention_mask
        if spatial_shapes is not None:
            kwargs["spatial_shapes"] = spatial_shapes
        pixel_values = pixel_values.to(self.backbone.dtype)  # BEiT, Swin and ConvNeXt do not do it themselves
        outputs = self.backbone(pixel_values=pixel_values, return_dict=True, **kwargs)
        return outputs, self._pool(outputs, pixel_attention_mask)

    def _pool(self, outputs, pixel_attention_mask=None) -> torch.Tensor:
        if self.pooling == "pooler":
            if outputs.get("pooler_output") is None:
                raise ValueError(f"{type(self.backbone).__name__} has no pooler_output: choose another pooling")
            return outputs.pooler_output.flatten(1)  # ResNet's is (B, D, 1, 1)
        tokens = outputs.last_hidden_state  # (B, T, D)
        if tokens.ndim == 4:  # a feature map (B, D, H, W)
            tokens = tokens.flatten(2).transpose(1, 2)
        if self.pooling == "cls":
            return tokens[:, 0]
        if pixel_attention_mask is not None:  # SigLIP 2's images of native aspect ratio are padded to one length
            mask = pixel_attention_mask[..., None].to(tokens)  # (B, T, 1); SigLIP 2 has nothing but patches
            return (tokens * mask).sum(1) / mask.sum(1)
        if self.pooling == "mean":
            return tokens.mean(1)
        patches = tokens[:, self.config.num_prefix_tokens :].mean(1)
        return torch.cat([tokens[:, 0], patches], dim=1) if self.pooling == "cls+patch-mean" else patches


class AligNetVisionModel(AligNetPreTrainedModel):
    """A vision backbone whose pooled output, through an optional linear head, is compared in triplets.

    Make one of any backbone with `from_backbone`; load and save one as any transformers model.

    >>> model = AligNetVisionModel.from_backbone("facebook/dinov2-base", projection_dim=1024)
    >>> model(pixel_values).triplet_embeds.shape
    torch.Size([8, 1024])
    """

    # A released model's file holds both heads: each class takes its own.
    _keys_to_ignore_on_load_unexpected = [r"^classifier(_norm)?\."]  # noqa: RUF012

    def __init__(self, config: AligNetVisionConfig, backbone: PreTrainedModel | None = None):
        super().__init__(config, backbone)
        self.triplet_head = None if config.projection_dim is None else self._head(config.projection_dim)
        self.post_init()

    @classmethod
    def from_backbone(
        cls,
        name_or_model: str | PreTrainedModel,
        pooling: str = "auto",
        projection_dim: int | None = None,
        **kwargs,
    ) -> "AligNetVisionModel":
        """Wrap a pretrained vision model; its weights are kept, the head's are new.

        Of a model of images and texts (SigLIP, CLIP) the image encoder is taken; of a task's model, what it stands on.

        Args:
            name_or_model: Hub id, folder, or an instantiated model, which is wrapped as it is, not copied.
            pooling: see `AligNetVisionConfig`.
            projection_dim: width of the triplet head; None for no head.
            kwargs: for `AutoModel.from_pretrained` (revision, dtype, attn_implementation ...).

        Raises:
            ValueError: a pooling the backbone does not have, a checkpoint that lacks weights, a model that AutoModel
                cannot build, or one that is an AligNet model already.
        """
        if isinstance(name_or_model, PreTrainedModel):
            if kwargs:
                raise ValueError(f"{', '.join(kwargs)}: only for a model to be loaded, this one is instantiated")
            backbone, missing = _image_encoder(name_or_model), []
        else:
            backbone, missing = _load_backbone(name_or_model, **kwargs)
        config = AligNetVisionConfig(vision_config=backbone.config, pooling=pooling, projection_dim=projection_dim)
        needed = [key for key in missing if config.resolved_pooling == "pooler" or not key.startswith("pooler.")]
        if needed:
            raise ValueError(
                f"{name_or_model}: the checkpoint lacks weights that pooling {pooling!r} of {type(backbone).__name__} "
                f"needs ({', '.join(sorted(needed)[:3])} ...): choose another pooling or checkpoint"
            )
        return cls(config, backbone).train(backbone.training)

    def export_backbone(self, folder: str) -> None:
        """Save the backbone alone, in its own type: `AutoModel.from_pretrained(folder)` needs no code of ours.

        Merge LoRA adapters first (`merge_and_unload`). The image processor is saved apart.
        """
        self.backbone.save_pretrained(folder)

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.Tensor,
        pixel_attention_mask: torch.Tensor | None = None,
        spatial_shapes: torch.Tensor | None = None,
        **kwargs,
    ) -> AligNetVisionModelOutput:
        """Embed images.

        Args:
            pixel_values: (B, C, H, W); for SigLIP 2 (B, patches, patch_size^2 * C).
            pixel_attention_mask: (B, patches), SigLIP 2 only: 1 for a patch, 0 for padding.
            spatial_shapes: (B, 2), SigLIP 2 only: patches down and across.
            kwargs: for the backbone: output_hidden_states, output_attentions, interpolate_pos_encoding ...
        """
        outputs, representation = self._represent(pixel_values, pixel_attention_mask, spatial_shapes, **kwargs)
        return AligNetVisionModelOutput(
            last_hidden_state=outputs.last_hidden_state,
            pooler_output=representation,
            triplet_embeds=representation if self.triplet_head is None else self.triplet_head(representation),
            hidden_states=outputs.get("hidden_states"),
            attentions=outputs.get("attentions"),
        )


class AligNetForImageClassification(AligNetPreTrainedModel):
    """A linear classifier on the representation, which is normalised before it where the configuration says so.

    It loads `AligNetVisionModel` checkpoints, less the triplet head.
    """

    _keys_to_ignore_on_load_unexpected = [r"^triplet_head\."]  # noqa: RUF012

    def __init__(self, config: AligNetVisionConfig, backbone: PreTrainedModel | None = None):
        super().__init__(config, backbone)
        self.num_labels = config.num_labels
        self.classifier_norm = self._norm() if config.classifier_norm else None
        self.classifier = self._head(config.num_labels)
        self.post_init()

    def _norm(self) -> nn.LayerNorm:
        eps, placed = self.config.classifier_norm_eps, {"device": self.backbone.device, "dtype": self.backbone.dtype}
        return nn.LayerNorm(self.config.hidden_size, eps=eps, **placed)

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.Tensor,
        labels: torch.Tensor | None = None,
        pixel_attention_mask: torch.Tensor | None = None,
        spatial_shapes: torch.Tensor | None = None,
        num_items_in_batch: int | torch.Tensor | None = None,
        **kwargs,
    ) -> ImageClassifierOutput:
        """Classify images.

        Args:
            pixel_values, pixel_attention_mask, spatial_shapes, kwargs: as for `AligNetVisionModel`.
            labels: (B,) classes from 0; floats for regression (one label), (B, num_labels) for multi-label problems.
            num_items_in_batch: what the Trainer divides the loss by under gradient accumulation.
        """
        outputs, representation = self._represent(pixel_values, pixel_attention_mask, spatial_shapes, **kwargs)
        if self.classifier_norm is not None:
            representation = self.classifier_norm(representation)
        logits = self.classifier(representation)
        loss = None
        if labels is not None:
            loss = self.loss_function(labels, logits, self.config, num_items_in_batch=num_items_in_batch)
        return ImageClassifierOutput(
            loss=loss,
            logits=logits,
            hidden_states=outputs.get("hidden_states"),
            attentions=outputs.get("attentions"),
        )


def _image_encoder(model: PreTrainedModel) -> PreTrainedModel:
    """The image encoder of a model: a task model's base, a two-tower model's vision part, or the model itself."""
    _refuse_alignet(model.config)
    encoder = model if _is_built_by_auto_model(model) else model.base_model
    if "vision_config" in encoder.config.sub_configs:
        encoder = encoder.vision_model
    if not _is_built_by_auto_model(encoder):
        raise ValueError(
            f"{type(encoder).__name__}: this is not what AutoModel builds from {type(encoder.config).__name__}, so it "
            "could not be loaded again; give the plain vision model"
        )
    return encoder


def _is_built_by_auto_model(model: PreTrainedModel) -> bool:
    return isinstance(model, MODEL_MAPPING.get(type(model.config), ()))


def _load_backbone(name: str, **kwargs) -> tuple[PreTrainedModel, list[str]]:
    """Load the image encoder of a checkpoint -> the encoder, and the names of weights that the checkpoint lacks."""
    config = AutoConfig.from_pretrained(name, **kwargs)
    kwargs.setdefault("use_safetensors", True)  # another format's file may run code when it is loaded
    _refuse_alignet(config)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its report lists the text encoder's weights; what is missing is checked here
    try:
        if "vision_config" in config.sub_configs and type(config.vision_config) in MODEL_MAPPING:
            encoder, info = AutoModel.from_pretrained(
                name, config=config.vision_config, output_loading_info=True, **kwargs
            )
            if not info["missing_keys"]:
                return encoder, []
            # Some families name the vision part's weights in a way that only the whole model reads.
        model, info = AutoModel.from_pretrained(name, output_loading_info=True, **kwargs)
    finally:
        logging.set_verbosity(verbosity)
    prefix = "vision_model." if "vision_config" in config.sub_configs else ""
    missing = [key.removeprefix(prefix) for key in info["missing_keys"] if key.startswith(prefix)]
    return _image_encoder(model), missing


def _refuse_alignet(config) -> None:
    if config.model_type == AligNetVisionConfig.model_type:
        raise ValueError("This is an AligNet model already: load it with AligNetVisionModel.from_pretrained(...)")
