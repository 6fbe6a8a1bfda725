"""Each kind of place in which labelled images lie, opened."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.data.images import (
    IMAGE_SUFFIXES,
    ImageFolder,
    ImageList,
    ImageSource,
    ParquetImages,
    load_images,
    open_imagenet,
)
from alignet_hf.data.images.classes import class_labels
from alignet_hf.data.images.hub_datasets import DatasetImages
from alignet_hf.data.images.opening import load_hub_dataset
from alignet_hf.data.images.sources import files_below
from alignet_hf.data.names import base_name
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import SPEC_HELP, VALIDATION, Spec
from alignet_hf.evaluation.vision.label_files import imagenet_labels, read_labels, read_table
from alignet_hf.evaluation.vision.labelled_images import LabelledImages
from alignet_hf.recipe import EMBEDDED

IMAGENET = "imagenet:"
_OF_CLASSES = ("classes", "per_class")  # options of any place
_WNID = re.compile(r"(n\d{8})_")
_VALIDATION_NAME = re.compile(r"ILSVRC2012_val_\d{8}(_n\d{8})?\.JPEG")
_PLACES_OF_VALIDATION = ("ILSVRC/Data/CLS-LOC/val", "Data/CLS-LOC/val", "val", ".")
_LABELS_OF_VALIDATION = ("LOC_val_solution.csv", "imagenet_2012_validation_synset_labels.txt")


def open_place(spec: Spec) -> LabelledImages:
    """The labelled images of a place, all of them (see `labelled_images.open_labelled`)."""
    place = Path(spec.place)
    if spec.place.startswith(IMAGENET):
        return _imagenet(spec)
    if spec.place == EMBEDDED:
        spec.require_options("the demo's photographs", *_OF_CLASSES)
        return _objects92()
    if place.suffix.lower() in (".tsv", ".csv") and place.is_file():
        spec.require_options("a table of files and labels", *_OF_CLASSES)
        files, labels = read_table(place)
        _check_first_file(place, files)
        return LabelledImages.of(ImageList(files, folder=place.parent), labels, spec.place)
    if spec.labels is not None:
        images = load_images(_split_of_folder(place, spec.split) if place.is_dir() else spec.place)
        return LabelledImages.of(images, read_labels(spec.labels, images.names), str(spec))
    if place.is_dir():
        return _folder(place, spec)
    if place.suffix == ".parquet" and place.is_file():
        return _parquet([place], spec)
    if place.exists() or len(place.parts) != 2 or place.is_absolute():
        what = "holds no labels that are known" if place.exists() else "no such file or folder"
        raise InputError(f"{spec.place}: {what}; give {SPEC_HELP}")
    return labelled_dataset(load_hub_dataset(spec.place, spec.split or "train"), spec, hub_id=spec.place)


def open_unlabelled(spec: Spec) -> ImageSource:
    """The images of a place whatever their classes, those of `split` and in the column `image` where they are given.

    Raises:
        InputError: naming the place that cannot be opened, or an option that is not read.
    """
    spec.require_options("images without classes", "split", "image")
    place = Path(spec.place)
    if spec.place == EMBEDDED:
        return _objects92().images
    if spec.split is None or not place.is_dir():
        return load_images(spec.place, split=spec.split or "train", column=spec.image)
    if parquet := _parquet_of_split(place, spec.split):
        return ParquetImages(parquet, spec.image)
    return load_images(_split_of_folder(place, spec.split), column=spec.image)


def labelled_dataset(dataset, spec: Spec | None = None, *, hub_id: str | None = None) -> LabelledImages:
    """A `datasets.Dataset` with a column of images and one of labels, ClassLabel, text or numbers.

    Args:
        dataset: rows of images with labels.
        spec: its `image` and `label` name the columns; by default the only ones that can be meant.
        hub_id: of the data set, where it comes from the Hub.

    Raises:
        InputError: no such column, several that can be meant, or a row without a label.
    """
    spec = spec or Spec(hub_id or "data set")
    image, label = _columns(dataset.features, spec)
    values = dataset.data.column(label) if dataset._indices is None else dataset.select_columns(label)[:][label]
    values = values.to_pylist() if hasattr(values, "to_pylist") else list(values)
    images = DatasetImages(dataset, image, hub_id)
    return _of_column(images, values, dataset.features[label], spec, label)


def _imagenet(spec: Spec) -> LabelledImages:
    """ImageNet's training photographs, or its validation set; the classes are all 1,000 WordNet ids that occur."""
    folder = Path(spec.place.removeprefix(IMAGENET))
    if spec.split in (None, "train"):
        images = open_imagenet(folder)
        return LabelledImages.of(images, class_labels(images.names), str(spec))
    if spec.split not in VALIDATION:
        raise InputError(f"{spec}: ImageNet's labelled splits are train and val")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    place = next(folder / name for name in _PLACES_OF_VALIDATION if (folder / name).is_dir())
    if next(files_below(place, IMAGE_SUFFIXES), None) is None:
        parquet = _parquet_of_split(folder, spec.split)
        if not parquet:
            raise InputError(f"{folder}: no validation photograph (ILSVRC2012_val_00000001.JPEG) and no Parquet file")
        return _as_imagenet(_parquet(parquet, spec), str(spec))
    images = ImageFolder(place)
    if spec.labels is None and all("/" in name for name in images.names):
        return _as_imagenet(LabelledImages.of(images, [_top_folder(name) for name in images.names]), str(spec))
    if not _VALIDATION_NAME.fullmatch(base_name(images.names[0])):
        raise InputError(f"{place}: {images.names[0]} is not named as validation photographs are (ILSVRC2012_val_...)")
    labels = spec.labels or next(
        (str(at / name) for at in (folder, place) for name in _LABELS_OF_VALIDATION if (at / name).is_file()), None
    )
    if labels is None:
        raise InputError(
            f"{place}: validation photographs in one folder do not tell their class; give labels=FILE "
            f"({' or '.join(_LABELS_OF_VALIDATION)})"
        )
    wnids = imagenet_labels(read_labels(labels, images.names), labels)
    return LabelledImages.of(images, wnids, str(spec))


def _as_imagenet(found: LabelledImages, where: str) -> LabelledImages:
    """With WordNet ids for classes, whether they were ids, numbers, or ImageNet's names of them."""
    wnids = imagenet_labels(_wnids_of_names(found.classes) or found.classes, where)
    return LabelledImages.of(found.images, [wnids[label] for label in found.labels], where)


def _wnids_of_names(classes: Sequence[str]) -> list[str] | None:
    """WordNet ids where the classes are ImageNet's 1,000 by their names in order ("tench, Tinca tinca"), else None."""
    known = imagenet_classes()
    if len(classes) != len(known):
        return None
    first_words = [[name.split(",")[0].lower() for name in names] for names in (known.values(), classes)]
    alike = np.mean([ours == theirs for ours, theirs in zip(*first_words, strict=True)])
    return list(known) if alike > 0.9 else None  # releases differ in the names of a few


def _objects92() -> LabelledImages:
    from alignet_hf.demo import objects92

    images = ImageFolder(objects92.FOLDER / "images")
    labels = [Path(name).stem.partition("_")[2] for name in images.names]  # 00_human_bodypart.jpg
    return LabelledImages.of(images, labels, EMBEDDED)


def _folder(folder: Path, spec: Spec) -> LabelledImages:
    """A folder of class folders, of photographs named as ImageNet's, of Parquet files, or that `datasets` saved."""
    if (folder / "dataset_dict.json").is_file() or (folder / "dataset_info.json").is_file():
        return labelled_dataset(_saved_dataset(folder, spec.split), spec)
    place = _split_of_folder(folder, spec.split)
    if next(files_below(place, IMAGE_SUFFIXES), None) is None and (parquet := _parquet_of_split(folder, spec.split)):
        return _parquet(parquet, spec)
    spec.require_options("a folder of images", "split", "labels", *_OF_CLASSES)
    images = ImageFolder(place)
    if (wnids := _wnids_in(images.names)) is not None:
        return replace(LabelledImages.of(images, wnids, str(spec)), told_by="the WordNet ids in their names")
    if any("/" not in name for name in images.names):
        alone = next(name for name in images.names if "/" not in name)
        raise InputError(
            f"{place}: {alone} lies in no folder of a class; put the images of a class into a folder of its own, or "
            "give labels=FILE"
        )
    labels = [_top_folder(name) for name in images.names]
    if set(labels) <= {"train", "test", *VALIDATION}:
        raise InputError(f"{place}: holds {', '.join(sorted(set(labels)))}: say which with split=")
    return replace(LabelledImages.of(images, labels, str(spec)), told_by="the folders they lie in")


def _wnids_in(names: Sequence[str]) -> list[str] | None:
    """The WordNet ids that images' names begin with; None where one has none, or lies in a folder not called by it.

    The folder of a class tells the class: what `bird/n01514668_cock.jpg` shows is of class `bird`.
    """
    wnids = []
    for name in names:
        *folders, file = re.split(r"[/\\]", name)
        if (match := _WNID.match(file)) is None or (folders and folders[-1] != match[1]):
            return None
        wnids.append(match[1])
    return wnids


def _split_of_folder(folder: Path, split: str | None) -> Path:
    """The sub-folder of a split; the folder itself where none is asked for, or where Parquet files bear its name."""
    if split is None or _parquet_of_split(folder, split):
        return folder
    for name in VALIDATION if split in VALIDATION else (split,):
        if (folder / name).is_dir():
            return folder / name
    there = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    raise InputError(f"{folder}: no folder {split} in it; it has {', '.join(there[:5]) or 'none'}")


def _parquet_of_split(folder: Path, split: str | None) -> list[Path]:
    """The Parquet files of a folder, of a split those that bear its name: `train-00000-of-00004.parquet`."""
    files = sorted(files_below(folder, [".parquet"]))
    if split is None:
        return files
    names = VALIDATION if split in VALIDATION else (split,)
    return [path for path in files if re.split(r"[-.]", path.name)[0] in names or path.parent.name in names]


def _parquet(paths: list[Path], spec: Spec) -> LabelledImages:
    import datasets

    images = ParquetImages(paths, spec.image)
    features = datasets.Features.from_arrow_schema(pq.read_schema(paths[0]))
    _, label = _columns(features, spec)
    values = [value for path in paths for value in pq.read_table(path, columns=[label]).column(label).to_pylist()]
    return _of_column(images, values, features[label], spec, label)


def _columns(features, spec: Spec) -> tuple[str, str]:
    """The columns of images and of labels."""
    import datasets

    images = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
    named = [name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    plain = [name for name, kind in features.items() if name in ("label", "labels", "class") and name not in named]
    there = ", ".join(f"{name} ({type(kind).__name__})" for name, kind in features.items())
    for asked in (spec.image, spec.label):
        if asked is not None and asked not in features:
            raise InputError(f"{spec.place}: no column {asked!r}; the data set has {there}")
    if spec.image is None and not images:
        raise InputError(f"{spec.place}: no column of images; the data set has {there}")
    labels = named or plain
    if spec.label is None and len(labels) != 1:
        what = f"several columns of labels ({', '.join(labels)})" if labels else "no column of labels"
        raise InputError(f"{spec.place}: {what}; give label=COLUMN; the data set has {there}")
    return spec.image or images[0], spec.label or labels[0]


def _of_column(images, values: list, feature, spec: Spec, label: str) -> LabelledImages:
    """Images with the values of their column of labels."""
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        if (bad := next((row for row, value in enumerate(values) if value is None or value < 0), None)) is not None:
            raise InputError(f"{spec.place}: row {bad} has no label in {label}; choose a split that has labels")
        classes = _wnids_of_names(feature.names) or feature.names
        return LabelledImages(images, np.array(values, np.int64), tuple(classes), str(spec))
    if (bad := next((row for row, value in enumerate(values) if value is None), None)) is not None:
        raise InputError(f"{spec.place}: row {bad} has no label in {label}; choose a split that has labels")
    if not all(isinstance(value, int | str) for value in values):
        raise InputError(f"{spec.place}: column {label!r} holds {type(values[0]).__name__}; labels are text or numbers")
    return LabelledImages.of(images, [str(value) for value in values], str(spec))


def _saved_dataset(folder: Path, split: str | None):
    """What `save_to_disk` of `datasets` wrote."""
    import datasets

    try:
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: the data set cannot be opened: {str(error).splitlines()[0]}") from error
    if not isinstance(found, datasets.DatasetDict):
        return found
    if (split or "train") not in found:
        raise InputError(f"{folder}: no split {split or 'train'}; the data set has {', '.join(found)}")
    return found[split or "train"]


def _top_folder(name: str) -> str:
    return re.split(r"[/\\]", name)[0]


def _check_first_file(table: Path, files: list[str]) -> None:
    if not (table.parent / files[0]).is_file():  # the others when they are opened
        raise InputError(f"{table}: no such file: {table.parent / files[0]}; paths are relative to the table")
