"""The images that people judged: where those of each data set are, and an encoder's embeddings of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.data.images import SomeImages, image_names
from alignet_hf.inputs import open_images

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.store import EmbeddingStore


class Images:
    """The image sources of several data sets as one row of images; each is opened once, and each image embedded once.

    Args:
        paths: data set -> what `open_images` opens.
    """

    def __init__(self, paths: Mapping[str, str]):
        self.paths = paths
        self.sources = {path: open_images(path) for path in dict.fromkeys(paths.values())}
        ends = np.cumsum([len(source) for source in self.sources.values()])
        self.starts = dict(zip(self.sources, [0, *ends.tolist()], strict=False))

    def of(self, name: str) -> tuple[Sequence, int]:
        """The image source of a data set, and the row at which it begins."""
        path = self.paths[name]
        return self.sources[path], self.starts[path]

    def __getitem__(self, row: int):
        """The image at a row of them all."""
        path = self._path(row)
        return self.sources[path][int(row) - self.starts[path]]

    def name(self, row: int) -> str:
        """What the image at a row of them all is called."""
        path = self._path(row)
        return image_names(self.sources[path])[int(row) - self.starts[path]]

    def _path(self, row: int) -> str:
        return max((path for path in self.sources if self.starts[path] <= row), key=self.starts.__getitem__)

    def embed(self, store: "EmbeddingStore", rows: np.ndarray) -> np.ndarray:
        """An encoder's embeddings of the images at these rows, which are sorted.

        Returns:
            (len(rows), D); NaN of an image that cannot be decoded, where the store skips them.

        Raises:
            InputError: an image that cannot be decoded; of a store that skips them, a source of which none can.
        """
        found = []
        for path, source in self.sources.items():
            own = rows[(rows >= self.starts[path]) & (rows < self.starts[path] + len(source))] - self.starts[path]
            if len(own):
                found.append(np.asarray(store.embed(SomeImages(source, own))))
        return np.concatenate(found)
