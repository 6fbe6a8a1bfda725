"""Images with classes, from wherever labelled images lie: what an encoder embeds for the vision tests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alignet_hf.data.images import ImageSource, SomeImages, image_names
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import Spec


@dataclass(frozen=True)
class LabelledImages:
    """An image source whose images have classes.

    Attributes:
        images: N images.
        labels: (N,) int, the class of each image, a row of `classes`.
        classes: names of the classes; WordNet ids for ImageNet.
        name: what the images are called in messages.
        told_by: what tells the class of each, for a reader: "the folders they lie in" say.

    Raises:
        InputError: another number of labels than images.
    """

    images: ImageSource | Sequence
    labels: np.ndarray
    classes: tuple[str, ...]
    name: str = "images"
    told_by: str | None = None

    def __post_init__(self):
        if len(self.images) != len(self.labels):
            raise InputError(f"{self.name}: {len(self.labels)} labels for {len(self.images)} images")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def described(self) -> str:
        """How many images of how many classes: "36 images of 3 classes, told by the folders they lie in"."""
        n_classes = len(np.unique(self.labels))
        images = f"{len(self)} image{'' if len(self) == 1 else 's'}"
        classes = f"{n_classes} class{'' if n_classes == 1 else 'es'}"
        return f"{images} of {classes}" + ("" if self.told_by is None else f", told by {self.told_by}")

    @classmethod
    def of(cls, images, labels: Sequence[str], name: str = "images", classes: Sequence[str] | None = None):
        """Of the class's name of every image; the classes are in the order of their names where none is given."""
        found, rows = np.unique(np.array(list(labels)), return_inverse=True)
        labelled = cls(images, rows.reshape(-1).astype(np.int64), tuple(found.tolist()), name)
        return labelled if classes is None else labelled.with_classes(classes)

    def of_rows(self, rows: np.ndarray) -> "LabelledImages":
        """These images alone; the classes stay."""
        return replace(self, images=SomeImages(self.images, np.asarray(rows)), labels=self.labels[rows])

    def with_classes(self, classes: Sequence[str]) -> "LabelledImages":
        """The same images, their labels rows of these classes: training and test images then share them.

        Raises:
            InputError: an image of a class that is not among them.
        """
        row_of = {name: row for row, name in enumerate(classes)}
        renumbered = np.array([row_of.get(name, -1) for name in self.classes])
        labels = renumbered[self.labels]
        if len(outside := np.flatnonzero(labels < 0)):
            row = int(outside[0])
            raise InputError(
                f"{self.name}: {image_names(self.images)[row]} is of class {self.classes[self.labels[row]]!r}, which "
                f"the training images do not have; they have {len(classes)}: {_first(classes, 3)}"
            )
        return replace(self, labels=labels, classes=tuple(classes))

    def subset(self, wanted: Sequence[str]) -> "LabelledImages":
        """The images of some classes, which are then all that there are, in the order of `wanted`.

        Raises:
            InputError: a class that there is not.
        """
        missing = [name for name in wanted if name not in self.classes]
        if missing:
            raise InputError(
                f"{self.name}: no class {missing[0]!r}; there are {len(self.classes)}: {_first(self.classes, 5)}"
            )
        rows = np.flatnonzero(np.isin(self.labels, [self.classes.index(name) for name in wanted]))
        return self.of_rows(rows).with_classes(wanted)

    def capped(self, per_class: int, seed: int = 0) -> "LabelledImages":
        """At most so many images of each class, drawn by seed, in the order that they have."""
        rng = np.random.default_rng(seed)
        rows = []
        for label in range(len(self.classes)):
            of_class = np.flatnonzero(self.labels == label)
            if len(of_class) > per_class:
                of_class = rng.choice(of_class, per_class, replace=False)
            rows.append(of_class)
        rows = np.sort(np.concatenate(rows))
        return self if len(rows) == len(self) else self.of_rows(rows)

    def divided(self, share: float, seed: int = 0) -> tuple["LabelledImages", "LabelledImages"]:
        """In two, by seed: this share of each class, rounded, and the others; for data that come without a test split.

        Of a class of several images both have at least one.

        Raises:
            InputError: no class has two images.
        """
        rng, first = np.random.default_rng(seed), np.zeros(len(self), bool)
        for label in range(len(self.classes)):
            of_class = rng.permutation(np.flatnonzero(self.labels == label))
            n_first = round(share * len(of_class))
            first[of_class[: max(1, min(n_first, len(of_class) - 1))]] = True
        if first.all():
            raise InputError(
                f"{self.name}: no class has two images, so they cannot be divided into images to learn from and to "
                "test on; give both, in folders train and test say"
            )
        return self.of_rows(np.flatnonzero(first)), self.of_rows(np.flatnonzero(~first))


def open_labelled(spec: str | Path | Spec, *, classes: Sequence[str] | None = None, seed: int = 0) -> LabelledImages:
    """Open labelled images by what their name is.

    Args:
        spec: a place, and options after commas (`Spec`). Places are
            a folder with a folder of images for every class, or whose images lie flat in it, with WordNet ids in
            their names as ImageNet's have;
            `imagenet:FOLDER`, the training photographs in any usual layout, or with split=val the validation set;
            a .tsv or .csv of file and label, the files relative to the folder it is in;
            a Parquet file, a folder of them, a folder that `datasets` saved, or a data set's name on the Hub;
            objects92, the demo's photographs by their six kinds;
            with labels=FILE, whatever `load_images` opens.
        classes: that the labels are to be rows of; by default those that are there.
        seed: of the images that per-class= draws.

    Raises:
        InputError: naming the place, and what is wrong with it.
    """
    from alignet_hf.evaluation.vision.labelled_sources import open_place

    spec = Spec.parse(spec)
    found = open_place(spec)
    if (wanted := spec.wanted_classes()) is not None:
        found = found.subset(wanted)
    if classes is not None:
        found = found.with_classes(classes)
    if spec.per_class is not None:
        found = found.capped(spec.per_class, seed)
    if not len(found):
        raise InputError(f"{spec}: no image is left")
    return found


def _first(names: Sequence[str], n: int) -> str:
    """The first of some names, and dots where there are more."""
    return ", ".join([*names[:n], *(["..."] if len(names) > n else [])])
