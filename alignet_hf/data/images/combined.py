"""Several image sources as one, and a part of one."""

import bisect
import hashlib
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from PIL import Image

from alignet_hf.data.images.names import Names
from alignet_hf.data.images.sources import ImageSource, Needed, covering, image_names, images_fingerprint
from alignet_hf.errors import InputError


class ConcatImages(ImageSource):
    """Several sources one after another, as one.

    Raises:
        InputError: caches beside others, where a processor would resize and crop what is resized and cropped.
    """

    def __init__(self, sources: Sequence[Sequence]):
        self.sources = list(sources)
        self.ends = list(accumulate(len(source) for source in self.sources))
        self.names = Names(name for source in self.sources for name in image_names(source))
        self.hub_ids = [name for source in self.sources if isinstance(source, ImageSource) for name in source.hub_ids]
        ways = {
            (source.geometry, source.resized_by) if isinstance(source, ImageSource) else (None, None)
            for source in self.sources
        }
        self.geometry, self.resized_by = ways.pop() if len(ways) == 1 else (None, None)
        if any(geometry is not None and not geometry.keeps_its_result for geometry, _ in ways):
            raise InputError("some of the sources are cached for a processor, others not or otherwise; cache them all")

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def _place(self, index: int) -> tuple[Sequence, int]:
        index = range(len(self))[index]
        position = bisect.bisect_right(self.ends, index)
        return self.sources[position], index - (self.ends[position] - len(self.sources[position]))

    def __getitem__(self, index: int) -> Image.Image:
        source, row = self._place(index)
        return source[row]

    def covering(self, index: int, needed: Needed) -> np.ndarray:
        return covering(*self._place(index), needed)

    def fingerprint(self) -> str:
        return hashlib.sha256("\0".join(map(images_fingerprint, self.sources)).encode()).hexdigest()


class SomeImages(ImageSource):
    """Some images of a source, by their rows.

    Args:
        source: of the images.
        rows: of `source`, in the order wanted.
        names: what to call them; as the source does where not given.
    """

    def __init__(self, source: Sequence, rows: Sequence[int], names: Sequence[str] | None = None):
        self.source, self.rows = source, rows
        theirs = image_names(source)
        self.names = Names(theirs[int(row)] for row in rows) if names is None else Names(names)
        if isinstance(source, ImageSource):
            self.hub_ids, self.geometry, self.resized_by = source.hub_ids, source.geometry, source.resized_by

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Image.Image:
        return self.source[int(self.rows[index])]

    def covering(self, index: int, needed: Needed) -> np.ndarray:
        return covering(self.source, int(self.rows[index]), needed)

    def fingerprint(self) -> str:
        rows = ",".join(str(row) for row in self.rows)
        return hashlib.sha256(f"{images_fingerprint(self.source)}\0{rows}".encode()).hexdigest()
