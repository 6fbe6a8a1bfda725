"""Embed images with a teacher: a frozen representation for every image, on disk as memory-mapped safetensors."""

import hashlib
import os
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import AutoConfig, AutoImageProcessor, PreTrainedModel

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.data.collator import ImageCollator
from alignet_hf.data.images import image_names, images_fingerprint
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import make_folder
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.surrogate.embeddings import Embeddings, header, joined


def embed_images(
    model: str | Path | PreTrainedModel | torch.nn.Module | Callable,
    images,
    *,
    processor=None,
    revision: str | None = None,
    batch_size: int = 32,
    output: str | Path | None = None,
    device: str | torch.device | None = None,
    num_workers: int = 0,
    dtype: str = "float32",
    progress: bool = True,
) -> Embeddings:
    """Embed every image of a source, in order.

    Args:
        model: a Hub id or folder, an AligNetVisionModel (its `pooler_output` is kept), any transformers vision model
            (its representation is then that of `AligNetVisionModel.from_backbone`), or any callable or module that
            turns pixel values (B, 3, H, W) into (B, D).
        images: an image source.
        processor: a transformers image processor or a callable
            `processor(images=[...], return_tensors="pt")["pixel_values"]`; needed unless `model` is an id or folder.
        revision: of a Hub id.
        batch_size: images in a forward pass.
        output: a folder to write to while embedding. Stopped anywhere and called again, the work goes on from the last
            whole batch and ends with the same bytes; where model, images or processor have changed it starts again,
            with a warning.
        device: a module is moved there; None leaves it where it is, and puts a model that is loaded here on the
            accelerator if there is one.
        num_workers: processes that open and process images.
        dtype: "float32" or "float16", of the rows kept; the model computes in its own.
        progress: show a progress bar, on a terminal.

    Raises:
        InputError: naming the image that cannot be opened or whose embedding is not finite.
    """
    if not len(images):
        raise InputError("images: the source holds no image")
    if dtype not in ("float32", "float16"):
        raise InputError(f"dtype: {dtype!r} is not float32 or float16")
    names = list(image_names(images))
    bar = tqdm(total=len(images), unit="image", desc="embedding", disable=None if progress else True)
    with _evaluating(model), torch.no_grad(), bar:
        encoder, processor, facts = _encoder(model, processor, revision, device)
        facts |= {"batch_size": batch_size, "fingerprint": _fingerprint(encoder, images)}
        read = _Reader(images, processor)

        def embed(batch, start: int) -> np.ndarray:
            if isinstance(batch, InputError):
                raise batch
            return _finite_rows(_embed(encoder, batch, device), start, names, dtype)

        first = embed(read(range(min(batch_size, len(images)))), 0)
        target = _Memory(first, names, facts) if output is None else _Folder(output, first, names, facts)
        done = target.done
        bar.update(done)
        loader = DataLoader(
            range(done, len(images)),
            batch_size,
            collate_fn=read,
            num_workers=num_workers,
            generator=torch.Generator(),  # the loader draws a seed: not from the global generator
        )
        for batch in loader:
            rows = embed(batch, done)
            target.append(rows)
            done += len(rows)
            bar.update(len(rows))
    return target.finish()


class _Reader(ImageCollator):
    """A bad image comes back as its error: raised in a worker process it would be buried in a traceback."""

    def __call__(self, indices) -> dict[str, torch.Tensor] | InputError:
        try:
            return super().__call__(indices)
        except InputError as error:
            return error


class _Memory:
    """Rows kept in memory."""

    def __init__(self, first: np.ndarray, names: list[str], facts: dict):
        self.names, self.facts = names, facts
        self.batches = [first]
        self.done = len(first)

    def append(self, rows: np.ndarray) -> None:
        self.batches.append(rows)

    def finish(self) -> Embeddings:
        return Embeddings(np.concatenate(self.batches), self.names, **self.facts)


class _Folder:
    """Rows appended to a partial file, whose header says what they are and whose length says how far they go."""

    def __init__(self, folder: str | Path, first: np.ndarray, names: list[str], facts: dict):
        self.folder = make_folder(folder)
        self.final = self.folder / Embeddings.file_name()
        self.partial = self.folder / "embeddings.partial"
        self.head = header((len(names), first.shape[1]), first.dtype, names, facts)
        self.tail = joined(names)
        self.n_rows, self.row_bytes = len(names), first.nbytes // len(first)
        self.done = self._resume(first)
        if not self.done:
            self.partial.write_bytes(self.head)
            self.append(first)
            self.done = len(first)

    def _resume(self, first: np.ndarray) -> int:
        """The rows that stand already, in the partial file or in a finished one."""
        for path in (self.partial, self.final):
            if path.exists() and (done := self._rows_in(path, first)):
                if path == self.partial:
                    os.truncate(path, len(self.head) + done * self.row_bytes)
                return done
        return 0

    def _rows_in(self, path: Path, first: np.ndarray) -> int:
        """The rows of a file that has the same header and the same first batch.

        The batch is compared because no fingerprint sees into a processor or a callable.
        """
        with path.open("rb") as file:
            head, data = file.read(len(self.head)), file.read(first.nbytes)
        if self.head.startswith(head) and len(data) < first.nbytes:
            return 0  # stopped within the first batch
        if head == self.head:
            there, here = np.frombuffer(data, first.dtype).astype(np.float32), first.ravel().astype(np.float32)
            if np.abs(there - here).max() <= 1e-3 * np.abs(here).max():
                whole_rows = (path.stat().st_size - len(head)) // self.row_bytes
                # Only whole batches: a model's rows may differ in the last bit with the size of the batch.
                return self.n_rows if whole_rows >= self.n_rows else whole_rows - whole_rows % len(first)
        warnings.warn(f"{path}: of another model, processor or images; embedding starts again", stacklevel=5)
        return 0

    def append(self, rows: np.ndarray | bytes) -> None:
        with self.partial.open("ab") as file:
            file.write(rows)

    def finish(self) -> Embeddings:
        if self.partial.exists():
            self.append(self.tail)
            Embeddings.read(self.partial).write_card(self.folder, self.partial)
            self.partial.replace(self.final)
        return Embeddings.read(self.final)


def _encoder(model, processor, revision: str | None, device):
    """-> what embeds, its processor, and the facts of the two."""
    name = str(model) if isinstance(model, str | Path) else type(model).__qualname__
    try:
        if isinstance(model, str | Path):
            own = AutoConfig.from_pretrained(name, revision=revision).model_type == AligNetVisionConfig.model_type
            load = AligNetVisionModel.from_pretrained if own else AligNetVisionModel.from_backbone
            model = load(name, revision=revision)
            processor = processor or AutoImageProcessor.from_pretrained(name, revision=revision)
            device = device or torch.accelerator.current_accelerator()
        elif isinstance(model, PreTrainedModel) and not isinstance(model, AligNetVisionModel):
            model = AligNetVisionModel.from_backbone(model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{name}: cannot be loaded as a vision model: {reason}") from error
    if processor is None:
        raise InputError("processor: a model given as an object needs its image processor: processor=...")
    if isinstance(model, torch.nn.Module) and device is not None:
        model.to(device)
    pooling = model.config.resolved_pooling if isinstance(model, AligNetVisionModel) else None
    return model, processor, {"model": name, "revision": revision, "pooling": pooling}


def _embed(encoder, batch: dict, device) -> torch.Tensor:
    if isinstance(encoder, torch.nn.Module):
        floats = (weight for weight in encoder.parameters() if weight.is_floating_point())
        weight = next(floats, torch.empty(0, device=device))
        batch = {
            key: value.to(weight.device, weight.dtype if value.is_floating_point() else None)
            for key, value in batch.items()
        }
    return encoder(**batch).pooler_output if isinstance(encoder, AligNetVisionModel) else encoder(batch["pixel_values"])


def _finite_rows(embeds: torch.Tensor, start: int, names: list[str], dtype: str) -> np.ndarray:
    if not isinstance(embeds, torch.Tensor) or embeds.ndim != 2:
        shape = tuple(embeds.shape) if isinstance(embeds, torch.Tensor) else type(embeds).__name__
        raise InputError(f"model: expected a tensor (images, dimensions) from a batch, got {shape}")
    with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, and is found next
        rows = embeds.float().cpu().numpy().astype(dtype)
    bad = np.flatnonzero(~np.isfinite(rows).all(1))
    if bad.size:
        raise InputError(f"{names[start + bad[0]]}: the model's embedding of this image is not finite in {dtype}")
    return rows


@contextmanager
def _evaluating(model):
    """Put every module in evaluation mode, and each back into its own after."""
    modes = {module: module.training for module in model.modules()} if isinstance(model, torch.nn.Module) else {}
    for module in modes:
        module.training = False
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _fingerprint(encoder, images) -> str:
    """Of the images, their names and, where they can be seen, the weights."""
    digest = hashlib.sha256("\0".join([images_fingerprint(images), *image_names(images)]).encode())
    if isinstance(encoder, torch.nn.Module):
        for name, tensor in encoder.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
