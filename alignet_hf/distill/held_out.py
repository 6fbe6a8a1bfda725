"""Odd-one-out accuracy on people's triplets that the student does not learn from, measured while it learns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from alignet_hf.data.collator import ImageCollator, is_sized_for
from alignet_hf.data.images import Geometry
from alignet_hf.data.images.undecodable import OnBad
from alignet_hf.errors import InputError
from alignet_hf.triplets import is_correct, triplet_similarities, validate_triplets


@dataclass(frozen=True)
class HeldOutTriplets:
    """People's choices on images.

    Args:
        images: an image source.
        triplets: (n, 3) rows of `images`, people's odd one last.

    Raises:
        InputError: triplets out of range, or with an item twice.
    """

    images: Sequence[Image.Image]
    triplets: np.ndarray

    def __post_init__(self):
        object.__setattr__(self, "triplets", validate_triplets(self.triplets, len(self.images), "held-out triplets"))

    def __len__(self) -> int:
        return len(self.triplets)


def held_out_accuracy(
    embed: Callable[[dict[str, Tensor]], Tensor],
    held_out: HeldOutTriplets,
    processor: Callable,
    accelerator: Accelerator,
    batch_size: int,
    num_workers: int = 0,
    quiet: bool = False,
    on_bad: OnBad = "raise",
) -> tuple[float, np.ndarray]:
    """Share of the held-out triplets whose most similar pair is people's pair; a tie is wrong.

    Every distinct image is embedded once, the processes sharing the work; each gets the same result.

    Args:
        embed: a batch of the processor's tensors -> (B, D) embeddings.
        processor: see ImageCollator.
        batch_size: images embedded at once in each process.
        num_workers: worker processes that decode images.
        quiet: no progress bar even on a terminal.
        on_bad: "skip" leaves out the triplets that name an image that cannot be decoded.

    Returns:
        The accuracy, and the rows of the images that could not be decoded.

    Raises:
        InputError: an image that cannot be decoded; with "skip", no triplet without one.
    """
    distinct, triplets = np.unique(held_out.triplets, return_inverse=True)
    # All processes get as many images, some of them twice: sharded models must run equally often everywhere.
    share = -(-len(distinct) // accelerator.num_processes)
    mine = np.resize(distinct, share * accelerator.num_processes).reshape(-1, share)[accelerator.process_index]
    # Exactly, but where a cache of the training's has other pixels.
    is_fast = is_sized_for(held_out.images, processor) and held_out.images.resized_by == Geometry.__name__
    read = ImageCollator(held_out.images, processor, pixels="fast" if is_fast else "exact", on_bad=on_bad)
    batches = DataLoader(
        mine.tolist(),
        batch_size,
        collate_fn=read,
        num_workers=num_workers,
        # A loader without a generator draws from the global one, and the training would depend on its evaluations.
        generator=torch.Generator(),
    )
    silent = quiet or not accelerator.is_main_process
    progress = tqdm(batches, "held-out images", leave=False, disable=True if silent else None)
    parts, undecodable = [], []
    for batch in progress:
        undecodable.append(batch.pop("undecodable", torch.empty(0, dtype=torch.int64)))
        parts.append(embed(read.finish(batch)).float())
    embeds, is_there = _in_rows(parts, undecodable, mine, batch_size)
    embeds, is_there = accelerator.gather((embeds.to(accelerator.device), is_there.int().to(accelerator.device)))
    is_there = is_there[: len(distinct)].cpu().numpy() == 1
    triplets = triplets.reshape(-1, 3)
    triplets = triplets[is_there[triplets].all(1)]
    if not len(triplets):
        raise InputError("no held-out triplet can be scored: each names an image that cannot be decoded")
    similarities = triplet_similarities(embeds, torch.from_numpy(triplets).to(embeds.device))
    return float(is_correct(similarities.cpu().numpy()).mean()), distinct[~is_there]


def _in_rows(
    parts: list[Tensor], undecodable: list[Tensor], rows: np.ndarray, batch_size: int
) -> tuple[Tensor, Tensor]:
    """A row for each image, zeros for one that could not be decoded; and for which there is an embedding."""
    embeds = parts[0].new_zeros(len(rows), parts[0].shape[1])
    is_there = torch.from_numpy(~np.isin(rows, torch.cat(undecodable)))
    for start, part in zip(range(0, len(rows), batch_size), parts, strict=True):
        places = start + torch.nonzero(is_there[start : start + batch_size]).squeeze(1)
        embeds[places.to(embeds.device)] = part[: len(places)]  # of a batch without images there is one embedding
    return embeds, is_there
