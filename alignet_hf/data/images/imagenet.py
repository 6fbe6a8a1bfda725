"""ImageNet's training photographs by the file names that the released triplets use, however they lie on disk."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from alignet_hf.data.images.combined import SomeImages
from alignet_hf.data.images.decoding import IMAGE_SUFFIXES
from alignet_hf.data.images.parquet import ParquetImages
from alignet_hf.data.images.shards import TarImages, shard_paths
from alignet_hf.data.images.sources import ImageFolder, ImageSource, files_below
from alignet_hf.errors import InputError

_TRAINING = re.compile(r"n\d{8}_\d+\.JPEG")
_PLACES = ("ILSVRC/Data/CLS-LOC/train", "Data/CLS-LOC/train", "train", ".")  # Kaggle's archive, parts of it, the usual


def open_imagenet(folder: str | Path) -> SomeImages:
    """ImageNet-1k's training photographs, named `n01440764_10026.JPEG`, in the order of these names.

    The order, and so every row, is the same for all layouts: `train/n01440764/n01440764_10026.JPEG`, all files in one
    folder, Kaggle's `ILSVRC/Data/CLS-LOC/train`, tar files (`n01440764.tar`, ILSVRC2012_img_train.tar, shards), given
    as a tar file or as a folder of them, and Parquet files as on the Hub, where a class follows each name.
    Rows of the released triplets: `rows_of(filenames)`.

    Raises:
        InputError: if there is no such photograph, or one lies there twice.
    """
    source = _source(Path(folder))
    names = [name.rpartition("/")[2] for name in source.names]
    rows = [row for row, name in enumerate(names) if _TRAINING.fullmatch(name)]
    if not rows:
        raise InputError(f"{folder}: no photograph named as ImageNet's are (n01440764_10026.JPEG); first: {names[0]}")
    rows.sort(key=names.__getitem__)
    for row, following in pairwise(rows):
        if names[row] == names[following]:
            raise InputError(f"{folder}: {source.names[row]} and {source.names[following]} are one; remove one")
    return SomeImages(source, np.array(rows, np.int32), [names[row] for row in rows])


def _source(folder: Path) -> ImageSource:
    if folder.suffix == ".tar":
        return TarImages(shard_paths(folder))
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    place = next(folder / place for place in _PLACES if (folder / place).is_dir())
    if next(place.glob("*.tar"), None):
        return TarImages(shard_paths(place))
    if next(files_below(place, IMAGE_SUFFIXES), None) is None and (parquet := sorted(files_below(place, [".parquet"]))):
        return ParquetImages(parquet)
    return ImageFolder(place)
