"""What a read-out takes each image for."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings

_BLOCK = 4096  # images whose logits are in memory at a time


class Readout(Protocol):
    """What decides between classes: `LinearReadout`, or anything with its logits."""

    def logits(self, embeddings: np.ndarray, classes: Sequence[str]) -> np.ndarray:
        """(N, D) -> (N, C), in the order of `classes`."""


def predicted_classes(readout: Readout, data: LabelledEmbeddings) -> np.ndarray:
    """The class of each image that has the highest logit among `data.classes`: (N,) int, a row of them.

    Raises:
        InputError: a class that the read-out does not know.
    """
    starts = range(0, len(data), _BLOCK)
    blocks = (readout.logits(data.embeddings[start : start + _BLOCK], data.classes) for start in starts)
    return np.concatenate([np.empty(0, np.int64), *(block.argmax(1) for block in blocks)])
