"""Embed images with a teacher: a frozen representation for every image, on disk as memory-mapped safetensors."""

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from alignet_hf.data.collator import Pixels
from alignet_hf.data.images import image_names
from alignet_hf.data.images.undecodable import (
    OnBad,
    check_on_bad,
    naming_killed_workers,
    stopping_message,
    undecodable_message,
)
from alignet_hf.distill.processes import by_the_first, gathering_patiently, this_process
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import make_folder
from alignet_hf.output_folder import check_ours
from alignet_hf.progress import Progress
from alignet_hf.surrogate.embedder import (
    Batch,
    BatchReader,
    Embedder,
    evaluating,
    fingerprint_with_names,
    finite_rows,
)
from alignet_hf.surrogate.embedding_file import OURS, EmbeddingFile, check_dimensions
from alignet_hf.surrogate.embeddings import Embeddings


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
    pixels: Pixels = "exact",
    on_bad: OnBad = "raise",
    bf16: bool | Literal["auto"] = False,
    progress: bool = True,
    force: bool = False,
    known_as: Mapping[str, str | None] | None = None,
) -> Embeddings:
    """Embed every image of a source, in order.

    With an `output`, the processes of `accelerate launch` share the work; each must call this. Batches are the same
    whatever their number, and so is what is written, as far as the model's arithmetic is.

    Args:
        model: a Hub id or folder, an AligNetVisionModel (its `pooler_output` is kept), any transformers vision model
            (its representation is then that of `AligNetVisionModel.from_backbone`), or any callable or module that
            turns pixel values (B, 3, H, W) into (B, D).
        images: an image source.
        processor: a transformers image processor or a callable
            `processor(images=[...], return_tensors="pt")["pixel_values"]`; needed unless `model` is an id or folder.
        revision: of a Hub id.
        batch_size: images in a forward pass; the last digits of what a model gives depend on it.
        output: a folder to write to while embedding. Stopped anywhere and called again, by as many processes or
            others, the work goes on and ends with the same bytes. Embeddings of another model, processor or images
            that are there, or with another `dtype`, `pixels` or `bf16`, are refused, and unfinished ones with another
            `batch_size`.
        device: a module is moved there; None leaves it where it is, and puts a model that is loaded here on the
            process's accelerator if there is one.
        num_workers: processes that open and process images, for each process that embeds.
        dtype: "float32" or "float16", of the rows kept; the model computes in its own.
        pixels: "exact", "uint8" or "fast": ImageCollator's.
        on_bad: "raise" stops at an image that cannot be decoded; what is done stays done. "skip" goes on: its row is
            NaN, and `Embeddings.undecodable` says why.
        bf16: compute in bfloat16 what loses little by it (autocast); "auto" where the device has its arithmetic.
        progress: show how far it is: a bar on a terminal, a line now and then elsewhere.
        force: replace such other embeddings; those that are finished stay until these are.
        known_as: names for the embeddings' card, in place of those that the objects tell: of the `model` and its
            `revision`, and where the `images` are.

    Raises:
        InputError: naming the image that cannot be opened or whose embedding is not finite; another process at work in
            the folder, or what it holds; too little space; a worker that was killed.
    """
    if not len(images):
        raise InputError("images: the source holds no image")
    if dtype not in ("float32", "float16"):
        raise InputError(f"dtype: {dtype!r} is not float32 or float16")
    check_on_bad(on_bad)
    names = list(image_names(images))
    with evaluating(model), naming_killed_workers():
        embedder = Embedder(model, processor, revision, device, bf16)
        read = BatchReader(images, embedder.processor, pixels=pixels)
        facts = {"images": None, **embedder.facts, **(known_as or {}), "batch_size": batch_size, "pixels": pixels}
        facts |= {
            "images_fingerprint": fingerprint_with_names(images),
            "weights_fingerprint": embedder.fingerprint(),
        }
        work = _Work(embedder, read, names, batch_size, dtype, on_bad, num_workers, progress, force)
        embeddings = work.in_memory(facts) if output is None else work.in_folder(make_folder(output), facts)
    if embeddings.undecodable and this_process().is_main_process:
        warnings.warn(undecodable_message(embeddings.undecodable, skipped=True), stacklevel=2)
    return embeddings


class _Work:
    """Batches to embed, and where their rows go."""

    def __init__(self, embedder, read, names, batch_size, dtype, on_bad, num_workers, progress, force):
        self.embedder, self.read, self.names = embedder, read, names
        self.batch_size, self.dtype, self.on_bad = batch_size, dtype, on_bad
        self.num_workers, self.progress, self.force = num_workers, progress, force
        self.batches = [range(start, min(start + batch_size, len(names))) for start in range(0, len(names), batch_size)]

    def in_memory(self, facts: dict) -> Embeddings:
        """All of them, in this process."""
        array, undecodable = None, {}
        for batch, rows, bad in self._embedded(range(len(self.batches))):
            undecodable |= bad
            if rows is None:
                continue
            if array is None:
                array = np.full((len(self.names), rows.shape[1]), np.nan, self.dtype)
            check_dimensions(rows, array.shape[1])
            array[self.batches[batch]] = rows
        if array is None:
            raise InputError(undecodable_message(undecodable))
        return Embeddings(array, self.names, undecodable, **facts)

    def in_folder(self, folder: Path, facts: dict) -> Embeddings:
        """This process's share, which with those of the others makes the file."""
        with gathering_patiently() as gather:
            return self._shared(folder, facts, gather)

    def _shared(self, folder: Path, facts: dict, gather: Callable) -> Embeddings:
        process = this_process()
        if len(set(gather((facts["images_fingerprint"], facts["weights_fingerprint"])))) > 1:
            raise InputError(
                "the processes have other models or images than one another; load the same weights and files in each"
            )
        by_the_first(lambda: check_ours(folder, OURS))
        file = EmbeddingFile(folder, self.names, self.batch_size, facts, process.process_index)
        lock = FileLock(folder / ".lock")
        try:
            file.join(*by_the_first(lambda: self._begin(file, lock)))
            todo = np.flatnonzero(~file.done)[process.process_index :: process.num_processes].tolist()
            with file:
                for batch, rows, bad in self._embedded(todo):
                    if rows is None:
                        rows = np.full((len(bad), file.shape[1]), np.nan, self.dtype)
                    file.write(batch, rows, bad)
            gather(None)  # one may be done hours before another, whose images come from a slower disk
            by_the_first(file.finish)
        finally:
            lock.release()
        return Embeddings.read(file.final)

    def _begin(self, file: EmbeddingFile, lock: FileLock) -> tuple[int, str, np.ndarray, dict]:
        """Find what is done, or start -> dimensions, dtype, the batches that are done, and the file's facts."""
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"{file.folder}: another process is embedding here; wait for it, or name another folder"
            ) from error
        batch, rows, bad = self._first()
        file.begin(rows, batch, self.force)
        if self.progress and not file.was_finished and (n_done := int(file.done.sum())):
            n_done = min(n_done * self.batch_size, len(self.names))
            print(f"embedding: going on from image {n_done:,} of {len(self.names):,}", file=sys.stderr, flush=True)
        if file.undecodable and self.on_bad == "raise":
            raise InputError(stopping_message(file.undecodable))
        if not file.done[batch]:
            with file:
                file.write(batch, rows, bad)
            file.done[batch] = True
        return file.shape[1], self.dtype, file.done, file.facts

    def _first(self) -> tuple[int, np.ndarray, dict[int, str]]:
        """The first batch of which an image can be decoded."""
        undecodable = {}
        for batch, images in enumerate(self.batches):
            rows, bad = self._rows(self.read(images))
            if rows is not None:
                return batch, rows, bad
            undecodable |= bad
        raise InputError(undecodable_message(undecodable))

    def _embedded(self, batches) -> Iterator[tuple[int, np.ndarray | None, dict[int, str]]]:
        """-> batches, their rows, and why images could not be decoded; without rows where that was all of them."""
        process = this_process()
        loader = DataLoader(
            [self.batches[batch] for batch in batches],
            batch_size=None,
            collate_fn=self.read,
            num_workers=self.num_workers if len(batches) else 0,
            pin_memory=self.embedder.device.type == "cuda",
            generator=torch.Generator(),  # the loader draws a seed: not from the global generator
        )
        bar = Progress(
            sum(len(self.batches[batch]) for batch in batches),
            "image",
            "embedding" if process.num_processes == 1 else f"embedding, process 1 of {process.num_processes}",
            shown=self.progress and process.is_main_process,
        )
        with bar:
            for batch, read in zip(batches, loader, strict=True):
                rows, bad = self._rows(read)
                yield batch, rows, bad
                bar.update(len(self.batches[batch]))

    def _rows(self, read: Batch) -> tuple[np.ndarray | None, dict[int, str]]:
        rows, inputs, bad, fatal = read
        if fatal is not None:
            raise InputError(fatal)
        if bad and self.on_bad == "raise":
            raise InputError(stopping_message(bad))
        if inputs is None:
            return None, bad
        embeds = self.embedder(inputs, self.read.finish)
        return finite_rows(embeds, rows, bad, self.names, self.dtype), bad
