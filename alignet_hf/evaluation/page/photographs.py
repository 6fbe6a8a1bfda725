"""The photographs of a page: each in the file once, small, and shown from there wherever it is needed.

A photograph is a `<symbol>` of the page's SVG; `<use href="#p7">` shows it, in text and inside of figures, with or
without scripts, and on paper.
"""

import base64
import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

import numpy as np
from PIL import Image

SIZES = (192, 144, 112, 88, 64, 48)  # pixels of the longer side, the first with which all of them fit
BUDGET = 3_000_000  # bytes of a page's photographs together
QUALITY = 76
TRIED = 24  # photographs that tell whether a size will do


class Photographs:
    """Photographs by their rows of an image source.

    Args:
        images: the image source, or those of its images that the page shows by their rows.
        names: of its images, likewise.
        rows: the photographs that the page shows.
        shown: False to show names in place of photographs.
        budget: bytes that they may take together.

    Attributes:
        numbers: row -> number on the page, from 0.
        labels: a name for each number, for captions and text alternatives.
        pictures: (width, height, data URI) of each number; empty if they are not shown.
    """

    def __init__(
        self,
        images: Sequence[Image.Image] | Mapping[int, Image.Image],
        names: Sequence[str] | Mapping[int, str],
        rows: Iterable[int],
        shown: bool = True,
        budget: int = BUDGET,
    ):
        rows = sorted({int(row) for row in rows})
        self.numbers = {row: number for number, row in enumerate(rows)}
        self.labels = [label_of(names[row]) for row in rows]
        self.shown = shown
        self.pictures = _encoded(images, rows, budget) if shown else []

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_bytes(self) -> int:
        """Of all the pictures."""
        return _bytes(self.pictures)

    def lines(self, number: int) -> list[str]:
        """The label in short lines, for a tile that stands in place of the photograph."""
        return textwrap.wrap(self.labels[number], 11, max_lines=4, placeholder=" …")


def label_of(name: str) -> str:
    """What to call a photograph: "12 human face" of "12_human_face.jpg"."""
    return PurePath(name.replace("\\", "/")).stem.replace("_", " ").strip() or name


def first_distinct(triplets: np.ndarray, most: int) -> np.ndarray:
    """The triplets among the first `most` photographs that they name, in their order -> (k,) rows of `triplets`."""
    items, first = np.unique(triplets, return_index=True)
    kept = items[np.argsort(first)[:most]]
    return np.flatnonzero(np.isin(triplets, kept).all(1))


def _encoded(
    images: Sequence[Image.Image] | Mapping[int, Image.Image], rows: list[int], budget: int
) -> list[tuple[int, int, str]]:
    """As WebP: at the largest of the sizes that keeps within the budget."""
    largest = [_within(images[row], SIZES[0]) for row in rows]
    pictures: list[tuple[int, int, str]] = []
    for size in SIZES:
        some = largest[:: max(1, len(largest) // TRIED)]
        if _bytes([_webp(_within(image, size)) for image in some]) * len(largest) > budget * len(some):
            continue
        pictures = [_webp(_within(image, size)) for image in largest]
        if _bytes(pictures) <= budget:
            return pictures
    return pictures or [_webp(_within(image, SIZES[-1])) for image in largest]


def _bytes(pictures: list[tuple[int, int, str]]) -> int:
    return sum(len(data) for *_, data in pictures)


def _within(image: Image.Image, size: int) -> Image.Image:
    """The whole photograph, no side above `size`, none enlarged."""
    small = image.convert("RGB")
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return small


def _webp(image: Image.Image) -> tuple[int, int, str]:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4)
    return *image.size, f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
