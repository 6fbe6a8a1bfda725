"""One call opens any image source by its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from alignet_hf.data.images.cache import RECORD, CachedImages
from alignet_hf.data.images.decoding import DECODING_ERRORS, IMAGE_SUFFIXES
from alignet_hf.data.images.hub_datasets import DatasetImages
from alignet_hf.data.images.imagenet import open_imagenet
from alignet_hf.data.images.parquet import ParquetImages
from alignet_hf.data.images.shards import TarImages, shard_paths
from alignet_hf.data.images.sources import ArrayImages, ImageFolder, ImageList, ImageSource, files_below
from alignet_hf.errors import HubError, InputError

_KINDS = "a folder, an .npy, .npz, .parquet, .tar or .txt file, imagenet:FOLDER, or a data set's name on the Hub"


def load_images(spec: str | Path, *, split: str = "train", column: str | None = None) -> ImageSource:
    """Open an image source by what its name is.

    Args:
        spec: one of
            a folder of images, of Parquet files, of tar files, or that `cache_images` wrote;
            an .npy or .npz file (array `images`, or its only one);
            a Parquet file, which is read where it is (see `ParquetImages`);
            a tar file, or several: `shards/train-{000000..000123}.tar`;
            a .txt file with a path a line, relative to the folder it is in;
            `imagenet:FOLDER`, ImageNet's training photographs in any usual layout (see `open_imagenet`);
            a data set's name on the Hub.
        split: of a Hub data set.
        column: of a Parquet or Hub data set; its first column of images where not given.

    Raises:
        InputError: naming `spec`, if it is none of these or holds no images.
    """
    path, name = Path(spec), str(spec)
    if name.startswith("imagenet:"):
        return open_imagenet(name.removeprefix("imagenet:"))
    if path.suffix in (".npy", ".npz"):
        return ArrayImages(_load_array(path), name=name)
    if path.suffix == ".tar":
        return TarImages(shard_paths(name))
    if path.is_dir():
        return _open_folder(path, column)
    if path.suffix == ".parquet" and path.is_file():
        return ParquetImages([path], column)
    if path.suffix == ".txt" and path.is_file():
        return _listed_images(path)
    if path.exists() or len(path.parts) != 2 or path.is_absolute() or path.suffix in (".parquet", ".txt"):
        what = "not" if path.exists() else "no such file or folder; give"
        raise InputError(f"{spec}: {what} {_KINDS}")
    return _hub_images(name, split, column)


def _open_folder(path: Path, column: str | None) -> ImageSource:
    if (path / RECORD).is_file():
        return CachedImages(path)
    if next(files_below(path, IMAGE_SUFFIXES), None) is None:
        if parquet := sorted(files_below(path, [".parquet"])):
            return ParquetImages(parquet, column)
        if next(path.glob("*.tar"), None):
            return TarImages(shard_paths(path))
    return ImageFolder(path)


def _listed_images(path: Path) -> ImageList:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of paths: {error}") from error
    files = [line.strip() for line in lines if line.strip()]
    if not files:
        raise InputError(f"{path}: the list names no image; give a path a line")
    if not (path.parent / files[0]).is_file():  # the others when they are opened: a million looks take minutes
        raise InputError(f"{path}: line 1: no such file: {path.parent / files[0]}; paths are relative to the list")
    return ImageList(files, folder=path.parent)


def load_hub_dataset(name: str, split: str):
    """A split of a data set on the Hub, a `datasets.Dataset`.

    Raises:
        HubError: naming the data set, and why it cannot be opened.
    """
    import datasets

    with asking_hub(name):
        return datasets.load_dataset(name, split=split)


@contextmanager
def asking_hub(name: str) -> Iterator[None]:
    """Ask the Hub for a data set; where it does not answer, look into the cache at once.

    `datasets` would ask it six times more, which takes half a minute.

    Raises:
        HubError: naming the data set, and why it cannot be opened.
    """
    import datasets

    from alignet_hf.architecture import hub_answers

    answers, offline = hub_answers(), datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = offline or not answers
    try:
        yield
    except (OSError, ValueError, datasets.exceptions.DatasetGenerationError) as error:
        why = str(error).splitlines()[0] if answers else "the Hub cannot be reached, and the cache does not have it"
        raise HubError(
            f"{name}: no such file or folder, and no data set of the Hub that can be opened: {why}"
        ) from error
    finally:
        datasets.config.HF_HUB_OFFLINE = offline


def _hub_images(name: str, split: str, column: str | None) -> DatasetImages:
    import datasets

    dataset = load_hub_dataset(name, split)
    columns = [key for key, kind in dataset.features.items() if isinstance(kind, datasets.Image)]
    if column is None and not columns:
        raise InputError(f"{name}: no column of images; the data set has {', '.join(dataset.features)}")
    return DatasetImages(dataset, column or columns[0], hub_id=name)


def _load_array(path: Path) -> np.ndarray:
    try:
        loaded = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None, allow_pickle=False)
        if path.suffix == ".npy":
            return loaded
        with loaded:
            name = "images" if "images" in loaded.files or len(loaded.files) != 1 else loaded.files[0]
            if name not in loaded.files:
                raise InputError(f"{path}: no array named images; it holds {', '.join(loaded.files)}")
            return loaded[name]
    except InputError:
        raise
    except DECODING_ERRORS as error:
        raise InputError(f"{path}: the array cannot be read: {error}") from error
