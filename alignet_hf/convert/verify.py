"""A converted model beside the SavedModel that it was made from: TensorFlow runs the authors' own signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from alignet_hf.errors import InputError

SIGNATURE = "serving_default"
OUTPUTS = ("pre_logits", "triplet_logits", "i1k_logits")
BATCH_SIZE = 16
# A wrong reading is off by the size of the outputs themselves, float32's rounding by a hundred-thousandth of it.
MOST = 1e-3


@dataclass(frozen=True)
class Difference:
    """How far two models' outputs are from each other.

    Attributes:
        largest: of the absolute differences, over images and dimensions.
        scale: the SavedModel's own largest absolute value.
    """

    largest: float
    scale: float

    @property
    def agrees(self) -> bool:
        return self.largest <= MOST * self.scale


def verify(saved_model: str | Path, converted: str | Path, images: Sequence) -> dict[str, Difference]:
    """Run both models on the same photographs, prepared by the converted model's image processor.

    Args:
        saved_model: folder of the SavedModel, saved_model.pb included.
        converted: folder that the model was converted to.
        images: PIL images; of any image source.

    Returns:
        Of each output that both have: its difference.

    Raises:
        InputError: there is no TensorFlow, it cannot run the SavedModel, or the outputs do not agree.
    """
    signature = _signature(saved_model)
    processor, outputs_of = _converted(converted)
    largest, scale = {}, {}
    for start in range(0, len(images), BATCH_SIZE):
        batch = [images[i].convert("RGB") for i in range(start, min(start + BATCH_SIZE, len(images)))]
        pixels = processor(images=batch, return_tensors="pt")["pixel_values"]  # (B, 3, H, W)
        theirs = signature(pixels.permute(0, 2, 3, 1).contiguous().numpy())
        for name, ours in outputs_of(pixels).items():
            if name in theirs:
                there = theirs[name]
                if there.shape != tuple(ours.shape):
                    raise InputError(f"{saved_model}: its {name} are {there.shape}, ours {tuple(ours.shape)}")
                off = float(np.abs(there - ours.numpy()).max())
                largest[name] = max(largest.get(name, 0.0), off)
                scale[name] = max(scale.get(name, 0.0), float(np.abs(there).max()))
    if not largest:
        raise InputError(f"{saved_model}: its signature gives none of {', '.join(OUTPUTS)}; nothing to compare")
    found = {name: Difference(largest[name], scale[name]) for name in largest}
    if wrong := [name for name, difference in found.items() if not difference.agrees]:
        off = found[wrong[0]]
        raise InputError(
            f"{saved_model}: the converted model gives other {wrong[0]} (off by {off.largest:.3g}, where they reach "
            f"{off.scale:.3g}): its variables are read wrongly; reading= states another"
        )
    return found


def check_tensorflow() -> None:
    """Check that there is a TensorFlow, without importing it.

    Raises:
        InputError: there is none.
    """
    if find_spec("tensorflow") is None:
        raise InputError(
            "images= has the SavedModel run in TensorFlow, which is not here: pip install 'alignet-hf[tf]', or in a "
            "clone pip install -e '.[tf]' -c constraints.txt"
        )


def _signature(folder: str | Path):
    """The SavedModel as a function: (B, H, W, 3) float32 in [0, 1] -> its outputs as arrays."""
    if not Path(folder, "saved_model.pb").is_file():
        raise InputError(f"{folder}: the graph is not there (saved_model.pb), so it cannot be run to verify")
    check_tensorflow()
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
        _ = loaded.signatures[SIGNATURE]
    except (tf.errors.OpError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise InputError(f"{folder}: TensorFlow cannot open its signature {SIGNATURE}: {reason}") from error

    def signature(images: np.ndarray) -> dict[str, np.ndarray]:
        try:
            outputs = loaded.signatures[SIGNATURE](images=tf.constant(images))  # `loaded` holds the variables
            return {name: value.numpy() for name, value in outputs.items()}
        except (tf.errors.OpError, TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise InputError(f"{folder}: TensorFlow cannot run it on images {images.shape}: {reason}") from error

    return signature


def _converted(folder: str | Path):
    """The converted model's processor, and a function: pixel values -> its outputs by the SavedModel's names."""
    from transformers import AutoImageProcessor

    from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

    model = AligNetVisionModel.from_pretrained(folder).eval()
    classifier, info = AligNetForImageClassification.from_pretrained(folder, output_loading_info=True)
    classifies = not info["missing_keys"]
    classifier.eval()

    @torch.no_grad()
    def outputs_of(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        found = model(pixels)
        outputs = {"pre_logits": found.pooler_output}
        if model.triplet_head is not None:
            outputs["triplet_logits"] = found.triplet_embeds
        if classifies:
            outputs["i1k_logits"] = classifier(pixels).logits
        return outputs

    return AutoImageProcessor.from_pretrained(folder), outputs_of
