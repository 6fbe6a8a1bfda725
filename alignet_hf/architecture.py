"""What an encoder is, by its configuration alone: no weights are downloaded, and none are drawn."""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import httpx2
import torch
from huggingface_hub import constants, get_session, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.utils import CONFIG_NAME, cached_file

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
        InputError: there is no such model, or one whose pooling or image size cannot be had.
    """
    if encoder.model == DEMO_TEACHER:
        from alignet_hf.demo.encoders import demo_teacher

        check_demo_teacher(encoder)
        n_parameters = sum(parameter.numel() for parameter in demo_teacher()[0].parameters())
        return Architecture("efficientnet-lite0", None, None, None, None, None, 224, None, "mean", 1280, n_parameters)
    if encoder.model == DEMO_STUDENT:
        from alignet_hf.demo.encoders import demo_student

        config, size = demo_student(encoder.image_size or 224)[0].config, encoder.image_size or 224
    else:
        local = opens_locally(encoder.model, encoder.revision)
        config, size = _config(encoder, local), encoder.image_size or _processor_size(encoder, local)
    model = _without_weights(encoder, config, projection_dim)
    if encoder.image_size is not None:
        check_size(model, encoder)
    return _describe(model.config, size, sum(parameter.numel() for parameter in model.parameters()))


def check_size(model: AligNetVisionModel, encoder: Encoder) -> None:
    """Check that a model takes images of the size that the recipe gives it; one without weights tells it too.

    Raises:
        InputError: naming the model and the size.
    """
    try:
        with torch.no_grad():
            model(torch.zeros(1, 3, encoder.image_size, encoder.image_size, device=model.device))
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{encoder.model}: takes no images of {encoder.image_size} pixels ({str(error).splitlines()[0]}); "
            "leave image_size out"
        ) from error


def check_demo_teacher(encoder: Encoder) -> None:
    """Refuse what the demo's teacher, which is no model of transformers, has no choice of."""
    if encoder.image_size not in (None, 224) or encoder.pooling != "auto":
        raise InputError(f"{DEMO_TEACHER}: has one image_size, 224, and one pooling; leave both out")


def opens_locally(name: str, revision: str | None = None) -> bool:
    """Whether a model is opened from a folder, or from the cache as there is no Hub to ask.

    Raises:
        UnreachableError: there is no Hub to ask, and the cache does not have the model.
        InputError: the model is neither a folder nor a name that the Hub could know, or one of the demo's misspelt.
    """
    if Path(name).is_dir():
        return True
    if "/" not in name and (near := get_close_matches(name, (DEMO_STUDENT, DEMO_TEACHER), 1, cutoff=0.8)):
        raise InputError(f"{name}: no such folder, and no such encoder of the demo; did you mean {near[0]}?")
    if not is_hub_id(name):
        raise InputError(f"{name}: no such folder, and no name on the Hub")
    if hub_answers():
        return False
    if not isinstance(try_to_load_from_cache(name, CONFIG_NAME, revision=revision), str):
        raise UnreachableError(f"{name}: no such folder, and the Hub cannot be reached")
    return True


def _without_weights(encoder: Encoder, config: PreTrainedConfig, projection_dim: int | None) -> AligNetVisionModel:
    try:
        if config.model_type != AligNetVisionConfig.model_type:
            if "vision_config" in config.sub_configs:
                config = config.vision_config
            config = AligNetVisionConfig(vision_config=config, pooling=encoder.pooling, projection_dim=projection_dim)
        with torch.device("meta"):
            return AligNetVisionModel(config, AutoModel.from_config(config.vision_config)).eval()
    except (ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{encoder.model}: cannot be used as a vision model: {reason}") from error


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
    try:
        return AutoConfig.from_pretrained(encoder.model, revision=encoder.revision, local_files_only=local)
    except (OSError, ValueError) as error:
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
