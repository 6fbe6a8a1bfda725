"""A checkpoint's variables as a model of this package, and one folder that both of its classes load."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from transformers import AutoModel, ViTConfig, ViTModel
from transformers import initialization as init
from transformers.image_processing_utils import BaseImageProcessor

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.convert.imagenet_labels import label_names
from alignet_hf.convert.layouts.parameters import Parameters, Weights
from alignet_hf.convert.processors import processor_of
from alignet_hf.convert.reading import Reading, find_reading
from alignet_hf.convert.variables import Variables
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing_folder
from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

IMAGE_SIZE = 224  # pixels of the released models' images, where the variables do not tell


@dataclass(frozen=True)
class Converted:
    """What a checkpoint became.

    Attributes:
        model: in evaluation mode, float32, with its triplet head where the checkpoint has one.
        classifier_state: weights of AligNetForImageClassification's own layers; None where there is no such head.
        reading: what the variables were found to mean.
        processor: of the images that the model was trained on, at its size; see `processor_of`.
        notes: what a user should be told, a sentence each: variables left out on purpose, converted types.
    """

    model: AligNetVisionModel
    classifier_state: Weights | None = field(repr=False)
    reading: Reading
    processor: BaseImageProcessor
    notes: tuple[str, ...] = ()

    def classifier(self) -> AligNetForImageClassification:
        """The model with the classifier in place of the triplet head; it shares the backbone.

        Raises:
            InputError: the checkpoint has no such head.
        """
        if self.classifier_state is None:
            raise InputError("there is no classifier among the variables: this is an encoder without one")
        classifier = AligNetForImageClassification(self.model.config, self.model.backbone)
        classifier.load_state_dict(self.classifier_state, strict=False)
        return classifier.eval()

    def save(self, folder: str | Path) -> Path:
        """Write `write`'s files to a new or empty folder, all at once.

        Raises:
            InputError: there is a file, or a folder that holds something.
        """
        folder = Path(folder).resolve()
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise InputError(f"{folder}: is there already; name a new folder, or an empty one")
        with replacing_folder(folder) as new:
            self.write(new)
        return folder

    def write(self, folder: Path) -> None:
        """Write model.safetensors, config.json, preprocessor_config.json and the code files into a folder.

        AligNetVisionModel and AligNetForImageClassification both load it, each its own head.
        """
        if self.classifier_state is None:
            self.model.save_pretrained(folder)
        else:
            heads = {name: weight for name, weight in self.model.state_dict().items() if "triplet_head." in name}
            classifier = self.classifier()
            classifier.save_pretrained(folder, state_dict=classifier.state_dict() | heads)
            _name_both(Path(folder, "config.json"))
        self.processor.save_pretrained(folder)


def convert_variables(variables: Variables, reading: str | None = None, *, image_size: int | None = None) -> Converted:
    """Make a model of a checkpoint's variables, each of which is used exactly once.

    Args:
        variables: of a SavedModel, or a file.
        reading: what to take them for, where shapes allow for more than one; see `find_reading`.
        image_size: pixels of the side of the images; by default as the table of positions tells, and 224 where
            positions are computed, or are a table of DINOv2's for larger images, which is made to fit as its Flax port
            does it.

    Raises:
        InputError: variables that are no model that is known, or may be more than one, or are damaged; an image size
            that cannot be. The message names the variable.
    """
    found = find_reading(variables, reading)
    size = _image_size(variables, found, image_size)
    parameters = Parameters(found.variables)
    backbone = found.layout.weights(parameters, found.sizes, size)
    triplet = found.heads.triplet_weights(parameters)
    classifier = found.heads.classifier_weights(parameters) | found.layout.classifier(parameters)
    unused = [variable.name for variable in parameters.left if variable.name not in found.left_out]
    if unused:
        raise InputError(f"{variables.source}: {', '.join(unused[:3])}: found no use in {found.name}")
    model = _model(found, size, backbone, triplet, classifier)
    return Converted(model, classifier or None, found, processor_of(found, size), _notes(variables, found))


def _image_size(variables: Variables, found: Reading, asked: int | None) -> int:
    patch, grid = found.sizes["patch"], found.layout.grid(found.sizes)
    size = asked or (IMAGE_SIZE if grid is None else grid * patch)
    if asked is None and found.layout.resamples_positions:
        size = min(size, IMAGE_SIZE)
    if size < patch or size % patch:
        raise InputError(f"{variables.source}: images of {size} pixels are not whole patches of {patch} pixels")
    if grid is not None and size != grid * patch and not found.layout.resamples_positions:
        raise InputError(
            f"{variables.source}: its table of positions is for images of {grid * patch} pixels, not {size}"
        )
    return size


def _model(
    found: Reading, image_size: int, backbone_weights: Weights, triplet: Weights, classifier: Weights
) -> AligNetVisionModel:
    vision = found.layout.backbone_config(found.sizes, image_size)
    with init.no_init_weights():  # all of them are filled here
        if isinstance(vision, ViTConfig):  # its pooler goes unused where the variables hold none
            backbone = ViTModel(vision, add_pooling_layer="pooler.dense.weight" in backbone_weights)
        else:
            backbone = AutoModel.from_config(vision)
    backbone.load_state_dict(backbone_weights)
    names = label_names(found.sizes["labels"]) if classifier else {}
    labels = {"id2label": names, "label2id": {name: label for label, name in names.items()}} if names else {}
    config = AligNetVisionConfig(
        vision_config=backbone.config,
        pooling=found.pooling,
        projection_dim=found.sizes["triplet_width"] if triplet else None,
        classifier_norm="classifier_norm.weight" in classifier,
        **labels,
    )
    model = AligNetVisionModel(config, backbone)
    model.load_state_dict(triplet, strict=False)
    return model.eval()


def _name_both(path: Path) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    config["architectures"] = [AligNetVisionModel.__name__, AligNetForImageClassification.__name__]
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _notes(variables: Variables, found: Reading) -> tuple[str, ...]:
    notes = [variables.conversion] if variables.conversion else []
    by_reason: dict[str, list[str]] = {}
    for name, why in found.left_out.items():
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        notes.append(f"{variables.source}: left out {listed}: {why}")
    return tuple(notes)
