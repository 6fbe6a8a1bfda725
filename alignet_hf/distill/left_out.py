"""The images that a training goes on without, as they cannot be decoded: named at the first, counted at the end."""

import warnings
from collections.abc import Sequence

import torch
from accelerate.utils import gather_object

from alignet_hf.data.images import image_names
from alignet_hf.distill.processes import this_process

_SHOWN = 5


class LeftOut:
    """The rows of an image source that batches left out (`undecodable`, see ImageCollator).

    A process knows those of its own batches, since it was started; `tell` brings together those of all. `n_batches`
    counts the batches that had no triplet left.

    Args:
        images: the image source, which names them.
    """

    def __init__(self, images):
        self.images = images
        self.rows: set[int] = set()
        self.n_batches = 0

    def add(self, rows: torch.Tensor, is_lost: bool = False) -> None:
        """Count a batch's rows, and whether all its triplets were lost with them; a warning names the first."""
        self.n_batches += is_lost
        is_first = not self.rows
        self.rows.update(rows.tolist())
        if is_first:
            warnings.warn(
                f"{self._named()} could not be decoded; the training goes on without, and counts them", stacklevel=2
            )

    def tell(self) -> None:
        """Warn of how many there were, and of the first; to be called by every process."""
        self.rows = set(gather_object(sorted(self.rows)))
        self.n_batches = sum(gather_object([self.n_batches]))
        if self.rows and this_process().is_main_process:
            n = len(self.rows)
            many, were = ("1 image", "was") if n == 1 else (f"{n} images", "were")
            batches = "1 batch" if self.n_batches == 1 else f"{self.n_batches} batches"
            lost = f"; {batches} had no triplet left" if self.n_batches else ""
            warnings.warn(
                f"{many} could not be decoded and {were} not learnt from: {self._named()}{lost}", stacklevel=2
            )

    def _named(self) -> str:
        return shown_names(self.images, sorted(self.rows))


def shown_names(images, rows: Sequence[int]) -> str:
    """The names of the first few rows of an image source, and how many more there are."""
    names = image_names(images)
    rest = "" if len(rows) <= _SHOWN else f"; and {len(rows) - _SHOWN} more"
    return "; ".join(names[int(row)] for row in rows[:_SHOWN]) + rest
