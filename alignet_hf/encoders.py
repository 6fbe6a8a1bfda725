"""Open what a recipe calls a teacher or a student: a demo encoder, a Hub id, or a folder."""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import torch
from pydantic import ValidationError
from transformers import AutoConfig, AutoImageProcessor

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.errors import InputError
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.recipe import DEMO_STUDENT, DEMO_TEACHER, Encoder, first_complaint


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
    """Check that there is such a model, by its configuration alone.

    Raises:
        InputError: naming the model, and why it cannot be loaded.
    """
    if encoder.model not in (DEMO_TEACHER, DEMO_STUDENT):
        with _loading(encoder.model):
            AutoConfig.from_pretrained(encoder.model, revision=encoder.revision)


def open_teacher(encoder: Encoder) -> tuple[torch.nn.Module, Callable]:
    """The teacher and its processor. A teacher is anything that turns pixel values (B, 3, H, W) into (B, D)."""
    if encoder.model == DEMO_TEACHER:
        from alignet_hf.demo.encoders import demo_teacher

        if encoder.image_size not in (None, 224) or encoder.pooling != "auto":
            raise InputError(f"{DEMO_TEACHER}: has one image_size, 224, and one pooling; leave both out")
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
            _check_size(model, encoder)
        return model, processor
    name, revision = encoder.model, encoder.revision
    with _loading(name):
        processor = AutoImageProcessor.from_pretrained(name, revision=revision)
        own = AutoConfig.from_pretrained(name, revision=revision).model_type == AligNetVisionConfig.model_type
        if own:
            model = AligNetVisionModel.from_pretrained(name, revision=revision)
            asked, has = (encoder.pooling, projection_dim), (model.config.pooling, model.config.projection_dim)
            if any(want not in (None, "auto", there) for want, there in zip(asked, has, strict=True)):
                raise ValueError(
                    f"is an AligNet model with pooling {has[0]} and projection_dim {has[1]}; leave them out"
                )
        else:
            model = AligNetVisionModel.from_backbone(name, encoder.pooling, projection_dim, revision=revision)
    if encoder.image_size is not None:
        _resize(processor, encoder.image_size)
        _check_size(model, encoder)
    return model.eval(), processor


@contextmanager
def _loading(name: str):
    try:
        yield
    except (OSError, ValueError) as error:
        hint = "" if Path(name).exists() else "; give a folder, or a Hub id where the Hub is reached"
        raise InputError(f"{name}: cannot be loaded as a vision model: {str(error).splitlines()[0]}{hint}") from error


@torch.no_grad()
def _check_size(model: AligNetVisionModel, encoder: Encoder) -> None:
    try:
        model(torch.zeros(1, 3, encoder.image_size, encoder.image_size))
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{encoder.model}: takes no images of {encoder.image_size} pixels ({str(error).splitlines()[0]}); "
            "leave image_size out"
        ) from error


def _resize(processor, image_size: int) -> None:
    """Make a processor give images of image_size x image_size pixels, keeping how it crops."""
    size = dict(processor.size)
    if "shortest_edge" in size:
        ratio = size["shortest_edge"] / (processor.crop_size or {"height": size["shortest_edge"]})["height"]
        processor.size = {"shortest_edge": round(image_size * ratio)}
        processor.crop_size = {"height": image_size, "width": image_size}
    else:
        processor.size = {"height": image_size, "width": image_size}
