"""The images that people judged: where those of each data set are, and an encoder's embeddings of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.data.images import SomeImages
from alignet_hf.errors import InputError
from alignet_hf.evaluation.inputs import GROUP, OPTIONS, RSA
from alignet_hf.pipeline import open_images

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.store import EmbeddingStore


def image_paths(images: str | None, images_of: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """Where the images of each data set are -> {data set: path}.

    Args:
        images: of every data set that has none of its own.
        images_of: "levels=PATH" each; "rsa=PATH" for all data sets of RSA that have none of their own.
        wanted: the data sets that are scored on.

    Raises:
        InputError: an entry that is not NAME=PATH, of a data set that is not scored on, or twice; a data set without
            images; images of no data set.
    """
    own: dict[str, str] = {}
    for entry in images_of:
        name, _, path = entry.partition("=")
        if not path or name not in (*OPTIONS, GROUP):
            raise InputError(f"--images-of {entry}: give DATA=PATH, DATA one of {', '.join(OPTIONS)}, {GROUP}")
        if name in own:
            raise InputError(f"--images-of {entry}: the images of {name} are given twice")
        if name not in wanted and not (name == GROUP and set(RSA) & set(wanted)):
            raise InputError(f"--images-of {entry}: {name} is not scored on; leave it out, or give its data")
        own[name] = path
    paths = {}
    for name in wanted:
        path = own.get(name) or (own.get(GROUP) if name in RSA else None) or images
        if path is None:
            raise InputError(f"{OPTIONS[name]}: where are its images? Give IMAGES, or --images-of {name}=PATH")
        paths[name] = path
    for path in (images, own.get(GROUP)):
        if path is not None and path not in paths.values():
            raise InputError(f"{path}: every data set has images of its own; leave this out")
    return paths


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
