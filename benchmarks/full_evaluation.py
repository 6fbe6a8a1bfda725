"""Every number of a full evaluation of one ViT-B, from embeddings that lie in the store.

    python benchmarks/full_evaluation.py [IMAGES] [BREEDS]

IMAGES to learn from and as many to test on (50,000 each), 768 dimensions, ImageNet's 1,000 classes, 1,000 bootstrap
draws. No image is embedded, and none is decoded: the embeddings are synthetic. A class lies at the sum of a random
vector for each kind of WordNet that it is one of, so that kinds are clusters in clusters; its images lie around it.
What is measured is the time, and the scores mean nothing.

Beside ImageNet there are embeddings of the sizes of the nine other few-shot presets, of V2, A, R and C (all
75 sets of 50,000, each made of the test images as it is asked for), of 10,000 images of other classes, and of a second
encoder. The tasks of BREEDS have the published numbers of classes, drawn at random, or are those of BREEDS where its
folder of files is given. The tests are run by the functions that the command `evaluate` calls.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from measure import print_goals

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.data.images import ImageSource
from alignet_hf.data.images.names import Names
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.scores import Kinds, change, structure
from alignet_hf.evaluation.representation.wordnet import Hierarchy
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES
from alignet_hf.evaluation.vision.data import VisionEmbeddings
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.labelled_images import LabelledImages
from alignet_hf.evaluation.vision.presets import PRESETS
from alignet_hf.evaluation.vision.scores import vision_scores
from alignet_hf.evaluation.vision.store import EmbeddingStore
from alignet_hf.evaluation.vision.superclass_tasks import BREEDS, SuperclassTask, breeds_tasks

GOAL = 600.0  # seconds on two cores
N_DIMENSIONS = 768
SPREAD = 1.6  # of images around their class, beside a distance of about 1 between neighbouring classes
N_OUTSIDE, N_V2, N_A, N_R = 10_000, 10_000, 7_500, 30_000


class NeverDecoded(ImageSource):
    """Images of which there are only names: to decode one is a mistake."""

    def __init__(self, name: str, n: int):
        self.names = Names(f"{name}/ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, n + 1))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int):
        raise AssertionError(f"{self.names[index]} was to be decoded")

    def fingerprint(self) -> str:
        return self.names[0]


class Encoder(torch.nn.Module):
    """Stands for a ViT-B; no image goes through it."""

    def __init__(self, number: int):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(float(number)))

    def forward(self, pixel_values):
        raise AssertionError("an image was to be embedded")


def never(images, return_tensors: str):
    """Stands for its processor."""
    raise AssertionError("an image was to be processed")


class Clusters:
    """Embeddings of classes that lie as WordNet has them."""

    def __init__(self, hierarchy: Hierarchy, seed: int):
        self.rng, self.of_node = np.random.default_rng(seed), {}
        self.hierarchy = hierarchy

    def centre(self, wnid: str) -> np.ndarray:
        return sum(self._vector(node) for node in self.hierarchy.ancestors(wnid)) + self._vector(wnid)

    def _vector(self, node: str) -> np.ndarray:
        if node not in self.of_node:
            self.of_node[node] = self.rng.normal(size=N_DIMENSIONS) / np.sqrt(N_DIMENSIONS)
        return self.of_node[node]

    def around(self, centres: np.ndarray, labels: np.ndarray) -> np.ndarray:
        scattered = self.rng.standard_normal((len(labels), N_DIMENSIONS), np.float32) * (SPREAD / np.sqrt(N_DIMENSIONS))
        return (centres[labels] + scattered).astype(np.float32)


class Corrupted(Mapping):
    """ImageNet-C's 75 sets, each the test embeddings with noise in proportion to the severity."""

    def __init__(self, test: LabelledEmbeddings):
        self.test = test
        self.noise = np.random.default_rng(2).standard_normal(test.embeddings.shape, np.float32)
        self.noise *= SPREAD / np.sqrt(N_DIMENSIONS) / 3
        self.names = [f"imagenet-c/{corruption}/{severity}" for corruption in CORRUPTIONS for severity in SEVERITIES]

    def __getitem__(self, name: str) -> LabelledEmbeddings:
        rows = self.test.embeddings + np.float32(name.rpartition("/")[2]) * self.noise
        return LabelledEmbeddings(rows, self.test.labels, self.test.classes, self.test.names)

    def __iter__(self):
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Robustness(Mapping):
    """V2, A and R, then C."""

    def __init__(self, sets: dict[str, LabelledEmbeddings], corrupted: Corrupted):
        self.sets, self.corrupted = sets, corrupted

    def __getitem__(self, name: str) -> LabelledEmbeddings:
        return self.sets[name] if name in self.sets else self.corrupted[name]

    def __iter__(self):
        yield from self.sets
        yield from self.corrupted

    def __len__(self) -> int:
        return len(self.sets) + len(self.corrupted)


class Seconds:
    """Wall and processors' seconds of each test, which says its name as it begins."""

    def __init__(self):
        self.of_test: dict[str, tuple[float, float]] = {}
        self.began = None

    def __call__(self, test: str) -> None:
        if test.startswith("corruption "):  # one of 75, a part of robustness
            return
        self.end()
        self.began = test, time.perf_counter(), time.process_time()
        print(f"{test} ...", file=sys.stderr)

    def end(self) -> None:
        if self.began is not None:
            test, wall, processors = self.began
            before = self.of_test.get(test, (0.0, 0.0))
            self.of_test[test] = (
                before[0] + time.perf_counter() - wall,
                before[1] + time.process_time() - processors,
            )
        self.began = None


def labels_of(n: int, n_classes: int) -> np.ndarray:
    """As evenly as may be, in a random order that is always the same."""
    return np.random.default_rng(n).permutation(np.arange(n) % n_classes)


def published_sizes(classes: list[str]) -> dict[str, SuperclassTask]:
    """Tasks with as many superclasses and classes as those of BREEDS, drawn at random."""
    tasks = {}
    for name, size in BREEDS.items():
        drawn = np.random.default_rng(len(name)).permutation(classes)[: size.n_superclasses * size.n_subclasses]
        source, target = drawn.reshape(2, size.n_superclasses, -1).tolist()
        superclasses = tuple(f"superclass {number}" for number in range(size.n_superclasses))
        tasks[name] = SuperclassTask(
            name, superclasses, superclasses, tuple(map(tuple, source)), tuple(map(tuple, target))
        )
    return tasks


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    hierarchy, classes = Hierarchy.open(), list(imagenet_classes())
    clusters = Clusters(hierarchy, 0)
    centres = np.stack([clusters.centre(wnid) for wnid in classes])
    with tempfile.TemporaryDirectory() as folder:
        store, other = (EmbeddingStore(Encoder(k), never, folder=folder, name=f"encoder {k}") for k in (1, 2))

        def laid(name: str, n: int, names: tuple[str, ...], at: np.ndarray, into: EmbeddingStore = store):
            """Embeddings of images that are nowhere, read back as the command reads them."""
            images = LabelledImages(NeverDecoded(name, n), labels_of(n, len(names)), names, name)
            into.put(images.images, clusters.around(at, images.labels))
            return into.embed_labelled(images)

        training = laid("training", n, tuple(classes), centres)
        test = laid("test", n, tuple(classes), centres)
        few_shot = {}
        for name, preset in PRESETS.items():
            if name != "imagenet":  # the training and the test images are
                n_training = min(preset.n_training, (preset.per_class or preset.n_training) * preset.n_classes)
                sizes = [max(preset.n_classes * 10, round(size * n / 50_000)) for size in (n_training, preset.n_test)]
                names, at = tuple(classes[: preset.n_classes]), centres[: preset.n_classes]
                few_shot[name] = tuple(
                    laid(f"{name}-{k}", size, names, at) for k, size in zip(("training", "test"), sizes, strict=True)
                )
        sets = {"imagenet-v2": laid("v2", N_V2 * n // 50_000, tuple(classes), centres)}
        for letter, size, step in (("a", N_A, 5), ("r", N_R, 4)):
            some = slice(0, 200 * step, step)
            sets[f"imagenet-{letter}"] = laid(letter, size * n // 50_000, tuple(classes[some]), centres[some])
        outside = laid("outside", N_OUTSIDE * n // 50_000, ("none",), clusters.rng.normal(size=(1, N_DIMENSIONS)))
        tasks = breeds_tasks(Path(sys.argv[2])) if len(sys.argv) > 2 else published_sizes(classes)
        real = [(classes[label],) for label in test.labels]
        data = VisionEmbeddings(
            training, test, few_shot, tasks, Robustness(sets, Corrupted(test)), real, {"outside": outside}
        )
        before = laid("test", n, tuple(classes), centres[:, ::-1], other)

        seconds, names = Seconds(), [classes[label] for label in test.labels]
        scores = vision_scores(data, say=seconds)
        kinds = Kinds(hierarchy, Categories.of_wordnet(hierarchy, classes))
        scores |= structure(test.embeddings, names, kinds, say=seconds).scores
        scores |= change(before.embeddings, test.embeddings, names, kinds, say=seconds).scores
        seconds.end()

    wall, processors = (sum(column) for column in zip(*seconds.of_test.values(), strict=True))
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    goals = [(test, "", f"{one[0]:.1f} s ({one[1]:.1f} of a processor)", True) for test, one in seconds.of_test.items()]
    goals += [
        ("all", f"< {GOAL:.0f} s", f"{wall:.0f} s ({processors:.0f} of a processor)", wall < GOAL),
        ("numbers", "", f"{len(scores)}", True),
        ("peak memory", "", f"{gigabytes:.1f} GB", True),
    ]
    print_goals(f"a full evaluation from cached embeddings, {n:,} + {n:,} images x {N_DIMENSIONS}", goals)


if __name__ == "__main__":
    main()
