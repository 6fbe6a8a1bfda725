"""The model that an export is made of."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from transformers import AutoImageProcessor
from transformers.utils import logging

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.errors import InputError
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.download import local_folder
from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel


@dataclass(frozen=True)
class Source:
    """A model to export.

    Args:
        model: in evaluation mode, on the CPU, in the data type of its checkpoint.
        processor: its image processor; None where its folder has none.
        record: of its making, which goes with every export; empty where its folder has none.
        heads: those that the folder holds: "triplet_head", "classifier", both, or none.
        lacks_pooler: whether the backbone's class has a pooler that the checkpoint, which does not use it, has not.
    """

    model: AligNetVisionModel
    processor: object | None
    heads: tuple[str, ...]
    lacks_pooler: bool
    record: Alignment

    @property
    def has_native_processor(self) -> bool:
        """Whether plain transformers can load the processor."""
        return self.processor is not None and not isinstance(self.processor, AligNetImageProcessor)

    def save_processor(self, folder: Path) -> None:
        """Save the image processor, if plain transformers can load it."""
        if self.has_native_processor:
            self.processor.save_pretrained(folder)

    def example(self) -> torch.Tensor:
        """Pixel values of two blank images, as the processor gives them: (2, C, H, W), or SigLIP 2's patches."""
        if self.processor is not None:
            images = [Image.new("RGB", (320, 240))] * 2
            return self.processor(images=images, return_tensors="pt")["pixel_values"]
        config = self.model.config.vision_config
        if config.model_type == "siglip2_vision_model":
            return torch.zeros(2, config.num_patches, config.patch_size**2 * config.num_channels)
        try:
            size = config.image_size
        except AttributeError:
            size = 224  # a convolutional network of any size
        height, width = (size, size) if isinstance(size, int) else size
        return torch.zeros(2, config.num_channels, height, width)


def open_model(folder: str | Path, revision: str | None = None) -> Source:
    """Open an AligNet model to export it.

    Args:
        folder: of an `AligNetVisionModel` or `AligNetForImageClassification`, or its repository on the Hub.
        revision: a branch, tag or commit of the repository.

    Raises:
        InputError: no such model, another kind of model, a damaged or incomplete checkpoint, LoRA adapters alone.
    """
    # No code and no pickle is even fetched.
    path = local_folder(folder, repo_type="model", revision=revision, allow_patterns=["*.json", "*.safetensors"])
    config, record = _config(folder, path), Alignment.read(path)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its report names a classifier's weights; what is missing is checked here
    try:
        model, info = AligNetVisionModel.from_pretrained(path, use_safetensors=True, output_loading_info=True)
        processor = None
        if (path / "preprocessor_config.json").is_file():
            processor = AutoImageProcessor.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: cannot be loaded: {str(error).strip().splitlines()[0]}") from error
    finally:
        logging.set_verbosity(verbosity)
    architectures = config.get("architectures") or []
    classifies = AligNetForImageClassification.__name__ in architectures
    alone = architectures == [AligNetForImageClassification.__name__]
    missing = {name for name in info["missing_keys"] if not (alone and name.startswith("triplet_head."))}
    if missing:
        raise InputError(f"{folder}: the checkpoint lacks weights ({', '.join(sorted(missing)[:3])}); save it again")
    if alone:
        model.triplet_head = None  # a classifier's configuration may name one, its checkpoint does not hold it
    lacks_pooler = _lacks_pooler(model, path)
    if lacks_pooler:
        model.backbone.pooler = None  # drawn at random on loading: it must not go out as a part of the model
    heads = ("triplet_head",) * (model.triplet_head is not None) + ("classifier",) * classifies
    return Source(model.eval(), processor, heads, lacks_pooler, record)


def _config(folder: str | Path, path: Path) -> dict:
    if (path / "adapter_config.json").is_file():
        raise InputError(f"{folder}: holds LoRA adapters alone; load the model, merge_and_unload(), and save it first")
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        found = config["model_type"]
    except FileNotFoundError as error:
        raise InputError(f"{folder}: holds no model: there is no config.json; give an AligNetVisionModel's") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: config.json is not a model's; give the folder of an AligNetVisionModel") from error
    if found != AligNetVisionConfig.model_type:
        raise InputError(f"{folder}: a {found!r} model, not an AligNet model; give the folder of an AligNetVisionModel")
    return config


def _lacks_pooler(model: AligNetVisionModel, path: Path) -> bool:
    # A ViT's pooler may be absent from its checkpoint (DINOv1's is) where the pooling does not use it.
    pooler = dict(model.backbone.named_children()).get("pooler")
    if model.pooling == "pooler" or pooler is None or not list(pooler.parameters()):
        return False
    names = set()
    for file in path.glob("*.safetensors"):
        with safe_open(file, "pt") as weights:
            names.update(weights.keys())
    return not any(name.startswith("backbone.pooler.") for name in names)
