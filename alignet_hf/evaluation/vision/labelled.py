"""Embeddings whose images have classes: what every vision test reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignet_hf.errors import InputError


@dataclass(frozen=True)
class LabelledEmbeddings:
    """One encoder's embeddings of images of known classes.

    Attributes:
        embeddings: (N, D) float, memory-mapped perhaps; no row is NaN.
        labels: (N,) int, the class of each image, a row of `classes`.
        classes: names of the classes, in an order that training and test images share; WordNet ids for ImageNet.
        names: of the images, N; of the same image in two encoders' embeddings they are the same.

    Raises:
        InputError: numbers of rows that differ, a label without a class, or an embedding that is not finite.
    """

    embeddings: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    names: Sequence[str]

    def __post_init__(self):
        n = len(self.embeddings)
        if not n == len(self.labels) == len(self.names):
            raise InputError(
                f"{n} embeddings, {len(self.labels)} labels and {len(self.names)} names; give one for each"
            )
        if np.ndim(self.embeddings) != 2:
            raise InputError(f"embeddings: shape {np.shape(self.embeddings)}; a row an image is needed")
        outside = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.classes)))
        if len(outside):
            row = int(outside[0])
            raise InputError(f"{self.names[row]}: class {self.labels[row]}, where there are {len(self.classes)}")
        for start in range(0, n, 4096):  # a block at a time: the rows may lie on disk
            bad = np.flatnonzero(~np.isfinite(self.embeddings[start : start + 4096]).all(1))
            if len(bad):
                raise InputError(f"{self.names[start + int(bad[0])]}: its embedding is not finite; leave it out")

    def __len__(self) -> int:
        return len(self.embeddings)

    def of_rows(self, rows: np.ndarray) -> "LabelledEmbeddings":
        """These rows alone, in memory; the classes stay."""
        names = [self.names[int(row)] for row in rows]
        return LabelledEmbeddings(np.asarray(self.embeddings)[rows], self.labels[rows], self.classes, names)
