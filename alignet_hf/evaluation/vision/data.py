"""What a vision model is tested on: the images that a command line names, opened, and their embeddings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alignet_hf.evaluation.labelled_data import LabelledData
from alignet_hf.evaluation.vision import imagenet_variants
from alignet_hf.evaluation.vision.few_shot_data import few_shot_data
from alignet_hf.evaluation.vision.image_spec import Spec
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.labelled_images import LabelledImages
from alignet_hf.evaluation.vision.labelled_sources import open_unlabelled
from alignet_hf.evaluation.vision.robustness import IMAGENET
from alignet_hf.evaluation.vision.store import EmbeddingStore
from alignet_hf.evaluation.vision.superclass_tasks import SuperclassTask, breeds_tasks
from alignet_hf.evaluation.vision.wanted import CORRUPTED, MADE, REAL, Wanted

VARIANTS = {
    "v2": imagenet_variants.open_imagenet_v2,
    "a": imagenet_variants.open_imagenet_a,
    "r": imagenet_variants.open_imagenet_r,
}


@dataclass(frozen=True)
class VisionImages:
    """Vision data, opened.

    Attributes:
        training, test: of the same classes, or None both.
        few_shot: name -> training and test images of one data set.
        tasks: of BREEDS.
        robustness: name as `robustness` knows it -> images.
        real: ReaL's file, or None.
        ood: name -> images of none of the classes.
    """

    training: LabelledImages | None
    test: LabelledImages | None
    few_shot: Mapping[str, tuple[LabelledImages, LabelledImages]] = field(default_factory=dict)
    tasks: Mapping[str, SuperclassTask] = field(default_factory=dict)
    robustness: Mapping[str, LabelledImages] = field(default_factory=dict)
    real: Path | None = None
    ood: Mapping[str, LabelledImages] = field(default_factory=dict)

    @classmethod
    def open(cls, wanted: Wanted, data: LabelledData) -> "VisionImages":
        """Open all that is wanted.

        Raises:
            InputError: naming the place that cannot be opened.
        """
        few_shot, robustness, real = {}, {}, None
        for entry in wanted.few_shot:
            name, *both = few_shot_data(entry, seed=data.seed)
            few_shot[name] = tuple(both)
        for entry in wanted.robustness:
            name, _, place = entry.partition("=")
            if name == REAL:
                real = Path(place)
            elif name != CORRUPTED:
                robustness[f"{IMAGENET}-{name}"] = VARIANTS[name](place)
            elif place == MADE:
                robustness |= dict(imagenet_variants.corrupt_images(data.test, seed=data.seed))
            else:
                robustness |= dict(imagenet_variants.open_imagenet_c(place))
        tasks = {} if wanted.breeds is None else breeds_tasks(wanted.breeds, classes=data.training.classes)
        ood = {}
        for entry in wanted.ood:
            name, _, place = entry.partition("=")
            images = open_unlabelled(Spec.parse(place))
            ood[name] = LabelledImages(images, np.zeros(len(images), np.int64), (name,), place)
        test = None if data.training is None else data.test  # with few-shot sets alone it is for other suites
        return cls(data.training, test, few_shot, tasks, robustness, real, ood)


@dataclass(frozen=True)
class VisionEmbeddings:
    """One encoder's embeddings of vision data; attributes as of `VisionImages`.

    `real` is, of each test image, the classes that it shows. `robustness` may embed a set when it is asked for.
    """

    training: LabelledEmbeddings | None
    test: LabelledEmbeddings | None
    few_shot: Mapping[str, tuple[LabelledEmbeddings, LabelledEmbeddings]] = field(default_factory=dict)
    tasks: Mapping[str, SuperclassTask] = field(default_factory=dict)
    robustness: Mapping[str, LabelledEmbeddings] = field(default_factory=dict)
    real: Sequence[tuple[str, ...]] | None = None
    ood: Mapping[str, LabelledEmbeddings] = field(default_factory=dict)

    @classmethod
    def of(cls, images: VisionImages, store: EmbeddingStore) -> "VisionEmbeddings":
        """Embed what `images` holds, each image once."""
        training, test = (None if one is None else store.embed_labelled(one) for one in (images.training, images.test))
        return cls(
            training,
            test,
            {name: tuple(map(store.embed_labelled, both)) for name, both in images.few_shot.items()},
            images.tasks,
            _EmbeddedWhenAsked(images.robustness, store),
            None if images.real is None else imagenet_variants.read_real(images.real, test.names),
            {name: store.embed_labelled(one) for name, one in images.ood.items()},
        )


class _EmbeddedWhenAsked(Mapping):
    """Sets of images as sets of embeddings, of which one at a time is in memory: ImageNet-C has 75 of 50,000 images."""

    def __init__(self, images: Mapping[str, LabelledImages], store: EmbeddingStore):
        self.images, self.store = images, store

    def __getitem__(self, name: str) -> LabelledEmbeddings:
        return self.store.embed_labelled(self.images[name], keep=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)
