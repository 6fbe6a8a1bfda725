"""Photographs that a page shows, as small files beside the scores: a folder of ROW.webp."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing_folder

SIDE = 192  # pixels of the longer side


def save_photographs(
    images: Sequence[Image.Image] | Mapping[int, Image.Image], rows: Iterable[int], folder: Path
) -> None:
    """Write the images at some rows, small, as a folder's ROW.webp; it holds these alone."""
    with replacing_folder(folder) as within:
        for row in rows:
            small = images[row].convert("RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            small.save(within / f"{row}.webp", quality=85)


def open_photographs(folder: Path, rows: Iterable[int]) -> dict[int, Image.Image]:
    """The photographs that `save_photographs` wrote, by their row.

    Raises:
        InputError: one that is not there, or not an image.
    """
    found = {}
    for row in rows:
        path = folder / f"{row}.webp"
        try:
            with Image.open(path) as image:
                found[row] = image.convert("RGB")
        except OSError as error:
            raise InputError(f"{path}: not a photograph that evaluate --out writes; run evaluate again") from error
    return found
