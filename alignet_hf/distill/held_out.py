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
) -> float:
    """Share of the held-out triplets whose most similar pair is people's pair; a tie is wrong.

    Every distinct image is embedded once, the processes sharing the work; each gets the same result.

    Args:
        embed: a batch of the processor's tensors -> (B, D) embeddings.
        processor: see ImageCollator.
        batch_size: images embedded at once in each process.
        num_workers: worker processes that decode images.
        quiet: no progress bar even on a terminal.
    """
    distinct, triplets = np.unique(held_out.triplets, return_inverse=True)
    # All processes get as many images, some of them twice: sharded models must run equally often everywhere.
    share = -(-len(distinct) // accelerator.num_processes)
    mine = np.resize(distinct, share * accelerator.num_processes).reshape(-1, share)[accelerator.process_index]
    # Exactly, but where a cache of the training's has other pixels.
    is_fast = is_sized_for(held_out.images, processor) and held_out.images.resized_by == Geometry.__name__
    read = ImageCollator(held_out.images, processor, pixels="fast" if is_fast else "exact")
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
    embeds = torch.cat([embed(read.finish(batch)).float() for batch in progress])
    embeds = accelerator.gather(embeds.to(accelerator.device))[: len(distinct)]
    similarities = triplet_similarities(embeds, torch.from_numpy(triplets.reshape(-1, 3)).to(embeds.device))
    return float(is_correct(similarities.cpu().numpy()).mean())
