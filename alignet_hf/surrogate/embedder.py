"""What turns batches of images into rows: a model of any kind, on its device and at its precision."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, PreTrainedModel

from alignet_hf.architecture import opens_locally
from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.data.collator import ImageCollator
from alignet_hf.data.images import UndecodableImageError, image_names, images_fingerprint
from alignet_hf.distill.processes import this_process
from alignet_hf.errors import InputError
from alignet_hf.hardware import computes_in_bf16
from alignet_hf.modeling_alignet import AligNetVisionModel

Batch = tuple[list[int], dict[str, Tensor] | None, dict[int, str], str | None]


class BatchReader(ImageCollator):
    """Rows of an image source -> rows, the model's inputs, why images could not be decoded, and what is fatal.

    Errors come back as text: raised in a worker process they would be buried in a traceback.
    """

    def __call__(self, rows: range) -> Batch:
        opened, undecodable = [], {}
        try:
            for row in rows:
                try:
                    opened.append(self._image(row))
                except UndecodableImageError as error:
                    undecodable[row] = error.brief
            inputs = self._batch(opened) if opened else None
        except InputError as error:
            return list(rows), None, {}, str(error)
        return list(rows), inputs, undecodable, None


class Embedder:
    """A model that embeds: inputs (B, ...) -> (B, D) on its device.

    Args:
        model, processor, revision, device, bf16: `embed_images`'s.

    Attributes:
        model: a module or a callable.
        processor: of its images.
        device: that it computes on.
        facts: of the model, for the embeddings' metadata.
    """

    def __init__(self, model, processor, revision: str | None, device, bf16: bool | Literal["auto"]):
        name = str(model) if isinstance(model, str | Path) else type(model).__qualname__
        source = {"revision": revision}
        if isinstance(model, str | Path):
            source["local_files_only"] = opens_locally(name, revision)
        try:
            if isinstance(model, str | Path):
                own = AutoConfig.from_pretrained(name, **source).model_type == AligNetVisionConfig.model_type
                load = AligNetVisionModel.from_pretrained if own else AligNetVisionModel.from_backbone
                model = load(name, **source)
                processor = processor or AutoImageProcessor.from_pretrained(name, **source)
                device = device or this_process().device
            elif isinstance(model, PreTrainedModel) and not isinstance(model, AligNetVisionModel):
                model = AligNetVisionModel.from_backbone(model)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{name}: cannot be loaded as a vision model: {reason}") from error
        if processor is None:
            raise InputError("processor: a model given as an object needs its image processor: processor=...")
        if isinstance(model, torch.nn.Module) and device is not None:
            model.to(device)
        self.model, self.processor = model, processor
        self.device, self.dtype = _place(model, device)
        self.bf16 = self._computes_in(bf16)
        pooling = model.config.resolved_pooling if isinstance(model, AligNetVisionModel) else None
        self.facts = {"model": name, "revision": revision or _commit(model), "pooling": pooling, "bf16": self.bf16}

    def _computes_in(self, bf16: bool | Literal["auto"]) -> bool:
        if bf16 not in (True, False, "auto"):
            raise InputError(f"bf16 is {bf16!r}; choose True, False or auto")
        if not isinstance(self.model, torch.nn.Module):
            if bf16 is True:
                raise InputError("bf16: what is not a torch module computes as it likes; leave bf16 out")
            return False
        return computes_in_bf16(self.device.type) if bf16 == "auto" else bf16

    def __call__(self, inputs: dict[str, Tensor], finish: Callable[[dict], dict]) -> Tensor:
        """Embed what a BatchReader read.

        Args:
            inputs: still on the CPU.
            finish: ImageCollator.finish, which scales uint8 pixels once they are on the device.

        Raises:
            InputError: a model that does not give (B, D).
        """
        if not isinstance(self.model, torch.nn.Module):
            return _checked(self.model(finish(inputs)["pixel_values"]))
        inputs = finish({key: _aligned(value).to(self.device, non_blocking=True) for key, value in inputs.items()})
        inputs = {key: value.to(self.dtype) if value.is_floating_point() else value for key, value in inputs.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            if isinstance(self.model, AligNetVisionModel):
                return _checked(self.model(**inputs).pooler_output)
            return _checked(self.model(inputs["pixel_values"]))

    def fingerprint(self) -> str:
        """Of the weights that embeddings depend on, where they can be seen."""
        digest = hashlib.sha256()
        if isinstance(self.model, torch.nn.Module):
            unused = ()
            if isinstance(self.model, AligNetVisionModel):
                # A checkpoint may lack the pooler, which is then random.
                unused = ("triplet_head.", *(() if self.facts["pooling"] == "pooler" else ("backbone.pooler.",)))
            for name, tensor in self.model.state_dict().items():
                if name.startswith(unused):
                    continue
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()


def fingerprint_with_names(images) -> str:
    """Of the images and their names."""
    texts = [images_fingerprint(images), *image_names(images)]
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def finite_rows(embeds: Tensor, rows: list[int], undecodable, names, dtype: str) -> np.ndarray:
    """A batch's embeddings as rows to keep: (len(rows), D), NaN where an image could not be decoded.

    Raises:
        InputError: naming an image whose embedding is not finite.
    """
    with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, and is found next
        found = embeds.float().cpu().numpy().astype(dtype)
    decoded = [row for row in rows if row not in undecodable]
    bad = np.flatnonzero(~np.isfinite(found).all(1))
    if bad.size:
        raise InputError(f"{names[decoded[bad[0]]]}: the model's embedding of this image is not finite in {dtype}")
    if not undecodable:
        return found
    kept = np.full((len(rows), found.shape[1]), np.nan, dtype)
    kept[np.isin(rows, decoded)] = found
    return kept


@contextmanager
def evaluating(model) -> Iterator[None]:
    """Put every module in evaluation mode, and each back into its own after."""
    modes = {module: module.training for module in model.modules()} if isinstance(model, torch.nn.Module) else {}
    for module in modes:
        module.training = False
    try:
        # Not inference_mode: what a module then keeps for later, rotary tables say, could not be trained with.
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def _place(model, device) -> tuple[torch.device, torch.dtype]:
    """The device and the precision of a model's weights."""
    weights = model.parameters() if isinstance(model, torch.nn.Module) else ()
    weight = next((weight for weight in weights if weight.is_floating_point()), None)
    if weight is None:
        return torch.device(device or "cpu"), torch.float32
    return weight.device, weight.dtype


def _commit(model) -> str | None:
    """The commit of the Hub's from which a model was loaded, where it knows."""
    for one in (model, getattr(model, "backbone", None)):
        if commit := getattr(getattr(one, "config", None), "_commit_hash", None):
            return commit
    return None


def _aligned(tensor: Tensor) -> Tensor:
    """Where torch itself would have put it: matrix products of what starts elsewhere may differ in the last bit."""
    return tensor if tensor.data_ptr() % 64 == 0 else tensor.clone()


def _checked(embeds) -> Tensor:
    if not isinstance(embeds, Tensor) or embeds.ndim != 2:
        shape = tuple(embeds.shape) if isinstance(embeds, Tensor) else type(embeds).__name__
        raise InputError(f"model: expected a tensor (images, dimensions) from a batch, got {shape}")
    return embeds
