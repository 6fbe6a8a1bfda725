"""What an encoder is, by its configuration alone: no weights are downloaded, and none are drawn."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx2
import torch
from huggingface_hub import constants, get_session
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from transformers import AutoConfig, AutoModel
from transformers.utils import cached_file

from alignet_hf.configuration_alignet import FAMILIES, AligNetVisionConfig
from alignet_hf.errors import InputError
from alignet_hf.hub.base_model import is_hub_id
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.recipe import DEMO_STUDENT, DEMO_TEACHER, Encoder

TIMEOUT = 5  # seconds; the Hub's own client asks for half a minute before it says that there is no network
_PROCESSOR = "preprocessor_config.json"


class UnreachableError(InputError):
    """The Hub is not reached, so nothing is known of a model that may well be there."""


@dataclass(frozen=True)
class Architecture:
    """An encoder's sizes; None where the family has no such thing (a CNN's heads), or its configuration does not say.

    Attributes:
        family: transformers' name of it.
        width, depth, heads, intermediate: of its layers.
        patch, image_size: in pixels; the size is that of the images it is given.
        tokens: of an image, CLS and others included.
        pooling: how they become the representation.
        dimensions: of the representation.
        parameters: all of them, the triplet head's too.
    """

    family: str
    width: int | None
    depth: int | None
    heads: int | None
    intermediate: int | None
    patch: int | None
    image_size: int | None
    tokens: int | None
    pooling: str
    dimensions: int
    parameters: int

    def __str__(self) -> str:
        parts = [
            self.family,
            None if self.depth is None else f"{self.depth} layers",
            None if self.width is None else f"{self.width} wide",
            None if self.heads is None else f"{self.heads} heads",
            None if self.patch is None else f"patches of {self.patch}",
            None if self.image_size is None else f"images of {self.image_size}",
            f"pooling {self.pooling}",
            f"{self.dimensions} dimensions",
            f"{self.parameters / 1e6:.1f}M parameters",
        ]
        return ", ".join(part for part in parts if part is not None)


def architecture_of(encoder: Encoder, projection_dim: int | None = None) -> Architecture:
    """The architecture of a recipe's encoder; of a Hub id its configuration is downloaded, a small file.

    Args:
        projection_dim: width of the student's triplet head.

    Raises:
        UnreachableError: the Hub is not reached, and the cache does not have the configuration.
        InputError: there is no such model, or one whose pooling cannot be had.
    """
    if encoder.model == DEMO_TEACHER:
        from alignet_hf.demo.encoders import demo_teacher

        n_parameters = sum(parameter.numel() for parameter in demo_teacher()[0].parameters())
        return Architecture("efficientnet-lite0", None, None, None, None, None, 224, None, "mean", 1280, n_parameters)
    if encoder.model == DEMO_STUDENT:
        from alignet_hf.demo.encoders import demo_student

        config, size = demo_student(encoder.image_size or 224)[0].config, encoder.image_size or 224
    else:
        local = Path(encoder.model).is_dir() or not hub_answers()
        config, size = _config(encoder, local), encoder.image_size or _processor_size(encoder, local)
    try:
        if config.model_type != AligNetVisionConfig.model_type:
            if "vision_config" in config.sub_configs:
                config = config.vision_config
            config = AligNetVisionConfig(vision_config=config, pooling=encoder.pooling, projection_dim=projection_dim)
        with torch.device("meta"):
            model = AligNetVisionModel(config, AutoModel.from_config(config.vision_config))
    except (ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{encoder.model}: cannot be used as a vision model: {reason}") from error
    return _describe(config, size, sum(parameter.numel() for parameter in model.parameters()))


def _describe(config: AligNetVisionConfig, size: int | None, n_parameters: int) -> Architecture:
    vision = config.vision_config

    def integer(*names: str) -> int | None:
        found = (getattr(vision, name, None) for name in names)
        return next((value for value in found if isinstance(value, int)), None)

    width, patch, size = integer("hidden_size"), integer("patch_size"), size or integer("image_size")
    tokens = None
    if None not in (patch, size, width) and vision.model_type in FAMILIES:
        tokens = (size // patch) ** 2 + config.num_prefix_tokens
    ratio = integer("mlp_ratio")  # DINOv2 says it so
    intermediate = integer("intermediate_size") if ratio is None or width is None else ratio * width
    return Architecture(
        family=vision.model_type,
        width=width,
        depth=integer("num_hidden_layers"),
        heads=integer("num_attention_heads"),
        intermediate=intermediate,
        patch=patch,
        image_size=size,
        tokens=tokens,
        pooling=config.resolved_pooling,
        dimensions=config.hidden_size,
        parameters=n_parameters,
    )


def _config(encoder: Encoder, local: bool):
    if not (Path(encoder.model).is_dir() or is_hub_id(encoder.model)):
        raise InputError(f"{encoder.model}: no such folder, and no name on the Hub")
    try:
        return AutoConfig.from_pretrained(encoder.model, revision=encoder.revision, local_files_only=local)
    except (OSError, ValueError) as error:
        if isinstance(error.__cause__, LocalEntryNotFoundError) and not Path(encoder.model).is_dir():
            raise UnreachableError(
                f"{encoder.model}: no such folder, and the Hub is not reached for its configuration"
            ) from error
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{encoder.model}: cannot be loaded as a vision model: {reason}") from error


def _processor_size(encoder: Encoder, local: bool) -> int | None:
    """The size of the images that the model's own processor makes, where its file says so."""
    try:
        path = cached_file(encoder.model, _PROCESSOR, revision=encoder.revision, local_files_only=local)
        options = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, EntryNotFoundError, ValueError):
        return None
    size = options.get("crop_size") if options.get("do_center_crop") else options.get("size")
    return size.get("height") if isinstance(size, dict) else size


def hub_answers() -> bool:
    """Whether there is a Hub to ask."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT)
    except httpx2.TransportError:
        return False
    return True
