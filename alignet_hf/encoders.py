"""Open what a recipe calls a teacher or a student: a demo encoder, a Hub id, or a folder."""

from collections.abc import Callable
from contextlib import contextmanager

import torch
from pydantic import ValidationError
from transformers import AutoConfig, AutoImageProcessor

from alignet_hf.architecture import architecture_of, check_demo_teacher, check_size, opens_locally
from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.errors import InputError
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.recipe import DEMO_STUDENT, DEMO_TEACHER, Encoder
from alignet_hf.recipe_file import first_complaint


def encoder_named(model: str, **options) -> Encoder:
    """A recipe's section for an encoder, from the command line.

    Raises:
        InputError: an option with a value that is not allowed.
    """
    try:
        return Encoder(model=model, **options)
    except ValidationError as error:
        raise InputError(f"{model}: {first_complaint(error)}") from error


def check_encoder(encoder: Encoder) -> None:
    """Check that there is such a model, and that it takes images of the size asked for, by its configuration alone.

    Raises:
        InputError: naming the model, and why it cannot be used.
    """
    if encoder.model == DEMO_TEACHER:
        check_demo_teacher(encoder)
    elif encoder.model != DEMO_STUDENT:
        architecture_of(encoder)


def open_teacher(encoder: Encoder) -> tuple[torch.nn.Module, Callable]:
    """The teacher and its processor. A teacher is anything that turns pixel values (B, 3, H, W) into (B, D)."""
    if encoder.model == DEMO_TEACHER:
        from alignet_hf.demo.encoders import demo_teacher

        check_demo_teacher(encoder)
        return demo_teacher()
    return open_student(encoder)


def open_student(encoder: Encoder, projection_dim: int | None = None) -> tuple[AligNetVisionModel, Callable]:
    """The student as it is before any alignment, and its processor.

    Raises:
        InputError: naming the model that cannot be loaded, and why.
    """
    if encoder.model == DEMO_STUDENT:
        from alignet_hf.demo.encoders import demo_student

        backbone, processor = demo_student(encoder.image_size or 224)
        model = AligNetVisionModel.from_backbone(backbone, encoder.pooling, projection_dim)
        if encoder.image_size is not None:
            check_size(model, encoder)
        return model, processor
    name = encoder.model
    source = {"revision": encoder.revision, "local_files_only": opens_locally(name, encoder.revision)}
    with _loading(name):
        own = AutoConfig.from_pretrained(name, **source).model_type == AligNetVisionConfig.model_type
        processor = AutoImageProcessor.from_pretrained(name, **source)
        if own:
            model = AligNetVisionModel.from_pretrained(name, **source)
            asked, has = (encoder.pooling, projection_dim), (model.config.pooling, model.config.projection_dim)
            if any(want not in (None, "auto", there) for want, there in zip(asked, has, strict=True)):
                raise ValueError(
                    f"is an AligNet model with pooling {has[0]} and projection_dim {has[1]}; leave them out"
                )
        else:
            model = AligNetVisionModel.from_backbone(name, encoder.pooling, projection_dim, **source)
    if encoder.image_size is not None:
        _resize(processor, encoder.image_size)
        check_size(model, encoder)
    return model.eval(), processor


@contextmanager
def _loading(name: str):
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be loaded as a vision model: {str(error).splitlines()[0]}") from error


def _resize(processor, image_size: int) -> None:
    """Make a processor give images of image_size x image_size pixels, keeping how it crops."""
    size = dict(processor.size)
    if "shortest_edge" in size:
        ratio = size["shortest_edge"] / (processor.crop_size or {"height": size["shortest_edge"]})["height"]
        processor.size = {"shortest_edge": round(image_size * ratio)}
        processor.crop_size = {"height": image_size, "width": image_size}
    else:
        processor.size = {"height": image_size, "width": image_size}
